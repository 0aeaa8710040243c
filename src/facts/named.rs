//! What DNS says about TLS: TLSA records (RFC 6698), HTTPS records (RFC 9460), and both and CAA held against what a server shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Observation;

/// TLSA records of one service, through the resolver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tlsa {
    /// The name that was asked for, such as `_443._tcp.www.example.org` (RFC 6698 §3); empty where none is needed.
    pub asked: String,
    /// The names that aliases led to, in order.
    pub aliases: Vec<String>,
    pub records: Vec<TlsaRecord>,
}

/// One TLSA record as published (RFC 6698 §2.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsaRecord {
    pub usage: i64,
    pub selector: i64,
    pub matching: i64,
    /// The association data, lower case hex.
    pub data: String,
}

/// Derived: the TLSA records of a service held against the certificates of one endpoint (RFC 6698, 7671).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dane {
    /// The name that the records stand at.
    pub name: String,
    /// DNSSEC state of the declared zone that the name lies in: `secure`, `insecure`, `bogus` or `indeterminate`.
    pub dnssec: String,
    /// Why, in words.
    pub dnssec_reason: String,
    pub records: Vec<DaneRecord>,
    /// What makes a record useless to every client, each with the record.
    pub faults: Vec<String>,
    /// Records without such a fault.
    pub usable: i64,
    /// A usable record beside those that fit today: the next key is announced already (RFC 7671 §8.1). Left out if it is not
    /// known which fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<bool>,
    /// Every chain of the endpoint fits one of the usable records. Absent where clients would heed none: nothing is usable, or
    /// the zone is not secure.
    pub holds: Observation<bool>,
}

/// Derived: one TLSA record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "record"))]
pub struct DaneRecord {
    /// `3 1 1 0a1b2c…`, the data cut after 16 digits.
    pub record: String,
    /// The first chain fits it; left out if the record cannot be used or the certificate it speaks of is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits: Option<bool>,
}

/// HTTPS records for one declared service of a host, through the resolver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "port"))]
pub struct HttpsAnswer {
    pub port: i64,
    /// The host's own name for port 443, else `_PORT._https.` and the name (RFC 9460 §9.1).
    pub asked: String,
    /// By priority.
    pub records: Observation<Vec<HttpsRecord>>,
}

/// One HTTPS record (RFC 9460 §9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpsRecord {
    /// 0 makes it an alias for the whole service (RFC 9460 §2.4.2).
    pub priority: i64,
    /// Where the service is; empty for the record's own name.
    pub target: String,
    /// Protocols beside HTTP/1.1 (RFC 9460 §7.1).
    pub alpn: Vec<String>,
    /// HTTP/1.1 is not among them.
    pub no_default_alpn: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    pub ipv4_hints: Vec<String>,
    pub ipv6_hints: Vec<String>,
    /// Keys that a client must understand (RFC 9460 §8).
    pub mandatory: Vec<String>,
    /// Every key that is there, by name or as `keyNNNNN`.
    pub keys: Vec<String>,
    /// Keys for an encrypted ClientHello (RFC 9849, RFC 9848).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ech: Option<Ech>,
}

/// A list of ECH configurations (RFC 9849 §4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ech {
    /// The list could be read to its end.
    pub readable: bool,
    pub configs: Vec<EchConfig>,
}

/// One ECH configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchConfig {
    /// 65037 (0xfe0d) is that of RFC 9849.
    pub version: i64,
    /// The name that stays visible; left out of a version that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_name: Option<String>,
}

/// Derived: HTTPS records held against the server that they announce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// What the records say and the server does not bear out, in words. QUIC (`h3`) is not asked for, so not among them.
    pub contradictions: Vec<String>,
    /// One of them leads clients to where the service is not.
    pub misleads: bool,
    /// Targets that are other names; those that are not declared are recorded, not asked.
    pub elsewhere: Vec<String>,
}

/// Derived: who issued the certificate, held against the CAA records that apply today (RFC 8659).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaaMatch {
    /// Organisation in the name of the issuer.
    pub issuer: String,
    /// The names by which CAA knows that authority.
    pub identifiers: Vec<String>,
    /// The property that counts for this certificate: `issue` or `issuewild`.
    pub tag: String,
    /// The name whose records count.
    pub found_at: String,
    /// Authorities that the property names; empty if it names nobody.
    pub allowed: Vec<String>,
    /// One of the identifiers is among them.
    pub named: bool,
}
