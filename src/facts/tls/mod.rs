//! TLS facts of one endpoint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod attack;
mod behaviour;
mod certificate;
mod exposure;
mod offered;
mod status;

pub use attack::{Attack, Attacks};
pub use behaviour::{Behaviour, Naming, Resumption};
pub use certificate::{Certificate, Chain, Other, PeculiarName, Programme, Sending, Validation};
pub use exposure::{Exposure, Exposures};
pub use offered::{CodeRange, Enumerated, Field, Groups, Item, Pace, Preference, Signatures, Suites, UnknownRange};
pub use status::{Revocation, Sct, SctList, Scts, Staple};

use super::{Announcement, CaaMatch, Dane, Observation, Unobserved};

/// All TLS facts of an endpoint. On a port that does not speak TLS every one is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub versions: Versions,
    /// Every suite of the IANA table, asked for in each version that is offered.
    #[serde(default)]
    pub suites: Suites,
    /// Who decides which of the common suites is taken.
    #[serde(default)]
    pub preference: Preference,
    /// Every group that is known, asked for in TLS 1.2 and 1.3.
    #[serde(default)]
    pub groups: Groups,
    /// Every signature scheme that is known, asked for in TLS 1.2 and 1.3.
    #[serde(default)]
    pub signatures: Signatures,
    /// Parameters of ephemeral finite-field key exchange below TLS 1.3; absent where there is none.
    #[serde(default)]
    #[schemars(extend("x-since" = 3))]
    pub fields: Observation<Vec<Field>>,
    /// What a hello with one peculiarity tells.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Faults of the implementation. They are looked for only where the estate authorises active acts.
    #[serde(default)]
    pub attacks: Attacks,
    /// How the asking went.
    #[serde(default)]
    #[schemars(extend("x-since" = 2, "x-volatile" = true))]
    pub pace: Observation<Pace>,
    /// What a current browser's hello gets.
    pub negotiated: Observation<Negotiated>,
    /// The certificates as sent, also when invalid.
    pub chain: Observation<Chain>,
    /// Other chains that the endpoint shows to clients that can do with them; absent if all get the same.
    #[serde(default)]
    #[schemars(extend("x-since" = 3))]
    pub other_chains: Observation<Vec<Chain>>,
    /// The stapled OCSP response as sent; absent if none was.
    #[serde(default)]
    #[schemars(extend("x-since" = 4, "x-volatile" = true))]
    pub staple: Observation<Staple>,
    /// Timestamps of certificate logs that came in a TLS extension; absent if none did.
    #[serde(default)]
    #[schemars(extend("x-since" = 4))]
    pub sct_list: Observation<SctList>,
    /// The first certificate of the chain, read.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub certificate: Observation<Certificate>,
    /// The chain held against the pinned public roots and the estate's extra roots at `run.now`.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub validation: Observation<Validation>,
    /// How the chain was sent.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 4))]
    pub sending: Observation<Sending>,
    /// What the stapled response says; absent if none was sent.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 4, "x-volatile" = true))]
    pub revocation: Observation<Revocation>,
    /// Timestamps of certificate logs, wherever they came from.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 4))]
    pub scts: Observation<Scts>,
    /// The first certificates of the other chains, read, with what validation says of each.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 3))]
    pub others: Observation<Vec<Other>>,
    /// Known attacks that what is offered lies open to.
    #[serde(default, skip_serializing_if = "Exposures::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub exposures: Exposures,
    /// The service's TLSA records held against what this endpoint shows; absent where there are none.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 4))]
    pub dane: Observation<Dane>,
    /// The issuer held against CAA; absent where CAA limits nobody, or the issuer is the estate's own authority and in no table.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 4))]
    pub caa: Observation<CaaMatch>,
    /// The service's HTTPS records held against this endpoint; absent where there are none.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 4))]
    pub announced: Observation<Announcement>,
}

impl Tls {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self {
            versions: Versions::unobserved(why),
            suites: Suites::unobserved(why),
            preference: Preference { tls1_2: why.cast(), tls1_3: why.cast() },
            groups: Groups { tls1_2: why.cast(), tls1_3: why.cast() },
            signatures: Signatures { tls1_2: why.cast(), tls1_3: why.cast() },
            fields: why.cast(),
            behaviour: Behaviour::unobserved(why),
            attacks: Attacks::unobserved(why),
            pace: why.cast(),
            negotiated: why.cast(),
            chain: why.cast(),
            other_chains: why.cast(),
            staple: why.cast(),
            sct_list: why.cast(),
            certificate: Observation::underived(),
            validation: Observation::underived(),
            sending: Observation::underived(),
            revocation: Observation::underived(),
            scts: Observation::underived(),
            others: Observation::underived(),
            exposures: Exposures::default(),
            dane: Observation::underived(),
            caa: Observation::underived(),
            announced: Observation::underived(),
        }
    }
}

/// Each protocol version, asked by its own ClientHello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// The SSL 2.0 that was never an RFC (draft-hickman-netscape-ssl).
    #[serde(default)]
    #[schemars(extend("x-since" = 3))]
    pub ssl2: Observation<Version>,
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

impl Versions {
    /// Every version in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self {
            ssl2: why.cast(),
            ssl3: why.cast(),
            tls1_0: why.cast(),
            tls1_1: why.cast(),
            tls1_2: why.cast(),
            tls1_3: why.cast(),
        }
    }
}

impl Versions {
    /// By name, oldest first; without SSL 2.0, which has nothing in common with the others.
    pub fn all(&self) -> [(&'static str, &Observation<Version>); 5] {
        [
            ("SSL 3.0", &self.ssl3),
            ("TLS 1.0", &self.tls1_0),
            ("TLS 1.1", &self.tls1_1),
            ("TLS 1.2", &self.tls1_2),
            ("TLS 1.3", &self.tls1_3),
        ]
    }
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
