//! Facts about a declared host name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Caa, HttpsAnswer, NamedTarget, Observation, Unobserved};

/// A declared host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub name: String,
    /// The declared zone that the name lies in, if one is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The addresses that were looked at, with whose they are.
    pub addresses: Vec<HostAddress>,
    pub dns: HostDns,
    /// The look at the port list, address by address.
    pub ports: Observation<Ports>,
}

/// One address of a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "address"))]
pub struct HostAddress {
    pub address: String,
    /// `own`, `consented`, `shared`, `public-service` or `unknown`.
    pub operator: String,
    /// Why we say so: an operator of the estate, the provider table, or the estate author's assertion.
    pub operator_by: String,
    /// Network prefix: /24 for IPv4, /48 for IPv6.
    pub prefix: String,
    /// `public`, or the special use of the address (IANA special-purpose registries): `private`, `loopback`, `link-local`, `reserved`.
    pub use_kind: String,
}

/// What the resolver says of a host name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostDns {
    /// IPv4 addresses, sorted (RFC 1035 §3.4.1).
    pub a: Observation<Vec<String>>,
    /// IPv6 addresses, sorted (RFC 3596 §2.1).
    pub aaaa: Observation<Vec<String>>,
    /// The names of the alias chain, in order (RFC 1034 §3.6.2).
    pub cname: Observation<Vec<String>>,
    /// Where the alias chain ends, and what is there; absent if the name is no alias.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub alias_target: Observation<NamedTarget>,
    /// The CAA records that apply to the name, found by climbing (RFC 8659 §3).
    pub caa: Observation<Caa>,
    /// HTTPS records (RFC 9460) of every service that is declared as https; absent where none is.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub https: Observation<Vec<HttpsAnswer>>,
}

impl HostDns {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self {
            a: why.cast(),
            aaaa: why.cast(),
            cname: why.cast(),
            alias_target: why.cast(),
            caa: why.cast(),
            https: why.cast(),
        }
    }
}

/// The look at the port list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    pub addresses: Vec<AddressPorts>,
    /// Open ports that the estate does not declare, over all addresses, sorted.
    pub undeclared: Vec<i64>,
}

/// The port list on one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "address"))]
pub struct AddressPorts {
    pub address: String,
    /// How many ports were tried.
    pub looked: i64,
    pub open: Vec<i64>,
    /// How many answered with a refusal.
    pub refused: i64,
    /// Silent, while another port of this address answered just before and after.
    pub filtered: Vec<i64>,
    /// Not known, with the reason.
    pub unknown: Vec<PortUnknown>,
    /// Two of three random high ports accepted: whatever is open here means nothing.
    pub accepts_everything: bool,
}

/// A port of which nothing is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "port"))]
pub struct PortUnknown {
    pub port: i64,
    pub reason: String,
}
