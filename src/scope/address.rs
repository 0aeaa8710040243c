//! What an address is: its special use.

use std::net::IpAddr;

use ipnet::IpNet;

/// Special-purpose blocks that are no place for a public service (IANA special-purpose address registries, RFC 6890).
const SPECIAL: &[(&str, &str)] = &[
    ("0.0.0.0/8", "reserved"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "private"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "reserved"),
    ("198.51.100.0/24", "reserved"),
    ("203.0.113.0/24", "reserved"),
    ("224.0.0.0/4", "reserved"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "reserved"),
    ("::1/128", "loopback"),
    ("64:ff9b:1::/48", "reserved"),
    ("100::/64", "reserved"),
    ("2001:db8::/32", "reserved"),
    ("3fff::/20", "reserved"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "reserved"),
];

/// `public`, or the special use: `loopback`, `private`, `link-local`, `reserved`. A mapped IPv4 address is what it maps.
pub fn use_kind(address: IpAddr) -> &'static str {
    let address = address.to_canonical();
    let within = |block: &str| block.parse::<IpNet>().is_ok_and(|net| net.contains(&address));
    SPECIAL.iter().find(|(block, _)| within(block)).map_or("public", |(_, kind)| kind)
}
