//! Who stands where in the lab. The addresses look public, because private ones are a fault of their own; they exist on the
//! namespace's loopback alone, which has no way out.

pub(crate) const RESOLVER: &str = "45.99.0.53";
/// The resolver asks from here, so that its questions can be told from the audit's.
pub(crate) const RESOLVER_ASKS_FROM: &str = "45.99.0.54";
/// Serve the root and the top level: asked for the delegation of declared zones and nothing else.
pub(crate) const ROOT_SERVER: &str = "45.11.1.53";
pub(crate) const TOP_SERVER: &str = "45.11.2.53";
/// Lags behind the other for one zone.
pub(crate) const STALE_TOP_SERVER: &str = "45.11.3.53";

/// NSD.
pub(crate) const NS1: [&str; 2] = ["45.10.1.53", "2a0e:97c0:1::53"];
/// BIND.
pub(crate) const NS2: [&str; 2] = ["45.20.1.53", "2a0e:97c0:2::53"];
/// NSD again, for zones that BIND does not serve as they are.
pub(crate) const NS3: [&str; 2] = ["45.20.5.53", "2a0e:97c0:2::55"];
pub(crate) const SINGLE_NS: &str = "45.10.3.53";
pub(crate) const DIFFER_NS1: &str = "45.30.1.53";
pub(crate) const DIFFER_NS2: &str = "45.31.1.53";
pub(crate) const LAME_NS1: &str = "45.40.1.53";
pub(crate) const LAME_NS2: &str = "45.40.1.54";
/// A name server by script: its name, its address, and what it does (tests/lab/servers/odd_dns.py).
pub(crate) type Scripted = (&'static str, &'static str, &'static str);
/// Name servers that keep to no standard.
pub(crate) const ODD: [Scripted; 2] = [
    ("ns1.odd.example", "45.41.1.53", "lower-case+upward+no-aaaa+echo-unknown+old-edns"),
    ("ns2.odd.example", "45.41.2.53", "drop-edns"),
];
/// Zones whose servers are scripts, with these. `elsewhere` is NS1, which has the zone as well.
pub(crate) const SCRIPTED: [(&str, &[Scripted]); 4] = [
    ("odd.example", &ODD),
    (
        "no-tcp.example",
        &[("ns1.no-tcp.example", "45.41.3.53", "no-tcp"), ("ns2.no-tcp.example", "45.41.4.53", "no-tcp")],
    ),
    (
        "no-edns.example",
        &[("ns1.good.example", NS1[0], "elsewhere"), ("ns2.no-edns.example", "45.41.5.53", "drop-edns")],
    ),
    (
        "formerr-edns.example",
        &[
            ("ns1.formerr-edns.example", "45.41.6.53", "formerr-edns"),
            ("ns2.formerr-edns.example", "45.41.7.53", "formerr-edns"),
        ],
    ),
];
/// Has authority over a zone and resolves for everybody.
pub(crate) const RECURSIVE_NS: &str = "45.43.1.53";
/// It asks from here.
pub(crate) const RECURSIVE_ASKS_FROM: &str = "45.43.1.54";
/// Gives the whole zone to everybody.
pub(crate) const OPEN_NS: &str = "45.42.1.53";

pub(crate) const GOOD: [&str; 2] = ["45.10.2.80", "2a0e:97c0:1::80"];
pub(crate) const RESULTS: [&str; 2] = ["45.20.2.81", "2a0e:97c0:2::81"];

/// Of which DNS says what they show: in the good zone, and in one that is not signed.
pub(crate) const NAMED: &str = "45.10.2.90";
pub(crate) const NAMED_UNSIGNED: &str = "45.50.3.1";

/// Mail servers, the target of a redirect, a script's host: named, not declared, and somebody listens there.
pub(crate) const MAIL: [&str; 2] = ["45.10.2.25", "45.20.2.25"];
pub(crate) const ELSEWHERE: &str = "45.12.1.80";
/// The registry's server, which the estate names for two zones.
pub(crate) const REGISTRY: &str = "45.13.1.43";
/// Policy hosts of MTA-STS: not declared themselves, one GET is theirs.
pub(crate) const POLICY_HOSTS: [(&str, &str); 3] = [
    ("mta-sts.good.example", "45.10.2.92"),
    ("mta-sts.mailfaults.example", "45.10.2.91"),
    ("mta-sts.cname-mx.example", "45.10.2.93"),
];

/// The hosts of bad.example: name, addresses, declared services.
pub(crate) const BAD_HOSTS: [(&str, &[&str], &[&str]); 24] = [
    ("expired", &["45.50.1.10"], &["https"]),
    ("early", &["45.50.1.11"], &["https"]),
    ("selfsigned", &["45.50.1.12"], &["https"]),
    ("wrongname", &["45.50.1.13"], &["https"]),
    ("untrusted", &["45.50.1.14"], &["https"]),
    ("soon", &["45.50.1.15"], &["https"]),
    ("muststaple", &["45.50.1.16"], &["https"]),
    ("web", &["45.50.1.17"], &["http", "https"]),
    ("v4only", &["45.50.1.18"], &["https"]),
    ("script", &["45.50.1.19"], &["https", "tcp/22"]),
    ("old", &["45.50.1.20"], &["https"]),
    ("gone", &["45.50.1.21"], &["https"]),
    ("split", &["45.50.1.30", "45.50.2.30"], &["https"]),
    ("private", &["10.9.9.9"], &["https"]),
    ("services", &["45.60.1.1"], &["tcp/22"]),
    ("locked", &["45.60.3.1"], &["tcp/6379"]),
    ("everything", &["45.77.0.1"], &["https"]),
    ("hang", &["45.81.0.1"], &["https"]),
    ("reset", &["45.81.0.2"], &["https"]),
    ("garbage", &["45.81.0.3"], &["https"]),
    ("bigheader", &["45.81.0.4"], &["https"]),
    ("filtered", &["45.66.1.1"], &["https"]),
    ("shared", &["45.70.1.1"], &["https"]),
    ("named", &["45.50.1.31"], &["https"]),
];

/// Hosts for which active acts are authorised: name, addresses, declared services.
pub(crate) const FAULT_HOSTS: [(&str, &[&str], &[&str]); 16] = [
    ("ancient", &["45.90.1.1"], &["https"]),
    ("tickets", &["45.90.1.2"], &["https"]),
    ("picky", &["45.90.1.3"], &["https"]),
    ("mixed", &["45.90.1.4"], &["https"]),
    ("mailkeeps", &["45.90.1.5"], &["tcp/25"]),
    ("mailforgets", &["45.90.1.6"], &["tcp/25"]),
    ("zerortt", &["45.90.1.7"], &["https"]),
    ("dual", &["45.90.1.8"], &["https"]),
    ("revoked", &["45.90.3.1"], &["https"]),
    ("wrongstaple", &["45.90.3.2"], &["https"]),
    ("knownkey", &["45.90.3.3"], &["https"]),
    ("flawedkey", &["45.90.3.4"], &["https"]),
    ("incomplete", &["45.90.3.5"], &["https"]),
    ("disordered", &["45.90.3.6"], &["https"]),
    ("weaklink", &["45.90.3.7"], &["https"]),
    ("oddnames", &["45.90.3.8"], &["https"]),
];
/// Shows an ECDSA and an RSA certificate, both valid, and a finite field that is large enough.
pub(crate) const DUAL: &str = "45.90.2.8";

/// Packets to these addresses vanish: those to a host, and those to two name servers.
pub(crate) const SWALLOWED: &str = "45.66.1.1";
pub(crate) const DEAD_NS: &str = "45.66.2.53";
/// The only server of a zone, and dead.
pub(crate) const SILENT_NS: &str = "45.66.3.53";
/// Declared as run by a content delivery network.
pub(crate) const SHARED_NETWORK: &str = "45.70.1.0/24";

/// Prefixes of the lab's servers and the autonomous systems that announce them.
pub(crate) const AS_TABLE: &str =
    "45.0.0.0/8\t64500\n45.20.0.0/16\t64501\n2a0e:97c0:1::/48\t64500\n2a0e:97c0:2::/48\t64501\n";

/// IANA's list of RDAP servers, for one top level.
pub(crate) const RDAP_LIST: &str = r#"{"services": [[["example"], ["https://rdap.elsewhere.example/"]]]}"#;

/// The zone that every estate declares.
pub(crate) const GOOD_ZONE: &str = "good.example";
/// Zones with faults of many kinds.
const ZONES: [&str; 19] = [
    "nomail.example",
    "unsigned.example",
    "expired.example",
    "bogus.example",
    "lame.example",
    "single.example",
    "differ.example",
    "badmail.example",
    "mailfaults.example",
    "differ-mail.example",
    "mail-differs.example",
    "bad.example",
    "dangling.example",
    "glue.example",
    "many.example",
    "alias.example",
    "open.example",
    "wild.example",
    "odd.example",
];

/// Those with one fault of their signatures or servers, which declare to send and to receive no mail.
const NO_MAIL: [&str; 26] = [
    "stale-parent.example",
    "soon.example",
    "ended.example",
    "long-lived.example",
    "late-ttl.example",
    "missing-ds.example",
    "extra-ds.example",
    "unsupported.example",
    "algorithm-missing.example",
    "sha1.example",
    "sha512.example",
    "short-key.example",
    "nsec3.example",
    "no-denial.example",
    "signed-wild.example",
    "partial.example",
    "dmarc-altered.example",
    "halfbogus.example",
    "cds-stray.example",
    "cds-delete.example",
    "dead.example",
    "silent.example",
    "recursive.example",
    "no-tcp.example",
    "no-edns.example",
    "formerr-edns.example",
];

/// Those that have one fault of mail and one exchanger, `mx`.
pub(crate) const MAIL_ZONES: [&str; 8] = [
    "spf-void.example",
    "spf-two.example",
    "spf-plus.example",
    "spf-neutral.example",
    "dmarc-none.example",
    "dmarc-missing.example",
    "dmarc-faulty.example",
    "cname-mx.example",
];

/// Every zone but the good one.
pub(crate) fn bad_zones() -> impl Iterator<Item = &'static str> {
    ZONES.into_iter().chain(NO_MAIL).chain(MAIL_ZONES)
}

