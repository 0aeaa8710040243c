//! ROBOT (Böck, Somorovsky, Young: Return Of Bleichenbacher's Oracle Threat, 2018 §5): five premaster secrets, one padded as
//! PKCS #1 v1.5 wants it and four that are not. A server that answers any of them otherwise tells who asks whether a padding is right.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use num_bigint::BigUint;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::answer::records;
use super::asker::{Asker, random};
use super::attacks::{flight, forbidden, ground, record, safe, vulnerable};
use super::hello::Hello;
use super::names;
use super::versions::Found;
use crate::facts::{Attack, Observation, Reason};
use crate::net::NetError;

/// After this, a server that has not reacted is taken to be waiting. What counts is whether it does so for every padding.
const SILENCE: Duration = Duration::from_secs(2);

/// How a premaster secret is wrapped, each with one thing wrong but the first.
const PADDINGS: [(&str, Fault); 5] = [
    ("right padding", Fault::None),
    ("wrong first bytes", Fault::Start),
    ("a zero in the wrong place", Fault::EarlyZero),
    ("no zero at all", Fault::NoZero),
    ("a wrong version inside", Fault::Version),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Start,
    EarlyZero,
    NoZero,
    Version,
}

/// How a server ends a handshake that cannot be finished. Silence is one more way: some servers wait.
type Reaction = String;

/// Asks all five, and all again if they were not answered alike: an oracle says the same twice.
pub(super) async fn look(asker: &Asker<'_>, found: &[Found; 5]) -> Observation<Attack> {
    let (version, suites) = match ground(found, |suite| names::suite(suite).starts_with("TLS_RSA_WITH_")) {
        Ok(Some(ground)) => ground,
        Ok(None) => return safe("no suite has RSA key exchange"),
        Err(why) => return why.cast(),
    };
    if let Some(forbidden) = forbidden(asker) {
        return forbidden;
    }
    let hello = Hello::new(version).suites(&suites);
    // With and without the two messages that follow: some servers tell the difference only in one of the flows.
    for whole in [true, false] {
        let mut rounds = Vec::new();
        for _ in 0..3 {
            match round(asker, &hello, version, whole).await {
                // Silence to whole handshakes is no answer: something may have swallowed them.
                Ok(round) if whole && round.values().all(|reaction| reaction == "silence") => {
                    return Observation::failed(Reason::Timeout, "no answer to any padding of the premaster secret");
                }
                Ok(round) if alike(&round) => {
                    rounds.clear();
                    break;
                }
                Ok(round) => rounds.push(round),
                Err(error) => return error.observation(),
            }
        }
        if let [first, rest @ ..] = rounds.as_slice() {
            if rest.iter().all(|round| round == first) {
                return vulnerable(told(first));
            }
            let detail = "the premaster secrets were answered differently, but not in the same way three times";
            return Observation::failed(Reason::Other, detail);
        }
    }
    safe("a right and four wrong paddings of the premaster secret are answered alike")
}

/// What each fault brought.
pub(super) type Round = BTreeMap<&'static str, Reaction>;

/// Whether all brought the same.
pub(super) fn alike(round: &Round) -> bool {
    let mut reactions = round.values();
    let first = reactions.next();
    reactions.all(|reaction| Some(reaction) == first)
}

/// What each fault brought, in words.
pub(super) fn told(round: &Round) -> String {
    let parts: Vec<String> = round.iter().map(|(padding, reaction)| format!("{padding}: {reaction}")).collect();
    parts.join("; ")
}

async fn round(asker: &Asker<'_>, hello: &Hello, version: u16, whole: bool) -> Result<Round, NetError> {
    let reactions =
        PADDINGS.map(|(name, fault)| async move { Ok((name, reaction(asker, hello, version, fault, whole).await?)) });
    join_all(reactions).await.into_iter().collect()
}

