//! Whether the endpoints of a service agree.

use crate::facts::Service;

/// Fills `agreement`.
pub(super) fn derive(service: &mut Service) {
    let _ = service;
}
