//! Facts as CEL values.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};
use serde_json::Value as Json;

use crate::check::path::{Seen, open};
use crate::check::types::Type;
use crate::facts::Timestamp;

/// As [`to_cel`], of objects only the fields on the way to what is read; lists and maps are taken whole.
pub(super) fn parts(value: &Json, ty: &Type, paths: &[&[String]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return to_cel(value, ty);
    }
    match ty {
        Type::Observation(inner) => match open(value) {
            Seen::Value(seen) => parts(seen, inner, paths),
            Seen::Absent | Seen::Blocked(_) => None,
        },
        Type::Object(object) => {
            let value = value.as_object()?;
            let mut fields: BTreeMap<&String, Vec<&[String]>> = BTreeMap::new();
            for (name, rest) in paths.iter().filter_map(|path| path.split_first()) {
                fields.entry(name).or_default().push(rest);
            }
            let field = |(name, rest): (&String, Vec<&[String]>)| {
                let part = parts(value.get(name)?, &object.fields.get(name)?.ty, &rest)?;
                Some((name.clone(), part))
            };
            Some(map(fields.into_iter().filter_map(field)))
        }
        _ => to_cel(value, ty),
    }
}

/// A fact as a CEL value: observations are seen through, what was not observed is left out of its object, and stays in its
/// list as an object without fields, so that `all()` over it errs instead of passing.
pub(super) fn to_cel(value: &Json, ty: &Type) -> Option<Value> {
    match ty {
        Type::Observation(inner) => match open(value) {
            Seen::Value(seen) => to_cel(seen, inner),
            Seen::Absent | Seen::Blocked(_) => None,
        },
        Type::Object(object) => {
            let fields = value.as_object()?.iter();
            let field =
                |(name, value): (&String, &Json)| Some((name.clone(), to_cel(value, &object.fields.get(name)?.ty)?));
            Some(map(fields.filter_map(field)))
        }
        Type::Map(inner) => {
            let fields = value.as_object()?.iter();
            Some(map(fields.filter_map(|(name, value)| Some((name.clone(), to_cel(value, inner)?)))))
        }
        Type::List(inner) => {
            let unseen = || map(std::iter::empty());
            let items = value.as_array()?.iter().map(|item| to_cel(item, inner).unwrap_or_else(unseen));
            Some(Value::List(Arc::new(items.collect())))
        }
        Type::Timestamp => {
            let at = Timestamp::parse(value.as_str()?).ok()?;
            Some(Value::Timestamp(chrono::DateTime::from_timestamp(at.unix(), 0)?.fixed_offset()))
        }
        Type::Span => {
            let seconds = value.as_str()?.strip_suffix('s')?.parse().ok()?;
            Some(Value::Duration(chrono::Duration::try_seconds(seconds)?))
        }
        Type::String | Type::Int | Type::Bool | Type::Float | Type::Any => bare(value),
    }
}

fn bare(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n.as_i64().map(Value::Int).or_else(|| n.as_f64().map(Value::Float))?,
        Json::String(s) => Value::String(Arc::new(s.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().filter_map(bare).collect())),
        Json::Object(fields) => map(fields.iter().filter_map(|(k, v)| Some((k.clone(), bare(v)?)))),
    })
}

fn map(fields: impl Iterator<Item = (String, Value)>) -> Value {
    let fields = fields.map(|(name, value)| (Key::String(Arc::new(name)), value));
    Value::Map(Map { map: Arc::new(fields.collect()) })
}
