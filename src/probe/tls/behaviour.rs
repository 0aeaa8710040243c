//! Hellos with one peculiarity each: what the server makes of it.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::answer::{Depth, ServerHello};
use super::asker::{Asker, Heard};
use super::hello::{Hello, Name, extension};
use super::names;
use super::resume;
use super::versions::{CHUNK, Found, VERSIONS};
use crate::facts::{Behaviour, Naming, Observation, Reason, Resumption, Unobserved};
use crate::net::NetError;

/// What is asked for by ALPN (IANA TLS ALPN protocol ids), what browsers ask for first.
const PROTOCOLS: [&str; 5] = ["h2", "http/1.1", "http/1.0", "spdy/3.1", "acme-tls/1"];
/// A name that is nobody's (RFC 6761 §6.4).
const NOBODY: &str = "scrutineer.invalid";
/// How often an equal question is asked.
const REPEATS: usize = 2;
/// Reserved to be ignored (RFC 8701 §2).
const GREASE: u16 = 0x8A8A;

/// The newest version below TLS 1.3 that is offered, with its suites: in it features are in the clear.
fn legacy(found: &[Found; 5]) -> Result<(u16, Vec<u16>), Unobserved> {
    let below = || VERSIONS.into_iter().zip(found).rev().skip(1);
    let offering = below().find_map(|(version, found)| {
        let suites = &found.suites.as_ref().ok()?.accepted;
        (!suites.is_empty()).then(|| (version, suites.clone()))
    });
    let unknown = || below().find_map(|(_, found)| found.version.unobserved());
    offering.ok_or_else(|| unknown().unwrap_or_else(Unobserved::absent))
}

/// Asks everything that plaintext hellos tell.
///
/// `chosen` is the protocol that a current client was given by ALPN, if it was.
pub(super) async fn look(asker: &Asker<'_>, found: &[Found; 5], chosen: Option<&str>) -> Behaviour {
    let (seen, scsv, intolerant_of, alpn) = futures_util::join!(
        features(asker, found),
        fallback_scsv(asker, found),
        intolerant_of(asker, found),
        alpn(asker, found, chosen),
    );
    let (without_name, unknown_name) = names(asker, found, seen.leaf.as_deref()).await;
    Behaviour { fallback_scsv: scsv, intolerant_of, alpn, without_name, unknown_name, ..seen.behaviour }
}

/// What equal hellos with every feature brought.
struct Seen {
    behaviour: Behaviour,
    /// The certificate that they got.
    leaf: Option<Vec<u8>>,
}

/// One hello that offers everything, several times.
async fn features(asker: &Asker<'_>, found: &[Found; 5]) -> Seen {
    let (version, suites) = match legacy(found) {
        Ok(legacy) => legacy,
        Err(why) => return Seen { behaviour: modern_only(asker, found, &why).await, leaf: None },
    };
    let hello = everything(version, &suites);
    let (heard, encrypt_then_mac) = futures_util::join!(
        join_all((0..REPEATS).map(|_| hear(asker, &hello, Depth::Flight))),
        encrypt_then_mac(asker, version, &suites),
    );
    let mut answers: Vec<ServerHello> = Vec::new();
    let mut error = None;
    for outcome in heard {
        match outcome {
            Ok(answer) => answers.push(answer),
            Err(e) => error = Some(e),
        }
    }
    let Some(first) = answers.first().cloned() else {
        let why = error.unwrap_or_else(|| NetError::new(Reason::Other, "no answer"));
        return Seen { behaviour: Behaviour::unobserved(&why.observation()), leaf: None };
    };
    let has = |kind: u16| Observation::observed(first.extension(kind).is_some());
    let below_extensions = version == 0x0300;
    let extended = |kind: u16| if below_extensions { Observation::observed(false) } else { has(kind) };
    let unsteady = match error {
        Some(error) if !differ(&answers) => error.observation(),
        _ => Observation::observed(differences(&answers)),
    };
    let ticket = first.extension(extension::SESSION_TICKET).is_some();
    let behaviour = Behaviour {
        secure_renegotiation: has(extension::RENEGOTIATION_INFO),
        extended_master_secret: extended(extension::EXTENDED_MASTER_SECRET),
        encrypt_then_mac,
        compression: Observation::observed(first.compression != 0),
        heartbeat: extended(extension::HEARTBEAT),
        resumption: Observation::observed(Resumption { ticket: Some(ticket), ..Resumption::default() }),
        unsteady,
        ..Behaviour::default()
    };
    Seen { behaviour, leaf: first.certificates.first().cloned() }
}

