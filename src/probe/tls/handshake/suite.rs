//! The suites that are spoken, read from their names.

use super::super::names;

/// How a record is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    /// AES in CBC mode with a MAC inside (RFC 5246 §6.2.3.2).
    Cbc { key: usize, mac: Mac },
    /// AES in GCM (RFC 5288).
    Gcm { key: usize },
    /// RFC 7905.
    ChaCha,
}

/// The hash of a record's MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mac {
    Sha1,
    Sha256,
    Sha384,
}

/// Where the premaster secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Curve,
    Field,
    Rsa,
}

/// A suite below TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) source: Source,
    pub(super) cipher: Cipher,
    /// In TLS 1.2 keys are derived with SHA-384 instead of SHA-256 (RFC 5289 §3).
    pub(super) sha384: bool,
}

impl Suite {
    /// `None` if it is not spoken.
    pub(super) fn read(code: u16) -> Option<Self> {
        let name = names::suite(code);
        let (keys, protection) = name.split_once("_WITH_")?;
        let source = match keys {
            "TLS_ECDHE_RSA" | "TLS_ECDHE_ECDSA" | "TLS_ECDH_anon" => Source::Curve,
            "TLS_DHE_RSA" | "TLS_DHE_DSS" | "TLS_DH_anon" => Source::Field,
            "TLS_RSA" => Source::Rsa,
            _ => return None,
        };
        let cipher = match protection {
            "AES_128_CBC_SHA" => Cipher::Cbc { key: 16, mac: Mac::Sha1 },
            "AES_256_CBC_SHA" => Cipher::Cbc { key: 32, mac: Mac::Sha1 },
            "AES_128_CBC_SHA256" => Cipher::Cbc { key: 16, mac: Mac::Sha256 },
            "AES_256_CBC_SHA256" => Cipher::Cbc { key: 32, mac: Mac::Sha256 },
            "AES_256_CBC_SHA384" => Cipher::Cbc { key: 32, mac: Mac::Sha384 },
            "AES_128_GCM_SHA256" => Cipher::Gcm { key: 16 },
            "AES_256_GCM_SHA384" => Cipher::Gcm { key: 32 },
            "CHACHA20_POLY1305_SHA256" => Cipher::ChaCha,
            _ => return None,
        };
        Some(Self { source, cipher, sha384: protection.ends_with("_SHA384") })
    }
}

/// Whether a suite is spoken.
pub(super) fn spoken(code: u16) -> bool {
    Suite::read(code).is_some()
}

/// Whether a suite is spoken and pads its records.
pub(super) fn spoken_cbc(code: u16) -> bool {
    Suite::read(code).is_some_and(|suite| matches!(suite.cipher, Cipher::Cbc { .. }))
}
