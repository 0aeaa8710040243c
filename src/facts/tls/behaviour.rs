//! How an endpoint behaves beyond what it accepts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{Observation, Unobserved};

/// What hellos with one peculiarity each brought to light. Features of TLS 1.2 and older are absent where only TLS 1.3 is offered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// Renegotiation is bound to the connection (RFC 5746).
    #[schemars(extend("x-since" = 3))]
    pub secure_renegotiation: Observation<bool>,
    /// Whether a client may start a renegotiation inside a connection of TLS 1.2 or older. Before probe version 4 it was not asked.
    #[schemars(extend("x-since" = 3))]
    pub client_renegotiation: Observation<bool>,
    /// RFC 7627.
    #[schemars(extend("x-since" = 3))]
    pub extended_master_secret: Observation<bool>,
    /// RFC 7366; absent where no suite of TLS 1.2 and older needs it.
    #[schemars(extend("x-since" = 3))]
    pub encrypt_then_mac: Observation<bool>,
    /// TLS compresses what it encrypts (RFC 3749).
    #[schemars(extend("x-since" = 3))]
    pub compression: Observation<bool>,
    /// RFC 6520.
    #[schemars(extend("x-since" = 3))]
    pub heartbeat: Observation<bool>,
    /// A retry in a lower version is stopped (RFC 7507); absent where there is no lower version.
    #[schemars(extend("x-since" = 3))]
    pub fallback_scsv: Observation<bool>,
    /// What of a session the server takes up again.
    #[schemars(extend("x-since" = 3))]
    pub resumption: Observation<Resumption>,
    /// Bytes of 0-RTT data that a resumed session of TLS 1.3 may begin with (RFC 8446 §4.2.10); 0 is none.
    #[schemars(extend("x-since" = 3))]
    pub early_data: Observation<i64>,
    /// Protocols accepted by ALPN (RFC 7301), of those asked for, in the server's order.
    #[schemars(extend("x-since" = 3))]
    pub alpn: Observation<Vec<String>>,
    /// What a hello without server name gets.
    #[schemars(extend("x-since" = 3))]
    pub without_name: Observation<Naming>,
    /// What a hello with a name that is nobody's gets.
    #[schemars(extend("x-since" = 3))]
    pub unknown_name: Observation<Naming>,
    /// Hellos of today's and tomorrow's clients that are turned away although they are well formed; empty if none is.
    #[schemars(extend("x-since" = 3))]
    pub intolerant_of: Observation<Vec<String>>,
    /// What equal questions got different answers to; empty if nothing did.
    #[schemars(extend("x-since" = 3))]
    pub unsteady: Observation<Vec<String>>,
}

impl Behaviour {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self {
            secure_renegotiation: why.cast(),
            client_renegotiation: why.cast(),
            extended_master_secret: why.cast(),
            encrypt_then_mac: why.cast(),
            compression: why.cast(),
            heartbeat: why.cast(),
            fallback_scsv: why.cast(),
            resumption: why.cast(),
            early_data: why.cast(),
            alpn: why.cast(),
            without_name: why.cast(),
            unknown_name: why.cast(),
            intolerant_of: why.cast(),
            unsteady: why.cast(),
        }
    }
}

/// How a session can be taken up again; left out where the version is not offered or not known to do it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resumption {
    /// By session id in TLS 1.2 (RFC 5246 §7.3): a second handshake was shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<bool>,
    /// By ticket in TLS 1.2 (RFC 5077): the server announces one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<bool>,
    /// By pre-shared key in TLS 1.3 (RFC 8446 §2.2): a second handshake was shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psk: Option<bool>,
}

/// What came to a hello with another server name, or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Naming {
    /// `same-certificate`, `other-certificate`, `accepted` (certificate encrypted) or `refused`.
    pub answer: String,
    /// The alert, or the digest of the other certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
