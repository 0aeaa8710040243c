//! Derived: the estate as a whole, grouped so that a rule never walks all hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, Timestamp};

/// What rules with the subject `estate` see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EstateIndex {
    /// True where an estate file declares all this; absent for hosts named on the command line, of which nobody declared more.
    pub declaration: Observation<bool>,
    pub hosts: i64,
    pub zones: i64,
    /// One entry an election function that has assets.
    pub functions: Vec<FunctionIndex>,
    /// Hosts declared high or critical.
    pub critical_hosts: Vec<CriticalHost>,
    /// Zones that are registered by themselves, or whose end of registration is declared.
    pub registrations: Vec<Registration>,
    /// What ends before results are final, soonest first; absent without an election.
    pub endings: Observation<Vec<Ending>>,
    /// Keys of certificates with everywhere they were seen, those on most hosts first; absent where nobody speaks TLS. Failed
    /// where a certificate was not seen and those that were show no key in the wrong places.
    #[serde(default)]
    pub keys: Observation<Vec<KeyUse>>,
    /// Names below the authority's domains that something seen points to, those that nobody declared first; failed if the
    /// certificate transparency export of the run cannot be read.
    pub names_seen: Observation<Vec<SeenName>>,
    /// Declared contacts by role, sorted.
    pub contact_roles: Vec<String>,
    /// The authorisation covers `run.now`; absent if none is declared.
    pub authorisation_current: Observation<bool>,
    /// How many entries the caps on these lists left out.
    pub lists_cut: i64,
}

/// One host of high or critical criticality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "host"))]
pub struct CriticalHost {
    pub host: String,
    pub function: String,
    pub criticality: String,
    /// How many addresses it has; absent for none, failed if there may be more than could be learned and that matters.
    pub addresses: Observation<i64>,
}

/// One registered zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "zone"))]
pub struct Registration {
    pub zone: String,
    /// The end of the registration: of the declared last day, or else as the registry says; absent if neither is known, failed if
    /// the registry could not be asked.
    pub ends: Observation<Timestamp>,
    /// Where the end comes from: `estate`, or the address that the registry was asked at; left out if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A name below a declared zone, or below the registrable domain of a declared host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct SeenName {
    /// Lower case; a wildcard with its `*.`.
    pub name: String,
    /// `declared`; `serves`, a name server or mail exchanger of a declared zone, which is in scope as that alone; `undeclared`,
    /// which is never contacted.
    pub standing: String,
    pub wildcard: bool,
    pub seen_in: Vec<NameSource>,
    /// The earliest start of a certificate that has the name; left out if none with a date has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Where a name was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameSource {
    /// `certificate`, `csp`, `page`, `link`, `redirect`, `cname`, `ns`, `mx`, `spf`, `ct`.
    pub source: String,
    /// The service, host or zone; of `ct` the export.
    pub subject: String,
}

/// Where one key was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "key"))]
pub struct KeyUse {
    /// Digest of the subject public key info.
    pub key: String,
    /// Sorted, like all lists here.
    pub hosts: Vec<String>,
    pub services: Vec<String>,
    /// Election functions of the hosts.
    pub functions: Vec<String>,
    /// Who runs the machines.
    pub operators: Vec<String>,
    /// A certificate for it has a wildcard among its names.
    pub wildcard: bool,
}

/// All assets of one election function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "function"))]
pub struct FunctionIndex {
    pub function: String,
    /// The highest declared criticality, or `undeclared`.
    pub criticality: String,
    /// Names of the assets, sorted.
    pub assets: Vec<String>,
    pub without_owner: Vec<String>,
    pub without_criticality: Vec<String>,
    /// Host assets of high or critical criticality with a single address.
    pub single_address: Vec<String>,
    /// Host assets whose addresses could not be learned.
    pub unresolved: Vec<String>,
    /// All addresses of the function lie in one network prefix; absent where no two hosts have
    /// addresses of one family to compare, failed if a host's addresses could not be learned and the rest lie in one.
    pub one_network: Observation<bool>,
}

/// Something with an end date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "subject"))]
pub struct Ending {
    /// `certificate`, `certificate-chain`, `dnssec-signature`, `registration`, `authorisation`, `security.txt`.
    pub kind: String,
    pub subject: String,
    pub ends: Timestamp,
    /// Where the date comes from: `estate`, `this audit`, or the address that the registry was asked at.
    pub source: String,
}
