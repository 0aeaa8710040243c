//! The registration of a zone, from the RDAP server that the estate names: one GET to that server and to nobody else (RFC 9082).

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;
use url::{Host, Url};

use super::both_families;
use crate::estate::{AssetKind, Rdap};
use crate::facts::{DomainRegistration, Observation, Reason, Timestamp, printable};
use crate::net::{HttpReply, HttpRequest, NetError, fetch};
use crate::probe::{Context, tls};
use crate::scope::Act;

/// Most bytes of an answer that are read.
const BODY_CAP: usize = 256 * 1024;

/// How many events and status words of an answer are looked at.
const MOST_WORDS: usize = 64;

/// Absent where the estate names no RDAP server for the zone.
pub(super) async fn look(context: &Context, zone: &str) -> Observation<DomainRegistration> {
    let base = match context.scope.estate().zones().find(|asset| asset.name() == zone).map(|asset| &asset.kind) {
        Some(AssetKind::Zone { rdap: Some(Rdap::At(base)), .. }) => base,
        Some(AssetKind::Zone { rdap: Some(Rdap::Listed), .. }) => {
            return Observation::failed(Reason::Dependency, "the list of RDAP servers was not read");
        }
        _ => return Observation::absent(),
    };
    match ask(context, zone, base).await {
        Ok(found) => Observation::observed(found),
        Err(error) => error.observation(),
    }
}

async fn ask(context: &Context, zone: &str, base: &Url) -> Result<DomainRegistration, NetError> {
    let url = Url::parse(&format!("{}/domain/{zone}", base.as_str().trim_end_matches('/')))
        .map_err(|e| NetError::new(Reason::Other, format!("{base} is no address of an RDAP server: {e}")))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let address = address(context, &url).await?;
    let target = context
        .scope
        .registry(zone, host, address, port)
        .map_err(|not_ours| NetError::new(Reason::NotOurs, not_ours.to_string()))?;
    let stream = tls::open_trusted(context, &target, Act::passive(port), host).await?;
    let named = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let request = HttpRequest { method: "GET", host: named, path: url.path().to_owned(), body_cap: BODY_CAP };
    let outcome = fetch(stream, &request, context.net.answer_time() * 2).await;
    let reply = outcome.map_err(|e| NetError::new(e.reason, format!("GET {url}: {}", e.detail)))?;
    read(zone, &url, &reply)
}

async fn address(context: &Context, url: &Url) -> Result<IpAddr, NetError> {
    let host = match url.host() {
        Some(Host::Ipv4(address)) => return Ok(address.into()),
        Some(Host::Ipv6(address)) => return Ok(address.into()),
        Some(Host::Domain(host)) => host,
        None => return Err(NetError::new(Reason::Other, format!("{url} names no host"))),
    };
    let (addresses, failure) = both_families(context, host).await;
    addresses.first().copied().ok_or_else(|| {
        let why = failure.unwrap_or_else(|| "it has none".into());
        NetError::new(Reason::Dependency, format!("the address of {host} could not be learned: {why}"))
    })
}

/// What of an answer is read (RFC 9083 §4.5, §4.6, §5.3).
#[derive(Deserialize)]
struct Domain {
    #[serde(rename = "objectClassName")]
    class: String,
    #[serde(rename = "ldhName")]
    name: Option<String>,
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    status: Vec<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "eventAction", default)]
    action: String,
    #[serde(rename = "eventDate", default)]
    date: String,
}

pub(super) fn read(zone: &str, url: &Url, reply: &HttpReply) -> Result<DomainRegistration, NetError> {
    let fault = |reason, what: &str| NetError::new(reason, format!("GET {url}: {what}"));
    match reply.status {
        200 => {}
        301..=308 => {
            return Err(fault(Reason::NotOurs, "it redirects to another server, which the estate does not name"));
        }
        404 => return Err(fault(Reason::Other, "the registry has no such domain (404)")),
        429 | 503 => return Err(fault(Reason::Throttled, &format!("it answered {}", reply.status))),
        status => return Err(fault(Reason::Other, &format!("it answered {status}"))),
    }
    if reply.cut {
        return Err(fault(Reason::TooLarge, "the answer is larger than 256 kB"));
    }
    let domain: Domain = serde_json::from_slice(&reply.body)
        .map_err(|e| fault(Reason::Garbage, &format!("the answer is no RDAP: {}", printable(&e.to_string(), 200))))?;
    let same = |name: &String| name.trim_end_matches('.').eq_ignore_ascii_case(zone);
    if domain.class != "domain" || !domain.name.as_ref().is_none_or(same) {
        return Err(fault(Reason::Garbage, "the answer is about something else"));
    }
    let mut ends = None;
    for event in domain.events.iter().take(MOST_WORDS).filter(|event| event.action.eq_ignore_ascii_case("expiration")) {
        let date = Timestamp::parse(&event.date)
            .map_err(|_| fault(Reason::Garbage, &format!("'{}' is no date", printable(&event.date, 40))))?;
        ends = Some(date);
    }
    let words = domain.status.iter().take(MOST_WORDS).map(|word| printable(&word.to_ascii_lowercase(), 64));
    let statuses: BTreeSet<String> = words.collect();
    Ok(DomainRegistration { url: url.to_string(), ends, statuses: statuses.into_iter().collect() })
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
