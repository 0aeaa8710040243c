//! DNS facts of a declared zone.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Delegation, DelegationMatch, Dnssec, DnssecChain, DomainRegistration, Exchanges, NamedTarget, Observation, Primary,
    RecordAgreement, ReverseName, ServerBehaviour, ServerName, Signing, Span, Unobserved, ZoneMail,
};

/// A declared zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    pub name: String,
    pub dns: ZoneDns,
    pub mail: ZoneMail,
}

/// DNS facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneDns {
    /// Names of the zone's name servers, as all of them say or, where they differ, through the resolver; sorted, lower case.
    pub ns: Observation<Vec<String>>,
    /// Start of authority (RFC 1035 §3.3.13), through the resolver.
    pub soa: Observation<Soa>,
    /// Every server at every address, asked directly for the SOA and NS of the zone.
    pub servers: Observation<Vec<NameServer>>,
    /// The names of the zone's servers, and whether they are there.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub ns_targets: Observation<Vec<NamedTarget>>,
    /// CAA records of the zone's own name (RFC 8659).
    pub caa: Observation<Caa>,
    /// What the registry says, where the estate names its RDAP server; absent where it names none.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub registration: Observation<DomainRegistration>,
    /// The raw answers from the root down that the DNSSEC state is derived from.
    pub chain: Observation<DnssecChain>,
    /// The server above the zone, `name/address`, whose referral leads to it; found from the root down.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub parent: Observation<String>,
    /// Who was asked what, from the root down, and what came.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub exchanges: Observation<Exchanges>,
    /// DNSSEC state with reasons (RFC 4033 §5).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub dnssec: Observation<Dnssec>,
    /// What each of the zone's servers signs and proves; absent for a zone that neither is signed nor has a DS.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub signing: Observation<Signing>,
    /// The servers taken together.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub server_index: Observation<NameServerIndex>,
    /// What the parent says.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub delegation: Observation<Delegation>,
    /// The parent's name servers against the zone's own.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub delegation_match: Observation<DelegationMatch>,
    /// The names of the name servers.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub names: Observation<Vec<ServerName>>,
    /// The primary server that the SOA names.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub primary: Observation<Primary>,
    /// How each server behaves.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub behaviour: Observation<Vec<ServerBehaviour>>,
    /// The records at the zone's own name and those of its mail below it, compared over all servers.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub records: Observation<Vec<RecordAgreement>>,
    /// A name that does not exist is answered as if it did (RFC 4592).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub wildcard: Observation<bool>,
    /// The names that the servers' addresses lead back to.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub reverse: Observation<Vec<ReverseName>>,
}

impl ZoneDns {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self {
            ns: why.cast(),
            soa: why.cast(),
            servers: why.cast(),
            ns_targets: why.cast(),
            caa: why.cast(),
            registration: why.cast(),
            chain: why.cast(),
            parent: why.cast(),
            exchanges: why.cast(),
            dnssec: Observation::underived(),
            signing: Observation::underived(),
            server_index: Observation::underived(),
            delegation: Observation::underived(),
            delegation_match: Observation::underived(),
            names: Observation::underived(),
            primary: Observation::underived(),
            behaviour: Observation::underived(),
            records: Observation::underived(),
            wildcard: Observation::underived(),
            reverse: Observation::underived(),
        }
    }
    /// Empties what is derived.
    pub fn strip(&mut self) {
        self.dnssec = Observation::underived();
        self.signing = Observation::underived();
        self.server_index = Observation::underived();
        self.delegation = Observation::underived();
        self.delegation_match = Observation::underived();
        self.names = Observation::underived();
        self.primary = Observation::underived();
        self.behaviour = Observation::underived();
        self.records = Observation::underived();
        self.wildcard = Observation::underived();
        self.reverse = Observation::underived();
    }
}

/// Start of authority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Soa {
    pub mname: String,
    pub rname: String,
    pub serial: i64,
    pub refresh: Span,
    pub retry: Span,
    pub expire: Span,
    pub minimum: Span,
}

/// One name server at one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "server"))]
pub struct NameServer {
    /// `name/address`.
    pub server: String,
    pub name: String,
    pub address: String,
    /// Whose the address is, as for hosts.
    pub operator: String,
    /// Network prefix: /24 for IPv4, /48 for IPv6.
    pub prefix: String,
    /// `public`, or its special use, as for hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = 2))]
    pub use_kind: Option<String>,
    /// The answer over UDP; after truncation, the one over TCP.
    pub udp: Observation<ServerAnswer>,
    /// The answer over TCP (RFC 7766).
    pub tcp: Observation<ServerAnswer>,
}

/// What one server says of the zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerAnswer {
    /// The answer is authoritative.
    pub authoritative: bool,
    /// Response code, such as `NOERROR` or `REFUSED`.
    pub rcode: String,
    /// Serial of the SOA; left out if none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<i64>,
    /// NS names, sorted; left out if none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ns: Option<Vec<String>>,
    /// The server says that it would recurse.
    pub recursion_available: bool,
    /// The UDP answer was truncated and asked again over TCP.
    pub truncated: bool,
}

/// CAA records (RFC 8659).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caa {
    /// The name they were found at.
    pub found_at: String,
    pub properties: Vec<CaaProperty>,
    /// Values of `issue` other than the empty one.
    pub issuers: Vec<String>,
    /// Values of `iodef`.
    pub iodef: Vec<String>,
}

/// One CAA property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaaProperty {
    pub tag: String,
    pub value: String,
    pub critical: bool,
    /// Parameters after the issuer's name, such as `accounturi` and `validationmethods` (RFC 8657).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-since" = 2))]
    pub parameters: BTreeMap<String, String>,
}

/// Derived: all servers of a zone together. Only servers that answered are counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameServerIndex {
    /// Names.
    pub names: i64,
    /// Addresses.
    pub addresses: i64,
    /// Names with an IPv6 address.
    pub ipv6_names: i64,
    /// Network prefixes (/24, /48).
    pub prefixes: i64,
    /// Autonomous systems; left out without an AS table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<i64>,
    /// Servers that could not be asked.
    pub unasked: i64,
    /// Distinct SOA serials seen.
    pub serials: Vec<i64>,
    /// Distinct NS sets seen, each joined by a space.
    pub ns_sets: Vec<String>,
}
