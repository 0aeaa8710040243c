//! The lab's DNS: a root of its own, zones with planted faults on NSD, and unbound as the resolver and as a misused server.

mod servers;
mod signing;
mod zones;

use time::OffsetDateTime;

use crate::namespace::Namespace;
use crate::plan::{
    DIFFER_NS1, DIFFER_NS2, ELSEWHERE, LAME_NS1, LAME_NS2, NS1, NS2, ODD, OPEN_NS, RESOLVER, ROOT_SERVER, SINGLE_NS,
    TOP_SERVER,
};

use servers::{misused, nsd, odd, resolver};
use signing::{Signing, sign};
use zones::{
    SOA_EXPIRE, alias, bad, badmail, dangling, delegation, differ, elsewhere, glue, good, mailfaults, many, nomail,
    open, plain, receives_only, single, unsigned, wild, zone,
};

/// Writes and signs the zones, and starts the servers.
pub(crate) fn serve(lab: &mut Namespace, now: OffsetDateTime) {
    let zones = [
        ("good.example", good(lab), Signing::Sound),
        ("nomail.example", nomail(), Signing::Sound),
        ("unsigned.example", unsigned(lab), Signing::None),
        ("expired.example", plain("expired.example"), Signing::Old),
        ("bogus.example", plain("bogus.example"), Signing::Broken),
        ("single.example", single(), Signing::Sound),
        ("differ.example", differ(1, &["ns1", "ns2"]), Signing::None),
        ("badmail.example", badmail(), Signing::Sound),
        ("mailfaults.example", mailfaults(lab), Signing::Sound),
        ("differ-mail.example", receives_only(), Signing::None),
        ("bad.example", bad(), Signing::Sound),
        ("elsewhere.example", elsewhere(), Signing::None),
        ("dangling.example", dangling(), Signing::Sound),
        ("glue.example", glue(), Signing::None),
        ("many.example", many(), Signing::None),
        ("alias.example", alias(), Signing::None),
        ("wild.example", wild(), Signing::None),
    ];
    let mut top = zone("example", 1, &[("ns.example", &[TOP_SERVER])], SOA_EXPIRE);
    let mut served = Vec::new();
    for (name, text, signing) in zones {
        let (file, ds) = sign(lab, now, name, &text, signing);
        top.push_str(&delegation(name));
        top.push_str(&ds);
        served.push((name.to_owned(), file));
    }
    top.push_str("lame.example. IN NS ns1.lame.example.\nlame.example. IN NS ns2.lame.example.\n");
    top.push_str(&format!("ns1.lame.example. IN A {LAME_NS1}\nns2.lame.example. IN A {LAME_NS2}\n"));
    // Nobody answers questions there.
    top.push_str("unanswered.example. IN NS ns1.unanswered.example.\n");
    top.push_str(&format!("ns1.unanswered.example. IN A {ELSEWHERE}\n"));
    top.push_str(&delegation("open.example"));
    top.push_str(&delegation("odd.example"));
    let (top_file, top_ds) = sign(lab, now, "example", &top, Signing::Sound);
    let mut root = zone(".", 1, &[("a.root.example", &[ROOT_SERVER])], SOA_EXPIRE);
    root.push_str(&format!("example. IN NS ns.example.\nns.example. IN A {TOP_SERVER}\n{top_ds}"));
    root.push_str(&reverse_names());
    let (root_file, root_ds) = sign(lab, now, ".", &root, Signing::Sound);
    lab.write("root.key", &root_ds);
    lab.write("root.hints", &format!(". 3600 IN NS a.root.example.\na.root.example. 3600 IN A {ROOT_SERVER}\n"));
    let everywhere: Vec<&str> = [SINGLE_NS, DIFFER_NS1].into_iter().chain(NS1).chain(NS2).collect();
    nsd(lab, "nsd", &everywhere, &served, "");
    nsd(lab, "nsd-root", &[ROOT_SERVER], &[(".".to_owned(), root_file)], "");
    nsd(lab, "nsd-top", &[TOP_SERVER], &[("example".to_owned(), top_file)], "");
    let open = lab.write("open.example.zone", &open());
    let open = [("open.example".to_owned(), open.display().to_string())];
    nsd(lab, "nsd-open", &[OPEN_NS], &open, "  provide-xfr: 0.0.0.0/0 NOKEY\n");
    odd(lab);
    let other = lab.write("differ-other.zone", &differ(2, &["ns1", "ns2", "ns3"]));
    let servers = [("ns1.lame.example", &[LAME_NS1][..]), ("ns2.lame.example", &[LAME_NS2][..])];
    let lame = lab.write("lame.example.zone", &zone("lame.example", 5, &servers, SOA_EXPIRE));
    let others =
        [("differ.example", other), ("lame.example", lame)].map(|(z, file)| (z.to_owned(), file.display().to_string()));
    nsd(lab, "nsd-other", &[DIFFER_NS2, LAME_NS2], &others, "");
    misused(lab);
    resolver(lab);
    lab.await_port("nsd", SINGLE_NS, 53);
    lab.await_port("nsd-root", ROOT_SERVER, 53);
    lab.await_port("nsd-top", TOP_SERVER, 53);
    lab.await_port("nsd-open", OPEN_NS, 53);
    lab.await_port("odd-dns", ODD[1].1, 53);
    lab.await_port("nsd-other", DIFFER_NS2, 53);
    lab.await_port("unbound", RESOLVER, 53);
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
    of(NS1, "ns1.good.example") + &of(NS2, "ns2.good.example")
}
