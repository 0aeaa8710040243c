//! HTTP of one endpoint: each declared path, redirects one hop at a time in scope, headers, cookies, a capped body.

use super::Context;
use crate::estate::Scheme;
use crate::facts::Web;
use crate::scope::Target;

/// Visits the declared `paths` of `host` at `target` on `port` (nominal) over the declared scheme.
/// `http` of the result is absent for an HTTPS port, and the other way round.
pub async fn look(context: &Context, target: &Target, host: &str, port: u16, scheme: Scheme, paths: &[String]) -> Web {
    let _ = (context, target, host, port, scheme, paths);
    todo!()
}
