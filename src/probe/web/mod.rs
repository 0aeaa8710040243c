//! HTTP of one endpoint: each declared path, redirects one hop at a time in scope, headers, cookies, a capped body.

mod chain;
mod challenge;
mod cookies;
mod page;
mod redact;
mod security_txt;
mod visit;

use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use super::Context;
use crate::estate::Scheme;
use crate::facts::{Observation, Page, Reason, Site, Web};
use crate::net::NetError;
use crate::scope::Target;
use chain::Chain;
use cookies::Jar;
use visit::{Endpoint, Visitor};

/// Visits the declared `paths` of `host` at `target` on `port` (nominal) over the declared scheme.
/// `http` of the result is absent for an HTTPS port, and the other way round; a port declared as plain TCP is not visited.
pub async fn look(context: &Context, target: &Target, host: &str, port: u16, scheme: Scheme, paths: &[String]) -> Web {
    let visitor = Endpoint::new(context, target, host);
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
        Scheme::Tcp => {
            let why = format!("port {port} of {host} is not declared as a website");
            return Web::unobserved(&Observation::not_run(Reason::Unsupported, why));
        }
    };
    let site = look_at_site(&visitor, &|bytes| context.keep(bytes), &Origin { scheme, host, port }, paths).await;
    if scheme == "http" {
        let why = "security.txt is looked for over HTTPS";
        let security_txt = Observation::not_run(Reason::Unsupported, why);
        return Web { http: site, https: Observation::absent(), security_txt };
    }
    let security_txt = if port == 443 {
        security_txt::look(&visitor, host).await
    } else {
        Observation::not_run(Reason::Unsupported, "security.txt is looked for at port 443 only")
    };
    Web { http: Observation::absent(), https: site, security_txt }
}

/// Where a site is.
#[derive(Clone, Copy)]
struct Origin<'a> {
    scheme: &'a str,
    host: &'a str,
    port: u16,
}

impl Origin<'_> {
    /// The address of a declared path. Set by parts: a path that starts with two slashes must not become a host.
    fn at(&self, path: &str) -> Result<Url, String> {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_owned() };
        let mut url =
            Url::parse(&format!("{}://{host}:{}/", self.scheme, self.port)).map_err(|e| format!("{host}: {e}"))?;
        let path = path.split('#').next().unwrap_or_default();
        match path.split_once('?') {
            Some((path, query)) => {
                url.set_path(path);
                url.set_query(Some(query));
            }
            None => url.set_path(path),
        }
        Ok(url)
    }
}

async fn look_at_site(
    visitor: &impl Visitor,
    keep: &(dyn Fn(&[u8]) -> String + Sync),
    origin: &Origin<'_>,
    paths: &[String],
) -> Observation<Site> {
    let mut pages: Vec<Observation<Page>> = Vec::new();
    let mut jar = Jar::default();
    let mut redirects_to_https = None;
    let mut downgrades = false;
    for path in paths {
        if let Some((reason, why)) = reason_to_stop(&pages) {
            pages.push(NetError::new(reason, format!("{path} was not asked for after this: {why}")).observation());
            continue;
        }
        let page = match origin.at(path) {
            Ok(url) => match timeout(CHAIN_TIME, Chain::follow(visitor, url)).await {
                Ok(chain) => {
                    jar.add(&chain);
                    downgrades |= chain.downgrades;
                    if pages.is_empty() {
                        redirects_to_https = chain.first_is_to_https;
                    }
                    page::page(path, chain, keep)
                }
                Err(_) => {
                    let why = format!("{path}: no final document within {} s", CHAIN_TIME.as_secs());
                    Observation::failed(Reason::Timeout, why)
                }
            },
            Err(why) => Observation::failed(Reason::Other, why),
        };
        pages.push(page);
    }
    // A site of which nothing was seen is not a site without cookies and downgrades.
    let nothing = pages.iter().all(|page| page.value().is_none()) && redirects_to_https.is_none();
    if let (true, Some(why)) = (nothing, pages.first().and_then(Observation::unobserved)) {
        return why.cast();
    }
    Observation::observed(Site { pages, cookies: jar.cookies(), redirects_to_https, downgrades })
}

/// The longest that one chain may take. Each answer has its own, shorter patience; this bounds a server that is slow in each.
const CHAIN_TIME: Duration = Duration::from_secs(120);

/// A server that asked us to slow down, or that has been out of reach so far, is not asked for the next path.
fn reason_to_stop(pages: &[Observation<Page>]) -> Option<(Reason, &str)> {
    use Reason::{Challenge, NotOurs, Refused, Throttled, Timeout, Unreachable};
    let (reason, why) = match pages.last()? {
        Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. } => (*reason, detail),
        _ => return None,
    };
    let never_answered = pages.iter().all(|page| page.value().is_none());
    let stops = match reason {
        Challenge | NotOurs | Throttled => true,
        Refused | Timeout | Unreachable => never_answered,
        _ => false,
    };
    stops.then_some((reason, why.as_str()))
}

