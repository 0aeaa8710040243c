//! Agreeing on a premaster secret: elliptic curves (RFC 8422 §5), finite fields (RFC 5246 §8.1.2), the certificate's RSA key
//! (RFC 5246 §7.4.7.1). The signature over it is not looked at.

use aws_lc_rs::agreement::{self, Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, UnparsedPublicKey};
use num_bigint::BigUint;

use super::super::asker::random;
use super::super::robot;
use super::suite::Source;
use crate::facts::Reason;
use crate::net::NetError;

/// The largest prime that is computed with, in bytes.
const FIELD_CAP: usize = 1024;

/// A secret, and the body of the ClientKeyExchange that tells the server about it.
pub(super) struct Agreed {
    pub(super) premaster: Vec<u8>,
    pub(super) message: Vec<u8>,
}

/// Answers a server's ServerKeyExchange, or its certificate where it sends none.
///
/// # Errors
/// It is malformed, or of a kind that is not spoken.
pub(super) fn agree(source: Source, theirs: &[u8], leaf: Option<&[u8]>, version: u16) -> Result<Agreed, NetError> {
    match source {
        Source::Curve => curve(theirs),
        Source::Field => field(theirs),
        Source::Rsa => rsa(leaf, version),
    }
}

/// The curve of a group, if it is computed with.
pub(super) fn algorithm(group: u16) -> Option<&'static Algorithm> {
    match group {
        23 => Some(&ECDH_P256),
        24 => Some(&ECDH_P384),
        25 => Some(&ECDH_P521),
        29 => Some(&agreement::X25519),
        _ => None,
    }
}

fn curve(theirs: &[u8]) -> Result<Agreed, NetError> {
    let malformed = || NetError::garbage("the ServerKeyExchange names no curve and point");
    let [3, high, low, rest @ ..] = theirs else { return Err(malformed()) };
    let (&length, rest) = rest.split_first().ok_or_else(malformed)?;
    let point = rest.get(..usize::from(length)).ok_or_else(malformed)?;
    let group = u16::from_be_bytes([*high, *low]);
    let algorithm = algorithm(group)
        .ok_or_else(|| NetError::garbage(format!("the server chose a group that was not offered: {group}")))?;
    let failed = || NetError::garbage("the server's point is not on its curve");
    let ours = PrivateKey::generate(algorithm).map_err(|_| NetError::new(Reason::Other, "no key could be made"))?;
    let public = ours.compute_public_key().map_err(|_| failed())?;
    let point = UnparsedPublicKey::new(algorithm, point);
    let premaster = agreement::agree(&ours, point, failed(), |secret| Ok(secret.to_vec()))?;
    let public = public.as_ref();
    Ok(Agreed { premaster, message: [&[public.len() as u8][..], public].concat() })
}

fn field(theirs: &[u8]) -> Result<Agreed, NetError> {
    let malformed = || NetError::garbage("the ServerKeyExchange has no prime, generator and public value");
    let (prime, rest) = vector(theirs).ok_or_else(malformed)?;
    let (generator, rest) = vector(rest).ok_or_else(malformed)?;
    let (public, _) = vector(rest).ok_or_else(malformed)?;
    if prime.len() > FIELD_CAP {
        let detail = format!("a prime of {} bytes is longer than what is computed with", prime.len());
        return Err(NetError::new(Reason::TooLarge, detail));
    }
    let number = BigUint::from_bytes_be;
    let (prime, one) = (number(prime), BigUint::from(1_u8));
    let (generator, public) = (number(generator), number(public));
    if prime <= BigUint::from(3_u8) || public <= one || public >= prime {
        return Err(malformed());
    }
    let secret = number(&random()?);
    let ours = generator.modpow(&secret, &prime).to_bytes_be();
    // Without leading zeros (RFC 5246 §8.1.2): as numbers are written here.
    let premaster = public.modpow(&secret, &prime).to_bytes_be();
    Ok(Agreed { premaster, message: [&(ours.len() as u16).to_be_bytes()[..], &ours].concat() })
}

fn rsa(leaf: Option<&[u8]>, version: u16) -> Result<Agreed, NetError> {
    let key = leaf.and_then(robot::rsa_key);
    let (modulus, exponent) = key.ok_or_else(|| NetError::garbage("key exchange with RSA without an RSA key"))?;
    let (premaster, secret) = robot::wrapped(version, &modulus, &exponent);
    Ok(Agreed { premaster, message: [&(secret.len() as u16).to_be_bytes()[..], &secret].concat() })
}

fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Takes bytes for a ServerKeyExchange of every kind.
pub(super) fn exercise(bytes: &[u8]) {
    // Long primes take time and no other way.
    let field = &bytes[..bytes.len().min(400)];
    for (source, theirs) in [(Source::Curve, bytes), (Source::Field, field)] {
        let _ = agree(source, theirs, None, 0x0303);
    }
}
