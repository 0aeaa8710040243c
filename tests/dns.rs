//! The lab's DNS alone: zones on NSD, BIND and scripts below a root of their own, without a single other server, audited by the
//! program itself. Everything runs once; each test holds one promise over what that run left.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

#[path = "lab/audit.rs"]
#[allow(dead_code, reason = "tests/lab.rs uses the rest")]
mod audit;
#[path = "lab/dns/mod.rs"]
mod dns;
#[path = "lab/estates.rs"]
#[allow(dead_code, reason = "tests/lab.rs uses the rest")]
mod estates;
#[path = "lab/namespace.rs"]
#[allow(dead_code, reason = "tests/lab.rs uses the rest")]
mod namespace;
#[path = "lab/plan.rs"]
#[allow(dead_code, reason = "tests/lab.rs uses the rest")]
mod plan;
#[path = "lab/questions.rs"]
mod questions;
#[path = "lab/second_validator.rs"]
mod second_validator;
mod support;
#[path = "lab/validators.rs"]
mod validators;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use audit::{Audit, audit, ends, recorded};
use namespace::Namespace;
use scrutineer::derive::{Given, derive};
use scrutineer::facts::{Document, Zone};
use serde_json::Value;
use support::Desk;
use time::OffsetDateTime;

/// What the lab left.
struct Lab {
    all: Audit,
    /// `tcpdump -nn` of that audit: source and destination with ports, one line a packet.
    packets: Vec<String>,
    /// What unbound and delv say of each zone, and delv's own words.
    validators: BTreeMap<&'static str, (&'static str, &'static str, String)>,
}

fn lab() -> &'static Lab {
    // If the lab cannot be built, every test says so, and it is not tried again for each.
    static LAB: LazyLock<Lab> = LazyLock::new(run);
    &LAB
}

fn run() -> Lab {
    #[expect(clippy::disallowed_methods, reason = "the lab's calendar begins today")]
    let now = OffsetDateTime::now_utc();
    let mut lab = Namespace::new(&plan::network());
    dns::serve(&mut lab, now);
    lab.write("as.tsv", plan::AS_TABLE);
    lab.write("rdap.json", plan::RDAP_LIST);
    lab.write("zones.toml", &estates::zones(now));
    let families = ["--family", "dns,mail"];
    let (all, packets) = recorded(&mut lab, |lab| audit(lab, "zones", &families));
    validators::write_anchor(&lab);
    let say = |zone| {
        let (delv, words) = validators::delv(&lab, zone);
        (zone, (validators::unbound(&lab, zone), delv, words))
    };
    let validators = declared().map(say).collect();
    Lab { all, packets, validators }
}

fn declared() -> impl Iterator<Item = &'static str> {
    plan::bad_zones().chain([plan::GOOD_ZONE])
}