/// What TLS 1.3 leaves of it: the rest is built in or encrypted.
async fn modern_only(asker: &Asker<'_>, found: &[Found; 5], why: &Unobserved) -> Behaviour {
    let base = Behaviour::unobserved(why);
    let suites = match &found[4].suites {
        Ok(sorted) if matches!(why, Observation::Absent { .. }) => &sorted.accepted,
        _ => return base,
    };
    let hello = Hello { share: found[4].needs_share, ..Hello::new(0x0304) }.suites(suites);
    let mut answers = Vec::new();
    for _ in 0..REPEATS {
        match hear(asker, &hello, Depth::Hello).await {
            Ok(answer) => answers.push(answer),
            Err(error) => return Behaviour { unsteady: error.observation(), ..base },
        }
    }
    Behaviour { unsteady: Observation::observed(differences(&answers)), ..base }
}

fn everything(version: u16, suites: &[u16]) -> Hello {
    let mut hello = Hello::new(version).suites(&suites[..suites.len().min(CHUNK)]);
    hello.compressions = vec![1];
    hello
        .extra(extension::RENEGOTIATION_INFO, &[0])
        .extra(extension::ENCRYPT_THEN_MAC, &[])
        .extra(extension::SESSION_TICKET, &[])
        .extra(extension::HEARTBEAT, &[1])
        .extra(extension::STATUS_REQUEST, &[1, 0, 0, 0, 0])
        .extra(extension::SCT, &[])
}

/// It shows only with a suite that has a MAC.
async fn encrypt_then_mac(asker: &Asker<'_>, version: u16, suites: &[u16]) -> Observation<bool> {
    let cbc: Vec<u16> =
        suites.iter().copied().filter(|suite| names::suite(*suite).contains("_CBC_")).take(CHUNK).collect();
    if cbc.is_empty() || version == 0x0300 {
        return Observation::absent();
    }
    let hello = Hello::new(version).suites(&cbc).extra(extension::ENCRYPT_THEN_MAC, &[]);
    match hear(asker, &hello, Depth::Hello).await {
        Ok(answer) => Observation::observed(answer.extension(extension::ENCRYPT_THEN_MAC).is_some()),
        Err(error) => error.observation(),
    }
}

fn differ(answers: &[ServerHello]) -> bool {
    !differences(answers).is_empty()
}

/// What equal questions were answered differently, in words.
fn differences(answers: &[ServerHello]) -> Vec<String> {
    let count = |of: &dyn Fn(&ServerHello) -> Vec<u8>| answers.iter().map(of).collect::<BTreeSet<_>>().len();
    let mut out = Vec::new();
    let mut say = |n: usize, what: &str| {
        if n > 1 {
            out.push(format!("{n} {what}"));
        }
    };
    say(count(&|answer| answer.version.to_be_bytes().to_vec()), "versions");
    say(count(&|answer| answer.suite.to_be_bytes().to_vec()), "suites");
    say(count(&|answer| answer.certificates.first().cloned().unwrap_or_default()), "certificates");
    say(count(&|answer| answer.certificates.concat()), "chains");
    // The order of extensions may change by design; the staple may come and go while it is fetched.
    let kinds = |answer: &ServerHello| -> BTreeSet<u16> {
        answer.extensions.iter().map(|(kind, _)| *kind).filter(|kind| *kind != extension::STATUS_REQUEST).collect()
    };
    say(count(&|answer| kinds(answer).into_iter().flat_map(u16::to_be_bytes).collect()), "sets of extensions");
    say(count(&|answer| answer.group().map(u16::to_be_bytes).unwrap_or_default().to_vec()), "groups");
    out
}

