//! DKIM key records (RFC 6376 §3.6.1, RFC 8301, RFC 8463): read with every fault.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Answers;
use super::tags::{Grammar, Tags, parts};
use crate::facts::{DkimKey, DkimRecord, DkimSelector, Fault, LIST_CAP, Observation, Timestamp};

const GRAMMAR: Grammar = Grammar {
    tags: &["v", "h", "k", "n", "p", "s", "t"],
    empty: &["p", "n"],
    removed: (&["g"], "RFC 6376"),
    source: "RFC 6376",
};

/// Signers shall not use less (RFC 8301 §3.2).
const LEAST_BITS: i64 = 1024;

/// Every declared selector with its key or without, and those of providers where there is a key or nobody knows.
pub(super) fn read(zone: &str, selectors: &[DkimSelector], answers: Answers<'_>) -> Vec<DkimKey> {
    let keys = selectors.iter().map(|selector| {
        let name = format!("{}._domainkey.{zone}", selector.selector);
        DkimKey {
            selector: selector.selector.clone(),
            declared: selector.provider.is_none(),
            provider: selector.provider.clone().unwrap_or_default(),
            key: answers.texts(&name).and_then(|texts, at| key(&name, texts, at)),
        }
    });
    keys.filter(|key| key.declared || !matches!(key.key, Observation::Absent { .. })).take(LIST_CAP).collect()
}

fn key(name: &str, texts: &[String], observed_at: Timestamp) -> Observation<DkimRecord> {
    // The version may be left out; any text at this name is meant as a key.
    let Some(text) = texts.first() else { return Observation::Absent { observed_at } };
    let mut tags = Tags::read(text, &GRAMMAR);
    if texts.len() > 1 {
        tags.fault(
            0,
            format!("there are {} records at one selector: which one counts is undefined (§3.6.2.2)", texts.len()),
        );
    }
    version(&mut tags);
    let key_type = key_type(&mut tags);
    let (bits, revoked) = material(&mut tags, &key_type);
    lists(&mut tags);
    let flags: Vec<String> = tags.value("t").split(':').map(|flag| flag.trim().to_ascii_lowercase()).collect();
    let has = |flag: &str| flags.iter().any(|set| set == flag);
    tags.faults.sort();
    let faults = tags.faults.into_iter().take(LIST_CAP).map(|(at, text)| Fault { at: format!("{name}:{at}"), text });
    Observation::Observed {
        observed_at,
        value: DkimRecord {
            record: text.clone(),
            records: i64::try_from(texts.len()).unwrap_or(i64::MAX),
            key_type,
            bits,
            revoked,
            testing: has("y"),
            strict: has("s"),
            faults: faults.collect(),
        },
    }
}

/// If it is there, it comes first and is `DKIM1`.
fn version(tags: &mut Tags) {
    let Some(place) = tags.list.iter().position(|tag| tag.name == "v") else { return };
    let tag = tags.list[place].clone();
    if tag.value != "DKIM1" {
        tags.fault(tag.value_at, format!("the version '{}' is not DKIM1: receivers ignore the record", tag.value));
    } else if place > 0 {
        tags.fault(tag.value_at, "the version does not come first: receivers ignore the record");
    }
}

fn key_type(tags: &mut Tags) -> String {
    let Some(tag) = tags.tag("k") else { return "rsa".into() };
    let word = tag.value.to_ascii_lowercase();
    if !["rsa", "ed25519"].contains(&word.as_str()) {
        tags.fault(tag.value_at, format!("'{}' is no key type (rsa, ed25519)", tag.value));
    }
    word
}

/// Bits of the key, and whether it is withdrawn.
fn material(tags: &mut Tags, key_type: &str) -> (i64, bool) {
    let Some(tag) = tags.tag("p") else {
        let end = tags.end();
        tags.fault(end, "there is no tag 'p': the record holds no key");
        return (0, false);
    };
    // White space may fold a long key.
    let text: String = tag.value.split_whitespace().collect();
    if text.is_empty() {
        return (0, true);
    }
    let found = match (STANDARD.decode(&text), key_type) {
        (Err(e), _) => Err(format!("the key is no base64: {e}")),
        (Ok(key), "ed25519") if key.len() == 32 => Ok(256),
        (Ok(key), "ed25519") => Err(format!("an Ed25519 key has 32 bytes, not {} (RFC 8463 §4)", key.len())),
        (Ok(key), "rsa") => rsa_bits(&key),
        (Ok(_), _) => Ok(0),
    };
    match found {
        Ok(bits) => {
            if key_type == "rsa" && bits < LEAST_BITS {
                tags.fault(
                    tag.value_at,
                    format!("{bits} bits of RSA: receivers need not accept less than 1024 (RFC 8301)"),
                );
            }
            (bits, false)
        }
        Err(why) => {
            tags.fault(tag.value_at, why);
            (0, false)
        }
    }
}

