//! What a run tells, from stored facts: the same facts always give the same words. The facts are those of a run of the demo;
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test --test telling`, after a change that is meant.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod support;

use std::path::Path;

use support::Desk;

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
    let expired = support::verdict(&findings, "tls.certificate-expired", "results.cec.example:443/tcp");
    assert_eq!(expired.expect("judged").0, "fail");
    let redis = support::verdict(&findings, "services.redis-open", "register.cec.example:6379/tcp");
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
    assert_eq!(state(&all, "IR2690-6.7.2.l"), "mixed");
    assert_eq!(state(&some, "IR2690-6.7.2.l"), "not_tested", "mail was not selected");
}
