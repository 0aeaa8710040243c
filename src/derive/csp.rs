//! Content Security Policy (CSP Level 3): several policies, taken together as a browser does.

use std::collections::BTreeMap;

use crate::facts::{Csp, LIST_CAP, printable};

/// Every directive a current or past browser knows (CSP3 §6, and the documents that extend it).
const DIRECTIVES: &[&str] = &[
    "base-uri",
    "block-all-mixed-content",
    "child-src",
    "connect-src",
    "default-src",
    "fenced-frame-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "navigate-to",
    "object-src",
    "plugin-types",
    "prefetch-src",
    "referrer",
    "reflected-xss",
    "report-to",
    "report-uri",
    "require-sri-for",
    "require-trusted-types-for",
    "sandbox",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "trusted-types",
    "upgrade-insecure-requests",
    "webrtc",
    "worker-src",
];

/// Keywords that must stand in single quotes (CSP3 §2.3.1).
const KEYWORDS: &[&str] = &[
    "none",
    "self",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "strict-dynamic",
    "report-sample",
    "wasm-unsafe-eval",
    "inline-speculation-rules",
    "trusted-types-eval",
    "report-sha256",
    "report-sha384",
    "report-sha512",
];

/// Schemes that let anybody on the network, or the markup itself, supply what is loaded.
const OPEN_SCHEMES: &[&str] = &["http:", "https:", "ftp:", "ws:", "wss:", "data:"];

/// Directives whose value is a list of sources.
fn takes_sources(directive: &str) -> bool {
    directive.ends_with("-src")
        || directive.ends_with("-src-elem")
        || directive.ends_with("-src-attr")
        || matches!(directive, "base-uri" | "form-action" | "frame-ancestors")
}

/// One policy as delivered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Policy {
    text: String,
    /// Sources by directive, ASCII lower case where the language ignores case; the first of duplicates holds (CSP3 §2.2.1).
    directives: BTreeMap<String, Vec<String>>,
    /// From a `<meta>` element, where frame-ancestors and sandbox do not count (CSP3 §3.3).
    in_meta: bool,
    faults: Vec<String>,
}

/// The policies of all header fields and `<meta>` elements, in order. A comma separates policies in a header (CSP3 §2.2.2).
pub(super) fn policies(headers: &[String], metas: &[String]) -> Vec<Policy> {
    let in_headers = headers.iter().flat_map(|value| value.split(',')).map(|text| parse(text, false));
    let in_metas = metas.iter().map(|text| parse(text, true));
    in_headers.chain(in_metas).filter(|policy| !policy.text.is_empty()).take(LIST_CAP).collect()
}

/// What the policies forbid together: each one can only take away.
pub(super) fn effective(policies: &[Policy]) -> Csp {
    let all = |allows: fn(&Policy) -> bool| policies.iter().all(allows);
    let any = |restricts: fn(&Policy) -> bool| policies.iter().any(restricts);
    let mut faults: Vec<String> = policies.iter().flat_map(|policy| policy.faults.iter().cloned()).collect();
    faults.dedup();
    faults.truncate(LIST_CAP);
    Csp {
        policies: policies.iter().map(|policy| printable(&policy.text, 4096)).collect(),
        allows_inline_script: all(|p| p.allows_inline("script-src-elem"))
            || all(|p| p.allows_inline("script-src-attr")),
        allows_eval: all(Policy::allows_eval),
        broad_script: all(Policy::has_broad_script),
        restricts_objects: any(|p| p.no_scripts() || p.narrow(&["object-src", "default-src"])),
        restricts_base: any(|p| p.narrow(&["base-uri"])),
        restricts_forms: any(|p| p.narrow(&["form-action"]) || p.sandbox_without("allow-forms")),
        restricts_framing: any(|p| !p.in_meta && p.narrow(&["frame-ancestors"])),
        faults,
    }
}

/// Who may frame the page, by the frame-ancestors of header policies; `None` if no policy has one.
pub(super) fn framing(policies: &[Policy]) -> Option<&'static str> {
    let rank = |policy: &Policy| policy.first(&["frame-ancestors"]).map(who_may_frame);
    let ranks = policies.iter().filter(|policy| !policy.in_meta).filter_map(rank);
    ranks.min().map(|rank| ["denied", "same-origin", "listed", "anyone"][rank])
}

