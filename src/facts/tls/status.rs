//! What comes beside a certificate to vouch for it: the stapled status and the timestamps of public logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Timestamp;

/// The OCSP response that came in the handshake (RFC 6066 §8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Staple {
    /// Digest of its bytes, which are a blob.
    pub response: String,
}

/// The list of timestamps that came in a TLS extension (RFC 6962 §3.3.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SctList {
    /// Digest of its bytes, which are a blob.
    pub list: String,
    /// Digest of the certificate that it came with.
    pub certificate: String,
}

/// Derived: what the stapled response says (RFC 6960), and whether it may be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// `good`, `revoked` or `unknown`; of a response without an answer, its error, such as `try-later`.
    pub status: String,
    /// The responder's name, or the digest of its key as it gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub this_update: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked, by the name that RFC 5280 §5.3.1 gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Signed by the issuer of the certificate, or by a responder that the issuer has named (RFC 6960 §4.2.2.2).
    pub authentic: bool,
    /// It speaks of the certificate that was sent.
    pub about_certificate: bool,
    /// `run.now` lies between its updates.
    pub current: bool,
    /// All of the above.
    pub valid: bool,
    /// Why not, in words; left out if valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Derived: the signed certificate timestamps of all sources (RFC 6962 §3.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scts {
    /// How many there are.
    pub count: i64,
    /// Where they came from: `certificate`, `ocsp-staple`, `tls-extension`.
    pub sources: Vec<String>,
    pub list: Vec<Sct>,
}

/// One timestamp. Its signature is not verified: the logs' keys are not built in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "log"))]
pub struct Sct {
    /// The log's id in hex digits: the SHA-256 of its key.
    pub log: String,
    pub timestamp: Timestamp,
    pub source: String,
}