/// A hello in a lower version that says so: the server must stop it with inappropriate_fallback (RFC 7507 §3).
async fn fallback_scsv(asker: &Asker<'_>, found: &[Found; 5]) -> Observation<bool> {
    let mut offered = Vec::new();
    for (version, found) in VERSIONS.into_iter().zip(found).rev() {
        match &found.version {
            Observation::Observed { value, .. } if value.offered => offered.push((version, found)),
            Observation::Observed { .. } => {}
            other => match other.unobserved() {
                Some(why) if offered.len() < 2 => return why.cast(),
                _ => {}
            },
        }
    }
    let Some((version, lower)) = offered.get(1) else { return Observation::absent() };
    let suites = match &lower.suites {
        Ok(sorted) => sorted.accepted.clone(),
        Err(why) => return why.cast(),
    };
    let mut hello = Hello::new(*version).suites(&suites[..suites.len().min(CHUNK - 2)]);
    hello.fallback = true;
    match asker.ask(&hello, Depth::Hello).await {
        Ok(Heard::Alert(86)) => Observation::observed(true),
        Ok(Heard::Hello(_)) => Observation::observed(false),
        // Stopped, if not by the right word.
        Ok(Heard::Alert(40 | 70)) => Observation::observed(true),
        Ok(Heard::Alert(code)) => {
            Observation::failed(Reason::Other, format!("answered with the alert {}", names::alert(code)))
        }
        Ok(Heard::Dropped(_)) => Observation::observed(true),
        Err(error) => error.observation(),
    }
}

/// Hellos without name and with a stranger's.
async fn names(
    asker: &Asker<'_>,
    found: &[Found; 5],
    leaf: Option<&[u8]>,
) -> (Observation<Naming>, Observation<Naming>) {
    let (version, suites) = match (legacy(found), &found[4].suites) {
        (Ok(legacy), _) => legacy,
        (Err(_), Ok(sorted)) => (0x0304, sorted.accepted.clone()),
        (Err(why), _) => return (why.cast(), why.cast()),
    };
    let ask = async |name| {
        let base = if version == 0x0304 {
            Hello { share: found[4].needs_share, ..Hello::new(version) }.suites(&suites)
        } else {
            everything(version, &suites)
        };
        match asker.ask(&base.name(name), Depth::Flight).await {
            Ok(heard) => naming(asker, heard, leaf),
            Err(error) => error.observation(),
        }
    };
    futures_util::join!(ask(Name::None), ask(Name::Other(NOBODY)))
}

fn naming(asker: &Asker<'_>, heard: Heard, leaf: Option<&[u8]>) -> Observation<Naming> {
    let said = |answer: &str, detail: Option<String>| Observation::observed(Naming { answer: answer.into(), detail });
    match heard {
        Heard::Alert(code) => said("refused", Some(format!("alert {}", names::alert(code)))),
        Heard::Dropped(_) => said("refused", Some("connection closed".into())),
        Heard::Hello(answer) => match (answer.certificates.first(), leaf) {
            (Some(other), Some(leaf)) if other == leaf => said("same-certificate", None),
            (Some(_), None) => {
                Observation::failed(Reason::Dependency, "the certificate for the host's own name was not seen")
            }
            (Some(other), Some(_)) => said("other-certificate", Some(asker.context.keep(other))),
            (None, _) => said("accepted", None),
        },
    }
}

/// What such hellos have in them.
const WORDS: [&str; 3] = [
    "values reserved for the future (GREASE, RFC 8701)",
    "hellos as long as post-quantum key shares make them",
    "a version newer than it knows",
];

