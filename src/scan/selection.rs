//! What a run looks at. Whatever is left out is *not run: not selected*, and grey in coverage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::facts::{Looks, Tls};

/// Families, assets and, for a second look, subjects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Empty means all.
    pub families: BTreeSet<String>,
    /// `None` means all.
    pub assets: Option<BTreeSet<String>>,
    /// `None` means every service of the selected assets.
    services: Option<BTreeSet<String>>,
    /// What a second look is about; `None` at the first.
    doubts: Option<Arc<Doubts>>,
}

/// What was seen at first, and what of it is in doubt.
#[derive(Debug, PartialEq)]
pub(super) struct Doubts {
    pub(super) first: Looks,
    /// Paths of facts, such as `service.tls.certificate`, by the name of the subject.
    pub(super) concerns: BTreeMap<String, BTreeSet<String>>,
}

impl Selection {
    /// These families (none means all) on these assets (`None` means all).
    pub fn new(families: BTreeSet<String>, assets: Option<BTreeSet<String>>) -> Self {
        Self { families, assets, services: None, doubts: None }
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
    /// The same families on fewer subjects, for what is in doubt there.
    pub(super) fn narrowed_to(&self, assets: BTreeSet<String>, doubts: Doubts) -> Self {
        let services = doubts.concerns.keys().cloned().collect();
        let families = self.families.clone();
        Self { families, assets: Some(assets), services: Some(services), doubts: Some(Arc::new(doubts)) }
    }
    /// Whether facts below a path of a service are looked at: at a second look only those in doubt.
    pub(super) fn concerns(&self, service: &str, path: &str) -> bool {
        let Some(doubts) = &self.doubts else { return true };
        let concerns = doubts.concerns.get(service);
        concerns.is_some_and(|paths| paths.iter().any(|concern| concern.starts_with(path)))
    }
    /// At a second look, what TLS of an endpoint was at first, and what of it is in doubt.
    pub(super) fn doubted_tls(&self, service: &str, address: &str) -> Option<(&Tls, BTreeSet<String>)> {
        let doubts = self.doubts.as_ref()?;
        let endpoint = doubts.first.services.get(service)?.endpoints.get(address)?;
        let below = |path: &String| path.strip_prefix("service.").map(str::to_owned);
        let concerns = doubts.concerns.get(service)?.iter().filter_map(below).collect();
        Some((&endpoint.tls, concerns))
    }
}
