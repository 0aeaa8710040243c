//! What follows from the suites that a server takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Observation;

/// Known attacks. Each is known only as far as the enumeration behind it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exposures {
    /// Ciphers with blocks of 64 bits.
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub sweet32: Observation<Exposure>,
    /// RFC 7465.
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub rc4: Observation<Exposure>,
    /// Suites without encryption, without authentication, or with keys of export strength (FREAK, LOGJAM).
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub unprotected: Observation<Exposure>,
    /// Key exchange with the certificate's key in TLS 1.2 and older.
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub static_key: Observation<Exposure>,
    /// POODLE: block ciphers in SSL 3.0 (CVE-2014-3566).
    #[schemars(extend("x-derived" = true, "x-since" = 3))]
    pub poodle: Observation<Exposure>,
    /// FREAK: RSA keys of export strength (CVE-2015-0204).
    #[schemars(extend("x-derived" = true, "x-since" = 3))]
    pub freak: Observation<Exposure>,
    /// LOGJAM: Diffie-Hellman of export strength, or with a prime that is short or shared and not long (CVE-2015-4000).
    #[schemars(extend("x-derived" = true, "x-since" = 3))]
    pub logjam: Observation<Exposure>,
    /// DROWN: this or another service of the estate speaks SSL 2.0 with the same key (CVE-2016-0800).
    #[schemars(extend("x-derived" = true, "x-since" = 3))]
    pub drown: Observation<Exposure>,
    /// Constructions that are attacked only under special conditions: BEAST, LUCKY13, Raccoon, D(HE)at.
    #[schemars(extend("x-derived" = true, "x-since" = 3))]
    pub legacy: Observation<Exposure>,
}

impl Exposures {
    /// Whether nobody has derived them yet.
    pub fn is_underived(&self) -> bool {
        self.rc4.is_underived()
    }
}

/// Whether what is offered lies open to an attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    pub exposed: bool,
    /// What does it: suites, each with its version.
    pub because: Vec<String>,
}
