//! Dates in the files of checks. The build script uses this as well.

use serde_json::Value;

/// TOML's own dates and times as the strings that facts use.
pub(crate) fn without_datetimes(value: Value) -> Value {
    match value {
        Value::Object(map) => match map.get("$__toml_private_datetime") {
            Some(Value::String(text)) => Value::String(text.clone()),
            _ => Value::Object(map.into_iter().map(|(k, v)| (k, without_datetimes(v))).collect()),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(without_datetimes).collect()),
        other => other,
    }
}
