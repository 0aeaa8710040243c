//! A stapled OCSP response read and held against the certificate that it came with (RFC 6960).

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Decode, Encode};
use rustls_pki_types::CertificateDer;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus, ResponderId,
    SingleResponse,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::certificate::period;
use super::signature::{Key, elements, verifies};
use super::validation::Roots;
use crate::facts::{Blobs, Observation, Reason, Revocation, Staple, Timestamp, printable};

/// id-pkix-ocsp-basic (RFC 6960 §4.2.1).
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// Timestamps of certificate logs in a response (RFC 6962 §3.3).
const TIMESTAMPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.5");
/// The most certificates of responders that are tried.
const RESPONDERS: usize = 8;
/// How far the responder's clock may be ahead of ours, in seconds; a run begins before it sees the response.
const AHEAD: i64 = 600;
/// How long a response without an end counts, in seconds (CA/Browser Forum Baseline Requirements §4.9.10).
const ENDLESS: i64 = 10 * 86_400;

/// What the response says, and whether it may be believed at `now`.
pub(super) fn derive(
    staple: &Observation<Staple>,
    chain: &Observation<Vec<CertificateDer<'static>>>,
    blobs: &Blobs,
    now: Timestamp,
    roots: &Roots,
) -> Observation<Revocation> {
    staple.and_then(|staple, observed_at| {
        let failed = |reason, detail: &str| Observation::Failed { observed_at, reason, detail: detail.to_owned() };
        let Some(der) = blobs.bytes(&staple.response) else {
            return failed(Reason::Dependency, "the stapled response is not among the blobs of this document");
        };
        let response = match read(&der) {
            Ok(Response::Answer(response)) => response,
            Ok(Response::Refusal(error)) => return Observation::Observed { observed_at, value: refusal(error) },
            Err(e) => return failed(Reason::Garbage, &format!("the stapled response cannot be read: {e}")),
        };
        let Some(chain) = chain.value() else {
            return failed(Reason::Dependency, "the certificate that the staple belongs to was not seen");
        };
        let Some((leaf, issuer)) = chain.first().and_then(|leaf| {
            let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
            let issuer = issuer(&leaf, chain, roots)?;
            Some((leaf, issuer))
        }) else {
            return failed(
                Reason::Dependency,
                "the issuer's key is not known, so the staple's signature cannot be verified",
            );
        };
        Observation::Observed { observed_at, value: told(&response, &leaf, &issuer, now) }
    })
}

/// The list of log timestamps that a response carries, if it does.
///
/// # Errors
/// What cannot be read.
pub(super) fn timestamps(der: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let Response::Answer(response) = read(der)? else { return Ok(None) };
    let extensions = response.basic.tbs_response_data.responses.iter().filter_map(|one| one.single_extensions.as_ref());
    let Some(extension) = extensions.flatten().find(|extension| extension.extn_id == TIMESTAMPS) else {
        return Ok(None);
    };
    OctetString::from_der(extension.extn_value.as_bytes())
        .map(|list| Some(list.into_bytes()))
        .map_err(|e| e.to_string())
}

enum Response {
    Answer(Box<Answer>),
    /// The responder's error, in words.
    Refusal(&'static str),
}

struct Answer {
    basic: BasicOcspResponse,
    /// The bytes that are signed.
    signed: Vec<u8>,
}

fn read(der: &[u8]) -> Result<Response, String> {
    let outer = OcspResponse::from_der(der).map_err(|e| e.to_string())?;
    let refusal = match outer.response_status {
        OcspResponseStatus::Successful => {
            let bytes = outer.response_bytes.ok_or("it is successful and empty")?;
            if bytes.response_type != BASIC {
                return Err(format!("its type {} is not the basic one", bytes.response_type));
            }
            return answer(bytes.response.as_bytes()).map(Box::new).map(Response::Answer);
        }
        OcspResponseStatus::MalformedRequest => "malformed-request",
        OcspResponseStatus::InternalError => "internal-error",
        OcspResponseStatus::TryLater => "try-later",
        OcspResponseStatus::SigRequired => "signature-required",
        OcspResponseStatus::Unauthorized => "unauthorized",
    };
    Ok(Response::Refusal(refusal))
}

fn answer(der: &[u8]) -> Result<Answer, String> {
    let basic = BasicOcspResponse::from_der(der).map_err(|e| e.to_string())?;
    if basic.tbs_response_data.responses.is_empty() {
        return Err("it speaks of no certificate".into());
    }
    let signed = elements(der).and_then(|all| all.first().map(|first| first.to_vec())).ok_or("it has no data")?;
    Ok(Answer { basic, signed })
}

fn refusal(error: &str) -> Revocation {
    Revocation {
        status: error.into(),
        responder: None,
        produced_at: None,
        this_update: None,
        next_update: None,
        revoked_at: None,
        reason: None,
        authentic: false,
        about_certificate: false,
        current: false,
        valid: false,
        problem: Some(format!("the responder gave the error {error} instead of an answer")),
    }
}

/// Who issued the leaf: the key that verifies its signature, of what was sent and of the known roots.
fn issuer(leaf: &X509Certificate<'_>, chain: &[CertificateDer<'_>], roots: &Roots) -> Option<Key> {
    let name = leaf.issuer().as_raw();
    let sent = chain.iter().filter_map(|der| X509Certificate::from_der(der).ok());
    let sent = sent.filter(|(_, x509)| x509.subject().as_raw() == name);
    let mut keys = sent.filter_map(|(_, x509)| Key::of(x509.public_key().raw)).chain(roots.keys_of(name));
    keys.find(|key| signed_by(leaf, key))
}

