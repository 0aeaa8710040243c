//! From an address to its final document, one redirect at a time, never off the host.

use std::collections::BTreeSet;

use url::Url;

use super::redact;
use super::visit::{self, Visitor};
use crate::facts::Hop;
use crate::net::{HttpReply, NetError};

/// More hops than this are not followed; browsers give up at twenty.
const MOST_HOPS: usize = 10;

/// What was seen on the way.
pub(super) struct Chain {
    pub(super) hops: Vec<Hop>,
    /// Set-Cookie values with the address that sent them.
    pub(super) set_cookies: Vec<(String, String)>,
    /// An HTTPS address pointed to a plain one.
    pub(super) downgrades: bool,
    /// The first answer is a redirect to HTTPS on the same host name; `None` without a first answer.
    pub(super) first_is_to_https: Option<bool>,
    pub(super) end: Result<End, NetError>,
}

/// The last answer.
pub(super) struct End {
    pub(super) url: Url,
    pub(super) reply: HttpReply,
    pub(super) stopped: Option<String>,
}

impl Chain {
    /// Follows redirects from `url` within the visitor's host.
    pub(super) async fn follow(visitor: &impl Visitor, url: Url) -> Self {
        let mut seen = BTreeSet::from([url.to_string()]);
        let mut next = url;
        let mut chain = Self {
            hops: Vec::new(),
            set_cookies: Vec::new(),
            downgrades: false,
            first_is_to_https: None,
            // Overwritten below: the loop ends only by setting it.
            end: Err(NetError::new(crate::facts::Reason::Other, "not asked")),
        };
        loop {
            let reply = match visit::get(visitor, &next).await {
                Ok(reply) => reply,
                Err(e) => {
                    chain.end = Err(chain.explain(e));
                    return chain;
                }
            };
            let step = step(visitor, &next, &reply, &seen, chain.hops.len());
            chain.note(&next, &reply, &step);
            match step {
                Step::Follow(location) => {
                    seen.insert(location.to_string());
                    next = location;
                }
                Step::Document => {
                    chain.end = Ok(End { url: next, reply, stopped: None });
                    return chain;
                }
                Step::Stop(_, why) => {
                    chain.end = Ok(End { url: next, reply, stopped: Some(why) });
                    return chain;
                }
            }
        }
    }

    fn note(&mut self, url: &Url, reply: &HttpReply, step: &Step) {
        let at = redact::address(url);
        let cookies = reply.headers.get("set-cookie").map(Vec::as_slice).unwrap_or_default();
        self.set_cookies.extend(cookies.iter().map(|cookie| (at.clone(), cookie.clone())));
        let location = step.location();
        self.downgrades |= url.scheme() == "https" && location.is_some_and(|location| location.scheme() == "http");
        let to_https = |location: &Url| location.scheme() == "https" && location.host_str() == url.host_str();
        self.first_is_to_https.get_or_insert(location.is_some_and(to_https));
        if let Step::Follow(location) = step {
            self.hops.push(Hop { url: at, status: i64::from(reply.status), location: redact::address(location) });
        }
    }

    fn explain(&self, error: NetError) -> NetError {
        match self.hops.last() {
            Some(hop) => NetError::new(error.reason, format!("after the redirect from {}: {}", hop.url, error.detail)),
            None => error,
        }
    }
}

/// What an answer asks of a visitor.
enum Step {
    Document,
    Follow(Url),
    /// A redirect that is not followed: where to, if that is known, and why not.
    Stop(Option<Url>, String),
}

impl Step {
    fn location(&self) -> Option<&Url> {
        match self {
            Self::Follow(location) | Self::Stop(Some(location), _) => Some(location),
            _ => None,
        }
    }
}

fn step(visitor: &impl Visitor, at: &Url, reply: &HttpReply, seen: &BTreeSet<String>, hops: usize) -> Step {
    if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
        return Step::Document;
    }
    let Some(location) = reply.headers.get("location").and_then(|values| values.first()) else {
        return Step::Stop(None, "redirects without a Location".into());
    };
    let Ok(mut location) = at.join(location.trim()) else {
        return Step::Stop(None, "redirects to something that is no address".into());
    };
    location.set_fragment(None);
    let _ = location.set_username("");
    let _ = location.set_password(None);
    match objection(visitor, &location, seen, hops) {
        None => Step::Follow(location),
        Some(why) => Step::Stop(Some(location), why),
    }
}

