//! SSL 2.0: its own hello and its own answer (draft-hickman-netscape-ssl-00 §2.1, §2.5).

use super::answer::{Answer, Depth, Progress, ServerHello, read as read_tls};

/// The seven cipher kinds of the draft, three bytes each.
const KINDS: [[u8; 3]; 7] =
    [[1, 0, 0x80], [2, 0, 0x80], [3, 0, 0x80], [4, 0, 0x80], [5, 0, 0x80], [6, 0, 0x40], [7, 0, 0xC0]];

/// CLIENT-HELLO with all kinds; the first half of `random` is the challenge.
pub(super) fn hello(random: [u8; 32]) -> Vec<u8> {
    let kinds = KINDS.concat();
    let mut body = vec![1, 0, 2, 0, kinds.len() as u8, 0, 0, 0, 16];
    body.extend(&kinds);
    body.extend(&random[..16]);
    // A record header of two bytes has the highest bit set.
    let mut out = (0x8000 | body.len() as u16).to_be_bytes().to_vec();
    out.extend(body);
    out
}

/// SERVER-HELLO as a [`ServerHello`] of version 0x0002 with the certificate, or what a TLS server says instead.
pub(super) fn read(bytes: &[u8]) -> Progress {
    let [first, second, body @ ..] = bytes else { return Progress::More };
    if first & 0x80 == 0 {
        return read_tls(bytes, Depth::Hello);
    }
    let length = usize::from(u16::from_be_bytes([first & 0x7F, *second]));
    let Some(body) = body.get(..length) else { return Progress::More };
    match body {
        // ERROR: no cipher in common is an answer, too, but there is nothing to offer.
        [0, _, _] => Progress::Done(Answer::Alert(40)),
        [4, _, _, 0, 2, rest @ ..] => {
            let [a, b, c, d, _, _, rest @ ..] = rest else {
                return Progress::Broken("the SERVER-HELLO of SSL 2.0 is cut".into());
            };
            let certificate = rest.get(..usize::from(u16::from_be_bytes([*a, *b]))).unwrap_or_default().to_vec();
            let kinds = usize::from(u16::from_be_bytes([*c, *d])) / 3;
            if kinds == 0 {
                // It speaks the version and has no cipher for it (as OpenSSL before CVE-2015-3197 was mended).
                return Progress::Done(Answer::Alert(40));
            }
            let certificates = Some(certificate).filter(|der| !der.is_empty()).into_iter().collect();
            let hello = ServerHello { version: 2, certificates, ..ServerHello::default() };
            Progress::Done(Answer::Hello(hello))
        }
        _ => Progress::Broken("the answer is neither SSL 2.0 nor TLS".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hello_is_as_long_as_it_says() {
        let hello = hello([7; 32]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[0] & 0x7F, hello[1]])), hello.len() - 2);
    }

    #[test]
    fn an_answer_without_ciphers_offers_nothing() {
        let answer = |kinds: u8| {
            let mut body = vec![4, 0, 1, 0, 2, 0, 1, 0, kinds * 3, 0, 1, 0x30];
            body.extend(vec![0; usize::from(kinds) * 3 + 1]);
            [&(0x8000 | body.len() as u16).to_be_bytes()[..], &body].concat()
        };
        assert!(matches!(read(&answer(1)), Progress::Done(Answer::Hello(ServerHello { version: 2, .. }))));
        assert_eq!(read(&answer(0)), Progress::Done(Answer::Alert(40)));
        assert_eq!(read(&[21, 3, 1, 0, 2, 2, 70]), Progress::Done(Answer::Alert(70)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
