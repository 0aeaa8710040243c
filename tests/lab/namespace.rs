//! A network namespace of the tests' own: loopback with many addresses, no way out, and everything in it dies with its holder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The namespace, with a folder for the files of its servers.
pub(crate) struct Namespace {
    holder: Child,
    init: u32,
    folder: tempfile::TempDir,
    started: Vec<(String, Child)>,
}

impl Namespace {
    /// Makes it. `script` is run inside as its root first, to set up addresses.
    pub(crate) fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ready = folder.path().join("ready");
        // /run is fresh, because some servers insist on a folder there; /proc is that of the new process namespace.
        let script = format!(
            "set -e; mount -t tmpfs tmpfs /run; mkdir /run/sshd; mount -t proc proc /proc; ip link set lo up; {script}\ntouch {}; exec sleep infinity",
            ready.display()
        );
        let log = File::create(folder.path().join("namespace.log")).expect("a log");
        let mut holder = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                &script,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("unshare is there; scripts/setup installs it");
        let begun = Instant::now();
        while !ready.exists() {
            let ended = holder.try_wait().expect("a state");
            let why = std::fs::read_to_string(folder.path().join("namespace.log")).unwrap_or_default();
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_secs(20),
                "no network namespace can be made here: {why}"
            );
            sleep(Duration::from_millis(20));
        }
        let init = only_child(holder.id());
        Self { holder, init, folder, started: Vec::new() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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

    /// A command that runs inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--preserve-credentials",
            "--user",
            "--net",
            "--mount",
            "--pid",
            "--target",
            &self.init.to_string(),
            "--",
        ]);
        // Entering a mount namespace loses the working directory.
        command.args(["sh", "-c", "cd \"$0\" && exec \"$@\""]).arg(self.folder.path()).arg(program);
        // Servers live in places that are not on everybody's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command
    }

    /// Runs a command inside to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).output().expect("nsenter runs")
    }

    /// Runs a command that must succeed; gives what it said.
    pub(crate) fn must(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} {arguments:?}: {out}{err}");
        out.into_owned()
    }

    /// Starts a server; what it says goes to a log beside its files.
    pub(crate) fn start(&mut self, name: &str, mut command: Command) {
        let log = File::create(self.path(&format!("{name}.log"))).expect("a log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().unwrap_or_else(|e| panic!("{name} does not start: {e}; see scripts/setup"));
        self.started.push((name.to_owned(), child));
    }

    /// Waits until somebody accepts connections there.
    pub(crate) fn await_port(&self, name: &str, address: &str, port: u16) {
        let probe = format!("exec 3<>/dev/tcp/{address}/{port}");
        let begun = Instant::now();
        while !self.run("bash", &["-c", &probe]).status.success() {
            let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(60), "{name} does not answer at {address}:{port}: {log}");
            sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a server has written this to its log; gives the log.
    pub(crate) fn await_log(&self, name: &str, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
            if log.contains(text) {
                return log;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{name} does not say '{text}': {log}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Ends one server, politely, and waits until it is gone.
    pub(crate) fn stop(&mut self, name: &str) {
        let at = self.started.iter().position(|(one, _)| one == name).expect("it was started");
        let (_, mut child) = self.started.remove(at);
        // The child is nsenter; the server is its child.
        let server = only_child(child.id());
        Command::new("kill").args(["-TERM", &server.to_string()]).status().expect("kill");
        child.wait().expect("it ended");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The first process of a process namespace takes all others with it.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        for (_, child) in &mut self.started {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The one child of a process, waiting for it to be born.
fn only_child(parent: u32) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    for _ in 0..200 {
        let children = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some(child) = children.split_whitespace().next().and_then(|word| word.parse().ok()) {
            return child;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("process {parent} has no child");
}

/// A server by script (tests/lab/servers).
pub(crate) fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/servers").join(name)
}
