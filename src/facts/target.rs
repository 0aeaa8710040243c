//! Facts about a name that a record points to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Observation;

/// A name that an alias or a record of a server points to, as the resolver sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct NamedTarget {
    /// Lower case, without the final dot.
    pub name: String,
    /// `addresses`; `no-data`, the name is there and has none (RFC 2308 §2.2); `no-name`, there is no such name (RFC 2308 §2.1).
    pub answer: Observation<String>,
    /// Whether the domain that a registry gives out for the name exists; absent below a suffix where a provider gives out names.
    pub registered: Observation<bool>,
}
