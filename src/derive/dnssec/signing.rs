//! What each of the zone's own servers signs and proves: the table that explains a state.

use std::collections::{BTreeMap, BTreeSet};

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC3, RRSIG};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::checker::{Checker, Examined, Moment, Unproven, moment, together};
use super::child::{self, Asked};
use super::denial::{self, Proof};
use super::keys::{algorithm, matches, usable};
use super::own::{Answer, Answers};
use super::rrset::RrSet;
use super::times::times;
use super::walk::{Stop, enter};
use crate::derive::message::{Said, name_text, parse_name};
use crate::facts::{
    ChildSigner, DenialMethod, DenialProof, LIST_CAP, NameServer, Observation, Proven, Reason, ServerSigning,
    SetSignature, SignedSet, Signing, SigningAlgorithm, Span, Timestamp, Unobserved, VouchedKey,
};

/// Record sets without a signature of an algorithm, that are shown.
const SHOWN: usize = 16;
/// Reasons that stand in one sentence.
const REASONS: usize = 3;

/// The table of all servers; absent for a zone that is not signed and has no DS.
pub(super) fn explain(
    zone: &Name,
    vouched: &Result<Vec<DS>, Stop>,
    answers: &Answers<'_>,
    servers: &[NameServer],
    moment: &Moment,
) -> Observation<Signing> {
    let names: Vec<&str> =
        servers.iter().filter(|s| !s.address.is_empty()).map(|s| s.server.as_str()).take(LIST_CAP).collect();
    let views: Vec<View<'_>> = names.iter().map(|server| View::new(zone, vouched, answers, server, moment)).collect();
    let is_unsigned = matches!(vouched, Err(Stop::Insecure(_))) && views.iter().all(|view| view.keys.is_empty());
    if is_unsigned && views.iter().any(|view| view.dnskey.is_some()) {
        return Observation::Absent { observed_at: answers.at };
    }
    if views.iter().all(|view| view.dnskey.is_none()) {
        return Observation::Failed {
            observed_at: answers.at,
            reason: Reason::Dependency,
            detail: "no server of the zone told its DNSKEY records".into(),
        };
    }
    let signing: Vec<ServerSigning> = views.iter().map(View::table).collect();
    let sets: Vec<(&str, &SignedSet)> =
        signing.iter().flat_map(|one| one.sets.iter().map(|set| (one.server.as_str(), set))).collect();
    let ds = vouched.as_deref().unwrap_or_default();
    let value = Signing {
        delegation: delegation(zone, ds, &views),
        algorithms: algorithms(ds, &views, &sets),
        denial: method(&views, answers.at),
        child: asked(zone, &views, &sets, answers.at),
        times: match times(&sets, moment.now) {
            Some(value) => Observation::Observed { observed_at: answers.at, value },
            None => nothing(views.iter().flat_map(|view| view.apex.values()), answers.at),
        },
        servers: signing,
    };
    Observation::Observed { observed_at: answers.at, value }
}

/// One server.
struct View<'a> {
    server: &'a str,
    zone: &'a Name,
    /// Answers about the zone's own name by type; about names below it that were asked for, and about one that is not there.
    apex: BTreeMap<&'a str, &'a Answer<'a>>,
    below: BTreeMap<(Name, RecordType), &'a Answer<'a>>,
    missing: Vec<&'a Answer<'a>>,
    /// Its DNSKEY records, if it told.
    dnskey: Option<RrSet>,
    keys: Vec<DNSKEY>,
    /// The zone's keys as this server gives them.
    checker: Checker,
    /// Whether those are vouched for, and if not, what that makes of everything else.
    trust: Result<(), Stop>,
    now: Timestamp,
}