async fn reaction(
    asker: &Asker<'_>,
    hello: &Hello,
    version: u16,
    fault: Fault,
    whole: bool,
) -> Result<Reaction, NetError> {
    let (mut conn, answer) = flight_again(asker, hello).await?;
    let leaf = answer.certificates.first().ok_or_else(|| NetError::garbage("no certificate with RSA key exchange"))?;
    let (modulus, exponent) = rsa_key(leaf).ok_or_else(|| NetError::garbage("the certificate has no RSA key"))?;
    let secret = encrypt(&premaster(modulus.len(), hello.version.min(0x0303), fault), &modulus, &exponent);
    let mut body = vec![16];
    // SSL 3.0 has no length before the secret (RFC 6101 §5.6.7.1, as it was implemented).
    let secret = if version == 0x0300 { secret } else { [&(secret.len() as u16).to_be_bytes()[..], &secret].concat() };
    body.extend(&(secret.len() as u32).to_be_bytes()[1..]);
    body.extend(&secret);
    let mut bytes = record(22, version, &body);
    if whole {
        bytes.extend(record(20, version, &[1]));
        bytes.extend(record(22, version, &[0x5A; 64]));
    }
    let patience = asker.context.net.answer_time();
    // A server that ends the connection while we speak has reacted, too.
    let _ = conn.send(&bytes, patience).await;
    let ended = |got: &[u8]| records(got).iter().any(|(kind, _)| *kind == 21);
    Ok(match conn.receive(64 * 1024, patience.min(SILENCE), ended).await {
        Ok(bytes) => match records(&bytes).iter().find(|(kind, _)| *kind == 21) {
            Some((_, body)) if body.len() == 2 => format!("alert {}", names::alert(body[1])),
            Some(_) => "encrypted alert".into(),
            None => {
                super::attacks::whole(&bytes)?;
                "closed after other records".into()
            }
        },
        Err(error) => match error.reason {
            // A reset is what a close becomes when our bytes are still unread.
            Reason::Closed | Reason::Reset => "closed".into(),
            Reason::Timeout => "silence".into(),
            _ => return Err(error),
        },
    })
}

/// A lost connection before the attack proper is no reaction to it.
async fn flight_again(
    asker: &Asker<'_>,
    hello: &Hello,
) -> Result<(crate::net::Conn, super::answer::ServerHello), NetError> {
    for _ in 0..4 {
        match flight(asker, hello).await {
            Err(error) if matches!(error.reason, Reason::Closed | Reason::Reset) => {}
            outcome => return outcome,
        }
    }
    flight(asker, hello).await
}

/// Modulus and exponent of an RSA certificate, without leading zeros, if they are of a size that is computed with.
pub(super) fn rsa_key(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let plain = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(key) => {
            let sized = |(modulus, exponent): &(Vec<u8>, Vec<u8>)| {
                (64..=2048).contains(&modulus.len()) && (1..=8).contains(&exponent.len())
            };
            Some((plain(key.modulus), plain(key.exponent))).filter(sized)
        }
        _ => None,
    }
}

/// A premaster secret for this version, and what it is wrapped to for the server.
pub(super) fn wrapped(version: u16, modulus: &[u8], exponent: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let block = premaster(modulus.len(), version, Fault::None);
    (block[block.len() - 48..].to_vec(), encrypt(&block, modulus, exponent))
}

/// The encryption block (RFC 8017 §7.2.1), as long as the modulus. Its secret is no secret: nothing is ever decrypted with it.
fn premaster(length: usize, version: u16, fault: Fault) -> Vec<u8> {
    let filler = random().unwrap_or([0x55; 32]).map(|byte| byte | 1);
    let [high, low] = version.to_be_bytes();
    let mut block: Vec<u8> = [0, 2].into_iter().chain(filler.into_iter().cycle()).take(length - 49).collect();
    block.push(0);
    block.extend([high, low]);
    block.extend(filler.into_iter().cycle().take(46));
    match fault {
        Fault::None => {}
        Fault::Start => block[..2].copy_from_slice(&[0x41, 0x17]),
        Fault::EarlyZero => {
            block[length - 49] = 1;
            block[length - 2] = 0;
        }
        Fault::NoZero => block[2..].iter_mut().for_each(|byte| *byte |= 1),
        Fault::Version => block[length - 48..length - 46].copy_from_slice(&[2, 2]),
    }
    block
}

fn encrypt(block: &[u8], modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let number =
        BigUint::from_bytes_be(block).modpow(&BigUint::from_bytes_be(exponent), &BigUint::from_bytes_be(modulus));
    let bytes = number.to_bytes_be();
    let mut out = vec![0; modulus.len().saturating_sub(bytes.len())];
    out.extend(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_block_is_padded_as_it_should_be() {
        let right = |block: &[u8]| {
            let zero = block[2..].iter().position(|byte| *byte == 0).map(|at| at + 2);
            block.starts_with(&[0, 2])
                && zero == Some(block.len() - 49)
                && block[block.len() - 48..].starts_with(&[3, 3])
        };
        for (name, fault) in PADDINGS {
            let block = premaster(256, 0x0303, fault);
            assert_eq!(block.len(), 256, "{name}");
            assert_eq!(right(&block), fault == Fault::None, "{name}");
        }
    }

    #[test]
    fn encryption_keeps_the_length_of_the_modulus() {
        assert_eq!(encrypt(&[0, 2], &[0xFF, 0xF1], &[3]), [0, 8]);
    }
}
