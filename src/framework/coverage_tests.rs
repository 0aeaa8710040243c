//! The promises of coverage (design §9), by example and by property.

use proptest::prelude::*;

use super::OutcomeResult::{Fail, NotApplicable, Pass, Undetermined};
use super::*;

const CONTROLS: [&str; 6] =
    ["IR2690-6.7.2.k", "IR2690-6.7.2.l", "IR2690-9.2.b", "IR2690-1.1.1.a", "CG01-2.1.4", "BC-7"];

fn frameworks() -> Frameworks {
    Frameworks::built_in().unwrap()
}

fn ids(controls: &[&str]) -> Vec<String> {
    controls.iter().map(|id| (*id).to_owned()).collect()
}

fn catalogue(checks: &[(&str, &[String])]) -> BTreeMap<String, Vec<String>> {
    checks.iter().map(|(check, controls)| ((*check).to_owned(), controls.to_vec())).collect()
}

/// An outcome and its subject.
type Seen<'a> = (&'a str, Outcome<'a>);

fn seen<'a>(check: &'a str, subject: &'a str, controls: &'a [String], result: OutcomeResult) -> Seen<'a> {
    (subject, Outcome { check, controls, declared: false, result })
}

fn declared<'a>(check: &'a str, controls: &'a [String], result: OutcomeResult) -> Seen<'a> {
    ("estate", Outcome { check, controls, declared: true, result })
}

