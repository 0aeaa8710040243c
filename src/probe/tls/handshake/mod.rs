//! A handshake of TLS 1.0 to 1.2 by our own code, for what no library asks: a record that is wrong on purpose, and a second hello inside
//! the encryption. It authenticates nothing: no certificate, no signature and no name is looked at, and its secrets are not kept
//! secret. It is a question, not a channel; nothing that matters may go through it.
//!
//! [`suite`] says what is spoken, [`exchange`] agrees on a secret, [`prf`] makes keys of it, [`record`] protects with them, and
//! [`conversation`] does all of that in order.

mod conversation;
mod exchange;
mod oracle;
mod poodle;
mod prf;
mod record;
mod renegotiation;
mod suite;

#[cfg(test)]
mod tests;

use aws_lc_rs::agreement::PrivateKey;

pub(super) use oracle::look as padding_oracle;
pub(super) use poodle::look as poodle;
pub(super) use renegotiation::{Session, look as renegotiation};

/// The groups whose keys are computed here.
const GROUPS: [u16; 4] = [29, 23, 24, 25];

/// A public key of a group, for a server that is only to look at it; nobody can or need do anything with its private key.
pub(super) fn public_key(group: u16) -> Option<Vec<u8>> {
    match group {
        // The square of the generator 2, as long as the prime (RFC 7919 §A, RFC 8446 §4.2.8.1).
        256..=260 => {
            let length = [256, 384, 512, 768, 1024][usize::from(group - 256)];
            Some([vec![0; length - 1], vec![4]].concat())
        }
        // The base point of X448 (RFC 7748 §4.2).
        30 => Some([vec![5], vec![0; 55]].concat()),
        _ => {
            let key = PrivateKey::generate(exchange::algorithm(group)?).ok()?;
            Some(key.compute_public_key().ok()?.as_ref().to_vec())
        }
    }
}

/// Feeds a server's bytes to every parser of the handshake.
pub(super) fn exercise(bytes: &[u8]) {
    exchange::exercise(bytes);
    record::exercise(bytes);
    conversation::exercise(bytes);
}
