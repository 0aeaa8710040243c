//! Servers by script that misbehave in TLS itself, audited by the program: what is told of them is what they do, or that it is unknown.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

#[path = "support/mock_tls/mod.rs"]
mod mock_tls;
mod support;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

use mock_tls::{Identity, Script};
use serde_json::Value;
use support::{Desk, loopback_estate, verdict, without_times};

/// An RSA key with two certificates, made once.
fn identity() -> Identity {
    static MADE: LazyLock<Identity> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["one", "two"] {
            let key = path("key.pem");
            if !key.exists() {
                let algorithm = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"];
                assert!(Command::new("openssl").args(algorithm).arg(&key).output().expect("openssl").status.success());
            }
            let request = ["req", "-x509", "-days", "30", "-subj", "/CN=www.cec.example", "-key"];
            let made = Command::new("openssl").args(request).arg(&key).arg("-out").arg(path(name)).output();
            assert!(made.expect("openssl").status.success());
        }
        Identity::read(&[&path("one"), &path("two")], &path("key.pem"))
    });
    MADE.clone()
}

/// What an audit of a server with this script brought.
struct Audited {
    tls: Value,
    findings: Value,
    connections: usize,
    desk: Desk,
    service: String,
}

fn audit(words: &str) -> Audited {
    audit_of("https", 443, words)
}

fn audit_of(service: &str, nominal: u16, words: &str) -> Audited {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let words: Vec<&str> = words.split_whitespace().collect();
    let count = mock_tls::serve(listener, Script::parse(&words), identity());
    let desk = Desk::new();
    let estate = loopback_estate(&[service], &[(nominal, port)])
        .replace("per_host = 200, total = 1000", "per_host = 10000, total = 10000");
    let authorisation = "[authorisation]\nreference = \"T\"\ngranted_by = \"IT\"\nfrom = 2026-01-01\nuntil = 2046-01-01\nactive = true\n[[asset]]";
    desk.write("estate.toml", &estate.replace("[[asset]]", authorisation));
    let outputs = ["-o", "json=findings.json", "-o", "facts=facts.json", "--timeout", "1", "--family", "tls"];
    // What speaks on another port, and that it offers TLS, is what that family finds out.
    let services: &[&str] = if service == "https" { &[] } else { &["--family", "services"] };
    let ended = desk.run(&[&["audit"], &outputs[..], services].concat());
    assert!(ended.code < 5, "{}", ended.stderr);
    let facts = desk.json("facts.json");
    let service = format!("www.cec.example:{nominal}/tcp");
    let tls = facts["first"]["services"][&service]["endpoints"]["127.0.0.1"]["tls"].clone();
    Audited { tls, findings: desk.json("findings.json"), connections: count.load(Ordering::SeqCst), desk, service }
}

impl Audited {
    fn verdict(&self, check: &str) -> String {
        verdict(&self.findings, check, &self.service).expect("judged").0
    }
    fn accepted(&self, version: &str) -> BTreeSet<i64> {
        let list = self.tls["suites"][version]["value"]["accepted"].as_array().into_iter().flatten();
        list.filter_map(|item| item["code"].as_i64()).collect()
    }
    fn refused(&self, version: &str, code: i64) -> bool {
        let list = self.tls["suites"][version]["value"]["refused"].as_array().into_iter().flatten();
        let mut ranges = list.map(|range| (range["from"].as_i64().unwrap_or(0), range["to"].as_i64().unwrap_or(0)));
        ranges.any(|(from, to)| (from..=to).contains(&code))
    }
}

/// What the scripts accept: two that are in use, one that hardly anybody asks for.
const SUITES: [i64; 3] = [0xC02F, 0x009D, 0x00BA];
const SCRIPT: &str = "suites=C02F,009D,00BA";

