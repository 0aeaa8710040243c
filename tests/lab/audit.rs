//! The program at work in the lab, and what it left.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::namespace::{Namespace, script};

/// What one audit left.
pub(crate) struct Audit {
    pub(crate) code: i32,
    pub(crate) stderr: String,
    pub(crate) findings: Value,
    pub(crate) facts: Value,
    pub(crate) html: String,
}

/// Audits the estate `NAME.toml`, with further arguments.
pub(crate) fn audit(lab: &Namespace, estate: &str, arguments: &[&str]) -> Audit {
    let mut command = lab.command(env!("CARGO_BIN_EXE_scrutineer"));
    command.args(["audit", &format!("{estate}.toml"), "--timeout", "1"]).args(arguments);
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

/// Runs an audit; gives its log of connections.
pub(crate) fn logged(lab: &Namespace, name: &str, arguments: &[&str]) -> Vec<Value> {
    let log = format!("{name}.log");
    let how = ["--connection-log", &log, "--exit-zero", "--timeout", "1"];
    lab.must(env!("CARGO_BIN_EXE_scrutineer"), &[&["audit"], arguments, &how].concat());
    let text = std::fs::read_to_string(lab.path(&log)).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

impl Audit {
    /// Verdicts of a check on a subject; a check that walks a list has several.
    pub(crate) fn verdicts<'a>(&'a self, check: &str, subject: &str) -> BTreeSet<&'a str> {
        self.found(check, subject).filter_map(|f| f["verdict"].as_str()).collect()
    }

    /// Findings of a check on a subject.
    pub(crate) fn found<'a, 'b>(
        &'a self,
        check: &'b str,
        subject: &'b str,
    ) -> impl Iterator<Item = &'a Value> + use<'a, 'b> {
        let all = self.findings["findings"].as_array().expect("findings");
        all.iter().filter(move |f| f["check"] == check && f["subject"]["name"] == subject)
    }
}

/// Does something while all packets are recorded; gives what it gave, and a line of `tcpdump -nn` for each packet.
pub(crate) fn recorded<T>(lab: &mut Namespace, what: impl FnOnce(&Namespace) -> T) -> (T, Vec<String>) {
    let capture = lab.path("capture.pcap");
    let mut recorder = lab.command("python3");
    recorder.arg(script("capture.py")).arg(&capture);
    lab.start("capture", recorder);
    lab.await_log("capture", "listening");
    let given = what(lab);
    lab.stop("capture");
    lab.await_log("capture", "dropped 0");
    let read = Command::new("tcpdump").args(["-nn", "-r"]).arg(&capture).output().expect("tcpdump is there");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    (given, text.lines().map(str::to_owned).collect())
}

/// Source and destination of a line of `tcpdump -nn`.
pub(crate) fn ends(line: &str) -> Option<((String, u16), (String, u16))> {
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
