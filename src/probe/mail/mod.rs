//! Mail records of a declared zone, through the resolver.

mod reach;

use futures_util::future::{join, join_all};
use hickory_resolver::proto::rr::{RData, RecordType};

use super::Context;
use super::dns::{End, Reply, addresses, ask, look_at_tlsa, name_text, texts};
use crate::estate::MailUse;
use crate::facts::{LIST_CAP, Mx, Observation, Reason, Tlsa, Unobserved, ZoneMail};

/// Where mail servers meet (RFC 5321 §4.5.4.2).
const SMTP: u16 = 25;
/// How many exchangers have their addresses asked for.
const MAX_EXCHANGES: usize = 32;

/// MX, SPF with what it includes, and DMARC of a zone's own name.
pub async fn look(context: &Context, zone: &str, mail: &MailUse) -> ZoneMail {
    let exchangers = async { exchangers(context, &ask(context, zone, RecordType::MX).await).await };
    let policies = async {
        let dmarc_name = format!("_dmarc.{zone}");
        let (txt, dmarc) = join(text(context, zone), text(context, &dmarc_name)).await;
        let reached = reach::walk(context, &txt).await;
        (txt, dmarc, reached)
    };
    let (mx, (txt, dmarc_txt, spf_reached)) = join(exchangers, policies).await;
    ZoneMail {
        mx,
        txt,
        dmarc_txt,
        spf_reached,
        sends: mail.sends,
        receives: mail.receives,
        spf: Observation::underived(),
        dmarc: Observation::underived(),
    }
}

/// The TXT records of a name.
async fn text(context: &Context, name: &str) -> Observation<Vec<String>> {
    ask(context, name, RecordType::TXT).await.observe(texts)
}

async fn exchangers(context: &Context, reply: &Reply) -> Observation<Vec<Mx>> {
    let End::Records(records) = &reply.end else { return reply.observe(|_| Vec::new()) };
    let listed = by_preference(records);
    let looked = listed.into_iter().enumerate().map(|(index, (preference, exchange))| async move {
        let ((addresses, is_alias), tlsa) = match exchange.as_str() {
            // The null MX needs none, and none is missing.
            "" => ((Observation::observed(Vec::new()), false), Observation::observed(Tlsa::default())),
            name if index < MAX_EXCHANGES => join(addresses_of(context, name), look_at_tlsa(context, SMTP, name)).await,
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

async fn addresses_of(context: &Context, name: &str) -> (Observation<Vec<String>>, bool) {
    let (a, aaaa) = join(ask(context, name, RecordType::A), ask(context, name, RecordType::AAAA)).await;
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
        Reply { aliases: vec![], end }
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
