//! What the registry says of a declared zone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The answer of the registry's RDAP server (RFC 9083 §5.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainRegistration {
    /// Where it was asked.
    pub url: String,
    /// The event `expiration`; left out if the registry does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// Status words, lower case, sorted, such as `client transfer prohibited` (RFC 8056).
    pub statuses: Vec<String>,
}
