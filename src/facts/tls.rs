//! TLS facts of one endpoint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, Timestamp, Unobserved};

/// All TLS facts of an endpoint. On a port that does not speak TLS every one is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub versions: Versions,
    /// What a current browser's hello gets.
    pub negotiated: Observation<Negotiated>,
    /// The certificates as sent, also when invalid.
    pub chain: Observation<Chain>,
    /// The first certificate of the chain, read.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub certificate: Observation<Certificate>,
    /// The chain held against the pinned public roots and the estate's extra roots at `run.now`.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub validation: Observation<Validation>,
}

impl Tls {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        let versions = Versions {
            ssl3: why.cast(),
            tls1_0: why.cast(),
            tls1_1: why.cast(),
            tls1_2: why.cast(),
            tls1_3: why.cast(),
        };
        Self {
            versions,
            negotiated: why.cast(),
            chain: why.cast(),
            certificate: Observation::underived(),
            validation: Observation::underived(),
        }
    }
}

/// Each protocol version, asked by its own ClientHello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// RFC 6101.
    pub ssl3: Observation<Version>,
    /// RFC 2246.
    pub tls1_0: Observation<Version>,
    /// RFC 4346.
    pub tls1_1: Observation<Version>,
    /// RFC 5246.
    pub tls1_2: Observation<Version>,
    /// RFC 8446.
    pub tls1_3: Observation<Version>,
}

/// The answer to one version's hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// True if the ServerHello chose exactly this version.
    pub offered: bool,
    /// The suite it chose, by IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// How it refused: an alert by name, or the other version it answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// The outcome of a full handshake with modern parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Negotiated {
    /// `TLS 1.3` or `TLS 1.2`; of an older server, what it chose in answer to a hello without full handshake.
    pub version: String,
    /// IANA name.
    pub suite: String,
    /// IANA code point.
    pub suite_code: i64,
    /// Key exchange with ephemeral keys.
    pub forward_secret: bool,
    /// Authenticated encryption (RFC 5116).
    pub aead: bool,
    /// Named group, by IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Protocol chosen by ALPN (RFC 7301).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// A certificate status response was stapled (RFC 6066 §8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocsp_stapled: Option<bool>,
}

/// The certificate chain as sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Digests of the DER certificates, leaf first; the bytes are blobs.
    pub certificates: Vec<String>,
}

/// Derived: what the leaf certificate says (RFC 5280).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    pub digest: String,
    pub subject: String,
    pub issuer: String,
    pub serial: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// Whole days from start to end.
    pub valid_days: i64,
    /// DNS names and addresses of the subject alternative name, lower case.
    pub names: Vec<String>,
    /// `rsa`, `ec`, `ed25519` or the OID.
    pub key_type: String,
    /// Size in bits.
    pub key_bits: i64,
    /// Signature algorithm, such as `sha256WithRSAEncryption`.
    pub signature: String,
    /// The signature's hash, lower case, such as `sha256`; left out where the algorithm names none (Ed25519).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_hash: Option<String>,
    pub self_signed: bool,
    /// Embedded signed certificate timestamps (RFC 6962 §3.3).
    pub sct_count: i64,
    /// The TLS feature extension asks for a staple (RFC 7633).
    pub must_staple: bool,
    /// One of the names is a wildcard.
    pub wildcard: bool,
    /// Digest of the subject public key info.
    pub key_digest: String,
    /// How many certificates the server sent.
    pub sent: i64,
}

/// Derived: four separate answers about the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// A path to a trusted root exists, whatever the dates and the name.
    pub trusted: bool,
    /// `run.now` lies within the validity of the leaf and of what it was chained through.
    pub in_time: bool,
    /// The host name is among the certificate's names (RFC 9525).
    pub name_matches: bool,
    /// All of the above.
    pub valid: bool,
    /// Why not, in words; left out if valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Subject of the root that the path ends in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The path ends in one of the estate's extra roots, which the public does not have.
    pub extra_root: bool,
    /// The end of the first certificate to end among leaf and intermediates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_ends: Option<Timestamp>,
}
