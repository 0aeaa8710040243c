//! What must not be kept: cookie values, credentials, tokens in addresses.

use url::Url;

use crate::facts::printable;

/// What stands where a secret stood.
const GONE: &str = "…";

/// Header fields whose whole value may be a secret.
const SECRET_FIELDS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
    "x-api-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-amz-security-token",
];

/// Words in names of query parameters whose value is likely a secret.
const SECRET_WORDS: &[&str] = &[
    "token", "secret", "passw", "pwd", "session", "sid", "key", "auth", "code", "sig", "jwt", "ticket", "state",
    "nonce",
];

/// Longest header value kept.
const VALUE_CAP: usize = 4096;

/// A header value fit to be kept.
pub(super) fn field(name: &str, value: &str) -> String {
    if SECRET_FIELDS.contains(&name) {
        return GONE.into();
    }
    let kept = match name {
        "set-cookie" | "set-cookie2" => cookie(value),
        "location" | "content-location" | "refresh" => address_text(value),
        _ => value.to_owned(),
    };
    printable(&kept, VALUE_CAP)
}

/// An address without credentials and without likely secrets in its query.
pub(super) fn address(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    printable(&address_text(url.as_str()), VALUE_CAP)
}

/// `name=…; attributes` (RFC 6265 §5.2): the first `=` of the first part ends the name.
fn cookie(value: &str) -> String {
    let (pair, attributes) = value.split_once(';').map_or((value, None), |(pair, rest)| (pair, Some(rest)));
    let name = pair.split_once('=').map_or("", |(name, _)| name);
    match attributes {
        Some(rest) => format!("{name}={GONE};{rest}"),
        None => format!("{name}={GONE}"),
    }
}

/// Works on text, because a Location may be relative or no address at all.
fn address_text(text: &str) -> String {
    let text = without_credentials(text);
    let Some((before, query)) = text.split_once('?') else { return text };
    let parameters: Vec<String> = query.split('&').map(parameter).collect();
    format!("{before}?{}", parameters.join("&"))
}

fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}://{}", rest.get(at + 1..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn parameter(pair: &str) -> String {
    let Some((name, _)) = pair.split_once('=') else { return pair.to_owned() };
    let lower = name.to_ascii_lowercase();
    if SECRET_WORDS.iter().any(|word| lower.contains(word)) { format!("{name}={GONE}") } else { pair.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_do_not_survive() {
        assert_eq!(field("set-cookie", "sid=abc=def; Path=/; Secure"), "sid=…; Path=/; Secure");
        assert_eq!(field("set-cookie", "bare"), "=…");
        assert_eq!(field("authorization", "Bearer x"), "…");
        assert_eq!(field("location", "/cb?lang=en&access_token=abc"), "/cb?lang=en&access_token=…");
        assert_eq!(field("location", "https://u:p@a.example/x?y=1"), "https://a.example/x?y=1");
        assert_eq!(field("server", "nginx"), "nginx");
        assert_eq!(address(&Url::parse("https://u:p@a.example/?sid=1&p=2#f").unwrap()), "https://a.example/?sid=…&p=2");
    }

    proptest! {
        #[test]
        fn a_cookie_value_never_survives(name in "[a-z]{1,8}", value in "[A-Z0-9]{9,30}", rest in "(; [a-z]{1,9})?") {
            let kept = field("set-cookie", &format!("{name}={value}{rest}"));
            prop_assert!(!kept.contains(&value));
        }

        #[test]
        fn any_text_is_taken(name in "location|set-cookie|x", value in ".*") {
            prop_assert!(field(&name, &value).chars().count() <= VALUE_CAP);
        }
    }
}
