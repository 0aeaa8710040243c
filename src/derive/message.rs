//! DNS messages among the evidence, and the names in them.

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::Name;

use crate::facts::{Blobs, Observation, Reason, Timestamp, Unobserved};

/// An answer that can be read.
pub(super) struct Said {
    pub(super) message: Message,
    pub(super) raw: Vec<u8>,
    pub(super) at: Timestamp,
}

/// The message of a digest.
///
/// # Errors
/// Why there is none: it was not asked or not answered, is not among the evidence, or is no DNS message.
pub(super) fn kept(digest: &Observation<String>, blobs: &Blobs) -> Result<Said, Unobserved> {
    let at = digest.observed_at();
    let failed = |reason, detail: String| Observation::Failed { observed_at: at, reason, detail };
    let Some(value) = digest.value() else {
        let why = digest.unobserved();
        return Err(why.unwrap_or_else(|| failed(Reason::Dependency, "there was no answer".into())));
    };
    let raw = blobs.bytes(value);
    let raw = raw.ok_or_else(|| failed(Reason::Dependency, "the raw answer is not in the evidence".into()))?;
    match Message::from_vec(&raw) {
        Ok(message) => Ok(Said { message, raw, at }),
        Err(e) => Err(failed(Reason::Garbage, format!("the answer is no DNS message: {e}"))),
    }
}

/// A fully qualified name.
pub(super) fn parse_name(text: &str) -> Option<Name> {
    let mut name = Name::from_ascii(text).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// A name in lower case without its final dot.
pub(super) fn name_text(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}
