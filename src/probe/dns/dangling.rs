//! Names that records point to: whether they are there, and whether the domain they lie in is registered at all. Only the
//! resolver is asked; what is looked for in an answer is the difference between *no such name*, *no data* and *could not ask*.

use futures_util::future::join_all;
use hickory_resolver::proto::rr::RecordType;
use psl::Type;

use super::ask::{End, Reply, ask};
use super::records::name_text;
use crate::facts::{NameServer, NamedTarget, Observation};
use crate::probe::Context;

/// How many names of one zone are asked for.
const MAX_NAMES: usize = 32;

/// The end of a host's alias chain, by the answers for its addresses; absent if there is no alias.
pub(super) async fn alias_target(context: &Context, a: &Reply, aaaa: &Reply) -> Observation<NamedTarget> {
    let replies = [a, aaaa];
    let Some(name) = replies.iter().find_map(|reply| reply.aliases.last()).map(name_text) else {
        let learned = replies.iter().any(|reply| !matches!(reply.end, End::Failed(_)));
        return match &a.end {
            End::Failed(error) if !learned => error.observation(),
            _ => Observation::absent(),
        };
    };
    Observation::observed(named(context, name, answer(&replies)).await)
}

/// The names of a zone's servers. Those with a known address are there; the others are asked for.
pub(super) async fn name_servers(
    context: &Context,
    ns: &Observation<Vec<String>>,
    servers: &Observation<Vec<NameServer>>,
) -> Observation<Vec<NamedTarget>> {
    let names = match (ns.value(), ns.unobserved()) {
        (Some(names), _) => names,
        (None, Some(why)) => return why.cast(),
        (None, None) => return Observation::absent(),
    };
    let addressed = |name: &str| {
        servers.value().into_iter().flatten().any(|server| server.name == name && !server.address.is_empty())
    };
    let look = |name: &String| {
        let (name, known) = (name.clone(), addressed(name));
        async move {
            let found = if known {
                Observation::observed("addresses".to_owned())
            } else {
                answer(&[&ask(context, &name, RecordType::A).await])
            };
            named(context, name, found).await
        }
    };
    Observation::observed(join_all(names.iter().take(MAX_NAMES).map(look)).await)
}

async fn named(context: &Context, name: String, answer: Observation<String>) -> NamedTarget {
    let registered = match answer.value() {
        Some(word) if word == "addresses" => Observation::observed(true),
        _ => registered(context, &name).await,
    };
    NamedTarget { name, answer, registered }
}

/// One answer with addresses, or one that denies the name, says it for every type (RFC 8020 §2). That there is nothing to a
/// name that exists takes an answer to each question.
fn answer(replies: &[&Reply]) -> Observation<String> {
    let any = |is: fn(&End) -> bool| replies.iter().any(|reply| is(&reply.end));
    if any(|end| matches!(end, End::Records(_))) {
        return Observation::observed("addresses".into());
    }
    if any(|end| matches!(end, End::NxDomain)) {
        return Observation::observed("no-name".into());
    }
    let failure = replies.iter().find_map(|reply| match &reply.end {
        End::Failed(error) => Some(error.observation()),
        _ => None,
    });
    failure.unwrap_or_else(|| Observation::observed("no-data".into()))
}

/// Whether the domain that a registry gives out for the name exists; absent where there is none, as below a suffix of a provider
/// that hands out names itself.
async fn registered(context: &Context, name: &str) -> Observation<bool> {
    let Some(domain) = registrable(name) else { return Observation::absent() };
    match ask(context, domain, RecordType::SOA).await.end {
        End::NxDomain => Observation::observed(false),
        End::Records(_) | End::NoData => Observation::observed(true),
        End::Failed(error) => Observation::failed(error.reason, error.detail),
    }
}

/// By the part of the public suffix list that registries are responsible for.
fn registrable(name: &str) -> Option<&str> {
    let suffix = psl::suffix(name.as_bytes())?;
    if suffix.typ() == Some(Type::Private) { None } else { psl::domain_str(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Reason;
    use crate::net::NetError;

    fn reply(end: End) -> Reply {
        Reply { aliases: Vec::new(), end, ttl: None }
    }
    fn word(ends: [End; 2]) -> Result<String, Reason> {
        let [a, aaaa] = ends.map(reply);
        match answer(&[&a, &aaaa]) {
            Observation::Observed { value, .. } => Ok(value),
            Observation::Failed { reason, .. } => Err(reason),
            other => panic!("{other:?}"),
        }
    }
    fn failed(reason: Reason) -> End {
        End::Failed(NetError::new(reason, "asking"))
    }

    #[test]
    fn no_name_no_data_and_could_not_ask_are_three_answers() {
        assert_eq!(word([End::NxDomain, End::NxDomain]), Ok("no-name".into()));
        assert_eq!(word([End::NxDomain, failed(Reason::Timeout)]), Ok("no-name".into()));
        assert_eq!(word([End::NoData, End::NoData]), Ok("no-data".into()));
        assert_eq!(word([End::Records(Vec::new()), failed(Reason::Timeout)]), Ok("addresses".into()));
        assert_eq!(word([End::NoData, failed(Reason::Servfail)]), Err(Reason::Servfail));
        assert_eq!(word([failed(Reason::Servfail), failed(Reason::Timeout)]), Err(Reason::Servfail));
    }

    #[test]
    fn below_a_provider_that_gives_out_names_there_is_no_registration_to_ask_for() {
        assert_eq!(registrable("www.cec.example"), Some("cec.example"));
        assert_eq!(registrable("a.b.co.uk"), Some("b.co.uk"));
        assert_eq!(registrable("results.azurewebsites.net"), None);
        assert_eq!(registrable("results.github.io"), None);
        assert_eq!(registrable("example"), None);
    }
}
