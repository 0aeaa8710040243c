//! Where trust begins: the keys of the root zone.

use base64::{Engine, engine::general_purpose::STANDARD};
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DS};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, PublicKeyBuf};
use hickory_resolver::proto::rr::Name;

use super::keys::{algorithm, tag};

/// The root zone's key-signing keys: KSK-2017 (20326) and KSK-2024 (38696).
/// Source: IANA, <https://data.iana.org/root-anchors/root-anchors.xml>; the test holds them against hickory's copies.
const BUILT_IN: &str = "
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// Trusted keys, whole or as digests.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    keys: Vec<DNSKEY>,
    digests: Vec<DS>,
}

impl Anchors {
    /// Reads DS and DNSKEY records of the root in zone-file form (RFC 1035 §5.1); an empty text means the built-in ones.
    ///
    /// # Errors
    /// A sentence naming the first record that cannot be read; no record at all.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = if text.trim().is_empty() { BUILT_IN } else { text };
        let mut anchors = Self::default();
        for record in logical_lines(text) {
            anchors
                .add(&record)
                .map_err(|why| format!("the trust anchor '{}' cannot be read: {why}", brief(&record)))?;
        }
        if anchors.keys.is_empty() && anchors.digests.is_empty() {
            return Err("the trust anchor holds no DS or DNSKEY record".into());
        }
        Ok(anchors)
    }

    pub(super) fn trust(&self, key: &DNSKEY) -> bool {
        let is_digested = |ds: &DS| {
            ds.algorithm() == algorithm(key)
                && ds.key_tag() == tag(key)
                && ds.covers(&Name::root(), key).unwrap_or(false)
        };
        // RFC 5011 §2.1: a revoked key anchors nothing.
        key.zone_key() && !key.revoke() && (self.keys.contains(key) || self.digests.iter().any(is_digested))
    }

    /// Key tags for a sentence.
    pub(super) fn tags(&self) -> String {
        let all = self.keys.iter().map(tag).chain(self.digests.iter().map(DS::key_tag));
        all.map(|tag| tag.to_string()).collect::<Vec<_>>().join(", ")
    }

    fn add(&mut self, record: &str) -> Result<(), String> {
        let mut words = record.split_whitespace();
        if words.next() != Some(".") {
            return Err("only records of the root, '.', anchor trust".into());
        }
        let mut words = words.skip_while(|word| word.eq_ignore_ascii_case("IN") || word.parse::<u32>().is_ok());
        let kind = words.next().unwrap_or_default().to_ascii_uppercase();
        let data: Vec<&str> = words.collect();
        match kind.as_str() {
            "DS" => self.digests.push(ds(&data)?),
            "DNSKEY" => self.keys.push(dnskey(&data)?),
            other => return Err(format!("'{other}' is neither DS nor DNSKEY")),
        }
        Ok(())
    }
}

/// Records, with comments dropped and parentheses joined.
fn logical_lines(text: &str) -> Vec<String> {
    let mut records = Vec::new();
    let mut open = String::new();
    let mut depth = 0_usize;
    for line in text.lines() {
        let line = line.split(';').next().unwrap_or_default();
        depth = (depth + line.matches('(').count()).saturating_sub(line.matches(')').count());
        open.push_str(&line.replace(['(', ')'], " "));
        open.push(' ');
        if depth == 0 {
            records.push(std::mem::take(&mut open));
        }
    }
    records.push(open);
    records.retain(|record| !record.trim().is_empty());
    records
}

fn ds(words: &[&str]) -> Result<DS, String> {
    let [tag, algorithm, digest_type, digest @ ..] = words else {
        return Err("a DS has key tag, algorithm, digest type and digest".into());
    };
    let digest_type = DigestType::from(number::<u8>(digest_type)?);
    Ok(DS::new(number(tag)?, Algorithm::from_u8(number(algorithm)?), digest_type, hex(&digest.concat())?))
}

fn dnskey(words: &[&str]) -> Result<DNSKEY, String> {
    let [flags, "3", algorithm, key @ ..] = words else {
        return Err("a DNSKEY has flags, protocol 3, algorithm and key".into());
    };
    let key = STANDARD.decode(key.concat()).map_err(|e| format!("the key is not base64: {e}"))?;
    Ok(DNSKEY::with_flags(number(flags)?, PublicKeyBuf::new(key, Algorithm::from_u8(number(algorithm)?))))
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("'{word}' is not a number in range"))
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digit = |c: char| c.to_digit(16).and_then(|n| u8::try_from(n).ok());
    let digits: Option<Vec<u8>> = text.chars().map(digit).collect();
    match digits {
        Some(digits) if digits.len() >= 2 && digits.len() % 2 == 0 => {
            Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => Err("the digest is not hexadecimal".into()),
    }
}

fn brief(record: &str) -> String {
    record.split_whitespace().take(6).collect::<Vec<_>>().join(" ").chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::dnssec::{PublicKey, TrustAnchors};

    use super::*;

    #[test]
    fn the_built_in_anchors_are_the_root_zones_keys() {
        let anchors = Anchors::read("").unwrap();
        let known = TrustAnchors::default();
        assert_eq!(known.len(), 2);
        for index in 0..known.len() {
            let key = DNSKEY::with_flags(257, known.get(index).unwrap().clone());
            assert!(anchors.trust(&key), "{}", tag(&key));
            let revoked = DNSKEY::with_flags(257 | 128, known.get(index).unwrap().clone());
            assert!(!anchors.trust(&revoked));
        }
        assert_eq!(anchors.tags(), "20326, 38696");
    }

    #[test]
    fn zone_files_of_the_usual_tools_are_read() {
        let known = TrustAnchors::default();
        let key = DNSKEY::with_flags(257, known.get(0).unwrap().clone());
        let base64 = STANDARD.encode(key.public_key().public_bytes());
        let (one, two) = base64.split_at(40);
        for text in [
            format!(".\tIN\tDNSKEY\t257 3 8 {base64} ;{{id = 1 (ksk), size = 2048b}}\n"),
            format!("; autotrust\n. 172800 IN DNSKEY 257 3 8 (\n {one} ; first\n {two} )\n"),
            format!(". DNSKEY 257 3 8 {one} {two}"),
        ] {
            assert!(Anchors::read(&text).unwrap().trust(&key), "{text}");
        }
        assert!(
            Anchors::read(". IN DS 20326 8 2 e06d44b80b8f1d39a95c0b0d7c65d084 58e880409bbc683457104237c7f8ec8d")
                .is_ok()
        );
    }

    #[test]
    fn an_anchor_that_cannot_be_read_is_said_and_never_skipped() {
        for bad in [
            "example. IN DS 1 8 2 00ff",
            ". IN A 192.0.2.1",
            ". IN DS 1 8 2 0",
            ". IN DS 70000 8 2 00ff",
            "; nothing",
            ". IN DNSKEY 257 3 8 ***",
            ". IN DNSKEY 257 2 8 AAAA",
        ] {
            assert!(Anchors::read(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(\\. IN )?(DS|DNSKEY)?[ -~\n]{0,60}") {
            let _ = Anchors::read(&text);
        }
    }
}
