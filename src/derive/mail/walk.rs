//! Which DMARC policy applies to a name: its own, or one found on the way up the tree (RFC 9989 §4.10); and where its reports
//! go.

use super::Answers;
use super::dmarc::{self, is_dmarc};
use crate::facts::{Dmarc, DmarcPolicy, LIST_CAP, Observation, ReportTarget, Unobserved, dmarc_walk, registrable};

/// The policy that receivers apply to mail from the zone's own name; absent if there is none on the way up. `own` is the
/// record of the name itself.
pub(super) fn policy(zone: &str, own: &Observation<Dmarc>, answers: Answers<'_>) -> Observation<DmarcPolicy> {
    let walk = match walk(zone, own, answers) {
        Ok(walk) => walk,
        Err(why) => return why.cast(),
    };
    let Walk { found, walked, organisational_domain } = walk;
    let applies = match own.value().filter(|own| own.records == 1) {
        Some(own) => Some((zone.to_owned(), own.policy.clone(), own)),
        // The organisation's record comes before that of the public suffix above it (§4.10.1).
        None => {
            let of = |name: &str| found.iter().find(|(at, _)| at == name);
            let above = of(&organisational_domain).or_else(|| found.iter().find(|(_, dmarc)| dmarc.psd == "y"));
            above.map(|(at, dmarc)| (at.clone(), dmarc.subdomain_policy.clone(), dmarc))
        }
    };
    let observed_at = own.observed_at();
    match applies {
        None => Observation::Absent { observed_at },
        Some((found_at, policy, record)) => {
            let inherited = found_at != zone;
            let (testing, rua) = (record.testing, record.rua.clone());
            let value = DmarcPolicy { found_at, inherited, policy, testing, rua, organisational_domain, walked };
            Observation::Observed { observed_at, value }
        }
    }
}

struct Walk {
    /// Records, from the name upwards; those that stand twice at a name are none (§4.10).
    found: Vec<(String, Dmarc)>,
    walked: Vec<String>,
    organisational_domain: String,
}

/// Goes up as a receiver does. A step that could not be asked leaves everything open, unless the name's own record decides.
fn walk(zone: &str, own: &Observation<Dmarc>, answers: Answers<'_>) -> Result<Walk, Unobserved> {
    let mut found: Vec<(String, Dmarc)> = Vec::new();
    let mut walked = Vec::new();
    for name in dmarc_walk(zone) {
        let record = if name == zone {
            own.clone()
        } else {
            answers.texts(&format!("_dmarc.{name}")).and_then(|texts, at| dmarc::read(name, texts, at))
        };
        walked.push(name.to_owned());
        match record {
            Observation::Observed { value, .. } if value.records == 1 => found.push((name.to_owned(), value)),
            Observation::Observed { .. } | Observation::Absent { .. } => {}
            // The policy is known; which domain is the organisation's stays with what is known.
            _ if own.value().is_some() => break,
            unknown => return Err(unknown.unobserved().unwrap_or_else(Unobserved::absent)),
        }
        if found.last().is_some_and(|(at, dmarc)| at == name && dmarc.psd != "u") {
            break;
        }
    }
    let organisational_domain = organisational_domain(zone, &found);
    Ok(Walk { found, walked, organisational_domain })
}

/// §4.10.2.
fn organisational_domain(zone: &str, found: &[(String, Dmarc)]) -> String {
    match found.last() {
        Some((at, dmarc)) if dmarc.psd == "y" && at != zone => {
            let below = dmarc_walk(zone).into_iter().take_while(|name| name != at).last();
            below.unwrap_or(zone).to_owned()
        }
        // The one with the fewest labels; with psd=n that is where the walk stopped.
        Some((at, _)) => at.clone(),
        None => zone.to_owned(),
    }
}

/// Where the reports of a record go, and whether they are welcome there (RFC 9990 §4).
pub(super) fn report_targets(zone: &str, dmarc: &Dmarc, answers: Answers<'_>) -> Vec<ReportTarget> {
    let tagged =
        |tag: &'static str, list: &[String]| list.iter().map(|address| (tag, address.clone())).collect::<Vec<_>>();
    let all = tagged("rua", &dmarc.rua).into_iter().chain(tagged("ruf", &dmarc.ruf));
    let target = |(tag, address): (&str, String)| {
        let domain =
            address.rsplit_once('@').map_or("", |(_, domain)| domain).trim_end_matches('.').to_ascii_lowercase();
        let external = registrable(&domain) != registrable(zone);
        let authorised = if external { agrees(zone, &domain, answers) } else { known(true) };
        ReportTarget { address, tag: tag.to_owned(), domain, external, authorised }
    };
    all.map(target).take(LIST_CAP).collect()
}

fn agrees(zone: &str, domain: &str, answers: Answers<'_>) -> Observation<bool> {
    let texts = answers.texts(&format!("{zone}._report._dmarc.{domain}"));
    match texts {
        Observation::Absent { observed_at } => Observation::Observed { observed_at, value: false },
        other => other.and_then(|texts, observed_at| Observation::Observed {
            observed_at,
            value: texts.iter().any(|text| is_dmarc(text)),
        }),
    }
}

