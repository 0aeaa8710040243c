//! Controls of the NIS frameworks, and what the findings say about each (design §9). Data in, data out; no wording of verdicts.

mod coverage;
mod lint;
mod load;
mod tree;

pub use coverage::{Ledger, Outcome, OutcomeResult, Tally, scenario, tally};
pub use lint::{Citation, lint_citations};
pub use load::{FrameworkError, Frameworks};
pub use tree::{LeafCounts, leaf_counts};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One framework file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    pub framework: About,
    #[serde(rename = "control", default)]
    pub controls: Vec<Control>,
}

/// What the document is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub id: String,
    pub name: String,
    pub document: String,
    pub status: String,
    /// How sure we are of its contents.
    pub confidence: String,
}

/// One provision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub id: String,
    /// `requirement`, `measure`, `threat`, `offence`, `power`, `duty`, `phase`, `scope`, `option`, …
    pub kind: String,
    /// `entity`, `state`, `csirt`, `none`, …
    pub addressee: String,
    #[serde(default)]
    pub parent: Option<String>,
    pub title: String,
    pub summary: String,
    /// `external`, `partial`, `none` or `self`.
    pub technical_evidence: String,
    #[serde(default)]
    pub evidence_note: Option<String>,
    pub source: String,
    pub confidence: String,
    #[serde(default)]
    pub phase: Option<String>,
    #[serde(default)]
    pub maps_to: Vec<String>,
}

impl Control {
    /// Whether it asks something of the entity itself; only such controls enter coverage.
    pub fn binds_entity(&self) -> bool {
        matches!(self.kind.as_str(), "requirement" | "measure") && self.addressee == "entity"
    }
    /// Whether nothing that shows from outside can be evidence about it.
    pub fn not_testable(&self) -> bool {
        self.technical_evidence == "none"
    }
    /// Whether the report itself is the evidence.
    pub fn own_report(&self) -> bool {
        self.technical_evidence == "self"
    }
    /// Whether its text was written from memory and not yet held against the document. Such a control stays out of the
    /// oversight and public editions.
    pub fn from_memory(&self) -> bool {
        self.confidence.contains("memory")
    }
}

/// What this run says about one control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// Some outcome was seen and all that was seen is consistent.
    Consistent,
    /// All that was seen is inconsistent.
    Inconsistent,
    /// Some subjects consistent, some not.
    Mixed,
    /// Only the estate's own word.
    DeclaredOnly,
    /// Checks exist, but none could be judged; `reasons` says why.
    NotTested,
    /// Could be seen from outside in part, but no check of this catalogue looks.
    NoCheck,
    /// Not testable from outside.
    NotTestable,
    /// Evidenced by the report's own existence.
    OwnReport,
}

/// Coverage of one control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    pub control: String,
    pub state: CoverageState,
    /// Checks of the catalogue that cite it (directly).
    pub checks: Vec<String>,
    /// Subjects with a pass and no fail. Under `declared_only` by the estate's own word, and in no ratio.
    pub consistent: i64,
    /// Subjects with a fail.
    pub inconsistent: i64,
    /// Subjects where nothing but undetermined came out.
    pub undetermined: i64,
    /// Why nothing was learned, with counts.
    pub reasons: BTreeMap<String, i64>,
}
