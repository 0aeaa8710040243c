//! Servers that hang, reset or answer garbage: could-not-look is never not-there, from the probe to the verdict.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod support;

use serde_json::Value;
use support::{Desk, Server, closed_port, loopback_estate, verdict};

/// The word of the state and the reason of what was observed of the one endpoint of `service`.
fn fact(facts: &Value, service: &str, path: &str) -> (String, String) {
    let endpoint = &facts["first"]["services"][service]["endpoints"]["127.0.0.1"];
    let observation = path.split('.').fold(endpoint, |at, key| &at[key]);
    let word = |key: &str| observation[key].as_str().unwrap_or_default().to_owned();
    (word("state"), word("reason"))
}

fn audited(services: &[&str], ports: &[(u16, u16)]) -> (Value, Value, Desk) {
    let desk = Desk::new();
    desk.write("estate.toml", &loopback_estate(services, ports));
    let ended = desk.run(&["audit", "-o", "json=findings.json", "-o", "facts=facts.json", "--timeout", "1"]);
    assert!(ended.code < 5, "{}", ended.stderr);
    (desk.json("facts.json"), desk.json("findings.json"), desk)
}

/// Server, the nominal port it stands in for, fact, and the reason it must end with.
fn holds(server: &Server, reason: &str) {
    let (facts, findings, _desk) = audited(&["https"], &[(443, server.port)]);
    let service = "www.cec.example:443/tcp";
    for path in ["tls.negotiated", "tls.chain", "web.https"] {
        assert_eq!(fact(&facts, service, path), ("failed".into(), reason.into()), "{path}");
    }
    for check in ["tls.certificate-expired", "web.hsts-missing", "tls.no-modern-version", "tls.tls1-0-offered"] {
        let (word, why) = verdict(&findings, check, service).expect("judged");
        assert_eq!(word, "undetermined", "{check}: {why}");
        assert!(why.contains(reason), "{check}: {why}");
    }
}

#[test]
fn a_server_that_hangs_ends_undetermined_by_timeout() {
    holds(&Server::hanging(), "timeout");
}

#[test]
fn a_server_that_resets_ends_undetermined_by_reset() {
    holds(&Server::resetting(), "reset");
}

#[test]
fn a_server_that_sends_garbage_ends_undetermined_by_garbage() {
    holds(&Server::saying(b"\x00\x01\x02 certainly no TLS \xff\xfe".repeat(20)), "garbage");
}

#[test]
fn a_megabyte_of_header_is_too_large_and_not_an_empty_page() {
    let mut answer = b"HTTP/1.1 200 OK\r\nx-filler: ".to_vec();
    answer.extend(std::iter::repeat_n(b'a', 1 << 20));
    answer.extend(b"\r\n\r\n<html>");
    let server = Server::saying(answer);
    let (facts, findings, _desk) = audited(&["http"], &[(80, server.port)]);
    let page = &facts["first"]["services"]["www.cec.example:80/tcp"]["endpoints"]["127.0.0.1"]["web"]["http"];
    let text = page.to_string();
    assert!(text.contains("too-large"), "{text}");
    let (word, why) = verdict(&findings, "web.http-no-redirect", "www.cec.example:80/tcp").expect("judged");
    assert_eq!(word, "undetermined", "{why}");
}

#[test]
fn a_stopped_declared_server_leaves_its_checks_undetermined_and_is_itself_a_finding() {
    let (facts, findings, _desk) = audited(&["https"], &[(443, closed_port())]);
    let service = "www.cec.example:443/tcp";
    assert_eq!(fact(&facts, service, "tls.chain"), ("failed".into(), "refused".into()));
    assert_eq!(verdict(&findings, "services.declared-not-answering", service).expect("judged").0, "fail");
    assert_eq!(verdict(&findings, "tls.certificate-expired", service).expect("judged").0, "undetermined");
}

#[test]
fn a_server_that_drips_a_byte_at_a_time_does_not_hold_the_audit() {
    let drip = |start: &'static [u8]| {
        Server::start(move |mut stream| {
            use std::io::{Read, Write};
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let _ = stream.write_all(start);
            while stream.write_all(b"a").is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
        })
    };
    let header = drip(b"HTTP/1.1 200 OK\r\nx-slow: ");
    let body = drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>");
    let banner = drip(b"");
    let desk = Desk::new();
    let ports = [(80, header.port), (8080, body.port), (22, banner.port), (443, banner.port)];
    desk.write("estate.toml", &loopback_estate(&["http", "http:8080", "tcp/22", "https"], &ports));
    let ended = desk.run(&["audit", "-o", "json=findings.json", "-o", "facts=facts.json", "--timeout", "1"]);
    assert!(ended.code < 5, "{}", ended.stderr);
    let findings = desk.json("findings.json");
    let (word, why) = verdict(&findings, "web.http-no-redirect", "www.cec.example:80/tcp").expect("judged");
    assert_eq!(word, "undetermined", "{why}");
    let (word, why) = verdict(&findings, "tls.certificate-expired", "www.cec.example:443/tcp").expect("judged");
    assert_eq!(word, "undetermined", "{why}");
}