/// Each zone's DNSSEC state (RFC 4033 §5) and why.
const STATES: [(&str, &str, &str); 54] = [
    ("good.example", "secure", "nothing is wrong"),
    ("nomail.example", "secure", "nothing is wrong"),
    ("single.example", "secure", "has one server, which signs"),
    ("badmail.example", "secure", "only its mail is wrong"),
    ("mailfaults.example", "secure", "only its mail is wrong"),
    ("bad.example", "secure", "only its hosts are wrong"),
    ("dangling.example", "secure", "one of its servers does not exist; the others sign"),
    ("dead.example", "secure", "one of its servers is silent; the other signs"),
    ("recursive.example", "secure", "a server that also resolves signs like any other"),
    ("stale-parent.example", "secure", "wherever its parent sends resolvers, it is signed"),
    (
        "expired.example",
        "secure",
        "RSA/SHA-1 and a digest with SHA-1 are deprecated and still valid; six hours are left",
    ),
    ("sha1.example", "secure", "RSA/SHA-1 is deprecated and still valid (RFC 9905)"),
    ("sha512.example", "secure", "RSA/SHA-512 is not recommended and valid"),
    ("soon.example", "secure", "two days are left"),
    ("long-lived.example", "secure", "signatures may last for years"),
    ("late-ttl.example", "secure", "a TTL that ends after the signature is cut (RFC 4035 §5.3.3)"),
    ("extra-ds.example", "secure", "one DS that fits is enough (RFC 4035 §5.2)"),
    ("algorithm-missing.example", "secure", "one algorithm that validates is enough (RFC 6840 §5.11)"),
    ("short-key.example", "secure", "a short key is weak and valid"),
    ("nsec3.example", "secure", "what is there needs no denial; 150 iterations are the most that validators take"),
    ("no-denial.example", "secure", "what is there is signed; only denials are missing"),
    ("partial.example", "secure", "the TXT records alone are badly signed"),
    ("dmarc-altered.example", "secure", "the DMARC record alone is badly signed"),
    ("signed-wild.example", "secure", "a wildcard is signed like any record"),
    ("cds-stray.example", "secure", "CDS is for the parent, not for validators"),
    ("cds-delete.example", "secure", "CDS is for the parent, not for validators"),
    ("halfbogus.example", "secure", "one of its servers has sound signatures, and resolvers ask on until they find it"),
    ("spf-void.example", "secure", "only its mail is wrong"),
    ("spf-two.example", "secure", "only its mail is wrong"),
    ("spf-plus.example", "secure", "only its mail is wrong"),
    ("spf-neutral.example", "secure", "only its mail is wrong"),
    ("dmarc-none.example", "secure", "only its mail is wrong"),
    ("dmarc-missing.example", "secure", "only its mail is wrong"),
    ("dmarc-faulty.example", "secure", "only its mail is wrong"),
    ("cname-mx.example", "secure", "only its mail is wrong"),
    ("missing-ds.example", "insecure", "signed, and its parent proves that there is no DS"),
    ("unsupported.example", "insecure", "nobody knows the only algorithm of its DS (RFC 4035 §5.2)"),
    ("unsigned.example", "insecure", "its parent proves that there is no DS"),
    ("differ.example", "insecure", "its parent proves that there is no DS"),
    ("differ-mail.example", "insecure", "its parent proves that there is no DS"),
    ("mail-differs.example", "insecure", "its parent proves that there is no DS"),
    ("glue.example", "insecure", "its parent proves that there is no DS"),
    ("many.example", "insecure", "its parent proves that there is no DS"),
    ("alias.example", "insecure", "its parent proves that there is no DS"),
    ("open.example", "insecure", "its parent proves that there is no DS"),
    ("wild.example", "insecure", "its parent proves that there is no DS"),
    ("odd.example", "insecure", "its parent proves that there is no DS"),
    ("no-tcp.example", "insecure", "its parent proves that there is no DS"),
    ("no-edns.example", "insecure", "its parent proves that there is no DS"),
    ("formerr-edns.example", "insecure", "its parent proves that there is no DS"),
    ("lame.example", "insecure", "one of its servers answers, and its parent proves that there is no DS"),
    ("bogus.example", "bogus", "the DS is of a key that is not in the zone"),
    ("ended.example", "bogus", "all signatures ended a week ago"),
    ("silent.example", "indeterminate", "it has a DS, and its only server is silent"),
];

/// The state that the program derives, as it does before it judges, and why.
fn states() -> BTreeMap<String, (String, String)> {
    let mut document: Document = serde_json::from_value(lab().all.facts.clone()).expect("facts");
    let mut given = Given::at(document.run.now);
    given.trust_anchor.clone_from(&document.inputs["trust-anchor"].text);
    derive(&mut document.first, None, &document.blobs, &given);
    let state = |zone: Arc<Zone>| {
        let told = match zone.dns.dnssec.value() {
            Some(dnssec) => (dnssec.status.clone(), dnssec.reason.clone()),
            None => ("indeterminate".to_owned(), format!("{:?}", zone.dns.dnssec)),
        };
        (zone.name.clone(), told)
    };
    document.first.zones.values().map(state).collect()
}