fn signed_by(x509: &X509Certificate<'_>, key: &Key) -> bool {
    let Some(parts) = elements(x509.as_raw()) else { return false };
    let &[signed, algorithm, _] = parts.as_slice() else { return false };
    verifies(key, algorithm, signed, &x509.signature_value.data)
}

fn told(response: &Answer, leaf: &X509Certificate<'_>, issuer: &Key, now: Timestamp) -> Revocation {
    let data = &response.basic.tbs_response_data;
    let own = data.responses.iter().find(|one| is_about(&one.cert_id, leaf, issuer));
    let about_certificate = own.is_some();
    // `read` has seen that there is one.
    let one = own.or(data.responses.first());
    let authentic = is_authentic(response, leaf, issuer, now);
    let this_update = one.and_then(|one| moment(one.this_update));
    let next_update = one.and_then(|one| one.next_update).and_then(moment);
    let lateness = lateness(this_update, next_update, now);
    let (status, revoked_at, reason) = one.map(status).unwrap_or_default();
    let problems: Vec<String> = [
        (!about_certificate).then(|| "it speaks of another certificate".into()),
        (!authentic).then(|| "neither the issuer nor a responder that the issuer named has signed it".into()),
        lateness.clone(),
    ]
    .into_iter()
    .flatten()
    .collect();
    Revocation {
        status,
        responder: Some(responder(&data.responder_id)),
        produced_at: moment(data.produced_at),
        this_update,
        next_update,
        revoked_at,
        reason,
        authentic,
        about_certificate,
        current: lateness.is_none(),
        valid: problems.is_empty(),
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
    }
}

/// Whether a CertID is the leaf's: serial number, and hashes of the issuer's name and key (RFC 6960 §4.1.1).
fn is_about(id: &CertId, leaf: &X509Certificate<'_>, issuer: &Key) -> bool {
    let Some(algorithm) = hash(&id.hash_algorithm.oid) else { return false };
    let hashed = |bytes: &[u8]| digest(algorithm, bytes);
    plain(id.serial_number.as_bytes()) == plain(leaf.raw_serial())
        && id.issuer_name_hash.as_bytes() == hashed(leaf.issuer().as_raw()).as_ref()
        && id.issuer_key_hash.as_bytes() == hashed(issuer.bits()).as_ref()
}

/// Without the zeros that keep a number positive.
fn plain(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

/// SHA-1 is what nearly all responders still name certificates by.
fn hash(oid: &ObjectIdentifier) -> Option<&'static Algorithm> {
    match oid.to_string().as_str() {
        "1.3.14.3.2.26" => Some(&SHA1_FOR_LEGACY_USE_ONLY),
        "2.16.840.1.101.3.4.2.1" => Some(&SHA256),
        "2.16.840.1.101.3.4.2.2" => Some(&SHA384),
        "2.16.840.1.101.3.4.2.3" => Some(&SHA512),
        _ => None,
    }
}

/// Signed by the issuer itself, or by a certificate that the issuer made for signing responses (RFC 6960 §4.2.2.2).
fn is_authentic(response: &Answer, leaf: &X509Certificate<'_>, issuer: &Key, now: Timestamp) -> bool {
    let basic = &response.basic;
    let Ok(algorithm) = basic.signature_algorithm.to_der() else { return false };
    let signed =
        |key: &Key| verifies(key, &algorithm, &response.signed, basic.signature.as_bytes().unwrap_or_default());
    let delegates = basic.certs.iter().flatten().take(RESPONDERS).filter_map(|certificate| certificate.to_der().ok());
    signed(issuer)
        || delegates.into_iter().any(|der| {
            X509Certificate::from_der(&der).is_ok_and(|(_, x509)| {
                may_respond(&x509, leaf, now)
                    && signed_by(&x509, issuer)
                    && Key::of(x509.public_key().raw).is_some_and(|key| signed(&key))
            })
        })
}

fn may_respond(x509: &X509Certificate<'_>, leaf: &X509Certificate<'_>, now: Timestamp) -> bool {
    let in_time = period(x509).is_ok_and(|(start, end)| start <= now && now <= end);
    let purpose = x509.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.ocsp_signing);
    in_time && purpose && x509.issuer().as_raw() == leaf.issuer().as_raw()
}

/// Why the response does not count at `now`, if it does not.
fn lateness(this_update: Option<Timestamp>, next_update: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let Some(this_update) = this_update else { return Some("it does not say from when it counts".into()) };
    match next_update {
        _ if this_update.unix() > now.unix().saturating_add(AHEAD) => {
            Some(format!("it counts only from {this_update} on"))
        }
        Some(next_update) if next_update < now => Some(format!("it ended on {next_update}")),
        None if this_update.unix().saturating_add(ENDLESS) < now.unix() => {
            Some(format!("it is of {this_update} and names no end"))
        }
        _ => None,
    }
}

fn status(one: &SingleResponse) -> (String, Option<Timestamp>, Option<String>) {
    match one.cert_status {
        CertStatus::Good(_) => ("good".into(), None, None),
        CertStatus::Revoked(info) => {
            let reason = info.revocation_reason.map(|reason| lower_camel(&format!("{reason:?}")));
            ("revoked".into(), moment(info.revocation_time), reason)
        }
        CertStatus::Unknown(_) => ("unknown".into(), None, None),
    }
}

/// `KeyCompromise` as the RFC writes it.
fn lower_camel(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn responder(id: &ResponderId) -> String {
    match id {
        ResponderId::ByName(name) => printable(&name.to_string(), 512),
        ResponderId::ByKey(key) => format!("key {}", hex(key.as_bytes())),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect()
}

fn moment(time: OcspGeneralizedTime) -> Option<Timestamp> {
    i64::try_from(time.0.to_unix_duration().as_secs()).ok().and_then(Timestamp::from_unix)
}
