//! One request of a visitor: to the host at its one address, retried once, slowly.

use std::future::Future;
use std::time::Duration;

use url::Url;

use super::super::Context;
use super::challenge;
use crate::facts::Reason;
use crate::net::{HttpReply, HttpRequest, NetError, fetch};
use crate::scope::{Act, Target};

/// What following a chain needs of the world.
pub(super) trait Visitor: Sync {
    /// The host name that may be visited.
    fn host(&self) -> &str;
    /// Whether another host is declared, too.
    fn declares(&self, host: &str) -> bool;
    /// Whether this host may be asked at that nominal port; if not, why.
    fn permits(&self, port: u16) -> Result<(), String>;
    /// One GET.
    fn get(&self, url: &Url) -> impl Future<Output = Result<HttpReply, NetError>> + Send;
    /// A pause before the one retry.
    fn pause(&self, span: Duration) -> impl Future<Output = ()> + Send;
}

/// Most bytes of a body that are read.
pub(super) const BODY_CAP: usize = 256 * 1024;

/// The longest Retry-After that is waited for.
const PATIENT_FOR: u64 = 10;

/// One GET with one slower retry: after a fault of the network, and when the server asks for a pause.
///
/// # Errors
/// The network's, or throttled, or a challenge page.
pub(super) async fn get(visitor: &impl Visitor, url: &Url) -> Result<HttpReply, NetError> {
    let first = visitor.get(url).await;
    let pause = match &first {
        Ok(reply) if is_throttled(reply) => match retry_after(reply) {
            Some(seconds) if seconds <= PATIENT_FOR => Duration::from_secs(seconds.max(1)),
            Some(_) => return judge(url, first),
            None => Duration::from_secs(2),
        },
        Err(e) if matches!(e.reason, Reason::Timeout | Reason::Reset | Reason::Closed) => Duration::from_secs(1),
        _ => return judge(url, first),
    };
    visitor.pause(pause).await;
    judge(url, visitor.get(url).await)
}

fn judge(url: &Url, outcome: Result<HttpReply, NetError>) -> Result<HttpReply, NetError> {
    let reply = outcome?;
    // A challenge first: it may come with any status.
    if let Some(by) = challenge::of(&reply) {
        return Err(NetError::new(Reason::Challenge, format!("{url} is behind a challenge page ({by})")));
    }
    if is_throttled(&reply) {
        let detail = format!("{url} answered {} twice, or asked for a longer pause than we make", reply.status);
        return Err(NetError::new(Reason::Throttled, detail));
    }
    Ok(reply)
}

fn is_throttled(reply: &HttpReply) -> bool {
    matches!(reply.status, 429 | 503)
}

/// Retry-After in seconds (RFC 9110 §10.2.3); a date counts as longer than we wait.
fn retry_after(reply: &HttpReply) -> Option<u64> {
    let value = reply.headers.get("retry-after")?.first()?;
    Some(value.trim().parse().unwrap_or(u64::MAX))
}

/// A host at one address.
pub(super) struct Endpoint<'a> {
    context: &'a Context,
    target: &'a Target,
    host: &'a str,
}

impl<'a> Endpoint<'a> {
    pub(super) fn new(context: &'a Context, target: &'a Target, host: &'a str) -> Self {
        Self { context, target, host }
    }
}

