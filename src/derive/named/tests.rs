//! Records made here, held against certificates made here.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData};

use super::*;
use crate::derive::{Given, derive};
use crate::facts::{
    Announcement, Caa, CaaMatch, CaaProperty, Chain, Dane, Dnssec, HostDns, HttpsAnswer, HttpsRecord, Negotiated,
    Timestamp, Tls, Tlsa, TlsaRecord, Unobserved, Web, ZoneDns, ZoneMail,
};
use crate::store::Shelf;

const HOST: &str = "www.cec.example";
const SERVICE: &str = "www.cec.example:443/tcp";

/// A leaf below an intermediate below a root that is not sent.
struct Made {
    leaf: Vec<u8>,
    key: Vec<u8>,
    issuing: Vec<u8>,
    root: Vec<u8>,
}

fn made(names: &[&str], organisation: &str) -> Made {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let (root_key, issuing_key, key) =
        (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = authority("Root").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(authority("Root"), root_key);
    let issuing = authority("Issuing").signed_by(&issuing_key, &root_issuer).unwrap();
    let issuer = Issuer::new(authority("Issuing"), issuing_key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    Made {
        leaf: leaf.der().to_vec(),
        key: key.subject_public_key_info(),
        issuing: issuing.der().to_vec(),
        root: root.der().to_vec(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn record(usage: i64, selector: i64, matching: i64, data: String) -> TlsaRecord {
    TlsaRecord { usage, selector, matching, data }
}

/// What a host, its zone and its one service show, with one thing or another changed by the test.
struct Scene {
    looks: Looks,
    blobs: Blobs,
}

impl Scene {
    fn new(chain: &[&[u8]]) -> Self {
        let absent = Unobserved::absent();
        let mut blobs = Blobs::default();
        let mut tls = Tls::unobserved(&absent);
        let certificates = chain.iter().map(|der| blobs.keep(der)).collect();
        tls.chain = Observation::observed(Chain { certificates });
        tls.behaviour.alpn = Observation::observed(vec!["h2".into(), "http/1.1".into()]);
        let endpoint = Endpoint {
            address: "192.0.2.1".into(),
            port_state: Observation::observed(PortState { answer: "open".into() }),
            protocol: absent.cast(),
            access: absent.cast(),
            answers: Observation::underived(),
            tls,
            web: Web::unobserved(&absent),
        };
        let service = Service {
            host: HOST.into(),
            port: 443,
            transport: "tcp".into(),
            declared: true,
            scheme: Some("https".into()),
            tlsa: absent.cast(),
            agreement: Observation::underived(),
            endpoints: BTreeMap::from([("192.0.2.1".into(), endpoint)]),
        };
        let mut dns = HostDns::unobserved(&absent);
        dns.a = Observation::observed(vec!["192.0.2.1".into()]);
        let host = Host {
            name: HOST.into(),
            zone: Some("cec.example".into()),
            addresses: Vec::new(),
            dns,
            ports: Observation::underived(),
        };
        let mut zone =
            Zone { name: "cec.example".into(), dns: ZoneDns::unobserved(&absent), mail: ZoneMail::unobserved(&absent) };
        zone.dns.dnssec = Observation::observed(dnssec("secure"));
        let looks = Looks {
            hosts: BTreeMap::from([(HOST.into(), host)]),
            zones: Shelf::from_iter([("cec.example".into(), zone)]),
            services: BTreeMap::from([(SERVICE.into(), service)]),
        };
        Self { looks, blobs }
    }

    fn service(&mut self) -> &mut Service {
        self.looks.services.get_mut(SERVICE).unwrap()
    }
    fn tls(&mut self) -> &mut Tls {
        &mut self.service().endpoints.get_mut("192.0.2.1").unwrap().tls
    }
    fn dns(&mut self) -> &mut HostDns {
        &mut self.looks.hosts.get_mut(HOST).unwrap().dns
    }
    fn state(mut self, status: &str) -> Self {
        self.looks.zones.change(|_, zone| zone.dns.dnssec = Observation::observed(dnssec(status)));
        self
    }
    fn tlsa(mut self, records: Vec<TlsaRecord>) -> Self {
        self.service().tlsa =
            Observation::observed(Tlsa { asked: format!("_443._tcp.{HOST}"), aliases: vec![], records });
        self
    }
    fn caa(mut self, found_at: &str, properties: &[(&str, &str)]) -> Self {
        self.dns().caa = Observation::observed(caa(found_at, properties));
        self
    }
    fn https(mut self, records: Vec<HttpsRecord>) -> Self {
        let records = Observation::observed(records);
        self.dns().https = Observation::observed(vec![HttpsAnswer { port: 443, asked: HOST.into(), records }]);
        self
    }

    /// The endpoint's TLS with the derived facts of this module, the certificate read as always.
    fn derived(mut self) -> Tls {
        let dnssec = self.looks.zones.get("cec.example").unwrap().dns.dnssec.clone();
        let given = Given {
            now: Timestamp::EPOCH,
            extra_roots: String::new(),
            trust_anchor: String::new(),
            as_table: String::new(),
            dmarc_reports: String::new(),
        };
        derive(&mut self.looks, None, &self.blobs, &given);
        // The zone's state stands for a chain of answers that is not made here.
        self.looks.zones.change(|_, zone| zone.dns.dnssec = dnssec.clone());
        super::derive(&mut self.looks, None, &self.blobs);
        self.tls().clone()
    }
    fn dane(self) -> Dane {
        self.derived().dane.value().cloned().expect("records")
    }
    fn announced(self) -> Observation<Announcement> {
        self.derived().announced
    }
    fn matched(self) -> Observation<CaaMatch> {
        self.derived().caa
    }
}

fn dnssec(status: &str) -> Dnssec {
    Dnssec {
        status: status.into(),
        reason: "for a reason".into(),
        signed: true,
        delegated_securely: None,
        keys: vec![],
        ds: vec![],
        signatures_end: None,
    }
}

fn caa(found_at: &str, properties: &[(&str, &str)]) -> Caa {
    let property = |(tag, value): &(&str, &str)| CaaProperty {
        tag: (*tag).into(),
        value: (*value).into(),
        critical: false,
        parameters: BTreeMap::new(),
    };
    let properties = properties.iter().map(property).collect();
    Caa { found_at: found_at.into(), properties, issuers: vec![], iodef: vec![] }
}

fn https() -> HttpsRecord {
    HttpsRecord {
        priority: 1,
        target: String::new(),
        alpn: vec!["h2".into()],
        no_default_alpn: false,
        port: None,
        ipv4_hints: vec!["192.0.2.1".into()],
        ipv6_hints: vec![],
        mandatory: vec![],
        keys: vec!["alpn".into(), "ipv4hint".into()],
        ech: None,
    }
}

fn made_here() -> Made {
    made(&[HOST], "Let's Encrypt")
}

#[test]
fn a_record_fits_by_certificate_or_key_whole_or_by_either_digest() {
    let made = made_here();
    let chain = [made.leaf.as_slice(), &made.issuing];
    for (what, fitting) in [
        ("leaf by digest of the key", record(3, 1, 1, sha256(&made.key))),
        ("leaf by digest", record(3, 0, 1, sha256(&made.leaf))),
        ("leaf by the longer digest", record(1, 0, 2, hex(digest(&SHA512, &made.leaf).as_ref()))),
        ("leaf as a whole", record(3, 0, 0, hex(&made.leaf))),
        ("key as a whole", record(3, 1, 0, hex(&made.key))),
        ("authority by digest", record(2, 0, 1, sha256(&made.issuing))),
        ("authority that clients have", record(0, 0, 1, sha256(&made.issuing))),
    ] {
        let dane = Scene::new(&chain).tlsa(vec![fitting]).dane();
        assert_eq!(dane.holds.value(), Some(&true), "{what}");
        assert_eq!((dane.usable, dane.faults.len(), dane.records[0].fits), (1, 0, Some(true)), "{what}");
    }
}

#[test]
fn a_record_of_another_certificate_does_not_hold_and_a_second_that_fits_saves_it() {
    let made = made_here();
    let chain = [made.leaf.as_slice(), &made.issuing];
    let other = || record(3, 1, 1, sha256(b"another key"));
    let fitting = record(3, 1, 1, sha256(&made.key));
    for wrong in [other(), record(3, 0, 1, sha256(&made.issuing)), record(2, 0, 1, sha256(&made.leaf))] {
        let dane = Scene::new(&chain).tlsa(vec![wrong.clone()]).dane();
        assert_eq!((dane.holds.value(), dane.spare), (Some(&false), Some(false)), "{wrong:?}");
    }
    let both = Scene::new(&chain).tlsa(vec![other(), fitting]).dane();
    assert_eq!((both.holds.value(), both.spare), (Some(&true), Some(true)), "the next key is there already");
}

#[test]
fn a_root_that_is_not_sent_leaves_it_open_but_for_records_that_need_it_sent() {
    let made = made_here();
    let root = |usage| record(usage, 0, 1, sha256(&made.root));
    let short = [made.leaf.as_slice(), &made.issuing];
    let open = Scene::new(&short).tlsa(vec![root(0)]).dane();
    assert!(matches!(open.holds, Observation::Failed { reason: Reason::Dependency, .. }), "{:?}", open.holds);
    assert_eq!(open.records[0].fits, None);
    let anchor = Scene::new(&short).tlsa(vec![root(2)]).dane();
    assert_eq!(anchor.holds.value(), Some(&false), "RFC 7671 §5.2.2: the anchor has to be sent");
    let long = [made.leaf.as_slice(), &made.issuing, &made.root];
    for usage in [0, 2] {
        assert_eq!(Scene::new(&long).tlsa(vec![root(usage)]).dane().holds.value(), Some(&true));
    }
    let stranger = made_here();
    let unrelated = [made.leaf.as_slice(), &stranger.root];
    let dane = Scene::new(&unrelated).tlsa(vec![record(2, 0, 1, sha256(&stranger.root))]).dane();
    assert_eq!(dane.holds.value(), Some(&false), "an authority that did not issue the leaf");
}

#[test]
fn what_no_client_can_use_is_told_with_the_reason() {
    let made = made_here();
    for (wrong, why) in [
        (record(4, 1, 1, sha256(b"x")), "no usage 4"),
        (record(3, 2, 1, sha256(b"x")), "no selector 2"),
        (record(3, 1, 255, sha256(b"x")), "no matching type 255"),
        (record(3, 1, 1, "00".repeat(31)), "32 bytes, not 31"),
        (record(3, 1, 2, "00".repeat(32)), "64 bytes, not 32"),
        (record(3, 0, 0, String::new()), "no certificate"),
        (record(3, 1, 0, "00ff".into()), "no public key"),
    ] {
        let dane = Scene::new(&[&made.leaf]).tlsa(vec![wrong]).dane();
        assert_eq!((dane.usable, dane.faults.len()), (0, 1), "{why}");
        assert!(dane.faults[0].contains(why), "{}", dane.faults[0]);
        assert!(matches!(dane.holds, Observation::Absent { .. }), "nobody heeds it");
    }
}

#[test]
fn between_mail_servers_only_two_usages_count() {
    let made = made_here();
    let mut scene = Scene::new(&[&made.leaf]).tlsa(vec![record(1, 1, 1, sha256(&made.key))]);
    scene.service().port = 25;
    let dane = scene.dane();
    assert!(dane.usable == 0 && dane.faults[0].contains("mail servers do not heed usage 1"), "{dane:?}");
}

#[test]
fn records_without_dnssec_bind_nobody_and_of_an_unknown_state_only_what_fits_is_known() {
    let made = made_here();
    let wrong = || vec![record(3, 1, 1, sha256(b"another key"))];
    for state in ["insecure", "bogus"] {
        let dane = Scene::new(&[&made.leaf]).tlsa(wrong()).state(state).dane();
        assert!(matches!(dane.holds, Observation::Absent { .. }) && dane.dnssec == state);
    }
    let unknown = Scene::new(&[&made.leaf]).tlsa(wrong()).state("indeterminate").dane();
    assert!(matches!(unknown.holds, Observation::Failed { reason: Reason::Dependency, .. }));
    let fits = vec![record(3, 1, 1, sha256(&made.key))];
    let fitting = Scene::new(&[&made.leaf]).tlsa(fits).state("indeterminate").dane();
    assert_eq!(fitting.holds.value(), Some(&true));
    let mut undeclared = Scene::new(&[&made.leaf]).tlsa(wrong());
    let zone = undeclared.looks.zones.get("cec.example").unwrap();
    undeclared.looks.zones.insert("other.example".into(), Zone::clone(&zone));
    undeclared.service().tlsa.value_mut().unwrap().aliases = vec!["_dane.elsewhere.example".into()];
    let dane = undeclared.dane();
    assert_eq!(dane.dnssec, "indeterminate");
    assert!(dane.dnssec_reason.contains("elsewhere.example lies in no zone that is declared"));
}

#[test]
fn a_certificate_that_was_not_seen_leaves_it_open() {
    let made = made_here();
    let fits = vec![record(3, 1, 1, sha256(&made.key))];
    let mut scene = Scene::new(&[&made.leaf]).tlsa(fits.clone());
    scene.tls().chain = Observation::failed(Reason::Timeout, "no answer");
    let dane = scene.dane();
    assert!(matches!(dane.holds, Observation::Failed { reason: Reason::Timeout, .. }));
    assert_eq!((dane.usable, dane.records[0].fits, dane.spare), (1, None, None));
    let mut other = Scene::new(&[&made.leaf]).tlsa(fits.clone());
    other.tls().other_chains = Observation::failed(Reason::Reset, "the connection was reset");
    assert!(matches!(other.dane().holds, Observation::Failed { reason: Reason::Reset, .. }));
    let mut second = Scene::new(&[&made.leaf]).tlsa(fits);
    let another = second.blobs.keep(&made_here().leaf);
    second.tls().other_chains = Observation::observed(vec![Chain { certificates: vec![another] }]);
    assert_eq!(second.dane().holds.value(), Some(&false), "the other certificate is not announced");
}

#[test]
fn records_that_could_not_be_asked_for_are_not_absent_and_an_undeclared_port_has_none() {
    let made = made_here();
    let mut scene = Scene::new(&[&made.leaf]);
    scene.service().tlsa = Observation::failed(Reason::Servfail, "it answered SERVFAIL");
    assert!(matches!(scene.derived().dane, Observation::Failed { reason: Reason::Servfail, .. }));
    let mut undeclared = Scene::new(&[&made.leaf]).tlsa(vec![record(3, 1, 1, sha256(b"x"))]);
    undeclared.service().declared = false;
    assert!(matches!(undeclared.derived().dane, Observation::Absent { .. }));
}

#[test]
fn an_alias_is_not_judged_by_records_that_may_not_come_first() {
    let made = made_here();
    let mut scene = Scene::new(&[&made.leaf]).tlsa(vec![record(3, 1, 1, sha256(b"x"))]);
    scene.dns().cname = Observation::observed(vec!["front.example".into()]);
    assert!(matches!(scene.dane().holds, Observation::Failed { reason: Reason::Dependency, .. }));
}

#[test]
fn the_issuer_is_held_against_the_property_that_counts() {
    let host = made(&[HOST], "Let's Encrypt");
    let wildcard = made(&["*.cec.example"], "Let's Encrypt");
    for (made, properties, named, tag) in [
        (&host, &[("issue", "letsencrypt.org; validationmethods=dns-01")][..], true, "issue"),
        (&host, &[("issue", "LetsEncrypt.org"), ("issuewild", ";")], true, "issue"),
        (&host, &[("issue", "digicert.com")], false, "issue"),
        (&host, &[("issue", ";")], false, "issue"),
        (&wildcard, &[("issue", "letsencrypt.org"), ("issuewild", ";")], false, "issuewild"),
        (&wildcard, &[("issue", ";"), ("issuewild", "letsencrypt.org")], true, "issuewild"),
        (&wildcard, &[("issue", "letsencrypt.org")], true, "issue"),
    ] {
        let found = Scene::new(&[&made.leaf]).caa("cec.example", properties).matched();
        let found = found.value().unwrap_or_else(|| panic!("{found:?}"));
        assert_eq!((found.named, found.tag.as_str()), (named, tag), "{properties:?}");
        assert_eq!(found.issuer, "Let's Encrypt");
    }
}

#[test]
fn an_issuer_that_is_in_no_table_and_caa_that_was_not_learned_leave_it_open() {
    let unknown = made(&[HOST], "Nobody in Particular");
    let found = Scene::new(&[&unknown.leaf]).caa("cec.example", &[("issue", "letsencrypt.org")]).matched();
    assert!(matches!(found, Observation::NotRun { reason: Reason::Unsupported, .. }), "{found:?}");
    let known = made_here();
    let mut failed = Scene::new(&[&known.leaf]);
    failed.dns().caa = Observation::failed(Reason::Servfail, "it answered SERVFAIL");
    assert!(matches!(failed.matched(), Observation::Failed { reason: Reason::Servfail, .. }));
    let mut silent = Scene::new(&[&known.leaf]).caa("cec.example", &[("issue", "letsencrypt.org")]);
    silent.tls().chain = Observation::failed(Reason::Timeout, "no answer");
    assert!(matches!(silent.matched(), Observation::Failed { reason: Reason::Timeout, .. }));
}

#[test]
fn caa_that_limits_nobody_does_not_apply() {
    let made = made_here();
    let contact = Scene::new(&[&made.leaf]).caa("cec.example", &[("iodef", "mailto:a@cec.example")]);
    assert!(matches!(contact.matched(), Observation::Absent { .. }));
    let mut none = Scene::new(&[&made.leaf]);
    none.tls().chain = Observation::failed(Reason::Timeout, "no answer");
    assert!(matches!(none.matched(), Observation::Absent { .. }), "there are no records, whatever the server shows");
}

#[test]
fn for_a_wildcard_the_records_of_the_name_above_count() {
    let wildcard = made(&["*.cec.example"], "Let's Encrypt");
    let mut scene = Scene::new(&[&wildcard.leaf]).caa(HOST, &[("issue", "letsencrypt.org")]);
    let above = caa("cec.example", &[("issue", "digicert.com")]);
    scene.looks.zones.change(|_, zone| zone.dns.caa = Observation::observed(above.clone()));
    assert_eq!(scene.matched().value().map(|found| found.named), Some(false));
    let mut unasked = Scene::new(&[&wildcard.leaf]).caa(HOST, &[("issue", "letsencrypt.org")]);
    let above = unasked.looks.zones.get("cec.example").unwrap();
    unasked.looks.zones.change(|_, zone| zone.dns.caa = Observation::failed(Reason::Timeout, "no answer"));
    unasked.looks.zones.insert("example".into(), Zone::clone(&above));
    assert!(matches!(unasked.matched(), Observation::Failed { reason: Reason::Timeout, .. }));
}

#[test]
fn https_records_that_the_server_bears_out_contradict_nothing() {
    let made = made_here();
    let with_h3 = HttpsRecord { alpn: vec!["h3".into(), "h2".into()], ..https() };
    for good in [https(), with_h3] {
        let told = Scene::new(&[&made.leaf]).https(vec![good]).announced();
        let told = told.value().unwrap_or_else(|| panic!("{told:?}"));
        assert!(told.contradictions.is_empty() && !told.misleads, "{told:?}");
    }
}

#[test]
fn what_the_server_does_not_bear_out_is_told() {
    let made = made_here();
    let ech = crate::facts::Ech { readable: false, configs: vec![] };
    for (record, why, misleads) in [
        (HttpsRecord { ipv4_hints: vec!["192.0.2.9".into()], ..https() }, "the hint 192.0.2.9", true),
        (HttpsRecord { ipv6_hints: vec!["2001:db8::9".into()], ..https() }, "the hint 2001:db8::9", true),
        (HttpsRecord { alpn: vec!["http/1.0".into()], ..https() }, "http/1.0 is announced", false),
        (
            HttpsRecord { alpn: vec!["http/1.0".into()], no_default_alpn: true, ..https() },
            "only http/1.0 is announced",
            true,
        ),
        (HttpsRecord { alpn: vec![], no_default_alpn: true, ..https() }, "without alpn", false),
        (HttpsRecord { mandatory: vec!["port".into()], ..https() }, "port is called mandatory", false),
        (HttpsRecord { priority: 0, ..https() }, "leads nowhere", true),
        (HttpsRecord { ech: Some(ech), ..https() }, "cannot be read", false),
    ] {
        let told = Scene::new(&[&made.leaf]).https(vec![record]).announced();
        let told = told.value().unwrap_or_else(|| panic!("{why}: {told:?}"));
        assert!(told.contradictions.iter().any(|text| text.contains(why)), "{why}: {told:?}");
        assert_eq!(told.misleads, misleads, "{why}");
    }
}

#[test]
fn another_port_is_held_against_what_was_seen_there() {
    let made = made_here();
    let moved = || vec![HttpsRecord { port: Some(8443), ..https() }];
    let with = |state: Option<Observation<PortState>>| {
        let mut scene = Scene::new(&[&made.leaf]).https(moved());
        if let Some(state) = state {
            let mut other = scene.service().clone();
            other.endpoints.get_mut("192.0.2.1").unwrap().port_state = state;
            scene.looks.services.insert(format!("{HOST}:8443/tcp"), other);
        }
        scene.announced()
    };
    let open = with(Some(Observation::observed(PortState { answer: "open".into() })));
    assert_eq!(open.value().map(|told| told.contradictions.len()), Some(0));
    let closed = with(Some(Observation::failed(Reason::Refused, "refused")));
    assert!(closed.value().is_some_and(|told| told.misleads), "{closed:?}");
    for unknown in [with(None), with(Some(Observation::failed(Reason::Timeout, "no answer")))] {
        assert!(matches!(unknown, Observation::Failed { reason: Reason::Dependency, .. }), "{unknown:?}");
    }
}

#[test]
fn a_target_elsewhere_is_recorded_and_only_a_declared_one_known_to_be_gone() {
    let made = made_here();
    let elsewhere = |target: &str| vec![HttpsRecord { target: target.into(), alpn: vec!["h2".into()], ..https() }];
    let told = Scene::new(&[&made.leaf]).https(elsewhere("cdn.elsewhere.example")).announced();
    let told = told.value().unwrap_or_else(|| panic!("{told:?}"));
    assert_eq!((told.contradictions.len(), told.elsewhere.as_slice()), (0, &["cdn.elsewhere.example".to_owned()][..]));
    let mut gone = Scene::new(&[&made.leaf]).https(elsewhere("gone.cec.example"));
    let mut host = gone.looks.hosts[HOST].clone();
    (host.name, host.dns.a) = ("gone.cec.example".into(), Observation::absent());
    gone.looks.hosts.insert("gone.cec.example".into(), host);
    assert!(gone.announced().value().is_some_and(|told| told.misleads));
}

#[test]
fn what_of_a_record_cannot_be_checked_leaves_it_open() {
    let made = made_here();
    let failed = || Observation::failed(Reason::Timeout, "no answer");
    let mut silent = Scene::new(&[&made.leaf]).https(vec![https()]);
    silent.tls().behaviour.alpn = failed();
    assert!(matches!(silent.announced(), Observation::Failed { reason: Reason::Dependency, .. }));
    let mut chosen = Scene::new(&[&made.leaf]).https(vec![https()]);
    chosen.tls().behaviour.alpn = failed();
    chosen.tls().negotiated = Observation::observed(Negotiated {
        version: "TLS 1.3".into(),
        suite: "TLS_AES_128_GCM_SHA256".into(),
        suite_code: 4865,
        forward_secret: true,
        aead: true,
        group: None,
        alpn: Some("h2".into()),
        ocsp_stapled: None,
    });
    assert_eq!(chosen.announced().value().map(|told| told.contradictions.len()), Some(0), "the handshake showed it");
    let mut nowhere = Scene::new(&[&made.leaf]).https(vec![https()]);
    nowhere.dns().a = Observation::failed(Reason::Servfail, "it answered SERVFAIL");
    assert!(matches!(nowhere.announced(), Observation::Failed { reason: Reason::Dependency, .. }));
    let mut unasked = Scene::new(&[&made.leaf]);
    let records = Observation::failed(Reason::Servfail, "it answered SERVFAIL");
    unasked.dns().https = Observation::observed(vec![HttpsAnswer { port: 443, asked: HOST.into(), records }]);
    assert!(matches!(unasked.announced(), Observation::Failed { reason: Reason::Servfail, .. }));
}

#[test]
fn a_second_look_takes_names_and_states_from_the_first() {
    let made = made_here();
    let mut scene = Scene::new(&[&made.leaf]).tlsa(vec![record(3, 1, 1, sha256(b"x"))]);
    let first = scene.looks.clone();
    scene.looks.hosts.clear();
    scene.looks.zones = Shelf::default();
    super::derive(&mut scene.looks, Some(&first), &scene.blobs);
    assert_eq!(scene.tls().dane.value().map(|dane| dane.dnssec.clone()), Some("secure".to_owned()));
}

proptest::proptest! {
    #[test]
    fn no_record_panics(usage in 0..256_i64, selector in 0..256_i64, matching in 0..4_i64, data in "[0-9a-f]{0,80}") {
        let made = Scene::new(&[b"\x30\x03abc"]).tlsa(vec![record(usage, selector, matching, data)]);
        let _ = made.derived();
    }
}
