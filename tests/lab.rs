//! The lab: servers that nobody of this project wrote, in a network namespace that this test makes, audited by the program itself.
//! Everything runs once; each test holds one promise over what that run left.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

#[path = "lab/audit.rs"]
mod audit;
#[path = "lab/certificates.rs"]
mod certificates;
#[path = "lab/dns/mod.rs"]
mod dns;
#[path = "lab/estates.rs"]
#[allow(dead_code, reason = "tests/dns.rs uses the rest")]
mod estates;
#[path = "lab/namespace.rs"]
mod namespace;
#[path = "lab/packets.rs"]
mod packets;
#[path = "lab/plan.rs"]
mod plan;
#[path = "lab/reports.rs"]
mod reports;
#[path = "lab/services.rs"]
mod services;
mod support;
#[path = "lab/vouching.rs"]
mod vouching;
#[path = "lab/web.rs"]
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use audit::{Audit, audit, logged, recorded};
use namespace::Namespace;
use serde_json::Value;
use time::OffsetDateTime;

/// What the lab left.
struct Lab {
    bad: Audit,
    good: Audit,
    /// Implementations with faults, active acts authorised.
    faults: Audit,
    /// The good estate after nginx was stopped.
    stopped: Audit,
    /// The log of connections of an audit without estate file.
    bare: Vec<Value>,
    /// The log of connections of an audit of the good zone alone, DNS and mail.
    zone: Vec<Value>,
    /// `tcpdump -nn` of the audit of the bad estate: source and destination with ports, one line a packet.
    packets: Vec<String>,
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
    certificates::write(&lab, now);
    dns::serve(&mut lab, now);
    web::serve(&mut lab, now);
    services::serve(&mut lab);
    reports::write(&lab, now);
    lab.write("as.tsv", plan::AS_TABLE);
    lab.write("rdap.json", plan::RDAP_LIST);
    lab.write("good.toml", &estates::good(now));
    lab.write("bad.toml", &estates::bad(now));
    lab.write("faults.toml", &estates::faults(now));
    lab.write("export.json", &estates::export(now));
    let reports = ["--dmarc-reports", "reports"];
    let (bad, packets) =
        recorded(&mut lab, |lab| audit(lab, "bad", &["--dmarc-reports", "reports", "--ct", "export.json"]));
    let good = audit(&lab, "good", &reports);
    let faults = audit(&lab, "faults", &reports);
    let bare = bare(&lab);
    let zone = logged(&lab, "zone", &["good.toml", "--asset", plan::GOOD_ZONE, "--family", "dns,mail"]);
    lab.stop("nginx");
    let stopped = audit(&lab, "good", &reports);
    Lab { bad, good, faults, stopped, bare, zone, packets }
}

/// Audits a host of which nothing is declared but its name, with the system's resolver; gives the log of connections.
fn bare(lab: &Namespace) -> Vec<Value> {
    let resolv = lab.write("resolv.conf", &format!("nameserver {}\n", plan::RESOLVER));
    lab.must("mount", &["--bind", &resolv.display().to_string(), "/etc/resolv.conf"]);
    logged(lab, "bare", &["www.good.example"])
}

/// The proof of every check: which subject fails it and which passes.
fn proofs() -> Vec<(String, String, String)> {
    let catalogue = scrutineer::check::Catalogue::load(&[]).expect("the catalogue");
    catalogue.checks.into_iter().map(|(id, check)| (id, check.file.proof.fails, check.file.proof.passes)).collect()
}

/// The audit that shows a subject: where only an authorised act can tell, or only that estate has the host, the one of faults.
fn audit_of(check: &str, subject: &str) -> &'static Audit {
    let bad = lab().bad.verdicts(check, subject);
    if bad.is_empty() || bad == BTreeSet::from(["undetermined"]) { &lab().faults } else { &lab().bad }
}

