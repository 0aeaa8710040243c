//! SPF records by table.

use super::*;
use crate::facts::MailAnswer;

fn reached(records: &[(&str, &str)]) -> Reached {
    records.iter().map(|(name, text)| ((*name).to_owned(), Observation::observed(vec![(*text).to_owned()]))).collect()
}

fn read(zone: &str, texts: &[String], at: Timestamp, reached: &Reached) -> Observation<Spf> {
    super::read(zone, texts, at, reached, Answers(&BTreeMap::new()))
}

fn spf_with(texts: &[&str], reached: &Reached) -> Spf {
    let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    read("x.example", &texts, Timestamp::EPOCH, reached).value().cloned().unwrap()
}

fn spf(text: &str) -> Spf {
    spf_with(&[text], &Reached::new())
}

/// Byte offset and text of every fault of the zone's own record.
fn faults(text: &str) -> Vec<(usize, String)> {
    let split = |fault: Fault| (fault.at.rsplit_once(':').unwrap().1.parse().unwrap(), fault.text);
    spf(text).faults.into_iter().map(split).collect()
}

#[test]
fn sound_records_have_no_fault() {
    for text in [
        "v=spf1 -all",
        "V=SPF1 -ALL",
        "v=spf1 a mx -all",
        "v=spf1  a:mail.example/24//64 mx//48 ip4:192.0.2.1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ip6:::1 ~all ",
        "v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all",
        "v=spf1 a:_mail.example. exp=explain.%{d} unknown=any%%thing -all",
        "v=spf1 mx a:%{d}/24 -all",
    ] {
        assert_eq!(faults(text), [], "{text}");
    }
}

#[test]
fn every_fault_is_found_at_its_place_and_reading_goes_on() {
    let table: &[(&str, &[(usize, &str)])] = &[
        ("v=spf1 ipv4:192.0.2.1 -all", &[(7, "'ipv4' is no mechanism; 'ip4' is")]),
        ("v=spf1 foo bar:x.example -all", &[(7, "'foo' is no"), (11, "'bar' is no")]),
        ("v=spf1 ip4:192.0.2.256 ip4:192.0.2.0/33 -all", &[(11, "no IPv4 address"), (37, "'/33'")]),
        ("v=spf1 ip4:192.0.2.0/024 -all", &[(21, "'/024'")]),
        ("v=spf1 ip4 -all", &[(10, "needs ':'")]),
        ("v=spf1 ip6:2001:db8::g/32 ip6:::/129 -all", &[(11, "no IPv6 address"), (33, "'/129'")]),
        ("v=spf1 ptr -all", &[(7, "'ptr' should not")]),
        ("v=spf1 +all", &[(7, "everyone")]),
        ("v=spf1 all", &[(7, "everyone")]),
        ("v=spf1 ?all", &[(7, "nothing")]),
        ("v=spf1 -all:x", &[(11, "takes nothing"), (13, "neither 'all'")]),
        ("v=spf1 mx", &[(9, "neither 'all' nor 'redirect'")]),
        ("v=spf1 -all mx", &[(12, "after 'all'")]),
        ("v=spf1 -all redirect=y.example", &[(12, "ignored")]),
        ("v=spf1 include -all", &[(14, "needs ':'")]),
        ("v=spf1 include:localhost -all", &[(15, "no domain name")]),
        ("v=spf1 include:a..example -all", &[(15, "empty label")]),
        ("v=spf1 include=y.example -all", &[(14, "takes ':'")]),
        ("v=spf1 exists:%{z}.example -all", &[(14, "no macro")]),
        ("v=spf1 exists:a%.example -all", &[(15, "begins no macro")]),
        ("v=spf1 a:b.example/ -all", &[(19, "no prefix length")]),
        ("v=spf1 mx/24//129 -all", &[(14, "'/129'")]),
        ("v=spf1 a a -all", &[(9, "stands twice")]),
        ("v=spf1 exp=a.example exp=b.example -all", &[(21, "more than once")]),
        ("v=spf1 \u{2013}all", &[(7, "no mechanism"), (7, "printable ASCII"), (13, "neither")]),
        ("v=spf1 ip4:0.0.0.0/0 -all", &[(7, "large part")]),
        ("v=spf1 -all; ", &[(8, "no mechanism"), (13, "neither")]),
    ];
    for (text, expected) in table {
        let found = faults(text);
        assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
        for ((at, words), (expected_at, expected_words)) in found.iter().zip(*expected) {
            assert_eq!(at, expected_at, "{text}: {found:?}");
            assert!(words.contains(expected_words), "{text}: {found:?}");
        }
    }
}

