//! Where the audits of the lab sent packets, and what for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::audit::ends;
use crate::{lab, plan};

#[test]
fn no_packet_leaves_the_scope() {
    let outside: Vec<&str> = [plan::ELSEWHERE].into_iter().chain(plan::MAIL).collect();
    let mut allowed: BTreeSet<&str> = plan::all_addresses().into_iter().collect();
    allowed.extend([plan::SWALLOWED, plan::DEAD_NS, plan::SILENT_NS]);
    allowed.retain(|address| !outside.contains(address) && !address.starts_with("10."));
    let mut seen = BTreeSet::new();
    for line in &lab().packets {
        let Some((source, target)) = ends(line) else { continue };
        let of_resolvers = [plan::RESOLVER_ASKS_FROM, plan::RECURSIVE_ASKS_FROM];
        if of_resolvers.iter().any(|address| [&source.0, &target.0].contains(&&(*address).to_owned())) {
            continue;
        }
        assert!(allowed.contains(target.0.as_str()), "a packet to somebody else: {line}");
        seen.insert(target.0);
    }
    assert!(seen.contains(plan::RESOLVER) && seen.len() > 25, "the capture saw the audit: {seen:?}");
}

#[test]
fn names_that_nobody_declared_are_told_with_their_places_and_nobody_is_asked_about_them() {
    let all = lab().bad.findings["findings"].as_array().expect("findings");
    let told: BTreeMap<&str, &str> = all
        .iter()
        .filter(|f| f["check"] == "estate.undeclared-name" && f["verdict"] == "fail")
        .filter_map(|f| Some((f["element"].as_str()?, f["message"].as_str()?)))
        .collect();
    let places = ["certificate", "csp", "link", "redirect", "ct"];
    for (name, place) in plan::UNDECLARED.iter().zip(places) {
        assert!(told.get(name).is_some_and(|message| message.contains(&format!("{place} of "))), "{name}: {told:?}");
        assert!(lab().bad.html.contains(name), "{name} is not in the report");
        // `tcpdump` shows a question as `A? name.`
        let asked: Vec<&String> = lab().packets.iter().filter(|line| line.contains(&format!("? {name}."))).collect();
        assert!(asked.is_empty(), "somebody was asked about {name}: {asked:?}");
    }
    assert!(!told.contains_key("ended.bad.example") && !told.contains_key("www.somebody-else.example"));
    let seen = |name: &str| lab().packets.iter().any(|line| line.contains(&format!("? {name}.")));
    assert!(seen("v4only.bad.example"), "the capture shows questions");
}

#[test]
fn of_a_shared_operator_only_the_declared_service_is_asked() {
    let shared = plan::addresses("shared")[0];
    let ports: BTreeSet<u16> = lab()
        .packets
        .iter()
        .filter_map(|line| ends(line))
        .filter(|(source, target)| target.0 == shared && (source.0 != shared || source.1 > target.1))
        .map(|(_, target)| target.1)
        .collect();
    assert_eq!(ports, BTreeSet::from([443]));
    let endpoint = &lab().bad.facts["first"]["services"]["shared.bad.example:443/tcp"]["endpoints"][shared];
    assert_eq!(endpoint["protocol"]["value"]["name"], "tls", "a visitor's handshake tells: {}", endpoint["protocol"]);
    let tls = &endpoint["tls"];
    assert_eq!(tls["versions"]["ssl3"]["reason"], "not-ours", "{}", tls["versions"]);
}

#[test]
fn a_host_without_estate_is_asked_for_the_usual_ports_alone() {
    let dialled = lab().bare.iter().filter(|entry| entry["outcome"] != "not-ours");
    let places: BTreeSet<SocketAddr> = dialled
        .map(|entry| entry["address"].as_str().expect("an address").parse().expect("address and port"))
        .collect();
    let place = |address: &str, port| SocketAddr::new(address.parse().expect("an address"), port);
    let mut expected = BTreeSet::from([place(plan::RESOLVER, 53)]);
    for address in plan::GOOD {
        expected.extend([place(address, 80), place(address, 443)]);
    }
    assert_eq!(places, expected, "SSH listens there as well, and nobody declared it");
}

#[test]
fn printers_are_not_printed_on_and_controllers_not_spoken_to() {
    // `everything` accepts on those ports: a connection is opened there and nothing is sent.
    let everything = plan::addresses("everything")[0];
    for port in [9100_u16, 502, 102] {
        let data = lab().packets.iter().filter(|line| {
            ends(line).is_some_and(|(_, target)| target == (everything.to_owned(), port)) && !line.contains("length 0")
        });
        assert_eq!(data.collect::<Vec<_>>(), Vec::<&String>::new(), "port {port}");
    }
}

#[test]
fn tlsa_is_asked_for_declared_services_and_exchangers_alone_and_once_a_look() {
    let mut asked: BTreeMap<(String, String), usize> = BTreeMap::new();
    // How tcpdump writes a question for TLSA.
    const QUESTION: &str = " Type52? ";
    for line in lab().packets.iter().filter(|line| line.contains(QUESTION)) {
        let Some((source, target)) = ends(line) else { continue };
        if source.0 != plan::RESOLVER_ASKS_FROM && target.1 == 53 {
            let name = line.split(QUESTION).nth(1).and_then(|rest| rest.split_whitespace().next());
            let name = name.expect("a name").trim_end_matches('.').to_owned();
            *asked.entry((name, target.0)).or_default() += 1;
        }
    }
    let port = |service: &str| service.strip_prefix("tcp/").unwrap_or("443").to_owned();
    let of_bad = plan::BAD_HOSTS.iter().flat_map(|(host, _, services)| {
        services.iter().map(move |service| format!("_{}._tcp.{host}.bad.example", port(service)))
    });
    let of_good = ["www.good", "named.good", "named.unsigned"].map(|host| format!("_443._tcp.{host}.example"));
    let exchangers = [
        "mx1.good",
        "mx2.good",
        "mx.single",
        "mx.unsigned",
        "alias.badmail",
        "nowhere.badmail",
        "mx.lapsed",
        "mx.differ-mail",
        "mx.mail-differs",
        "mx2.mail-differs",
    ];
    let exchangers = exchangers.map(|name| format!("_25._tcp.{name}.example"));
    let of_zones = plan::MAIL_ZONES.map(|zone| format!("_25._tcp.mx.{zone}"));
    let declared: BTreeSet<String> = of_bad.chain(of_good).chain(exchangers).chain(of_zones).collect();
    for ((name, server), times) in &asked {
        assert!(declared.contains(name), "{name} was asked for");
        assert!(*times <= 2, "{server} was asked for {name} {times} times, and there are two looks");
    }
    let was_asked = |server: &str, name: &str| asked.contains_key(&(name.to_owned(), server.to_owned()));
    assert!(was_asked(plan::RESOLVER, "_443._tcp.named.good.example"));
    for server in [plan::NS1[0], plan::NS2[0]] {
        assert!(was_asked(server, "_25._tcp.mx1.good.example"), "{server}");
    }
    assert!(!was_asked(plan::RESOLVER, "_25._tcp.mx1.good.example"), "its own servers agree");
}
