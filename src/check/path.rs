//! Paths of facts, such as `service.tls.certificate.not_after`, and what is found at their end.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::types::Type;

/// A dotted path. The first segment is the root: `service`, `host`, `zone`, `asset`, `election`, `estate`, `run`, `table`, `item`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(pub(super) Vec<String>);

impl Path {
    pub(super) fn parse(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }
    pub(super) fn root(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
    /// Whether this path passes through or ends at `prefix`.
    pub(super) fn covers(&self, prefix: &[String]) -> bool {
        self.0.starts_with(prefix)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What stands at the end of a path.
#[derive(Debug)]
pub(super) enum Found<'v, 't> {
    /// A value, seen through any observation, and its bare type.
    Value(&'v Value, &'t Type),
    /// It is not there, and that is known. With the path at which that was found.
    Absent(String),
    /// Nothing is known, with the reason.
    Blocked(String),
}

/// One observation as written, or a bare value that stands for an observed one (in cases).
pub(super) enum Seen<'v> {
    Value(&'v Value),
    Absent,
    Blocked(String),
}

/// Reads the tag of an observation.
pub(super) fn open(value: &Value) -> Seen<'_> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("state") {
        "observed" => value.get("value").map_or(Seen::Absent, Seen::Value),
        "absent" => Seen::Absent,
        "failed" => Seen::Blocked(sentence(text("reason"), text("detail"))),
        "not_run" => Seen::Blocked(format!("not run: {}", sentence(text("reason"), text("detail")))),
        _ => Seen::Value(value),
    }
}

fn sentence(reason: &str, detail: &str) -> String {
    if detail.is_empty() { reason.to_owned() } else { format!("{reason}: {detail}") }
}

/// Walks from `value` of type `ty` along `segments`. `probes` are the probe versions of the document.
pub(super) fn find<'v, 't>(
    value: &'v Value,
    ty: &'t Type,
    path: &Path,
    skip: usize,
    probes: &BTreeMap<String, i64>,
) -> Found<'v, 't> {
    let (mut value, mut ty) = (value, ty);
    for at in skip..=path.0.len() {
        while let Type::Observation(inner) = ty {
            match open(value) {
                Seen::Value(seen) => (value, ty) = (seen, inner),
                Seen::Absent => return Found::Absent(path.0[..at].join(".")),
                Seen::Blocked(why) => return Found::Blocked(why),
            }
        }
        let Some(segment) = path.0.get(at) else { break };
        match step(value, ty, segment, path, at, probes) {
            Ok(next) => (value, ty) = next,
            Err(dead_end) => return dead_end,
        }
    }
    Found::Value(value, ty)
}

fn step<'v, 't>(
    value: &'v Value,
    ty: &'t Type,
    segment: &str,
    path: &Path,
    at: usize,
    probes: &BTreeMap<String, i64>,
) -> Result<(&'v Value, &'t Type), Found<'v, 't>> {
    let missing = || Found::Absent(path.0[..=at].join("."));
    match ty {
        Type::Object(object) => {
            let Some(field) = object.fields.get(segment) else {
                return Err(Found::Blocked(format!("{path} is not a fact of this version")));
            };
            // What nobody has filled in is as good as not there.
            match value.get(segment).filter(|next| next.get("reason").and_then(Value::as_str) != Some("underived")) {
                Some(next) => Ok((next, &field.ty)),
                // `service.tls.x`: the family is the second segment.
                None if path.0.get(1).and_then(|family| probes.get(family)).is_some_and(|v| *v < field.since) => {
                    Err(Found::Blocked(format!("older facts: {path} is unknown to the probe that wrote them")))
                }
                None if field.optional => Err(missing()),
                None => Err(Found::Blocked(format!("{path} was not recorded"))),
            }
        }
        Type::Map(inner) => value.get(segment).map(|next| (next, inner.as_ref())).ok_or_else(missing),
        _ => Err(Found::Blocked(format!("{path} does not lead into a {}", ty.word()))),
    }
}