impl<'a> View<'a> {
    fn new(
        zone: &'a Name,
        vouched: &Result<Vec<DS>, Stop>,
        answers: &'a Answers<'a>,
        server: &'a str,
        moment: &Moment,
    ) -> Self {
        let mut apex: BTreeMap<&str, &Answer<'_>> = BTreeMap::new();
        let mut below: BTreeMap<(Name, RecordType), &Answer<'_>> = BTreeMap::new();
        for answer in answers.plain().filter(|answer| answer.question.server == server) {
            let Some(name) = parse_name(&answer.question.name).filter(|name| zone.zone_of(name)) else { continue };
            let place = if name == *zone {
                apex.entry(&answer.question.record_type).or_insert(answer)
            } else {
                let Ok(kind) = answer.question.record_type.parse() else { continue };
                below.entry((name, kind)).or_insert(answer)
            };
            if place.outcome.is_err() {
                *place = answer;
            }
        }
        let told = apex.get("DNSKEY").and_then(|answer| usable_answer(answer).ok());
        let dnskey = told.map(|said| RrSet::answer(&said.message, zone, RecordType::DNSKEY));
        let keys: Vec<DNSKEY> = dnskey.iter().flat_map(RrSet::keys).filter(DNSKEY::zone_key).collect();
        let trust = vouched.clone().and_then(|ds| match &dnskey {
            Some(dnskey) => enter(zone, &ds, dnskey, moment),
            None => Err(Stop::Indeterminate(format!("{server} did not tell its DNSKEY records"))),
        });
        // Where nobody vouches for them, they are taken at their word: it shows what would hold.
        let at_their_word = || Checker::new(zone.clone(), keys.clone(), moment);
        let (checker, trust) = match trust {
            Ok(checker) => (checker, Ok(())),
            Err(stop) => (at_their_word(), Err(stop)),
        };
        let missing = answers.of(server, "missing-name").collect();
        Self { server, zone, apex, below, missing, dnskey, keys, checker, trust, now: moment.now }
    }

    fn table(&self) -> ServerSigning {
        let mut sets = Vec::new();
        let mut denials = Vec::new();
        for (kind, answer) in &self.apex {
            let Ok(kind) = kind.parse::<RecordType>() else { continue };
            match usable_answer(answer) {
                Err(why) => sets.push(unknown(kind.to_string(), kind, why)),
                Ok(said) => match RrSet::answer(&said.message, self.zone, kind) {
                    rrset if rrset.records.is_empty() => denials.push(self.denial_of_type(said, self.zone, kind)),
                    rrset => sets.push(self.set(&rrset)),
                },
            }
        }
        for ((name, kind), answer) in &self.below {
            match self.exact(answer, name, *kind) {
                _ if self.says_nothing(answer, name) => {}
                Some(rrset) if rrset.signatures.is_empty() && !is_never_a_cut(self.zone, name) => {
                    sets.push(unknown(set_name(self.zone, &rrset), *kind, MAYBE_ANOTHERS.into()));
                }
                Some(rrset) => sets.push(self.set(&rrset)),
                None => denials.extend(self.missing(answer)),
            }
        }
        denials.extend(self.missing.iter().filter_map(|answer| self.missing(answer)));
        let answers = self.worst(sets.iter().map(|set| (set.set.as_str(), &*set.status, &*set.reason)));
        let absences = self.worst(denials.iter().map(|one| (&*one.question, &*one.status, &*one.reason)));
        sets.truncate(LIST_CAP);
        denials.truncate(LIST_CAP);
        ServerSigning { server: self.server.to_owned(), answers, absences, sets, denials }
    }

