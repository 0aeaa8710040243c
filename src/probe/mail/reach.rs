//! The records that SPF evaluation reaches by `include` and `redirect`. Reading them with judgement is derivation's; here they
//! are only fetched.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::facts::Observation;
use crate::probe::Context;

use super::text;

/// How many names are read. Evaluation stops at ten lookups (RFC 7208 §4.6.4); twenty show by how much a record is over.
const MAX_NAMES: usize = 20;

/// Reads the records reached from `txt`, breadth first, each name once.
pub(super) async fn walk(
    context: &Context,
    txt: &Observation<Vec<String>>,
) -> BTreeMap<String, Observation<Vec<String>>> {
    let mut reached = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut queue: VecDeque<String> = names_in(txt).into();
    while let Some(name) = queue.pop_front() {
        if reached.len() >= MAX_NAMES {
            break;
        }
        if seen.insert(name.clone()) {
            let found = text(context, &name).await;
            queue.extend(names_in(&found));
            reached.insert(name, found);
        }
    }
    reached
}

/// The names that SPF records among the texts include or redirect to; those with macros depend on the mail and are skipped.
fn names_in(txt: &Observation<Vec<String>>) -> Vec<String> {
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

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            names_in(&Observation::observed(vec![text.clone(), format!("v=spf1 {text}")]));
        }
    }
}
