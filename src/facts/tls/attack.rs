//! Faults of implementations, each shown by a message that no honest client sends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{Observation, Unobserved};

/// Known faults. Where a server lacks what the fault needs, that is known without a malformed message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attacks {
    /// CVE-2014-0160: a heartbeat that claims more than it has is answered with memory.
    #[schemars(extend("x-since" = 3))]
    pub heartbleed: Observation<Attack>,
    /// CVE-2014-0224: a ChangeCipherSpec before the key exchange is taken.
    #[schemars(extend("x-since" = 3))]
    pub early_ccs: Observation<Attack>,
    /// CVE-2016-9244: a short session id comes back with memory behind it.
    #[schemars(extend("x-since" = 3))]
    pub ticketbleed: Observation<Attack>,
    /// Bleichenbacher's oracle: a wrongly padded premaster secret is answered otherwise than a right one.
    #[schemars(extend("x-since" = 3))]
    pub robot: Observation<Attack>,
    /// CVE-2014-8730 and its kin: a record in CBC mode with a right MAC and a wrong padding is taken.
    #[schemars(extend("x-since" = 4))]
    pub poodle_tls: Observation<Attack>,
    /// Vaudenay's oracle: a wrong padding of a record in CBC mode is answered otherwise than a wrong MAC.
    #[schemars(extend("x-since" = 4))]
    pub padding_oracle: Observation<Attack>,
    /// CVE-2011-0411 and its kin: what is sent before the encryption begins is obeyed after it; absent where TLS begins at once.
    #[schemars(extend("x-since" = 3))]
    pub starttls_injection: Observation<Attack>,
}

impl Attacks {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self {
            heartbleed: why.cast(),
            early_ccs: why.cast(),
            ticketbleed: why.cast(),
            robot: why.cast(),
            poodle_tls: why.cast(),
            padding_oracle: why.cast(),
            starttls_injection: why.cast(),
        }
    }
}

/// What an implementation did with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    pub vulnerable: bool,
    /// What was sent and what came, in words without addresses or random bytes.
    pub proof: String,
}
