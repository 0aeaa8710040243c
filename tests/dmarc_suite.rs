//! DMARC held against what others make of the same: records against the parser of the crate mail-auth, which follows RFC 9989 too, and aggregate
//! reports against the suite that it carries. The suite's files are read where the crate's sources lie; nothing of them is in this repository.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod support;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::dmarc::{Alignment, Dmarc as Theirs, Policy, Psd};
use scrutineer::derive::{Given, derive};
use scrutineer::facts::{Blobs, Dmarc, Looks, Observation, Timestamp, Unobserved, Zone, ZoneDns, ZoneMail};
use scrutineer::intake::dmarc_reports;
use scrutineer::store::Shelf;
use serde_json::Value;

/// Texts of one tag each, sound and faulty; an empty one leaves it out.
const POLICIES: [&str; 6] = ["p=none", "p=reject", "p = Quarantine ", "p=rejct", "p=", ""];
const SUBDOMAINS: [&str; 4] = ["", "sp=none", "SP=reject", "sp=all"];
const MISSING_NAMES: [&str; 4] = ["", "np=reject", "np=None", "np=no"];
const ALIGNMENTS: [&str; 4] = ["", "adkim=s; aspf=r", "adkim=R;aspf = S", "adkim=strict"];
const OTHERS: [&str; 7] = ["", "t=y", "t=n; psd=n", "psd=y; t=Y", "psd=u", "pct=25; ri=3600; rf=afrf", "unheard=of;;"];
const REPORTS: [&str; 5] = [
    "",
    "rua=mailto:a@cec.example",
    "rua=mailto:a@cec.example, mailto:b@example.org!10m; ruf=mailto:c@cec.example; fo=1:d",
    "rua=https://cec.example/reports",
    "ruf = MAILTO:d@cec.example;",
];

/// What a record comes to: policies, alignments, testing, whose tree it is, and addresses.
#[derive(Debug, PartialEq)]
struct Meaning {
    policies: [String; 3],
    alignment: [String; 2],
    testing: bool,
    psd: String,
    addresses: [Vec<String>; 2],
}

#[test]
fn every_record_reads_as_another_implementation_reads_it_or_is_called_faulty() {
    let (mut wrong, mut sound) = (Vec::new(), 0);
    for record in records() {
        let ours = ours(&record).expect("a DMARC record");
        match Theirs::parse(record.as_bytes()) {
            // Where it is lenient, we name a fault; what the record comes to is the same for what has none.
            Ok(theirs) if ours.faults.is_empty() => {
                sound += 1;
                let (here, there) = (meaning(&ours), meaning_of_theirs(&theirs));
                if here != there {
                    wrong.push(format!("{record}\n  here  {here:?}\n  there {there:?}"));
                }
            }
            Err(_) if ours.faults.is_empty() => {
                wrong.push(format!("{record}: no fault is named here, there it is refused"))
            }
            _ => {}
        }
    }
    assert!(sound > 500, "{sound}");
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.iter().take(8).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn the_public_suite_of_aggregate_reports_is_counted_as_it_should_be() {
    let folder = support::source_of("mail-auth").join("resources/dmarc-feedback");
    let mut seen = 0;
    for number in 1..=5 {
        let file = |kind: &str| std::fs::read(folder.join(format!("{number:03}.{kind}"))).expect("the suite");
        let expected: Value = serde_json::from_slice(&file("json")).expect("JSON");
        let read = dmarc_reports(std::iter::once((format!("{number:03}.xml"), Ok(file("xml")))));
        assert!(read.unread.is_empty(), "{number}: {:?}", read.unread);
        let domain = expected["policy_published"]["domain"].as_str().expect("a domain").to_lowercase();
        let ours = read.domains.get(&domain).expect("its domain");
        let rows = expected["record"].as_array().expect("records").iter().map(|record| &record["row"]);
        let passes = |row: &Value, by: &str| row["policy_evaluated"][by].as_str() == Some("Pass");
        let count = |row: &Value| row["count"].as_i64().expect("a count");
        let failing = rows.clone().filter(|row| !passes(row, "dkim") && !passes(row, "spf"));
        let here = |failed: bool| -> i64 {
            let sources = ours.sources.iter().filter(|source| !failed || (!source.dkim && !source.spf));
            sources.map(|source| source.messages).sum()
        };
        assert_eq!(here(false), rows.map(count).sum::<i64>(), "{number}: messages");
        assert_eq!(
            here(true),
            failing.map(count).sum::<i64>(),
            "{number}: messages that a strict policy would turn away"
        );
        seen += here(false);
    }
    assert!(seen > 0);
}

fn records() -> impl Iterator<Item = String> {
    let lists = [&POLICIES[..], &SUBDOMAINS, &MISSING_NAMES, &ALIGNMENTS, &OTHERS, &REPORTS];
    let total: usize = lists.iter().map(|list| list.len()).product();
    (0..total).map(move |mut number| {
        let tags = lists.iter().filter_map(|list| {
            let tag = list[number % list.len()];
            number /= list.len();
            (!tag.is_empty()).then_some(tag)
        });
        std::iter::once("v=DMARC1").chain(tags.collect::<Vec<_>>()).collect::<Vec<_>>().join("; ")
    })
}

/// What is derived of a zone with this record.
fn ours(record: &str) -> Option<Dmarc> {
    let mut mail = ZoneMail::unobserved(&Unobserved::absent());
    mail.dmarc_txt = Observation::observed(vec![record.to_owned()]);
    let zone = Zone { name: "cec.example".into(), dns: ZoneDns::unobserved(&Unobserved::absent()), mail };
    let mut looks = Looks { zones: Shelf::from_iter([("cec.example".to_owned(), zone)]), ..Looks::default() };
    derive(&mut looks, None, &Blobs::default(), &Given::at(Timestamp::EPOCH));
    looks.zones.get("cec.example")?.mail.dmarc.value().cloned()
}

fn meaning(ours: &Dmarc) -> Meaning {
    Meaning {
        policies: [&ours.policy, &ours.subdomain_policy, &ours.nonexistent_policy].map(Clone::clone),
        alignment: [&ours.adkim, &ours.aspf].map(Clone::clone),
        testing: ours.testing,
        psd: ours.psd.clone(),
        addresses: [&ours.rua, &ours.ruf].map(Clone::clone),
    }
}

fn meaning_of_theirs(theirs: &Theirs) -> Meaning {
    let policy = |policy: &Policy| match policy {
        Policy::Reject => "reject",
        Policy::Quarantine => "quarantine",
        Policy::None | Policy::Unspecified => "none",
    };
    let alignment = |alignment: &Alignment| match alignment {
        Alignment::Relaxed => "r",
        Alignment::Strict => "s",
    };
    let psd = match theirs.psd {
        Psd::Yes => "y",
        Psd::No => "n",
        Psd::Default => "u",
    };
    let addresses = |list: &[mail_auth::dmarc::URI]| list.iter().map(|uri| uri.uri.clone()).collect();
    Meaning {
        policies: [&theirs.p, &theirs.sp, &theirs.np].map(|one| policy(one).to_owned()),
        alignment: [&theirs.adkim, &theirs.aspf].map(|one| alignment(one).to_owned()),
        testing: theirs.t,
        psd: psd.to_owned(),
        addresses: [addresses(&theirs.rua), addresses(&theirs.ruf)],
    }
}
