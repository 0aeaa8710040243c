//! What is open, what speaks there, and whether it serves strangers.

use std::collections::BTreeMap;

use super::Context;
use crate::facts::{Access, AddressPorts, Observation, PortState, Protocol};
use crate::scope::Target;

/// The state of one port as the port list saw it.
pub type PortStates = BTreeMap<u16, Observation<PortState>>;

/// Looks at the port list plus the `declared` ports on one address. Gives the summary and the state of every port looked at.
/// Where the target allows only its declared ports, only those are looked at.
pub async fn look_at_ports(context: &Context, target: &Target, declared: &[u16]) -> (AddressPorts, PortStates) {
    let _ = (context, target, declared);
    todo!()
}

/// Identifies what speaks on an open port, and whether it serves strangers.
pub async fn identify(
    context: &Context,
    target: &Target,
    host: &str,
    port: u16,
) -> (Observation<Protocol>, Observation<Access>) {
    let _ = (context, target, host, port);
    todo!()
}
