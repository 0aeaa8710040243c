//! Probes look and write facts. They never judge. One folder a family; each probe is one `async fn` that takes a
//! [`Context`] and targets from scope, and returns facts in which everything that could not be looked at says so.

pub mod dns;
pub mod mail;
pub mod services;
pub mod tls;
pub mod web;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::sync::OnceCell;

use crate::facts::Blobs;
use crate::net::{DnsBytes, DnsReply, Net, NetError};
use crate::scope::Scope;

/// What every probe is handed.
#[derive(Clone, Debug)]
pub struct Context {
    pub net: Arc<Net>,
    pub scope: Arc<Scope>,
    blobs: Arc<Mutex<Blobs>>,
    extra_roots: Arc<str>,
    /// What an address is asked once in a run, for however many zones it serves.
    versions: Once<IpAddr, DnsBytes>,
    /// What the resolver is asked once in a look, for however many zones lie below.
    above: Once<(Name, RecordType), DnsReply>,
}

/// What came of questions that are not repeated, by what they are about.
#[derive(Debug)]
pub(crate) struct Once<K, T>(Arc<Mutex<BTreeMap<K, Cell<T>>>>);

type Cell<T> = Arc<OnceCell<Result<T, NetError>>>;

impl<K: Ord, T> Once<K, T> {
    /// The place of one answer: whoever comes first asks, all others wait for it.
    pub(crate) fn cell(&self, key: K) -> Cell<T> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }
}

impl<K, T> Clone for Once<K, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T> Default for Once<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl Context {
    /// A context with an empty store of blobs.
    pub fn new(net: Arc<Net>, scope: Arc<Scope>) -> Self {
        let (versions, above) = (Once::default(), Once::default());
        Self { net, scope, blobs: Arc::default(), extra_roots: "".into(), versions, above }
    }
    /// The same with the estate's own roots, as PEM text.
    pub fn with_extra_roots(self, pem: &str) -> Self {
        Self { extra_roots: pem.into(), ..self }
    }
    /// The estate's own roots, as PEM text.
    pub(crate) fn extra_roots(&self) -> &str {
        &self.extra_roots
    }
    /// The same for another look: what the resolver said before does not count.
    pub(crate) fn afresh(&self) -> Self {
        Self { above: Once::default(), ..self.clone() }
    }
    /// What addresses say of their version. BIND answers no more than three such questions a second.
    pub(crate) fn versions(&self) -> &Once<IpAddr, DnsBytes> {
        &self.versions
    }
    /// What the resolver says of the zones above the declared ones.
    pub(crate) fn above(&self) -> &Once<(Name, RecordType), DnsReply> {
        &self.above
    }
    /// Keeps bulky evidence, gives its digest.
    pub fn keep(&self, bytes: &[u8]) -> String {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).keep(bytes)
    }
    /// The bytes behind a digest, if they were kept here.
    pub fn kept(&self, digest: &str) -> Option<Vec<u8>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).bytes(digest)
    }
    /// All evidence kept so far.
    pub fn blobs(&self) -> Blobs {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
