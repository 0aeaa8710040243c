//! What an estate file may say, and what its author is told when it says something else.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use scrutineer::estate::{AssetKind, Estate, STARTER};

/// A valid file, with one line replaced.
fn with(old: &str, new: &str) -> String {
    assert!(STARTER.contains(old), "the starter has {old}");
    STARTER.replacen(old, new, 1)
}

fn complaints(text: &str) -> Vec<String> {
    Estate::parse("estate.toml", text).expect_err("a fault").iter().map(ToString::to_string).collect()
}

#[test]
fn the_starter_is_a_valid_estate() {
    let estate = Estate::parse("estate.toml", STARTER).expect("valid");
    assert_eq!(estate.hosts().count(), 1);
    assert_eq!(estate.zone_of("results.cec.example"), Some("cec.example"));
    assert_eq!(estate.elections[0].results_final.unix_timestamp(), 1_858_255_200);
}

#[test]
fn every_fault_names_file_line_key_and_what_was_expected() {
    let cases = [
        (
            "function    = \"results-publication\"",
            "function    = \"results-publicaton\"",
            "did you mean 'results-publication'",
        ),
        ("owner       = \"Results unit\"", "ownr        = \"Results unit\"", "did you mean 'owner'"),
        ("services    = [\"http\", \"https\"]", "services    = [\"http\", \"ftp\"]", "element 2: 'ftp' is no service"),
        ("services    = [\"http\", \"https\"]", "services    = [\"https\", \"tcp/443\"]", "port 443 is declared twice"),
        ("host        = \"results.cec.example\"", "host        = \"192.0.2.1\"", "is an address"),
        ("host        = \"results.cec.example\"", "host        = \"https://x\"", "is no host name"),
        ("polling_day   = 2028-10-29", "polling_day   = \"2028-10-29\"", "without quotes"),
        ("results_final = 2028-11-19T18:00:00+04:00", "results_final = 2028-11-19T18:00:00", "a time with an offset"),
        (
            "results_final = 2028-11-19T18:00:00+04:00",
            "results_final = 2028-01-19T18:00:00+04:00",
            "lies before polling_day",
        ),
        ("until      = 2028-12-31", "until      = 2020-12-31", "lies before from"),
        ("country = \"GE\"", "country = \"Georgia\"", "two capital letters"),
        ("rate = { per_host = 5, total = 50 }", "rate = { per_host = 0, total = 50 }", "from 1 to 10000"),
        ("rate = { per_host = 5, total = 50 }", "port_map = { 53 = 5353 }", "only for a private estate"),
        ("paths       = [\"/\"]", "paths       = [\"results\"]", "is no path"),
        ("email = \"csirt@example.org\"", "email = \"csirt\"", "is no mail address"),
        ("schema = 1", "schema = 2", "reads schema 1"),
        ("registration_ends = 2029-03-01", "rdap = true", "does not say which server"),
        ("registration_ends = 2029-03-01", "rdap = \"http://rdap.example/\"", "is no address of an RDAP server"),
        ("registration_ends = 2029-03-01", "paths = [\"/\"]", "belongs to a host, not to a zone"),
    ];
    for (old, new, expected) in cases {
        let text = with(old, new);
        let line = text[..text.find(new).expect("replaced")].matches('\n').count() + 1;
        let told = complaints(&text);
        assert_eq!(told.len(), 1, "{new}: {told:?}");
        assert!(told[0].starts_with(&format!("estate.toml:{line}: ")), "{new}: {told:?}");
        assert!(told[0].contains(expected), "{new}: {told:?}");
    }
}

#[test]
fn all_faults_are_told_at_once_in_order_of_line() {
    let text = with("country = \"GE\"", "country = \"ge\"").replacen("zone        = ", "zoen        = ", 1);
    let told = complaints(&text);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("country"), "{told:?}");
    assert!(told[1].contains("an asset names a host or a zone"), "{told:?}");
    assert!(told[2].contains("did you mean 'zone'"), "{told:?}");
}

#[test]
fn a_consented_operator_needs_its_consent() {
    let operator = "[[operator]]\nname = \"H\"\nkind = \"consented\"\nnetworks = [\"192.0.2.0/24\"]\n\n[scan]";
    assert!(complaints(&with("[scan]", operator))[0].contains("reference of its consent"));
}

#[test]
fn a_host_declared_twice_names_both_lines() {
    let again = "[[asset]]\nhost = \"RESULTS.cec.example.\"\nfunction = \"media\"\n\n[[asset]]\nzone ";
    let told = complaints(&with("[[asset]]\nzone ", again));
    assert!(told[0].contains("is declared already on line"), "{told:?}");
}

#[test]
fn a_bare_host_declares_its_web_services_and_nothing_else() {
    let estate = Estate::bare(&["https://Vote.Example/".into()]).expect("valid");
    assert!(estate.bare);
    let AssetKind::Host { services, .. } = &estate.assets[0].kind else { panic!("a host") };
    assert_eq!(estate.assets[0].name(), "vote.example");
    assert_eq!(services.iter().map(|s| s.port).collect::<Vec<_>>(), [80, 443]);
    assert!(Estate::bare(&["not a host".into()]).is_err());
}

mod any_text {
    use super::STARTER;
    use proptest::prelude::*;
    use scrutineer::estate::Estate;

    proptest! {
        #[test]
        fn never_panics(text in ".{0,400}") {
            let _ = Estate::parse("estate.toml", &text);
        }

        #[test]
        fn a_mutated_estate_never_panics(at in 0..STARTER.len(), with in "[ -~]{0,4}") {
            let mut text = STARTER.to_owned();
            if text.is_char_boundary(at) {
                text.insert_str(at, &with);
            }
            let _ = Estate::parse("estate.toml", &text);
        }
    }
}
