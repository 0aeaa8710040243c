//! The facts of one run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Blobs, Host, Service, Timestamp, Zone};
use crate::store::Shelf;

/// The version of this document's format.
pub const SCHEMA: i64 = 1;

/// The version of each probe family that this build writes. A fact that came later than version 1 of its family is marked
/// `x-since` in the schema; in an older document it is unknown, not absent.
pub const PROBE_VERSIONS: [(&str, i64); 5] = [("dns", 2), ("mail", 2), ("services", 1), ("tls", 4), ("web", 1)];

/// Everything one run saw, and everything it was given: verdicts can be reproduced from this document alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of the format.
    pub schema: i64,
    pub run: Run,
    /// Version of each probe family that wrote here.
    pub probes: BTreeMap<String, i64>,
    /// What the run was given, verbatim: `estate` (TOML), `trust-anchor`, `extra-roots` (PEM), `as-table`,
    /// `ct` (an export of certificate transparency logs); and in digested form `dmarc-reports` (JSON).
    pub inputs: BTreeMap<String, Input>,
    /// The first look at everything.
    pub first: Looks,
    /// A second, fresh look at the subjects that failed a check of severity high or critical.
    pub second: Looks,
    pub traffic: Traffic,
    pub blobs: Blobs,
}

/// One pass over the declared things.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Looks {
    /// By host name.
    pub hosts: BTreeMap<String, Host>,
    /// By zone name, without the final dot.
    pub zones: Shelf<String, Zone>,
    /// By `host:port/transport`.
    pub services: BTreeMap<String, Service>,
}

/// The run itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Start time and the first digits of the estate's digest: unique enough for a person, the same for nobody else.
    pub id: String,
    /// The moment that verdicts are made for.
    pub now: Timestamp,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    /// `scrutineer` and its version.
    pub engine: String,
    /// Families that were looked at.
    pub families: Vec<String>,
    /// Assets that were looked at, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<Vec<String>>,
    /// Whether the run came to its end; false after an interrupt.
    pub complete: bool,
}

/// One thing the run was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub digest: String,
    pub text: String,
}

/// What the run sent, for the method page: counts, not times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    pub tcp_connections: i64,
    pub udp_datagrams: i64,
    pub bytes_sent: i64,
    pub bytes_received: i64,
    /// Acts that scope forbade.
    pub refused_by_scope: i64,
    /// Addresses that were contacted.
    pub addresses: Vec<String>,
}