fn known(value: bool) -> Observation<bool> {
    Observation::Observed { observed_at: crate::facts::Timestamp::EPOCH, value }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::{MailAnswer, Reason, Timestamp};

    fn answers(list: &[(&str, Observation<Vec<String>>)]) -> BTreeMap<String, MailAnswer> {
        let answer = |records: &Observation<Vec<String>>| MailAnswer {
            records: records.clone(),
            exists: None,
            aliases: Vec::new(),
            ttl: None,
        };
        list.iter().map(|(name, records)| (format!("{name} TXT"), answer(records))).collect()
    }

    fn texts(list: &[&str]) -> Observation<Vec<String>> {
        Observation::observed(list.iter().map(|&text| text.to_owned()).collect())
    }

    fn policy_of(zone: &str, list: &[(&str, Observation<Vec<String>>)]) -> Observation<DmarcPolicy> {
        let mut all = answers(list);
        for name in dmarc_walk(zone) {
            let absent = answers(&[(&format!("_dmarc.{name}"), Observation::absent())]);
            for (question, answer) in absent {
                all.entry(question).or_insert(answer);
            }
        }
        let answers = Answers(&all);
        let own = answers.texts(&format!("_dmarc.{zone}")).and_then(|texts, at| dmarc::read(zone, texts, at));
        policy(zone, &own, answers)
    }

    /// Zone, records on the way, and: found at, policy, organisational domain.
    #[test]
    fn the_policy_and_the_organisation_are_found_as_a_receiver_finds_them() {
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<(&'a str, &'a str, &'a str)>);
        let table: &[Row<'_>] = &[
            ("x.example", &[("_dmarc.x.example", "v=DMARC1; p=reject")], Some(("x.example", "reject", "x.example"))),
            (
                "a.x.example",
                &[("_dmarc.x.example", "v=DMARC1; p=reject; sp=none")],
                Some(("x.example", "none", "x.example")),
            ),
            (
                "a.x.example",
                &[("_dmarc.x.example", "v=DMARC1; p=quarantine; np=reject")],
                Some(("x.example", "quarantine", "x.example")),
            ),
            (
                "a.x.example",
                &[("_dmarc.a.x.example", "v=DMARC1; p=none"), ("_dmarc.x.example", "v=DMARC1; p=reject")],
                Some(("a.x.example", "none", "x.example")),
            ),
            (
                "a.x.example",
                &[("_dmarc.a.x.example", "v=DMARC1; p=none; psd=n"), ("_dmarc.x.example", "v=DMARC1; p=reject")],
                Some(("a.x.example", "none", "a.x.example")),
            ),
            (
                "a.x.gov.example",
                &[("_dmarc.gov.example", "v=DMARC1; p=reject; psd=y")],
                Some(("gov.example", "reject", "x.gov.example")),
            ),
            (
                "a.x.gov.example",
                &[("_dmarc.x.gov.example", "v=DMARC1; p=none"), ("_dmarc.gov.example", "v=DMARC1; p=reject; psd=y")],
                Some(("x.gov.example", "none", "x.gov.example")),
            ),
            ("x.example", &[], None),
        ];
        for (zone, records, expected) in table {
            let records: Vec<_> = records.iter().map(|(name, text)| (*name, texts(&[text]))).collect();
            let found = policy_of(zone, &records);
            let told =
                found.value().map(|p| (p.found_at.as_str(), p.policy.as_str(), p.organisational_domain.as_str()));
            assert_eq!(told, *expected, "{zone} {records:?}");
        }
    }

    #[test]
    fn two_records_above_are_none() {
        let found =
            policy_of("a.x.example", &[("_dmarc.x.example", texts(&["v=DMARC1; p=none", "v=DMARC1; p=reject"]))]);
        assert!(matches!(found, Observation::Absent { .. }));
    }

    #[test]
    fn a_step_that_could_not_be_asked_leaves_open_whether_there_is_a_policy() {
        let dark = || Observation::failed(Reason::Servfail, "it answered SERVFAIL");
        let found = policy_of("a.x.example", &[("_dmarc.x.example", dark())]);
        assert!(matches!(found, Observation::Failed { reason: Reason::Servfail, .. }));
        let own = policy_of(
            "a.x.example",
            &[("_dmarc.a.x.example", texts(&["v=DMARC1; p=none"])), ("_dmarc.x.example", dark())],
        );
        assert_eq!(own.value().map(|p| p.policy.as_str()), Some("none"), "its own record is enough");
        let never = policy("a.x.example", &Observation::absent(), Answers(&BTreeMap::new()));
        assert!(matches!(never, Observation::NotRun { .. }), "older facts did not ask");
    }

    #[test]
    fn reports_elsewhere_need_the_consent_of_that_place() {
        let all = answers(&[
            ("x.example._report._dmarc.yes.example", texts(&["v=DMARC1;"])),
            ("x.example._report._dmarc.no.example", Observation::absent()),
            ("x.example._report._dmarc.dark.example", Observation::failed(Reason::Timeout, "no answer")),
        ]);
        let record = "v=DMARC1; p=none; rua=mailto:a@yes.example,mailto:a@no.example,mailto:a@dark.example; ruf=mailto:b@mail.x.example";
        let dmarc = dmarc::read("x.example", &[record.to_owned()], Timestamp::EPOCH);
        let targets = report_targets("x.example", dmarc.value().unwrap(), Answers(&all));
        let told: Vec<(bool, Option<bool>)> =
            targets.iter().map(|t| (t.external, t.authorised.value().copied())).collect();
        assert_eq!(told, [(true, Some(true)), (true, Some(false)), (true, None), (false, Some(true))]);
        assert_eq!(targets[3].tag, "ruf");
    }
}
