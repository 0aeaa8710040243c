//! All servers of a zone together.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::size;
use crate::facts::{NameServer, NameServerIndex, ServerAnswer};

/// Counts over the servers that answered.
pub(super) fn index(servers: &[NameServer], table: &AsTable) -> NameServerIndex {
    let answered: Vec<&NameServer> = servers.iter().filter(|server| answers(server).next().is_some()).collect();
    let count = |of: fn(&NameServer) -> &str, servers: &[&NameServer]| {
        size(servers.iter().map(|server| of(server)).collect::<BTreeSet<_>>().len())
    };
    let over_ipv6: Vec<&NameServer> =
        answered.iter().copied().filter(|s| s.address.parse().is_ok_and(|a: IpAddr| a.is_ipv6())).collect();
    let said = || answered.iter().flat_map(|server| answers(server));
    let serials: BTreeSet<i64> = said().filter_map(|answer| answer.serial).collect();
    let ns_sets: BTreeSet<String> = said().filter_map(|answer| Some(answer.ns.as_ref()?.join(" "))).collect();
    NameServerIndex {
        names: count(|s| &s.name, &answered),
        addresses: count(|s| &s.address, &answered),
        ipv6_names: count(|s| &s.name, &over_ipv6),
        prefixes: count(|s| &s.prefix, &answered),
        networks: table.networks(answered.iter().map(|server| server.address.as_str())),
        unasked: size(servers.len() - answered.len()),
        serials: serials.into_iter().collect(),
        ns_sets: ns_sets.into_iter().collect(),
    }
}

fn answers(server: &NameServer) -> impl Iterator<Item = &ServerAnswer> {
    [server.udp.value(), server.tcp.value()].into_iter().flatten()
}

/// Prefixes with the autonomous system that announces them.
pub(in crate::derive) struct AsTable(Vec<(IpNet, String)>);

impl AsTable {
    /// Lines `prefix TAB number`; what does not parse is passed over.
    pub(in crate::derive) fn read(text: &str) -> Self {
        let entry = |line: &str| {
            let (prefix, number) = line.split_once('\t')?;
            Some((prefix.trim().parse().ok()?, number.trim().trim_start_matches("AS").to_owned()))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    /// How many systems the addresses lie in; `None` if that is not known of each.
    fn networks<'a>(&self, addresses: impl Iterator<Item = &'a str>) -> Option<i64> {
        if self.0.is_empty() {
            return None;
        }
        let systems: Option<BTreeSet<&str>> = addresses.map(|address| self.system(address.parse().ok()?)).collect();
        systems.map(|systems| size(systems.len()))
    }

    pub(in crate::derive) fn system(&self, address: IpAddr) -> Option<&str> {
        let covering = self.0.iter().filter(|(net, _)| net.contains(&address));
        covering.max_by_key(|(net, _)| net.prefix_len()).map(|(_, system)| system.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Observation, Reason};

    fn answer(serial: i64, ns: &[&str]) -> Observation<ServerAnswer> {
        Observation::observed(ServerAnswer {
            authoritative: true,
            rcode: "NOERROR".into(),
            serial: Some(serial),
            ns: Some(ns.iter().map(|&name| name.to_owned()).collect()),
            recursion_available: false,
            truncated: false,
        })
    }

    fn server(name: &str, address: &str, prefix: &str, udp: Observation<ServerAnswer>) -> NameServer {
        NameServer {
            server: format!("{name}/{address}"),
            name: name.into(),
            address: address.into(),
            operator: "own".into(),
            prefix: prefix.into(),
            use_kind: None,
            udp,
            tcp: Observation::failed(Reason::Timeout, "no answer"),
        }
    }

    fn servers() -> Vec<NameServer> {
        vec![
            server("ns1.x", "192.0.2.1", "192.0.2.0/24", answer(1, &["ns1.x", "ns2.x"])),
            server("ns1.x", "2001:db8::1", "2001:db8::/48", answer(1, &["ns1.x", "ns2.x"])),
            server("ns2.x", "192.0.2.2", "192.0.2.0/24", answer(2, &["ns1.x"])),
            server("ns3.x", "198.51.100.1", "198.51.100.0/24", Observation::failed(Reason::Timeout, "no answer")),
            server("ns4.x", "", "", Observation::failed(Reason::Dependency, "no address")),
        ]
    }

    #[test]
    fn only_servers_that_answered_are_counted() {
        let index = index(&servers(), &AsTable::read(""));
        assert_eq!((index.names, index.addresses, index.ipv6_names, index.prefixes), (2, 3, 1, 2));
        assert_eq!((index.unasked, index.networks), (2, None));
        assert_eq!(index.serials, [1, 2]);
        assert_eq!(index.ns_sets, ["ns1.x", "ns1.x ns2.x"]);
    }

    #[test]
    fn the_longest_prefix_of_the_table_names_the_network() {
        let all = "192.0.2.0/24\t64500\n192.0.2.2/32\t64501\n2001:db8::/32\tAS64500\n";
        assert_eq!(index(&servers(), &AsTable::read(all)).networks, Some(2));
        let without_ipv6 = "192.0.2.0/24\t64500\n";
        assert_eq!(index(&servers(), &AsTable::read(without_ipv6)).networks, None, "one address is not in the table");
    }
}
