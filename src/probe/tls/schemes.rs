//! Signature schemes of TLS 1.3. The signature itself is encrypted, but a server settles on a scheme before its ServerHello (RFC 8446
//! §4.2.3, §4.4.2.2): a hello with a key share that it can use and one scheme is answered by a ServerHello or by an alert.

use futures_util::future::{BoxFuture, FutureExt};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::answer::Depth;
use super::asker::{Asker, Heard};
use super::enumerate::Sorted;
use super::exchange::observed;
use super::handshake;
use super::hello::{Hello, X25519, extension};
use super::names::{self, SIGNATURES};
use super::versions::Found;
use crate::facts::{Chain, Enumerated, Observation, Reason, Unobserved};
use crate::net::NetError;

/// Groups whose key shares can be made here, the cheapest first.
const SHARES: [u16; 10] = [X25519, 23, 24, 25, 30, 256, 257, 258, 259, 260];
/// A scheme that nobody has (RFC 8701 §2).
const NONSENSE: u16 = 0x8A8A;

/// Asks for every scheme: those that fit the certificates one by one, all others together, and what is accepted of them by halves.
pub(super) async fn look(
    asker: &Asker<'_>,
    found: &Found,
    group: u16,
    chain: &Observation<Chain>,
) -> Observation<Enumerated> {
    let suites = match &found.suites {
        Ok(sorted) => sorted.accepted.as_slice(),
        Err(why) => return why.cast(),
    };
    let mut hello = Hello::new(0x0304).suites(suites).groups(&[group]);
    hello.share = true;
    if group != X25519 {
        hello.point = handshake::public_key(group).map(|point| (group, point));
    }
    let question = Question { asker, hello };
    let fitting = fitting(asker, chain);
    let (likely, others): (Vec<u16>, Vec<u16>) =
        names::codes(SIGNATURES).into_iter().partition(|scheme| fitting.contains(scheme));
    let (likely, (others, several)) = futures_util::join!(question.each(likely), question.sorted(others));
    let sorted = likely.join(others);
    if several.is_empty() {
        return observed(sorted, names::signature);
    }
    match question.takes(&[NONSENSE]).await {
        Ok(false) => observed(sorted.join(question.both(several).await), names::signature),
        Ok(true) => {
            let detail =
                "a hello with a signature scheme that nobody has was answered, too: the list is not looked at before";
            Observation::failed(Reason::Other, detail)
        }
        Err(error) => observed(sorted.join(Sorted::unknown(several, &error)), names::signature),
    }
}

/// A group to send a share of, if one was chosen already.
pub(super) fn share_of(asker: &Asker<'_>, found: &Found) -> Option<u16> {
    let chosen = asker.groups();
    if found.needs_share { Some(X25519) } else { SHARES.into_iter().find(|group| chosen.contains(group)) }
}

/// A group to send a share of, among all that are accepted.
pub(super) fn share_among(groups: &Observation<Enumerated>) -> Result<u16, Unobserved> {
    let Some(accepted) = groups.value().map(|groups| &groups.accepted) else {
        return Err(groups.unobserved().unwrap_or_else(Unobserved::absent));
    };
    let takes = |group: &u16| accepted.iter().any(|item| item.code == i64::from(*group));
    SHARES.into_iter().find(takes).ok_or_else(|| {
        let detail =
            "a hello with one scheme needs a key share, and the server takes no group that one is made of here";
        Unobserved::not_run(Reason::Unsupported, detail)
    })
}

