//! What profiles and clients say of a server made of facts.

use super::*;
use crate::facts::{Enumerated, Item, Observation, Tls, Unobserved, Version};

fn set(names: &[&str]) -> Observation<Enumerated> {
    let accepted = names.iter().map(|name| Item { code: 0, name: (*name).into() }).collect();
    Observation::observed(Enumerated { accepted, ..Enumerated::default() })
}

fn version(offered: bool) -> Observation<Version> {
    Observation::observed(Version { offered, suite: None, refusal: None })
}

/// TLS 1.2 and 1.3 as Mozilla's intermediate profile has them; the certificate was not read.
fn server() -> Tls {
    let mut tls = Tls::unobserved(&Unobserved::absent());
    for old in [&mut tls.versions.ssl2, &mut tls.versions.ssl3, &mut tls.versions.tls1_0, &mut tls.versions.tls1_1] {
        *old = version(false);
    }
    tls.versions.tls1_2 = version(true);
    tls.versions.tls1_3 = version(true);
    tls.suites.tls1_2 = set(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]);
    tls.suites.tls1_3 = set(&["TLS_AES_128_GCM_SHA256"]);
    tls.groups.tls1_2 = set(&["x25519", "secp256r1"]);
    tls.groups.tls1_3 = set(&["x25519", "secp256r1"]);
    tls.preference.tls1_2 = Observation::observed("client".into());
    tls.certificate = Observation::absent();
    tls.others = Observation::absent();
    tls
}

fn against(id: &str, tls: &Tls) -> Judgement {
    let profile = profiles().iter().find(|profile| profile.id == id).expect("a profile of the table");
    judge(profile, "www.cec.example:443/tcp", "192.0.2.1", tls)
}

#[test]
fn a_server_as_a_profile_asks_meets_it() {
    let judgement = against("mozilla-intermediate", &server());
    assert_eq!(judgement.outcome, Outcome::Meets, "{judgement:?}");
}

#[test]
fn one_suite_too_many_is_a_deviation_with_its_version() {
    let mut tls = server();
    tls.suites.tls1_2 = set(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"]);
    let judgement = against("mozilla-intermediate", &tls);
    assert_eq!(judgement.outcome, Outcome::Deviates);
    let found: Vec<&str> = judgement.deviations.iter().map(|deviation| deviation.found.as_str()).collect();
    assert_eq!(found, ["TLS_RSA_WITH_AES_128_CBC_SHA in TLS 1.2"]);
}

#[test]
fn what_was_not_seen_is_neither_met_nor_a_deviation() {
    let mut tls = server();
    tls.versions.tls1_0 = Observation::failed(crate::facts::Reason::Timeout, "silence");
    let judgement = against("mozilla-intermediate", &tls);
    assert_eq!(judgement.outcome, Outcome::Undetermined);
    assert_eq!(judgement.unknown, ["TLS 1.0: timeout (silence)"]);
}

#[test]
fn a_hybrid_group_makes_a_server_ready_for_quantum_computers_and_its_lack_does_not() {
    assert_eq!(against("post-quantum", &server()).outcome, Outcome::Deviates);
    let mut tls = server();
    tls.groups.tls1_3 = set(&["X25519MLKEM768", "x25519"]);
    assert_eq!(against("post-quantum", &tls).outcome, Outcome::Meets);
    // Somewhere in what was not answered one may be.
    tls.groups.tls1_3 = Observation::failed(crate::facts::Reason::Timeout, "silence");
    assert_eq!(against("post-quantum", &tls).outcome, Outcome::Undetermined);
    // Or it is among those that alone are not known.
    tls.groups.tls1_3 = set(&["x25519"]);
    let unknown = crate::facts::UnknownRange {
        from: 1,
        to: 9,
        count: 3,
        reason: crate::facts::Reason::Timeout,
        detail: "silence".into(),
    };
    tls.groups.tls1_3.value_mut().expect("groups").unknown.push(unknown);
    assert_eq!(against("post-quantum", &tls).outcome, Outcome::Undetermined);
}

#[test]
fn phasing_out_is_told_and_meets() {
    let mut tls = server();
    tls.suites.tls1_2 = set(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"]);
    let judgement = against("ncsc-nl-2025-05", &tls);
    assert_eq!((judgement.outcome, judgement.phase_out.len()), (Outcome::Meets, 1), "{judgement:?}");
}

#[test]
fn every_client_of_the_table_has_names_that_the_probe_knows() {
    let lines = include_str!("../../checks/reference/tls-clients.toml").matches("\n[[client]]").count();
    assert_eq!(clients().len(), lines);
    let suites = include_str!("../probe/tls/suites.txt");
    for client in clients() {
        for suite in &client.suites {
            assert!(suites.lines().any(|line| line.split(' ').nth(1) == Some(suite)), "{}: {suite}", client.id);
        }
        assert!(!client.versions.is_empty() && !client.suites.is_empty(), "{}", client.id);
    }
}

fn visit(tls: &Tls, id: &str) -> Connection {
    let all = visits("www.cec.example:443/tcp", "192.0.2.1", tls);
    all.into_iter().find(|visit| visit.client == id).expect("a client of the table").connection
}

#[test]
fn an_old_telephone_connects_where_something_is_in_common_and_not_elsewhere() {
    let connects = visit(&server(), "android-4.4");
    assert!(matches!(&connects, Connection::Connects { version, .. } if version == "TLS 1.2"), "{connects:?}");
    let mut tls = server();
    tls.versions.tls1_2 = version(false);
    tls.suites.tls1_2 = Observation::absent();
    assert!(matches!(visit(&tls, "android-4.4"), Connection::Fails { .. }));
    tls.versions.tls1_2 = Observation::failed(crate::facts::Reason::Timeout, "silence");
    assert!(matches!(visit(&tls, "android-4.4"), Connection::Undetermined { .. }));
}
