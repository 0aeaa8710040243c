//! What DNS says about TLS, held against what was seen there. It needs all looks: names of hosts, states of zones, services.

mod announced;
mod caa;
mod dane;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::{Blobs, Endpoint, Host, Looks, Observation, PortState, Reason, Service, Zone};
use crate::store::Shelf;

/// Fills `dane`, `caa` and `announced` of every endpoint. What a second look did not ask again is taken from the earlier one.
pub(super) fn derive(looks: &mut Looks, earlier: Option<&Looks>, blobs: &Blobs) {
    let open = looks.services.iter().chain(earlier.into_iter().flat_map(|looks| &looks.services));
    let open = open.rev().map(|(name, service)| (name.clone(), is_open(service))).collect();
    let Looks { hosts, zones, services } = looks;
    let known = Known { hosts, zones, earlier, open };
    for service in services.values_mut() {
        let (host, port) = (service.host.as_str(), service.port);
        for Endpoint { tls, .. } in service.endpoints.values_mut() {
            // An undeclared port promises nothing.
            tls.dane = if service.declared {
                dane::of(&service.tlsa, host, port, tls, blobs, &known)
            } else {
                Observation::Absent { observed_at: service.tlsa.observed_at() }
            };
            tls.caa = caa::of(host, tls, blobs, &known);
            tls.announced = announced::of(service.scheme.as_deref(), host, port, tls, &known);
        }
    }
}

/// Whether some address of a service accepts connections; `None` if that is not known.
fn is_open(service: &Service) -> Option<bool> {
    let states: Vec<_> = service.endpoints.values().map(|endpoint| &endpoint.port_state).collect();
    let open = states.iter().any(|state| state.value().is_some_and(|state| state.answer == "open"));
    let closed = |state: &&Observation<PortState>| {
        matches!(state, Observation::Absent { .. } | Observation::Failed { reason: Reason::Refused, .. })
    };
    if open || states.iter().all(closed) { Some(open) } else { None }
}

/// Everything beside the service itself.
struct Known<'a> {
    hosts: &'a BTreeMap<String, Host>,
    zones: &'a Shelf<String, Zone>,
    earlier: Option<&'a Looks>,
    /// By service, as [`is_open`] says.
    open: BTreeMap<String, Option<bool>>,
}

impl<'a> Known<'a> {
    fn host(&self, name: &str) -> Option<&'a Host> {
        self.hosts.get(name).or_else(|| self.earlier?.hosts.get(name))
    }
    fn zone(&self, name: &str) -> Option<Arc<Zone>> {
        self.zones.get(name).or_else(|| self.earlier?.zones.get(name))
    }
    /// The declared zone that a name lies in, the deepest if there are several.
    fn zone_of(&self, name: &str) -> Option<Arc<Zone>> {
        let mut rest = name;
        loop {
            if let Some(zone) = self.zone(rest) {
                return Some(zone);
            }
            rest = rest.split_once('.')?.1;
        }
    }
}
