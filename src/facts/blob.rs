//! Bulky evidence (certificates, raw answers, bodies), kept by digest beside the facts and outside of rules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest as hash};
use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::{Place, Spool, StoreFault};

/// Bytes by digest; in JSON, base64. A copy shares what it holds. The first are in memory, the rest lies in a file.
#[derive(Clone, Debug, Default)]
pub struct Blobs {
    /// By the first eight bytes of the digest: a large estate has tens of thousands.
    held: Arc<BTreeMap<u64, Place>>,
    /// Those whose first eight bytes are also another's.
    alike: Arc<BTreeMap<Hash, Place>>,
    spool: Spool,
}

/// SHA-256.
type Hash = [u8; 32];

impl Blobs {
    /// Keeps the bytes and gives their digest, `sha256:` and 64 hex digits.
    pub fn keep(&mut self, bytes: &[u8]) -> String {
        let hash = sha256(bytes);
        if self.get(&hash).is_none() {
            let place = self.spool.put(bytes);
            if self.held.contains_key(&stub(&hash)) {
                Arc::make_mut(&mut self.alike).insert(hash, place);
            } else {
                Arc::make_mut(&mut self.held).insert(stub(&hash), place);
            }
        }
        digest_text(&hash)
    }
    /// The bytes behind a digest; `None` if they are not here or do not match it.
    pub fn bytes(&self, id: &str) -> Option<Vec<u8>> {
        self.get(&parse(id)?)
    }
    /// How many blobs there are.
    pub fn len(&self) -> usize {
        self.held.len() + self.alike.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
    /// Whether all that was asked for could be had.
    ///
    /// # Errors
    /// The first thing that could not.
    pub fn sound(&self) -> Result<(), StoreFault> {
        self.spool.sound()
    }

    fn get(&self, hash: &Hash) -> Option<Vec<u8>> {
        let places = [self.alike.get(hash), self.held.get(&stub(hash))];
        let mut found = places.into_iter().flatten().filter_map(|place| self.spool.get(*place));
        found.find(|bytes| sha256(bytes) == *hash)
    }

    /// In the order of their digests.
    fn iter(&self) -> impl Iterator<Item = (Hash, Vec<u8>)> {
        self.held.iter().flat_map(|(first, place)| {
            let [from, to] = [0, u8::MAX].map(|rest| whole(*first, rest));
            let alike = self.alike.range(from..=to).map(|(_, place)| place);
            let bytes = alike.chain([place]).filter_map(|place| self.spool.get(*place));
            let mut all: Vec<(Hash, Vec<u8>)> = bytes.map(|bytes| (sha256(&bytes), bytes)).collect();
            all.sort_unstable();
            all
        })
    }
}

fn stub(hash: &Hash) -> u64 {
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The hash that begins with a stub and goes on with one byte.
fn whole(stub: u64, rest: u8) -> Hash {
    let mut hash = [rest; 32];
    hash[..8].copy_from_slice(&stub.to_be_bytes());
    hash
}

impl PartialEq for Blobs {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Serialize for Blobs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(hash, bytes)| (digest_text(&hash), STANDARD.encode(bytes))))
    }
}

/// What is no digest, no base64 or not what its digest says is left out: whoever asks for it learns that it is not among the evidence.
impl<'de> Deserialize<'de> for Blobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut blobs = Self::default();
        for (id, text) in BTreeMap::<String, Cow<'de, str>>::deserialize(deserializer)? {
            let bytes = STANDARD.decode(text.as_bytes()).ok();
            if let Some(bytes) = bytes.filter(|bytes| digest(bytes) == id) {
                blobs.keep(&bytes);
            }
        }
        Ok(blobs)
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
    fn evidence_that_lies_in_a_file_reads_the_same() {
        let mut blobs = Blobs::default();
        let ids: Vec<String> = (0..5_u8).map(|n| blobs.keep(&vec![n; 1 << 20])).collect();
        let first: Vec<Option<u8>> = ids.iter().map(|id| blobs.bytes(id)?.first().copied()).collect();
        assert_eq!(first, [Some(0), Some(1), Some(2), Some(3), Some(4)]);
        let read: Blobs = serde_json::from_str(&serde_json::to_string(&blobs).unwrap()).unwrap();
        assert_eq!(read, blobs);
        assert_eq!(blobs.sound(), Ok(()));
    }

    #[test]
    fn digests_that_begin_alike_are_kept_apart() {
        let mut blobs = Blobs::default();
        let mine = blobs.keep(b"mine");
        // As if another's digest began like this one's.
        let (stub_of_other, place) = (stub(&sha256(b"other")), *blobs.held.values().next().unwrap());
        Arc::make_mut(&mut blobs.held).insert(stub_of_other, place);
        let other = blobs.keep(b"other");
        assert_eq!(blobs.bytes(&mine).as_deref(), Some(&b"mine"[..]));
        assert_eq!(blobs.bytes(&other).as_deref(), Some(&b"other"[..]));
        assert_eq!((blobs.alike.len(), blobs.keep(b"other")), (1, other));
        assert!(blobs.iter().any(|(_, bytes)| bytes == b"other"));
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