#[cfg(test)]
mod tests {
    use super::visit::script::{Scripted, reply};
    use super::*;

    async fn visit(scripted: &Scripted, scheme: &str, port: u16, paths: &[&str]) -> Observation<Site> {
        let paths: Vec<String> = paths.iter().map(|&p| p.to_owned()).collect();
        let origin = Origin { scheme, host: "www.cec.example", port };
        look_at_site(scripted, &crate::facts::digest, &origin, &paths).await
    }

    #[tokio::test]
    async fn a_plain_site_that_redirects_is_followed_to_its_document() {
        let scripted = Scripted::default()
            .page("http://www.cec.example/", reply(301, &[("location", "https://www.cec.example/")], ""))
            .page(
                "https://www.cec.example/",
                reply(200, &[("set-cookie", "PHPSESSID=secret; HttpOnly")], "<title> Hi\n you </title>"),
            );
        let site = visit(&scripted, "http", 80, &["/"]).await.value().unwrap().clone();
        assert_eq!(site.redirects_to_https, Some(true));
        assert!(!site.downgrades);
        let page = site.pages[0].value().unwrap();
        assert_eq!((page.url.as_str(), page.status, page.hops.len()), ("https://www.cec.example/", 200, 1));
        assert_eq!(page.title.as_deref(), Some("Hi you"));
        assert_eq!(page.headers["set-cookie"], ["PHPSESSID=…; HttpOnly"]);
        assert!(site.cookies[0].session && site.cookies[0].http_only && !site.cookies[0].secure);
        assert!(!serde_json::to_string(&site).unwrap().contains("secret"));
    }

    #[tokio::test]
    async fn a_downgrade_anywhere_is_seen() {
        let scripted = Scripted::default()
            .page("https://www.cec.example/", reply(302, &[("location", "http://www.cec.example/plain")], ""))
            .page("http://www.cec.example/plain", reply(200, &[], "x"));
        let site = visit(&scripted, "https", 443, &["/"]).await.value().unwrap().clone();
        assert!(site.downgrades);
        assert_eq!(site.redirects_to_https, Some(false));
    }

    #[tokio::test]
    async fn a_page_that_fails_stays_in_its_place() {
        let scripted = Scripted::default().page("https://www.cec.example/", reply(200, &[], "x"));
        let site = visit(&scripted, "https", 443, &["/", "/gone"]).await.value().unwrap().clone();
        assert_eq!(site.pages.len(), 2);
        assert!(matches!(site.pages[1], Observation::Failed { reason: Reason::Refused, .. }));
    }

    #[tokio::test]
    async fn a_site_of_which_nothing_was_seen_is_failed() {
        let site = visit(&Scripted::default(), "https", 443, &["/", "/b"]).await;
        assert!(matches!(site, Observation::Failed { reason: Reason::Refused, .. }));
    }

    #[tokio::test]
    async fn a_server_that_asks_for_a_pause_is_left_alone() {
        let scripted = Scripted::default().page("https://www.cec.example/", reply(429, &[], ""));
        let site = visit(&scripted, "https", 443, &["/", "/b", "/c"]).await;
        assert!(matches!(site, Observation::Failed { reason: Reason::Throttled, .. }));
        assert_eq!(scripted.asked.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_redirect_that_leads_nowhere_still_tells_that_it_goes_to_https() {
        let scripted = Scripted::default()
            .page("http://www.cec.example/", reply(301, &[("location", "https://www.cec.example/")], ""));
        let site = visit(&scripted, "http", 80, &["/"]).await.value().unwrap().clone();
        assert_eq!(site.redirects_to_https, Some(true));
        assert!(site.pages[0].value().is_none());
    }

    /// Compiles only while the scheduler can spawn a look.
    #[allow(dead_code)]
    fn a_look_can_be_spawned(context: &Context, target: &Target) -> impl Send {
        super::look(context, target, "www.cec.example", 80, Scheme::Http, &[])
    }

    #[test]
    fn a_declared_path_never_becomes_a_host() {
        let origin = Origin { scheme: "https", host: "www.cec.example", port: 8443 };
        assert_eq!(
            origin.at("//evil.example/x?y#z").unwrap().as_str(),
            "https://www.cec.example:8443//evil.example/x?y"
        );
        let six = Origin { scheme: "http", host: "2001:db8::1", port: 80 };
        assert_eq!(six.at("/").unwrap().as_str(), "http://[2001:db8::1]/");
    }
}
