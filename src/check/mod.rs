//! Checks: one file each, loaded, linted, judged, and tested by their own cases.
//!
//! [`Catalogue::load`] is the only way in and refuses to start on any fault, naming file and line. [`judge`] is a pure function of
//! facts, estate, catalogue, tables and `run.now`. `cel` is imported by the module of that name alone.

mod file;
mod finding;

pub use file::{Case, CheckFile, Effort, EvidenceKind, Expect, InFreeze, Proof, Remediation, Status};
pub use finding::{Confidence, Evidence, Finding, Severity, Subject, SubjectKind, Verdict};
