//! What several test files share: the command, an estate on loopback, and servers that misbehave on purpose.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// The program, without colours, in a folder of its own.
pub(crate) struct Desk {
    folder: TempDir,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&[], arguments)
    }
    /// With variables of the environment.
    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = Command::cargo_bin("scrutineer").expect("the program");
        command.current_dir(self.folder.path()).args(arguments).env("NO_COLOR", "1");
        command.envs(variables.iter().copied());
        let output = command.output().expect("it ran");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().expect("it ended by itself");
        Ended { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
    pub(crate) fn json(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.path(name)).expect("a file");
        serde_json::from_str(&text).expect("JSON")
    }
    /// Names of what lies in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// An estate with one host pinned to 127.0.0.1, whose nominal ports lead to the given ones. No resolver is needed.
pub(crate) fn loopback_estate(services: &[&str], ports: &[(u16, u16)]) -> String {
    let map: Vec<String> = ports.iter().map(|(nominal, real)| format!("{nominal} = {real}")).collect();
    format!(
        r#"schema = 1
[authority]
name = "Election Commission"
[scan]
private  = true
resolver = "127.0.0.1:9"
port_map = {{ {} }}
rate     = {{ per_host = 200, total = 1000 }}
[[asset]]
host        = "www.cec.example"
function    = "authority-website"
criticality = "high"
owner       = "IT"
services    = {services:?}
addresses   = ["127.0.0.1"]
"#,
        map.join(", ")
    )
}

/// The verdict, and the reason if there is one, of a check on a subject.
pub(crate) fn verdict(findings: &Value, check: &str, subject: &str) -> Option<(String, String)> {
    let all = findings["findings"].as_array().expect("findings");
    let one = all.iter().find(|f| f["check"] == check && f["subject"]["name"] == subject)?;
    let word = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    Some((word("verdict"), word("reason")))
}

/// Takes out when things were observed, to compare what was.
pub(crate) fn without_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("observed_at");
            map.values_mut().for_each(without_times);
        }
        Value::Array(list) => list.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// A TCP server on a free port of loopback; stopped when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves each connection with `talk`, each in its own thread.
    pub(crate) fn start(talk: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let port = listener.local_addr().expect("an address").port();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, talk) = (Arc::clone(&stop), Arc::new(talk));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let talk = Arc::clone(&talk);
                        stream.set_nonblocking(false).expect("blocking");
                        std::thread::spawn(move || talk(stream));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { port, stop, thread: Some(thread) }
    }
    /// Reads what comes, and answers every connection with the same bytes.
    pub(crate) fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut stream| {
            let mut asked = [0; 4096];
            stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
            let _ = stream.read(&mut asked);
            let _ = stream.write_all(&bytes);
        })
    }
    /// Accepts and never says anything.
    pub(crate) fn hanging() -> Self {
        Self::start(|mut stream| {
            let mut sink = [0; 4096];
            while stream.read(&mut sink).is_ok_and(|n| n > 0) {}
        })
    }
    /// Accepts and ends the connection at once, with bytes of the peer unread: the kernel sends a reset.
    pub(crate) fn resetting() -> Self {
        Self::start(|stream| {
            let mut one = [0; 1];
            let _ = stream.peek(&mut one);
            drop(stream);
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port of loopback on which nobody listens.
pub(crate) fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Whether a path is a file with something in it.
pub(crate) fn is_written(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.len() > 0)
}

/// Where the sources of a crate lie that this one is built or tested with.
pub(crate) fn source_of(name: &str) -> PathBuf {
    let cargo = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO"));
        let output = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        output.expect("cargo tells where sources are").stdout
    };
    // Sources for other platforms have not been fetched.
    let version = String::from_utf8(cargo(&["-vV"])).expect("text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a platform");
    let told = cargo(&["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host]);
    let told: Value = serde_json::from_slice(&told).expect("JSON");
    let packages = told["packages"].as_array().expect("packages");
    let library = packages.iter().find(|package| package["name"] == name).expect("the crate");
    let mut path = PathBuf::from(library["manifest_path"].as_str().expect("a path"));
    path.pop();
    path
}
