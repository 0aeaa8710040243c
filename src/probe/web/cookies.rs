//! Set-Cookie (RFC 6265 §5.2): names and attributes; values are never kept.

use super::chain::Chain;
use crate::facts::{Cookie, LIST_CAP, printable};

/// Names that frameworks give to session cookies, lower case.
const SESSION_NAMES: &[&str] = &[
    "phpsessid",
    "jsessionid",
    "asp.net_sessionid",
    "aspsessionid",
    ".aspxauth",
    ".aspnetcore.cookies",
    ".aspnetcore.identity.application",
    "laravel_session",
    "connect.sid",
    "cfid",
    "cftoken",
    "sid",
    "ci_session",
    "_gitlab_session",
    "koa.sess",
    "wordpress_logged_in",
    "remember_me",
    "rememberme",
    "xsrf-token-session",
];

/// Words in other names that make a session or login cookie likely.
const SESSION_WORDS: &[&str] = &["sess", "login", "auth", "jwt"];

/// The cookies of a visit.
#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Adds what a chain set. The same cookie set the same way twice is one.
    pub(super) fn add(&mut self, chain: &Chain) {
        for (url, field) in &chain.set_cookies {
            let Some(cookie) = parse(field, url) else { continue };
            let same = |known: &Cookie| Cookie { url: cookie.url.clone(), ..known.clone() } == cookie;
            if !self.0.iter().any(same) && self.0.len() < LIST_CAP {
                self.0.push(cookie);
            }
        }
    }

    /// By name.
    pub(super) fn cookies(mut self) -> Vec<Cookie> {
        self.0.sort_by(|a, b| a.name.cmp(&b.name));
        self.0
    }
}

/// One Set-Cookie value; `None` if it has no name or takes a cookie away.
fn parse(field: &str, url: &str) -> Option<Cookie> {
    let mut parts = field.split(';');
    let name = parts.next()?.split_once('=')?.0.trim();
    if name.is_empty() {
        return None;
    }
    let mut cookie = Cookie {
        name: printable(name, 200),
        secure: false,
        http_only: false,
        same_site: None,
        domain: None,
        path: None,
        session: is_session(name),
        url: url.to_owned(),
    };
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let value = printable(value.trim(), 300);
        match attribute.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => cookie.same_site = Some(value.to_ascii_lowercase()),
            "domain" => {
                cookie.domain = Some(value.trim_start_matches('.').to_ascii_lowercase()).filter(|d| !d.is_empty())
            }
            "path" => cookie.path = Some(value),
            // Servers delete cookies so; nothing is stored in the browser.
            "max-age" if value.parse::<i64>().is_ok_and(|age| age <= 0) => return None,
            "expires" if value.contains("1970") || value.contains("-70 ") => return None,
            _ => {}
        }
    }
    Some(cookie)
}

fn is_session(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = lower.trim_start_matches("__host-").trim_start_matches("__secure-");
    SESSION_NAMES.contains(&bare)
        || bare.starts_with("aspsessionid")
        || bare.starts_with("wordpress_logged_in")
        || SESSION_WORDS.iter().any(|word| bare.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_are_read_in_any_case_and_the_last_one_holds() {
        let cookie =
            parse("a=b; SECURE; httponly; SameSite=Lax; SameSite=STRICT; Domain=.Cec.Example; Path=/x", "u").unwrap();
        assert!(cookie.secure && cookie.http_only && !cookie.session);
        assert_eq!(cookie.same_site.as_deref(), Some("strict"));
        assert_eq!((cookie.domain.as_deref(), cookie.path.as_deref()), (Some("cec.example"), Some("/x")));
    }

    #[test]
    fn session_cookies_are_known_by_name() {
        for name in
            ["PHPSESSID", "__Host-session", "ASPSESSIONIDABC", "auth_token", "connect.sid", "wordpress_logged_in_ab12"]
        {
            assert!(is_session(name), "{name}");
        }
        for name in ["lang", "_ga", "consent", "side", "theme"] {
            assert!(!is_session(name), "{name}");
        }
    }

    #[test]
    fn a_cookie_that_is_taken_away_is_none() {
        assert_eq!(parse("a=; Max-Age=0", "u"), None);
        assert_eq!(parse("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "u"), None);
        assert_eq!(parse("novalue", "u"), None);
        assert_eq!(parse("=x", "u"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_no_value_is_kept(name in "[a-z]{1,5}", value in "[A-Z]{6,20}", rest in ".*") {
            if let Some(cookie) = parse(&format!("{name}={value};{}", rest.replace(&value, "")), "u") {
                prop_assert!(!serde_json::to_string(&cookie).unwrap().contains(&value));
            }
        }
    }
}
