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

use tokio::sync::OnceCell;

use crate::facts::Blobs;
use crate::net::{DnsBytes, Net, NetError};
use crate::scope::Scope;

/// What every probe is handed.
#[derive(Clone, Debug)]
pub struct Context {
    pub net: Arc<Net>,
    pub scope: Arc<Scope>,
    blobs: Arc<Mutex<Blobs>>,
    extra_roots: Arc<str>,
    once: Arc<Mutex<BTreeMap<IpAddr, Once>>>,
}

/// What came of a question that an address is asked once in a run, for however many zones it serves.
type Once = Arc<OnceCell<Result<DnsBytes, NetError>>>;

impl Context {
    /// A context with an empty store of blobs.
    pub fn new(net: Arc<Net>, scope: Arc<Scope>) -> Self {
        Self { net, scope, blobs: Arc::default(), extra_roots: "".into(), once: Arc::default() }
    }
    /// The same with the estate's own roots, as PEM text.
    pub fn with_extra_roots(self, pem: &str) -> Self {
        Self { extra_roots: pem.into(), ..self }
    }
    /// The estate's own roots, as PEM text.
    pub(crate) fn extra_roots(&self) -> &str {
        &self.extra_roots
    }
    /// The place of the answer to what an address is asked once. BIND answers no more than three such questions a second.
    pub(crate) fn once_for(&self, address: IpAddr) -> Once {
        Arc::clone(self.once.lock().unwrap_or_else(PoisonError::into_inner).entry(address).or_default())
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