fn coverage(
    frameworks: &Frameworks,
    catalogue: &BTreeMap<String, Vec<String>>,
    outcomes: &[Seen<'_>],
) -> BTreeMap<String, Coverage> {
    let mut subjects: BTreeMap<&str, Vec<Outcome<'_>>> = BTreeMap::new();
    for (subject, outcome) in outcomes {
        subjects.entry(subject).or_default().push(outcome.clone());
    }
    let mut ledger = Ledger::new(frameworks, catalogue);
    subjects.into_values().for_each(|of_subject| ledger.enter(of_subject));
    ledger.coverage()
}

#[test]
fn an_empty_run_has_nothing_consistent_and_is_grey() {
    let controls = ids(&["IR2690-6.7.2.k"]);
    let found = coverage(&frameworks(), &catalogue(&[("mail.a", &controls)]), &[]);
    assert!(found.values().all(|one| one.state != CoverageState::Consistent && one.ratio().is_none()));
    assert_eq!(found["IR2690-6.7.2.k"].state, CoverageState::NotTested);
    assert_eq!(found["IR2690-6.7.2.k"].reasons["not-selected"], 1);
    assert_eq!(found["IR2690-6.7.2.k"].checks, ["mail.a"]);
    assert_eq!(found["IR2690-6.7.2.j"].state, CoverageState::NoCheck);
    assert_eq!(found["NIS2-21.2g"].state, CoverageState::NotTestable);
}

#[test]
fn threats_offences_and_duties_of_the_state_have_no_coverage() {
    let controls = ids(&["BC-7", "CG03-T12", "IR2690-6.7.2.k"]);
    let outcomes = [seen("mail.a", "example", &controls, Fail)];
    let found = coverage(&frameworks(), &catalogue(&[("mail.a", &controls)]), &outcomes);
    assert!(!found.contains_key("BC-7") && !found.contains_key("CG03-T12") && !found.contains_key("NIS1-7"));
    let relevant = scenario(&frameworks(), &outcomes.map(|(_, outcome)| outcome));
    assert_eq!(relevant.keys().collect::<Vec<_>>(), ["BC-7", "CG03-T12"]);
}

#[test]
fn a_threat_is_relevant_only_when_a_check_failed() {
    let controls = ids(&["BC-7"]);
    assert!(scenario(&frameworks(), &[seen("mail.a", "example", &controls, Pass).1]).is_empty());
}

#[test]
fn what_the_report_itself_evidences_is_in_no_ratio() {
    let all = frameworks();
    let found = coverage(&all, &BTreeMap::new(), &[]);
    let own: Vec<&Coverage> = found.values().filter(|one| one.state == CoverageState::OwnReport).collect();
    assert_eq!(own.len(), 13);
    assert_eq!(tally(own).ratio(), None);
}

#[test]
fn subjects_are_counted_once_and_a_fail_outweighs_a_pass() {
    let controls = ids(&["IR2690-6.7.2.k"]);
    let outcomes = [
        seen("mail.a", "one", &controls, Pass),
        seen("mail.b", "one", &controls, Fail),
        seen("mail.a", "two", &controls, Pass),
        seen("mail.b", "two", &controls, Undetermined("timeout".to_owned())),
        seen("mail.a", "three", &controls, Undetermined("timeout".to_owned())),
        seen("mail.a", "four", &controls, NotApplicable),
    ];
    let found = &coverage(&frameworks(), &catalogue(&[("mail.a", &controls), ("mail.b", &controls)]), &outcomes)["IR2690-6.7.2.k"];
    assert_eq!(found.state, CoverageState::Mixed);
    assert_eq!((found.consistent, found.inconsistent, found.undetermined), (1, 1, 1));
    assert_eq!(found.ratio(), Some((1, 3)));
    assert_eq!(found.reasons["timeout"], 2);
    assert_eq!(found.reasons["not-applicable"], 1);
}

#[test]
fn evidence_reaches_the_letters_of_article_21_and_no_sibling() {
    let controls = ids(&["IR2690-6.7.2.k"]);
    let found = coverage(
        &frameworks(),
        &catalogue(&[("mail.a", &controls)]),
        &[seen("mail.a", "one", &controls, Fail), seen("mail.a", "two", &controls, Pass)],
    );
    for id in ["NIS2-21.2e", "IR2690-6", "IR2690-6.7", "IR2690-6.7.2"] {
        assert_eq!((found[id].state, found[id].ratio()), (CoverageState::Mixed, Some((1, 2))), "{id}");
        assert!(found[id].checks.is_empty(), "{id} is not cited directly");
    }
    assert_eq!(found["IR2690-6.7.2.l"].state, CoverageState::NoCheck);
    assert_eq!(found["NIS2-21.2h"].state, CoverageState::NoCheck);
}

#[test]
fn a_heading_that_cannot_be_seen_passes_on_what_lies_below_and_stays_untestable() {
    let controls = ids(&["IR2690-3.1.2.b"]);
    let found =
        coverage(&frameworks(), &catalogue(&[("estate.a", &controls)]), &[seen("estate.a", "estate", &controls, Pass)]);
    assert_eq!(found["IR2690-3.1.2"].state, CoverageState::NotTestable);
    assert_eq!(found["IR2690-3"].state, CoverageState::Consistent);
}

#[test]
fn the_estates_own_word_is_declared_only_and_in_no_ratio() {
    let controls = ids(&["IR2690-12.4.1", "NIS2-23.4a"]);
    let outcome = declared("estate.a", &controls, Pass);
    let found = coverage(&frameworks(), &catalogue(&[("estate.a", &controls)]), &[outcome]);
    for id in &controls {
        assert_eq!((found[id].state, found[id].ratio()), (CoverageState::DeclaredOnly, None), "{id}");
    }
}

#[test]
fn beside_what_was_seen_the_estates_own_word_counts_only_against() {
    let controls = ids(&["IR2690-12.4.1"]);
    let catalogue = catalogue(&[("estate.a", &controls), ("dns.b", &controls)]);
    let state = |result| {
        let own = declared("estate.a", &controls, result);
        coverage(&frameworks(), &catalogue, &[own, seen("dns.b", "one", &controls, Pass)])["IR2690-12.4.1"].clone()
    };
    assert_eq!((state(Pass).consistent, state(Pass).state), (1, CoverageState::Consistent));
    assert_eq!((state(Fail).inconsistent, state(Fail).state), (1, CoverageState::Mixed));
}

/// (check 0..4, subject 0..4, result 0..4, declared).
type Draw = (usize, usize, usize, bool);

const CHECKS: [&str; 4] = ["dns.a", "dns.b", "mail.a", "estate.a"];
const SUBJECTS: [&str; 4] = ["one", "two", "three", "four"];

fn outcome<'a>(draw: Draw, cited: &'a [Vec<String>]) -> Seen<'a> {
    let result = match draw.2 {
        0 => Pass,
        1 => Fail,
        2 => Undetermined("timeout".to_owned()),
        _ => NotApplicable,
    };
    (SUBJECTS[draw.1], Outcome { check: CHECKS[draw.0], controls: &cited[draw.0], declared: draw.3, result })
}

