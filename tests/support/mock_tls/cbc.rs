//! The other side of a handshake of TLS 1.2 with TLS_RSA_WITH_AES_128_CBC_SHA, written apart from the client's, so that one can be held
//! against the other.

use std::io::{Error, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use aws_lc_rs::cipher::{
    AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::tls_prf::{P_SHA256, Secret};
use aws_lc_rs::{digest, hmac};

use super::{Script, message, pairs, record, reset};

/// What was agreed in the clear.
pub struct Talk {
    pub version: u16,
    pub suite: u16,
    pub ems: bool,
    pub random: [u8; 32],
}

/// One direction.
struct Side {
    mac: hmac::Key,
    key: Vec<u8>,
    count: u64,
}

fn prf(secret: &[u8], label: &str, seed: &[u8], length: usize) -> Vec<u8> {
    let secret = Secret::new(&P_SHA256, secret).expect("a secret");
    secret.derive(label.as_bytes(), seed, length).expect("keys").as_ref().to_vec()
}

fn hash(messages: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, messages).as_ref().to_vec()
}

impl Side {
    fn new(mac: &[u8], key: &[u8]) -> Self {
        Self { mac: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, mac), key: key.to_vec(), count: 0 }
    }
    fn mac(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut all = self.count.to_be_bytes().to_vec();
        all.extend([kind, 3, 3]);
        all.extend((body.len() as u16).to_be_bytes());
        all.extend(body);
        self.count += 1;
        hmac::sign(&self.mac, &all).as_ref().to_vec()
    }
    fn seal(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut plain = [body, &self.mac(kind, body)].concat();
        let fill = 15 - plain.len() % 16;
        plain.extend(vec![fill as u8; fill + 1]);
        let iv = [0x77; 16];
        let key = EncryptingKey::cbc(UnboundCipherKey::new(&AES_128, &self.key).expect("a key")).expect("a key");
        key.less_safe_encrypt(&mut plain, EncryptionContext::Iv128(iv.into())).expect("encrypted");
        record(kind, 0x0303, &[&iv[..], &plain].concat())
    }
    /// The body; whether the MAC is right, and whether the padding is.
    fn open(&mut self, kind: u8, sealed: &[u8]) -> Option<(Vec<u8>, bool, bool)> {
        let (iv, rest) = sealed.split_first_chunk::<16>()?;
        let mut plain = rest.to_vec();
        let key = DecryptingKey::cbc(UnboundCipherKey::new(&AES_128, &self.key).ok()?).ok()?;
        key.decrypt(&mut plain, DecryptionContext::Iv128((*iv).into())).ok()?;
        let fill = *plain.last()?;
        let end = plain.len().checked_sub(usize::from(fill) + 1)?;
        let padded = plain[end..].iter().all(|byte| *byte == fill);
        let body = plain.get(..end.checked_sub(20)?)?.to_vec();
        let right = self.mac(kind, &body) == plain[body.len()..end];
        Some((body, right, padded))
    }
}

/// From the ClientKeyExchange on.
pub fn converse(
    mut stream: TcpStream,
    script: &Script,
    talk: &Talk,
    premaster: &[u8],
    mut transcript: Vec<u8>,
) -> std::io::Result<()> {
    let server_random = [0x11; 32];
    let master = if talk.ems {
        prf(premaster, "extended master secret", &hash(&transcript), 48)
    } else {
        prf(premaster, "master secret", &[talk.random, server_random].concat(), 48)
    };
    let keys = prf(&master, "key expansion", &[server_random, talk.random].concat(), 72);
    let (mut client, mut server) = (Side::new(&keys[..20], &keys[40..56]), Side::new(&keys[20..40], &keys[56..72]));
    let (kind, body) = next(&mut stream)?;
    if (kind, body.as_slice()) != (20, &[1]) {
        return stream.write_all(&record(21, 0x0303, &[2, 10]));
    }
    let (kind, body) = next(&mut stream)?;
    let word = script.cbc.as_deref().unwrap_or_default();
    let Some((finished, right, padded)) = client.open(kind, &body) else {
        return stream.write_all(&record(21, 0x0303, &[2, if word == "oracle" { 21 } else { 20 }]));
    };
    let ends = match word.strip_prefix("padding-") {
        Some(at_wrong) if !padded => Some(at_wrong),
        Some(_) => None,
        None => Some(word).filter(|word| !matches!(*word, "strict" | "padding" | "oracle")),
    };
    // Tells apart what RFC 5246 §6.2.3.2 forbids to tell apart.
    if word == "oracle" && !padded {
        return stream.write_all(&record(21, 0x0303, &[2, 21]));
    }
    match ends {
        Some("alert") => return stream.write_all(&record(21, 0x0303, &[2, 20])),
        Some(end) => return break_off(&stream, end),
        None if !right || !padded && word != "padding" => return stream.write_all(&record(21, 0x0303, &[2, 20])),
        None => {}
    }
    let expected = message(20, &prf(&master, "client finished", &hash(&transcript), 12));
    if finished != expected {
        return stream.write_all(&record(21, 0x0303, &[2, 51]));
    }
    transcript.extend(&finished);
    let ours = message(20, &prf(&master, "server finished", &hash(&transcript), 12));
    stream.write_all(&[record(20, 0x0303, &[1]), server.seal(22, &ours)].concat())?;
    loop {
        let (kind, body) = next(&mut stream)?;
        let Some((body, true, true)) = client.open(kind, &body) else {
            return stream.write_all(&server.seal(21, &[2, 20]));
        };
        match (kind, script.renegotiation.as_deref()) {
            (21, _) => return stream.shutdown(Shutdown::Write),
            (22, word) => {
                // Bound to the first handshake (RFC 5746 §3.7).
                let bound = script.no_renegotiation_info || body.windows(12).any(|window| window == &finished[4..]);
                match word {
                    None => stream.write_all(&server.seal(21, &[1, 100]))?,
                    Some("fatal") => return stream.write_all(&server.seal(21, &[2, 40])),
                    Some("yes") if !bound => return stream.write_all(&server.seal(21, &[2, 40])),
                    Some("yes") => stream.write_all(&server.seal(22, &message(2, &[0; 40])))?,
                    Some(end) => return break_off(&stream, end),
                }
            }
            _ => {}
        }
    }
}

fn break_off(mut stream: &TcpStream, how: &str) -> std::io::Result<()> {
    match how {
        "reset" => reset(stream),
        "close" => stream.shutdown(Shutdown::Both)?,
        "silent" => std::thread::sleep(Duration::from_secs(30)),
        "garbage" => stream.write_all(b"\x16\x03\x03\x00\x05hello HTTP/1.1 no TLS at all")?,
        other => return Err(Error::other(format!("no such end: {other}"))),
    }
    Ok(())
}

fn next(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 5];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; usize::from(pairs(&header[3..])[0])];
    stream.read_exact(&mut body)?;
    Ok((header[0], body))
}