#[test]
fn no_record_is_absent_and_two_are_a_fault() {
    let texts = ["v=spf10 -all", "google-site-verification=x"].map(str::to_owned);
    assert!(matches!(read("x.example", &texts, Timestamp::EPOCH, &Reached::new()), Observation::Absent { .. }));
    let two = spf_with(&["v=spf1 -all", "v=spf1 ~all"], &Reached::new());
    assert_eq!((two.records, two.faults.len()), (2, 1));
    assert!(two.faults[0].text.contains("permanent error"));
}

#[test]
fn a_record_that_may_be_cut_is_a_fault() {
    let long = |times| format!("v=spf1 {}-all", "ip4:192.0.2.1 ip4:198.51.100.1 ".repeat(times));
    let faults_of = |times| spf(&long(times)).faults.into_iter().map(|fault| fault.at).collect::<Vec<_>>();
    assert!(faults_of(15).contains(&"x.example:450".to_owned()));
    assert!(faults_of(17).contains(&"x.example:512".to_owned()));
}

#[test]
fn the_qualifier_of_all_is_followed_through_redirect() {
    let tree = reached(&[
        ("soft.example", "v=spf1 ~all"),
        ("again.example", "v=spf1 redirect=soft.example"),
        ("loop.example", "v=spf1 redirect=loop.example"),
        ("other.example", "no policy"),
    ]);
    let all = |text: &str| spf_with(&[text], &tree).all;
    let table = [
        ("v=spf1 mx -all", "-"),
        ("v=spf1 all", "+"),
        ("v=spf1 ?all", "?"),
        ("v=spf1 mx", "none"),
        ("v=spf1 redirect=again.example", "~"),
        ("v=spf1 redirect=Soft.example. -all", "-"),
        ("v=spf1 redirect=loop.example", "none"),
        ("v=spf1 redirect=other.example", "none"),
    ];
    for (text, expected) in table {
        assert_eq!(all(text), expected, "{text}");
    }
}

#[test]
fn a_policy_behind_a_redirect_that_could_not_be_read_is_not_known() {
    let mut tree = Reached::new();
    tree.insert("y.example".into(), Observation::failed(Reason::Servfail, "it answered SERVFAIL"));
    let of = |text: &str| read("x.example", &[text.to_owned()], Timestamp::EPOCH, &tree);
    assert!(matches!(of("v=spf1 redirect=y.example"), Observation::Failed { reason: Reason::Servfail, .. }));
    assert!(matches!(of("v=spf1 redirect=%{d}.example"), Observation::Failed { reason: Reason::Unsupported, .. }));
}

#[test]
fn lookups_are_counted_over_the_whole_tree() {
    let tree = reached(&[
        ("one.example", "v=spf1 a mx include:two.example -all"),
        ("two.example", "v=spf1 exists:%{i}.example ptr -all mx"),
        ("redirected.example", "v=spf1 include:two.example -all"),
    ]);
    let lookups = |text: &str| spf_with(&[text], &tree).lookups.unwrap();
    assert_eq!(lookups("v=spf1 ip4:192.0.2.1 -all"), 0);
    assert_eq!(lookups("v=spf1 a mx ptr exists:a.example -all"), 4);
    assert_eq!(lookups("v=spf1 include:two.example -all"), 3);
    assert_eq!(lookups("v=spf1 include:one.example -all"), 6);
    assert_eq!(lookups("v=spf1 include:one.example include:two.example -all"), 9, "twice included counts twice");
    assert_eq!(lookups("v=spf1 redirect=redirected.example"), 4);
    assert_eq!(lookups("v=spf1 -all include:one.example redirect=redirected.example"), 0, "never evaluated");
}

