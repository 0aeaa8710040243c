//! Certificates of the lab, good and bad. What no modern library signs any more is made by the openssl command.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::namespace::Namespace;

/// One authority; the lab has one that the estate trusts and one that nobody does.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

/// Writes `NAME.pem` and `NAME.key` for every name, and the trusted root as `ca.pem`.
pub(crate) fn write(lab: &Namespace, now: OffsetDateTime) {
    let day = Duration::days;
    let trusted = authority(lab, "ca", "Lab Root", now);
    let stranger = authority(lab, "stranger", "Nobody's Root", now);
    let good = (now - day(20), now + day(90));
    for name in ["www.good.example", "results.good.example"] {
        issue(lab, &trusted, name, name, good, &[]);
    }
    issue(lab, &trusted, "rdap.elsewhere.example", "rdap.elsewhere.example", good, &[]);
    for host in ["web", "script", "split", "shared", "locked", "bigheader", "everything"] {
        let name = format!("{host}.bad.example");
        issue(lab, &trusted, &name, &name, good, &[]);
    }
    // Its second name is nowhere else, and not declared.
    issue(lab, &trusted, "v4only.bad.example", "v4only.bad.example,staging.bad.example", good, &[]);
    issue(lab, &trusted, "mta-sts.good.example", "mta-sts.good.example", good, &[]);
    issue(lab, &trusted, "mta-sts.cname-mx.example", "mta-sts.cname-mx.example", good, &[]);
    issue(lab, &stranger, "mta-sts.mailfaults.example", "mta-sts.mailfaults.example", good, &[]);
    issue(lab, &trusted, "split-other", "split.bad.example", good, &[]);
    issue(lab, &trusted, "expired.bad.example", "expired.bad.example", (now - day(90), now - day(3)), &[]);
    issue(lab, &trusted, "early.bad.example", "early.bad.example", (now + day(5), now + day(90)), &[]);
    issue(lab, &trusted, "soon.bad.example", "soon.bad.example", (now - day(60), now + day(35)), &[]);
    issue(lab, &trusted, "wrongname.bad.example", "www.other.example", good, &[]);
    issue(lab, &stranger, "untrusted.bad.example", "untrusted.bad.example", good, &[]);
    // The TLS feature extension (RFC 7633) without a staple behind it.
    let staple = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
    issue(lab, &trusted, "muststaple.bad.example", "muststaple.bad.example", good, &[staple]);
    for host in ["zerortt", "dual"] {
        let name = format!("{host}.bad.example");
        issue(lab, &trusted, &name, &name, good, &[]);
    }
    issue(lab, &trusted, "dual.good.example", "dual.good.example", good, &[]);
    rsa(lab, "dual.good.example", "60");
    for host in ["ancient", "tickets", "picky", "mixed", "mailkeeps", "mailforgets"] {
        rsa(lab, &format!("{host}.bad.example"), "60");
    }
    // The key of `ancient`, which speaks SSL 2.0, once more.
    sign(lab, "tickets.bad.example", "rsa-ancient.bad.example.key", "rsa-tickets.bad.example.pem", "60");
    lab.must("cp", &["rsa-ancient.bad.example.key", "rsa-tickets.bad.example.key"]);
    // Another certificate for the key of `mixed`, and one that nobody trusts for `dual`.
    sign(lab, "mixed.bad.example", "rsa-mixed.bad.example.key", "rsa-mixed-other.bad.example.pem", "40");
    lab.must(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "rsa-dual.bad.example.key",
            "-subj",
            "/CN=dual.bad.example",
            "-out",
            "rsa-dual.bad.example.pem",
        ],
    );
    named(lab, &trusted, now);
    self_signed(lab, "selfsigned.bad.example", (now - day(100), now + day(900)));
    weak(lab, "old.bad.example");
    crate::vouching::write(lab, &trusted, now);
}

