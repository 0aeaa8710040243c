//! DNS: addresses of hosts through the resolver; zones through the resolver and at each of their servers.

use super::Context;
use crate::facts::{HostDns, ZoneDns};

/// What the resolver says of a host name.
pub async fn look_at_host(context: &Context, host: &str) -> HostDns {
    let _ = (context, host);
    todo!()
}

/// What the resolver and the zone's own servers say of a declared zone.
pub async fn look_at_zone(context: &Context, zone: &str) -> ZoneDns {
    let _ = (context, zone);
    todo!()
}
