//! Keys and the digests that vouch for them: which count, which belong together, how long they are.

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DS};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, PublicKey};
use hickory_resolver::proto::rr::Name;

use crate::facts::{DelegationSigner, ZoneKey};

/// The DS records that count: supported, and SHA-1 only where nothing better stands beside it (RFC 4509 §3).
pub(super) fn usable(ds: &[DS]) -> Vec<DS> {
    let supported = |ds: &&DS| is_supported(ds.algorithm()) && ds.digest_type().is_supported();
    let all: Vec<DS> = ds.iter().filter(supported).cloned().collect();
    let is_weak = |ds: &DS| ds.digest_type() == DigestType::SHA1;
    let outdone = |ds: &DS| is_weak(ds) && all.iter().any(|o| !is_weak(o) && o.algorithm() == ds.algorithm());
    all.iter().filter(|ds| !outdone(ds)).cloned().collect()
}

pub(super) fn matches(ds: &DS, name: &Name, key: &DNSKEY) -> bool {
    ds.algorithm() == algorithm(key) && tag(key) == ds.key_tag() && ds.covers(name, key).unwrap_or(false)
}

/// Key tags for a sentence.
pub(super) fn tags(keys: &[DNSKEY]) -> String {
    let all: Vec<String> = keys.iter().take(8).map(|key| tag(key).to_string()).collect();
    all.join(", ")
}

/// Whether signatures of this algorithm can be verified here. The deprecated SHA-1 ones can: that they are is a check's matter.
pub(super) fn is_supported(algorithm: Algorithm) -> bool {
    algorithm.is_supported()
}

/// Whether common validators verify this algorithm although it cannot be done here: ED448 (RFC 8080).
pub(super) fn is_supported_elsewhere(algorithm: Algorithm) -> bool {
    u8::from(algorithm) == 16
}

/// The library verifies RSA from 1024 to 8192 bits.
pub(super) fn is_verifiable(key: &DNSKEY) -> bool {
    let is_rsa = matches!(u8::from(algorithm(key)), 5 | 7 | 8 | 10);
    is_supported(algorithm(key)) && (!is_rsa || (1024..=8192).contains(&bits(key)))
}

pub(super) fn algorithm(key: &DNSKEY) -> Algorithm {
    key.public_key().algorithm()
}

/// RFC 4034 appendix B.
pub(super) fn tag(key: &DNSKEY) -> u16 {
    key.calculate_key_tag().unwrap_or_default()
}

/// The size of a key: the modulus of RSA (RFC 3110 §2), the field of a curve.
pub(super) fn bits(key: &DNSKEY) -> i64 {
    let bytes = key.public_key().public_bytes();
    match u8::from(algorithm(key)) {
        1 | 5 | 7 | 8 | 10 => modulus(bytes).map_or(0, bit_length),
        13 | 15 => 256,
        14 => 384,
        16 => 456,
        _ => i64::try_from(bytes.len() * 8).unwrap_or(i64::MAX),
    }
}

fn modulus(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0, high, low, rest @ ..] => rest.get(usize::from(u16::from_be_bytes([*high, *low]))..),
        [length, rest @ ..] => rest.get(usize::from(*length)..),
        [] => None,
    }
}

fn bit_length(number: &[u8]) -> i64 {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let significant = &number[start..];
    let unused = significant.first().map_or(0, |byte| byte.leading_zeros());
    i64::try_from(significant.len() * 8).unwrap_or(i64::MAX) - i64::from(unused)
}

pub(super) fn key_fact(key: &DNSKEY) -> ZoneKey {
    ZoneKey {
        tag: i64::from(tag(key)),
        algorithm: i64::from(u8::from(algorithm(key))),
        flags: i64::from(key.flags()),
        bits: bits(key),
    }
}

pub(super) fn ds_fact(ds: &DS) -> DelegationSigner {
    let algorithm: Algorithm = ds.algorithm();
    DelegationSigner {
        tag: i64::from(ds.key_tag()),
        algorithm: i64::from(u8::from(algorithm)),
        digest_type: i64::from(u8::from(ds.digest_type())),
    }
}
