//! What the servers of a zone and of its parents were asked, what came, and what that shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, Span};

/// Every question to a server above the zone, to the zone's own servers, and to the resolver about these servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchanges {
    /// Sorted, so that two looks compare.
    pub list: Vec<Exchange>,
    /// Questions that were not asked because the zone's budget was used up.
    pub unasked: i64,
}

/// One question to one server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// `name/address`; `resolver` for the configured one.
    pub server: String,
    /// The zone that it was asked as a server of, `.` for the root; empty for the resolver.
    pub zone: String,
    /// The name as it was asked, letter case included.
    pub name: String,
    pub record_type: String,
    /// How it was asked: `plain`, `mixed-case`, `no-edns`, `missing-name`, `outside-name`, `edns-version`, `edns-unknown`,
    /// `edns-option`, `edns-flag`, `version`, `transfer`, `referral`, `resolver`.
    pub variant: String,
    /// `udp` (then TCP if truncated) or `tcp`.
    pub transport: String,
}

/// A question and what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    pub question: Question,
    /// The answer over UDP was truncated, and this one came over TCP.
    pub truncated: bool,
    /// Digest of the raw DNS message with its id set to zero, a blob. Of a zone transfer, the first two records alone. Servers may
    /// turn the order of records and sign afresh.
    #[schemars(extend("x-volatile" = true))]
    pub message: Observation<String>,
}

/// Derived: what the parent says of the zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The zone that delegates: `.`, `example`.
    pub parent: String,
    /// Who said so first, `name/address`.
    pub server: String,
    /// Different lists that the parent's servers give; one, if they agree.
    pub contents: i64,
    /// Each list, with the servers that gave it.
    pub views: Vec<String>,
    /// Names of all referrals, sorted, lower case.
    pub ns: Vec<String>,
    /// Bytes that the referral takes at least, with the addresses it cannot do without, for the longest question there is.
    pub size: i64,
}

/// Derived: the parent's list of name servers against the zone's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationMatch {
    /// Names that only the parent has.
    pub only_parent: Vec<String>,
    /// Names that only the zone's own servers have.
    pub only_child: Vec<String>,
}

/// Derived: the name of a name server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct ServerName {
    pub name: String,
    /// Addresses of the referral; absent for a name outside of the zone, which needs none, or one that the parent does not list.
    pub glue: Observation<Vec<String>>,
    /// Addresses as the zone's own servers give them, for names outside of it as the resolver does.
    pub addresses: Observation<Vec<String>>,
    /// The name is an alias (RFC 2181 §10.3).
    pub is_alias: Observation<bool>,
}

/// Derived: the primary server that the SOA names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Primary {
    pub name: String,
    pub addresses: Observation<Vec<String>>,
    pub is_alias: Observation<bool>,
    /// It answers for the zone with authority; absent if it is none of the zone's name servers, for then it is not ours to ask.
    pub answers: Observation<bool>,
}

/// Derived: how one server at one address behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "server"))]
pub struct ServerBehaviour {
    /// `name/address`.
    pub server: String,
    /// The answer repeats the question in the letter case it was asked in.
    pub case_kept: Observation<bool>,
    /// A question with EDNS is answered with EDNS (RFC 6891).
    pub edns: Observation<bool>,
    /// An unknown EDNS version is answered BADVERS (RFC 6891 §6.1.3).
    pub edns_version: Observation<bool>,
    /// Unknown EDNS options and flags are ignored (RFC 6891 §6.1.2, §6.1.4).
    pub edns_unknown: Observation<bool>,
    /// A question for AAAA, whether there is any or not, is answered as one for A (RFC 4074).
    pub aaaa: Observation<bool>,
    /// It resolves names of other zones for strangers (RFC 5358).
    pub recursion: Observation<bool>,
    /// Asked for a name of another zone, it refers to the root.
    pub upward_referral: Observation<bool>,
    /// It began to transfer the whole zone (RFC 5936).
    pub transfer: Observation<bool>,
    /// What it says of its own version; empty if it says nothing.
    pub version: Observation<String>,
}

/// Derived: the records of one type at the zone's own name, at all servers that answer with authority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "question"))]
pub struct RecordAgreement {
    /// Name and type, such as `_dmarc.example.org TXT`.
    pub question: String,
    /// Whose records they are: the zone's own name, or one below it.
    pub name: String,
    pub record_type: String,
    /// Different contents seen, order and TTL aside; of the SOA, the serial aside.
    pub contents: i64,
    /// Servers that answered, with records or without.
    pub answered: i64,
    /// Servers that were asked and did not answer.
    pub unanswered: i64,
    /// There are records of this type.
    pub exists: bool,
    /// The longest time that somebody may keep them; zero if there are none.
    pub ttl: Span,
    /// Each content, with the servers that gave it.
    pub views: Vec<String>,
}

/// Derived: the name that an address of a name server leads back to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "address"))]
pub struct ReverseName {
    pub address: String,
    /// PTR records through the resolver.
    pub names: Observation<Vec<String>>,
}
