//! Real servers and their configurations: what is found of suites, groups, signature schemes, order and behaviour is exactly what
//! was configured (tests/truth/servers.toml), in every configuration.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use support::{Desk, loopback_estate};

#[derive(Deserialize)]
struct Table {
    server: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    name: String,
    #[serde(rename = "what")]
    _what: String,
    arguments: String,
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

/// The OpenSSL that still speaks everything, built once (scripts/build-openssl).
static OPENSSL: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/build-openssl");
    let built = Command::new(script).stderr(Stdio::inherit()).output().expect("the script runs");
    assert!(built.status.success(), "OpenSSL could not be built");
    let text = String::from_utf8(built.stdout).expect("a path");
    text.lines().last().expect("a path").into()
});

/// A folder with every key that a configuration names.
fn keys(desk: &Desk, wanted: &[String]) -> PathBuf {
    let folder = desk.path("keys");
    std::fs::create_dir_all(&folder).expect("a folder");
    desk.write("keys/request.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
    let openssl = |arguments: &[&str]| {
        let done = Command::new(&*OPENSSL).current_dir(&folder).args(arguments).output().expect("it runs");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    for key in wanted {
        let kind: &[&str] = match key.as_str() {
            "rsa" => &["rsa:2048"],
            "rsa1024" => {
                openssl(&["dhparam", "-dsaparam", "-out", "dh1024.pem", "1024"]);
                &["rsa:1024"]
            }
            "ecdsa" => &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "ecdsa384" => &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
            "ed25519" => &["ed25519"],
            "rsapss" => &["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
            "dsa" => {
                openssl(&["dsaparam", "-out", "dsa.params", "1024"]);
                &["dsa:dsa.params"]
            }
            other => panic!("no such key: {other}"),
        };
        let (pem, private) = (format!("{key}.pem"), format!("{key}.key"));
        let end = ["-nodes", "-subj", "/CN=www.cec.example", "-days", "30", "-keyout", &private, "-out", &pem];
        openssl(&[&["req", "-config", "request.cnf", "-x509", "-newkey"], kind, &end].concat());
    }
    folder
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "waits for a server of its own")]
fn start(server: &Server, keys: &Path) -> (Running, u16) {
    for _ in 0..5 {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let filled =
            |word: &str| word.replace("{port}", &port.to_string()).replace("{keys}", &keys.display().to_string());
        let mut command = Command::new(&*OPENSSL);
        command.args(server.arguments.split_whitespace().map(filled));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = Running(command.spawn().expect("it starts"));
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (running, port);
            }
            if running.0.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    panic!("{} does not start", server.name);
}

fn audited(server: &Server) -> Value {
    let desk = Desk::new();
    let keys = keys(&desk, &server.keys);
    let (_running, port) = start(server, &keys);
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
        if told != value {
            wrong.push(format!("{}: {fact} is {value}, not {told}", server.name));
        }
    }
    wrong
}

#[test]
fn what_is_found_of_a_real_server_is_exactly_what_was_configured() {
    let table: Table = toml::from_str(include_str!("truth/servers.toml")).expect("the table");
    assert!(table.server.len() > 20);
    let left = Mutex::new(table.server.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(server) = left.lock().expect("a lock").next() else { return };
                    let found = compare(server, &audited(server));
                    wrong.lock().expect("a lock").extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("a lock");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
