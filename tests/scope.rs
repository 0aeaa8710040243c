//! What may be asked of whom: the table of design §8, row by row.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use std::net::IpAddr;
use std::sync::Arc;

use scrutineer::estate::Estate;
use scrutineer::scope::{Act, Scope, Target};
use time::OffsetDateTime;

const NOW: i64 = 1_800_000_000; // 2027-01-15

/// An estate with one host on port 443 and one zone, and these additions.
fn scope(more: &str) -> Scope {
    let text = format!(
        "schema = 1\n[authority]\nname = \"CEC\"\n{more}\n[[asset]]\nhost = \"www.cec.test\"\nfunction = \"authority-website\"\nservices = [\"https\"]\n\
         [[asset]]\nzone = \"cec.test\"\nfunction = \"authority-domain\"\n"
    );
    let estate = Estate::parse("estate.toml", &text).unwrap_or_else(|faults| panic!("{faults:?}"));
    Scope::new(
        Arc::new(estate),
        vec![([192, 0, 2, 53], 5353).into()],
        OffsetDateTime::from_unix_timestamp(NOW).expect("a time"),
    )
}

/// 0 passive, 1 polite, 2 active; on the declared port and on another one.
fn permitted(target: &Target) -> [bool; 6] {
    let may = |act: Act| target.permits(act).is_ok();
    [
        may(Act::passive(443)),
        may(Act::polite(443)),
        may(Act::active(443)),
        may(Act::passive(6379)),
        may(Act::polite(6379)),
        may(Act::active(6379)),
    ]
}

fn host(scope: &Scope, address: &str) -> Target {
    scope.host("www.cec.test", address.parse().expect("an address")).expect("in scope")
}

#[test]
fn own_addresses_may_be_asked_passively_and_politely_on_any_port() {
    assert_eq!(permitted(&host(&scope(""), "8.8.8.8")), [true, true, false, true, true, false]);
}

#[test]
fn active_acts_need_a_current_authorisation_that_says_so() {
    let with = |from, until, active| {
        scope(&format!(
            "[authorisation]\nreference = \"r\"\ngranted_by = \"g\"\nfrom = {from}\nuntil = {until}\nactive = {active}\n"
        ))
    };
    let current = with("2026-01-01", "2028-01-01", "true");
    assert_eq!(permitted(&host(&current, "8.8.8.8")), [true; 6]);
    let not_active = with("2026-01-01", "2028-01-01", "false");
    assert_eq!(permitted(&host(&not_active, "8.8.8.8")), [true, true, false, true, true, false]);
    let over = with("2020-01-01", "2021-01-01", "true");
    assert_eq!(permitted(&host(&over, "8.8.8.8")), [true, false, false, true, false, false]);
}

#[test]
fn a_shared_front_is_asked_like_a_visitor_would_on_its_declared_service() {
    for kind in ["shared", "public-service"] {
        let operator = format!("[[operator]]\nname = \"CDN\"\nkind = \"{kind}\"\nnetworks = [\"8.8.8.0/24\"]\n");
        assert_eq!(permitted(&host(&scope(&operator), "8.8.8.8")), [true, false, false, false, false, false]);
    }
    // The provider table says the same of an address that nobody declared.
    assert_eq!(permitted(&host(&scope(""), "104.16.1.1")), [true, false, false, false, false, false]);
}

#[test]
fn the_estates_operator_wins_over_the_provider_table() {
    let operator = "[[operator]]\nname = \"Ours behind it\"\nkind = \"own\"\nnetworks = [\"104.16.1.0/24\"]\n";
    assert_eq!(permitted(&host(&scope(operator), "104.16.1.1")), [true, true, false, true, true, false]);
}

#[test]
fn a_bare_host_is_asked_on_its_declared_ports_only() {
    let estate = Estate::bare(&["www.cec.test".into()]).expect("a host");
    let scope = Scope::new(Arc::new(estate), vec![], OffsetDateTime::from_unix_timestamp(NOW).expect("a time"));
    assert_eq!(permitted(&host(&scope, "8.8.8.8")), [true, true, false, false, false, false]);
}

#[test]
fn a_freeze_lets_a_visitor_through_or_nobody() {
    let frozen = |scan| {
        scope(&format!(
            "[[election]]\nname = \"e\"\npolling_day = 2027-01-16\nresults_final = 2027-02-01T00:00:00Z\nfreeze = [{{ from = 2027-01-14, until = 2027-01-17, scan = \"{scan}\" }}]\n"
        ))
    };
    assert_eq!(permitted(&host(&frozen("passive"), "8.8.8.8")), [true, false, false, true, false, false]);
    let refused = frozen("none").host("www.cec.test", IpAddr::from([8, 8, 8, 8])).expect_err("frozen");
    assert!(refused.to_string().contains("freeze until 2027-01-17"), "{refused}");
}