/// Whether the estates declare that the zone sends and receives no mail.
pub(crate) fn has_no_mail(zone: &str) -> bool {
    ["nomail.example", "unsigned.example"].contains(&zone) || NO_MAIL.contains(&zone)
}

/// Hosts of bad.example that are aliases: one that leads to an address, and one for every way to lead nowhere. No service of
/// theirs is declared.
pub(crate) const ALIASES: [(&str, &str); 5] = [
    ("aliased", "v4only.bad.example"),
    ("dangling", "given-up.good.example"),
    ("unregistered", "www.never-registered.example"),
    ("provider", "given-up.azurewebsites.net"),
    // The servers of that domain answer nobody.
    ("unanswered", "www.unanswered.example"),
];

/// Names that only a certificate, a policy, a link, a redirect and the export of certificate transparency logs have: nobody may
/// be asked about them.
pub(crate) const UNDECLARED: [&str; 5] =
    ["staging.bad.example", "cdn.bad.example", "archive.bad.example", "moved.bad.example", "vpn.bad.example"];

pub(crate) fn addresses(host: &str) -> &'static [&'static str] {
    BAD_HOSTS
        .iter()
        .chain(&FAULT_HOSTS)
        .find(|(name, ..)| *name == host)
        .map(|(_, addresses, _)| *addresses)
        .expect("a host of the plan")
}