#[test]
fn the_dnssec_state_of_every_zone_is_what_unbound_delv_and_domain_say() {
    assert_eq!(STATES.map(|(zone, ..)| zone).into_iter().collect::<BTreeSet<_>>(), declared().collect());
    let ours = states();
    let anchor = lab().all.facts["inputs"]["trust-anchor"]["text"].as_str().expect("the anchor");
    let mut wrong = String::new();
    for (zone, state, why) in STATES {
        let (ours, reason) = &ours[zone];
        let (unbound, delv, words) = &lab().validators[zone];
        let domain = second_validator::state(&lab().all.facts, anchor, zone).unwrap_or_else(|| "indeterminate".into());
        // That one has only the answers that the resolver happened to pass on.
        let is_unlucky = reason.contains("not what the resolver passed on");
        let expected = if is_unlucky { "bogus" } else { state };
        if [ours, *unbound, *delv] != [state; 3] || domain != expected {
            wrong.push_str(&format!(
                "{zone}: {state} ({why})\n  scrutineer {ours}: {reason}\n  unbound    {unbound}\n  delv       {delv}: {}\n  domain     {domain}\n",
                words.lines().take(4).collect::<Vec<_>>().join(" / ")
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Zone, check, verdict, and a word of what is said: the message of a failure, the reason of what could not be told.
const FAULTS: [(&str, &str, &str, &str); 65] = [
    ("spf-void.example", "mail.spf-void-lookups", "fail", "3"),
    ("spf-two.example", "mail.spf-several-records", "fail", "spf-two.example"),
    ("spf-plus.example", "mail.spf-allows-anyone", "fail", "spf-plus.example"),
    ("spf-neutral.example", "mail.spf-allows-anyone", "fail", "spf-neutral.example"),
    ("dmarc-none.example", "mail.dmarc-policy-none", "fail", "none"),
    ("dmarc-missing.example", "mail.dmarc-missing", "fail", "dmarc-missing.example"),
    ("dmarc-faulty.example", "mail.dmarc-faults", "fail", "quarantaine"),
    ("cname-mx.example", "mail.mx-alias", "fail", "mx.cname-mx.example"),
    ("badmail.example", "mail.spf-too-many-lookups", "fail", "badmail.example"),
    ("mailfaults.example", "mail.null-mx-with-others", "fail", "mailfaults.example"),
    ("recursive.example", "dns.name-server-recursion-offered", "fail", "45.43.1.53"),
    ("recursive.example", "dns.name-server-resolves-for-strangers", "fail", "45.43.1.53"),
    ("no-tcp.example", "dns.name-server-tcp-refused", "fail", "45.41.3.53"),
    ("no-edns.example", "dns.edns-broken", "fail", "45.41.5.53"),
    ("formerr-edns.example", "dns.edns-broken", "fail", "45.41.6.53"),
    ("open.example", "dns.zone-transfer-open", "fail", "45.42.1.53"),
    ("odd.example", "dns.name-server-refers-upward", "fail", "45.41.1.53"),
    ("odd.example", "dns.name-case-not-kept", "fail", "45.41.1.53"),
    ("odd.example", "dns.edns-extensions-broken", "fail", "45.41.1.53"),
    ("lame.example", "dns.lame-delegation", "fail", "45.40.1.53"),
    ("single.example", "dns.too-few-name-servers", "fail", "single.example"),
    ("differ.example", "dns.name-servers-disagree-serial", "fail", "differ.example"),
    ("differ.example", "dns.name-servers-disagree-ns", "fail", "differ.example"),
    ("differ.example", "dns.name-servers-disagree-records", "fail", "TXT"),
    ("mail-differs.example", "dns.name-servers-disagree-records", "fail", "TXT records of _dmarc.mail-differs.example"),
    (
        "mail-differs.example",
        "dns.name-servers-disagree-records",
        "fail",
        "TXT records of _mta-sts.mail-differs.example",
    ),
    ("mail-differs.example", "dns.name-servers-disagree-records", "fail", "of s1._domainkey.mail-differs.example"),
    ("mail-differs.example", "dns.name-servers-disagree-records", "fail", "of gone._domainkey.mail-differs.example"),
    ("stale-parent.example", "dns.parent-servers-disagree", "fail", "from ns2.example/45.11.3.53"),
    ("stale-parent.example", "dns.delegation-differs", "fail", "ns3.good.example"),
    ("dangling.example", "dns.dangling-name-server-unregistered", "fail", "never-registered.example"),
    ("alias.example", "dns.name-server-is-alias", "fail", "ns1.alias.example"),
    ("glue.example", "dns.glue-differs", "fail", "ns3.glue.example"),
    ("wild.example", "dns.wildcard-answers", "fail", "wild.example"),
    ("unsigned.example", "dns.dnssec-unsigned", "fail", "unsigned.example"),
    ("missing-ds.example", "dns.dnssec-ds-missing", "fail", "missing-ds.example"),
    ("unsupported.example", "dns.dnssec-unsigned", "fail", "not supported"),
    ("bogus.example", "dns.dnssec-bogus", "fail", "bogus.example"),
    ("ended.example", "dns.dnssec-bogus", "fail", "ended"),
    ("sha1.example", "dns.dnssec-weak-algorithm", "fail", "sha1.example"),
    ("sha512.example", "dns.dnssec-algorithm-not-recommended", "fail", "10"),
    ("short-key.example", "dns.dnssec-key-short", "fail", "1024"),
    ("halfbogus.example", "dns.dnssec-server-bogus", "fail", "expired on"),
    ("partial.example", "dns.dnssec-server-bogus", "fail", "TXT: the signature by key"),
    (
        "dmarc-altered.example",
        "dns.dnssec-server-bogus",
        "fail",
        "TXT _dmarc.dmarc-altered.example: the signature by key",
    ),
    ("no-denial.example", "dns.dnssec-denial-unproven", "fail", "neither NSEC nor NSEC3"),
    ("extra-ds.example", "dns.dnssec-ds-without-key", "fail", "/13/2"),
    ("algorithm-missing.example", "dns.dnssec-algorithm-incomplete", "fail", "SOA at ns1.good.example"),
    ("nsec3.example", "dns.dnssec-nsec3-iterations", "fail", "150"),
    ("nsec3.example", "dns.dnssec-nsec3-salt", "fail", "8 bytes"),
    ("nsec3.example", "dns.dnssec-nsec3-opt-out", "fail", "opt-out"),
    ("long-lived.example", "dns.dnssec-signature-life-long", "fail", "long-lived.example"),
    ("soon.example", "dns.dnssec-signer-stalled", "fail", "7 percent"),
    ("expired.example", "dns.dnssec-signature-not-renewed", "fail", "expired.example"),
    ("late-ttl.example", "dns.dnssec-record-outlives-signature", "fail", "may be kept until"),
    ("cds-stray.example", "dns.dnssec-cds-faulty", "fail", "is of no key of the zone"),
    ("cds-delete.example", "dns.dnssec-cds-asks-removal", "fail", "cds-delete.example"),
    // A server that is silent may be there: nobody knows what it would say.
    ("dead.example", "dns.lame-delegation", "undetermined", "timeout"),
    ("dead.example", "dns.name-server-tcp-refused", "undetermined", "timeout"),
    ("dead.example", "dns.edns-broken", "undetermined", "timeout"),
    ("silent.example", "dns.lame-delegation", "undetermined", "timeout"),
    ("silent.example", "dns.dnssec-bogus", "undetermined", ""),
    ("silent.example", "dns.dnssec-unsigned", "undetermined", ""),
    ("silent.example", "mail.spf-missing", "undetermined", ""),
    ("silent.example", "mail.dmarc-missing", "undetermined", ""),
];

#[test]
fn every_planted_fault_is_found_with_its_reason() {
    let mut missed = String::new();
    for (zone, check, verdict, word) in FAULTS {
        let found: Vec<&Value> = lab().all.found(check, zone).collect();
        let is_told = |finding: &&&Value| {
            finding["verdict"] == verdict
                && ["message", "reason", "element"].iter().any(|key| finding[key].to_string().contains(word))
        };
        if !found.iter().any(|finding| is_told(&finding)) {
            let all = found.iter().map(|f| format!("  {} {} {}\n", f["verdict"], f["message"], f["reason"]));
            missed.push_str(&format!("{zone}: {check} should {verdict} with '{word}'\n{}", all.collect::<String>()));
        }
    }
    assert!(missed.is_empty(), "\n{missed}");
}

#[test]
fn the_servers_of_a_zone_that_one_dead_one_has_are_all_the_same_looked_at() {
    let servers = &lab().all.facts["first"]["zones"]["dead.example"]["dns"]["servers"]["value"];
    let states = |transport: &str| -> BTreeMap<&str, &str> {
        let servers = servers.as_array().expect("servers").iter();
        servers.filter_map(|s| Some((s["address"].as_str()?, s[transport]["state"].as_str()?))).collect()
    };
    for transport in ["udp", "tcp"] {
        let mut expected: BTreeMap<&str, &str> = plan::NS1.map(|address| (address, "observed")).into();
        expected.insert(plan::DEAD_NS, "failed");
        assert_eq!(states(transport), expected, "{transport}");
    }
    // One question after the other would cost one wait after the other: two looks, each with a second try.
    let sent = lab()
        .packets
        .iter()
        .filter_map(|line| ends(line))
        .filter(|(_, target)| target.0 == plan::DEAD_NS && target.1 == 53);
    assert!(sent.count() <= 24, "a dead server is not asked everything");
}

#[test]
fn the_good_zone_fails_nothing_but_the_exceptions() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good-exceptions.toml"))
        .expect("a file");
    let exceptions: BTreeMap<String, String> = toml::from_str(&text).expect("check = \"reason\"");
    let all = lab().all.findings["findings"].as_array().expect("findings");
    let of_good = all.iter().filter(|f| f["subject"]["name"] == plan::GOOD_ZONE);
    let failed = of_good.clone().filter(|f| f["verdict"] == "fail");
    let wrong: Vec<String> = failed
        .filter(|f| !exceptions.contains_key(f["check"].as_str().unwrap_or_default()))
        .map(|f| format!("{}: {}", f["check"], f["message"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Its policy host does not listen here, and its registry neither.
    let open = of_good.filter(|f| f["verdict"] == "undetermined").filter_map(|f| f["check"].as_str());
    let open: Vec<&str> =
        open.filter(|check| !check.starts_with("mail.mta-sts-") && *check != "dns.registrar-lock-missing").collect();
    assert!(open.is_empty(), "left open: {open:?}");
}

/// There are more zones than are held in memory. What does not fit lies in a file, or stays where it is if there can be none.
#[test]
fn verdicts_do_not_depend_on_where_what_was_seen_is_held() {
    let desk = Desk::new();
    desk.write("facts.json", &lab().all.facts.to_string());
    std::fs::create_dir(desk.path("scratch")).expect("a folder");
    let judged = |name: &str, folder: &str| {
        let (json, html) = (format!("json={name}.json"), format!("html={name}.html"));
        let arguments = ["judge", "facts.json", "--exit-zero", "-o", &json, "-o", &html];
        let ended = desk.run_with(&[("TMPDIR", folder)], &arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let page = std::fs::read_to_string(desk.path(&format!("{name}.html"))).expect("a page");
        (desk.json(&format!("{name}.json")), page)
    };
    let (filed, filed_page) = judged("filed", &desk.path("scratch").display().to_string());
    let (held, held_page) = judged("held", "/there/is/no/such/folder");
    assert_eq!(filed["findings"], lab().all.findings["findings"], "as the audit itself said");
    assert!(filed == held && filed_page == held_page);
    for zone in declared() {
        assert!(held_page.contains(&format!("id=\"sheet-{}\"", zone.replace('.', "-"))), "{zone} has no sheet");
    }
    assert_eq!(std::fs::read_dir(desk.path("scratch")).expect("a folder").count(), 0, "nothing stays behind");
}

/// NSD and BIND as they come, each with many zones, whose questions come all at once.
#[test]
fn no_fault_is_laid_at_the_door_of_a_sound_server_and_none_is_left_open() {
    const OF_SERVERS: [&str; 8] = [
        "dns.aaaa-not-handled",
        "dns.edns-",
        "dns.lame-delegation",
        "dns.name-case-not-kept",
        "dns.name-server-re",
        "dns.name-server-tcp-refused",
        "dns.name-server-version-disclosed",
        "dns.zone-transfer-open",
    ];
    let all = lab().all.findings["findings"].as_array().expect("findings");
    let of_servers = all.iter().filter(|f| {
        f["check"].as_str().is_some_and(|check| OF_SERVERS.iter().any(|of_servers| check.starts_with(of_servers)))
    });
    let wrong: Vec<String> = of_servers
        .filter(|f| f["verdict"] == "fail" || f["verdict"] == "undetermined")
        .filter(|f| ["ns1", "ns2", "ns3"].iter().any(|name| f.to_string().contains(&format!("{name}.good.example/"))))
        .map(|f| format!("{} {} {}: {} {}", f["verdict"], f["check"], f["subject"]["name"], f["message"], f["reason"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Questions to the resolver do not depend on the machine: MX with four of addresses, TXT, DMARC at two names, MTA-STS with two
/// of its host, TLS reporting, one selector.
#[test]
fn the_mail_of_a_zone_takes_few_questions_and_none_twice() {
    let mail = &lab().all.facts["first"]["zones"]["good.example"]["mail"];
    let asked: Vec<&String> = mail["answers"].as_object().expect("answers").keys().collect();
    assert_eq!(asked.len(), 13, "{asked:?}");
}

#[test]
fn no_two_servers_of_the_lab_share_an_address() {
    let all = plan::all_addresses();
    let once: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), once.len());
}