#[test]
fn every_check_has_a_real_server_that_fails_it() {
    let missed: Vec<String> = proofs()
        .into_iter()
        .filter(|(check, fails, _)| !audit_of(check, fails).verdicts(check, fails).contains("fail"))
        .map(|(check, fails, _)| format!("{check} on {fails}: {:?}", audit_of(&check, &fails).verdicts(&check, &fails)))
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_check_has_a_real_server_that_passes_it() {
    let missed: Vec<String> = proofs()
        .into_iter()
        .filter(|(check, _, passes)| {
            let audit = if passes == "estate" { &lab().good } else { audit_of(check, passes) };
            audit.verdicts(check, passes) != BTreeSet::from(["pass"])
        })
        .map(|(check, _, passes)| {
            format!("{check} on {passes}: {:?}", audit_of(&check, &passes).verdicts(&check, &passes))
        })
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Code points of what a service accepts in a version.
fn accepted(audit: &Audit, service: &str, version: &str) -> BTreeSet<i64> {
    let endpoints = audit.facts["first"]["services"][service]["endpoints"].as_object().expect("endpoints");
    let sets = endpoints.values().map(|endpoint| &endpoint["tls"]["suites"][version]["value"]["accepted"]);
    sets.flat_map(|set| set.as_array().into_iter().flatten()).filter_map(|item| item["code"].as_i64()).collect()
}

/// What OpenSSL itself says that a cipher string means, for a certificate with an ECDSA key and without parameters for DHE.
fn meant(protocol: &str, string: &str) -> BTreeSet<i64> {
    let listed =
        Command::new("openssl").args(["ciphers", "-s", "-V", protocol, string]).output().expect("openssl is there");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let code = |line: &str| {
        let (high, low) = line.split_whitespace().next()?.strip_prefix("0x")?.split_once(",0x")?;
        i64::from_str_radix(&format!("{high}{low}"), 16).ok()
    };
    let servable = |line: &&str| line.contains("Au=ECDSA") || protocol == "-tls1_3";
    text.lines().filter(servable).filter_map(code).collect()
}

#[test]
fn the_suites_found_are_exactly_the_configured_ones() {
    for (version, protocol) in [("tls1_2", "-tls1_2"), ("tls1_3", "-tls1_3")] {
        let meant = meant(protocol, web::CIPHERS);
        assert!(meant.len() >= 3);
        assert_eq!(accepted(&lab().bad, "www.good.example:443/tcp", version), meant, "{version}");
    }
    // Key exchange with RSA; 3DES and RC4 and nothing as ciphers; SHA-1 and MD5 (tests/lab/servers/old_tls.py).
    let old = BTreeSet::from([0x0001, 0x0002, 0x0004, 0x0005, 0x000A]);
    for version in ["ssl3", "tls1_0", "tls1_1"] {
        assert_eq!(accepted(&lab().bad, "old.bad.example:443/tcp", version), old, "{version}");
    }
    assert!(accepted(&lab().bad, "old.bad.example:443/tcp", "tls1_2").is_empty());
}

#[test]
fn two_looks_at_one_server_give_equal_facts_but_for_what_is_volatile() {
    let service = "www.good.example:443/tcp";
    for address in plan::GOOD {
        let look = |audit: &Audit| {
            let mut tls = audit.facts["first"]["services"][service]["endpoints"][address]["tls"].clone();
            tls["pace"] = Value::Null;
            support::without_times(&mut tls);
            tls
        };
        assert_eq!(look(&lab().good), look(&lab().faults), "{address}");
    }
}

/// Connections do not depend on the machine: versions, all suites of the IANA table, groups, signatures, certificates.
#[test]
fn the_enumeration_of_a_modern_server_takes_few_connections() {
    let endpoints = lab().good.facts["first"]["services"]["www.good.example:443/tcp"]["endpoints"].as_object();
    for endpoint in endpoints.expect("endpoints").values() {
        let pace = &endpoint["tls"]["pace"]["value"];
        assert!(pace["connections"].as_i64().is_some_and(|connections| connections <= 70), "{pace}");
        assert_eq!(pace["lossy"], false);
    }
}

#[test]
fn the_good_estate_fails_nothing_and_leaves_nothing_open_but_the_exceptions() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good-exceptions.toml"))
        .expect("a file");
    let exceptions: BTreeMap<String, String> = toml::from_str(&text).expect("check = \"reason\"");
    let all = lab().good.findings["findings"].as_array().expect("findings");
    let wrong: Vec<String> = all
        .iter()
        .filter(|f| f["verdict"] == "fail" || f["verdict"] == "undetermined")
        .filter(|f| !exceptions.contains_key(f["check"].as_str().unwrap_or_default()))
        .map(|f| format!("{} {} {}: {} {}", f["verdict"], f["check"], f["subject"]["name"], f["message"], f["reason"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_stopped_server_leaves_its_checks_undetermined_and_is_a_finding_itself() {
    let stopped = &lab().stopped;
    let service = "www.good.example:443/tcp";
    assert_eq!(stopped.verdicts("services.declared-not-answering", service), BTreeSet::from(["fail"]));
    let all = stopped.findings["findings"].as_array().expect("findings");
    let of_service = all.iter().filter(|f| f["subject"]["name"] == service);
    // What DNS says is there whoever answers: it says that there are no such records.
    let by_dns = |check: &str| check.starts_with("tls.tlsa-") || check == "tls.https-record-contradicts-server";
    let of_tls_or_web = |check: &str| check.starts_with("tls.") || check.starts_with("web.");
    for finding in of_service.filter(|f| f["check"].as_str().is_some_and(of_tls_or_web)) {
        if finding["check"].as_str().is_some_and(by_dns) {
            assert_eq!(finding["verdict"], "not_applicable", "{}", finding["check"]);
            continue;
        }
        assert_eq!(finding["verdict"], "undetermined", "{}", finding["check"]);
        assert!(finding["reason"].as_str().is_some_and(|why| why.contains("refused")), "{finding}");
    }
}

#[test]
fn a_timeout_a_reset_garbage_and_a_flood_end_undetermined_with_their_reason_from_probe_to_page() {
    for (host, fact, reason) in [
        ("hang", "tls.chain", "timeout"),
        ("reset", "tls.chain", "reset"),
        ("garbage", "tls.chain", "garbage"),
        ("filtered", "tls.chain", "timeout"),
        ("gone", "tls.chain", "refused"),
    ] {
        let service = format!("{host}.bad.example:443/tcp");
        let endpoint = &lab().bad.facts["first"]["services"][&service]["endpoints"][plan::addresses(host)[0]];
        let seen = fact.split('.').fold(endpoint, |at, key| &at[key]);
        assert_eq!((&seen["state"], &seen["reason"]), (&"failed".into(), &reason.into()), "{service} {fact}: {seen}");
        assert_eq!(
            lab().bad.verdicts("tls.certificate-expired", &service),
            BTreeSet::from(["undetermined"]),
            "{service}"
        );
    }
    let flood = "bigheader.bad.example:443/tcp";
    let endpoint = &lab().bad.facts["first"]["services"][flood]["endpoints"][plan::addresses("bigheader")[0]];
    assert!(endpoint["web"]["https"].to_string().contains("too-large"), "{}", endpoint["web"]["https"]);
    assert_eq!(lab().bad.verdicts("web.csp-missing", flood), BTreeSet::from(["undetermined"]));
    let section = lab().bad.html.split("id=\"undetermined\"").nth(1).expect("the section");
    let section = section.split("id=\"sheets\"").next().expect("its end");
    for text in
        ["(timeout)", "(reset)", "(garbage)", "(too-large)", "(refused)", "hang.bad.example", "bigheader.bad.example"]
    {
        assert!(section.contains(text), "{text} is not on the page");
    }
}

/// Questions do not depend on the machine. Zonemaster takes 112 over UDP for such a zone, without its mail.
#[test]
fn a_signed_zone_with_two_name_servers_takes_few_questions_its_mail_included() {
    let to = |entry: &&Value| entry["address"].as_str().unwrap_or_default().to_owned();
    // The same servers again, over IPv6, and the pages that are fetched, which are no questions.
    let counted = |entry: &&Value| !to(entry).starts_with('[') && entry["nominal_port"] == 53;
    let asked: Vec<&Value> = lab().zone.iter().filter(counted).collect();
    assert!(asked.iter().any(|entry| plan::NS2[0] == to(entry).trim_end_matches(":53")), "{asked:?}");
    assert!(asked.len() <= 66, "{} questions: {asked:?}", asked.len());
}

#[test]
fn a_policy_host_that_refuses_leaves_open_whether_there_is_a_policy() {
    let mail = &lab().bad.facts["first"]["zones"]["single.example"]["mail"];
    assert_eq!(mail["mta_sts_answer"]["reason"], "refused", "{}", mail["mta_sts_answer"]);
    for check in ["mail.mta-sts-policy-missing", "mail.mta-sts-certificate-invalid"] {
        assert_eq!(lab().bad.verdicts(check, "single.example"), BTreeSet::from(["undetermined"]), "{check}");
    }
}

#[test]
fn a_finding_that_a_record_mends_shows_the_record() {
    let all = lab().bad.findings["findings"].as_array().expect("findings");
    let of = |check: &str, zone: &str| {
        let found = all.iter().find(|f| f["check"] == check && f["subject"]["name"] == zone);
        found.map_or_else(|| panic!("{check} on {zone}"), |finding| finding["publish"].clone())
    };
    let raised = of("mail.sends-no-mail-dmarc-open", "unsigned.example");
    let record = "_dmarc.unsigned.example. IN TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@unsigned.example\"";
    assert_eq!(raised["lines"][0], record);
    assert!(raised["settles_in"].is_string() && raised["undo_until"].is_string(), "{raised}");
    assert!(
        lab().bad.html.contains("v&#x3D;DMARC1; p&#x3D;reject; rua&#x3D;mailto:dmarc@unsigned.example")
            || lab().bad.html.contains("v=DMARC1; p=reject; rua=mailto:dmarc@unsigned.example"),
        "on the page"
    );
    assert_eq!(of("mail.spf-missing", "differ.example")["lines"][0], "differ.example. IN TXT \"v=spf1 mx ~all\"");
    assert_eq!(of("mail.mx-differs-from-declared", "unsigned.example")["lines"][0], "unsigned.example. IN MX 0 .");
    let agreed = of("mail.dmarc-reports-unauthorised", "mailfaults.example");
    assert!(
        agreed["lines"].to_string().contains("mailfaults.example._report._dmarc.elsewhere.example. IN TXT"),
        "{agreed}"
    );
}

#[test]
fn the_registrys_date_stands_on_the_calendar_with_its_source() {
    assert!(lab().bad.html.contains("registration of single.example ends"));
    assert!(lab().bad.html.contains("https://rdap.elsewhere.example/domain/single.example"));
}

#[test]
fn an_alias_whose_end_nobody_could_ask_about_is_no_dangling_one() {
    for check in ["dns.dangling-alias", "dns.dangling-alias-unregistered"] {
        let found = lab().bad.verdicts(check, "unanswered.bad.example");
        assert_eq!(found, BTreeSet::from(["undetermined"]), "{check}");
    }
    let target = &lab().bad.facts["first"]["hosts"]["dangling.bad.example"]["dns"]["alias_target"]["value"];
    assert_eq!(target["registered"]["value"], true, "{target}");
}

#[test]
fn what_a_host_plants_is_shown_as_text_alone() {
    let html = &lab().bad.html;
    assert!(html.contains("&lt;script&gt;"), "what was planted is shown");
    assert!(!html.contains("<script"), "and does not run");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.html");
    std::fs::write(&file, html).expect("a file");
    let looked = Command::new("node")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"))
        .arg("look.mjs")
        .args([&file, folder.path()])
        .arg("one")
        .output()
        .expect("node is there; scripts/setup installs it");
    assert!(
        looked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&looked.stdout),
        String::from_utf8_lossy(&looked.stderr)
    );
}

#[test]
fn the_audits_end_as_the_manual_says() {
    let Lab { bad, good, stopped, .. } = lab();
    assert_eq!((bad.code, good.code, stopped.code), (1, 0, 1), "{}\n{}", bad.stderr, good.stderr);
}

#[test]
fn a_server_that_only_speaks_old_tls_is_recognised_and_its_certificate_read() {
    let service = &lab().bad.facts["first"]["services"]["old.bad.example:443/tcp"];
    let endpoint = &service["endpoints"][plan::addresses("old")[0]];
    assert_eq!(endpoint["protocol"]["value"]["name"], "tls", "{}", endpoint["protocol"]);
    assert_eq!(endpoint["tls"]["negotiated"]["value"]["version"], "TLS 1.1", "{}", endpoint["tls"]["negotiated"]);
    assert_eq!(endpoint["tls"]["chain"]["state"], "observed");
}

#[test]
fn what_dns_says_of_tls_is_read_as_it_was_published_and_shown_on_the_sheet() {
    let first = &lab().bad.facts["first"];
    let dns = &first["hosts"]["named.good.example"]["dns"];
    let record = &dns["https"]["value"][0]["records"]["value"][0];
    assert_eq!(record["ech"]["configs"][0]["public_name"], "public.good.example", "{record}");
    assert_eq!((&record["alpn"][0], &record["ipv4_hints"][0]), (&"http/1.1".into(), &plan::NAMED.into()));
    let properties = dns["caa"]["value"]["properties"].as_array().expect("properties");
    assert!(
        properties.iter().any(|property| property["parameters"]["validationmethods"] == "dns-01"),
        "{properties:?}"
    );
    let records = |service: &str| first["services"][service]["tlsa"]["value"]["records"].as_array().map(Vec::len);
    assert_eq!(records("named.good.example:443/tcp"), Some(2));
    assert_eq!(first["services"]["named.bad.example:443/tcp"]["tlsa"]["value"]["records"][1]["data"], "0aff");
    assert_eq!(first["services"]["www.good.example:443/tcp"]["tlsa"]["state"], "absent");
    for text in [
        "encrypted ClientHello behind public.good.example",
        "2 records, 2 usable, 1 fitting, one more for the next key; the zone is secure",
        "2 records, 1 usable, 0 fitting; the zone is secure",
        "not named by issue at named.bad.example",
    ] {
        assert!(lab().bad.html.contains(text), "{text} is not on a sheet");
    }
}
