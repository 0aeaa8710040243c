//! Mail records of a declared zone, from its own servers where they agree and else through the resolver, and the MTA-STS policy
//! from its host.

mod dkim;
mod inquiry;
mod reach;
mod report;
mod sts;

use futures_util::future::{join, join_all};
use hickory_resolver::proto::rr::{RData, RecordType};

use super::dns::{Authority, End, Reply, addresses, look_at_tlsa, name_text};
use crate::estate::MailUse;
use crate::facts::{
    LIST_CAP, MailTargets, Mx, Observation, Proposed, Reason, Tlsa, Unobserved, ZoneMail, dmarc_walk, is_within,
    registrable,
};
use inquiry::Inquiry;

/// Where mail servers meet (RFC 5321 §4.5.4.2).
const SMTP: u16 = 25;
/// How many exchangers have their addresses asked for.
const MAX_EXCHANGES: usize = 32;

/// How many names that are not there have the domain above them asked for.
const MAX_LACKING: usize = 16;

/// MX, SPF with what it reaches, DMARC with the walk up the tree and where reports go, DKIM keys, MTA-STS and TLS reporting
/// of a zone's own name.
pub async fn look(authority: Authority<'_>, zone: &str, mail: &MailUse) -> ZoneMail {
    let inquiry = Inquiry::new(authority);
    let tls_name = format!("_smtp._tls.{zone}");
    let sending = async {
        let txt = inquiry.text(zone).await;
        let reached = reach::walk(&inquiry, zone, &txt).await;
        (txt, reached)
    };
    let (mx, (txt, spf_reached), dmarc_txt, mta_sts_answer, tls_rpt) = futures_util::join!(
        exchangers(&inquiry, zone),
        sending,
        dmarc(&inquiry, zone),
        sts::look(&inquiry, zone),
        inquiry.text(&tls_name),
    );
    let dkim_selectors = dkim::look(&inquiry, zone, &mail.dkim_selectors, &mx, &txt, &spf_reached).await;
    report::look(&inquiry, zone, &dmarc_txt, &tls_rpt).await;
    look_above(&inquiry, zone).await;
    ZoneMail {
        mx,
        txt,
        dmarc_txt,
        spf_reached,
        answers: inquiry.answers(),
        dkim_selectors,
        mta_sts_answer,
        sends: mail.sends,
        receives: mail.receives,
        accepts_mail: Observation::underived(),
        mx_networks: Observation::underived(),
        spf: Observation::underived(),
        dmarc: Observation::underived(),
        dmarc_policy: Observation::underived(),
        report_targets: Observation::underived(),
        dkim: Observation::underived(),
        mta_sts: Observation::underived(),
        mta_sts_policy: Observation::underived(),
        tls_rpt: Observation::underived(),
        targets: MailTargets::default(),
        proposed: Proposed::default(),
        reported: Observation::underived(),
    }
}

/// The records at `_dmarc` of the zone; those of the names above it are kept among the answers.
async fn dmarc(inquiry: &Inquiry<'_>, zone: &str) -> Observation<Vec<String>> {
    let names: Vec<String> = dmarc_walk(zone).into_iter().map(|name| format!("_dmarc.{name}")).collect();
    let mut found = join_all(names.iter().map(|name| inquiry.text(name))).await;
    found.swap_remove(0)
}

/// Where a name is not there, whether the domain above it is: if not, anybody may register it.
async fn look_above(inquiry: &Inquiry<'_>, zone: &str) {
    let answers = inquiry.answers();
    let lacking = answers.iter().filter(|(_, answer)| answer.exists == Some(false)).filter_map(|(question, answer)| {
        let name = question.split(' ').next()?;
        // No record on the walk, and no agreement, is no name that is missing.
        let is_plain = !name.starts_with("_dmarc.") && !name.contains("._report._dmarc.");
        answer.aliases.last().map(String::as_str).or(is_plain.then_some(name))
    });
    let mut domains: Vec<&str> = lacking.filter(|name| !is_within(name, zone)).map(registrable).collect();
    domains.sort_unstable();
    domains.dedup();
    join_all(domains.into_iter().take(MAX_LACKING).map(|domain| inquiry.ask(domain, RecordType::SOA))).await;
}

