//! What SPF evaluation reaches: the records behind `include` and `redirect`, and whether there is an answer to what `a`, `mx`
//! and `exists` ask. Reading them with judgement is derivation's; here they are only fetched.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::future::join_all;
use hickory_resolver::proto::rr::RecordType;

use crate::facts::Observation;
use crate::probe::dns::End;

use super::inquiry::Inquiry;

/// How many names are read. Evaluation stops at ten lookups (RFC 7208 §4.6.4); twenty show by how much a record is over.
const MAX_NAMES: usize = 20;

/// How many terms that ask for addresses and exchangers have their question asked.
const MAX_TERMS: usize = 20;

/// Reads the records reached from `txt` of `zone`, breadth first, each name once.
pub(super) async fn walk(
    inquiry: &Inquiry<'_>,
    zone: &str,
    txt: &Observation<Vec<String>>,
) -> BTreeMap<String, Observation<Vec<String>>> {
    let mut reached = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut questions = questions_in(zone, txt);
    let mut queue: VecDeque<String> = names_in(txt).into();
    while let Some(name) = queue.pop_front() {
        if reached.len() >= MAX_NAMES {
            break;
        }
        if seen.insert(name.clone()) {
            let found = inquiry.text(&name).await;
            queue.extend(names_in(&found));
            questions.extend(questions_in(&name, &found));
            reached.insert(name, found);
        }
    }
    join_all(questions.into_iter().take(MAX_TERMS).map(|(name, kind)| ask(inquiry, name, kind))).await;
    reached
}

/// For addresses, IPv6 is asked for only where there is no IPv4: one is enough to say that the term finds something.
async fn ask(inquiry: &Inquiry<'_>, name: String, kind: RecordType) {
    let reply = inquiry.ask(&name, kind).await;
    if kind == RecordType::A && matches!(reply.end, End::NoData) {
        inquiry.ask(&name, RecordType::AAAA).await;
    }
}

/// What the terms `a`, `mx` and `exists` of the SPF records at `owner` ask, up to `all`; those with macros depend on the mail.
fn questions_in(owner: &str, txt: &Observation<Vec<String>>) -> BTreeSet<(String, RecordType)> {
    let texts = txt.value().into_iter().flatten();
    let terms = texts.filter(|text| is_spf(text)).flat_map(|record| {
        record
            .split(' ')
            .skip(1)
            .take_while(|term| !term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all"))
    });
    terms.filter_map(|term| question(owner, term)).collect()
}

fn question(owner: &str, term: &str) -> Option<(String, RecordType)> {
    let bare = term.strip_prefix(['+', '-', '~', '?']).unwrap_or(term);
    let (word, rest) = bare.split_at(bare.find([':', '/', '=']).unwrap_or(bare.len()));
    let kind = match word.to_ascii_lowercase().as_str() {
        "a" | "exists" => RecordType::A,
        "mx" => RecordType::MX,
        _ => return None,
    };
    let name = match rest.strip_prefix(':') {
        Some(named) => named.split('/').next().unwrap_or_default(),
        None => owner,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty() && !name.contains('%')).then(|| (name.to_ascii_lowercase(), kind))
}

/// The names that SPF records among the texts include or redirect to; those with macros depend on the mail and are skipped.
pub(super) fn names_in(txt: &Observation<Vec<String>>) -> Vec<String> {
    let texts = txt.value().into_iter().flatten();
    let records = texts.filter(|text| is_spf(text));
    records.flat_map(|record| record.split(' ').filter_map(target)).collect()
}

/// RFC 7208 §4.5.
fn is_spf(text: &str) -> bool {
    text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("v=spf1"))
        && matches!(text.as_bytes().get(6), None | Some(b' '))
}

fn target(term: &str) -> Option<String> {
    let bare = term.strip_prefix(['+', '-', '~', '?']).unwrap_or(term);
    let after = |word: &str| {
        let (start, rest) = bare.split_at_checked(word.len())?;
        start.eq_ignore_ascii_case(word).then_some(rest)
    };
    let name = after("include:").or_else(|| after("redirect="))?;
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty() && !name.contains('%')).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_and_redirects_are_followed_and_nothing_else() {
        let txt = Observation::observed(vec![
            "v=spf1 a:x.example +include:A.example. ?INCLUDE:b.example redirect=c.example include:%{i}.d.example -all"
                .into(),
            "v=spf10 include:e.example".into(),
            "some include:f.example".into(),
        ]);
        assert_eq!(names_in(&txt), ["a.example", "b.example", "c.example"]);
        assert!(names_in(&Observation::absent()).is_empty());
    }

    #[test]
    fn terms_that_ask_for_addresses_and_exchangers_are_found_up_to_all() {
        let txt = Observation::observed(vec![
            "v=spf1 a -mx/24 a:B.example./28//64 ?exists:c.example exists:%{i}.d.example ip4:192.0.2.1 -all a:e.example".into(),
        ]);
        let found: Vec<String> =
            questions_in("x.example", &txt).into_iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        assert_eq!(found, ["b.example A", "c.example A", "x.example A", "x.example MX"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            questions_in("x.example", &Observation::observed(vec![format!("v=spf1 {text}")]));
            names_in(&Observation::observed(vec![text.clone(), format!("v=spf1 {text}")]));
        }
    }
}
