//! Records under keys (RFC 5246 §6.2.3, RFC 4346 §6.2.3.2, RFC 2246 §6.2.3.2, RFC 7905). Encrypt-then-MAC is never negotiated, so in CBC
//! mode the MAC stands under the cipher and the padding behind it, which no MAC covers: that is what POODLE lives from.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;

use super::super::asker::random;
use super::suite::{Cipher, Mac, Suite};
use crate::facts::Reason;
use crate::net::NetError;

const BLOCK: usize = 16;
/// Blocks of padding beyond the need.
const EXTRA: usize = 4;

/// How the end of a record in CBC mode is padded. Every byte of a padding must say its length (RFC 5246 §6.2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// As short as it can be.
    Short,
    /// Longer, which is allowed, and right.
    Long,
    /// As long, with a right length at the end and every other byte wrong.
    LongWrong,
    /// As long and right, behind a wrong MAC.
    WrongMac,
    /// Both wrong.
    WrongBoth,
    /// It claims to be longer than the record, which is short.
    Beyond,
}

/// One direction's keys and its count of records.
pub(super) struct Protection {
    cipher: Cipher,
    version: u16,
    mac_key: Vec<u8>,
    key: Vec<u8>,
    /// The fixed part of the nonce; in CBC mode of TLS 1.0 the last block that was sent.
    iv: Vec<u8>,
    sequence: u64,
}

impl Protection {
    /// Both directions, the client's first, out of as many bytes of key material as [`Protection::needs`].
    pub(super) fn pair(suite: Suite, version: u16, material: &[u8]) -> [Self; 2] {
        let (mac, key, iv) = lengths(suite.cipher);
        // MAC keys, keys and nonces: the client's and then the server's of each (RFC 5246 §6.3).
        let side = |server: usize| {
            let part = |start: usize, length: usize| {
                let from = start + server * length;
                material.get(from..from + length).unwrap_or_default().to_vec()
            };
            let (mac_key, key, iv) = (part(0, mac), part(2 * mac, key), part(2 * (mac + key), iv));
            Self { cipher: suite.cipher, version, mac_key, key, iv, sequence: 0 }
        };
        [side(0), side(1)]
    }

    /// Bytes of key material.
    pub(super) fn needs(suite: Suite) -> usize {
        let (mac, key, iv) = lengths(suite.cipher);
        2 * (mac + key + iv)
    }

    /// A record.
    ///
    /// # Errors
    /// The cipher failed here.
    pub(super) fn seal(&mut self, kind: u8, body: &[u8], padding: Padding) -> Result<Vec<u8>, NetError> {
        let sealed = match self.cipher {
            Cipher::Cbc { mac, .. } => self.seal_cbc(mac, kind, body, padding)?,
            Cipher::Gcm { .. } | Cipher::ChaCha => self.seal_aead(kind, body).map_err(cannot)?,
        };
        self.sequence += 1;
        let [high, low] = self.version.to_be_bytes();
        Ok([&[kind, high, low][..], &(sealed.len() as u16).to_be_bytes(), &sealed].concat())
    }

    /// What is inside a record's body.
    ///
    /// # Errors
    /// It was not made with these keys.
    pub(super) fn open(&mut self, kind: u8, sealed: &[u8]) -> Result<Vec<u8>, NetError> {
        let opened = match self.cipher {
            Cipher::Cbc { mac, .. } => self.open_cbc(mac, kind, sealed),
            Cipher::Gcm { .. } | Cipher::ChaCha => self.open_aead(kind, sealed),
        };
        self.sequence += 1;
        opened.ok_or_else(|| NetError::garbage("a record that the agreed keys do not open"))
    }

    fn seal_cbc(&mut self, mac: Mac, kind: u8, body: &[u8], padding: Padding) -> Result<Vec<u8>, NetError> {
        let mut block = [body, &self.mac(mac, kind, body)].concat();
        if matches!(padding, Padding::WrongMac | Padding::WrongBoth) {
            block[body.len()..].iter_mut().for_each(|byte| *byte = !*byte);
        }
        let least = BLOCK - 1 - block.len() % BLOCK;
        let length = if matches!(padding, Padding::Short | Padding::Beyond) { least } else { least + EXTRA * BLOCK };
        let right = if padding == Padding::Beyond { 0xFF } else { length as u8 };
        let filler = if matches!(padding, Padding::LongWrong | Padding::WrongBoth) { !right } else { right };
        block.extend(vec![filler; length]);
        block.push(right);
        let explicit = self.version >= 0x0302;
        let iv: [u8; BLOCK] = if explicit {
            let random = random()?;
            std::array::from_fn(|at| random[at])
        } else {
            block_of(&self.iv).ok_or_else(|| cannot(Unspecified))?
        };
        let key = UnboundCipherKey::new(self.aes(), &self.key).and_then(EncryptingKey::cbc).map_err(cannot)?;
        key.less_safe_encrypt(&mut block, EncryptionContext::Iv128(iv.into())).map_err(cannot)?;
        if explicit {
            return Ok([&iv[..], &block].concat());
        }
        self.iv = block[block.len() - BLOCK..].to_vec();
        Ok(block)
    }

