//! The lab: servers that nobody of this project wrote, in a network namespace that this test makes, audited by the program itself.
//! Everything runs once; each test holds one promise over what that run left.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

#[path = "lab/certificates.rs"]
mod certificates;
#[path = "lab/dns/mod.rs"]
mod dns;
#[path = "lab/estates.rs"]
mod estates;
#[path = "lab/namespace.rs"]
mod namespace;
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
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use namespace::Namespace;
use serde_json::Value;
use time::OffsetDateTime;

/// What one audit left.
struct Audit {
    code: i32,
    stderr: String,
    findings: Value,
    facts: Value,
    html: String,
}

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
    /// What the resolver itself says of each zone: `AD`, `SERVFAIL` or neither.
    resolver_says: BTreeMap<String, String>,
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
    lab.write("good.toml", &estates::good(now));
    lab.write("bad.toml", &estates::bad(now));
    lab.write("faults.toml", &estates::faults(now));
    lab.write("export.json", &estates::export(now));
    let capture = lab.path("capture.pcap");
    let mut recorder = lab.command("python3");
    recorder.arg(namespace::script("capture.py")).arg(&capture);
    lab.start("capture", recorder);
    await_text(&lab.path("capture.log"), "listening");
    let bad = audit(&lab, "bad");
    lab.stop("capture");
    await_text(&lab.path("capture.log"), "dropped 0");
    let good = audit(&lab, "good");
    let faults = audit(&lab, "faults");
    let resolver_says =
        plan::BAD_ZONES.iter().chain([&plan::GOOD_ZONE]).map(|zone| ((*zone).to_owned(), asked(&lab, zone)));
    let resolver_says = resolver_says.collect();
    let bare = bare(&lab);
    let zone = logged(&lab, "zone", &["good.toml", "--asset", plan::GOOD_ZONE, "--family", "dns,mail"]);
    lab.stop("nginx");
    let stopped = audit(&lab, "good");
    let read = Command::new("tcpdump").args(["-nn", "-r"]).arg(&capture).output().expect("tcpdump is there");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    Lab { bad, good, faults, stopped, bare, zone, packets: text.lines().map(str::to_owned).collect(), resolver_says }
}

fn audit(lab: &Namespace, estate: &str) -> Audit {
    let mut command = lab.command(env!("CARGO_BIN_EXE_scrutineer"));
    command.args(["audit", &format!("{estate}.toml"), "--timeout", "1", "--dmarc-reports", "reports"]);
    if estate == "bad" {
        command.args(["--ct", "export.json"]);
    }
    for format in ["json", "facts", "html"] {
        command.arg("-o").arg(format!("{format}={estate}.{format}"));
    }
    let output = command.output().expect("it ran");
    let read = |format: &str| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        std::fs::read_to_string(lab.path(&format!("{estate}.{format}")))
            .unwrap_or_else(|e| panic!("{format}: {e}\n{stderr}"))
    };
    let keep = std::env::var_os("SCRUTINEER_LAB_KEEP");
    if let Some(folder) = keep {
        for format in ["json", "facts", "html"] {
            let name = format!("{estate}.{format}");
            std::fs::copy(lab.path(&name), Path::new(&folder).join(&name)).expect("a copy");
        }
    }
    Audit {
        code: output.status.code().expect("it ended by itself"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        findings: serde_json::from_str(&read("json")).expect("JSON"),
        facts: serde_json::from_str(&read("facts")).expect("JSON"),
        html: read("html"),
    }
}

/// Audits a host of which nothing is declared but its name, with the system's resolver; gives the log of connections.
fn bare(lab: &Namespace) -> Vec<Value> {
    let resolv = lab.write("resolv.conf", &format!("nameserver {}\n", plan::RESOLVER));
    lab.must("mount", &["--bind", &resolv.display().to_string(), "/etc/resolv.conf"]);
    logged(lab, "bare", &["www.good.example"])
}

