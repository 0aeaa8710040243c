//! The dated list of ports, embedded.

use std::sync::LazyLock;

use serde::Deserialize;

/// One port of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) port: u16,
    /// How identification begins.
    pub(super) first: First,
    /// Nothing is ever sent there: printers print it, controllers may act on it.
    #[serde(default)]
    pub(super) silent: bool,
    #[serde(rename = "service")]
    _service: String,
    #[serde(rename = "why")]
    _why: String,
}

/// How identification begins.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum First {
    None,
    Listen,
    Http,
    Tls,
    Redis,
    Memcached,
    Postgresql,
    Rdp,
    Ldap,
    Xmpp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "date")]
    _date: String,
    #[serde(rename = "source")]
    _source: String,
    port: Vec<Listed>,
}

/// The list, by port. Read from the binary itself; a test holds that it can be.
pub(super) static PORT_LIST: LazyLock<Vec<Listed>> = LazyLock::new(|| {
    let table: Result<Table, _> = toml::from_str(include_str!("../../../checks/tables/ports.toml"));
    table.map(|table| table.port).unwrap_or_default()
});

/// What the list says of a port.
pub(super) fn listed(port: u16) -> Option<&'static Listed> {
    PORT_LIST.iter().find(|listed| listed.port == port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_whole_sorted_and_without_doubles() {
        let ports: Vec<u16> = PORT_LIST.iter().map(|listed| listed.port).collect();
        let lines = include_str!("../../../checks/tables/ports.toml").matches("[[port]]").count();
        assert_eq!(ports.len(), lines);
        assert!(ports.len() >= 60);
        assert!(ports.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn printers_and_controllers_are_silent() {
        for port in [102, 502, 515, 9100] {
            assert!(listed(port).unwrap().silent, "{port}");
        }
        assert!(!listed(443).unwrap().silent);
    }
}
