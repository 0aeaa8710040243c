//! Facts about one port of a declared host, endpoint by endpoint.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, Tls, Tlsa, Web};

/// One service: a host's port. Its facts are kept by address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub host: String,
    pub port: i64,
    /// `tcp`.
    pub transport: String,
    /// Whether the estate declares it.
    pub declared: bool,
    /// What the estate says it speaks: `http`, `https` or `tcp`; left out for an undeclared one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// TLSA records, asked for where a declared service speaks TLS.
    #[serde(default)]
    #[schemars(extend("x-since" = 4))]
    pub tlsa: Observation<Tlsa>,
    /// Whether the endpoints of this service agree with each other.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub agreement: Observation<Agreement>,
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// One address of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub address: String,
    /// A closed port is absent; if the service is declared it is *failed: refused*.
    pub port_state: Observation<PortState>,
    /// What answered, by a protocol-specific greeting.
    pub protocol: Observation<Protocol>,
    /// Whether it serves strangers, where one harmless request proves it; absent for protocols that are there to meet strangers
    /// (http, smtp, ssh, …).
    pub access: Observation<Access>,
    /// Whether a declared port answers at all; absent for an undeclared one, failed where silence may have another cause.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub answers: Observation<bool>,
    pub tls: Tls,
    pub web: Web,
}

/// How the port answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortState {
    /// `open` or `filtered`.
    pub answer: String,
}

/// What speaks on the port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// `ssh`, `ftp`, `telnet`, `smtp`, `http`, `tls`, `redis`, `memcached`, `postgresql`, `mysql`, … or `unknown`.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The greeting, printable characters only, at most 256 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
    /// Whether the server offers to encrypt this plain connection (STARTTLS, AUTH TLS, SSLRequest, CLIENT_SSL); left out where
    /// the protocol has no such offer or it was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offers_tls: Option<bool>,
    /// The protocol's own version, such as `2.0` of SSH or `1.99`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
}

/// Whether a stranger is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// True if one harmless request was answered without any credential.
    pub open: bool,
    /// The request and the start of the answer.
    pub proof: String,
}

/// Derived: whether all endpoints of a service say the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// How many endpoints could be compared.
    pub endpoints: i64,
    /// Names of the facts in which they differ, such as `tls.certificate`.
    pub differs: Vec<String>,
}
