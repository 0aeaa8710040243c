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
    /// Packages that carry the private key: everybody can download it (checks/reference/published-keys.toml).
    #[serde(default)]
    #[schemars(extend("x-since" = 4))]
    pub key_published_in: Vec<String>,
    /// What makes the private key computable from the public one, in words.
    #[serde(default)]
    #[schemars(extend("x-since" = 4))]
    pub key_flaws: Vec<String>,
    /// Names that are more, less or other than a plain host name.
    #[serde(default)]
    #[schemars(extend("x-since" = 4))]
    pub peculiar_names: Vec<PeculiarName>,
}

/// A name with something to know about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct PeculiarName {
    pub name: String,
    /// `wildcard` (over hosts of one part of a domain), `wildcard-domain` (over a whole registrable domain),
    /// `wildcard-public-suffix`, `idn`, `idn-mixed-scripts`, `address`, `internal` or `trailing-dot`.
    pub kind: String,
    /// The Unicode form of an internationalised name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unicode: Option<String>,
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
    /// What each root programme that is known here says of the root; empty if the path ends in none.
    #[serde(default)]
    #[schemars(extend("x-since" = 4))]
    pub programmes: Vec<Programme>,
}

/// Whether one root programme has the root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct Programme {
    pub name: String,
    /// The day of the list that was held against, such as `2026-10-01`.
    pub date: String,
    pub trusted: bool,
}

/// Derived: what of the chain as sent helps a client to a root, and what does not (RFC 5246 §7.4.2, RFC 8446 §4.4.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    /// The way from the leaf breaks off at a certificate whose issuer was neither sent nor is a known root.
    pub incomplete: bool,
    /// Where the missing issuer could be fetched, by the certificate before it (RFC 5280 §4.2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_at: Option<String>,
    /// Some issuer stands before what it issued.
    pub disordered: bool,
    /// Subjects that no way from the leaf leads over, and doubles.
    pub superfluous: Vec<String>,
    /// A self-signed root was sent: clients have it or do not trust it.
    pub root_sent: bool,
    /// Intermediates that are out of time, signed with an old hash, or have a short key; in words.
    pub weak: Vec<String>,
}

/// Derived: another certificate of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Other {
    pub certificate: Certificate,
    pub validation: Validation,
}
