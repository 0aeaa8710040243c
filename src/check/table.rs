//! Dated data that rules reach as `table.NAME`: files under `checks/tables/`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::types::Type;

/// All tables, by name (the file's stem, hyphens as underscores).
#[derive(Clone, Debug)]
pub struct Tables {
    value: Value,
    ty: Type,
}

impl Default for Tables {
    fn default() -> Self {
        Self::new(Map::new())
    }
}

impl Tables {
    /// By name, as rules call them.
    pub(super) fn new(values: Map<String, Value>) -> Self {
        let values: Map<String, Value> =
            values.into_iter().map(|(name, value)| (name.replace('-', "_"), value)).collect();
        let value = Value::Object(values);
        Self { ty: Type::of_value(&value), value }
    }
    /// Reads TOML tables by file name without `.toml`.
    ///
    /// # Errors
    /// One sentence a file that is no TOML or has no `date` and `source`.
    pub fn read(files: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut tables = Map::new();
        let mut faults = Vec::new();
        for (file, text) in files {
            match toml::from_str::<Value>(text) {
                Ok(value) if value.get("date").is_some() && value.get("source").is_some() => {
                    tables.insert(file.clone(), super::datetimes::without_datetimes(value));
                }
                Ok(_) => faults.push(format!("checks/tables/{file}.toml: dated data needs the keys date and source")),
                Err(e) => faults.push(format!("checks/tables/{file}.toml: {}", e.to_string().trim())),
            }
        }
        if faults.is_empty() { Ok(Self::new(tables)) } else { Err(faults) }
    }
    /// The value that `table` stands for.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }
    /// Its type.
    pub(super) fn ty(&self) -> Type {
        self.ty.clone()
    }
}
