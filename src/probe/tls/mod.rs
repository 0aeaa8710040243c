//! TLS of one endpoint: each version by its own ClientHello, then one full handshake that keeps the chain even if invalid.

mod open;

pub use open::open;

use super::Context;
use crate::facts::Tls;
use crate::scope::Target;

/// Looks at the TLS that `target` speaks from the first byte on `port` (nominal), for the server name `host`.
pub async fn look(context: &Context, target: &Target, host: &str, port: u16) -> Tls {
    let _ = (context, target, host, port);
    todo!()
}