/// Well-formed hellos that old servers and boxes before them stumble over.
async fn intolerant_of(asker: &Asker<'_>, found: &[Found; 5]) -> Observation<Vec<String>> {
    let mut suites: Vec<u16> = Vec::new();
    for found in found.iter().rev().take(2) {
        suites.extend(found.suites.iter().flat_map(|sorted| sorted.accepted.iter().take(CHUNK / 2)));
    }
    if suites.is_empty() {
        return match legacy(found) {
            // Only versions that current clients no longer speak.
            Ok(_) | Err(Observation::Absent { .. }) => Observation::absent(),
            Err(why) => why.cast(),
        };
    }
    let modern =
        [(WORDS[0], Hello::browser(&suites, Some(GREASE), 0)), (WORDS[1], Hello::browser(&suites, None, 1800))];
    // Both at once, and one by one only if that is turned away.
    let mut hellos = match asker.ask(&Hello::browser(&suites, Some(GREASE), 1800), Depth::Hello).await {
        Ok(Heard::Hello(_)) => Vec::new(),
        _ => modern.into(),
    };
    if let Ok((version @ 0x0301.., suites)) = legacy(found) {
        let mut newer = Hello::new(version).suites(&suites[..suites.len().min(CHUNK)]);
        newer.claimed = Some(0x0305);
        hellos.push((WORDS[2], newer));
    }
    let mut refused = Vec::new();
    let answers = join_all(hellos.iter().map(|(_, hello)| asker.ask(hello, Depth::Hello))).await;
    for ((what, _), answer) in hellos.into_iter().zip(answers) {
        match answer {
            Ok(Heard::Hello(_)) => {}
            Ok(Heard::Alert(_) | Heard::Dropped(_)) => refused.push(what.to_owned()),
            // Hangs at it, and only at it: that is the intolerance that visitors feel.
            Err(error) if error.reason == Reason::Timeout && asker.is_there().await => refused.push(what.to_owned()),
            Err(error) => return error.observation(),
        }
    }
    // Who turns away any current hello is not intolerant of what is peculiar in these.
    if !refused.is_empty()
        && let Err(error) = hear(asker, &Hello::browser(&suites, None, 0), Depth::Hello).await
    {
        return error.observation();
    }
    Observation::observed(refused)
}

/// Protocols by removal; in TLS 1.3 the answer is encrypted.
async fn alpn(asker: &Asker<'_>, found: &[Found; 5], chosen: Option<&str>) -> Observation<Vec<String>> {
    let (version, suites) = match legacy(found) {
        Ok((0x0300, _)) => return Observation::absent(),
        Ok(legacy) => legacy,
        // In TLS 1.3 alone the answer is encrypted.
        Err(Observation::Absent { .. }) if found[4].suites.is_ok() => {
            return resume::protocols(asker, &PROTOCOLS).await;
        }
        Err(why) => return why.cast(),
    };
    let mut left = PROTOCOLS.to_vec();
    let mut accepted = Vec::new();
    if let Some(at) = left.iter().position(|name| Some(*name) == chosen) {
        accepted.push(left.remove(at).to_owned());
    }
    while !left.is_empty() {
        let list: Vec<u8> = left.iter().flat_map(|name| [&[name.len() as u8][..], name.as_bytes()].concat()).collect();
        let body = [&(list.len() as u16).to_be_bytes()[..], &list].concat();
        let hello = Hello::new(version).suites(&suites[..suites.len().min(CHUNK)]).extra(extension::ALPN, &body);
        let chosen = match asker.ask(&hello, Depth::Hello).await {
            Ok(Heard::Hello(answer)) => {
                answer.extension(extension::ALPN).and_then(|body| body.get(3..)).map(<[u8]>::to_vec)
            }
            // no_application_protocol (RFC 7301 §3.2).
            Ok(Heard::Alert(code)) if !names::refuses(code) => {
                let detail = format!("answered with the alert {}", names::alert(code));
                return Observation::failed(Reason::Other, detail);
            }
            Ok(Heard::Alert(_) | Heard::Dropped(_)) => None,
            Err(error) => return error.observation(),
        };
        let Some(at) = chosen.and_then(|chosen| left.iter().position(|name| name.as_bytes() == chosen)) else { break };
        accepted.push(left.remove(at).to_owned());
    }
    Observation::observed(accepted)
}

/// The ServerHello, if one comes.
async fn hear(asker: &Asker<'_>, hello: &Hello, depth: Depth) -> Result<ServerHello, NetError> {
    match asker.ask(hello, depth).await? {
        Heard::Hello(answer) => Ok(answer),
        Heard::Alert(code) => {
            let detail =
                format!("suites that were accepted before were answered with the alert {}", names::alert(code));
            Err(NetError::new(Reason::Other, detail))
        }
        Heard::Dropped(how) => Err(NetError::new(Reason::Other, format!("suites that were accepted before: {how}"))),
    }
}