    /// An answer about a name below the zone's own that is no word of the zone: a referral, one without signatures because they were not
    /// asked for, one of another zone that the same server has.
    fn says_nothing(&self, answer: &Answer<'_>, name: &Name) -> bool {
        let Ok(said) = &answer.outcome else { return false };
        let message = &said.message;
        let is_below = |other: &Name| other != self.zone && self.zone.zone_of(other) && other.zone_of(name);
        let of_another = |record: &Record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => is_below(&signature.input().signer_name),
            RData::SOA(_) => is_below(&record.name),
            _ => false,
        };
        let asked_for_signatures = answer.question.variant != "no-edns";
        let records = || message.answers.iter().chain(&message.authorities);
        // Who refuses or fails has not been seen, which is something else than a referral.
        let refers = !message.metadata.authoritative && message.metadata.response_code == ResponseCode::NoError;
        refers || !asked_for_signatures || records().any(of_another)
    }

    /// Records of just this name, or its alias; not what was made from a wildcard.
    fn exact(&self, answer: &Answer<'_>, name: &Name, kind: RecordType) -> Option<RrSet> {
        let said = usable_answer(answer).ok()?;
        let sets = [kind, RecordType::CNAME].map(|kind| RrSet::answer(&said.message, name, kind));
        let found = sets.into_iter().find(|rrset| !rrset.records.is_empty())?;
        let is_made = |signature: &RRSIG| signature.input().num_labels < name.num_labels();
        (!found.signatures.iter().any(is_made)).then_some(found)
    }

    fn set(&self, rrset: &RrSet) -> SignedSet {
        let examined = self.checker.examine(rrset);
        let (status, reason) = self.state(together(rrset, &examined).map(|()| held_by(&examined)));
        SignedSet {
            set: set_name(self.zone, rrset),
            record_type: rrset.kind.to_string(),
            status,
            reason,
            ttl: Span(i64::from(rrset.ttl)),
            signatures: examined.iter().map(|one| self.signature(one)).collect(),
        }
    }

    fn signature(&self, examined: &Examined<'_>) -> SetSignature {
        let input = examined.signature.input();
        let [inception, expiration] = [input.sig_inception, input.sig_expiration].map(|at| moment(at.get(), self.now));
        SetSignature {
            key_tag: i64::from(input.key_tag),
            algorithm: i64::from(u8::from(input.algorithm)),
            signer: name_text(&input.signer_name),
            inception,
            expiration,
            holds: examined.outcome.is_ok(),
            why: examined.outcome.as_ref().err().map(|unproven| unproven.why.clone()).unwrap_or_default(),
        }
    }

    fn denial_of_type(&self, said: &Said, name: &Name, kind: RecordType) -> DenialProof {
        let proof = denial::of_type(&said.message, name, kind, &self.checker);
        self.denial(&format!("{kind} {}", name_text(name)), "type", proof)
    }

    /// What was said of a name that nobody can have meant.
    fn missing(&self, answer: &Answer<'_>) -> Option<DenialProof> {
        let name = parse_name(&answer.question.name)?;
        let kind: RecordType = answer.question.record_type.parse().ok()?;
        let question = format!("{kind} {}", name_text(&name));
        let indeterminate = |reason: String| DenialProof {
            question: question.clone(),
            kind: "name".into(),
            status: "indeterminate".into(),
            reason,
        };
        let said = match &answer.outcome {
            Ok(said) if said.message.metadata.authoritative => said,
            Ok(_) => return Some(indeterminate("it did not answer with authority".into())),
            Err(why) => return Some(indeterminate(why_not(why))),
        };
        let message = &said.message;
        match message.metadata.response_code {
            ResponseCode::NXDomain => {
                Some(self.denial(&question, "name", denial::of_name(message, &name, &self.checker)))
            }
            ResponseCode::NoError => {
                let made = [kind, RecordType::CNAME].map(|kind| RrSet::answer(message, &name, kind));
                match made.iter().find(|rrset| !rrset.records.is_empty()) {
                    Some(rrset) => Some(self.denial(&question, "wildcard", self.closer(said, rrset))),
                    None => Some(self.denial_of_type(said, &name, kind)),
                }
            }
            code => Some(indeterminate(format!("it answered {code}"))),
        }
    }

    /// An answer to a name that is not there is made from a wildcard, or else signed for just that name.
    fn closer(&self, said: &Said, rrset: &RrSet) -> Result<Proof, Unproven> {
        let labels = self.checker.check_expanded(rrset)?;
        if labels == usize::from(rrset.owner.num_labels()) {
            return Ok(Proof::Holds("RRSIG"));
        }
        denial::of_closer(&said.message, &rrset.owner, labels, &self.checker)
    }

    fn denial(&self, question: &str, kind: &str, proof: Result<Proof, Unproven>) -> DenialProof {
        let (status, reason) = match proof {
            Ok(Proof::Waived(why)) if self.trust.is_ok() => ("insecure".into(), why),
            Ok(Proof::Waived(why)) => self.state(Ok(why)),
            Ok(Proof::Holds(word)) => self.state(Ok(format!("{word} proves it"))),
            Err(unproven) => self.state(Err(unproven)),
        };
        DenialProof { question: question.to_owned(), kind: kind.to_owned(), status, reason }
    }

    /// What an outcome is worth under this server's keys.
    fn state(&self, outcome: Result<String, Unproven>) -> (String, String) {
        let (status, reason) = match (&self.trust, outcome) {
            (Err(stop), _) => stop.clone().state(),
            (Ok(()), Ok(reason)) => ("secure", reason),
            (Ok(()), Err(Unproven { why, is_our_limit: true })) => ("indeterminate", why),
            (Ok(()), Err(Unproven { why, .. })) => ("bogus", why),
        };
        (status.to_owned(), reason)
    }

    /// Bogus before indeterminate before the rest, with the reasons for it.
    fn worst<'s>(&self, all: impl Iterator<Item = (&'s str, &'s str, &'s str)> + Clone) -> Proven {
        for status in ["bogus", "indeterminate", "insecure"] {
            let mut whats: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (what, _, reason) in all.clone().filter(|(_, s, _)| *s == status) {
                whats.entry(reason).or_default().push(what);
            }
            if whats.is_empty() {
                continue;
            }
            let shared = self.trust.is_err();
            let told = whats.iter().take(REASONS).map(|(reason, whats)| {
                if shared { (*reason).to_owned() } else { format!("{}: {reason}", whats.join(", ")) }
            });
            return Proven { status: status.to_owned(), reason: told.collect::<Vec<_>>().join("; ") };
        }
        let count = all.count();
        let (status, reason) = match &self.trust {
            Ok(()) if count > 0 => ("secure", format!("all {count} verify")),
            Ok(()) => ("indeterminate", "it was not asked for anything that tells".to_owned()),
            Err(stop) => stop.clone().state(),
        };
        Proven { status: status.to_owned(), reason }
    }
}

