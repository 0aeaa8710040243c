//! From TXT records: SPF and DMARC, read with every fault.

use super::{dmarc, spf};
use crate::facts::ZoneMail;

/// Fills `spf` and `dmarc`.
pub(super) fn derive(zone: &str, mail: &mut ZoneMail) {
    mail.spf = mail.txt.and_then(|texts, at| spf::read(zone, texts, at, &mail.spf_reached));
    mail.dmarc = mail.dmarc_txt.and_then(|texts, at| dmarc::read(zone, texts, at));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Observation, Reason, Unobserved};

    #[test]
    fn texts_that_could_not_be_asked_are_no_absent_policy() {
        let mut mail = ZoneMail::unobserved(&Unobserved::failed(Reason::Servfail, "it answered SERVFAIL"));
        derive("cec.example", &mut mail);
        assert!(matches!(mail.spf, Observation::Failed { reason: Reason::Servfail, .. }));
        assert!(matches!(mail.dmarc, Observation::Failed { reason: Reason::Servfail, .. }));
    }
}
