//! The programs that serve: how each is told its configuration, and started on a free port of loopback.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::keys::OPENSSL;

/// What serves.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Program {
    Openssl,
    Nginx,
    Haproxy,
    Gnutls,
    Tlslite,
}

impl Program {
    /// The command, with its files in `folder`. `configuration` is the end of a command line, or lines of a configuration file.
    fn command(self, configuration: &str, folder: &Path, port: u16) -> Command {
        let words = || configuration.split_whitespace();
        let mut command = match self {
            Self::Openssl => Command::new(&*OPENSSL),
            Self::Gnutls => {
                let mut command = Command::new("gnutls-serv");
                command.args(["--quiet", "--http", "--port", &port.to_string()]);
                command
            }
            Self::Tlslite => {
                let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
                let mut command = Command::new(tests.join("lab/.venv/bin/python"));
                command.arg(tests.join("truth/tlslite_server.py")).arg(port.to_string());
                command
            }
            Self::Nginx => {
                write(folder, "nginx.conf", &nginx(configuration, folder, port));
                let mut command = Command::new("nginx");
                command.arg("-p").arg(folder).args(["-c", "nginx.conf"]);
                command
            }
            Self::Haproxy => {
                write(folder, "haproxy.cfg", &haproxy(configuration, folder, port));
                let mut command = Command::new("haproxy");
                command.args(["-db", "-f", "haproxy.cfg"]);
                command
            }
        };
        if matches!(self, Self::Openssl | Self::Gnutls | Self::Tlslite) {
            command.args(words());
        }
        command
    }
}

/// One process in the foreground; the lines are those of TLS.
fn nginx(lines: &str, folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {folder}/{what};"))
        .join(" ");
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{ worker_connections 512; }}\n\
         http {{\naccess_log off;\n{temporary}\nserver {{\nlisten 127.0.0.1:{port} ssl;\nserver_name www.cec.example;\n\
         {lines}\nreturn 200;\n}}\n}}\n"
    )
}

/// The words belong to `bind`; the certificates are found as one bundle.
fn haproxy(words: &str, folder: &Path, port: u16) -> String {
    for kind in ["rsa", "ecdsa"] {
        let read = |end: &str| std::fs::read_to_string(folder.join(format!("{kind}.{end}")));
        if let (Ok(certificate), Ok(key)) = (read("pem"), read("key")) {
            write(folder, &format!("bundle.pem.{kind}"), &(certificate + &key));
        }
    }
    format!(
        "global\ntune.ssl.default-dh-param 2048\ndefaults\nmode http\ntimeout connect 5s\ntimeout client 20s\ntimeout server 5s\n\
         frontend www\nbind 127.0.0.1:{port} {words}\nhttp-request return status 200\n"
    )
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file");
}

/// Ends with the test.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program with `{port}` and `{keys}` filled in, and gives the port that it listens on.
#[expect(clippy::disallowed_methods, reason = "waits for a server of its own")]
pub(crate) fn start(name: &str, program: Program, configuration: &str, keys: &Path) -> (Running, u16) {
    let path = std::env::var("PATH").unwrap_or_default();
    for _ in 0..5 {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let filled = configuration.replace("{port}", &port.to_string()).replace("{keys}", &keys.display().to_string());
        let mut command = program.command(&filled, keys, port);
        // No defaults of this machine: what is not configured is the library's own.
        command.current_dir(keys).env("PATH", format!("{path}:/usr/sbin")).env("OPENSSL_CONF", "/dev/null");
        command.env("GNUTLS_SYSTEM_PRIORITY_FILE", "/dev/null");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = Running(command.spawn().expect("it starts"));
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (running, port);
            }
            if running.0.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    panic!("{name} does not start");
}
