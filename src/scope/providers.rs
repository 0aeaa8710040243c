//! Dated table of public providers (operator kinds shared and public-service) by network.

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use serde::Deserialize;

use crate::estate::OperatorKind;

/// A provider's entry, by the longest network that holds the address.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) kind: OperatorKind,
    networks: Vec<IpNet>,
}

/// The provider whose published networks hold the address, and the table's date.
pub(super) fn provider_of(address: IpAddr) -> Option<(&'static Provider, &'static str)> {
    let table = &*TABLE;
    let holds = |provider: &&Provider| provider.networks.iter().any(|net| net.contains(&address));
    table.providers.iter().find(holds).map(|provider| (provider, table.date.as_str()))
}

#[derive(Debug, Default)]
struct Table {
    date: String,
    providers: Vec<Provider>,
}

#[derive(Deserialize)]
struct File {
    date: String,
    provider: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    kind: String,
    networks: Vec<String>,
}

/// The file is part of the program and a test reads it, so an unreadable one cannot be shipped.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| read(include_str!("../../checks/tables/providers.toml")).unwrap_or_default());

fn read(text: &str) -> Option<Table> {
    let file: File = toml::from_str(text).ok()?;
    let provider = |entry: Entry| {
        let networks = entry.networks.iter().map(|net| net.parse().ok()).collect::<Option<_>>()?;
        Some(Provider { name: entry.name, kind: OperatorKind::parse(&entry.kind)?, networks })
    };
    Some(Table { date: file.date, providers: file.provider.into_iter().map(provider).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_readable_whole() {
        let table = read(include_str!("../../checks/tables/providers.toml")).expect("readable");
        assert!(table.providers.len() >= 2);
        let (cloudflare, _) = provider_of("104.16.1.1".parse().expect("address")).expect("known");
        assert_eq!((cloudflare.name.as_str(), cloudflare.kind), ("Cloudflare", OperatorKind::Shared));
    }
}
