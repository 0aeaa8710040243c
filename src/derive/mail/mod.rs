//! From what the resolver, the policy host and reports say: every record of mail, read with every fault, and what they come
//! to together.

mod answers;
mod dkim;
mod dmarc;
mod proposed;
mod reports;
mod sts;
mod tags;
mod targets;
mod walk;

pub(in crate::derive) use answers::Answers;

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::dns::{AsTable, size};
use super::{Given, spf, tls};
use crate::facts::{
    Blobs, MailReports, MailTargets, MtaStsPolicy, Mx, MxNetworks, Observation, Proposed, Reason, Span, ZoneMail,
    prefix,
};
use proposed::Around;

/// What all zones share.
pub(super) struct Shared<'a> {
    pub(super) blobs: &'a Blobs,
    pub(super) given: &'a Given,
    pub(super) roots: &'a tls::Roots,
    pub(super) reports: MailReports,
    pub(super) table: AsTable,
}

/// Fills every derived fact of mail. `negative_ttl` is how long *not there* is kept of the zone.
pub(super) fn derive(zone: &str, mail: &mut ZoneMail, negative_ttl: Option<Span>, shared: &Shared<'_>) {
    let answers = Answers(&mail.answers);
    mail.accepts_mail = mail.mx.and_then(|list, observed_at| match list.iter().any(|mx| !mx.exchange.is_empty()) {
        true => Observation::Observed { observed_at, value: true },
        false => Observation::Absent { observed_at },
    });
    mail.mx_networks = mail.accepts_mail.and_then(|_, _| networks(&mail.mx));
    mail.spf = mail.txt.and_then(|texts, at| spf::read(zone, texts, at, &mail.spf_reached, answers));
    mail.dmarc = mail.dmarc_txt.and_then(|texts, at| dmarc::read(zone, texts, at));
    mail.dmarc_policy = walk::policy(zone, &mail.dmarc, answers);
    mail.report_targets = mail.dmarc.and_then(|dmarc, observed_at| Observation::Observed {
        observed_at,
        value: walk::report_targets(zone, dmarc, answers),
    });
    mail.dkim = keys(zone, mail);
    let texts = |label: &str| answers.texts(&format!("{label}.{zone}"));
    mail.mta_sts = texts("_mta-sts").and_then(|texts, at| sts::record(zone, texts, at));
    mail.tls_rpt = texts("_smtp._tls").and_then(|texts, at| sts::reporting(zone, texts, at));
    mail.mta_sts_policy = policy(zone, mail, shared);
    mail.targets = targets::derive(zone, mail);
    mail.reported = reports::read(zone, &shared.reports, &shared.table, shared.given.now);
    mail.proposed = proposed::derive(zone, mail, Around { now: shared.given.now, negative_ttl });
}

/// Empties every derived fact of mail.
pub(super) fn strip(mail: &mut ZoneMail) {
    mail.accepts_mail = Observation::underived();
    mail.mx_networks = Observation::underived();
    mail.spf = Observation::underived();
    mail.dmarc = Observation::underived();
    mail.dmarc_policy = Observation::underived();
    mail.report_targets = Observation::underived();
    mail.dkim = Observation::underived();
    mail.mta_sts = Observation::underived();
    mail.mta_sts_policy = Observation::underived();
    mail.tls_rpt = Observation::underived();
    mail.targets = MailTargets::default();
    mail.proposed = Proposed::default();
    mail.reported = Observation::underived();
}

fn networks(mx: &Observation<Vec<Mx>>) -> Observation<MxNetworks> {
    mx.and_then(|list, observed_at| {
        let of = |mx: &Mx| mx.addresses.value().cloned().unwrap_or_default();
        let addresses: BTreeSet<IpAddr> = list.iter().flat_map(of).filter_map(|text| text.parse().ok()).collect();
        let prefixes = |v4: bool| {
            addresses
                .iter()
                .filter(|address| address.is_ipv4() == v4)
                .map(|address| prefix(*address))
                .collect::<BTreeSet<_>>()
        };
        let is_open = |mx: &&Mx| !matches!(mx.addresses, Observation::Observed { .. } | Observation::Absent { .. });
        let value = MxNetworks {
            addresses: size(addresses.len()),
            ipv4: size(prefixes(true).len()),
            ipv6: size(prefixes(false).len()),
            unlearned: size(list.iter().filter(is_open).count()),
        };
        Observation::Observed { observed_at, value }
    })
}