/// Every address that somebody stands at.
pub(crate) fn all_addresses() -> Vec<&'static str> {
    let mut all = vec![
        RESOLVER,
        RESOLVER_ASKS_FROM,
        ROOT_SERVER,
        TOP_SERVER,
        STALE_TOP_SERVER,
        OPEN_NS,
        RECURSIVE_NS,
        RECURSIVE_ASKS_FROM,
        SINGLE_NS,
        DIFFER_NS1,
        DIFFER_NS2,
        LAME_NS1,
        LAME_NS2,
        ELSEWHERE,
        REGISTRY,
    ];
    for group in [NS1, NS2, NS3, GOOD, RESULTS, MAIL] {
        all.extend(group);
    }
    let scripted = SCRIPTED.iter().flat_map(|(_, servers)| servers.iter());
    all.extend(scripted.filter(|(_, _, behaviour)| *behaviour != "elsewhere").map(|(_, address, _)| *address));
    all.extend([DUAL, NAMED, NAMED_UNSIGNED]);
    all.extend(POLICY_HOSTS.iter().map(|(_, address)| *address));
    all.extend(BAD_HOSTS.iter().chain(&FAULT_HOSTS).flat_map(|(_, addresses, _)| addresses.iter().copied()));
    all.retain(|address| *address != SWALLOWED);
    all
}

/// The commands that set up the namespace's addresses.
pub(crate) fn network() -> String {
    // `everything` binds all ports below.
    let mut script = String::from("echo 60000 65535 > /proc/sys/net/ipv4/ip_local_port_range; ");
    // Where the machine has IPv6 switched off, the namespace may still have it.
    script.push_str("for i in all default lo; do echo 0 > /proc/sys/net/ipv6/conf/$i/disable_ipv6 || true; done; ");
    for address in all_addresses() {
        let (length, extra) = if address.contains(':') { (128, " nodad") } else { (32, "") };
        script.push_str(&format!("ip addr add {address}/{length} dev lo{extra}; "));
    }
    // A wire whose other end belongs to nobody: packets go in and nothing comes back.
    script.push_str("ip link add hole type veth peer name end; ip link set hole up; ip link set end up; ");
    for address in [SWALLOWED, DEAD_NS, SILENT_NS] {
        script.push_str(&format!("ip route add {address}/32 dev hole; "));
        script.push_str(&format!("ip neigh add {address} lladdr 02:00:00:00:00:01 dev hole nud permanent; "));
    }
    script
}