/// What DNS speaks of: hosts below an authority that calls itself like a public one, which CAA knows; mail servers.
fn named(lab: &Namespace, root: &Authority, now: OffsetDateTime) {
    let key = KeyPair::generate().expect("a key");
    let mut params = authority_params("Lab Issuing", now);
    params.distinguished_name.push(DnType::OrganizationName, "Let's Encrypt");
    let certificate = params.signed_by(&key, &root.issuer).expect("an authority").pem();
    let issuing = Authority { issuer: Issuer::new(params, key) };
    let (from, until) = (now - Duration::days(20), now + Duration::days(90));
    for name in ["named.unsigned.example", "mx1.good.example", "mx2.good.example"] {
        issue(lab, root, name, name, (from, until), &[]);
    }
    // The second has a key that serves another function already.
    let shared = std::fs::read_to_string(lab.path("web.bad.example.key")).expect("it was made");
    let own = KeyPair::generate().expect("a key").serialize_pem();
    for (name, key) in [("named.good.example", own), ("named.bad.example", shared)] {
        let pair = KeyPair::from_pem(&key).expect("a key");
        let leaf = server(name, from, until).signed_by(&pair, &issuing.issuer).expect("a certificate").pem();
        lab.write(&format!("{name}.pem"), &(leaf + &certificate));
        lab.write(&format!("{name}.key"), &key);
    }
}

fn authority(lab: &Namespace, file: &str, name: &str, now: OffsetDateTime) -> Authority {
    let key = KeyPair::generate().expect("a key");
    let params = authority_params(name, now);
    let certificate = params.self_signed(&key).expect("a root");
    lab.write(&format!("{file}.pem"), &certificate.pem());
    lab.write(&format!("{file}.key"), &key.serialize_pem());
    Authority { issuer: Issuer::new(params, key) }
}

fn authority_params(name: &str, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::days(400);
    params.not_after = now + Duration::days(4000);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// `name`: one or several, separated by commas.
pub(crate) fn issue(
    lab: &Namespace,
    by: &Authority,
    file: &str,
    name: &str,
    (from, until): (OffsetDateTime, OffsetDateTime),
    extensions: &[CustomExtension],
) {
    let key = KeyPair::generate().expect("a key");
    let mut params = server(name, from, until);
    params.custom_extensions = extensions.to_vec();
    let certificate = params.signed_by(&key, &by.issuer).expect("a certificate");
    lab.write(&format!("{file}.pem"), &certificate.pem());
    lab.write(&format!("{file}.key"), &key.serialize_pem());
}

fn self_signed(lab: &Namespace, name: &str, (from, until): (OffsetDateTime, OffsetDateTime)) {
    let key = KeyPair::generate().expect("a key");
    let certificate = server(name, from, until).self_signed(&key).expect("a certificate");
    lab.write(&format!("{name}.pem"), &certificate.pem());
    lab.write(&format!("{name}.key"), &key.serialize_pem());
}

pub(crate) fn server(name: &str, from: OffsetDateTime, until: OffsetDateTime) -> CertificateParams {
    let names: Vec<String> = name.split(',').map(str::to_owned).collect();
    let mut params = CertificateParams::new(names.clone()).expect("a name");
    params.distinguished_name.push(DnType::CommonName, names[0].clone());
    params.not_before = from;
    params.not_after = until;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// 1024 bits of RSA, signed with SHA-1.
fn weak(lab: &Namespace, name: &str) {
    let (key, request, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
    lab.must("openssl", &["genrsa", "-traditional", "-out", &key, "1024"]);
    lab.must("openssl", &["req", "-new", "-key", &key, "-subj", &format!("/CN={name}"), "-out", &request]);
    lab.write("old.ext", &format!("subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n"));
    let sign = ["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-sha1", "-days", "60"];
    lab.must("openssl", &[&sign[..], &["-extfile", "old.ext", "-out", &pem]].concat());
}

/// An RSA key of 2048 bits in PKCS #8 and its certificate, as `rsa-NAME.pem` and `rsa-NAME.key`.
fn rsa(lab: &Namespace, name: &str, days: &str) {
    let key = format!("rsa-{name}.key");
    lab.must("openssl", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &key]);
    sign(lab, name, &key, &format!("rsa-{name}.pem"), days);
}

pub(crate) fn sign(lab: &Namespace, name: &str, key: &str, pem: &str, days: &str) {
    let (request, extensions) = (format!("{pem}.csr"), format!("{pem}.ext"));
    lab.must("openssl", &["req", "-new", "-key", key, "-subj", &format!("/CN={name}"), "-out", &request]);
    lab.write(&extensions, &format!("subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n"));
    let sign = ["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-sha256", "-days", days];
    lab.must("openssl", &[&sign[..], &["-extfile", &extensions, "-out", pem]].concat());
}
