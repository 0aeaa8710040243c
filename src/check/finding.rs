//! What judging yields.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A verdict on a subject with its evidence. Its key is (check, subject, element), never an address. A large estate has hundreds
/// of thousands: what they have in common they share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id of the check, `family.fault`.
    pub check: Arc<str>,
    pub subject: Arc<Subject>,
    /// Which element of the list the check walks (`each`); left out for a check that walks none, and for verdicts on the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// Addresses at which it was so; empty for subjects without endpoints.
    pub at: Vec<String>,
    pub verdict: Verdict,
    /// Why it is undetermined or not applicable; left out for pass and fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The requirement.
    pub title: Arc<str>,
    /// What was seen, in a sentence; for a fail always, else where there is something to say.
    pub message: String,
    pub evidence: Vec<Evidence>,
    /// Ids of controls that this gives evidence about.
    pub controls: Arc<[String]>,
    /// The record whose publication mends it, if that is the way to mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publication>,
    /// The accepted risk that covers it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<String>,
}

/// A record to publish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// As a zone file has them.
    pub lines: Vec<String>,
    /// What they take the place of.
    pub replaces: Vec<String>,
    /// How long others may go by what they hold: in effect, and undone, within this span. Left out if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settles_in: Option<crate::facts::Span>,
    /// The last moment to take it back so that this is in effect on polling day. Left out without an election ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_until: Option<crate::facts::Timestamp>,
}

/// What a check judges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    pub kind: SubjectKind,
    /// `estate`, a zone, a host, or `host:port/transport`.
    pub name: String,
}

/// The kinds of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    Estate,
    Zone,
    Host,
    Service,
}

/// The four verdicts. Their order is the order of precedence when endpoints are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    NotApplicable,
    Pass,
    Undetermined,
    Fail,
}

/// How bad, if it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// How sure that it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    Possible,
    Likely,
    Certain,
}

/// One fact that the verdict rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Path of the fact, as in the rule.
    pub path: String,
    /// Its value as JSON text, at most 2 kB.
    pub value: String,
    /// Digest of the whole value, if it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The address it was seen at, if it belongs to an endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// When it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<crate::facts::Timestamp>,
}

impl Severity {
    /// All, lowest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];
    /// The word as in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
    /// The severity of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}

impl Verdict {
    /// The word as in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::Pass => "pass",
            Self::Undetermined => "undetermined",
            Self::Fail => "fail",
        }
    }
}

impl Confidence {
    /// The word as in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
    /// Whether a finding of this confidence counts for `--fail-on`.
    pub fn counts(self) -> bool {
        self >= Self::Likely
    }
}
