//! The programs that serve: NSD, unbound, and scripts for what no real server does.

use crate::namespace::{Namespace, script};
use crate::plan::{LAME_NS1, RESOLVER, RESOLVER_ASKS_FROM, SCRIPTED};

/// Servers that keep to no standard.
pub(super) fn scripted(lab: &mut Namespace) {
    for (zone, servers) in SCRIPTED {
        let mut command = lab.command("python3");
        command.arg(script("odd_dns.py")).arg(zone);
        command.args(servers.iter().map(|(name, address, behaviour)| format!("{name}={address}={behaviour}")));
        lab.start(&format!("scripted-{zone}"), command);
    }
}

/// BIND; `more` is what its options have beside. It checks nothing of what the zones hold, because their faults are wanted.
pub(super) fn named(lab: &mut Namespace, name: &str, addresses: &[&str], zones: &[(String, String)], more: &str) {
    let folder = lab.folder().display().to_string();
    let listen = |v6: bool| {
        let all = addresses.iter().filter(|address| address.contains(':') == v6).map(|address| format!("{address}; "));
        let all: String = all.collect();
        if all.is_empty() { "none; ".to_owned() } else { all }
    };
    let mut conf = format!(
        "options {{\n  directory \"{folder}\"; pid-file none; session-keyfile none; lock-file none;\n  \
         listen-on {{ {}}}; listen-on-v6 {{ {}}};\n  version none; hostname none; server-id none;\n  \
         allow-transfer {{ none; }}; minimal-any yes; notify no; dnssec-validation no; empty-zones-enable no;\n  \
         check-integrity no; check-names primary ignore; check-mx ignore; check-mx-cname ignore; check-spf ignore;\n  \
         {more}\n}};\ncontrols {{ }};\n",
        listen(false),
        listen(true)
    );
    for (zone, file) in zones {
        conf.push_str(&format!("zone \"{zone}\" {{ type primary; file \"{file}\"; }};\n"));
    }
    if more.contains("recursion yes") {
        conf.push_str("zone \".\" { type hint; file \"root.hints\"; };\n");
    }
    let conf = lab.write(&format!("{name}.conf"), &conf);
    let mut command = lab.command("named");
    command.args(["-g", "-n", "1", "-c"]).arg(conf);
    lab.start(name, command);
    // It listens before it knows its zones.
    let log = lab.await_log(name, "all zones loaded");
    assert!(!log.contains("not loaded"), "a zone was refused: {log}");
}

/// `more` is what each zone's clause has beside its name and file. Those that give zones away also say their version.
pub(super) fn nsd(lab: &mut Namespace, name: &str, addresses: &[&str], zones: &[(String, String)], more: &str) {
    let folder = lab.folder().display().to_string();
    let mut conf = format!(
        "server:\n  username: \"\"\n  zonesdir: \"{folder}\"\n  database: \"\"\n  pidfile: \"\"\n  xfrdir: \"{folder}\"\n  xfrdfile: \"{folder}/{name}.xfrd\"\n  \
         zonelistfile: \"{folder}/{name}.list\"\n  server-count: 1\n  hide-version: {}\n",
        if more.is_empty() { "yes" } else { "no" }
    );
    for address in addresses {
        conf.push_str(&format!("  ip-address: {address}\n"));
    }
    conf.push_str("remote-control:\n  control-enable: no\n");
    for (zone, file) in zones {
        conf.push_str(&format!("zone:\n  name: \"{zone}\"\n  zonefile: \"{file}\"\n{more}"));
    }
    let conf = lab.write(&format!("{name}.conf"), &conf);
    let mut command = lab.command("nsd");
    command.args(["-d", "-c"]).arg(conf);
    lab.start(name, command);
}

/// A resolver that DNS names as a server of a zone: it knows nothing of it, offers recursion to everybody, and has no TCP.
pub(super) fn misused(lab: &mut Namespace) {
    let conf = format!("{}  interface: {LAME_NS1}\n  do-tcp: no\n", unbound_server(lab));
    start_unbound(lab, "unbound-lame", &conf);
}

pub(super) fn resolver(lab: &mut Namespace) {
    let conf = format!(
        "{}  interface: {RESOLVER}\n  outgoing-interface: {RESOLVER_ASKS_FROM}\n  do-ip6: no\n  prefer-ip4: yes\n  \
         trust-anchor-file: \"{}\"\n",
        unbound_server(lab),
        lab.path("root.key").display()
    );
    start_unbound(lab, "unbound", &conf);
}

fn unbound_server(lab: &Namespace) -> String {
    format!(
        "server:\n  username: \"\"\n  chroot: \"\"\n  directory: \"{}\"\n  pidfile: \"\"\n  use-syslog: no\n  \
         access-control: 0.0.0.0/0 allow\n  access-control: ::/0 allow\n  do-daemonize: no\n  num-threads: 1\n  \
         root-hints: \"{}\"\n  val-log-level: 1\n",
        lab.folder().display(),
        lab.path("root.hints").display()
    )
}

fn start_unbound(lab: &mut Namespace, name: &str, conf: &str) {
    let conf = lab.write(&format!("{name}.conf"), conf);
    let mut command = lab.command("unbound");
    command.args(["-d", "-c"]).arg(conf);
    lab.start(name, command);
}
