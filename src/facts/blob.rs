//! Bulky evidence (certificates, raw answers, bodies), kept by digest beside the facts and outside of rules.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest as hash};
use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes by digest; in JSON, base64.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blobs(BTreeMap<String, String>);

impl Blobs {
    /// Keeps the bytes and gives their digest, `sha256:` and 64 hex digits.
    pub fn keep(&mut self, bytes: &[u8]) -> String {
        let id = digest(bytes);
        self.0.entry(id.clone()).or_insert_with(|| STANDARD.encode(bytes));
        id
    }
    /// The bytes behind a digest; `None` if they are not here or do not match it.
    pub fn bytes(&self, id: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(self.0.get(id)?).ok()?;
        (digest(&bytes) == id).then_some(bytes)
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

/// SHA-256 as `sha256:` and 64 hex digits.
pub fn digest(bytes: &[u8]) -> String {
    digest_text(hash(&SHA256, bytes).as_ref())
}

/// A hash that was worked out elsewhere, written like [`digest`].
pub fn digest_text(hash: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    let digits = hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    "sha256:".chars().chain(digits).collect()
}
