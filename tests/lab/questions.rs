//! Whom the audit of the lab's zones asked, and what (design §8).

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::ends;
use crate::{declared, lab, plan};

/// A packet of the audit itself that is no answer: where it went, and the line.
fn sent() -> impl Iterator<Item = (String, u16, &'static str)> {
    lab().packets.iter().filter_map(|line| {
        let (source, target) = ends(line)?;
        // An answer comes from a server's port, and goes to its own address: on loopback that is where the question came from.
        let resolvers = [plan::RESOLVER_ASKS_FROM, plan::RECURSIVE_ASKS_FROM];
        let is_ours = target.1 < 1024 && !resolvers.contains(&source.0.as_str());
        is_ours.then_some((target.0, target.1, line.as_str()))
    })
}

/// The question of a line of `tcpdump -nn`, in lower case: type and name.
fn question(line: &str) -> Option<(String, String)> {
    let (before, after) = line.split_once("? ")?;
    let name = after.split_whitespace().next()?.trim_end_matches('.').to_lowercase();
    Some((before.rsplit(' ').next()?.to_owned(), name))
}

const ABOVE: [&str; 3] = [plan::ROOT_SERVER, plan::TOP_SERVER, plan::STALE_TOP_SERVER];

#[test]
fn servers_above_a_zone_are_asked_for_the_delegation_of_declared_zones_and_nothing_else() {
    let declared: BTreeSet<String> = declared().map(str::to_owned).collect();
    let mut asked = BTreeSet::new();
    for (target, port, line) in sent() {
        if !ABOVE.contains(&target.as_str()) {
            continue;
        }
        // `+` marks a question that wants recursion.
        let question = question(line).filter(|_| port == 53 && !line.contains("+ "));
        let zone = question.filter(|(kind, name)| kind == "NS" && declared.contains(name));
        assert!(zone.is_some(), "asked a server above a zone: {line}");
        asked.extend(zone.map(|(_, name)| name));
    }
    assert_eq!(asked, declared, "every declared zone was asked for, and no other");
}

/// What a server of a declared zone may be asked: about that zone; and, to see if it resolves, a name that no zone has.
#[test]
fn strangers_are_asked_nothing_and_servers_of_a_zone_nothing_but_what_is_theirs() {
    let of_zones: BTreeMap<&str, BTreeSet<&str>> = servers();
    let mut asked = BTreeSet::new();
    for (target, port, line) in sent() {
        let target = target.as_str();
        if target == plan::RESOLVER || ABOVE.contains(&target) {
            continue;
        }
        // A visitor's GET of a policy, the registry's server, and the mail servers' greeting (design §8).
        let is_host = plan::POLICY_HOSTS.iter().any(|(_, address)| *address == target) || target == plan::REGISTRY;
        let is_single = target == plan::SINGLE_NS && port == 443;
        if (is_host && port == 443) || is_single || (plan::MAIL.contains(&target) && port == 25) {
            continue;
        }
        let zones = of_zones.get(target).filter(|_| port == 53);
        let Some(zones) = zones else { panic!("a packet to a stranger: {line}") };
        let Some((_, name)) = question(line) else { continue };
        let is_in = |zone: &&str| name == *zone || name.ends_with(&format!(".{zone}"));
        let for_strangers = name.ends_with(".scrutineer.invalid") || name == "version.bind";
        assert!(for_strangers || zones.iter().any(is_in), "{target} serves {zones:?}: {line}");
        asked.insert(target.to_owned());
    }
    let silent: Vec<&&str> = of_zones.keys().filter(|address| !asked.contains(**address)).collect();
    assert!(silent.is_empty(), "the capture shows no question to {silent:?}");
}

/// The addresses of the declared zones' servers, as the audit found them, each with its zones.
fn servers() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for zone in declared() {
        let servers = &lab().all.facts["first"]["zones"][zone]["dns"]["servers"]["value"];
        for server in servers.as_array().into_iter().flatten() {
            all.entry(server["address"].as_str().expect("an address")).or_default().insert(zone);
        }
    }
    // A name without an address, and a private one, which is nobody's.
    all.retain(|address, _| !address.is_empty() && !address.starts_with("10."));
    for address in all.keys() {
        assert!(
            [plan::DEAD_NS, plan::SILENT_NS].contains(address) || plan::all_addresses().contains(address),
            "{address} is not of the lab"
        );
    }
    all
}
