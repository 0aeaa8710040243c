//! What a server takes of all that exists: every item is accepted, refused or unknown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{Observation, Reason, Unobserved};

/// The outcome for one list of code points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enumerated {
    /// In the order in which the server chose them.
    pub accepted: Vec<Item>,
    /// What it refused when nothing else was left to choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<CodeRange>,
    /// What no answer was got about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownRange>,
}

/// One code point with its IANA name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct Item {
    pub code: i64,
    pub name: String,
}

/// The code points that were asked for from one to another, both included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRange {
    pub from: i64,
    pub to: i64,
    /// How many of them are asked for.
    pub count: i64,
}

/// As [`CodeRange`], with why nothing is known of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnknownRange {
    pub from: i64,
    pub to: i64,
    pub count: i64,
    pub reason: Reason,
    pub detail: String,
}

/// Suites by version; absent where the version is not offered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Suites {
    #[schemars(extend("x-since" = 2))]
    pub ssl3: Observation<Enumerated>,
    #[schemars(extend("x-since" = 2))]
    pub tls1_0: Observation<Enumerated>,
    #[schemars(extend("x-since" = 2))]
    pub tls1_1: Observation<Enumerated>,
    #[schemars(extend("x-since" = 2))]
    pub tls1_2: Observation<Enumerated>,
    #[schemars(extend("x-since" = 2))]
    pub tls1_3: Observation<Enumerated>,
}

impl Suites {
    /// Every version in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self { ssl3: why.cast(), tls1_0: why.cast(), tls1_1: why.cast(), tls1_2: why.cast(), tls1_3: why.cast() }
    }
    /// By name of the version, oldest first.
    pub fn all(&self) -> [(&'static str, &Observation<Enumerated>); 5] {
        [
            ("SSL 3.0", &self.ssl3),
            ("TLS 1.0", &self.tls1_0),
            ("TLS 1.1", &self.tls1_1),
            ("TLS 1.2", &self.tls1_2),
            ("TLS 1.3", &self.tls1_3),
        ]
    }
}

/// Whose order of suites counts: `server` or `client`; absent if there is nothing to choose from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Preference {
    #[schemars(extend("x-since" = 2))]
    pub tls1_2: Observation<String>,
    #[schemars(extend("x-since" = 2))]
    pub tls1_3: Observation<String>,
}

/// Key exchange groups by version; absent where the version is not offered or has no such exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Groups {
    #[schemars(extend("x-since" = 2))]
    pub tls1_2: Observation<Enumerated>,
    #[schemars(extend("x-since" = 2))]
    pub tls1_3: Observation<Enumerated>,
}

/// Schemes that sign the handshake; absent where the version is not offered or signs nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Signatures {
    #[schemars(extend("x-since" = 2))]
    pub tls1_2: Observation<Enumerated>,
    /// By hellos with a key share: the server settles on a scheme before it answers.
    #[schemars(extend("x-since" = 4))]
    pub tls1_3: Observation<Enumerated>,
}

/// Parameters of one ephemeral finite-field key exchange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "prime"))]
pub struct Field {
    /// Digest of the prime's bytes, without leading zeros; they are among the blobs.
    pub prime: String,
    pub bits: i64,
    /// For suites of export strength.
    pub export: bool,
    /// What the prime is called if it is one that many servers share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-derived" = true))]
    pub name: Option<String>,
    /// Whether (p − 1) / 2 is prime, too; left out where that was not worked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-derived" = true))]
    pub safe: Option<bool>,
}

/// How the asking went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Connections that were made.
    pub connections: i64,
    /// The distance between connections in milliseconds that the endpoint forced on us; left out if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowed_to_ms: Option<i64>,
    /// Connections that it took before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<i64>,
    /// Connections got lost on the way: then a closed one was not taken for a refusal.
    pub lossy: bool,
}
