//! Bulky evidence (certificates, raw answers, bodies), kept by digest beside the facts and outside of rules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest as hash};
use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes by digest; in JSON, base64. A copy shares what it holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blobs(Arc<BTreeMap<Hash, Box<[u8]>>>);

/// SHA-256.
type Hash = [u8; 32];

impl Blobs {
    /// Keeps the bytes and gives their digest, `sha256:` and 64 hex digits.
    pub fn keep(&mut self, bytes: &[u8]) -> String {
        let hash = sha256(bytes);
        if !self.0.contains_key(&hash) {
            Arc::make_mut(&mut self.0).insert(hash, bytes.into());
        }
        digest_text(&hash)
    }
    /// The bytes behind a digest; `None` if they are not here or do not match it.
    pub fn bytes(&self, id: &str) -> Option<Vec<u8>> {
        let hash = parse(id)?;
        let bytes = self.0.get(&hash)?;
        (sha256(bytes) == hash).then(|| bytes.to_vec())
    }
    /// How many blobs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Blobs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(hash, bytes)| (digest_text(hash), STANDARD.encode(bytes))))
    }
}

/// What is no digest or no base64 is left out: whoever asks for it learns that it is not among the evidence.
impl<'de> Deserialize<'de> for Blobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = BTreeMap::<String, Cow<'de, str>>::deserialize(deserializer)?;
        let blob = |(id, text): (String, Cow<'_, str>)| {
            Some((parse(&id)?, STANDARD.decode(text.as_bytes()).ok()?.into_boxed_slice()))
        };
        Ok(Self(Arc::new(texts.into_iter().filter_map(blob).collect())))
    }
}

impl JsonSchema for Blobs {
    fn schema_name() -> Cow<'static, str> {
        "Blobs".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = BTreeMap::<String, String>::json_schema(generator);
        schema.insert("description".into(), "Bytes by digest; in JSON, base64.".into());
        schema
    }
}

/// SHA-256 as `sha256:` and 64 hex digits.
pub fn digest(bytes: &[u8]) -> String {
    digest_text(&sha256(bytes))
}

fn sha256(bytes: &[u8]) -> Hash {
    let mut all = Hash::default();
    all.copy_from_slice(hash(&SHA256, bytes).as_ref());
    all
}

const PREFIX: &str = "sha256:";

/// A hash that was worked out elsewhere, written like [`digest`].
pub fn digest_text(hash: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    let mut text = String::with_capacity(PREFIX.len() + hash.len() * 2);
    text.push_str(PREFIX);
    text.extend(hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

/// What [`digest_text`] wrote.
fn parse(text: &str) -> Option<Hash> {
    let digits = text.strip_prefix(PREFIX)?.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    let mut hash = Hash::default();
    if digits.len() != hash.len() * 2 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_by_its_digest_also_after_a_way_through_json() {
        let mut blobs = Blobs::default();
        let id = blobs.keep(b"an answer");
        assert_eq!(id, digest(b"an answer"));
        let read: Blobs = serde_json::from_str(&serde_json::to_string(&blobs).unwrap()).unwrap();
        assert_eq!(read, blobs);
        assert_eq!(read.bytes(&id).as_deref(), Some(&b"an answer"[..]));
    }

    #[test]
    fn bytes_that_do_not_match_their_digest_are_not_evidence() {
        let id = digest(b"an answer");
        for value in ["YW5vdGhlciBhbnN3ZXI=", "not base64!"] {
            let read: Blobs = serde_json::from_value(serde_json::json!({ (id.as_str()): value })).unwrap();
            assert_eq!(read.bytes(&id), None, "{value}");
        }
        for wrong in ["", "sha256:", "sha256:zz", "md5:00", &id.to_uppercase(), &format!("{id}0"), "sha256:é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