/// Why a set without signatures is not called bogus.
const MAYBE_ANOTHERS: &str = "it has no signature, and may belong to another zone that the same server has";

/// No zone begins at a name like `_dmarc` (RFC 8552) that its server answers for itself: who gives such a name to others refers to them.
fn is_never_a_cut(zone: &Name, name: &Name) -> bool {
    name.iter().rev().nth(zone.iter().count()).is_some_and(|label| label.starts_with(b"_"))
}

fn set_name(zone: &Name, rrset: &RrSet) -> String {
    let RrSet { owner, kind, .. } = rrset;
    if owner == zone { kind.to_string() } else { format!("{kind} {}", name_text(owner)) }
}

/// An answer with authority, from a server that was asked for signatures.
fn usable_answer<'a>(answer: &'a Answer<'_>) -> Result<&'a Said, String> {
    match &answer.outcome {
        Err(why) => Err(why_not(why)),
        Ok(said) if !said.is_authoritative() => {
            Err(format!("it did not answer with authority ({})", said.message.metadata.response_code))
        }
        Ok(_) if answer.question.variant == "no-edns" => {
            Err("it was asked without EDNS, because it answers nothing else, and gives no signatures so".to_owned())
        }
        Ok(said) => Ok(said),
    }
}

fn why_not(why: &Unobserved) -> String {
    match why {
        Observation::Failed { detail, .. } | Observation::NotRun { detail, .. } => detail.clone(),
        _ => "there was no answer".to_owned(),
    }
}

fn unknown(set: String, kind: RecordType, reason: String) -> SignedSet {
    SignedSet {
        set,
        record_type: kind.to_string(),
        status: "indeterminate".into(),
        reason,
        ttl: Span(0),
        signatures: Vec::new(),
    }
}

