//! What an endpoint showed in passing while it was asked other things.

use std::collections::{BTreeMap, BTreeSet};

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::answer::ServerHello;
use super::hello::{Hello, extension};

/// The most chains that are remembered: a server may make up a new one for each hello.
const CHAINS: usize = 16;

/// Every certificate chain that was sent in the clear for the host's own name.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings {
    chains: BTreeSet<Vec<Vec<u8>>>,
    /// The first list of certificate timestamps, with the certificate it came with.
    timestamps: Option<(Vec<u8>, Vec<u8>)>,
}

impl Sightings {
    /// Remembers what an answer showed.
    pub(super) fn note(&mut self, hello: &Hello, answer: &ServerHello) {
        if hello.is_plain() && !answer.certificates.is_empty() && self.chains.len() < CHAINS {
            self.chains.insert(answer.certificates.clone());
        }
        if let (None, true, Some(list), Some(leaf)) =
            (&self.timestamps, hello.is_for_host(), answer.extension(extension::SCT), answer.certificates.first())
        {
            self.timestamps = Some((list.to_vec(), leaf.clone()));
        }
    }

    /// First certificates that differ although they have the same kind of key, in words.
    pub(super) fn unsteady(&self) -> Vec<String> {
        let mut by_key: BTreeMap<Vec<u8>, BTreeSet<&[u8]>> = BTreeMap::new();
        for leaf in self.chains.iter().filter_map(|chain| chain.first()) {
            // Algorithm with its parameters: the OID of the curve, or of PSS.
            let kind = X509Certificate::from_der(leaf).map(|(_, x509)| {
                let algorithm = &x509.public_key().algorithm;
                let parameters = algorithm.parameters.as_ref().map(|any| any.data.to_vec()).unwrap_or_default();
                [algorithm.algorithm.as_bytes(), &parameters].concat()
            });
            by_key.entry(kind.unwrap_or_default()).or_default().insert(leaf);
        }
        let several = by_key.values().filter(|leaves| leaves.len() > 1);
        several.map(|leaves| format!("{} certificates for the same kind of key", leaves.len())).collect()
    }

    /// The list that an extension brought (RFC 6962 §3.3.1), and the certificate it came with.
    pub(super) fn timestamps(&self) -> Option<(&[u8], &[u8])> {
        self.timestamps.as_ref().map(|(list, leaf)| (list.as_slice(), leaf.as_slice()))
    }

    /// Each chain once.
    pub(super) fn chains(&self) -> &BTreeSet<Vec<Vec<u8>>> {
        &self.chains
    }
}
