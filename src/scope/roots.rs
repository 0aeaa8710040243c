//! Where the way down to a zone begins: the servers of the root.

use std::net::IpAddr;

use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    server: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    name: String,
    addresses: Vec<IpAddr>,
}

/// The public root servers. The file is part of the program and a test reads it, so an unreadable one cannot be shipped.
pub(super) fn public() -> Vec<(String, IpAddr)> {
    let file: Option<File> = toml::from_str(include_str!("../../checks/tables/root-servers.toml")).ok();
    let servers = file.map(|file| file.server).unwrap_or_default();
    servers.into_iter().flat_map(|s| s.addresses.into_iter().map(move |address| (s.name.clone(), address))).collect()
}

/// Address records of hints in zone-file form (RFC 1035 §5.1); other lines are passed over.
pub(super) fn read_hints(text: &str) -> Vec<(String, IpAddr)> {
    text.lines().filter_map(address_record).collect()
}

fn address_record(line: &str) -> Option<(String, IpAddr)> {
    let mut words = line.split(';').next()?.split_whitespace();
    let name = words.next()?.trim_end_matches('.').to_lowercase();
    let mut rest = words.skip_while(|word| !word.eq_ignore_ascii_case("A") && !word.eq_ignore_ascii_case("AAAA"));
    rest.next()?;
    Some((name, rest.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_root_is_known_over_both_families() {
        let all = public();
        assert!(all.len() >= 26 && all.iter().any(|(_, a)| a.is_ipv4()) && all.iter().any(|(_, a)| a.is_ipv6()));
    }

    #[test]
    fn hints_are_read_as_they_are_published() {
        let text = "; comment\n. 3600000 NS A.ROOT.\nA.ROOT. 3600000 IN A 192.0.2.1 ; why\nA.ROOT. AAAA 2001:db8::1\nB.ROOT. 1 A nonsense\n";
        let address = |text: &str| text.parse().unwrap();
        assert_eq!(
            read_hints(text),
            [("a.root".to_owned(), address("192.0.2.1")), ("a.root".to_owned(), address("2001:db8::1"))]
        );
    }
}
