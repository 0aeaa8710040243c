//! The check file as written. `lint` and `cel` turn it into a compiled check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Confidence, SubjectKind};

/// One file under `checks/`. Its id is its path: `checks/tls/certificate-expired.toml` is `tls.certificate-expired`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// Version of this format: 1.
    pub schema: i64,
    /// The requirement, as a sentence that is true when all is well.
    pub title: String,
    /// `critical`, `high`, `medium`, `low`, `info`, or a CEL expression that yields one of these words.
    pub severity: String,
    pub confidence: Confidence,
    /// How strong the evidence is.
    pub evidence: EvidenceKind,
    pub status: Status,
    /// Version of scrutineer that first had it.
    pub since: String,
    pub subject: SubjectKind,
    /// Observations that the rule needs. One absent: not applicable. One failed or not run: undetermined.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Observations that must be there. One absent: fail.
    #[serde(default)]
    pub must_exist: Vec<String>,
    /// A list that is judged element by element; the rule then sees `item`.
    #[serde(default)]
    pub each: Option<String>,
    /// CEL; true means that the requirement holds. May be left out where `must_exist` says it all.
    #[serde(default)]
    pub rule: Option<String>,
    /// Handlebars over the same names as the rule: what was seen, when it fails.
    pub message: String,
    /// Why it matters to an election, two or three sentences.
    pub rationale: String,
    pub remediation: Remediation,
    pub references: Vec<String>,
    /// Ids as in `checks/frameworks/`.
    pub controls: Vec<String>,
    /// Path of the record whose publication mends it, such as `zone.mail.proposed.dmarc`; shown with the finding.
    #[serde(default)]
    pub publish: Option<String>,
    /// Known ways in which this may be wrong.
    #[serde(default)]
    pub false_positives: Option<String>,
    /// Name of the corresponding Shadowserver report.
    #[serde(default)]
    pub shadowserver: Option<String>,
    /// Which server of the lab fails it and which passes.
    pub proof: Proof,
    /// None in what is built in; the linter demands them of the file.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// How the evidence was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Seen directly.
    Observed,
    /// Points to it.
    Indicative,
    /// Said by the estate.
    Declared,
}

/// Where a check is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Preview,
    Stable,
    Deprecated,
}

/// How to mend it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remediation {
    /// What to do, imperative, with the setting to change and how to check it oneself.
    pub text: String,
    pub effort: Effort,
    /// Time from decision to effect, `1d`, `4h`, `2w`.
    pub lead_time: String,
    /// Can it be undone before polling day.
    pub reversible: bool,
    /// What to do about it during a freeze.
    pub in_freeze: InFreeze,
}

/// Work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    Small,
    Medium,
    Large,
}

/// What to do in a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InFreeze {
    Do,
    Mitigate,
    Defer,
}

/// Lab servers that show the fault and its absence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Subject in the lab that fails.
    pub fails: String,
    /// Subject in the lab that passes.
    pub passes: String,
}

/// One test of the check, in the check.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// A document under `tests/facts/`, without `.toml`.
    pub base: String,
    /// Merged over the base, by the names the rule sees (`service`, `host`, `zone`, `asset`, `election`, `estate`, `run`).
    /// A value stands for an observed one; `{ state = "absent" }` and `{ state = "failed", reason = "timeout" }` for the others.
    #[serde(default)]
    pub facts: Map<String, Value>,
    pub expect: Expect,
}

/// What a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    Pass,
    Fail,
    NotApplicable,
    Undetermined,
}
