//! Checks: one file each, loaded, linted, judged, and tested by their own cases.
//!
//! [`Catalogue::load`] is the way in. What a team adds is linted then and there, and any fault refuses to start, naming file and line; what is
//! built in was linted before ([`Catalogue::linted`], held by tests). [`judge`] is a pure function of
//! facts, estate, catalogue, tables and `run.now`. `cel` is imported by the module of that name alone.

mod audit;
mod cases;
mod catalogue;
mod cel;
mod datetimes;
mod estate_index;
mod file;
mod finding;
mod findings;
mod judge;
mod lint;
mod message;
mod names_seen;
mod path;
mod prepared;
mod table;
mod types;
mod view;

pub use audit::{Bench, judge, worth_a_second_look};
pub use cases::{CaseResult, run_cases};
pub use catalogue::{Catalogue, FAMILIES};
pub use estate_index::estate_index;
pub use file::{Case, CheckFile, Effort, EvidenceKind, Expect, InFreeze, Proof, Remediation, Status};
pub use finding::{Confidence, Evidence, Finding, Publication, Severity, Subject, SubjectKind, Verdict};
pub use findings::Findings;
pub use lint::CheckFault;
pub use prepared::Check;
pub use table::Tables;