/// The schemes that fit the keys of the certificates that were seen (RFC 8446 §4.2.3).
fn fitting(asker: &Asker<'_>, chain: &Observation<Chain>) -> Vec<u16> {
    let first = chain.value().and_then(|chain| chain.certificates.first());
    let first = first.and_then(|digest| asker.context.kept(digest));
    let sightings = asker.sightings();
    let others = sightings.chains().iter().filter_map(|chain| chain.first().cloned());
    let mut out: Vec<u16> = first.into_iter().chain(others).flat_map(|leaf| of_key(&leaf)).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// By the algorithm of the key, and of an elliptic curve by the curve.
fn of_key(leaf: &[u8]) -> Vec<u16> {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let algorithm = &certificate.public_key().algorithm;
    let curve = algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
    match (algorithm.algorithm.to_id_string().as_str(), curve.as_deref()) {
        ("1.2.840.113549.1.1.1", _) => vec![0x0804, 0x0805, 0x0806],
        ("1.2.840.113549.1.1.10", _) => vec![0x0809, 0x080A, 0x080B],
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => vec![0x0403],
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => vec![0x0503],
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => vec![0x0603],
        ("1.3.101.112", _) => vec![0x0807],
        ("1.3.101.113", _) => vec![0x0808],
        _ => Vec::new(),
    }
}

struct Question<'a> {
    asker: &'a Asker<'a>,
    hello: Hello,
}

impl Question<'_> {
    /// One by one: each answer is one scheme's.
    async fn each(&self, schemes: Vec<u16>) -> Sorted {
        let asked = schemes.into_iter().map(|scheme| async move { self.sorted(vec![scheme]).await.0 });
        futures_util::future::join_all(asked).await.into_iter().fold(Sorted::default(), Sorted::join)
    }

    /// Together: a refusal is that of all. Which one was accepted is not said, so both halves are asked.
    fn halves(&self, schemes: Vec<u16>) -> BoxFuture<'_, Sorted> {
        async move {
            let (sorted, several) = self.sorted(schemes).await;
            if several.is_empty() { sorted } else { self.both(several).await }
        }
        .boxed()
    }

    async fn both(&self, mut schemes: Vec<u16>) -> Sorted {
        let second = schemes.split_off(schemes.len() / 2);
        let (first, second) = futures_util::join!(self.halves(schemes), self.halves(second));
        first.join(second)
    }

    /// What one answer says, and of which several schemes one is accepted at least.
    async fn sorted(&self, schemes: Vec<u16>) -> (Sorted, Vec<u16>) {
        if schemes.is_empty() {
            return (Sorted::default(), schemes);
        }
        match self.takes(&schemes).await {
            Ok(true) if schemes.len() == 1 => (Sorted { accepted: schemes, ..Sorted::default() }, Vec::new()),
            Ok(true) => (Sorted::default(), schemes),
            Ok(false) => (Sorted::refused(schemes), Vec::new()),
            Err(error) => (Sorted::unknown(schemes, &error), Vec::new()),
        }
    }

    /// Whether the server goes on with one of these.
    async fn takes(&self, schemes: &[u16]) -> Result<bool, NetError> {
        // What signs the certificates is another question, and stays open to everything (RFC 8446 §4.2.3).
        let all: Vec<u8> = SIGNATURES.iter().flat_map(|(code, _)| code.to_be_bytes()).collect();
        let all = [&(all.len() as u16).to_be_bytes()[..], &all].concat();
        let hello = self.hello.clone().signatures(schemes).extra(extension::CERTIFICATE_SIGNATURES, &all);
        match self.asker.ask(&hello, Depth::Hello).await? {
            Heard::Hello(answer) if answer.version == 0x0304 && !answer.retry => Ok(true),
            Heard::Hello(answer) if answer.retry => {
                Err(NetError::new(Reason::Other, "the server asked for another key share than of a group it takes"))
            }
            Heard::Hello(_) | Heard::Dropped(_) => Ok(false),
            Heard::Alert(code) if names::refuses(code) => Ok(false),
            // Some servers have no better word for it; others say it of themselves.
            Heard::Alert(code) => {
                let detail = format!("answered with the alert {}, which refuses nothing", names::alert(code));
                Err(NetError::new(Reason::Other, detail))
            }
        }
    }
}
