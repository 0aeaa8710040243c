//! The public suite of SPF (RFC 7208), as the crate mail-auth carries it: what the suite holds to be a permanent error is a fault here, and what
//! it evaluates without one has none. The suite's files are read where the crate's sources lie; nothing of them is in this repository.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use scrutineer::derive::{Given, derive};
use scrutineer::facts::{
    Blobs, Looks, MailAnswer, Observation, Reason, Spf, Timestamp, Unobserved, Zone, ZoneDns, ZoneMail,
};
use scrutineer::store::Shelf;

/// Records that are told otherwise here, and why.
const OTHERWISE: [(&str, &str); 3] = [
    ("v=spf1 mx -all", "the suite counts eleven addresses of one exchanger as eleven exchangers"),
    (
        "v=spf1 -all ip:10.0.0.1",
        "an unknown mechanism is an error wherever it stands (RFC 7208 §4.6), which the suite overlooks",
    ),
    (
        "v=spf1 include:_spf.yandex.net include:spf.unisender.com ~all",
        "evaluation ends before a name that the suite has no record for",
    ),
];

/// Faults of use that evaluation does not stop at.
const USE: [&str; 6] = [
    "lets everyone send",
    "says nothing about anyone else",
    "says nothing about anyone",
    "should not be used",
    "lets a large part of the internet send",
    "is ignored because there is an 'all'",
];

/// One block of the suite: the records of a small world, and what evaluation comes to for some domains in it.
#[derive(Default)]
struct Block {
    spf: BTreeMap<String, Vec<String>>,
    /// Answers to questions for addresses and exchangers, `name TYPE`.
    answers: BTreeMap<String, Vec<String>>,
    expected: BTreeMap<String, BTreeSet<String>>,
}

#[test]
fn permanent_errors_of_the_public_suite_are_faults_and_nothing_else_is() {
    let (mut wrong, mut judged) = (Vec::new(), 0);
    for block in suite() {
        for (domain, expected) in &block.expected {
            let Some(spf) = block.spf(domain) else { continue };
            let is_told_otherwise = OTHERWISE.iter().any(|(record, _)| *record == spf.record);
            let is_of_use = |text: &&str| USE.iter().any(|word| text.contains(word));
            let told: Vec<&str> =
                spf.faults.iter().map(|fault| fault.text.as_str()).filter(|t| !is_of_use(t)).collect();
            let too_much = spf.lookup_count.value().is_some_and(|count| *count > 10);
            let is_error = !told.is_empty() || too_much;
            let should_be = expected.contains("permerror");
            // A name that can have no record at all has none to judge.
            if expected.contains("none") {
                continue;
            }
            judged += 1;
            // What cannot be asked leaves it open; both sides may then stop before the fault.
            if is_error != should_be && !expected.contains("temperror") && !is_told_otherwise {
                wrong.push(format!("{domain}: the suite says {expected:?} of '{}', here {told:?}", spf.record));
            }
        }
    }
    assert!(judged >= 50, "the suite is there: {judged}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

impl Block {
    /// What is derived for a domain that has a record.
    fn spf(&self, domain: &str) -> Option<Spf> {
        let texts = self.spf.get(domain)?;
        let mut mail = ZoneMail::unobserved(&Unobserved::absent());
        mail.txt = Observation::observed(texts.clone());
        mail.spf_reached =
            self.spf.iter().map(|(name, texts)| (name.clone(), Observation::observed(texts.clone()))).collect();
        // What is led to and not there has no record; one name of the suite cannot be asked.
        for target in self.spf.values().flatten().flat_map(|text| targets(text)) {
            let nothing = || match target.starts_with("_dns_error") {
                true => Observation::failed(Reason::Servfail, "it answered SERVFAIL"),
                false => Observation::absent(),
            };
            mail.spf_reached.entry(target.clone()).or_insert_with(nothing);
        }
        let answer = |records: &Vec<String>| MailAnswer {
            records: Observation::observed(records.clone()),
            exists: Some(true),
            aliases: Vec::new(),
            ttl: None,
        };
        mail.answers = self.answers.iter().map(|(question, records)| (question.clone(), answer(records))).collect();
        let zone = Zone { name: domain.to_owned(), dns: ZoneDns::unobserved(&Unobserved::absent()), mail };
        let mut looks = Looks { zones: Shelf::from_iter([(domain.to_owned(), zone)]), ..Looks::default() };
        derive(&mut looks, None, &Blobs::default(), &Given::at(Timestamp::EPOCH));
        looks.zones.get(domain)?.mail.spf.value().cloned()
    }
}

/// Names that a record leads to.
fn targets(text: &str) -> impl Iterator<Item = String> + '_ {
    let target = |term: &str| {
        let term = term.trim_start_matches(['+', '-', '~', '?']);
        let name = term.strip_prefix("include:").or_else(|| term.strip_prefix("redirect="))?;
        Some(name.trim_end_matches('.').to_lowercase())
    };
    text.split_whitespace().filter_map(target)
}

/// All blocks of all files. The format looks like YAML and repeats its keys, so it is read by lines.
fn suite() -> Vec<Block> {
    let folder = support::source_of("mail-auth").join("resources/spf");
    let files = std::fs::read_dir(folder).expect("the suite").map(|entry| entry.expect("an entry").path());
    // In this one every test changes the world for itself.
    let files = files.filter(|file| !file.ends_with("examples.yml"));
    let texts = files.map(|file| std::fs::read_to_string(file).expect("text"));
    // A block may have several worlds, each with its own records.
    texts.flat_map(|text| text.split("records:").map(block).collect::<Vec<_>>()).collect()
}

fn block(text: &str) -> Block {
    let mut block = Block::default();
    let mut domain = String::new();
    for line in text.lines() {
        let Some((key, value)) = line.trim_start().trim_start_matches("- ").split_once(": ") else { continue };
        let value = value.trim();
        let (name, rest) = value.split_once(' ').unwrap_or((value, ""));
        let name = name.trim_end_matches('.').to_lowercase();
        let mut keep = |kind: &str| {
            let data = rest.split(',').map(|one| one.trim().to_owned());
            block.answers.entry(format!("{name} {kind}")).or_default().extend(data);
        };
        match key {
            "spf" => block.spf.entry(name).or_default().push(rest.trim_end().to_owned()),
            "a" => keep("A"),
            "aaaa" => keep("AAAA"),
            "mx" => keep("MX"),
            "domain" => domain = value.trim_end_matches('.').to_lowercase(),
            "expect" => drop(block.expected.entry(domain.clone()).or_default().insert(name)),
            _ => {}
        }
    }
    block
}
