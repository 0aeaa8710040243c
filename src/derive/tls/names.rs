//! Names of a certificate with something to know about them: how far wildcards reach, what a punycode name looks like.

use std::collections::BTreeSet;
use std::net::IpAddr;

use icu_properties::CodePointMapData;
use icu_properties::props::Script;

use crate::facts::PeculiarName;

/// Top-level names that no public authority may certify (RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's `internal`).
const INTERNAL: [&str; 11] =
    ["local", "internal", "home.arpa", "localhost", "localdomain", "lan", "corp", "home", "intranet", "private", "alt"];

/// Those of the names that are no plain host name.
pub(super) fn peculiar(names: &[String]) -> Vec<PeculiarName> {
    names.iter().flat_map(|name| kinds(name)).collect()
}

/// A wildcard may be international, too.
fn kinds(name: &str) -> Vec<PeculiarName> {
    let of =
        |kind: &str, unicode: Option<String>| PeculiarName { name: name.to_owned(), kind: kind.to_owned(), unicode };
    if name.parse::<IpAddr>().is_ok() {
        return vec![of("address", None)];
    }
    let mut found = Vec::new();
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare != name {
        found.push(of("trailing-dot", None));
    }
    if let Some(domain) = bare.strip_prefix("*.") {
        found.push(of(reach(domain), None));
    }
    if is_internal(bare) {
        found.push(of("internal", None));
    }
    if bare.split('.').any(|label| label.starts_with("xn--")) {
        // A name that cannot be decoded is shown as it is.
        let (unicode, _) = idna::domain_to_unicode(bare.trim_start_matches("*."));
        let mixed = unicode.split('.').any(mixes_scripts);
        found.push(of(if mixed { "idn-mixed-scripts" } else { "idn" }, Some(unicode)));
    }
    found
}

/// What `*.domain` covers, by the public suffix list.
fn reach(domain: &str) -> &'static str {
    match psl::domain(domain.as_bytes()) {
        None => "wildcard-public-suffix",
        Some(registrable) if registrable == domain.as_bytes() => "wildcard-domain",
        Some(_) => "wildcard",
    }
}

fn is_internal(name: &str) -> bool {
    let name = name.trim_start_matches("*.");
    !name.contains('.') || INTERNAL.iter().any(|last| name == *last || name.ends_with(&format!(".{last}")))
}

/// Letters of more than one script in one label; Chinese, Japanese and Korean write in several (UTS #39 §5.1).
fn mixes_scripts(label: &str) -> bool {
    let together = [
        BTreeSet::from(["Han", "Hiragana", "Katakana", "Latin"]),
        BTreeSet::from(["Han", "Bopomofo", "Latin"]),
        BTreeSet::from(["Han", "Hangul", "Latin"]),
    ];
    let scripts: BTreeSet<&str> = label.chars().filter_map(script).collect();
    scripts.len() > 1 && !together.iter().any(|group| scripts.is_subset(group))
}

/// The script of a letter; digits and hyphens belong to all. Only scripts that some other is mistaken for, or that are written
/// together, need a name of their own.
fn script(letter: char) -> Option<&'static str> {
    let named = [
        (Script::Latin, "Latin"),
        (Script::Cyrillic, "Cyrillic"),
        (Script::Greek, "Greek"),
        (Script::Armenian, "Armenian"),
        (Script::Georgian, "Georgian"),
        (Script::Arabic, "Arabic"),
        (Script::Hebrew, "Hebrew"),
        (Script::Han, "Han"),
        (Script::Hiragana, "Hiragana"),
        (Script::Katakana, "Katakana"),
        (Script::Bopomofo, "Bopomofo"),
        (Script::Hangul, "Hangul"),
        (Script::Cherokee, "Cherokee"),
    ];
    match CodePointMapData::<Script>::new().get(letter) {
        Script::Common | Script::Inherited => None,
        script => Some(named.iter().find(|(known, _)| *known == script).map_or("another", |(_, name)| *name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds_of(name: &str) -> Vec<String> {
        kinds(name).into_iter().map(|found| found.kind).collect()
    }

    #[test]
    fn a_plain_name_is_not_peculiar() {
        for name in ["www.cec.example", "cec.example", "a.b.c.gov.ge", "xn.example.org"] {
            assert!(kinds(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_wildcard_tells_how_far_it_reaches() {
        assert_eq!(kinds_of("*.gov.ge"), ["wildcard-public-suffix"]);
        assert_eq!(kinds_of("*.cec.gov.ge"), ["wildcard-domain"]);
        assert_eq!(kinds_of("*.www.cec.gov.ge"), ["wildcard"]);
    }

    #[test]
    fn addresses_internal_names_and_final_dots_are_told() {
        assert_eq!(kinds_of("192.0.2.1"), ["address"]);
        assert_eq!(kinds_of("2001:db8::1"), ["address"]);
        assert_eq!(kinds_of("intranet"), ["internal"]);
        assert_eq!(kinds_of("mail.corp"), ["internal"]);
        assert_eq!(kinds_of("www.cec.example."), ["trailing-dot"]);
    }

    #[test]
    fn international_names_are_shown_as_people_see_them_and_mixed_scripts_are_told() {
        let one = &kinds("xn--80aebja7dkcy.example")[0];
        assert_eq!(one.kind, "idn");
        assert!(one.unicode.as_ref().is_some_and(|name| !name.contains("xn--")), "{one:?}");
        // "аpple" with a Cyrillic first letter.
        let mixed = &kinds("xn--pple-43d.example")[0];
        assert_eq!((mixed.kind.as_str(), mixed.unicode.as_deref()), ("idn-mixed-scripts", Some("аpple.example")));
        assert!(!mixes_scripts("выборы-2028") && !mixes_scripts("選挙センター") && mixes_scripts("cесtion"));
    }

    proptest::proptest! {
        #[test]
        fn no_name_makes_it_panic(name in ".{0,80}") {
            let _ = kinds(&name);
        }
        #[test]
        fn no_punycode_makes_it_panic(name in "(\\*\\.)?xn--[a-z0-9-]{0,60}\\.(xn--)?[a-z0-9]{0,9}") {
            let _ = kinds(&name);
        }
    }
}