async fn exchangers(inquiry: &Inquiry<'_>, zone: &str) -> Observation<Vec<Mx>> {
    let reply = inquiry.ask(zone, RecordType::MX).await;
    let End::Records(records) = &reply.end else { return reply.observe(|_| Vec::new()) };
    let listed = by_preference(records);
    let looked = listed.into_iter().enumerate().map(|(index, (preference, exchange))| async move {
        let ((addresses, is_alias), tlsa) = match exchange.as_str() {
            // The null MX needs none, and none is missing.
            "" => ((Observation::observed(Vec::new()), false), Observation::observed(Tlsa::default())),
            name if index < MAX_EXCHANGES => {
                join(addresses_of(inquiry, name), look_at_tlsa(inquiry.authority(), SMTP, name)).await
            }
            name => {
                let why = format!("more than {MAX_EXCHANGES} exchangers: {name}");
                let why = Unobserved::not_run(Reason::NotSelected, why);
                ((why.cast(), false), why.cast())
            }
        };
        Mx { preference, exchange, addresses, is_alias, tlsa }
    });
    Observation::observed(join_all(looked).await)
}

/// Preference and name of each exchanger; the root is the null MX (RFC 7505 §3).
fn by_preference(records: &[RData]) -> Vec<(i64, String)> {
    let entry = |data: &RData| match data {
        RData::MX(mx) => Some((i64::from(mx.preference), name_text(&mx.exchange))),
        _ => None,
    };
    let mut all: Vec<_> = records.iter().filter_map(entry).take(LIST_CAP).collect();
    all.sort();
    all
}

async fn addresses_of(inquiry: &Inquiry<'_>, name: &str) -> (Observation<Vec<String>>, bool) {
    let (a, aaaa) = join(inquiry.ask(name, RecordType::A), inquiry.ask(name, RecordType::AAAA)).await;
    let is_alias = !a.aliases.is_empty() || !aaaa.aliases.is_empty();
    (together(&a, &aaaa), is_alias)
}

/// Both families in one list. Absent only if both are known to be.
fn together(a: &Reply, aaaa: &Reply) -> Observation<Vec<String>> {
    let known = |reply: &Reply| match &reply.end {
        End::Records(records) => addresses(records),
        _ => Vec::new(),
    };
    let all: Vec<String> = known(a).into_iter().chain(known(aaaa)).map(|address| address.to_string()).collect();
    match (all.is_empty(), &a.end, &aaaa.end) {
        (false, _, _) => Observation::observed(all),
        (true, End::Failed(error), _) | (true, _, End::Failed(error)) => error.observation(),
        (true, _, _) => Observation::absent(),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use hickory_resolver::proto::rr::Name;
    use hickory_resolver::proto::rr::rdata::{A, MX};

    use super::*;
    use crate::net::NetError;

    fn reply(end: End) -> Reply {
        Reply { aliases: vec![], end, ttl: None }
    }

    #[test]
    fn exchangers_come_in_order_of_preference_and_the_null_one_has_no_name() {
        let mx = |preference, name: &str| RData::MX(MX::new(preference, Name::from_str(name).unwrap()));
        let listed = by_preference(&[mx(20, "b.example."), mx(10, "C.example."), mx(0, ".")]);
        assert_eq!(listed, [(0, String::new()), (10, "c.example".into()), (20, "b.example".into())]);
    }

    #[test]
    fn an_exchanger_has_no_address_only_if_both_families_say_so() {
        let failed = || reply(End::Failed(NetError::new(Reason::Servfail, "it answered SERVFAIL")));
        let none = || reply(End::NoData);
        let one = reply(End::Records(vec![RData::A(A::new(192, 0, 2, 1))]));
        assert!(matches!(together(&none(), &none()), Observation::Absent { .. }));
        assert!(matches!(together(&none(), &failed()), Observation::Failed { reason: Reason::Servfail, .. }));
        assert!(matches!(together(&failed(), &none()), Observation::Failed { .. }));
        assert_eq!(together(&one, &failed()).value(), Some(&vec!["192.0.2.1".to_owned()]));
    }
}