/// 0 nobody, 1 the same origin, 2 who is listed, 3 anyone.
fn who_may_frame(sources: &[String]) -> usize {
    let named: Vec<&String> = sources.iter().filter(|source| *source != "'none'").collect();
    match named.as_slice() {
        [] => 0,
        _ if named.iter().any(|source| is_broad(source)) => 3,
        _ if named.iter().all(|source| *source == "'self'") => 1,
        _ => 2,
    }
}

impl Policy {
    /// The sources of the first of these directives that the policy has: the fallback chain (CSP3 §6.8.3).
    fn first(&self, chain: &[&str]) -> Option<&[String]> {
        chain.iter().find_map(|name| self.directives.get(*name)).map(Vec::as_slice)
    }
    fn narrow(&self, chain: &[&str]) -> bool {
        self.first(chain).is_some_and(|sources| !sources.iter().any(|source| is_broad(source)))
    }
    fn sandbox_without(&self, flag: &str) -> bool {
        !self.in_meta && self.directives.get("sandbox").is_some_and(|flags| !flags.iter().any(|f| f == flag))
    }
    fn no_scripts(&self) -> bool {
        self.sandbox_without("allow-scripts")
    }
    /// CSP3 §6.7.3.2: a nonce, a hash or strict-dynamic makes `'unsafe-inline'` void.
    fn allows_inline(&self, directive: &str) -> bool {
        if self.no_scripts() {
            return false;
        }
        let Some(sources) = self.first(&[directive, "script-src", "default-src"]) else { return true };
        let voided = sources.iter().any(|s| is_nonce(s) || is_hash(s) || s == "'strict-dynamic'");
        !voided && sources.iter().any(|s| s == "'unsafe-inline'")
    }
    /// CSP3 §4.4.1.
    fn allows_eval(&self) -> bool {
        let sources = self.first(&["script-src", "default-src"]);
        !self.no_scripts() && sources.is_none_or(|sources| sources.iter().any(|s| s == "'unsafe-eval'"))
    }
    /// With strict-dynamic, hosts and schemes are ignored (CSP3 §6.7.1.1).
    fn has_broad_script(&self) -> bool {
        if self.no_scripts() {
            return false;
        }
        let Some(sources) = self.first(&["script-src-elem", "script-src", "default-src"]) else { return true };
        !sources.iter().any(|s| s == "'strict-dynamic'") && sources.iter().any(|s| is_broad(s))
    }
}

/// Whether a source matches hosts that nobody chose: `*`, a bare scheme, a scheme or port around a bare `*`.
fn is_broad(source: &str) -> bool {
    let host = source.split_once("://").map_or(source, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    OPEN_SCHEMES.contains(&source) || host == "*" || host.starts_with("*:")
}

fn is_nonce(source: &str) -> bool {
    source.strip_prefix("'nonce-").and_then(|s| s.strip_suffix('\'')).is_some_and(is_base64)
}

fn is_hash(source: &str) -> bool {
    let body = ["'sha256-", "'sha384-", "'sha512-"].iter().find_map(|prefix| source.strip_prefix(prefix));
    body.and_then(|s| s.strip_suffix('\'')).is_some_and(is_base64)
}

/// The base64-value of the grammar, either alphabet.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
}

/// CSP3 §2.2.1, with what an author would want to hear about.
fn parse(text: &str, in_meta: bool) -> Policy {
    let text = text.trim().to_owned();
    let mut policy = Policy { in_meta, ..Policy::default() };
    for part in text.split(';') {
        let mut tokens = part.split_ascii_whitespace();
        let Some(name) = tokens.next().map(str::to_ascii_lowercase) else { continue };
        let values: Vec<String> = tokens.map(normal).collect();
        if policy.directives.contains_key(&name) {
            policy.fault(format!("{name} stands twice; the second is ignored"));
            continue;
        }
        if !DIRECTIVES.contains(&name.as_str()) {
            policy.fault(format!("unknown directive {name}"));
        } else if takes_sources(&name) {
            find_source_faults(&mut policy, &name, &values);
        }
        if in_meta && matches!(name.as_str(), "frame-ancestors" | "sandbox" | "report-uri") {
            policy.fault(format!("{name} has no effect in a meta element"));
        }
        policy.directives.insert(name, values);
    }
    if !text.is_ascii() {
        policy.fault("characters outside of ASCII".into());
    }
    policy.text = text;
    policy
}