    fn open_cbc(&mut self, mac: Mac, kind: u8, sealed: &[u8]) -> Option<Vec<u8>> {
        let (iv, sealed) =
            if self.version >= 0x0302 { sealed.split_at_checked(BLOCK)? } else { (self.iv.as_slice(), sealed) };
        let iv = block_of(iv)?;
        let mut block = sealed.to_vec();
        if block.is_empty() || block.len() % BLOCK != 0 {
            return None;
        }
        let key = UnboundCipherKey::new(self.aes(), &self.key).and_then(DecryptingKey::cbc).ok()?;
        key.decrypt(&mut block, DecryptionContext::Iv128(iv.into())).ok()?;
        if self.version < 0x0302 {
            self.iv = sealed[sealed.len() - BLOCK..].to_vec();
        }
        let length = usize::from(*block.last()?);
        let rest = block.len().checked_sub(length + 1)?;
        if block[rest..].iter().any(|byte| usize::from(*byte) != length) {
            return None;
        }
        let (body, theirs) = block[..rest].split_at_checked(rest.checked_sub(mac.length())?)?;
        (self.mac(mac, kind, body) == theirs).then(|| body.to_vec())
    }

    fn seal_aead(&self, kind: u8, body: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = body.to_vec();
        let explicit = self.sequence.to_be_bytes();
        let nonce = self.nonce(explicit).ok_or(Unspecified)?;
        self.aead()?.seal_in_place_append_tag(nonce, Aad::from(self.header(kind, body.len())), &mut sealed)?;
        let gcm = matches!(self.cipher, Cipher::Gcm { .. });
        Ok(if gcm { [&explicit[..], &sealed].concat() } else { sealed })
    }

    fn open_aead(&self, kind: u8, sealed: &[u8]) -> Option<Vec<u8>> {
        let (explicit, sealed) = if matches!(self.cipher, Cipher::Gcm { .. }) {
            sealed.split_first_chunk::<8>().map(|(explicit, rest)| (*explicit, rest))?
        } else {
            (self.sequence.to_be_bytes(), sealed)
        };
        let length = sealed.len().checked_sub(16)?;
        let mut body = sealed.to_vec();
        let key = self.aead().ok()?;
        let opened = key.open_in_place(self.nonce(explicit)?, Aad::from(self.header(kind, length)), &mut body).ok()?;
        Some(opened.to_vec())
    }

    /// In GCM the fixed part and the explicit one side by side (RFC 5288 §3), in ChaCha20 one over the other (RFC 7905 §2).
    fn nonce(&self, explicit: [u8; 8]) -> Option<Nonce> {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&explicit);
        match self.cipher {
            Cipher::Gcm { .. } => nonce[..4].copy_from_slice(self.iv.get(..4)?),
            _ => nonce.iter_mut().zip(self.iv.get(..12)?).for_each(|(byte, fixed)| *byte ^= fixed),
        }
        Some(Nonce::assume_unique_for_key(nonce))
    }

    fn aead(&self) -> Result<LessSafeKey, Unspecified> {
        let algorithm = match self.cipher {
            Cipher::Gcm { key: 16 } => &AES_128_GCM,
            Cipher::Gcm { .. } => &AES_256_GCM,
            _ => &CHACHA20_POLY1305,
        };
        UnboundKey::new(algorithm, &self.key).map(LessSafeKey::new)
    }

    fn aes(&self) -> &'static aws_lc_rs::cipher::Algorithm {
        if self.key.len() == 16 { &AES_128 } else { &AES_256 }
    }

    /// What is authenticated before the body: number, kind, version, length.
    fn header(&self, kind: u8, length: usize) -> [u8; 13] {
        let mut out = [0; 13];
        out[..8].copy_from_slice(&self.sequence.to_be_bytes());
        out[8] = kind;
        out[9..11].copy_from_slice(&self.version.to_be_bytes());
        out[11..].copy_from_slice(&(length as u16).to_be_bytes());
        out
    }

    fn mac(&self, mac: Mac, kind: u8, body: &[u8]) -> Vec<u8> {
        let algorithm = match mac {
            Mac::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Mac::Sha256 => hmac::HMAC_SHA256,
            Mac::Sha384 => hmac::HMAC_SHA384,
        };
        let key = hmac::Key::new(algorithm, &self.mac_key);
        hmac::sign(&key, &[&self.header(kind, body.len())[..], body].concat()).as_ref().to_vec()
    }
}

impl Mac {
    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// Of the MAC key, the key and the fixed nonce. A first IV is derived in TLS 1.0 alone; to derive it in vain changes no other key.
fn lengths(cipher: Cipher) -> (usize, usize, usize) {
    match cipher {
        Cipher::Cbc { key, mac } => (mac.length(), key, BLOCK),
        Cipher::Gcm { key } => (0, key, 4),
        Cipher::ChaCha => (0, 32, 12),
    }
}

fn block_of(bytes: &[u8]) -> Option<[u8; BLOCK]> {
    bytes.try_into().ok()
}

fn cannot(_: Unspecified) -> NetError {
    NetError::new(Reason::Other, "the cipher failed on our side")
}

/// Opens bytes as a server's record in every kind of protection.
pub(super) fn exercise(bytes: &[u8]) {
    for (code, version) in [(0x002F, 0x0301), (0x003D, 0x0303), (0xC028, 0x0302), (0xC02F, 0x0303), (0xCCA8, 0x0303)] {
        if let Some(suite) = Suite::read(code) {
            let [mut ours, _] = Protection::pair(suite, version, &vec![7; Protection::needs(suite)]);
            let _ = ours.open(22, bytes);
        }
    }
}
