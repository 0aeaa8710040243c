//! The names that mail of a zone leans on, and whether they are there. A name that is not, in a domain that nobody holds, is
//! for anybody to register.

use std::collections::BTreeSet;

use super::Answers;
use crate::facts::{LIST_CAP, MailTarget, MailTargets, Observation, ZoneMail, is_within, registrable};

/// From what was derived before: SPF, where reports go, MTA-STS.
pub(super) fn derive(zone: &str, mail: &ZoneMail) -> MailTargets {
    let answers = Answers(&mail.answers);
    let targets = |names: BTreeSet<String>| -> Vec<MailTarget> {
        names.iter().take(LIST_CAP).map(|name| target(zone, name, answers)).collect()
    };
    let of = |names: Observation<BTreeSet<String>>| {
        names.and_then(|names, observed_at| Observation::Observed { observed_at, value: targets(names.clone()) })
    };
    let mx = of(collected(&mail.mx, |list| list.iter().map(|mx| mx.exchange.clone()).filter(|x| is_name(x)).collect()));
    let spf = of(collected(&mail.spf, |spf| spf.names.iter().cloned().collect()));
    let dmarc_reports = collected(&mail.report_targets, |list| list.iter().map(|t| t.domain.clone()).collect());
    let tls_reports = collected(&mail.tls_rpt, |rpt| rpt.rua.iter().filter_map(|uri| domain_of(uri)).collect());
    let reports = of(union([dmarc_reports, tls_reports]));
    let policies = of(policies(zone, mail, answers));
    let all = [&mx, &spf, &reports, &policies]
        .map(|list| collected(list, |targets| targets.iter().map(|target| target.name.clone()).collect()));
    let all = of(union(all));
    MailTargets { mx, spf, reports, policies, all }
}

/// Names without those that cannot be looked up: the null MX, addresses written as names.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.parse::<std::net::IpAddr>().is_err()
}

fn domain_of(uri: &str) -> Option<String> {
    let (_, domain) = uri.strip_prefix("mailto:")?.rsplit_once('@')?;
    Some(domain.trim_end_matches('.').to_ascii_lowercase())
}

/// The policy host, if a record announces a policy, and the names of policies and keys that are aliases.
fn policies(zone: &str, mail: &ZoneMail, answers: Answers<'_>) -> Observation<BTreeSet<String>> {
    let selectors = mail.dkim_selectors.iter().map(|s| format!("{}._domainkey.{zone}", s.selector));
    let fixed = ["_dmarc", "_mta-sts", "_smtp._tls"].map(|label| format!("{label}.{zone}"));
    let is_alias = |name: &String| answers.get(name, "TXT").is_some_and(|answer| !answer.aliases.is_empty());
    let aliases: BTreeSet<String> = fixed.into_iter().chain(selectors).filter(is_alias).collect();
    let host = collected(&mail.mta_sts, |_| BTreeSet::from([format!("mta-sts.{zone}")]));
    if aliases.is_empty() {
        return host;
    }
    let observed_at = mail.txt.observed_at();
    union([host, Observation::Observed { observed_at, value: aliases }])
}

fn collected<T>(from: &Observation<T>, names: impl FnOnce(&T) -> BTreeSet<String>) -> Observation<BTreeSet<String>> {
    from.and_then(|value, observed_at| Observation::Observed { observed_at, value: names(value) })
}

/// All names together. What is not there adds none; where one part is not known, the whole is not.
fn union<const N: usize>(parts: [Observation<BTreeSet<String>>; N]) -> Observation<BTreeSet<String>> {
    let mut names: Option<BTreeSet<String>> = None;
    let mut at = parts[0].observed_at();
    for part in parts {
        match part {
            Observation::Observed { observed_at, value } => {
                at = observed_at;
                names.get_or_insert_default().extend(value);
            }
            Observation::Absent { .. } => {}
            unknown => return unknown,
        }
    }
    names.map_or(Observation::Absent { observed_at: at }, |value| Observation::Observed { observed_at: at, value })
}

