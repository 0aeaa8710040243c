//! The command line: what it says when something is wrong, how it ends, and that nothing half-done is left.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod support;

use support::{Desk, Server, closed_port, loopback_estate, verdict};

const REDIS: &[u8] = b"+PONG\r\n";

#[test]
fn a_mistake_in_the_estate_is_named_with_file_line_and_the_nearest_key_and_nothing_is_written() {
    let desk = Desk::new();
    desk.write("estate.toml", &loopback_estate(&["http"], &[(80, 1)]).replace("criticality", "critcality"));
    let ended = desk.run(&["audit", "-o", "json=findings.json"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    for part in ["estate.toml:12", "critcality", "criticality", "Nothing was contacted"] {
        assert!(ended.stderr.contains(part), "{part} is missing in {}", ended.stderr);
    }
    assert_eq!(desk.files(), ["estate.toml"]);
}

#[test]
fn a_broken_check_file_is_named_with_its_line_before_anything_is_sent() {
    let desk = Desk::new();
    let server = Server::start(|_| panic!("something was sent"));
    desk.write("estate.toml", &loopback_estate(&["tcp/6379"], &[(6379, server.port)]));
    desk.write("mine/web/odd.toml", "schema = 1\ntitle = \"Odd\"\nrulle = \"true\"\n");
    let ended = desk.run(&["audit", "--checks", "mine"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("mine/web/odd.toml:3"), "{}", ended.stderr);
    assert!(ended.stderr.contains("rulle"), "{}", ended.stderr);
}

#[test]
fn a_wrong_value_on_the_command_line_is_answered_with_what_there_is() {
    let desk = Desk::new();
    desk.write("estate.toml", &loopback_estate(&["http"], &[(80, closed_port())]));
    for (arguments, expected) in [
        (vec!["audit", "--fail-on", "severe"], "critical, high, medium, low and info"),
        (vec!["audit", "-o", "pdf=report.pdf"], "there is no format 'pdf'"),
        (vec!["audit", "-o", "report.html"], "FORMAT=PATH"),
        (vec!["audit", "--family", "ftp"], "tls, dns, mail, web, services, estate"),
        (vec!["audit", "--check", "tls.no-such"], "checks list"),
        (vec!["audit", "--now", "tomorrow"], "2028-10-29T07:00:00Z"),
        (vec!["audit", "nowhere.toml"], "nowhere.toml"),
        (vec!["audit", "--allow-incomplet"], "--allow-incomplete"),
    ] {
        let ended = desk.run(&arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_anything_is_sent() {
    let desk = Desk::new();
    let server = Server::start(|_| panic!("something was sent"));
    desk.write("estate.toml", &loopback_estate(&["tcp/6379"], &[(6379, server.port)]));
    let ended = desk.run(&["audit", "-o", "json=findings.json", "-o", "facts=no/such/folder/facts.json"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("no/such/folder"), "{}", ended.stderr);
    assert_eq!(desk.files(), ["estate.toml"], "no half-written output");
}

#[test]
fn a_resolver_that_does_not_answer_is_named_and_no_report_is_written() {
    let desk = Desk::new();
    let closed = format!("127.0.0.1:{}", closed_port());
    let text = loopback_estate(&["http"], &[(80, 1)]).replace("127.0.0.1:9", &closed).replace("addresses ", "# ");
    desk.write("estate.toml", &text);
    let ended = desk.run(&["audit", "-o", "json=findings.json"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains(&closed) && ended.stderr.contains("resolver"), "{}", ended.stderr);
    assert_eq!(desk.files(), ["estate.toml"]);
}

#[test]
fn nothing_in_scope_has_its_own_exit_code() {
    let desk = Desk::new();
    desk.write("estate.toml", "schema = 1\n[authority]\nname = \"Commission\"\n");
    let empty = desk.run(&["audit"]);
    assert_eq!(empty.code, 3, "{}", empty.stderr);
    assert!(empty.stderr.contains("[[asset]]"), "{}", empty.stderr);
    desk.write("estate.toml", &loopback_estate(&["http"], &[(80, 1)]));
    let unknown = desk.run(&["audit", "--asset", "www.other.example"]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.stderr.contains("www.other.example"), "{}", unknown.stderr);
}

#[test]
fn facts_that_are_none_are_refused_with_the_place() {
    let desk = Desk::new();
    desk.write("facts.json", "{\n  \"schema\": 1,\n  \"run\": 7\n}");
    let ended = desk.run(&["judge", "facts.json"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("facts.json") && ended.stderr.contains("line 3"), "{}", ended.stderr);
}

#[test]
fn exit_codes_follow_what_was_found_and_what_could_not_be_determined() {
    let desk = Desk::new();
    let open = Server::saying(REDIS);
    desk.write("open.toml", &loopback_estate(&["tcp/6379"], &[(6379, open.port)]));
    let silent = Server::hanging();
    desk.write("silent.toml", &loopback_estate(&["tcp/6379"], &[(6379, silent.port)]));
    let code = |arguments: &[&str]| desk.run(arguments).code;
    let narrowed = ["--check", "services.redis-open"];
    assert_eq!(code(&[&["audit", "open.toml"], &narrowed[..]].concat()), 1);
    assert_eq!(code(&[&["audit", "open.toml", "--exit-zero"], &narrowed[..]].concat()), 0);
    assert_eq!(code(&[&["audit", "silent.toml", "--timeout", "1"], &narrowed[..]].concat()), 4);
    assert_eq!(code(&[&["audit", "silent.toml", "--timeout", "1", "--allow-incomplete"], &narrowed[..]].concat()), 0);
}

#[test]
fn whoever_has_the_facts_comes_to_the_same_verdicts() {
    let desk = Desk::new();
    let open = Server::saying(REDIS);
    desk.write("estate.toml", &loopback_estate(&["tcp/6379"], &[(6379, open.port)]));
    desk.run(&["audit", "-o", "json=findings.json", "-o", "facts=facts.json"]);
    drop(open);
    desk.run(&["judge", "facts.json", "-o", "json=again.json"]);
    let (first, again) = (desk.json("findings.json"), desk.json("again.json"));
    assert_eq!(verdict(&first, "services.redis-open", "www.cec.example:6379/tcp").expect("judged").0, "fail");
    assert_eq!(first, again);
}

#[test]
fn data_goes_to_stdout_and_messages_to_stderr() {
    let desk = Desk::new();
    desk.write("estate.toml", &loopback_estate(&["http"], &[(80, closed_port())]));
    let ended = desk.run(&["audit", "-o", "json=-"]);
    let findings: serde_json::Value = serde_json::from_str(&ended.stdout).expect("stdout is one JSON document");
    assert_eq!(findings["schema"], 1);
    assert!(ended.stderr.contains("exit code"), "{}", ended.stderr);
    let quiet = desk.run(&["audit", "--quiet"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn bytes_of_a_scanned_host_do_not_reach_the_terminal_as_they_are() {
    let desk = Desk::new();
    let hostile = Server::saying("SSH-1.5-\u{1b}[2J\u{1b}]0;owned\u{7}<script>alert(1)</script>\r\n");
    desk.write("estate.toml", &loopback_estate(&["tcp/22"], &[(22, hostile.port)]));
    let ended = desk.run(&["audit", "-o", "json=findings.json"]);
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert!(all.contains("SSH"), "the fault is shown: {all}");
    assert!(!all.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{all:?}");
}

#[test]
fn init_writes_an_estate_that_is_valid_and_never_overwrites() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["init"]).code, 0);
    let text = std::fs::read_to_string(desk.path("estate.toml")).expect("written");
    assert!(scrutineer::estate::Estate::parse("estate.toml", &text).is_ok());
    assert_eq!(desk.run(&["init"]).code, 2);
}

#[test]
fn a_new_check_is_one_file_that_passes_its_own_tests() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["checks", "new", "web.my-fault", "--into", "mine"]).code, 0);
    let lint = desk.run(&["checks", "lint", "--checks", "mine"]);
    assert_eq!(lint.code, 0, "{}", lint.stderr);
    let test = desk.run(&["checks", "test", "web.my-fault", "--checks", "mine"]);
    assert_eq!(test.code, 0, "{}{}", test.stdout, test.stderr);
    assert!(desk.run(&["checks", "list", "--checks", "mine"]).stdout.contains("web.my-fault"));
}

#[test]
fn names_of_a_certificate_transparency_export_are_told_kept_with_the_facts_and_judged_again() {
    let desk = Desk::new();
    let server = Server::saying(REDIS);
    desk.write("estate.toml", &loopback_estate(&["tcp/6379"], &[(6379, server.port)]));
    desk.write("export.csv", "id,name_value,not_before,not_after\n1,\"vpn.cec.example\nwww.cec.example\",2020-01-01,2099-01-01\n2,ended.cec.example,2019-01-01,2019-04-01\n");
    let ended =
        desk.run(&["audit", "--ct", "export.csv", "-o", "json=a.json", "-o", "facts=facts.json", "--exit-zero"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(desk.run(&["judge", "facts.json", "-o", "json=b.json", "--exit-zero"]).code, 0);
    assert!(
        desk.json("facts.json")["inputs"]["ct"]["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:"))
    );
    for name in ["a.json", "b.json"] {
        let findings = desk.json(name);
        let all = findings["findings"].as_array().expect("findings");
        let told: Vec<&serde_json::Value> = all
            .iter()
            .filter(|f| f["check"] == "estate.undeclared-name" && f["verdict"] == "fail")
            .map(|f| &f["element"])
            .collect();
        assert_eq!(told, ["vpn.cec.example"], "{name}");
    }
}

#[test]
fn a_certificate_transparency_export_that_cannot_be_read_is_named_with_its_line_before_anything_is_sent() {
    let desk = Desk::new();
    let server = Server::start(|_| panic!("something was sent"));
    desk.write("estate.toml", &loopback_estate(&["tcp/6379"], &[(6379, server.port)]));
    desk.write("export.json", "[\n{\"name_value\": \"vpn.cec.example\"},\n{\"id\": 7}\n]\n");
    let ended = desk.run(&["audit", "--ct", "export.json", "-o", "json=findings.json"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("export.json:3") && ended.stderr.contains("has no names"), "{}", ended.stderr);
    assert_eq!(desk.files(), ["estate.toml", "export.json"]);
}

#[test]
fn a_document_that_stdout_does_not_take_is_an_error_and_a_reader_who_goes_away_is_none() {
    let desk = Desk::new();
    desk.write("estate.toml", &loopback_estate(&["tcp/9"], &[(9, 9)]));
    let shell = |format: &str, redirection: &str| {
        let program = assert_cmd::cargo::cargo_bin("scrutineer");
        let line = format!("'{}' audit --family tls --exit-zero -q -o {format}=- {redirection}", program.display());
        let mut command = std::process::Command::new("bash");
        command.args(["-o", "pipefail", "-c", &line]).current_dir(desk.path(""));
        command.output().expect("it ran")
    };
    for format in ["html", "json", "facts"] {
        let full = shell(format, "> /dev/full");
        let said = String::from_utf8_lossy(&full.stderr).into_owned();
        assert_eq!(full.status.code(), Some(2), "{format}: {said}");
        assert!(said.contains("stdout cannot be written"), "{format}: {said}");
        assert_eq!(shell(format, "| head -c 1").status.code(), Some(0), "{format}");
    }
}

#[test]
fn what_is_no_file_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let desk = Desk::new();
    let pipe = desk.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let reading = pipe.clone();
    let reader = std::thread::spawn(move || std::fs::read_to_string(reading).expect("text"));
    desk.write("estate.toml", &loopback_estate(&["tcp/9"], &[(9, 9)]));
    let ended = desk.run(&[
        "audit",
        "estate.toml",
        "--family",
        "tls",
        "--exit-zero",
        "--allow-incomplete",
        "-q",
        "-o",
        "json=pipe",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(reader.join().expect("the reader").contains("\"findings\""));
    assert!(pipe.metadata().expect("it is there").file_type().is_fifo());
}
