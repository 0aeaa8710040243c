//! The shape of what a rule sees, read from the facts' JSON schema: the linter walks rules against it, and the judge finds
//! facts with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// The type of one place in the facts; cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    /// Observed, absent, failed or not run; rules see through it.
    Observation(Arc<Type>),
    Object(Arc<Object>),
    /// Sorted map with string keys.
    Map(Arc<Type>),
    List(Arc<Type>),
    String,
    Int,
    Bool,
    Float,
    Timestamp,
    Span,
    /// Not known; the linter lets it pass.
    Any,
}

/// The fields of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    pub(super) fields: BTreeMap<String, Field>,
    /// The field that names the object in a list (`x-key`).
    pub(super) key: Option<String>,
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) ty: Type,
    /// May be left out, which means absent.
    pub(super) optional: bool,
    /// The probe version that first wrote it (`x-since`).
    pub(super) since: i64,
}

impl Type {
    /// The type that serde and schemars give `T`.
    pub(super) fn of<T: JsonSchema>() -> Self {
        let schema = schemars::schema_for!(T).to_value();
        Reader::new(&schema).ty(&schema)
    }

    /// The type of a piece of dated data, by its value.
    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) => Self::Bool,
            Value::Number(n) if n.is_i64() => Self::Int,
            Value::Number(_) => Self::Float,
            Value::String(_) => Self::String,
            Value::Array(items) => Self::List(Arc::new(items.first().map_or(Self::Any, Self::of_value))),
            Value::Object(map) => {
                let field = |value| Field { ty: Self::of_value(value), optional: false, since: 1 };
                let fields = map.iter().map(|(k, v)| (k.clone(), field(v))).collect();
                Self::Object(Arc::new(Object { fields, key: None }))
            }
        }
    }

    /// The type behind an observation, or the type itself.
    pub(super) fn bare(&self) -> &Self {
        match self {
            Self::Observation(inner) => inner.bare(),
            other => other,
        }
    }

    /// A word for messages.
    pub(super) fn word(&self) -> &'static str {
        match self.bare() {
            Self::Observation(_) => "observation",
            Self::Object(_) => "object",
            Self::Map(_) => "map",
            Self::List(_) => "list",
            Self::String => "string",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Float => "float",
            Self::Timestamp => "timestamp",
            Self::Span => "duration",
            Self::Any => "unknown",
        }
    }
}

/// Reads types from one schema; what it defines once is read once.
struct Reader<'s> {
    definitions: Option<&'s Map<String, Value>>,
    read: RefCell<BTreeMap<&'s str, Type>>,
}

impl<'s> Reader<'s> {
    fn new(root: &'s Value) -> Self {
        Self { definitions: root.get("$defs").and_then(Value::as_object), read: RefCell::default() }
    }

    fn ty(&self, schema: &'s Value) -> Type {
        if let Some(inner) = schema.get("x-observation") {
            return Type::Observation(Arc::new(self.ty(inner)));
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            return self.defined(target.trim_start_matches("#/$defs/"));
        }
        if let Some(choices) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
            // Either `T or null` of an Option, or the words of an enum.
            let real = choices.iter().find(|choice| choice.get("type").and_then(Value::as_str) != Some("null"));
            return real.map_or(Type::Any, |choice| self.ty(choice));
        }
        if schema.get("enum").is_some() || schema.get("const").is_some() {
            return Type::String;
        }
        match type_word(schema) {
            Some("object") => self.object(schema),
            Some("array") => Type::List(Arc::new(schema.get("items").map_or(Type::Any, |items| self.ty(items)))),
            Some("string") => match schema.get("format").and_then(Value::as_str) {
                Some("date-time") => Type::Timestamp,
                Some("duration") => Type::Span,
                _ => Type::String,
            },
            Some("integer") => Type::Int,
            Some("boolean") => Type::Bool,
            Some("number") => Type::Float,
            _ => Type::Any,
        }
    }

    fn defined(&self, name: &'s str) -> Type {
        if let Some(known) = self.read.borrow().get(name) {
            return known.clone();
        }
        let ty = self.definitions.and_then(|all| all.get(name)).map_or(Type::Any, |found| self.ty(found));
        self.read.borrow_mut().insert(name, ty.clone());
        ty
    }

    fn object(&self, schema: &'s Value) -> Type {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return match schema.get("additionalProperties") {
                Some(values @ Value::Object(_)) => Type::Map(Arc::new(self.ty(values))),
                _ => Type::Any,
            };
        };
        let required: BTreeSet<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let field = |(name, schema): (&'s String, &'s Value)| {
            let ty = self.ty(schema);
            let optional = !required.contains(name.as_str()) && !matches!(ty, Type::Observation(_));
            let since = schema.get("x-since").and_then(Value::as_i64).unwrap_or(1);
            (name.clone(), Field { ty, optional, since })
        };
        let key = schema.get("x-key").and_then(Value::as_str).map(str::to_owned);
        Type::Object(Arc::new(Object { fields: properties.iter().map(field).collect(), key }))
    }
}

/// The `type` of a schema; of `["string", "null"]` the first that is not null.
fn type_word(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(word) => Some(word),
        Value::Array(words) => words.iter().filter_map(Value::as_str).find(|word| *word != "null"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Document, Endpoint};

    #[test]
    fn an_observation_is_seen_through_and_an_option_is_optional() {
        let Type::Object(endpoint) = Type::of::<Endpoint>() else { panic!("an endpoint is an object") };
        let Type::Observation(protocol) = &endpoint.fields["protocol"].ty else { panic!("protocol is an observation") };
        let Type::Object(protocol) = protocol.as_ref() else { panic!("with an object inside") };
        assert!(!protocol.fields["name"].optional);
        assert!(protocol.fields["version"].optional);
        assert_eq!(protocol.fields["version"].ty, Type::String);
    }

    /// `state` marks an observation; a value with a field of that name could not be told from one.
    #[test]
    fn no_value_has_a_field_called_state() {
        fn walk(ty: &Type, path: &str) {
            match ty {
                Type::Observation(inner) | Type::Map(inner) | Type::List(inner) => walk(inner, path),
                Type::Object(object) => {
                    for (name, field) in &object.fields {
                        assert_ne!(name, "state", "in {path}");
                        walk(&field.ty, &format!("{path}.{name}"));
                    }
                }
                Type::Any => panic!("{path} has no type"),
                _ => {}
            }
        }
        walk(&Type::of::<Document>(), "document");
    }
}
