//! The lab's DNS: a root of its own, zones with planted faults on NSD and BIND, and unbound as the resolver and as a misused server.

mod planted;
mod servers;
mod signing;
mod zones;

use time::{Duration, OffsetDateTime};

use crate::namespace::Namespace;
use crate::plan::{
    DIFFER_NS1, DIFFER_NS2, ELSEWHERE, LAME_NS1, LAME_NS2, NS1, NS2, NS3, OPEN_NS, RECURSIVE_ASKS_FROM, RECURSIVE_NS,
    RESOLVER, ROOT_SERVER, SCRIPTED, SINGLE_NS, STALE_TOP_SERVER, TOP_SERVER,
};

use servers::{misused, named, nsd, resolver, scripted};
use signing::{Fault, Signed, Signing, sign};
use zones::{
    SOA_EXPIRE, alias, bad, badmail, dangling, delegation, differ, elsewhere, glue, good, mail_differs, mailfaults,
    many, no_edns, nomail, open, plain, receives_only, single, unsigned, wild, zone,
};

/// RSA/SHA-1, a SHA-1 digest at the parent, and signatures that end in six hours.
const OLD: Signing =
    Signing { keys: &[("RSASHA1", None)], lasting: Duration::hours(6), ..Signing::with(Fault::WeakDigest) };

/// Writes and signs the zones, and starts the servers.
pub(crate) fn serve(lab: &mut Namespace, now: OffsetDateTime) {
    let sound = Some(Signing::SOUND);
    let mut zones = vec![
        ("good.example", good(lab), sound),
        ("nomail.example", nomail(), sound),
        ("unsigned.example", unsigned(lab), None),
        ("expired.example", plain("expired.example"), Some(OLD)),
        ("bogus.example", plain("bogus.example"), Some(Signing::with(Fault::OtherDs))),
        ("single.example", single(), sound),
        ("differ.example", differ(1, &["ns1", "ns2"]), None),
        ("badmail.example", badmail(), sound),
        ("mailfaults.example", mailfaults(lab), sound),
        ("differ-mail.example", receives_only(), None),
        ("mail-differs.example", mail_differs(false), None),
        ("bad.example", bad(), sound),
        ("elsewhere.example", elsewhere(), None),
        ("dangling.example", dangling(), sound),
        ("glue.example", glue(), None),
        ("many.example", many(), None),
        ("alias.example", alias(), None),
        ("wild.example", wild(), None),
        ("open.example", open(), None),
        ("no-edns.example", no_edns(), None),
    ];
    zones.extend(planted::zones(lab));
    let mut served: Vec<Signed> =
        zones.iter().map(|(name, text, signing)| sign(lab, now, name, text, *signing)).collect();
    if let Some(zone) = served.iter_mut().find(|zone| zone.name == "mail-differs.example") {
        zone.other = Some(lab.write("mail-differs-other.zone", &mail_differs(true)).display().to_string());
    }
    above(lab, now, &served);
    let copies = |which: &dyn Fn(&Signed) -> bool| -> Vec<(String, String)> {
        served.iter().filter(|zone| which(zone)).map(|zone| (zone.name.clone(), zone.file.clone())).collect()
    };
    let everywhere: Vec<&str> = [SINGLE_NS, DIFFER_NS1].into_iter().chain(NS1).chain(NS3).collect();
    nsd(lab, "nsd", &everywhere, &copies(&|_| true), "");
    let of_bind = served.iter().filter(|zone| delegation(&zone.name).contains(" ns2.good.example."));
    let of_bind: Vec<(String, String)> =
        of_bind.map(|zone| (zone.name.clone(), zone.other.as_ref().unwrap_or(&zone.file).clone())).collect();
    named(lab, "named", &NS2, &of_bind, "recursion no;");
    nsd(lab, "nsd-open", &[OPEN_NS], &copies(&|zone| zone.name == "open.example"), "  provide-xfr: 0.0.0.0/0 NOKEY\n");
    let recursion = format!("recursion yes; allow-recursion {{ any; }}; query-source address {RECURSIVE_ASKS_FROM};");
    named(lab, "named-recursive", &[RECURSIVE_NS], &copies(&|zone| zone.name == "recursive.example"), &recursion);
    scripted(lab);
    let other = lab.write("differ-other.zone", &differ(2, &["ns1", "ns2", "ns3"]));
    let servers = [("ns1.lame.example", &[LAME_NS1][..]), ("ns2.lame.example", &[LAME_NS2][..])];
    let lame = lab.write("lame.example.zone", &zone("lame.example", 5, &servers, SOA_EXPIRE));
    let others =
        [("differ.example", other), ("lame.example", lame)].map(|(z, file)| (z.to_owned(), file.display().to_string()));
    nsd(lab, "nsd-other", &[DIFFER_NS2, LAME_NS2], &others, "");
    misused(lab);
    resolver(lab);
    for (name, address) in [
        ("nsd", SINGLE_NS),
        ("nsd-root", ROOT_SERVER),
        ("nsd-top", TOP_SERVER),
        ("nsd-stale-top", STALE_TOP_SERVER),
        ("nsd-open", OPEN_NS),
        ("nsd-other", DIFFER_NS2),
        ("unbound", RESOLVER),
    ] {
        lab.await_port(name, address, 53);
    }
    for (zone, servers) in SCRIPTED {
        // Over TCP where there is any.
        for (_, address, _) in servers.iter().filter(|(_, _, behaviour)| *behaviour != "no-tcp") {
            lab.await_port(&format!("scripted-{zone}"), address, 53);
        }
    }
}