#[test]
fn a_server_that_reads_64_suites_alone_is_understood() {
    let audited = audit(&format!("{SCRIPT} limit=64"));
    assert_eq!(audited.accepted("tls1_2"), BTreeSet::from(SUITES));
}

#[test]
fn a_server_that_counts_connections_is_slowed_down_for_and_never_thought_to_refuse() {
    let audited = audit(&format!("{SCRIPT} rate=12"));
    for suite in SUITES {
        assert!(!audited.refused("tls1_2", suite), "{suite:04x}");
    }
    let pace = &audited.tls["pace"]["value"];
    assert!(pace["lossy"] == true && pace["slowed_to_ms"].is_i64(), "that it was slowed down for is said: {pace}");
}

#[test]
fn a_reset_at_any_byte_leaves_what_was_not_read_unknown() {
    for at in [0, 3, 5, 9, 40, 60, 90, 200, 900] {
        let audited = audit(&format!("{SCRIPT} reset-at={at}"));
        for suite in SUITES {
            assert!(!audited.refused("tls1_2", suite), "after {at} bytes: {suite:04x}");
        }
        let word = audited.verdict("tls.certificate-weak-key");
        assert!(word != "pass", "after {at} bytes no certificate was read whole: {word}");
    }
}

#[test]
fn a_tarpit_ends_undetermined_and_in_bounded_time() {
    let audited = audit(&format!("{SCRIPT} tarpit"));
    assert_eq!(audited.tls["versions"]["tls1_2"]["state"], "failed");
    assert_eq!(audited.verdict("tls.no-modern-version"), "undetermined");
    assert!(audited.connections < 60, "{}", audited.connections);
}

#[test]
fn a_record_that_is_longer_than_any_or_shorter_than_it_says_is_no_refusal() {
    for length in [65_535, 18_000, 0, 4] {
        let audited = audit(&format!("{SCRIPT} record-length={length}"));
        assert_ne!(
            audited.tls["versions"]["tls1_2"]["state"], "observed",
            "{length}: {}",
            audited.tls["versions"]["tls1_2"]
        );
    }
}

#[test]
fn an_alert_that_refuses_nothing_is_not_taken_for_a_refusal() {
    for alert in [80, 90, 112] {
        let audited = audit(&format!("{SCRIPT} alert={alert}"));
        assert_eq!(audited.tls["versions"]["tls1_2"]["state"], "failed", "alert {alert}");
    }
    for alert in [40, 47, 50, 70, 71, 86, 109, 120] {
        let audited = audit(&format!("{SCRIPT} alert={alert}"));
        assert_eq!(audited.tls["versions"]["tls1_2"]["value"]["offered"], false, "alert {alert}");
    }
}

