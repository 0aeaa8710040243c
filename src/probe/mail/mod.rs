//! Mail records of a declared zone, through the resolver.

use super::Context;
use crate::estate::MailUse;
use crate::facts::ZoneMail;

/// MX, SPF with what it includes, and DMARC of a zone's own name.
pub async fn look(context: &Context, zone: &str, mail: &MailUse) -> ZoneMail {
    let _ = (context, zone, mail);
    todo!()
}