/// Keywords, schemes and hosts ignore case; nonces and hashes do not.
fn normal(source: &str) -> String {
    let lower = source.to_ascii_lowercase();
    let kept = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"].iter().find(|prefix| lower.starts_with(**prefix));
    match kept {
        Some(prefix) => format!("{prefix}{}", source.get(prefix.len()..).unwrap_or_default()),
        None => lower,
    }
}

fn find_source_faults(policy: &mut Policy, directive: &str, sources: &[String]) {
    for source in sources {
        if let Some(fault) = source_fault(source) {
            policy.fault(format!("{directive}: {fault}"));
        }
    }
    if sources.len() > 1 && sources.iter().any(|source| source == "'none'") {
        policy.fault(format!("{directive}: 'none' beside other sources is ignored"));
    }
    let trusted = sources.iter().any(|source| is_nonce(source) || is_hash(source));
    if !trusted && sources.iter().any(|source| source == "'strict-dynamic'") {
        policy.fault(format!("{directive}: 'strict-dynamic' without nonce or hash lets no script run"));
    }
}

fn source_fault(source: &str) -> Option<String> {
    let bare = source.trim_matches('\'');
    let quoted = source.len() > 1 && source.starts_with('\'') && source.ends_with('\'');
    let secret = ["nonce-", "sha256-", "sha384-", "sha512-"].iter().any(|prefix| bare.starts_with(prefix));
    if quoted && !secret {
        return (!KEYWORDS.contains(&bare)).then(|| format!("unknown keyword {source}"));
    }
    if secret {
        return (!is_nonce(source) && !is_hash(source)).then(|| format!("malformed {source}"));
    }
    if source.contains('\'') {
        return Some(format!("stray quotation mark in {source}"));
    }
    if KEYWORDS.contains(&bare) {
        return Some(format!("{source} without quotation marks is read as a host"));
    }
    DIRECTIVES.contains(&bare).then(|| format!("{source} is read as a host; a semicolon is missing before it"))
}

