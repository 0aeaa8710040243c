//! The greeting of MySQL and MariaDB (protocol::HandshakeV10).

/// What the greeting tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MySql {
    Greeting {
        product: &'static str,
        version: String,
        offers_tls: Option<bool>,
    },
    /// The server refuses to talk to us: number and text.
    Refusal {
        code: u16,
        text: String,
    },
}

/// CLIENT_SSL of the capability flags.
const CLIENT_SSL: u16 = 0x0800;

/// Whether the packet is whole.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    payload(bytes).is_some()
}

/// The first packet, with sequence number 0: a header of three bytes of length and one of number.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let (&[a, b, c, number], rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
    (number == 0 && (3..4096).contains(&length)).then_some(())?;
    rest.get(..length)
}

/// Reads a greeting; `None` if this is none.
pub(super) fn read(bytes: &[u8]) -> Option<MySql> {
    match payload(bytes)?.split_first()? {
        (0x0a, rest) => greeting(rest),
        (0xff, rest) => refusal(rest),
        _ => None,
    }
}

fn greeting(rest: &[u8]) -> Option<MySql> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (version, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
    if version.is_empty() || !version.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    // Thread id 4, challenge 8, filler 1, then the lower half of the capability flags.
    let flags = rest.get(13..15).map(|two| u16::from_le_bytes([two[0], two[1]]));
    let sent = String::from_utf8_lossy(version).into_owned();
    let is_mariadb = sent.contains("MariaDB");
    // MariaDB 10 and later put 5.5.5- in front, for the sake of old replicas.
    let plain = sent.strip_prefix("5.5.5-").filter(|_| is_mariadb).unwrap_or(&sent);
    let version = plain.split(['-', '+']).next().unwrap_or_default().to_owned();
    let product = if is_mariadb { "MariaDB" } else { "MySQL" };
    Some(MySql::Greeting { product, version, offers_tls: flags.map(|flags| flags & CLIENT_SSL != 0) })
}

fn refusal(rest: &[u8]) -> Option<MySql> {
    let (code, text) = rest.split_first_chunk::<2>()?;
    let code = u16::from_le_bytes(*code);
    // Server errors have numbers of four digits.
    (1000..5000).contains(&code).then(|| MySql::Refusal { code, text: String::from_utf8_lossy(text).into_owned() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::probe::services) fn greeting_of(version: &str, flags: u16) -> Vec<u8> {
        let mut body = vec![0x0a];
        body.extend_from_slice(version.as_bytes());
        body.push(0);
        body.extend_from_slice(&[1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
        body.extend_from_slice(&flags.to_le_bytes());
        body.extend_from_slice(&[0x2d, 2, 0, 0, 0, 0]);
        [&[body.len() as u8, 0, 0, 0], body.as_slice()].concat()
    }

    #[test]
    fn versions_and_the_offer_of_tls_are_read() {
        let of = |version: &str, flags| match read(&greeting_of(version, flags)) {
            Some(MySql::Greeting { product, version, offers_tls }) => (product, version, offers_tls),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("5.5.5-10.11.4-MariaDB-1~deb12u1", 0xf7fe), ("MariaDB", "10.11.4".into(), Some(false)));
        assert_eq!(of("11.4.2-MariaDB", 0xffff), ("MariaDB", "11.4.2".into(), Some(true)));
        assert_eq!(of("8.0.36-0ubuntu0.22.04.1", 0x0800), ("MySQL", "8.0.36".into(), Some(true)));
    }

    #[test]
    fn a_refusal_is_known_too() {
        let text = b"Host '192.0.2.1' is not allowed to connect to this MariaDB server";
        let body = [&[0xff, 0x6a, 0x04], text.as_slice()].concat();
        let packet = [&[body.len() as u8, 0, 0, 0], body.as_slice()].concat();
        assert!(matches!(read(&packet), Some(MySql::Refusal { code: 1130, .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
        }
        #[test]
        fn a_broken_greeting_is_read_without_harm(cut in 0_usize..80, at in 0_usize..60, byte: u8) {
            let mut bytes = greeting_of("10.11.4-MariaDB", 0xffff);
            bytes.truncate(cut);
            if let Some(b) = bytes.get_mut(at) { *b = byte; }
            read(&bytes);
        }
    }
}
