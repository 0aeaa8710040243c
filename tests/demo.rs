//! `scrutineer demo`: the planted flaws are found, the well-kept host is left in peace, and nobody else is spoken to.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{Desk, verdict};

fn demo() -> (Desk, Value, Value) {
    let desk = Desk::new();
    let ended = desk.run(&["demo", "--into", "demo"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("report.html"), "the last lines say where the report is: {}", ended.stderr);
    let (findings, facts) = (desk.json("demo/findings.json"), desk.json("demo/facts.json"));
    (desk, findings, facts)
}

#[test]
fn the_planted_flaws_are_found() {
    let (_desk, findings, _) = demo();
    for (check, subject) in [
        ("services.redis-open", "register.cec.example:6379/tcp"),
        ("services.undeclared-port", "register.cec.example"),
        ("services.declared-not-answering", "media.cec.example:443/tcp"),
        ("tls.certificate-self-signed", "register.cec.example:443/tcp"),
        ("tls.certificate-expires-before-results", "results.cec.example:443/tcp"),
        ("web.http-no-redirect", "results.cec.example:80/tcp"),
        ("web.csp-inline-script", "results.cec.example:443/tcp"),
        ("web.form-to-plain-http", "register.cec.example:443/tcp"),
        ("dns.lame-delegation", "party.example"),
        ("dns.dnssec-unsigned", "party.example"),
        ("mail.dmarc-policy-none", "cec.example"),
        ("mail.spf-missing", "party.example"),
        ("estate.owner-missing", "estate"),
    ] {
        let (word, why) = verdict(&findings, check, subject).expect(check);
        assert_eq!(word, "fail", "{check} on {subject}: {why}");
    }
}

#[test]
fn the_signed_zone_is_secure_and_the_good_host_fails_nothing_but_what_loopback_lacks() {
    let (_desk, findings, _) = demo();
    assert_eq!(verdict(&findings, "dns.dnssec-unsigned", "cec.example").expect("judged").0, "pass");
    assert_eq!(verdict(&findings, "dns.dnssec-bogus", "cec.example").expect("judged").0, "pass");
    let all = findings["findings"].as_array().expect("findings");
    let of_www = all.iter().filter(|f| f["subject"]["name"].as_str().is_some_and(|s| s.starts_with("www.cec.example")));
    let not_well: Vec<&str> = of_www
        .filter(|f| f["verdict"] == "fail" || f["verdict"] == "undetermined")
        .filter_map(|f| f["check"].as_str())
        .collect();
    assert_eq!(not_well, ["dns.host-without-ipv6"]);
}

#[test]
fn only_loopback_and_only_its_own_ports_are_spoken_to() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["demo", "--into", "demo"]).code, 0);
    let facts = desk.json("demo/facts.json");
    let addresses = facts["first"].as_object().and_then(|_| facts["traffic"]["addresses"].as_array());
    for address in addresses.expect("addresses") {
        assert!(address.as_str().is_some_and(|a| a.starts_with("127.")), "{address}");
    }
    // With a port map, a port that is not in it is never dialled: the list of open ports can hold mapped ones alone.
    for host in facts["first"]["hosts"].as_object().expect("hosts").values() {
        for address in host["ports"]["value"]["addresses"].as_array().into_iter().flatten() {
            assert!(address["looked"].as_i64().is_some_and(|n| n <= 4), "{address}");
        }
    }
}

#[test]
fn two_demos_come_to_the_same_verdicts() {
    let verdicts = || -> BTreeSet<String> {
        let (_desk, findings, _) = demo();
        let all = findings["findings"].as_array().expect("findings").clone();
        all.iter()
            .map(|f| format!("{} {} {} {}", f["check"], f["subject"]["name"], f["element"], f["verdict"]))
            .collect()
    };
    let (first, second) = (verdicts(), verdicts());
    assert_eq!(first.symmetric_difference(&second).collect::<Vec<_>>(), Vec::<&String>::new());
}
