//! Everything that is neither DNS nor a website.

use std::path::Path;

use crate::namespace::{Namespace, script};
use crate::plan::{GOOD, MAIL, RESULTS, addresses};

pub(crate) fn serve(lab: &mut Namespace) {
    let (open, locked) = (addresses("services")[0], addresses("locked")[0]);
    sshd(lab);
    lab.write("memcached.users", "audit:secret\n");
    redis(lab, "redis", open, &["--protected-mode", "no"]);
    redis(lab, "redis-locked", locked, &["--requirepass", "a long secret"]);
    memcached(lab, "memcached", open, &[]);
    memcached(lab, "memcached-locked", locked, &["-Y", "memcached.users"]);
    vsftpd(lab, "vsftpd", open, "");
    let tls = format!(
        "ssl_enable=YES\nrsa_cert_file={0}/locked.bad.example.pem\nrsa_private_key_file={0}/locked.bad.example.key\n",
        lab.folder().display()
    );
    vsftpd(lab, "vsftpd-locked", locked, &tls);
    postgresql(lab, open, locked);
    faults(lab, open, locked);
    old_tls(lab);
    mock_tls(lab);
    for (name, address, port) in [
        ("sshd", GOOD[0], 22),
        ("redis", open, 6379),
        ("redis-locked", locked, 6379),
        ("memcached", open, 11211),
        ("memcached-locked", locked, 11211),
        ("vsftpd", open, 21),
        ("vsftpd-locked", locked, 21),
        ("postgresql", open, 5432),
        ("postgresql-locked", locked, 5432),
        ("faults", open, 23),
        ("old-tls", addresses("old")[0], 443),
        ("mock-ancient", addresses("ancient")[0], 443),
        ("mock-mailforgets", addresses("mailforgets")[0], 25),
        ("faults", addresses("everything")[0], 59999),
    ] {
        lab.await_port(name, address, port);
    }
}

fn sshd(lab: &mut Namespace) {
    let key = lab.path("ssh_host_key").display().to_string();
    lab.must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key]);
    let program = lab.must("which", &["sshd"]);
    let conf = lab.write("sshd.conf", "").display().to_string();
    let mut command = lab.command(program.trim());
    command.args(["-D", "-e", "-f", &conf, "-h", &key, "-o", "UsePAM=no", "-o", "PidFile=none"]);
    for address in GOOD.iter().chain(&RESULTS) {
        command.args(["-o", &format!("ListenAddress={address}")]);
    }
    lab.start("sshd", command);
}

fn redis(lab: &mut Namespace, name: &str, address: &str, more: &[&str]) {
    let mut command = lab.command("redis-server");
    command.args(["--bind", address, "--port", "6379", "--save", "", "--appendonly", "no"]).args(more);
    lab.start(name, command);
}

fn memcached(lab: &mut Namespace, name: &str, address: &str, more: &[&str]) {
    let mut command = lab.command("memcached");
    command.args(["-u", "root", "-U", "0", "-l", address, "-p", "11211"]).args(more);
    lab.start(name, command);
}

fn vsftpd(lab: &mut Namespace, name: &str, address: &str, more: &str) {
    let empty = lab.path("empty");
    std::fs::create_dir_all(&empty).expect("a folder");
    let conf = format!(
        "listen=YES\nlisten_address={address}\nbackground=NO\nrun_as_launching_user=YES\nseccomp_sandbox=NO\nlocal_enable=NO\n\
         anonymous_enable=YES\nanon_root={0}\nsecure_chroot_dir={0}\n{more}",
        empty.display()
    );
    let conf = lab.write(&format!("{name}.conf"), &conf);
    let mut command = lab.command("vsftpd");
    command.arg(conf);
    lab.start(name, command);
}