/// A SubjectPublicKeyInfo, as everybody writes it, or a bare RSAPublicKey, as the text of RFC 6376 says.
fn rsa_bits(der: &[u8]) -> Result<i64, String> {
    let bits = |key: &PublicKey<'_>| i64::try_from(key.key_size()).unwrap_or(i64::MAX);
    if let Ok((_, info)) = SubjectPublicKeyInfo::from_der(der) {
        return match info.parsed() {
            Ok(key @ PublicKey::RSA(_)) => Ok(bits(&key)),
            _ => Err("the key is of another type than RSA".into()),
        };
    }
    match x509_parser::public_key::RSAPublicKey::from_der(der) {
        Ok((_, key)) => Ok(bits(&PublicKey::RSA(key))),
        Err(_) => Err("the key is no RSA public key in DER".into()),
    }
}

/// The tags with lists of words. Unknown words are ignored by receivers, so only a list without a known one is a fault.
fn lists(tags: &mut Tags) {
    const LISTS: [(&str, &[&str], &str); 2] = [
        ("h", &["sha256"], "no hash that receivers accept (sha256; RFC 8301)"),
        ("s", &["*", "email"], "a service that is not mail"),
    ];
    for (name, needed, why) in LISTS {
        let Some(tag) = tags.tag(name).filter(|tag| !tag.value.is_empty()) else { continue };
        if !parts(&tag, ':').iter().any(|(_, word)| needed.iter().any(|need| word.eq_ignore_ascii_case(need))) {
            tags.fault(tag.value_at, format!("'{name}={}' names {why}", tag.value));
        }
    }
    let Some(tag) = tags.tag("t").filter(|tag| !tag.value.is_empty()) else { return };
    for (at, word) in parts(&tag, ':') {
        if !["y", "s"].contains(&word.to_ascii_lowercase().as_str()) {
            tags.fault(at, format!("'{word}' is no flag (y, s)"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key of RFC 8463 appendix A.
    const ED25519: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn dkim(text: &str) -> DkimRecord {
        key("s._domainkey.x.example", &[text.to_owned()], Timestamp::EPOCH).value().cloned().unwrap()
    }

    fn rsa(bits: usize) -> String {
        // SEQUENCE { INTEGER n of that many bits, INTEGER 65537 }: sizes are read, numbers are not judged.
        let mut modulus = vec![0x00, 0x80];
        modulus.resize(1 + bits / 8, 1);
        let mut body = vec![0x02, 0x82];
        body.extend(u16::try_from(modulus.len()).unwrap().to_be_bytes());
        body.extend(modulus);
        body.extend([0x02, 0x03, 1, 0, 1]);
        let mut der = vec![0x30, 0x82];
        der.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        der.extend(body);
        STANDARD.encode(der)
    }

    #[test]
    fn sound_keys_have_no_fault() {
        let long = rsa(2048);
        let table = [
            (format!("v=DKIM1; k=rsa; p={long}"), "rsa", 2048),
            (format!("p={long}"), "rsa", 2048),
            (
                format!("v=DKIM1; t=s; h=sha1:sha256; s=email:tlsrpt; n=; p={} {}", &long[..100], &long[100..]),
                "rsa",
                2048,
            ),
            (format!("v=DKIM1; k=ed25519; p={ED25519}"), "ed25519", 256),
        ];
        for (text, kind, bits) in table {
            let read = dkim(&text);
            assert_eq!((read.key_type.as_str(), read.bits, read.revoked), (kind, bits, false), "{text}");
            assert_eq!(read.faults, [], "{text}");
        }
    }

    #[test]
    fn every_fault_is_found_at_its_place_and_reading_goes_on() {
        let short = rsa(512);
        let table: &[(String, &[(usize, &str)])] = &[
            ("v=DKIM2; p=".into(), &[(2, "not DKIM1")]),
            (format!("k=ed25519; v=DKIM1; p={ED25519}"), &[(13, "come first")]),
            ("v=DKIM1; k=dsa; p=AAAA".into(), &[(11, "no key type")]),
            ("v=DKIM1; k=rsa".into(), &[(14, "no tag 'p'")]),
            ("v=DKIM1; p=%%%".into(), &[(11, "no base64")]),
            ("v=DKIM1; p=AAAA; x=1".into(), &[(11, "no RSA public key"), (17, "'x' is no tag")]),
            ("v=DKIM1; k=ed25519; p=AAAA".into(), &[(22, "32 bytes")]),
            (format!("v=DKIM1; p={short}"), &[(11, "512 bits")]),
            (
                "v=DKIM1; g=*; h=sha1; s=tlsrpt; t=x; p=".into(),
                &[(9, "'g' was removed"), (16, "no hash"), (24, "not mail"), (34, "no flag")],
            ),
        ];
        for (text, expected) in table {
            let found = dkim(text).faults;
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            for ((at, words), fault) in expected.iter().zip(&found) {
                assert_eq!(fault.at, format!("s._domainkey.x.example:{at}"), "{text}: {found:?}");
                assert!(fault.text.contains(words), "{text}: {found:?}");
            }
        }
    }

    #[test]
    fn an_empty_key_is_withdrawn_and_flags_are_told() {
        let read = dkim("v=DKIM1; t=y:s; p=");
        assert!(read.revoked && read.testing && read.strict && read.faults.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}", tags in "(; ?[vhknpst]=[ -~]{0,24}){0,6}") {
            for text in [format!("v=DKIM1;{text}"), format!("v=DKIM1{tags}"), text] {
                dkim(&text);
            }
        }
    }
}
