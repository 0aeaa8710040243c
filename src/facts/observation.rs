//! The one type that keeps *could not look* apart from *not there*.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// One thing looked at once. In JSON the tag is `state`; rules see the bare value and never test for existence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Observation<T> {
    /// It was there, and this is what it was.
    Observed { observed_at: Timestamp, value: T },
    /// The look succeeded and showed that it is not there.
    Absent { observed_at: Timestamp },
    /// The look did not succeed: nothing is known.
    Failed { observed_at: Timestamp, reason: Reason, detail: String },
    /// No look was made, on purpose.
    NotRun { observed_at: Timestamp, reason: Reason, detail: String },
}

/// An observation without a value: what a whole family of facts is set to when its first step yields nothing.
pub type Unobserved = Observation<std::convert::Infallible>;

/// Why there is no observation. The words are stable: reports, diffs and tests rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No answer in time, also not to a slow second try.
    Timeout,
    /// The connection was refused.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the answer was complete.
    Closed,
    /// No route, or the network said unreachable.
    Unreachable,
    /// The answer does not follow the protocol.
    Garbage,
    /// The answer is larger than the cap.
    TooLarge,
    /// The name server or resolver answered SERVFAIL (RFC 1035 §4.1.1).
    Servfail,
    /// The name server or resolver refused the question (RFC 1035 §4.1.1).
    DnsRefused,
    /// A rate limit answered (HTTP 429 or 503, SMTP 421).
    Throttled,
    /// A challenge page stood between us and the thing.
    Challenge,
    /// The connections or questions set aside for this were used up.
    Budget,
    /// Something this look builds on was not available.
    Dependency,
    /// An error that fits no other word; the detail has it.
    Other,
    /// The run did not ask for this family, asset or check.
    NotSelected,
    /// Scope forbids it; the detail says whose it is.
    NotOurs,
    /// This way of looking is not built in or not possible from here.
    Unsupported,
    /// A derived fact before derivation.
    Underived,
}

impl Reason {
    /// The stable word, as in JSON.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

impl<T> Observation<T> {
    /// Seen, now.
    pub fn observed(value: T) -> Self {
        Self::Observed { observed_at: Timestamp::now(), value }
    }
    /// Looked, and not there, now.
    pub fn absent() -> Self {
        Self::Absent { observed_at: Timestamp::now() }
    }
    /// Could not look, now.
    pub fn failed(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Failed { observed_at: Timestamp::now(), reason, detail: detail.into() }
    }
    /// Did not look, decided now.
    pub fn not_run(reason: Reason, detail: impl Into<String>) -> Self {
        Self::NotRun { observed_at: Timestamp::now(), reason, detail: detail.into() }
    }
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Observed { value, .. } => Some(value),
            _ => None,
        }
    }
    /// The value to change in place, if there is one.
    pub fn value_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Observed { value, .. } => Some(value),
            _ => None,
        }
    }
    /// When this was seen or decided.
    pub fn observed_at(&self) -> Timestamp {
        match self {
            Self::Observed { observed_at, .. }
            | Self::Absent { observed_at }
            | Self::Failed { observed_at, .. }
            | Self::NotRun { observed_at, .. } => *observed_at,
        }
    }
    /// The same state with another value: the way a derived fact inherits from its primary one, time included.
    /// `f` decides what becomes of a value that was observed.
    pub fn and_then<U>(&self, f: impl FnOnce(&T, Timestamp) -> Observation<U>) -> Observation<U> {
        match self {
            Self::Observed { observed_at, value } => f(value, *observed_at),
            Self::Absent { observed_at } => Observation::Absent { observed_at: *observed_at },
            Self::Failed { observed_at, reason, detail } => {
                Observation::Failed { observed_at: *observed_at, reason: *reason, detail: detail.clone() }
            }
            Self::NotRun { observed_at, reason, detail } => {
                Observation::NotRun { observed_at: *observed_at, reason: *reason, detail: detail.clone() }
            }
        }
    }
    /// The state without the value; `None` when there is a value.
    pub fn unobserved(&self) -> Option<Unobserved> {
        match self.and_then(|_, at| Observation::<std::convert::Infallible>::Absent { observed_at: at }) {
            _ if self.value().is_some() => None,
            other => Some(other),
        }
    }
    /// Whether this is a derived fact that has not been derived yet (and so is not stored).
    pub fn is_underived(&self) -> bool {
        matches!(self, Self::NotRun { reason: Reason::Underived, .. })
    }
    /// The state of a derived fact before derivation.
    pub fn underived() -> Self {
        Self::NotRun { observed_at: Timestamp::EPOCH, reason: Reason::Underived, detail: String::new() }
    }
}

/// A derived fact that nobody has derived yet.
impl<T> Default for Observation<T> {
    fn default() -> Self {
        Self::underived()
    }
}

impl Unobserved {
    /// Gives any typed observation this state.
    pub fn cast<T>(&self) -> Observation<T> {
        self.and_then(|never, _| match *never {})
    }
}

impl<T: JsonSchema> JsonSchema for Observation<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Observation_of_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        let at = generator.subschema_for::<Timestamp>();
        let reason = generator.subschema_for::<Reason>();
        let silent = json_schema!({ "type": "object", "additionalProperties": false,
            "required": ["state", "observed_at", "reason", "detail"],
            "properties": { "state": { "enum": ["failed", "not_run"] }, "observed_at": at, "reason": reason, "detail": { "type": "string" } } });
        json_schema!({
            "x-observation": value,
            "oneOf": [
                { "type": "object", "additionalProperties": false, "required": ["state", "observed_at", "value"],
                  "properties": { "state": { "const": "observed" }, "observed_at": at, "value": value } },
                { "type": "object", "additionalProperties": false, "required": ["state", "observed_at"],
                  "properties": { "state": { "const": "absent" }, "observed_at": at } },
                silent
            ]
        })
    }
}