fn held_by(examined: &[Examined<'_>]) -> String {
    let held = examined.iter().filter(|one| one.outcome.is_ok()).map(|one| one.signature.input());
    let keys: Vec<String> =
        held.map(|input| format!("{} (algorithm {})", input.key_tag, u8::from(input.algorithm))).collect();
    format!("verifies with key {}", keys.join(" and "))
}

/// Whether a key of any server answers to each DS.
fn delegation(zone: &Name, ds: &[DS], views: &[View<'_>]) -> Vec<VouchedKey> {
    let has_key = |ds: &DS| views.iter().flat_map(|view| &view.keys).any(|key| matches(ds, zone, key));
    let all: BTreeMap<String, bool> = ds.iter().map(|ds| (child::label(ds), has_key(ds))).collect();
    all.into_iter().take(LIST_CAP).map(|(ds, has_key)| VouchedKey { ds, has_key }).collect()
}

/// A set that nobody signed at all is another fault.
fn algorithms(ds: &[DS], views: &[View<'_>], sets: &[(&str, &SignedSet)]) -> Vec<SigningAlgorithm> {
    let of_keys: BTreeSet<u8> =
        views.iter().flat_map(|view| &view.keys).filter(|key| !key.revoke()).map(|key| algorithm(key).into()).collect();
    let of_ds: BTreeSet<u8> = usable(ds).iter().map(|ds| ds.algorithm().into()).collect();
    let lacks = |number: u8, set: &SignedSet| {
        let signed = set.signatures.iter().any(|signature| signature.algorithm == i64::from(number));
        let is_due = of_keys.contains(&number) || set.record_type == "DNSKEY";
        is_due && !signed && !set.signatures.is_empty()
    };
    let unsigned = |number: u8| {
        let lacking = sets.iter().filter(|(_, set)| lacks(number, set));
        lacking.map(|(server, set)| format!("{} at {server}", set.set)).take(SHOWN).collect()
    };
    of_keys
        .union(&of_ds)
        .map(|number| SigningAlgorithm { algorithm: i64::from(*number), unsigned: unsigned(*number) })
        .collect()
}

fn method(views: &[View<'_>], at: Timestamp) -> Observation<DenialMethod> {
    let answers = views.iter().flat_map(|view| view.apex.values().chain(&view.missing));
    let messages = answers.filter_map(|answer| Some(&answer.outcome.as_ref().ok()?.message));
    let mut seen: Option<DenialMethod> = None;
    for (method, records) in messages.filter_map(denial::parameters) {
        let most = |of: &dyn Fn(&&NSEC3) -> usize| {
            i64::try_from(records.iter().map(of).max().unwrap_or_default()).unwrap_or(i64::MAX)
        };
        let (iterations, salt) = (most(&|r| usize::from(r.iterations())), most(&|r| r.salt().len()));
        let opt_out = records.iter().any(|record| record.opt_out());
        let so_far = seen.get_or_insert_with(|| DenialMethod {
            method: "NSEC".to_owned(),
            iterations: 0,
            salt: 0,
            opt_out: false,
        });
        if method == "NSEC3" {
            method.clone_into(&mut so_far.method);
        }
        so_far.iterations = so_far.iterations.max(iterations);
        so_far.salt = so_far.salt.max(salt);
        so_far.opt_out |= opt_out;
    }
    match seen {
        Some(value) => Observation::Observed { observed_at: at, value },
        None => nothing(views.iter().flat_map(|view| view.apex.values().chain(&view.missing)), at),
    }
}

/// That nothing was seen: not known if one of these questions was put and not answered, else not there.
fn nothing<'a, T>(asked: impl IntoIterator<Item = &'a &'a Answer<'a>>, at: Timestamp) -> Observation<T> {
    let failed = asked.into_iter().find_map(|answer| answer.outcome.as_ref().err());
    failed.map_or(Observation::Absent { observed_at: at }, Unobserved::cast)
}

fn asked(zone: &Name, views: &[View<'_>], sets: &[(&str, &SignedSet)], at: Timestamp) -> Observation<ChildSigner> {
    let mut asked = Asked::default();
    for view in views {
        for answer in ["DNSKEY", "CDS", "CDNSKEY"].iter().filter_map(|kind| view.apex.get(kind)) {
            if let Ok(said) = usable_answer(answer) {
                asked.take(&said.message, zone);
            }
        }
    }
    for (server, set) in sets {
        if matches!(set.record_type.as_str(), "CDS" | "CDNSKEY") && set.status == "bogus" {
            asked.is_bogus(&set.record_type, server);
        }
    }
    let questions = views.iter().flat_map(|view| ["CDS", "CDNSKEY"].map(|kind| view.apex.get(kind))).flatten();
    asked.told(zone, at).unwrap_or_else(|| nothing(questions, at))
}
