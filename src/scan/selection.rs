//! What a run looks at. Whatever is left out is *not run: not selected*, and grey in coverage.

use std::collections::BTreeSet;

/// Families, assets and, for a second look, subjects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Empty means all.
    pub families: BTreeSet<String>,
    /// `None` means all.
    pub assets: Option<BTreeSet<String>>,
    /// `None` means every service of the selected assets.
    services: Option<BTreeSet<String>>,
}

impl Selection {
    /// These families (none means all) on these assets (`None` means all).
    pub fn new(families: BTreeSet<String>, assets: Option<BTreeSet<String>>) -> Self {
        Self { families, assets, services: None }
    }
    /// Whether a family's probes run.
    pub fn family(&self, family: &str) -> bool {
        self.families.is_empty() || self.families.contains(family)
    }
    /// Whether an asset is looked at.
    pub fn asset(&self, name: &str) -> bool {
        self.assets.as_ref().is_none_or(|assets| assets.contains(name))
    }
    /// Whether a service is looked at.
    pub(super) fn service(&self, name: &str) -> bool {
        self.services.as_ref().is_none_or(|services| services.contains(name))
    }
    /// Whether the whole port list is looked at, or only what is named.
    pub(super) fn whole_hosts(&self, host: &str) -> bool {
        self.services.as_ref().is_none_or(|subjects| subjects.contains(host))
    }
    /// The same families on fewer subjects.
    pub(super) fn narrowed_to(&self, assets: BTreeSet<String>, subjects: BTreeSet<String>) -> Self {
        Self { families: self.families.clone(), assets: Some(assets), services: Some(subjects) }
    }
}
