//! From headers and bodies: what policies say.

use url::Url;

use super::{csp, headers, hsts, html};
use crate::facts::{Blobs, Csp, Framing, Hsts, Observation, Page, Reason, Subresource, Timestamp, Web};

/// Fills the derived fields of every page.
pub(super) fn derive(web: &mut Web, blobs: &Blobs) {
    for_every_page(web, |page, at| {
        page.hsts = read_hsts(page, at);
        page.disclosed_versions = seen(at, headers::disclosed_versions(|name| page.field(name)));
        let document = Document::of(page, blobs);
        page.csp = document.csp(page, at);
        page.framing = document.framing(page, at);
        page.content_type_options = document.content_type_options(page, at);
        page.referrer_policy = document.referrer_policy(page, at);
        page.subresources = document.subresources(page, at);
        page.linked_hosts = document.linked_hosts(page, at);
    });
}

/// Empties them.
pub(super) fn strip(web: &mut Web) {
    for_every_page(web, |page, _| {
        page.hsts = Observation::underived();
        page.csp = Observation::underived();
        page.framing = Observation::underived();
        page.content_type_options = Observation::underived();
        page.referrer_policy = Observation::underived();
        page.disclosed_versions = Observation::underived();
        page.subresources = Observation::underived();
        page.linked_hosts = Observation::underived();
    });
}

fn for_every_page(web: &mut Web, change: impl Fn(&mut Page, Timestamp)) {
    for site in [&mut web.http, &mut web.https] {
        for page in site.value_mut().into_iter().flat_map(|site| site.pages.iter_mut()) {
            let at = page.observed_at();
            if let Some(page) = page.value_mut() {
                change(page, at);
            }
        }
    }
}

impl Page {
    fn field(&self, name: &str) -> &[String] {
        self.headers.get(name).map(Vec::as_slice).unwrap_or_default()
    }
    fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }
}

/// A browser heeds the field on every answer over TLS, and on none over plain HTTP (RFC 6797 §8.1). An error page without it says
/// nothing of the site, because servers add headers to good answers only unless told otherwise.
fn read_hsts(page: &Page, at: Timestamp) -> Observation<Hsts> {
    if !page.is_https() {
        return not_run(at, "browsers ignore Strict-Transport-Security over plain HTTP");
    }
    match hsts::read(page.field("strict-transport-security")) {
        Some(hsts) => seen(at, hsts),
        None => match what_is_missing(page) {
            Some(Missing::Error(why)) => failed(at, Reason::Dependency, why),
            _ => Observation::Absent { observed_at: at },
        },
    }
}

/// Why an answer is not the document that policies are about.
enum Missing {
    /// The chain ended on a redirect, which shows nothing to anybody.
    Redirect(String),
    /// An error page.
    Error(String),
}

fn what_is_missing(page: &Page) -> Option<Missing> {
    let status = page.status;
    match status {
        300..=399 => {
            Some(Missing::Redirect(format!("{} ends in a redirect ({status}): there is no document here", page.url)))
        }
        400.. => Some(Missing::Error(format!("{} answered {status}: its document was not seen", page.url))),
        _ => None,
    }
}

/// What the policies are about: the document, or why there is none to judge.
enum Document {
    None(Reason, String),
    NotHtml,
    Unreadable(Reason, String),
    Html(Box<html::Document>),
}

impl Document {
    fn of(page: &Page, blobs: &Blobs) -> Self {
        match what_is_missing(page) {
            Some(Missing::Redirect(why)) => return Self::None(Reason::Unsupported, why),
            Some(Missing::Error(why)) => return Self::None(Reason::Dependency, why),
            None => {}
        }
        let coded = |value: &String| !value.trim().is_empty() && !value.trim().eq_ignore_ascii_case("identity");
        if page.field("content-encoding").iter().any(coded) {
            let why = format!("{} was sent compressed although that was not asked for", page.url);
            return Self::Unreadable(Reason::Garbage, why);
        }
        match blobs.bytes(&page.body) {
            None => Self::Unreadable(Reason::Dependency, format!("the body of {} is not among the evidence", page.url)),
            Some(body) if is_html(page, &body) => Self::Html(Box::new(html::read(&body))),
            Some(_) => Self::NotHtml,
        }
    }

    /// Runs `f` with the HTML, or with an empty document where the answer is no HTML and carries nothing by itself.
    fn with<T>(&self, at: Timestamp, f: impl FnOnce(&html::Document) -> Observation<T>) -> Observation<T> {
        match self {
            Self::None(Reason::Unsupported, why) => not_run(at, why),
            Self::None(reason, why) | Self::Unreadable(reason, why) => failed(at, *reason, why.clone()),
            Self::NotHtml => f(&html::Document::default()),
            Self::Html(document) => f(document),
        }
    }

