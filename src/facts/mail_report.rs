//! DMARC aggregate reports (RFC 9990, RFC 7489 §7.2), taken together: what a run is given beside what it sees.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, Timestamp};

/// The reports of a folder. Kept with the run as the input `dmarc-reports`, in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailReports {
    /// By the domain that the reports are about.
    pub domains: BTreeMap<String, DomainReports>,
    /// Files that could not be read, and why.
    pub unread: Vec<UnreadReport>,
}

/// Every report about one domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainReports {
    pub from: Timestamp,
    pub until: Timestamp,
    pub reports: i64,
    /// Who sent them.
    pub reporters: Vec<String>,
    pub sources: Vec<ReportedSource>,
}

/// Messages from one network with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedSource {
    /// /24 or /48, or `other networks` beyond those that are kept apart.
    pub network: String,
    /// DKIM passed for an aligned domain.
    pub dkim: bool,
    /// SPF passed for an aligned domain.
    pub spf: bool,
    /// Domains that signed or sent, aligned or not.
    pub named: Vec<String>,
    pub messages: i64,
}

/// A file that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadReport {
    pub file: String,
    pub why: String,
}

/// Derived: what the reports say of a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    pub from: Timestamp,
    pub until: Timestamp,
    pub reports: i64,
    pub reporters: Vec<String>,
    pub messages: i64,
    /// Neither DKIM nor SPF passed for an aligned domain: what `p=reject` would turn away.
    /// Not known if there is none in the files that could be read, and others could not.
    pub would_be_rejected: Observation<i64>,
    /// Where those come from, the most messages first.
    pub sources: Vec<RejectedSource>,
    /// The same in words, at most twelve.
    pub told: Vec<String>,
    /// Files of the folder that could not be read: of those nothing is known.
    pub unread: Vec<String>,
}

/// Derived: a network whose messages would be rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "network"))]
pub struct RejectedSource {
    /// /24 or /48.
    pub network: String,
    /// Autonomous system, where the run has a table of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Domains that its mail named, in DKIM or SPF.
    pub named: Vec<String>,
    pub messages: i64,
}