/// PostgreSQL refuses to run as root, which everybody in the namespace is: it runs in a user namespace of its own, as somebody else.
fn postgresql(lab: &mut Namespace, open: &str, locked: &str) {
    let programs = newest_postgresql();
    let initdb = programs.join("initdb").display().to_string();
    // A user that the system knows, made by the package.
    let user = format!("--map-user={}", lab.must("id", &["-u", "postgres"]).trim());
    let group = format!("--map-group={}", lab.must("id", &["-g", "postgres"]).trim());
    let nobody = ["--user", &user, &group, "--"];
    lab.must(
        "unshare",
        &[
            &nobody[..],
            &[&initdb, "-D", "postgresql", "-A", "scram-sha-256", "-U", "audit", "--pwfile", "/etc/hostname"],
        ]
        .concat(),
    );
    lab.must("cp", &["-r", "-p", "postgresql", "postgresql-locked"]);
    for (from, to) in [("locked.bad.example.pem", "server.crt"), ("locked.bad.example.key", "server.key")] {
        lab.must("cp", &[from, &format!("postgresql-locked/{to}")]);
    }
    lab.must("chmod", &["600", "postgresql-locked/server.key"]);
    for (name, address, ssl) in [("postgresql", open, "off"), ("postgresql-locked", locked, "on")] {
        let mut command = lab.command("unshare");
        let sockets = format!("unix_socket_directories={}/{name}", lab.folder().display());
        command.args(nobody).arg(programs.join("postgres")).args(["-D", name, "-h", address, "-p", "5432"]);
        command.args(["-c", &sockets, "-c", &format!("ssl={ssl}"), "-c", "fsync=off"]);
        lab.start(name, command);
    }
}

fn newest_postgresql() -> std::path::PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is there; scripts/setup installs it");
    let newest = versions.flatten().map(|entry| entry.path()).max().expect("a version of PostgreSQL");
    newest.join("bin")
}

/// Servers that misbehave, and greetings of what is not worth installing.
fn faults(lab: &mut Namespace, open: &str, locked: &str) {
    let mut places: Vec<String> = ["hang", "reset", "garbage", "bigheader"]
        .iter()
        .map(|behaviour| format!("{}:443={behaviour}", addresses(behaviour)[0]))
        .collect();
    // First, because it forks.
    places.insert(0, format!("{}:0=everything", addresses("everything")[0]));
    places.push(format!("{}:22=scripted-ssh", addresses("script")[0]));
    for (port, behaviour) in [
        (22, "ssh1"),
        (23, "telnet"),
        (25, "smtp"),
        (143, "imap"),
        (445, "silent"),
        (1433, "silent"),
        (2375, "silent"),
        (3306, "mysql"),
        (3389, "silent"),
    ] {
        places.push(format!("{open}:{port}={behaviour}"));
    }
    for (port, behaviour) in [(25, "smtp-tls"), (143, "imap-tls"), (3306, "mysql-tls")] {
        places.push(format!("{locked}:{port}={behaviour}"));
    }
    // Real, reachable and not declared: nobody but mail servers may come here.
    places.extend(MAIL.iter().map(|address| format!("{address}:25=smtp")));
    let mut command = lab.command("python3");
    command.arg(script("faults.py")).args(["bigheader.bad.example.pem", "bigheader.bad.example.key"]).args(places);
    lab.start("faults", command);
}

fn old_tls(lab: &mut Namespace) {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/.venv/bin/python");
    assert!(python.exists(), "tlslite-ng is not installed; scripts/setup does it");
    let mut command = lab.command(&python.display().to_string());
    command.arg(script("old_tls.py")).args(["old.bad.example.pem", "old.bad.example.key", addresses("old")[0]]);
    lab.start("old-tls", command);
}

/// Servers by script (tests/support/mock_tls/mod.rs): faults that no server which can be installed shows any more.
fn mock_tls(lab: &mut Namespace) {
    let program = Path::new(env!("CARGO_BIN_EXE_scrutineer")).with_file_name("examples").join("mock_tls");
    let profile: &[&str] =
        if program.components().any(|part| part.as_os_str() == "release") { &["--release"] } else { &[] };
    let built = std::process::Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--example", "mock_tls"])
        .args(profile)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the mock server could not be built");
    let ancient = "versions=0300,0301,0303 suites=002F,0014,0003,C02F,009E dh=1024 heartbeat=bleed takes-ccs robot ssl2 compression \
                   cbc=padding renegotiation=yes no-renegotiation-info no-ems ignores-fallback";
    for (host, port, words) in [
        ("ancient", 443, ancient),
        ("tickets", 443, "tickets=bleed"),
        ("picky", 443, "intolerant=grease,long,version"),
        ("mixed", 443, "mixed"),
        ("mailkeeps", 25, "smtp=keeps"),
        ("mailforgets", 25, "smtp=forgets"),
    ] {
        let mut command = lab.command(&program.display().to_string());
        let name = format!("rsa-{host}.bad.example");
        let certificates = format!("{name}.pem,rsa-mixed-other.bad.example.pem");
        command.arg(format!("{}:{port}", addresses(host)[0])).args([&format!("{name}.key"), &certificates]);
        command.args(words.split_whitespace());
        lab.start(&format!("mock-{host}"), command);
    }
}