    /// As [`Document::with`], for what stands in headers alone: the body need not be readable.
    fn with_headers<T>(&self, at: Timestamp, f: impl FnOnce() -> Observation<T>) -> Observation<T> {
        match self {
            Self::Unreadable(..) => f(),
            other => other.with(at, |_| f()),
        }
    }

    fn csp(&self, page: &Page, at: Timestamp) -> Observation<Csp> {
        self.with(at, |document| {
            if let Some(why) = cut_policy(page) {
                return failed(at, Reason::TooLarge, why);
            }
            let policies = csp::policies(page.field("content-security-policy"), &document.policies);
            if policies.is_empty() {
                Observation::Absent { observed_at: at }
            } else {
                seen(at, csp::effective(&policies))
            }
        })
    }

    /// frame-ancestors of a header overrules X-Frame-Options (CSP3 §6.4.2.2).
    fn framing(&self, page: &Page, at: Timestamp) -> Observation<Framing> {
        self.with_headers(at, || {
            if let Some(why) = cut_policy(page) {
                return failed(at, Reason::TooLarge, why);
            }
            let policies = csp::policies(page.field("content-security-policy"), &[]);
            let by_csp = csp::framing(&policies);
            seen(
                at,
                match by_csp {
                    Some(allowed) => Framing { allowed: allowed.into(), by: "csp".into() },
                    None => headers::frame_options(page.field("x-frame-options")),
                },
            )
        })
    }

    fn content_type_options(&self, page: &Page, at: Timestamp) -> Observation<String> {
        self.with_headers(at, || {
            seen_or_absent(at, headers::content_type_options(page.field("x-content-type-options")))
        })
    }

    fn referrer_policy(&self, page: &Page, at: Timestamp) -> Observation<String> {
        self.with(at, |document| {
            seen_or_absent(at, headers::referrer_policy(page.field("referrer-policy"), &document.referrers))
        })
    }

    fn subresources(&self, page: &Page, at: Timestamp) -> Observation<Vec<Subresource>> {
        self.seen_from(page, at, html::Document::subresources)
    }

    fn linked_hosts(&self, page: &Page, at: Timestamp) -> Observation<Vec<String>> {
        self.seen_from(page, at, html::Document::linked_hosts)
    }

    /// What the HTML says of other places, as seen from the page's own.
    fn seen_from<T>(&self, page: &Page, at: Timestamp, read: impl Fn(&html::Document, &Url) -> T) -> Observation<T> {
        self.with(at, |document| match Url::parse(&page.url) {
            Ok(url) => seen(at, read(document, &url)),
            Err(e) => failed(at, Reason::Other, format!("{} is no address: {e}", page.url)),
        })
    }
}

/// A policy that was cut at the cap of a header value: its end, and so what it forbids, is not known.
fn cut_policy(page: &Page) -> Option<String> {
    let cut = |value: &&String| value.ends_with('…') && value.chars().nth(4095).is_some();
    let cut = page.field("content-security-policy").iter().find(cut);
    cut.map(|_| format!("the Content-Security-Policy of {} is longer than 4096 characters", page.url))
}

/// By its media type; without one, by its first character.
fn is_html(page: &Page, body: &[u8]) -> bool {
    match page.field("content-type").first() {
        Some(kind) => {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            kind == "text/html" || kind == "application/xhtml+xml"
        }
        None => body.trim_ascii_start().starts_with(b"<"),
    }
}