#[test]
fn what_is_not_declared_has_no_target() {
    let scope = scope("");
    assert!(scope.host("other.test", IpAddr::from([8, 8, 8, 8])).is_err());
    assert!(scope.name_server("other.test", "ns.other.test", IpAddr::from([8, 8, 8, 8])).is_err());
}

#[test]
fn special_use_addresses_need_a_private_estate() {
    for address in
        ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fe80::1", "fd00::1", "169.254.0.1", "::ffff:127.0.0.1"]
    {
        let address: IpAddr = address.parse().expect("an address");
        assert!(scope("").host("www.cec.test", address).is_err(), "{address}");
        assert!(scope("").name_server("cec.test", "ns", address).is_err(), "{address}");
        assert!(scope("[scan]\nprivate = true\n").host("www.cec.test", address).is_ok(), "{address}");
    }
}

#[test]
fn resolver_and_name_servers_are_asked_dns_only() {
    let scope = scope("");
    let resolver = &scope.resolvers()[0];
    assert!(resolver.permits(Act::passive(5353)).is_ok());
    assert!(resolver.permits(Act::passive(443)).is_err() && resolver.permits(Act::polite(5353)).is_err());
    let server = scope.name_server("cec.test", "ns", IpAddr::from([8, 8, 8, 8])).expect("in scope");
    assert!(server.permits(Act::passive(53)).is_ok());
    assert!(server.permits(Act::passive(22)).is_err());
}

#[test]
fn the_registry_that_the_estate_names_is_asked_on_its_port_and_nobody_else_is_a_registry() {
    let text = "schema = 1\n[authority]\nname = \"CEC\"\n[[asset]]\nzone = \"cec.test\"\nfunction = \"authority-domain\"\n\
                rdap = \"https://rdap.registry.test/v1/\"\n[[asset]]\nzone = \"other.test\"\nfunction = \"party\"\n";
    let estate = Estate::parse("estate.toml", text).unwrap_or_else(|faults| panic!("{faults:?}"));
    let scope = Scope::new(Arc::new(estate), Vec::new(), OffsetDateTime::from_unix_timestamp(NOW).expect("a time"));
    let address: IpAddr = "8.8.8.8".parse().expect("an address");
    let registry = scope.registry("cec.test", "rdap.registry.test", address, 443).expect("the estate names it");
    assert_eq!(permitted(&registry), [true, false, false, false, false, false]);
    for (zone, server, port) in [
        ("other.test", "rdap.registry.test", 443),
        ("cec.test", "rdap.elsewhere.test", 443),
        ("cec.test", "rdap.registry.test", 8443),
    ] {
        assert!(scope.registry(zone, server, address, port).is_err(), "{zone} {server} {port}");
    }
    assert!(scope.registry("cec.test", "rdap.registry.test", "10.0.0.1".parse().expect("an address"), 443).is_err());
}

#[test]
fn the_policy_host_of_a_zone_that_receives_mail_is_asked_for_one_page_only() {
    let scope = scope("[[asset]]\nzone = \"silent.test\"\nfunction = \"party\"\nmail = { receives = false }\n");
    let address = IpAddr::from([8, 8, 8, 8]);
    let host = scope.policy_host("cec.test", address).expect("in scope");
    assert_eq!(permitted(&host), [true, false, false, false, false, false]);
    assert_eq!(host.name(), "mta-sts.cec.test");
    for zone in ["silent.test", "other.test"] {
        assert!(scope.policy_host(zone, address).is_err(), "{zone}");
    }
    assert!(scope.policy_host("cec.test", IpAddr::from([127, 0, 0, 1])).is_err(), "only in a private estate");
}

#[test]
fn servers_above_a_zone_are_asked_for_its_delegation_only() {
    let scope = scope("");
    let parent = scope.parent_server("cec.test", "a.root", IpAddr::from([8, 8, 8, 8])).expect("in scope");
    assert!(parent.permits(Act::passive(53)).is_ok());
    assert!(parent.permits(Act::polite(53)).is_err() && parent.permits(Act::passive(443)).is_err());
    assert!(scope.parent_server("other.test", "a.root", IpAddr::from([8, 8, 8, 8])).is_err(), "not declared");
    assert!(scope.parent_server("cec.test", "a.root", IpAddr::from([10, 0, 0, 1])).is_err(), "not public");
}

#[test]
fn the_way_down_begins_at_the_public_root_unless_the_estate_is_private_or_names_its_own() {
    assert!(scope("").root_servers().expect("the public ones").len() >= 26);
    let private = scope("[scan]\nprivate = true\n");
    assert!(private.root_servers().is_err(), "nobody outside is asked about a lab");
    let own = private.with_root_hints(Some("a.root. 3600 IN A 127.0.0.1\n".into()));
    assert_eq!(own.root_servers().expect("the lab's own"), [("a.root".to_owned(), IpAddr::from([127, 0, 0, 1]))]);
}