impl Visitor for Endpoint<'_> {
    fn host(&self) -> &str {
        self.host
    }
    fn declares(&self, host: &str) -> bool {
        self.context.scope.estate().hosts().any(|asset| asset.name() == host)
    }
    fn permits(&self, port: u16) -> Result<(), String> {
        self.target.permits(Act::passive(port)).map_err(|why| why.to_string())?;
        self.context.net.mapped(port).map(drop).ok_or_else(|| format!("port {port} is not in the estate's port map"))
    }
    async fn get(&self, url: &Url) -> Result<HttpReply, NetError> {
        let act = Act::passive(url.port_or_known_default().unwrap_or(80));
        let patience = self.context.net.answer_time() * 2;
        let request = request(url);
        let outcome = if url.scheme() == "https" {
            let stream = crate::probe::tls::open(self.context, self.target, act, self.host, &[b"http/1.1"]).await?;
            fetch(stream, &request, patience).await
        } else {
            let stream = self.context.net.connect(self.target, act).await?;
            fetch(stream, &request, patience).await
        };
        let at = self.target.address();
        outcome.map_err(|e| NetError::new(e.reason, format!("GET {url} at {at}: {}", e.detail)))
    }
    async fn pause(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

/// The Host field carries the port unless it is the scheme's own (RFC 9110 §7.2).
fn request(url: &Url) -> HttpRequest {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    HttpRequest { method: "GET", host, path: format!("{}{query}", url.path()), body_cap: BODY_CAP }
}

/// A visitor with prepared answers.
#[cfg(test)]
pub(super) mod script {
    use std::collections::{BTreeMap, VecDeque};
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    pub(in crate::probe::web) struct Scripted {
        answers: Mutex<BTreeMap<String, VecDeque<Result<HttpReply, NetError>>>>,
        pub(in crate::probe::web) asked: Mutex<Vec<String>>,
        pub(in crate::probe::web) pauses: Mutex<Vec<u64>>,
        pub(in crate::probe::web) forbidden_port: Option<u16>,
    }

    impl Scripted {
        pub(in crate::probe::web) fn page(self, url: &str, reply: HttpReply) -> Self {
            self.then(url, Ok(reply))
        }
        pub(in crate::probe::web) fn then(self, url: &str, outcome: Result<HttpReply, NetError>) -> Self {
            self.answers.lock().unwrap().entry(url.into()).or_default().push_back(outcome);
            self
        }
    }

    impl Visitor for Scripted {
        fn host(&self) -> &str {
            "www.cec.example"
        }
        fn declares(&self, host: &str) -> bool {
            host == "results.cec.example"
        }
        fn permits(&self, port: u16) -> Result<(), String> {
            if self.forbidden_port == Some(port) { Err("not declared".into()) } else { Ok(()) }
        }
        async fn get(&self, url: &Url) -> Result<HttpReply, NetError> {
            self.asked.lock().unwrap().push(url.to_string());
            let mut answers = self.answers.lock().unwrap();
            let queue = answers.get_mut(url.as_str());
            let refused = || Err(NetError::new(Reason::Refused, "connecting: refused"));
            // The last answer holds for all that follow.
            queue.map_or_else(refused, |queue| match queue.len() {
                1 => queue[0].clone(),
                _ => queue.pop_front().unwrap(),
            })
        }
        async fn pause(&self, span: Duration) {
            self.pauses.lock().unwrap().push(span.as_secs());
        }
    }

    pub(in crate::probe::web) fn reply(status: u16, fields: &[(&str, &str)], body: &str) -> HttpReply {
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in fields {
            headers.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        HttpReply { status, headers, body: body.as_bytes().to_vec(), cut: false }
    }
}

#[cfg(test)]
mod tests {
    use super::script::{Scripted, reply};
    use super::*;

    const URL: &str = "https://www.cec.example/";

    async fn outcome(scripted: &Scripted) -> Result<u16, Reason> {
        get(scripted, &Url::parse(URL).unwrap()).await.map(|reply| reply.status).map_err(|e| e.reason)
    }

    #[tokio::test]
    async fn a_throttled_request_is_tried_once_more_after_the_pause_asked_for() {
        let scripted =
            Scripted::default().page(URL, reply(503, &[("retry-after", "7")], "")).page(URL, reply(200, &[], ""));
        assert_eq!(outcome(&scripted).await, Ok(200));
        assert_eq!(*scripted.pauses.lock().unwrap(), [7]);
    }

    #[tokio::test]
    async fn throttling_that_stays_is_throttled() {
        let scripted = Scripted::default().page(URL, reply(429, &[], ""));
        assert_eq!(outcome(&scripted).await, Err(Reason::Throttled));
        assert_eq!(scripted.asked.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_long_pause_is_not_waited_for() {
        for value in ["3600", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            let scripted = Scripted::default().page(URL, reply(503, &[("retry-after", value)], ""));
            assert_eq!(outcome(&scripted).await, Err(Reason::Throttled));
            assert_eq!(scripted.asked.lock().unwrap().len(), 1);
        }
    }

    #[tokio::test]
    async fn other_server_errors_are_answers() {
        let scripted = Scripted::default().page(URL, reply(500, &[], ""));
        assert_eq!(outcome(&scripted).await, Ok(500));
    }

    #[tokio::test]
    async fn a_reset_is_tried_once_more_and_a_refusal_is_not() {
        let reset = || Err(NetError::new(Reason::Reset, "reset"));
        let scripted = Scripted::default().then(URL, reset()).page(URL, reply(200, &[], ""));
        assert_eq!(outcome(&scripted).await, Ok(200));
        let scripted = Scripted::default();
        assert_eq!(outcome(&scripted).await, Err(Reason::Refused));
        assert_eq!(scripted.asked.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_challenge_page_is_neither_answer_nor_absence() {
        let scripted = Scripted::default().page(URL, reply(403, &[("cf-mitigated", "challenge")], ""));
        assert_eq!(outcome(&scripted).await, Err(Reason::Challenge));
        let busy = reply(503, &[], "<script src=/cdn-cgi/challenge-platform/x.js></script>");
        assert_eq!(outcome(&Scripted::default().page(URL, busy)).await, Err(Reason::Challenge));
    }

    #[test]
    fn the_host_field_has_the_nominal_port_unless_it_is_the_schemes() {
        let host = |url: &str| request(&Url::parse(url).unwrap()).host;
        assert_eq!(host("https://www.cec.example:443/"), "www.cec.example");
        assert_eq!(host("https://www.cec.example:8443/"), "www.cec.example:8443");
        assert_eq!(host("http://[2001:db8::1]:81/"), "[2001:db8::1]:81");
        assert_eq!(request(&Url::parse("http://a.example/b?c=d").unwrap()).path, "/b?c=d");
    }
}