fn seen<T>(at: Timestamp, value: T) -> Observation<T> {
    Observation::Observed { observed_at: at, value }
}
fn seen_or_absent<T>(at: Timestamp, value: Option<T>) -> Observation<T> {
    value.map_or(Observation::Absent { observed_at: at }, |value| seen(at, value))
}
fn failed<T>(at: Timestamp, reason: Reason, detail: String) -> Observation<T> {
    Observation::Failed { observed_at: at, reason, detail }
}
fn not_run<T>(at: Timestamp, why: &str) -> Observation<T> {
    Observation::NotRun { observed_at: at, reason: Reason::Unsupported, detail: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Site;

    const BODY: &str = "<head><meta http-equiv=content-security-policy content=\"script-src 'self'\"></head>\
                        <script src=http://cdn.example/x.js></script>";

    fn page(status: i64, url: &str, fields: &[(&str, &str)], blobs: &mut Blobs, body: &str) -> Page {
        let mut headers = std::collections::BTreeMap::new();
        for (name, value) in fields {
            headers.entry((*name).to_owned()).or_insert_with(Vec::new).push((*value).to_owned());
        }
        Page {
            path: "/".into(),
            url: url.into(),
            status,
            hops: Vec::new(),
            stopped: None,
            headers,
            headers_cut: 0,
            title: None,
            body: blobs.keep(body.as_bytes()),
            body_bytes: body.len() as i64,
            body_cut: false,
            hsts: Observation::underived(),
            csp: Observation::underived(),
            framing: Observation::underived(),
            content_type_options: Observation::underived(),
            referrer_policy: Observation::underived(),
            disclosed_versions: Observation::underived(),
            subresources: Observation::underived(),
            linked_hosts: Observation::underived(),
        }
    }

    fn derived(status: i64, url: &str, fields: &[(&str, &str)]) -> Page {
        let mut blobs = Blobs::default();
        let page = page(status, url, fields, &mut blobs, BODY);
        let pages = vec![Observation::observed(page)];
        let site = Site { pages, cookies: Vec::new(), redirects_to_https: None, downgrades: false };
        let mut web = Web {
            http: Observation::absent(),
            https: Observation::observed(site),
            security_txt: Observation::absent(),
        };
        derive(&mut web, &blobs);
        let derived = web.https.value().unwrap().pages[0].value().unwrap().clone();
        strip(&mut web);
        let stripped = web.https.value().unwrap().pages[0].value().unwrap();
        assert!(stripped.csp.is_underived() && stripped.hsts.is_underived() && stripped.subresources.is_underived());
        derived
    }

    fn reason<T>(observation: &Observation<T>) -> Option<Reason> {
        match observation {
            Observation::Failed { reason, .. } | Observation::NotRun { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    #[test]
    fn a_document_over_https_is_read_whole() {
        let page = derived(
            200,
            "https://www.cec.example/",
            &[
                ("content-type", "text/html; charset=utf-8"),
                ("strict-transport-security", "max-age=31536000"),
                ("x-frame-options", "DENY"),
                ("content-security-policy", "frame-ancestors 'self'"),
                ("server", "nginx/1.22.1"),
            ],
        );
        assert_eq!(page.hsts.value().unwrap().max_age.0, 31_536_000);
        let csp = page.csp.value().unwrap();
        assert!(!csp.allows_inline_script && csp.restricts_framing && csp.policies.len() == 2);
        assert_eq!(page.framing.value().unwrap().by, "csp");
        assert!(matches!(page.content_type_options, Observation::Absent { .. }));
        assert_eq!(page.disclosed_versions.value().unwrap(), &["server: nginx/1.22.1"]);
        assert!(page.subresources.value().unwrap()[0].insecure);
    }

    #[test]
    fn headers_that_are_not_sent_are_absent() {
        let page = derived(200, "https://www.cec.example/", &[("content-type", "application/json")]);
        assert!(matches!(page.hsts, Observation::Absent { .. }));
        assert!(matches!(page.csp, Observation::Absent { .. }));
        assert!(matches!(page.referrer_policy, Observation::Absent { .. }));
        assert_eq!(page.framing.value().unwrap().by, "nothing");
        assert_eq!(page.subresources.value().unwrap(), &[]);
    }

    #[test]
    fn an_error_page_tells_nothing_of_the_document() {
        let page = derived(503, "https://www.cec.example/", &[("server", "nginx/1.22.1")]);
        for state in [reason(&page.csp), reason(&page.framing), reason(&page.hsts), reason(&page.subresources)] {
            assert_eq!(state, Some(Reason::Dependency));
        }
        assert_eq!(page.disclosed_versions.value().unwrap().len(), 1);
    }

    #[test]
    fn a_redirect_is_judged_for_hsts_only() {
        let page = derived(302, "https://www.cec.example/", &[]);
        assert!(matches!(page.hsts, Observation::Absent { .. }));
        assert_eq!(reason(&page.csp), Some(Reason::Unsupported));
        assert_eq!(reason(&page.framing), Some(Reason::Unsupported));
    }

    #[test]
    fn a_policy_that_was_cut_is_not_judged() {
        let long = crate::facts::printable(&format!("script-src {}", "https://a.example ".repeat(400)), 4096);
        let page = derived(200, "https://www.cec.example/", &[("content-security-policy", &long)]);
        assert_eq!(reason(&page.csp), Some(Reason::TooLarge));
        assert_eq!(reason(&page.framing), Some(Reason::TooLarge));
    }

    #[test]
    fn hsts_over_plain_http_is_not_looked_at() {
        let page = derived(200, "http://www.cec.example/", &[("strict-transport-security", "max-age=1")]);
        assert_eq!(reason(&page.hsts), Some(Reason::Unsupported));
    }

    #[test]
    fn a_compressed_body_leaves_only_what_headers_say() {
        let page = derived(200, "https://www.cec.example/", &[("content-encoding", "gzip")]);
        assert_eq!(reason(&page.subresources), Some(Reason::Garbage));
        assert_eq!(reason(&page.csp), Some(Reason::Garbage));
        assert!(page.framing.value().is_some());
    }
}