impl Policy {
    fn fault(&mut self, text: String) {
        if self.faults.len() < LIST_CAP {
            self.faults.push(printable(&text, 200));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(headers: &[&str]) -> Csp {
        let headers: Vec<String> = headers.iter().map(|&h| h.to_owned()).collect();
        effective(&policies(&headers, &[]))
    }

    #[test]
    fn script_restrictions_follow_the_table() {
        // (policy, inline, eval, broad)
        let table = [
            ("default-src 'self'", false, false, false),
            ("default-src 'none'", false, false, false),
            ("img-src 'self'", true, true, true),
            ("script-src 'self' 'unsafe-inline'", true, false, false),
            ("script-src 'self' 'unsafe-inline' 'nonce-abc123'", false, false, false),
            ("script-src 'unsafe-inline' 'sha256-q2FuYXJ5'", false, false, false),
            ("script-src 'unsafe-inline' https: 'strict-dynamic' 'nonce-abc'", false, false, false),
            ("script-src 'unsafe-inline' 'nonce-'", true, false, false),
            ("script-src *", false, false, true),
            ("script-src https:", false, false, true),
            ("script-src data:", false, false, true),
            ("script-src https://*", false, false, true),
            ("script-src *:443", false, false, true),
            ("script-src *.cec.example", false, false, false),
            ("SCRIPT-SRC 'SELF' 'UNSAFE-EVAL'", false, true, false),
            ("default-src 'unsafe-inline'; script-src 'self'", false, false, false),
            ("script-src 'self'; script-src-attr 'unsafe-inline'", true, false, false),
            ("script-src 'self' 'unsafe-inline'; script-src-elem 'self'", true, false, false),
            ("script-src 'self'; script-src *", false, false, false),
            ("sandbox", false, false, false),
            ("sandbox allow-scripts", true, true, true),
        ];
        for (policy, inline, eval, broad) in table {
            let csp = of(&[policy]);
            assert_eq!(
                (csp.allows_inline_script, csp.allows_eval, csp.broad_script),
                (inline, eval, broad),
                "{policy}"
            );
        }
    }

    #[test]
    fn several_policies_only_take_away() {
        let csp = of(&["script-src * 'unsafe-inline'", "script-src 'self', base-uri 'none'"]);
        assert!(!csp.allows_inline_script && !csp.broad_script && csp.restricts_base);
        assert_eq!(csp.policies.len(), 3);
        let loose = of(&["script-src 'unsafe-inline'", "script-src 'self' 'unsafe-inline'"]);
        assert!(loose.allows_inline_script);
    }

    #[test]
    fn a_policy_in_a_meta_element_does_not_restrict_framing() {
        let both = policies(&["default-src 'self'".into()], &["frame-ancestors 'none'; form-action 'self'".into()]);
        let csp = effective(&both);
        assert!(!csp.restricts_framing && csp.restricts_forms);
        assert_eq!(framing(&both), None);
        assert_eq!(csp.faults, ["frame-ancestors has no effect in a meta element"]);
    }

    #[test]
    fn objects_base_forms_and_framing_are_read_one_by_one() {
        let csp = of(&["default-src 'self'; base-uri 'self'; form-action *; frame-ancestors https:"]);
        assert!(csp.restricts_objects && csp.restricts_base && !csp.restricts_forms && !csp.restricts_framing);
        assert!(!of(&["default-src 'self'; object-src *"]).restricts_objects);
        assert!(!of(&["script-src 'self'"]).restricts_objects);
    }

    #[test]
    fn framing_takes_the_strictest_policy() {
        let of = |header: &str| framing(&policies(&[header.to_owned()], &[]));
        assert_eq!(of("frame-ancestors 'none'"), Some("denied"));
        assert_eq!(of("frame-ancestors"), Some("denied"));
        assert_eq!(of("frame-ancestors 'self'"), Some("same-origin"));
        assert_eq!(of("frame-ancestors 'self' https://a.example"), Some("listed"));
        assert_eq!(of("frame-ancestors *"), Some("anyone"));
        assert_eq!(of("frame-ancestors *, frame-ancestors 'self'"), Some("same-origin"));
        assert_eq!(of("default-src 'none'"), None);
    }

    #[test]
    fn faults_of_syntax_are_named() {
        let faults = |policy: &str| of(&[policy]).faults;
        assert_eq!(faults("default-src 'self'; script-scr 'self'"), ["unknown directive script-scr"]);
        assert_eq!(faults("script-src self"), ["script-src: self without quotation marks is read as a host"]);
        assert_eq!(
            faults("default-src 'self' object-src 'none'").first().map(String::as_str),
            Some("default-src: object-src is read as a host; a semicolon is missing before it")
        );
        assert_eq!(faults("img-src a.example; img-src b.example"), ["img-src stands twice; the second is ignored"]);
        assert_eq!(faults("script-src 'unsafe-inlin'"), ["script-src: unknown keyword 'unsafe-inlin'"]);
        assert_eq!(faults("script-src 'nonce-ü'").len(), 2);
        assert!(faults("default-src 'self'; report-uri /csp; upgrade-insecure-requests").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(headers in proptest::collection::vec(".*", 0..4), meta in ".*") {
            let all = policies(&headers, &[meta]);
            let csp = effective(&all);
            framing(&all);
            prop_assert!(csp.faults.len() <= LIST_CAP);
        }

        #[test]
        fn a_second_policy_never_allows_more(a in "[a-z'* :;-]{0,60}", b in "[a-z'* :;-]{0,60}") {
            let one = policies(&[format!("script-src 'self';{a}")], &[]);
            let two = policies(&[format!("script-src 'self';{a}"), b], &[]);
            let (one, two) = (effective(&one), effective(&two));
            prop_assert!(one.allows_inline_script >= two.allows_inline_script);
            prop_assert!(one.allows_eval >= two.allows_eval);
            prop_assert!(one.broad_script >= two.broad_script);
            prop_assert!(two.restricts_base >= one.restricts_base);
        }
    }
}