/// Runs an audit; gives its log of connections.
fn logged(lab: &Namespace, name: &str, arguments: &[&str]) -> Vec<Value> {
    let log = format!("{name}.log");
    let how = ["--connection-log", &log, "--exit-zero", "--timeout", "1"];
    lab.must(env!("CARGO_BIN_EXE_scrutineer"), &[&["audit"], arguments, &how].concat());
    let text = std::fs::read_to_string(lab.path(&log)).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn await_text(path: &Path, text: &str) {
    for _ in 0..100 {
        if std::fs::read_to_string(path).is_ok_and(|log| log.contains(text)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{}: {}", path.display(), std::fs::read_to_string(path).unwrap_or_default());
}

/// What the validating resolver says when asked for a zone's SOA.
fn asked(lab: &Namespace, zone: &str) -> String {
    let server = format!("@{}", plan::RESOLVER);
    let said = lab.must("dig", &[&server, zone, "SOA", "+dnssec", "+tries=2", "+time=5"]);
    let flags = said.lines().find(|line| line.starts_with(";; flags:")).unwrap_or_default();
    if said.contains("status: SERVFAIL") {
        "SERVFAIL".into()
    } else if flags.contains(" ad;") || flags.contains(" ad ") {
        "AD".into()
    } else {
        "no AD".into()
    }
}

/// Verdicts of a check on a subject; a check that walks a list has several.
fn verdicts<'a>(audit: &'a Audit, check: &str, subject: &str) -> BTreeSet<&'a str> {
    let all = audit.findings["findings"].as_array().expect("findings");
    let of = all.iter().filter(|f| f["check"] == check && f["subject"]["name"] == subject);
    of.filter_map(|f| f["verdict"].as_str()).collect()
}

/// The proof of every check: which subject fails it and which passes.
fn proofs() -> Vec<(String, String, String)> {
    let catalogue = scrutineer::check::Catalogue::load(&[]).expect("the catalogue");
    catalogue.checks.into_iter().map(|(id, check)| (id, check.file.proof.fails, check.file.proof.passes)).collect()
}

/// The audit that shows a subject: where only an authorised act can tell, or only that estate has the host, the one of faults.
fn audit_of(check: &str, subject: &str) -> &'static Audit {
    let bad = verdicts(&lab().bad, check, subject);
    if bad.is_empty() || bad == BTreeSet::from(["undetermined"]) { &lab().faults } else { &lab().bad }
}

