//! What certificates a service serves, and what is derived from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Timestamp;

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
    /// `rsa`, `ec`, `ed25519`, `ed448` or the OID.
    pub key_type: String,
    /// Size in bits.
    pub key_bits: i64,
    /// The curve of an `ec` key by its name as a group (RFC 8422), `ed25519` or `ed448`; left out for other keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = 3))]
    pub curve: Option<String>,
    /// Signature algorithm, such as `sha256WithRSAEncryption`.
    pub signature: String,
    /// The signature's hash, lower case, such as `sha256`; left out where the algorithm names none (Ed25519).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_hash: Option<String>,
    pub self_signed: bool,
    /// Embedded signed certificate timestamps (RFC 6962 §3.3).
    pub sct_count: i64,
    /// Where its status can be asked for (RFC 5280 §4.2.2.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-since" = 3))]
    pub ocsp: Vec<String>,
    /// Where lists of revoked certificates are (RFC 5280 §4.2.1.13).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-since" = 3))]
    pub crl: Vec<String>,
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

/// Derived: another certificate of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Other {
    pub certificate: Certificate,
    pub validation: Validation,
}