fn target(zone: &str, name: &str, answers: Answers<'_>) -> MailTarget {
    // The zone itself is there: it was looked at.
    let exists = if name == zone { known(true) } else { answers.exists(name) };
    let is_gone = exists.value() == Some(&false);
    let lacking = if is_gone { answers.lacking(name) } else { name };
    let domain = registrable(lacking);
    let domain_exists = match &exists {
        Observation::Observed { value: true, .. } => exists.clone(),
        Observation::Observed { .. } if is_within(lacking, zone) || is_within(zone, domain) => known(true),
        Observation::Observed { .. } if lacking == domain => exists.clone(),
        Observation::Observed { .. } => answers.exists(domain),
        unknown => unknown.clone(),
    };
    MailTarget {
        name: name.to_owned(),
        lacking: if is_gone { lacking.to_owned() } else { String::new() },
        exists,
        domain: domain.to_owned(),
        domain_exists,
    }
}

fn known(value: bool) -> Observation<bool> {
    Observation::Observed { observed_at: crate::facts::Timestamp::EPOCH, value }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::{MailAnswer, Reason};

    fn answer(exists: Option<bool>, aliases: &[&str]) -> MailAnswer {
        let records = match exists {
            Some(_) => Observation::absent(),
            None => Observation::failed(Reason::Servfail, "it answered SERVFAIL"),
        };
        MailAnswer { records, exists, aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(), ttl: None }
    }

    /// Name; lacking; exists; domain; whether the domain exists.
    #[test]
    fn what_is_not_there_is_told_from_what_could_not_be_asked() {
        let answers = BTreeMap::from([
            ("there.y.example A".to_owned(), answer(Some(true), &[])),
            ("gone.y.example A".to_owned(), answer(Some(false), &[])),
            ("y.example SOA".to_owned(), answer(Some(true), &[])),
            ("lapsed.example TXT".to_owned(), answer(Some(false), &[])),
            ("a.lapsed.example TXT".to_owned(), answer(Some(false), &[])),
            ("lapsed.example SOA".to_owned(), answer(Some(false), &[])),
            ("own.x.example A".to_owned(), answer(Some(false), &["deep.lapsed.example"])),
            ("mx.x.example A".to_owned(), answer(Some(false), &[])),
            ("dark.example A".to_owned(), answer(None, &[])),
            ("a.half.example A".to_owned(), answer(Some(false), &[])),
            ("half.example SOA".to_owned(), answer(None, &[])),
        ]);
        let table = [
            ("there.y.example", "", Some(true), "y.example", Some(true)),
            ("gone.y.example", "gone.y.example", Some(false), "y.example", Some(true)),
            ("lapsed.example", "lapsed.example", Some(false), "lapsed.example", Some(false)),
            ("a.lapsed.example", "a.lapsed.example", Some(false), "lapsed.example", Some(false)),
            ("own.x.example", "deep.lapsed.example", Some(false), "lapsed.example", Some(false)),
            ("mx.x.example", "mx.x.example", Some(false), "x.example", Some(true)),
            ("dark.example", "", None, "dark.example", None),
            ("a.half.example", "a.half.example", Some(false), "half.example", None),
            ("never.example", "", None, "never.example", None),
        ];
        for (name, lacking, exists, domain, domain_exists) in table {
            let found = target("x.example", name, Answers(&answers));
            assert_eq!((found.lacking.as_str(), found.domain.as_str()), (lacking, domain), "{name}");
            assert_eq!(
                (found.exists.value().copied(), found.domain_exists.value().copied()),
                (exists, domain_exists),
                "{name}"
            );
        }
    }

    #[test]
    fn one_unknown_part_leaves_the_whole_open_and_an_absent_one_adds_nothing() {
        let set = |name: &str| Observation::observed(BTreeSet::from([name.to_owned()]));
        let dark = || Observation::failed(Reason::Timeout, "no answer");
        assert_eq!(union([set("a"), Observation::absent()]).value().map(BTreeSet::len), Some(1));
        assert!(matches!(union([set("a"), dark()]), Observation::Failed { .. }));
        assert!(matches!(union([Observation::absent(), Observation::absent()]), Observation::Absent { .. }));
    }
}
