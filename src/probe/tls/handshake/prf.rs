//! Keys from secrets: the pseudorandom function (RFC 5246 §5, RFC 2246 §5), the master secret (RFC 5246 §8.1, RFC 7627 §4), and what
//! is hashed of the handshake (RFC 5246 §7.4.9, RFC 2246 §7.4.9).

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::{digest, hmac};
use md5::{Digest, Md5};

/// Which hashes a connection derives its keys with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prf {
    /// TLS 1.0 and 1.1: MD5 and SHA-1, each with a half of the secret.
    Both,
    Sha256,
    Sha384,
}

impl Prf {
    pub(super) fn of(version: u16, sha384: bool) -> Self {
        match (version, sha384) {
            (..0x0303, _) => Self::Both,
            (_, false) => Self::Sha256,
            (_, true) => Self::Sha384,
        }
    }

    /// As many bytes as wanted, from a secret, a label and a seed.
    pub(super) fn bytes(self, secret: &[u8], label: &str, seed: &[u8], length: usize) -> Vec<u8> {
        let seed = [label.as_bytes(), seed].concat();
        match self {
            Self::Sha256 => expand(&keyed(hmac::HMAC_SHA256, secret), &seed, length),
            Self::Sha384 => expand(&keyed(hmac::HMAC_SHA384, secret), &seed, length),
            Self::Both => {
                // Of an odd secret both have the middle byte.
                let half = secret.len().div_ceil(2);
                let md5 = expand(&keyed_md5(&secret[..half]), &seed, length);
                let sha1 = keyed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret[secret.len() - half..]);
                md5.iter().zip(expand(&sha1, &seed, length)).map(|(a, b)| a ^ b).collect()
            }
        }
    }

    /// The hash of all handshake messages so far.
    pub(super) fn transcript(self, messages: &[u8]) -> Vec<u8> {
        let of = |algorithm| digest::digest(algorithm, messages).as_ref().to_vec();
        match self {
            Self::Sha256 => of(&digest::SHA256),
            Self::Sha384 => of(&digest::SHA384),
            Self::Both => [Md5::digest(messages).to_vec(), of(&digest::SHA1_FOR_LEGACY_USE_ONLY)].concat(),
        }
    }
}

fn keyed(algorithm: hmac::Algorithm, secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, secret);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

fn keyed_md5(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = Hmac::<Md5>::new_from_slice(secret);
    // A key of any length will do: the error cannot come.
    move |message| {
        key.as_ref()
            .map_or_else(|_| Vec::new(), |key| key.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

/// `P_hash`: A(1) is the MAC of the seed, A(n + 1) that of A(n), and the output the MACs of each with the seed behind it.
fn expand(mac: &impl Fn(&[u8]) -> Vec<u8>, seed: &[u8], length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 48);
    let mut link = mac(seed);
    while out.len() < length && !link.is_empty() {
        out.extend(mac(&[&link[..], seed].concat()));
        link = mac(&link);
    }
    out.truncate(length);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    // Made with: openssl kdf -keylen 48 -kdfopt digest:… -kdfopt hexsecret:00…2f -kdfopt hexseed:"key expansion" and 16 bytes 0xA5 TLS1-PRF
    #[test]
    fn keys_are_those_that_openssl_derives() {
        let secret: Vec<u8> = (0..48).collect();
        for (prf, expected) in VECTORS {
            assert_eq!(prf.bytes(&secret, "key expansion", &[0xA5; 16], 48), bytes(expected), "{prf:?}");
        }
    }

    const VECTORS: [(Prf, &str); 3] = [
        (Prf::Both, "0ee91b96035cdf77b41e42de66d4223c63e29ff532355fe2aab6946ed5f8c447484f92fd67a10bf596697d9802607e21"),
        (
            Prf::Sha256,
            "5975fdf8a0b69bd3f53343a69b45015bde5c1a1c8a77d7f804e82684b92f57ad269bd379a986cc6f8de0fab2b9d23f6c",
        ),
        (
            Prf::Sha384,
            "50a3a9d9ca85b45e8372dad70859b8bb4d1ad86e061e20616fbb69d1bb42ed7cdc015ec44f3f73909513458b9012f992",
        ),
    ];
}
