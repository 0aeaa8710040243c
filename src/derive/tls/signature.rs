//! Signatures of certificates and of what is signed like them, by the algorithms that TLS clients know.

use der::{Reader, SliceReader};
use webpki::ALL_VERIFICATION_ALGS;

/// A public key as a certificate holds it (RFC 5280 §4.1.2.7).
pub(super) struct Key {
    /// Algorithm with its parameters, without the outer SEQUENCE.
    algorithm: Vec<u8>,
    bits: Vec<u8>,
}

impl Key {
    /// From a SubjectPublicKeyInfo.
    pub(super) fn of(info: &[u8]) -> Option<Self> {
        Self::within(inside(info)?)
    }
    /// From what stands inside of a SubjectPublicKeyInfo, as trust anchors keep it.
    pub(super) fn within(info: &[u8]) -> Option<Self> {
        let parts = split(info)?;
        let &[algorithm, bits] = parts.as_slice() else { return None };
        // The first byte says how many bits of the last one are unused.
        Some(Self { algorithm: inside(algorithm)?.to_vec(), bits: inside(bits)?.get(1..)?.to_vec() })
    }
    /// The key itself, as hashes of it are made.
    pub(super) fn bits(&self) -> &[u8] {
        &self.bits
    }
}

/// Whether `key` signed `message`; `algorithm` is a DER AlgorithmIdentifier.
pub(super) fn verifies(key: &Key, algorithm: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(algorithm) = inside(algorithm) else { return false };
    let fits = ALL_VERIFICATION_ALGS.iter().filter(|known| {
        known.public_key_alg_id().as_ref() == key.algorithm && known.signature_alg_id().as_ref() == algorithm
    });
    fits.into_iter().any(|known| known.verify_signature(&key.bits, message, signature).is_ok())
}

/// The elements of a DER SEQUENCE, each with its header.
pub(super) fn elements(der: &[u8]) -> Option<Vec<&[u8]>> {
    split(inside(der)?)
}

/// What stands behind the header of a DER element.
pub(super) fn inside(der: &[u8]) -> Option<&[u8]> {
    let reader = SliceReader::new(der).ok()?;
    let header = reader.peek_header().ok()?;
    let length = usize::try_from(header.length).ok()?;
    der.get(der.len().checked_sub(length)?..)
}

fn split(mut der: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !der.is_empty() {
        let mut reader = SliceReader::new(der).ok()?;
        let part = reader.tlv_bytes().ok()?;
        parts.push(part);
        der = der.get(part.len()..)?;
    }
    Some(parts)
}
