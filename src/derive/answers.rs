//! Whether a declared port answers at all.

use crate::facts::{Endpoint, Observation, Reason};

/// Fills `answers`: true for an open port, false for a refused or filtered one. Silence of a whole address may have other causes,
/// so it stays failed. An undeclared port promises nothing: absent.
pub(super) fn derive(endpoint: &mut Endpoint, declared: bool) {
    endpoint.answers = match &endpoint.port_state {
        state if !declared => Observation::Absent { observed_at: state.observed_at() },
        Observation::Failed { observed_at, reason: Reason::Refused, .. } => {
            Observation::Observed { observed_at: *observed_at, value: false }
        }
        state => state.and_then(|state, at| Observation::Observed { observed_at: at, value: state.answer == "open" }),
    };
}
