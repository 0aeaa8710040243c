//! From headers and bodies: what policies say.

use crate::facts::{Blobs, Web};

/// Fills the derived fields of every page.
pub(super) fn derive(web: &mut Web, blobs: &Blobs) {
    let _ = (web, blobs);
}

/// Empties them.
pub(super) fn strip(web: &mut Web) {
    let _ = web;
}
