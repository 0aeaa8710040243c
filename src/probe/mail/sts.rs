//! MTA-STS (RFC 8461): the record that announces a policy, and the policy by one GET from its host. Redirects are not followed
//! (§3.3), and whether the certificate is valid for the host is told from what it showed.

use std::net::IpAddr;

use hickory_resolver::proto::rr::RecordType;

use super::inquiry::Inquiry;
use crate::facts::{Chain, Observation, PolicyAnswer, Reason};
use crate::net::{HttpRequest, NetError, fetch};
use crate::probe::Context;
use crate::probe::dns::{End, addresses};
use crate::scope::Act;

/// A policy is some lines; senders may stop at this size (§3.2).
const BODY_CAP: usize = 64 * 1024;

/// How many addresses of a family are tried until one answers.
const MAX_ADDRESSES: usize = 2;

/// The most certificates that are kept.
const CHAIN_CAP: usize = 16;

const PATH: &str = "/.well-known/mta-sts.txt";

/// The policy, where a record announces one and its host has an address; absent where not.
pub(super) async fn look(inquiry: &Inquiry<'_>, zone: &str) -> Observation<PolicyAnswer> {
    let record = inquiry.text(&format!("_mta-sts.{zone}")).await;
    let announces = record.value().is_some_and(|texts| texts.iter().any(|text| text.starts_with("v=STSv1")));
    if !announces {
        return record.and_then(|_, observed_at| Observation::Absent { observed_at });
    }
    let host = format!("mta-sts.{zone}");
    let mut outcome = Observation::absent();
    // IPv6 is asked for where IPv4 does not lead to the policy.
    for kind in [RecordType::A, RecordType::AAAA] {
        let known = match inquiry.ask(&host, kind).await.end {
            End::Records(records) => addresses(&records),
            End::NoData | End::NxDomain => continue,
            End::Failed(error) => {
                outcome = error.observation();
                continue;
            }
        };
        for address in known.into_iter().take(MAX_ADDRESSES) {
            outcome = match get(inquiry.context(), zone, &host, address).await {
                Ok(answer) => return Observation::observed(answer),
                Err(error) => error.observation(),
            };
        }
    }
    outcome
}

async fn get(context: &Context, zone: &str, host: &str, address: IpAddr) -> Result<PolicyAnswer, NetError> {
    let target =
        context.scope.policy_host(zone, address).map_err(|why| NetError::new(Reason::NotOurs, why.to_string()))?;
    let act = Act::passive(443);
    let stream = super::super::tls::open(context, &target, act, host, &[b"http/1.1"]).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates = shown.iter().take(CHAIN_CAP).map(|der| context.keep(der)).collect();
    let request = HttpRequest { method: "GET", host: host.to_owned(), path: PATH.into(), body_cap: BODY_CAP };
    let url = format!("https://{host}{PATH}");
    let reply = fetch(stream, &request, context.net.answer_time() * 2)
        .await
        .map_err(|e| NetError::new(e.reason, format!("GET {url} at {address}: {}", e.detail)))?;
    let media = reply.headers.get("content-type").and_then(|values| values.first());
    Ok(PolicyAnswer {
        url,
        address: address.to_string(),
        status: i64::from(reply.status),
        media: media.map(|value| crate::facts::printable(value, 200)),
        body: context.keep(&reply.body),
        cut: reply.cut,
        chain: Chain { certificates },
    })
}
