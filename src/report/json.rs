//! The findings document: verdicts as data (design §5). Its schema is generated from these types.

use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

use super::{Input, Summary};
use crate::check::Findings;
use crate::facts::Run;
use crate::framework::Coverage;

/// Version of the findings document's format.
pub(super) const FINDINGS_SCHEMA: i64 = 1;

/// What `--output json=PATH` writes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FindingsDocument<'a> {
    /// Version of the format.
    pub schema: i64,
    pub run: &'a Run,
    pub estate: EstateSummary<'a>,
    /// Digests of what the verdicts rest on, by name: the estate, trust anchor, roots, `checks and tables`.
    pub digests: &'a BTreeMap<String, String>,
    pub summary: &'a Summary,
    /// Sorted by subject, check and element.
    pub findings: &'a Findings,
    /// What the findings say about each control, by its id.
    pub coverage: &'a BTreeMap<String, Coverage>,
    pub exit: ExitSummary,
}

/// Whose estate it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EstateSummary<'a> {
    /// Left out for hosts named on the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<&'a str>,
    pub assets: Vec<&'a str>,
}

/// How the run ended.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExitSummary {
    pub code: i32,
    pub meaning: &'static str,
}

/// The findings document, ready to be serialised.
pub fn json<'a>(input: &'a Input<'_>) -> FindingsDocument<'a> {
    FindingsDocument {
        schema: FINDINGS_SCHEMA,
        run: &input.document.run,
        estate: EstateSummary {
            authority: (!input.estate.bare).then_some(input.estate.authority.name.as_str()),
            assets: input.estate.assets.iter().map(|asset| asset.name()).collect(),
        },
        digests: &input.digests,
        summary: input.summary,
        findings: input.findings,
        coverage: input.coverage,
        exit: ExitSummary { code: input.exit.0, meaning: input.exit.1 },
    }
}
