//! Real servers and their configurations: what is found of suites, groups, signature schemes, order and behaviour is exactly what
//! was configured (tests/truth/*.toml, a file for each program), in every configuration.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

#[path = "truth/keys.rs"]
mod keys;
#[path = "truth/programs.rs"]
mod programs;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use programs::Program;
use serde::Deserialize;
use serde_json::Value;
use support::{Desk, loopback_estate};

/// One file: a program and what it serves with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    program: Program,
    server: Vec<Server>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    name: String,
    #[serde(rename = "what")]
    _what: String,
    /// Words of a command line, or lines of a file.
    #[serde(alias = "arguments")]
    configuration: String,
    keys: Vec<String>,
    /// Code points by version.
    #[serde(default)]
    suites: BTreeMap<String, String>,
    #[serde(default)]
    groups: BTreeMap<String, String>,
    #[serde(default)]
    signatures: BTreeMap<String, String>,
    #[serde(default)]
    preference: BTreeMap<String, String>,
    #[serde(default)]
    behaviour: BTreeMap<String, Value>,
}

fn audited(program: Program, server: &Server) -> Value {
    let desk = Desk::new();
    let keys = keys::make(&desk, &server.keys);
    let (_running, port) = programs::start(&server.name, program, &server.configuration, &keys);
    let estate = loopback_estate(&["https"], &[(443, port)]);
    desk.write("estate.toml", &estate.replace("per_host = 200, total = 1000", "per_host = 10000, total = 10000"));
    let ended = desk.run(&["audit", "-o", "facts=facts.json", "--family", "tls", "--timeout", "5"]);
    assert!(ended.code < 5, "{}", ended.stderr);
    let facts = desk.json("facts.json");
    facts["first"]["services"]["www.cec.example:443/tcp"]["endpoints"]["127.0.0.1"]["tls"].clone()
}

/// Accepted code points; what is unknown is told, because nothing may be.
fn found(fact: &Value) -> Result<BTreeSet<i64>, String> {
    let value = &fact["value"];
    if value["unknown"].as_array().is_some_and(|unknown| !unknown.is_empty()) {
        return Err(format!("unknown: {}", value["unknown"]));
    }
    let list = value["accepted"].as_array().into_iter().flatten();
    Ok(list.filter_map(|item| item["code"].as_i64()).collect())
}

fn meant(list: Option<&String>) -> BTreeSet<i64> {
    let codes = list.map(String::as_str).unwrap_or_default().split_whitespace();
    codes.map(|code| i64::from_str_radix(code, 16).expect("a code point")).collect()
}

fn compare(server: &Server, tls: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let lists = [("suites", &server.suites), ("groups", &server.groups), ("signatures", &server.signatures)];
    for (kind, configured) in lists {
        for (version, fact) in tls[kind].as_object().expect("facts") {
            let (found, meant) = (found(fact), meant(configured.get(version)));
            if found.as_ref() != Ok(&meant) {
                let extra = |a: &BTreeSet<i64>, b: &BTreeSet<i64>| -> Vec<String> {
                    a.difference(b).map(|code| format!("{code:04x}")).collect()
                };
                let told = match &found {
                    Ok(found) => format!("missing {:?}, more {:?}", extra(&meant, found), extra(found, &meant)),
                    Err(why) => why.clone(),
                };
                wrong.push(format!("{}: {kind} of {version}: {told}", server.name));
            }
        }
    }
    for (version, whose) in &server.preference {
        let told = &tls["preference"][version]["value"];
        // With one suite there is nothing to choose.
        if told != whose.as_str() && meant(server.suites.get(version)).len() > 1 {
            wrong.push(format!("{}: the order in {version} is the {whose}'s, not {told}", server.name));
        }
    }
    for (fact, value) in &server.behaviour {
        let told = &tls["behaviour"][fact]["value"];
        if !holds(told, value) {
            wrong.push(format!("{}: {fact} is {value}, not {told}", server.name));
        }
    }
    wrong
}

/// Of what has several parts, only those are meant that are named.
fn holds(told: &Value, meant: &Value) -> bool {
    match meant {
        Value::Object(parts) => parts.iter().all(|(part, value)| told[part] == *value),
        _ => told == meant,
    }
}

const TABLES: [&str; 5] = [
    include_str!("truth/openssl.toml"),
    include_str!("truth/nginx.toml"),
    include_str!("truth/haproxy.toml"),
    include_str!("truth/gnutls.toml"),
    include_str!("truth/tlslite.toml"),
];

#[test]
fn what_is_found_of_a_real_server_is_exactly_what_was_configured() {
    let tables = TABLES.map(|text| toml::from_str::<Table>(text).expect("the table"));
    let servers: Vec<_> =
        tables.iter().flat_map(|table| table.server.iter().map(|server| (table.program, server))).collect();
    assert!(servers.len() > 40);
    let left = Mutex::new(servers.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some((program, server)) = left.lock().expect("a lock").next() else { return };
                    let found = compare(server, &audited(*program, server));
                    wrong.lock().expect("a lock").extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("a lock");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