#[test]
fn every_check_has_a_real_server_that_fails_it() {
    let missed: Vec<String> = proofs()
        .into_iter()
        .filter(|(check, fails, _)| !verdicts(audit_of(check, fails), check, fails).contains("fail"))
        .map(|(check, fails, _)| {
            format!("{check} on {fails}: {:?}", verdicts(audit_of(&check, &fails), &check, &fails))
        })
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_check_has_a_real_server_that_passes_it() {
    let missed: Vec<String> = proofs()
        .into_iter()
        .filter(|(check, _, passes)| {
            let audit = if passes == "estate" { &lab().good } else { audit_of(check, passes) };
            verdicts(audit, check, passes) != BTreeSet::from(["pass"])
        })
        .map(|(check, _, passes)| {
            format!("{check} on {passes}: {:?}", verdicts(audit_of(&check, &passes), &check, &passes))
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
    assert_eq!(verdicts(stopped, "services.declared-not-answering", service), BTreeSet::from(["fail"]));
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
            verdicts(&lab().bad, "tls.certificate-expired", &service),
            BTreeSet::from(["undetermined"]),
            "{service}"
        );
    }
    let flood = "bigheader.bad.example:443/tcp";
    let endpoint = &lab().bad.facts["first"]["services"][flood]["endpoints"][plan::addresses("bigheader")[0]];
    assert!(endpoint["web"]["https"].to_string().contains("too-large"), "{}", endpoint["web"]["https"]);
    assert_eq!(verdicts(&lab().bad, "web.csp-missing", flood), BTreeSet::from(["undetermined"]));
    let section = lab().bad.html.split("id=\"undetermined\"").nth(1).expect("the section");
    let section = section.split("id=\"sheets\"").next().expect("its end");
    for text in
        ["(timeout)", "(reset)", "(garbage)", "(too-large)", "(refused)", "hang.bad.example", "bigheader.bad.example"]
    {
        assert!(section.contains(text), "{text} is not on the page");
    }
}

/// Questions to the resolver do not depend on the machine: MX with four of addresses, TXT, DMARC at two names, MTA-STS with two
/// of its host, TLS reporting, one selector.
#[test]
fn the_mail_of_a_zone_takes_few_questions_and_none_twice() {
    let mail = &lab().good.facts["first"]["zones"]["good.example"]["mail"];
    let asked: Vec<&String> = mail["answers"].as_object().expect("answers").keys().collect();
    assert_eq!(asked.len(), 13, "{asked:?}");
}

#[test]
fn a_policy_host_that_refuses_leaves_open_whether_there_is_a_policy() {
    let mail = &lab().bad.facts["first"]["zones"]["single.example"]["mail"];
    assert_eq!(mail["mta_sts_answer"]["reason"], "refused", "{}", mail["mta_sts_answer"]);
    for check in ["mail.mta-sts-policy-missing", "mail.mta-sts-certificate-invalid"] {
        assert_eq!(verdicts(&lab().bad, check, "single.example"), BTreeSet::from(["undetermined"]), "{check}");
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
fn no_packet_leaves_the_scope() {
    let outside: Vec<&str> = [plan::ELSEWHERE].into_iter().chain(plan::MAIL).collect();
    let mut allowed: BTreeSet<&str> = plan::all_addresses().into_iter().collect();
    allowed.extend([plan::SWALLOWED, plan::DEAD_NS]);
    allowed.retain(|address| !outside.contains(address) && !address.starts_with("10."));
    let mut seen = BTreeSet::new();
    for line in &lab().packets {
        let Some((source, target)) = ends(line) else { continue };
        let of_resolvers = [plan::RESOLVER_ASKS_FROM, plan::RECURSIVE_ASKS_FROM];
        if of_resolvers.iter().any(|address| [&source.0, &target.0].contains(&&(*address).to_owned())) {
            continue;
        }
        assert!(allowed.contains(target.0.as_str()), "a packet to somebody else: {line}");
        seen.insert(target.0);
    }
    assert!(seen.contains(plan::RESOLVER) && seen.len() > 25, "the capture saw the audit: {seen:?}");
}

#[test]
fn names_that_nobody_declared_are_told_with_their_places_and_nobody_is_asked_about_them() {
    let all = lab().bad.findings["findings"].as_array().expect("findings");
    let told: BTreeMap<&str, &str> = all
        .iter()
        .filter(|f| f["check"] == "estate.undeclared-name" && f["verdict"] == "fail")
        .filter_map(|f| Some((f["element"].as_str()?, f["message"].as_str()?)))
        .collect();
    let places = ["certificate", "csp", "link", "redirect", "ct"];
    for (name, place) in plan::UNDECLARED.iter().zip(places) {
        assert!(told.get(name).is_some_and(|message| message.contains(&format!("{place} of "))), "{name}: {told:?}");
        assert!(lab().bad.html.contains(name), "{name} is not in the report");
        // `tcpdump` shows a question as `A? name.`
        let asked: Vec<&String> = lab().packets.iter().filter(|line| line.contains(&format!("? {name}."))).collect();
        assert!(asked.is_empty(), "somebody was asked about {name}: {asked:?}");
    }
    assert!(!told.contains_key("ended.bad.example") && !told.contains_key("www.somebody-else.example"));
    let seen = |name: &str| lab().packets.iter().any(|line| line.contains(&format!("? {name}.")));
    assert!(seen("v4only.bad.example"), "the capture shows questions");
}

#[test]
fn the_registrys_date_stands_on_the_calendar_with_its_source() {
    assert!(lab().bad.html.contains("registration of single.example ends"));
    assert!(lab().bad.html.contains("https://rdap.elsewhere.example/domain/single.example"));
}

#[test]
fn an_alias_whose_end_nobody_could_ask_about_is_no_dangling_one() {
    for check in ["dns.dangling-alias", "dns.dangling-alias-unregistered"] {
        let found = verdicts(&lab().bad, check, "unanswered.bad.example");
        assert_eq!(found, BTreeSet::from(["undetermined"]), "{check}");
    }
    let target = &lab().bad.facts["first"]["hosts"]["dangling.bad.example"]["dns"]["alias_target"]["value"];
    assert_eq!(target["registered"]["value"], true, "{target}");
}

#[test]
fn servers_above_a_zone_are_asked_for_the_delegation_of_declared_zones_and_nothing_else() {
    let declared: BTreeSet<String> =
        plan::BAD_ZONES.iter().chain([&plan::GOOD_ZONE]).map(|zone| format!("NS? {zone}. ")).collect();
    let mut asked = BTreeSet::new();
    for line in &lab().packets {
        let Some((source, target)) = ends(line) else { continue };
        // An answer comes from port 53, and goes to the server's own address: on loopback that is where the question came from.
        let is_answer = source.1 == 53;
        let is_above = [plan::ROOT_SERVER, plan::TOP_SERVER].contains(&target.0.as_str());
        let of_resolver = [plan::RESOLVER_ASKS_FROM, plan::RECURSIVE_ASKS_FROM].contains(&source.0.as_str());
        if of_resolver || is_answer || !is_above {
            continue;
        }
        let question = declared.iter().find(|question| line.contains(question.as_str()));
        assert!(target.1 == 53 && question.is_some() && !line.contains("+ "), "asked a server above a zone: {line}");
        asked.extend(question);
    }
    assert_eq!(asked.len(), declared.len(), "every declared zone was asked for, and no other: {asked:?}");
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
fn of_a_shared_operator_only_the_declared_service_is_asked() {
    let shared = plan::addresses("shared")[0];
    let ports: BTreeSet<u16> = lab()
        .packets
        .iter()
        .filter_map(|line| ends(line))
        .filter(|(source, target)| target.0 == shared && (source.0 != shared || source.1 > target.1))
        .map(|(_, target)| target.1)
        .collect();
    assert_eq!(ports, BTreeSet::from([443]));
    let endpoint = &lab().bad.facts["first"]["services"]["shared.bad.example:443/tcp"]["endpoints"][shared];
    assert_eq!(endpoint["protocol"]["value"]["name"], "tls", "a visitor's handshake tells: {}", endpoint["protocol"]);
    let tls = &endpoint["tls"];
    assert_eq!(tls["versions"]["ssl3"]["reason"], "not-ours", "{}", tls["versions"]);
}

#[test]
fn a_host_without_estate_is_asked_for_the_usual_ports_alone() {
    let dialled = lab().bare.iter().filter(|entry| entry["outcome"] != "not-ours");
    let places: BTreeSet<SocketAddr> = dialled
        .map(|entry| entry["address"].as_str().expect("an address").parse().expect("address and port"))
        .collect();
    let place = |address: &str, port| SocketAddr::new(address.parse().expect("an address"), port);
    let mut expected = BTreeSet::from([place(plan::RESOLVER, 53)]);
    for address in plan::GOOD {
        expected.extend([place(address, 80), place(address, 443)]);
    }
    assert_eq!(places, expected, "SSH listens there as well, and nobody declared it");
}

#[test]
fn printers_are_not_printed_on_and_controllers_not_spoken_to() {
    // `everything` accepts on those ports: a connection is opened there and nothing is sent.
    let everything = plan::addresses("everything")[0];
    for port in [9100_u16, 502, 102] {
        let data = lab().packets.iter().filter(|line| {
            ends(line).is_some_and(|(_, target)| target == (everything.to_owned(), port)) && !line.contains("length 0")
        });
        assert_eq!(data.collect::<Vec<_>>(), Vec::<&String>::new(), "port {port}");
    }
}

/// Source and destination of a line of `tcpdump -nn`.
fn ends(line: &str) -> Option<((String, u16), (String, u16))> {
    // An ICMP refusal is the kernel's, and has no ports.
    let line = Some(line).filter(|line| !line.contains("ICMP"))?;
    let rest = line.split(" IP ").nth(1).or_else(|| line.split(" IP6 ").nth(1))?;
    let (source, rest) = rest.split_once(" > ")?;
    let (target, _) = rest.split_once(": ")?;
    let end = |text: &str| {
        let (address, port) = text.rsplit_once('.')?;
        Some((address.to_owned(), port.parse().ok()?))
    };
    Some((end(source)?, end(target)?))
}

#[test]
fn the_dnssec_state_is_what_a_validating_resolver_says() {
    for (zone, says) in &lab().resolver_says {
        let (bogus, unsigned) = (
            verdicts(&lab().bad, "dns.dnssec-bogus", zone).contains("fail"),
            verdicts(&lab().bad, "dns.dnssec-unsigned", zone).contains("fail"),
        );
        match says.as_str() {
            "AD" => assert!(!bogus && !unsigned, "{zone} is secure, says the resolver"),
            "SERVFAIL" => assert!(bogus || unsigned || zone == "lame.example", "{zone} is bogus, says the resolver"),
            _ => assert!(!bogus, "{zone} is insecure, says the resolver"),
        }
    }
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

#[test]
fn tlsa_is_asked_for_declared_services_and_exchangers_alone_and_once_a_look() {
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    // How tcpdump writes a question for TLSA.
    const QUESTION: &str = " Type52? ";
    for line in lab().packets.iter().filter(|line| line.contains(QUESTION)) {
        let Some((source, target)) = ends(line) else { continue };
        if source.0 != plan::RESOLVER_ASKS_FROM && target.0 == plan::RESOLVER {
            let name = line.split(QUESTION).nth(1).and_then(|rest| rest.split_whitespace().next());
            *asked.entry(name.expect("a name").trim_end_matches('.').to_owned()).or_default() += 1;
        }
    }
    let port = |service: &str| service.strip_prefix("tcp/").unwrap_or("443").to_owned();
    let of_bad = plan::BAD_HOSTS.iter().flat_map(|(host, _, services)| {
        services.iter().map(move |service| format!("_{}._tcp.{host}.bad.example", port(service)))
    });
    let of_good = ["www.good", "named.good", "named.unsigned"].map(|host| format!("_443._tcp.{host}.example"));
    let exchangers = [
        "mx1.good",
        "mx2.good",
        "mx.single",
        "mx.unsigned",
        "alias.badmail",
        "nowhere.badmail",
        "mx.lapsed",
        "mx.differ-mail",
    ];
    let exchangers = exchangers.map(|name| format!("_25._tcp.{name}.example"));
    let of_zones = plan::MAIL_ZONES.map(|zone| format!("_25._tcp.mx.{zone}"));
    let declared: BTreeSet<String> = of_bad.chain(of_good).chain(exchangers).chain(of_zones).collect();
    for (name, times) in &asked {
        assert!(declared.contains(name), "{name} was asked for");
        assert!(*times <= 2, "{name} was asked for {times} times, and there are two looks");
    }
    assert!(asked.contains_key("_443._tcp.named.good.example") && asked.contains_key("_25._tcp.mx1.good.example"));
}