/// Absent if no selector was asked for, or none of a provider's has a key.
fn keys(zone: &str, mail: &ZoneMail) -> Observation<Vec<crate::facts::DkimKey>> {
    // Whether there is anything to ask for hangs on MX and SPF: what is not known of them is not known here.
    if let Some(why) = mail.txt.unobserved().filter(|why| !matches!(why, Observation::Absent { .. })) {
        return why.cast();
    }
    let keys = dkim::read(zone, &mail.dkim_selectors, Answers(&mail.answers));
    let observed_at = mail.txt.observed_at();
    if keys.is_empty() {
        Observation::Absent { observed_at }
    } else {
        Observation::Observed { observed_at, value: keys }
    }
}

fn policy(zone: &str, mail: &ZoneMail, shared: &Shared<'_>) -> Observation<MtaStsPolicy> {
    mail.mta_sts_answer.and_then(|answer, at| {
        let host = format!("mta-sts.{zone}");
        let validation = tls::validation(&answer.chain, at, &host, shared.blobs, shared.given, shared.roots);
        let valid = match validation {
            Observation::Observed { value, .. } => Ok(value.valid),
            Observation::Absent { .. } => Err((Reason::Dependency, "no certificate was kept".to_owned())),
            Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. } => {
                Err((reason, detail))
            }
        };
        sts::policy(answer, at, shared.blobs.bytes(&answer.body), &mail.mx, valid)
    })
}

/// Feeds bytes to the parser of records that the selector picks, for the fuzz target and the replay of its corpus.
pub(super) fn exercise(selector: u8, bytes: &[u8]) {
    use crate::facts::{DkimSelector, MailAnswer, Timestamp};
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (zone, at, texts) = ("x.example", Timestamp::EPOCH, [text.clone()]);
    let reached =
        std::collections::BTreeMap::from([("a.example".to_owned(), Observation::observed(vec![text.clone()]))]);
    let answer =
        MailAnswer { records: Observation::observed(vec![text]), exists: None, aliases: Vec::new(), ttl: None };
    let answers = std::collections::BTreeMap::from([("s._domainkey.x.example TXT".to_owned(), answer)]);
    match selector % 5 {
        0 => drop(spf::read(zone, &texts, at, &reached, Answers(&answers))),
        1 => drop(dmarc::read(zone, &texts, at)),
        2 => {
            let selector = DkimSelector { selector: "s".into(), provider: None };
            drop(dkim::read(zone, &[selector], Answers(&answers)));
        }
        3 => drop((sts::record(zone, &texts, at), sts::reporting(zone, &texts, at))),
        _ => sts::exercise(&texts[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Timestamp, Unobserved};

    #[test]
    fn texts_that_could_not_be_asked_are_no_absent_policy() {
        let mut mail = ZoneMail::unobserved(&Unobserved::failed(Reason::Servfail, "it answered SERVFAIL"));
        let given = Given::at(Timestamp::EPOCH);
        let shared = Shared {
            blobs: &Blobs::default(),
            given: &given,
            roots: &tls::Roots::new(""),
            reports: MailReports::default(),
            table: AsTable::read(""),
        };
        derive("cec.example", &mut mail, None, &shared);
        let states = [
            mail.spf.unobserved(),
            mail.dmarc.unobserved(),
            mail.dmarc_policy.unobserved(),
            mail.dkim.unobserved(),
            mail.mta_sts_policy.unobserved(),
            mail.targets.mx.unobserved(),
            mail.targets.all.unobserved(),
            mail.proposed.dmarc.unobserved(),
        ];
        for state in states {
            assert!(matches!(state, Some(Observation::Failed { reason: Reason::Servfail, .. })), "{state:?}");
        }
        assert!(matches!(mail.mta_sts, Observation::NotRun { .. }), "never asked is not absent");
    }
}
