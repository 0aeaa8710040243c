//! Networks as diversity is judged by them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The network prefix of an address: /24 for IPv4, /48 for IPv6.
pub fn prefix(address: IpAddr) -> String {
    let net = match address {
        IpAddr::V4(v4) => Ipv4Net::new(v4, 24).map(IpNet::V4),
        IpAddr::V6(v6) => Ipv6Net::new(v6, 48).map(IpNet::V6),
    };
    net.map_or_else(|_| address.to_string(), |net| net.trunc().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_prefix_and_families_do_not() {
        let of = |text: &str| prefix(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), "192.0.2.0/24");
        assert_eq!(of("192.0.2.1"), of("192.0.2.254"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("2001:db8:1:2::1"), "2001:db8:1::/48");
    }
}