fn not_more(after: Option<(i64, i64)>, before: Option<(i64, i64)>) -> bool {
    let (after, before) = (after.unwrap_or((0, 1)), before.unwrap_or((0, 1)));
    after.0 * before.1 <= before.0 * after.1
}

fn cited() -> impl Strategy<Value = Vec<Vec<String>>> {
    let one = prop::collection::btree_set(prop::sample::select(CONTROLS.as_slice()), 1..4);
    prop::collection::vec(one.prop_map(|set| set.into_iter().map(str::to_owned).collect()), CHECKS.len())
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    prop::collection::vec((0..4_usize, 0..4_usize, 0..4_usize, any::<bool>()), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_undetermined_outcome_raises_no_ratio(cited in cited(), drawn in draws(), check in 0..4_usize, subject in 0..4_usize) {
        let all = frameworks();
        let checks: BTreeMap<String, Vec<String>> = CHECKS.iter().map(|c| (*c).to_owned()).zip(cited.clone()).collect();
        let mut outcomes: Vec<Seen<'_>> = drawn.into_iter().map(|draw| outcome(draw, &cited)).collect();
        let before = coverage(&all, &checks, &outcomes);
        outcomes.push(outcome((check, subject, 2, false), &cited));
        let after = coverage(&all, &checks, &outcomes);
        for (id, one) in &after {
            prop_assert!(not_more(one.ratio(), before[id].ratio()), "{id}: {:?} -> {:?}", before[id], one);
        }
        prop_assert!(not_more(tally(after.values()).ratio(), tally(before.values()).ratio()));
    }

    #[test]
    fn an_untested_control_raises_no_ratio(cited in cited(), drawn in draws()) {
        let all = frameworks();
        let checks: BTreeMap<String, Vec<String>> = CHECKS.iter().map(|c| (*c).to_owned()).zip(cited.clone()).collect();
        let outcomes: Vec<Seen<'_>> = drawn.into_iter().map(|draw| outcome(draw, &cited)).collect();
        let before = coverage(&all, &checks, &outcomes);
        let mut more = all.clone();
        for evidence in ["external", "partial", "none", "self"] {
            let mut control = all.control("IR2690-6.7.2.k").unwrap().clone();
            control.id = format!("IR2690-6.7.2.k.{evidence}");
            control.parent = Some("IR2690-6.7.2.k".to_owned());
            control.technical_evidence = evidence.to_owned();
            more.files[0].controls.push(control);
        }
        let after = coverage(&more, &checks, &outcomes);
        for (id, one) in &before {
            prop_assert!(not_more(after[id].ratio(), one.ratio()), "{id}");
        }
        prop_assert!(not_more(tally(after.values()).ratio(), tally(before.values()).ratio()));
    }

    #[test]
    fn without_a_pass_nothing_is_consistent(cited in cited(), drawn in draws()) {
        let checks: BTreeMap<String, Vec<String>> = CHECKS.iter().map(|c| (*c).to_owned()).zip(cited.clone()).collect();
        let outcomes: Vec<Seen<'_>> = drawn.into_iter().filter(|draw| draw.2 != 0).map(|draw| outcome(draw, &cited)).collect();
        let found = coverage(&frameworks(), &checks, &outcomes);
        prop_assert!(found.values().all(|one| one.state != CoverageState::Consistent && one.consistent == 0));
    }
}
