//! Strict-Transport-Security (RFC 6797 §6.1).

use std::collections::BTreeMap;

use crate::facts::{Hsts, Span};

/// Reads the first field, as browsers do (RFC 6797 §8.1); `None` if none was sent.
pub(super) fn read(values: &[String]) -> Option<Hsts> {
    let first = values.first()?;
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
    let (directives, mut valid) = directives(first);
    let max_age = directives.get("max-age").and_then(|value| seconds(value.as_deref()?));
    valid &= max_age.is_some();
    let mut flag = |name: &str| {
        let value = directives.get(name);
        valid &= value.is_none_or(Option::is_none);
        value.is_some()
    };
    let include_subdomains = flag("includesubdomains");
    let preload = flag("preload");
    Some(Hsts { max_age: Span(max_age.unwrap_or(0)), include_subdomains, preload, count, valid })
}

/// The directives by lower-case name, and whether the grammar was kept. A directive must not stand twice.
fn directives(field: &str) -> (BTreeMap<String, Option<String>>, bool) {
    let mut found = BTreeMap::new();
    let mut valid = true;
    for part in split_outside_quotes(field) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
            None => (part, None),
        };
        let (value, well_formed) = match value {
            None => (None, true),
            Some(value) => unquote(value),
        };
        valid &= well_formed && is_token(name);
        valid &= found.insert(name.to_ascii_lowercase(), value).is_none();
    }
    (found, valid)
}

fn split_outside_quotes(field: &str) -> Vec<String> {
    let mut quoted = false;
    let mut parts = vec![String::new()];
    for c in field.chars() {
        quoted ^= c == '"';
        match parts.last_mut() {
            Some(last) if c != ';' || quoted => last.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// The value of a token or quoted-string, and whether it is one (RFC 9110 §5.6).
fn unquote(value: &str) -> (Option<String>, bool) {
    match value.strip_prefix('"') {
        None => (Some(value.to_owned()), is_token(value)),
        Some(rest) => match rest.strip_suffix('"') {
            Some(inner) => (Some(inner.to_owned()), !inner.contains('"')),
            None => (None, false),
        },
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Digits only; more than an `i64` holds is simply very long.
fn seconds(value: &str) -> Option<i64> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[&str]) -> Hsts {
        read(&values.iter().map(|&v| v.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_grammar_of_rfc_6797_is_held() {
        // (field, max-age, subdomains, preload, valid)
        let table = [
            ("max-age=31536000", 31_536_000, false, false, true),
            ("max-age=31536000; includeSubDomains; preload", 31_536_000, true, true, true),
            ("MAX-AGE=\"600\" ; INCLUDESUBDOMAINS", 600, true, false, true),
            (" max-age = 0 ;", 0, false, false, true),
            ("max-age=1; foo=\"a;b\"", 1, false, false, true),
            ("max-age=99999999999999999999", i64::MAX, false, false, true),
            ("includeSubDomains", 0, true, false, false),
            ("max-age=-1", 0, false, false, false),
            ("max-age=1y", 0, false, false, false),
            ("max-age", 0, false, false, false),
            ("max-age=1; max-age=2", 2, false, false, false),
            ("max-age=63072000, max-age=31536000", 0, false, false, false),
            ("max-age=1; includeSubDomains=true", 1, true, false, false),
            ("", 0, false, false, false),
        ];
        for (field, max_age, subdomains, preload, valid) in table {
            let hsts = of(&[field]);
            assert_eq!(
                (hsts.max_age.0, hsts.include_subdomains, hsts.preload, hsts.valid),
                (max_age, subdomains, preload, valid),
                "{field}"
            );
        }
    }

    #[test]
    fn the_first_of_several_fields_holds_and_they_are_counted() {
        let hsts = of(&["max-age=300", "max-age=31536000"]);
        assert_eq!((hsts.max_age.0, hsts.count), (300, 2));
        assert_eq!(read(&[]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(field in ".*") {
            let hsts = of(&[&field]);
            prop_assert!(hsts.max_age.0 >= 0);
        }
    }
}