/// The top level, and the root, whose key everybody trusts.
fn above(lab: &mut Namespace, now: OffsetDateTime, served: &[Signed]) {
    let mut top =
        zone("example", 1, &[("ns.example", &[TOP_SERVER]), ("ns2.example", &[STALE_TOP_SERVER])], SOA_EXPIRE);
    for zone in served {
        top.push_str(&delegation(&zone.name));
        top.push_str(&zone.ds);
    }
    for (zone, _) in SCRIPTED.iter().filter(|(zone, _)| served.iter().all(|signed| signed.name != *zone)) {
        top.push_str(&delegation(zone));
    }
    top.push_str("lame.example. IN NS ns1.lame.example.\nlame.example. IN NS ns2.lame.example.\n");
    top.push_str(&format!("ns1.lame.example. IN A {LAME_NS1}\nns2.lame.example. IN A {LAME_NS2}\n"));
    // Nobody answers questions there.
    top.push_str("unanswered.example. IN NS ns1.unanswered.example.\n");
    top.push_str(&format!("ns1.unanswered.example. IN A {ELSEWHERE}\n"));
    let top = sign(lab, now, "example", &top, Some(Signing::SOUND));
    let mut root = zone(".", 1, &[("a.root.example", &[ROOT_SERVER])], SOA_EXPIRE);
    root.push_str("example. IN NS ns.example.\nexample. IN NS ns2.example.\n");
    root.push_str(&format!("ns.example. IN A {TOP_SERVER}\nns2.example. IN A {STALE_TOP_SERVER}\n{}", top.ds));
    root.push_str(&reverse_names());
    let root = sign(lab, now, ".", &root, Some(Signing::SOUND));
    lab.write("root.key", &root.ds);
    lab.write("root.hints", &format!(". 3600 IN NS a.root.example.\na.root.example. 3600 IN A {ROOT_SERVER}\n"));
    nsd(lab, "nsd-root", &[ROOT_SERVER], &[(root.name, root.file)], "");
    nsd(lab, "nsd-stale-top", &[STALE_TOP_SERVER], &[(top.name.clone(), stale(lab, &top.file))], "");
    nsd(lab, "nsd-top", &[TOP_SERVER], &[(top.name, top.file)], "");
}

/// The top level as it was before one zone changed a name server. Delegations are not signed, and so it is no less valid.
fn stale(lab: &Namespace, file: &str) -> String {
    let text = std::fs::read_to_string(file).expect("the signed zone");
    let was = |line: &str| {
        let is_changed = line.starts_with("stale-parent.example.") && line.ends_with("ns2.good.example.");
        if is_changed { line.replace("ns2.good", "ns3.good") } else { line.to_owned() }
    };
    let lines: Vec<String> = text.lines().map(was).collect();
    lab.write("example.stale", &(lines.join("\n") + "\n")).display().to_string()
}

/// The addresses of the good servers lead back to them. They stand in the root zone itself.
fn reverse_names() -> String {
    let owner = |address: &str| match address.parse().expect("an address") {
        std::net::IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        std::net::IpAddr::V6(v6) => {
            let digits: Vec<String> = v6.octets().iter().rev().map(|o| format!("{:x}.{:x}.", o & 15, o >> 4)).collect();
            format!("{}ip6.arpa.", digits.concat())
        }
    };
    let of = |addresses: [&str; 2], name: &str| -> String {
        addresses.map(|address| format!("{} IN PTR {name}.\n", owner(address))).concat()
    };
    of(NS1, "ns1.good.example") + &of(NS2, "ns2.good.example") + &of(NS3, "ns3.good.example")
}
