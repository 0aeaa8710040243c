//! What a run tells, from stored facts: the same facts always give the same words. The facts are those of a run of the demo;
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test --test telling`, after a change that is meant.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod support;

use std::path::Path;

use support::{Desk, verdict};

fn facts() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo.facts.json").display().to_string()
}

#[test]
fn the_summary_reads_as_it_did() {
    let ended = Desk::new().run(&["judge", &facts()]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    insta::assert_snapshot!("summary", ended.stdout);
}

#[test]
fn equal_facts_give_equal_bytes() {
    let desk = Desk::new();
    for name in ["a", "b"] {
        let (html, json) = (format!("html={name}.html"), format!("json={name}.json"));
        assert_eq!(desk.run(&["report", &facts(), "-o", &html, "-o", &json, "--exit-zero"]).code, 0);
    }
    for (a, b) in [("a.html", "b.html"), ("a.json", "b.json")] {
        let read = |name: &str| std::fs::read(desk.path(name)).expect("written");
        assert!(read(a) == read(b), "{a} and {b} differ");
    }
}

#[test]
fn a_report_says_what_was_not_seen_and_never_that_all_is_well() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["report", &facts(), "-o", "html=report.html", "--exit-zero"]).code, 0);
    let html = std::fs::read_to_string(desk.path("report.html")).expect("written");
    for needed in [
        "could not be determined",
        "not testable from outside",
        "the existence of a policy was not examined",
        "By our classification, not reviewed by an authority",
        "evidence about 27, partial evidence about 72, and none about 223; 13 are",
        "the NIS 2 Directive does not apply of itself",
        "under authorisation DEMO-1",
        "from this place, at this time",
    ] {
        assert!(html.contains(needed), "the report does not say: {needed}");
    }
    let lower = html.to_lowercase();
    for claim in ["is compliant", "fully compliant", "is secure.", "no vulnerabilities", "100 %"] {
        assert!(!lower.contains(claim), "the report claims: {claim}");
    }
    // No criminal article stands on a sheet or beside a finding (design §9).
    assert!(!html.contains(">BC-") && !html.contains("Budapest"), "an offence is cited in a report");
}

#[test]
fn judging_at_another_moment_changes_what_depends_on_time_alone() {
    let desk = Desk::new();
    let later = ["judge", &facts(), "--now", "2027-03-01T00:00:00Z", "-o", "json=later.json", "--exit-zero"];
    assert_eq!(desk.run(&later).code, 0);
    let findings = desk.json("later.json");
    let expired = verdict(&findings, "tls.certificate-expired", "results.cec.example:443/tcp");
    assert_eq!(expired.expect("judged").0, "fail");
    let redis = verdict(&findings, "services.redis-open", "register.cec.example:6379/tcp");
    assert_eq!(redis.expect("judged").0, "fail");
}

#[test]
fn a_family_that_was_not_judged_is_grey_and_raises_no_ratio() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["judge", &facts(), "-o", "json=all.json", "--exit-zero"]).code, 0);
    let some = ["judge", &facts(), "--check", "tls", "-o", "json=some.json", "--exit-zero"];
    assert_eq!(desk.run(&some).code, 0);
    let (all, some) = (desk.json("all.json"), desk.json("some.json"));
    let state = |document: &serde_json::Value, control: &str| document["coverage"][control]["state"].clone();
    // These facts are older than some checks of mail, whose passes they cannot show.
    assert_eq!(state(&all, "IR2690-6.7.2.l"), "inconsistent");
    assert_eq!(state(&some, "IR2690-6.7.2.l"), "not_tested", "mail was not selected");
}

/// A report about a zone: messages from a network that nobody vouches for, and some of the zone's own.
fn report(zone: &str) -> String {
    let row = |address: &str, count: u32, outcome: &str| {
        format!(
            "<record><row><source_ip>{address}</source_ip><count>{count}</count><policy_evaluated><dkim>{outcome}</dkim>\
             <spf>{outcome}</spf></policy_evaluated></row><auth_results><spf><domain>lists.example</domain></spf></auth_results></record>"
        )
    };
    format!(
        "<feedback><report_metadata><org_name>Big Mail</org_name><report_id>7</report_id><date_range><begin>1800000000</begin>\
         <end>1800086400</end></date_range></report_metadata><policy_published><domain>{zone}</domain></policy_published>{}{}</feedback>",
        row("192.0.2.25", 40, "pass"),
        row("198.51.100.9", 7, "fail")
    )
}

#[test]
fn reports_tell_whom_a_policy_of_reject_would_turn_away() {
    let desk = Desk::new();
    desk.write("reports/a.xml", &report("cec.example"));
    desk.write("reports/b.zip", "PK\u{3}\u{4} no archive");
    let judge =
        ["judge", &facts(), "--dmarc-reports", "reports", "-o", "json=f.json", "-o", "facts=g.json", "--exit-zero"];
    assert_eq!(desk.run(&judge).code, 0);
    let findings = desk.json("f.json");
    let check = "mail.dmarc-reject-would-hit-senders";
    assert_eq!(verdict(&findings, check, "cec.example").expect("judged").0, "fail");
    let all = findings["findings"].as_array().expect("findings");
    let finding = all.iter().find(|f| f["check"] == check && f["subject"]["name"] == "cec.example").expect("a finding");
    let message = finding["message"].as_str().expect("a message");
    for words in ["7 of 47 messages", "2027-01-15", "198.51.100.0/24 naming lists.example: 7"] {
        assert!(message.contains(words), "{message}");
    }
    // The run keeps what it was given: judged again, it says the same without the folder.
    assert_eq!(desk.run(&["judge", "g.json", "-o", "json=h.json", "--exit-zero"]).code, 0);
    assert_eq!(verdict(&desk.json("h.json"), check, "cec.example").expect("judged").0, "fail");
    let inputs = &desk.json("g.json")["inputs"]["dmarc-reports"];
    assert!(
        inputs["text"].as_str().is_some_and(|text| text.contains("b.zip") && text.contains("is no archive")),
        "{inputs}"
    );
}

#[test]
fn reports_that_cannot_be_read_leave_open_whom_a_policy_would_turn_away() {
    let desk = Desk::new();
    let clean = report("cec.example").replace(">fail<", ">pass<");
    desk.write("reports/a.xml", &clean);
    desk.write("reports/b.xml", "<feedback><!DOCTYPE x>");
    let judge = ["judge", &facts(), "--dmarc-reports", "reports", "-o", "json=f.json", "--exit-zero"];
    assert_eq!(desk.run(&judge).code, 0);
    let (word, why) =
        verdict(&desk.json("f.json"), "mail.dmarc-reject-would-hit-senders", "cec.example").expect("judged");
    assert!(word == "undetermined" && why.contains("b.xml"), "{word}: {why}");
    assert_eq!(desk.run(&["judge", &facts(), "--dmarc-reports", "nowhere"]).code, 2);
}