fn objection(visitor: &impl Visitor, location: &Url, seen: &BTreeSet<String>, hops: usize) -> Option<String> {
    if !matches!(location.scheme(), "http" | "https") {
        return Some(format!("redirects to an address of scheme {}", location.scheme()));
    }
    let host = location.host_str().unwrap_or_default().trim_end_matches('.');
    if !host.trim_matches(['[', ']']).eq_ignore_ascii_case(visitor.host()) {
        return Some(if visitor.declares(host) {
            format!("redirects to {host}, which is audited on its own")
        } else {
            format!("redirects to {host}, which is not in scope")
        });
    }
    let port = location.port_or_known_default().unwrap_or(443);
    if let Err(why) = visitor.permits(port) {
        return Some(format!("redirects to port {port} of this host, which may not be asked: {why}"));
    }
    if seen.contains(location.as_str()) {
        return Some("redirects in a loop (no cookies are sent)".into());
    }
    (hops >= MOST_HOPS).then(|| format!("redirects more than {MOST_HOPS} times"))
}

#[cfg(test)]
mod tests {
    use super::super::visit::script::{Scripted, reply};
    use super::*;
    use proptest::prelude::*;

    const START: &str = "https://www.cec.example/";

    async fn follow(scripted: &Scripted) -> Chain {
        Chain::follow(scripted, Url::parse(START).unwrap()).await
    }
    fn to(location: &str) -> HttpReply {
        reply(302, &[("location", location)], "")
    }
    async fn stopped(location: &str) -> Option<String> {
        follow(&Scripted::default().page(START, to(location))).await.end.ok().and_then(|end| end.stopped)
    }

    #[tokio::test]
    async fn relative_locations_are_resolved_hop_by_hop() {
        let scripted = Scripted::default()
            .page(START, to("en/"))
            .page("https://www.cec.example/en/", to("../home?x=1#top"))
            .page("https://www.cec.example/home?x=1", reply(200, &[], "hi"));
        let chain = follow(&scripted).await;
        assert_eq!(chain.hops.len(), 2);
        assert_eq!(chain.hops[1].location, "https://www.cec.example/home?x=1");
        assert_eq!(chain.end.unwrap_or_else(|e| panic!("{e}")).url.path(), "/home");
    }

    #[tokio::test]
    async fn nothing_is_asked_of_another_host() {
        let scripted = Scripted::default().page(START, to("http://evil.example/"));
        let chain = follow(&scripted).await;
        assert!(chain.downgrades);
        assert_eq!(
            chain.end.unwrap_or_else(|e| panic!("{e}")).stopped.unwrap(),
            "redirects to evil.example, which is not in scope"
        );
        assert_eq!(scripted.asked.lock().unwrap().len(), 1);
        assert_eq!(
            stopped("//results.cec.example/").await.unwrap(),
            "redirects to results.cec.example, which is audited on its own"
        );
        assert!(stopped("https://www.cec.example@evil.example/").await.unwrap().contains("evil.example"));
    }

    #[tokio::test]
    async fn odd_redirects_stop_the_chain() {
        assert!(stopped("javascript:alert(1)").await.unwrap().contains("scheme javascript"));
        assert!(stopped("http://[").await.unwrap().contains("no address"));
        assert!(stopped(START).await.unwrap().contains("loop"));
        let bare = follow(&Scripted::default().page(START, reply(301, &[], ""))).await;
        assert!(bare.end.unwrap_or_else(|e| panic!("{e}")).stopped.unwrap().contains("without a Location"));
        let not_modified = follow(&Scripted::default().page(START, reply(304, &[], ""))).await;
        assert_eq!(not_modified.end.unwrap_or_else(|e| panic!("{e}")).stopped, None);
    }

    #[tokio::test]
    async fn ten_hops_are_followed_and_no_more() {
        let mut scripted = Scripted::default().page(START, to("/1"));
        for i in 1..20 {
            scripted = scripted.page(&format!("https://www.cec.example/{i}"), to(&format!("/{}", i + 1)));
        }
        let chain = follow(&scripted).await;
        assert_eq!(chain.hops.len(), 10);
        assert!(chain.end.unwrap_or_else(|e| panic!("{e}")).stopped.unwrap().contains("more than 10"));
        assert_eq!(scripted.asked.lock().unwrap().len(), 11);
    }

    #[tokio::test]
    async fn a_port_that_may_not_be_asked_is_not_asked() {
        let mut scripted = Scripted::default();
        scripted.forbidden_port = Some(8443);
        let scripted = scripted.page(START, to("https://www.cec.example:8443/"));
        let end = follow(&scripted).await.end.unwrap_or_else(|e| panic!("{e}"));
        assert!(end.stopped.unwrap().contains("port 8443"));
        assert_eq!(scripted.asked.lock().unwrap().len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_location_leads_off_the_host(location in ".{0,60}") {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let scripted = Scripted::default().page(START, to(&location));
            runtime.block_on(follow(&scripted));
            for asked in scripted.asked.lock().unwrap().iter() {
                prop_assert_eq!(Url::parse(asked).unwrap().host_str().map(str::to_owned), Some("www.cec.example".to_owned()));
            }
        }
    }
}