#[test]
fn more_than_ten_lookups_are_a_fault_and_ten_are_none() {
    let terms = |count: usize| (0..count).map(|n| format!("a:h{n}.example ")).collect::<String>();
    let ten = spf(&format!("v=spf1 {}-all", terms(10)));
    let eleven = spf(&format!("v=spf1 {}-all", terms(11)));
    assert_eq!((ten.lookups, ten.faults.len()), (Some(10), 0));
    assert_eq!(eleven.lookups, Some(11));
    assert!(eleven.faults[0].text.contains("11 lookups"));
}

#[test]
fn a_part_that_could_not_be_read_is_named_and_leaves_the_count_open() {
    let mut tree = reached(&[("none.example", "hello")]);
    tree.insert("gone.example".into(), Observation::absent());
    tree.insert("dark.example".into(), Observation::failed(Reason::Timeout, "no answer"));
    let read = spf_with(&["v=spf1 include:dark.example include:never.example -all"], &tree);
    assert_eq!((read.lookups, read.unread), (None, vec!["dark.example".to_owned(), "never.example".to_owned()]));
    let void = spf_with(&["v=spf1 include:none.example include:gone.example -all"], &tree);
    assert_eq!((void.lookups, void.faults.len()), (Some(2), 2));
    assert!(void.faults.iter().all(|fault| fault.text.contains("has no SPF record")));
}

fn answered(list: &[(&str, Option<bool>)]) -> BTreeMap<String, MailAnswer> {
    let answer = |exists: Option<bool>| MailAnswer {
        records: match exists {
            None => Observation::failed(Reason::Timeout, "no answer"),
            Some(_) => Observation::absent(),
        },
        exists,
        aliases: Vec::new(),
        ttl: None,
    };
    let mut all: BTreeMap<String, MailAnswer> =
        list.iter().map(|(question, exists)| ((*question).to_owned(), answer(*exists))).collect();
    let found = MailAnswer { records: Observation::observed(vec!["192.0.2.1".into()]), ..answer(Some(true)) };
    all.insert("there.example A".into(), found);
    all
}

#[test]
fn lookups_that_find_nothing_are_counted_over_the_whole_tree() {
    let tree = {
        let mut tree = reached(&[("y.example", "v=spf1 a mx:none.example -all a:behind.example")]);
        tree.insert("gone.example".into(), Observation::absent());
        tree
    };
    let answers = answered(&[
        ("none.example A", Some(false)),
        ("v6.example A", Some(true)),
        ("half.example A", Some(true)),
        ("half.example AAAA", Some(true)),
        ("y.example A", Some(false)),
        ("none.example MX", Some(false)),
        ("x.example MX", Some(true)),
        ("dark.example A", None),
        ("gone.example TXT", Some(false)),
    ]);
    let voids = |text: &str| {
        let read = super::read("x.example", &[text.to_owned()], Timestamp::EPOCH, &tree, Answers(&answers));
        read.value().unwrap().void_lookups.clone()
    };
    let table = [
        ("v=spf1 a:there.example ip4:192.0.2.1 -all", 0),
        ("v=spf1 a:none.example a:there.example -all", 1),
        ("v=spf1 a:half.example mx exists:none.example -all", 3),
        ("v=spf1 include:y.example -all", 2),
        ("v=spf1 include:gone.example exists:%{i}.none.example -all", 1),
        ("v=spf1 -all a:none.example", 0),
    ];
    for (text, count) in table {
        assert_eq!(voids(text).value(), Some(&count), "{text}");
    }
    assert!(matches!(voids("v=spf1 a:dark.example -all"), Observation::Failed { reason: Reason::Timeout, .. }));
    assert!(matches!(voids("v=spf1 a:v6.example -all"), Observation::Failed { .. }), "IPv6 was not asked for");
    let many = "v=spf1 a:dark.example a:none.example mx exists:none.example -all";
    assert_eq!(voids(many).value(), Some(&3), "three are too many, whatever the fourth says");
}

