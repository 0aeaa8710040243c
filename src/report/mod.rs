//! Telling: what was judged, as a page, as data, and for a terminal. Everything here is pure; nothing here judges, and no number
//! is made in two places: the outputs share [`Summary`].

mod html;
mod json;
mod profiles;
mod summary;
mod terminal;

pub use html::html;
pub use json::{FindingsDocument, json};
pub use profiles::{Held, profiles_text};
pub use summary::{Fix, Summary, fixes, reason};
pub use terminal::terminal;

use std::collections::BTreeMap;

use crate::check::{CheckFile, Findings};
use crate::estate::Estate;
use crate::facts::{Document, EstateIndex};
use crate::framework::{Coverage, Framework};

/// Everything an output may tell.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    pub document: &'a Document,
    pub estate: &'a Estate,
    /// The catalogue, by check id; also the checks that did not run.
    pub checks: &'a BTreeMap<String, CheckFile>,
    pub frameworks: &'a [Framework],
    /// By control id.
    pub coverage: &'a BTreeMap<String, Coverage>,
    pub findings: &'a Findings,
    /// The findings in numbers.
    pub summary: &'a Summary,
    pub index: &'a EstateIndex,
    /// Digests of what the run was given, by name, with that of `checks and tables`.
    pub digests: BTreeMap<String, String>,
    /// Exit code and what it means.
    pub exit: (i32, &'static str),
}

/// An output could not be made: a fault of ours.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A template does not fit its model.
    #[error("the report's template: {0}")]
    Template(String),
    /// The file or pipe does not take it.
    #[error(transparent)]
    Writing(#[from] std::io::Error),
    /// Something may be missing.
    #[error(transparent)]
    Store(#[from] crate::store::StoreFault),
    /// Something cannot be written as JSON.
    #[error("writing JSON: {0}")]
    Json(#[from] serde_json::Error),
}
