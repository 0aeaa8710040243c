//! Certificates of the lab with something wrong around them: their status, their key, the chain that they come in, their names.

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair};
use time::{Duration, OffsetDateTime};

use crate::certificates::{Authority, issue, server, sign};
use crate::namespace::{Namespace, script};

/// Hosts with a site on nginx; those with a staple have it as `NAME.ocsp`.
pub(crate) const HOSTS: [&str; 8] =
    ["revoked", "wrongstaple", "knownkey", "flawedkey", "incomplete", "disordered", "weaklink", "oddnames"];
pub(crate) const STAPLED: [&str; 3] = ["www.good.example", "revoked.bad.example", "wrongstaple.bad.example"];

pub(crate) fn write(lab: &Namespace, trusted: &Authority, now: OffsetDateTime) {
    let good = (now - Duration::days(20), now + Duration::days(90));
    for host in ["revoked", "wrongstaple"] {
        let name = format!("{host}.bad.example");
        issue(lab, trusted, &name, &name, good, &[]);
    }
    staples(lab);
    lab.write("knownkey.bad.example.key", &published_key());
    let flawed = lab.must("python3", &[&script("close_primes.py").display().to_string()]);
    lab.write("flawedkey.bad.example.key", &flawed);
    for host in ["knownkey", "flawedkey"] {
        let name = format!("{host}.bad.example");
        sign(lab, &name, &format!("{name}.key"), &format!("{name}.pem"), "60");
    }
    chains(lab, trusted, now);
    let mut params = server("oddnames.bad.example", good.0, good.1);
    params
        .subject_alt_names
        .extend(CertificateParams::new(["mail.corp".to_owned()]).expect("a name").subject_alt_names);
    finish(lab, "oddnames.bad.example", params, &trusted.issuer, &[]);
}

/// One good, by a responder that the authority named; one revoked, by the authority itself; one of another certificate.
fn staples(lab: &Namespace) {
    let request =
        ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "responder.key", "-subj", "/CN=Responder"];
    lab.must("openssl", &[&request[..], &["-out", "responder.csr"]].concat());
    lab.write("responder.ext", "extendedKeyUsage=OCSPSigning\n");
    let sign = ["x509", "-req", "-in", "responder.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "60"];
    lab.must("openssl", &[&sign[..], &["-extfile", "responder.ext", "-out", "responder.pem"]].concat());
    staple(lab, "www.good.example", "V\t", "responder");
    staple(lab, "revoked.bad.example", "R\t", "ca");
    lab.must("cp", &["www.good.example.ocsp", "wrongstaple.bad.example.ocsp"]);
}

/// Answers for one certificate as openssl's own responder does; `state` begins its line in the authority's index.
fn staple(lab: &Namespace, name: &str, state: &str, signer: &str) {
    let (pem, request, index) = (format!("{name}.pem"), format!("{name}.ocsp-request"), format!("{name}.index"));
    let serial = lab.must("openssl", &["x509", "-in", &pem, "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=");
    let revoked = if state.starts_with('R') { "200101000000Z,keyCompromise" } else { "" };
    lab.write(&index, &format!("{state}491231235959Z\t{revoked}\t{serial}\tunknown\t/CN={name}\n"));
    lab.must("openssl", &["ocsp", "-issuer", "ca.pem", "-cert", &pem, "-no_nonce", "-reqout", &request]);
    let (certificate, key, response) = (format!("{signer}.pem"), format!("{signer}.key"), format!("{name}.ocsp"));
    let answer = ["ocsp", "-index", &index, "-CA", "ca.pem", "-rsigner", &certificate, "-rkey", &key, "-ndays", "7"];
    lab.must("openssl", &[&answer[..], &["-reqin", &request, "-respout", &response]].concat());
}

/// A key that lies in the source of a library this program is built with: everybody has it.
fn published_key() -> String {
    let path = crate::support::source_of("aws-lc-sys").join("aws-lc/crypto/x509/x509_test.cc");
    let source = std::fs::read_to_string(path).expect("the source of its tests");
    let (begin, end) = ("\n-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----");
    let key = source.split(begin).nth(1).and_then(|rest| rest.split(end).next()).expect("a key");
    format!("{}{key}{end}\n", begin.trim_start())
}

/// Two intermediates, of which one is left out, one stands too early, and one is out of time.
fn chains(lab: &Namespace, trusted: &Authority, now: OffsetDateTime) {
    let outer = intermediate(lab, "Lab Outer", &trusted.issuer, now + Duration::days(400), now);
    let inner = intermediate(lab, "Lab Inner", &outer.issuer, now + Duration::days(400), now);
    let old = intermediate(lab, "Lab Old", &trusted.issuer, now - Duration::days(3), now);
    let params = |name: &str| server(name, now - Duration::days(20), now + Duration::days(90));
    let mut alone = params("incomplete.bad.example");
    // id-ad-caIssuers with http://i.example/i.crt (RFC 5280 §4.2.2.1).
    let address = b"http://i.example/i.crt";
    let mut access = vec![0x30, 36, 0x30, 34, 6, 8, 0x2B, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 22];
    access.extend(address);
    alone.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)];
    finish(lab, "incomplete.bad.example", alone, &inner.issuer, &[]);
    finish(lab, "disordered.bad.example", params("disordered.bad.example"), &inner.issuer, &["Lab Outer", "Lab Inner"]);
    finish(lab, "weaklink.bad.example", params("weaklink.bad.example"), &old.issuer, &["Lab Old"]);
}

fn intermediate(
    lab: &Namespace,
    name: &str,
    by: &Issuer<'static, KeyPair>,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> Authority {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::days(300);
    params.not_after = until;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.signed_by(&key, by).expect("an intermediate");
    lab.write(&format!("{name}.pem"), &certificate.pem());
    Authority { issuer: Issuer::new(params, key) }
}

/// Writes the certificate with the intermediates behind it.
fn finish(lab: &Namespace, name: &str, params: CertificateParams, by: &Issuer<'static, KeyPair>, above: &[&str]) {
    let key = KeyPair::generate().expect("a key");
    let mut pem = params.signed_by(&key, by).expect("a certificate").pem();
    for file in above {
        pem.push_str(&std::fs::read_to_string(lab.path(&format!("{file}.pem"))).expect("an intermediate"));
    }
    lab.write(&format!("{name}.pem"), &pem);
    lab.write(&format!("{name}.key"), &key.serialize_pem());
}