#[test]
fn the_tree_says_who_leads_to_whom_and_what_it_costs() {
    let tree = reached(&[
        ("one.example", "v=spf1 a mx include:two.example -all"),
        ("two.example", "v=spf1 exists:%{i}.example ptr -all"),
    ]);
    let read = spf_with(&["v=spf1 mx include:one.example include:two.example -all"], &tree);
    let told: Vec<(&str, &str, i64, &str)> =
        read.tree.iter().map(|n| (n.place.as_str(), n.name.as_str(), n.lookups, n.found.as_str())).collect();
    let expected = [
        ("1", "x.example", 10, "record"),
        ("1.2", "one.example", 5, "record"),
        ("1.2.3", "two.example", 2, "record"),
        ("1.3", "two.example", 2, "as above"),
    ];
    assert_eq!(told, expected);
    assert_eq!(read.costs, ["include:one.example (6)", "include:two.example (3)", "mx (1)"]);
    assert_eq!(read.names, ["one.example", "two.example"]);
    assert!(read.uses_macros && read.uses_ptr);
}

#[test]
fn a_name_that_does_not_exist_is_told_from_one_without_record() {
    let mut tree = Reached::new();
    tree.insert("gone.example".into(), Observation::absent());
    tree.insert("bare.example".into(), Observation::absent());
    let answers = answered(&[("gone.example TXT", Some(false)), ("bare.example TXT", Some(true))]);
    let text = "v=spf1 include:gone.example include:bare.example -all".to_owned();
    let read = super::read("x.example", &[text], Timestamp::EPOCH, &tree, Answers(&answers));
    let spf = read.value().unwrap();
    assert!(spf.faults.iter().any(|fault| fault.text.starts_with("gone.example does not exist")));
    assert!(spf.faults.iter().any(|fault| fault.text.starts_with("bare.example has no SPF record")));
    let found: Vec<&str> = spf.tree.iter().map(|node| node.found.as_str()).collect();
    assert_eq!(found, ["record", "no such name", "no record"]);
}

#[test]
fn loops_end_and_are_said() {
    let tree =
        reached(&[("a.example", "v=spf1 include:b.example -all"), ("b.example", "v=spf1 include:a.example -all")]);
    let found = spf_with(&["v=spf1 include:a.example -all"], &tree);
    assert_eq!(found.lookups, Some(3));
    assert!(found.faults.iter().any(|fault| fault.at == "b.example:7" && fault.text.contains("never end")));
}

#[test]
fn a_wide_tree_is_counted_without_walking_it_again_and_again() {
    let line = |next: usize| format!("v=spf1 {}-all", format!("include:n{next}.example ").repeat(40));
    let records: Vec<(String, String)> = (0..20).map(|n| (format!("n{n}.example"), line(n + 1))).collect();
    let mut tree: Reached = records.into_iter().map(|(name, text)| (name, Observation::observed(vec![text]))).collect();
    tree.insert("n20.example".into(), Observation::observed(vec!["v=spf1 -all".into()]));
    assert_eq!(spf_with(&["v=spf1 include:n0.example -all"], &tree).lookups, Some(i64::MAX));
}

#[test]
fn faults_of_syntax_below_count_and_matters_of_use_there_do_not() {
    let tree = reached(&[("y.example", "v=spf1 ptr ipv4:192.0.2.1")]);
    let found = spf_with(&["v=spf1 include:y.example -all"], &tree);
    assert_eq!(found.faults.len(), 1);
    assert_eq!(found.faults[0].at, "y.example:11");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in ".{0,120}", terms in "( [+?~-]?(a|mx|ip4|ip6|all|include|redirect|exists|exp)[:=/]?[ -~]{0,12}){0,6}") {
        for text in [format!("v=spf1 {text}"), format!("v=spf1{terms}")] {
            let tree = reached(&[("a.example", &text)]);
            let found = read("x.example", std::slice::from_ref(&text), Timestamp::EPOCH, &tree);
            if let Some(spf) = found.value() {
                for fault in spf.faults.iter().filter(|fault| fault.at.starts_with("x.example:")) {
                    let at: usize = fault.at["x.example:".len()..].parse().unwrap();
                    proptest::prop_assert!(at <= text.len(), "{fault:?}");
                }
            }
        }
    }
}
