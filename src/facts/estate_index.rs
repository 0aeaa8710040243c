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
    /// The last day of the registration, at its end, as declared; absent if it is not declared.
    pub ends: Observation<Timestamp>,
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
    /// `certificate`, `dnssec-signature`, `registration`, `authorisation`, `security.txt`.
    pub kind: String,
    pub subject: String,
    pub ends: Timestamp,
}
