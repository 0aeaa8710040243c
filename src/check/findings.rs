//! All findings of a run. A large estate has hundreds of thousands.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::{Finding, Subject};
use crate::store::{Shelf, StoreFault};

/// Findings by subject, and of each subject by check and element; in JSON one list. Those of most subjects lie in a file.
#[derive(Clone, Debug, Default)]
pub struct Findings(Shelf<Subject, Vec<Arc<Finding>>>);

impl Findings {
    /// Adds those of a subject, sorted by check and element.
    pub(super) fn add(&mut self, subject: Subject, findings: Vec<Finding>) {
        self.0.insert(subject, findings.into_iter().map(Arc::new).collect());
    }

    /// The findings of each subject.
    pub fn by_subject(&self) -> impl Iterator<Item = (&Subject, Arc<Vec<Arc<Finding>>>)> {
        self.0.iter()
    }

    /// The findings of one subject, by check and element.
    pub fn of(&self, subject: &Subject) -> Vec<Arc<Finding>> {
        self.0.get(subject).map(|findings| Vec::clone(&findings)).unwrap_or_default()
    }

    /// Every finding.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Finding>> {
        self.0.values().flat_map(|of_subject| Vec::clone(&of_subject))
    }

    /// Whether every finding that was asked for could be had.
    ///
    /// # Errors
    /// Why one could not.
    pub fn sound(&self) -> Result<(), StoreFault> {
        self.0.sound()
    }
}

impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for finding in self.iter() {
            list.serialize_element(&finding)?;
        }
        list.end()
    }
}

impl JsonSchema for Findings {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        Vec::<Finding>::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Finding>::json_schema(generator)
    }
}
