//! Small header fields with one meaning each, read as browsers read them.

use crate::facts::{Framing, LIST_CAP, printable};

/// Fields in which servers and frameworks name themselves.
const TALKATIVE: &[&str] = &[
    "server",
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-generator",
    "x-php-version",
    "x-powered-cms",
    "x-runtime-version",
    "x-server",
    "x-jenkins",
    "x-owa-version",
    "x-litespeed-version",
    "x-application-version",
    "microsoftsharepointteamservices",
    "liferay-portal",
    "via",
];

/// Tokens of the Referrer Policy specification, §3.
const REFERRER_TOKENS: &[&str] = &[
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

/// Who may frame the page by X-Frame-Options alone (RFC 7034, as HTML §7.4.4 reads it today): ALLOW-FROM and unknown words
/// have no effect, contradictions deny.
pub(super) fn frame_options(values: &[String]) -> Framing {
    let mut words: Vec<String> =
        values.iter().flat_map(|v| v.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect();
    words.sort();
    words.dedup();
    let known = |word: &str| words.iter().any(|w| w == word);
    let allowed = match words.len() {
        0 | 1 if known("deny") => "denied",
        0 | 1 if known("sameorigin") => "same-origin",
        0 | 1 => "anyone",
        _ if known("deny") || known("sameorigin") || known("allowall") => "denied",
        _ => "anyone",
    };
    let by = if values.is_empty() { "nothing" } else { "x-frame-options" };
    Framing { allowed: allowed.into(), by: by.into() }
}

/// The first value, lower case: the one that counts (Fetch §3.6).
pub(super) fn content_type_options(values: &[String]) -> Option<String> {
    let first = values.first()?.split(',').next().unwrap_or_default();
    Some(printable(&first.trim().to_ascii_lowercase(), 100))
}

/// The last known token; a `<meta name=referrer>` comes after the header (Referrer Policy §4).
pub(super) fn referrer_policy(values: &[String], metas: &[String]) -> Option<String> {
    let token = |text: &str| {
        let word = text.trim().to_ascii_lowercase();
        REFERRER_TOKENS.contains(&word.as_str()).then_some(word)
    };
    let legacy = |text: &str| {
        let modern = match text.trim().to_ascii_lowercase().as_str() {
            "never" => "no-referrer",
            "default" => "strict-origin-when-cross-origin",
            "always" => "unsafe-url",
            "origin-when-crossorigin" => "origin-when-cross-origin",
            _ => return token(text),
        };
        Some(modern.to_owned())
    };
    let in_meta = metas.iter().rev().find_map(|text| legacy(text));
    in_meta.or_else(|| values.iter().rev().flat_map(|v| v.rsplit(',')).find_map(token))
}

/// Fields that name a product with its version, as `header: value`.
pub(super) fn disclosed_versions<'a>(field: impl Fn(&str) -> &'a [String]) -> Vec<String> {
    let mut found = Vec::new();
    for name in TALKATIVE {
        let versioned = field(name).iter().filter(|value| names_version(name, value));
        found.extend(versioned.map(|value| printable(&format!("{name}: {value}"), 300)));
    }
    found.truncate(LIST_CAP);
    found
}

/// A version is a number with a point in it, or any number after a slash. In `Via` the bare number before the first name is
/// the protocol's (RFC 9110 §7.6.3).
fn names_version(header: &str, value: &str) -> bool {
    let value = if header == "via" { value.split_once(' ').map_or("", |(_, rest)| rest) } else { value };
    let bytes = value.as_bytes();
    let mut previous = b' ';
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte.is_ascii_digit() && !previous.is_ascii_alphanumeric() && !b".-_:".contains(&previous) {
            let end =
                rest.iter().position(|b| !b.is_ascii_alphanumeric() && !b".-_+~".contains(b)).unwrap_or(rest.len());
            if is_version(&rest[..end], previous == b'/' || bytes.len() == rest.len()) {
                return true;
            }
        }
        previous = byte;
        rest = tail;
    }
    false
}

fn is_version(word: &[u8], bare_number_counts: bool) -> bool {
    let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
    match word.get(digits) {
        None => bare_number_counts,
        Some(b'.') => word.get(digits + 1).is_some_and(u8::is_ascii_digit),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|&v| v.to_owned()).collect()
    }

    #[test]
    fn frame_options_are_read_as_browsers_do() {
        let table: &[(&[&str], &str, &str)] = &[
            (&[], "anyone", "nothing"),
            (&["DENY"], "denied", "x-frame-options"),
            (&["sameorigin"], "same-origin", "x-frame-options"),
            (&["SAMEORIGIN, SAMEORIGIN"], "same-origin", "x-frame-options"),
            (&["SAMEORIGIN", "DENY"], "denied", "x-frame-options"),
            (&["ALLOW-FROM https://a.example"], "anyone", "x-frame-options"),
            (&["ALLOWALL"], "anyone", "x-frame-options"),
            (&["foo, bar"], "anyone", "x-frame-options"),
        ];
        for (values, allowed, by) in table {
            let framing = frame_options(&strings(values));
            assert_eq!((framing.allowed.as_str(), framing.by.as_str()), (*allowed, *by), "{values:?}");
        }
    }

    #[test]
    fn the_last_known_referrer_token_wins_and_meta_comes_last() {
        let of = |values: &[&str], metas: &[&str]| referrer_policy(&strings(values), &strings(metas));
        assert_eq!(
            of(&["no-referrer, strict-origin-when-cross-origin"], &[]).unwrap(),
            "strict-origin-when-cross-origin"
        );
        assert_eq!(of(&["same-origin", "nonsense"], &[]).unwrap(), "same-origin");
        assert_eq!(of(&["same-origin"], &["always"]).unwrap(), "unsafe-url");
        assert_eq!(of(&["Origin"], &["nonsense"]).unwrap(), "origin");
        assert_eq!(of(&["nonsense", ""], &[]), None);
    }

    #[test]
    fn versions_are_told_from_numbers_in_names() {
        let named = [
            ("server", "Apache/2.4.57 (Debian)"),
            ("server", "nginx/1.22.1"),
            ("server", "Microsoft-IIS/10.0"),
            ("server", "Jetty(9.4.51.v20230217)"),
            ("server", "Jetty/11"),
            ("x-aspnet-version", "4.0.30319"),
            ("x-generator", "Drupal 10 (https://www.drupal.org) 10.2"),
            ("x-jenkins", "2.426"),
            ("via", "1.1 varnish (Varnish/7.1)"),
        ];
        for (header, value) in named {
            assert!(names_version(header, value), "{value}");
        }
        let bare = [
            ("server", "nginx"),
            ("server", "AmazonS3"),
            ("server", "ECS (dcb/7EC9)"),
            ("server", "cloudflare"),
            ("x-powered-by", "ASP.NET"),
            ("via", "1.1 proxy3.cec.example"),
            ("server", ""),
        ];
        for (header, value) in bare {
            assert!(!names_version(header, value), "{value}");
        }
    }

    #[test]
    fn only_nosniff_in_the_first_place_counts() {
        assert_eq!(content_type_options(&strings(&["NoSniff, x"])).unwrap(), "nosniff");
        assert_eq!(content_type_options(&strings(&["none", "nosniff"])).unwrap(), "none");
        assert_eq!(content_type_options(&[]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(value in ".*") {
            names_version("server", &value);
            names_version("via", &value);
            frame_options(std::slice::from_ref(&value));
            content_type_options(std::slice::from_ref(&value));
            referrer_policy(std::slice::from_ref(&value), std::slice::from_ref(&value));
        }
    }
}
