//! What grows with the estate lies in a file, not in memory: the looks at its zones, the bulky evidence, the findings. A small
//! estate never gets that far. The file has no name, belongs to this process alone and is gone with it.

mod shelf;
mod spool;

pub use shelf::Shelf;
pub use spool::{Place, Spool};

/// Why something that was put away could not be had again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the temporary file cannot be read: {0}")]
pub struct StoreFault(pub String);