#[test]
fn a_server_that_answers_every_hello_with_a_retry_is_read_and_never_hung_on() {
    let audited = audit("versions=0304 suites=1301,1302 groups=001D,11EC");
    assert_eq!(audited.accepted("tls1_3"), BTreeSet::from([0x1301, 0x1302]));
    let groups = &audited.tls["groups"]["tls1_3"]["value"]["accepted"];
    let names: BTreeSet<&str> = groups.as_array().into_iter().flatten().filter_map(|g| g["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["X25519MLKEM768", "x25519"]));
    assert_eq!(audited.tls["negotiated"]["state"], "failed");
}

#[test]
fn more_certificates_than_anybody_sends_are_bounded() {
    let audited = audit(&format!("{SCRIPT} certificates=100"));
    assert_eq!(audited.accepted("tls1_2"), BTreeSet::from(SUITES));
    let kept = audited.tls["chain"]["value"]["certificates"].as_array().map_or(0, Vec::len);
    assert!(kept <= 16, "{kept}");
}

#[test]
fn nodes_with_different_certificates_behind_one_address_are_a_finding() {
    assert_eq!(audit(&format!("{SCRIPT} mixed")).verdict("tls.answers-differ"), "fail");
    assert_eq!(audit(SCRIPT).verdict("tls.answers-differ"), "pass");
}

#[test]
fn refusing_hellos_of_tomorrow_is_a_finding_and_ignoring_what_is_new_is_none() {
    let words = ["grease", "long", "version"];
    for word in words {
        assert_eq!(audit(&format!("{SCRIPT} intolerant={word}")).verdict("tls.hello-intolerance"), "fail", "{word}");
    }
    assert_eq!(audit(SCRIPT).verdict("tls.hello-intolerance"), "pass");
}

#[test]
fn every_fault_of_an_implementation_is_found_where_it_is_and_nowhere_else() {
    let table = [
        ("heartbeat=bleed", "tls.heartbleed"),
        ("takes-ccs", "tls.early-ccs"),
        ("robot suites=009D,C02F", "tls.robot"),
        ("suites=002F cbc=padding", "tls.poodle-tls"),
        ("suites=002F cbc=oracle", "tls.padding-oracle"),
        ("suites=002F cbc=strict renegotiation=yes", "tls.client-renegotiation-accepted"),
        ("ssl2", "tls.ssl2-offered"),
        ("ssl2", "tls.drown"),
        ("versions=0300,0303 suites=002F,C02F", "tls.poodle"),
        ("suites=0003,C02F", "tls.freak"),
        ("suites=0014,C02F", "tls.logjam"),
        ("suites=009E,C02F dh=1024", "tls.weak-dh"),
        ("compression", "tls.compression-accepted"),
        ("no-renegotiation-info", "tls.insecure-renegotiation"),
        ("no-ems", "tls.extended-master-secret-missing"),
        ("versions=0302,0303 ignores-fallback", "tls.fallback-not-stopped"),
    ];
    for (words, check) in table {
        assert_eq!(audit(words).verdict(check), "fail", "{check}");
    }
    // One server that has what each of them needs, and no fault.
    let sound = audit("heartbeat=echo versions=0302,0303 suites=009D,C02F,009E dh=2048");
    // One that completes handshakes, too.
    let whole = audit("suites=002F cbc=strict");
    for (_, check) in table {
        if matches!(check, "tls.poodle-tls" | "tls.padding-oracle" | "tls.client-renegotiation-accepted") {
            assert_eq!(whole.verdict(check), "pass", "{check}");
            continue;
        }
        assert_eq!(sound.verdict(check), "pass", "{check}");
    }
}

#[test]
fn no_fault_is_thought_absent_because_of_a_reset_a_silence_or_a_cut_answer() {
    let attacks = [
        ("tls.heartbleed", "https", 443, "heartbeat=echo"),
        ("tls.early-ccs", "https", 443, "suites=C02F"),
        ("tls.ticketbleed", "https", 443, "tickets"),
        ("tls.starttls-injection", "tcp/25", 25, "smtp=forgets"),
    ];
    let held = |(check, service, port, words): (&str, &str, u16, &str)| {
        assert_eq!(audit_of(service, port, words).verdict(check), "pass", "{check}: the server is sound");
        for after in ["reset", "silence", "cut"] {
            let audited = audit_of(service, port, &format!("{words} after={after}"));
            assert_eq!(audited.verdict(check), "undetermined", "{check} after {after}: {}", audited.tls["attacks"]);
        }
    };
    std::thread::scope(|scope| {
        for attack in attacks {
            scope.spawn(move || held(attack));
        }
    });
}

#[test]
fn paddings_that_nothing_answers_are_not_answered_alike() {
    for after in ["silence", "cut"] {
        let audited = audit(&format!("suites=009D,C02F after={after}"));
        assert_eq!(audited.verdict("tls.robot"), "undetermined", "{after}: {}", audited.tls["attacks"]["robot"]);
    }
}

#[test]
fn who_turns_away_every_current_hello_is_not_called_intolerant_of_what_is_new_in_one() {
    let audited = audit(&format!("{SCRIPT} intolerant=current,grease"));
    assert_eq!(audited.accepted("tls1_2"), BTreeSet::from(SUITES));
    assert_eq!(audited.verdict("tls.hello-intolerance"), "undetermined");
}

#[test]
fn a_certificate_is_not_called_another_where_there_is_none_to_compare_it_with() {
    let without_name = |words: &str| audit(&format!("{SCRIPT} {words}")).tls["behaviour"]["without_name"].clone();
    assert_eq!(without_name("heartbeat=echo")["value"]["answer"], "same-certificate");
    let unknown = without_name("heartbeat=echo intolerant=own-name");
    assert_eq!((&unknown["state"], &unknown["reason"]), (&"failed".into(), &"dependency".into()), "{unknown}");
}

#[test]
fn facts_without_primes_do_not_count_as_proof_against_logjam() {
    let judged = |suites: &str, field: bool| {
        let audited = audit(&format!("suites={suites}"));
        let mut facts = audited.desk.json("facts.json");
        if !field {
            let endpoint = &mut facts["first"]["services"][&audited.service]["endpoints"]["127.0.0.1"];
            endpoint["tls"].as_object_mut().expect("facts").remove("fields").expect("primes");
        }
        audited.desk.write("earlier.json", &facts.to_string());
        let ended = audited.desk.run(&["judge", "earlier.json", "-o", "json=judged.json"]);
        assert!(ended.code < 5 && ended.code != 2, "{}", ended.stderr);
        verdict(&audited.desk.json("judged.json"), "tls.logjam", &audited.service).expect("judged").0
    };
    assert_eq!(judged("009E,C02F", true), "pass");
    assert_eq!(judged("009E,C02F", false), "undetermined");
    assert_eq!(judged("009D,C02F", false), "pass", "without such suites there are no primes");
}

#[test]
fn profiles_and_clients_are_told_from_stored_facts_without_the_network() {
    let audited = audit("versions=0303 suites=C02F,C030 groups=0017");
    let judge = |arguments: &[&str]| audited.desk.run(&[&["judge", "facts.json"], arguments].concat());
    let told = judge(&["--profile", "mozilla-modern", "--profile-output", "held.json"]);
    assert_eq!(told.code, 1, "{}{}", told.stdout, told.stderr);
    assert!(told.stdout.contains("versions_required: TLS 1.3 is not offered"), "{}", told.stdout);
    let held = audited.desk.json("held.json");
    assert_eq!(held["profiles"][0]["outcome"], "deviates");
    let clients = judge(&["--clients"]);
    assert_eq!(clients.code, 0, "{}", clients.stderr);
    assert!(clients.stdout.contains("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, secp256r1"), "{}", clients.stdout);
    assert!(clients.stdout.contains("cannot connect"), "Java 7 speaks TLS 1.0 alone: {}", clients.stdout);
    let both = judge(&["--profile", "all", "-o", "html=report.html"]);
    assert!(both.stderr.contains("--profile-output"), "nothing is left out in silence: {}", both.stderr);
    let unknown = judge(&["--profile", "grade-a"]);
    assert!(unknown.code > 4 || unknown.code == 2, "{}", unknown.code);
    assert!(unknown.stderr.contains("mozilla-intermediate"), "{}", unknown.stderr);
}

#[test]
fn two_looks_at_one_server_give_equal_facts_but_for_what_is_volatile() {
    let look = || {
        let mut tls = audit("versions=0301,0303 suites=C02F,009D,002F,009E ssl2 heartbeat=echo").tls;
        tls["pace"] = Value::Null;
        without_times(&mut tls);
        tls
    };
    assert_eq!(look(), look());
}

#[test]
fn a_wrong_padding_that_is_turned_away_is_no_fault_and_silence_or_garbage_prove_nothing() {
    let table = [
        ("cbc=padding", "fail"),
        ("cbc=padding no-ems", "fail"),
        ("cbc=strict", "pass"),
        ("cbc=padding-reset", "pass"),
        ("cbc=padding-close", "pass"),
        ("cbc=padding-silent", "undetermined"),
        ("cbc=padding-garbage", "undetermined"),
        // Without a control that completes, nothing is told of paddings.
        ("cbc=alert", "undetermined"),
        ("cbc=reset", "undetermined"),
        ("cbc=close", "undetermined"),
        ("cbc=silent", "undetermined"),
        ("cbc=garbage", "undetermined"),
    ];
    for (words, verdict) in table {
        let audited = audit(&format!("suites=002F {words}"));
        let seen = &audited.tls["attacks"]["poodle_tls"];
        assert_eq!(audited.verdict("tls.poodle-tls"), verdict, "{words}: {seen}");
        let oracle = audited.verdict("tls.padding-oracle");
        assert!(oracle != "pass" || verdict == "pass", "{words}: what is not told of one padding is not of four");
    }
    // Padded records alone, and none that is spoken here: Camellia.
    let seen = &audit("suites=0041").tls["attacks"]["poodle_tls"];
    assert_eq!((&seen["state"], &seen["reason"]), (&"not_run".into(), &"unsupported".into()), "{seen}");
}

#[test]
fn a_second_handshake_is_taken_refused_or_unknown_as_the_server_says() {
    let table = [
        ("renegotiation=yes", "fail"),
        ("", "pass"),
        ("renegotiation=fatal", "pass"),
        ("renegotiation=close", "pass"),
        ("renegotiation=reset", "undetermined"),
        ("renegotiation=silent", "undetermined"),
        ("renegotiation=garbage", "undetermined"),
    ];
    for (words, verdict) in table {
        let audited = audit(&format!("suites=002F cbc=strict {words}"));
        let seen = &audited.tls["behaviour"]["client_renegotiation"];
        assert_eq!(audited.verdict("tls.client-renegotiation-accepted"), verdict, "{words}: {seen}");
    }
}

#[test]
fn signature_schemes_of_tls_1_3_are_told_unless_the_server_does_not_look_at_them() {
    let signatures = |schemes: &str| {
        let audited = audit(&format!("versions=0304 suites=1301,1302 groups=001D schemes={schemes}"));
        audited.tls["signatures"]["tls1_3"].clone()
    };
    let seen = signatures("0403,0806");
    let accepted = seen["value"]["accepted"].as_array().into_iter().flatten();
    let names: BTreeSet<&str> = accepted.filter_map(|item| item["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha512"]), "{seen}");
    assert!(seen["value"]["unknown"].is_null(), "{seen}");
    let seen = signatures("any");
    assert_eq!(seen["state"], "failed", "{seen}");
    assert!(seen["detail"].as_str().is_some_and(|detail| detail.contains("not looked at")), "{seen}");
}

#[test]
fn timestamps_in_the_extension_of_a_hello_are_seen_and_cut_ones_are_not_taken_for_none() {
    let list = |words: &str| {
        let audited = audit(&format!("versions=0303 suites=C02F {words}"));
        let ended = audited.desk.run(&["judge", "facts.json", "-o", "html=again.html"]);
        assert!(ended.code < 5, "{}", ended.stderr);
        let page = std::fs::read_to_string(audited.desk.path("again.html")).expect("a page");
        let told = page.split("log timestamps: ").nth(1).and_then(|rest| rest.split('<').next()).expect("the sheet");
        (audited.tls["sct_list"]["state"].clone(), told.to_owned())
    };
    // Nothing in the extension; but what would be stapled was not seen, for no current client can speak with the mock.
    assert_eq!(list(""), ("absent".into(), "not looked at: unsupported".into()));
    assert_eq!(list("timestamp"), ("observed".into(), "1 (tls extension)".into()));
    assert_eq!(list("timestamp=cut"), ("observed".into(), "not known: garbage".into()));
}
