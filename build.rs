//! Reads what lies under `checks/` once, at build time, so that no scan begins with parsing 150 TOML files: `checks.json` holds the check
//! files by id, `frameworks.json` and `tables.json` those folders by file name, and `reference-NAME.json` one file of that folder each. Cases
//! are left out: `scrutineer checks` reads the files themselves, and lints them.

#![expect(clippy::expect_used, reason = "a build that cannot read its own files ends")]

#[path = "src/check/datetimes.rs"]
mod datetimes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datetimes::without_datetimes;
use serde_json::{Map, Value};

fn main() {
    println!(
        "cargo:rerun-if-changed=checks\ncargo:rerun-if-changed=src/check/datetimes.rs\ncargo:rerun-if-changed=build.rs"
    );
    let mut documents: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for path in files(Path::new("checks")) {
        let text = std::fs::read_to_string(&path).expect("a file under checks");
        // What is no TOML is named with its line by the linter, not here.
        let Ok(Value::Object(mut file)) = toml::from_str::<Value>(&text) else { continue };
        if let Some(cases) = file.get_mut("case") {
            *cases = Value::Array(Vec::new());
        }
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Value::Object(file) = without_datetimes(Value::Object(file)) else { continue };
        match folder.as_str() {
            // Large and seldom needed: each by itself.
            "reference" => drop(documents.insert(format!("reference-{stem}"), file)),
            "frameworks" | "tables" => {
                documents.entry(folder).or_default().insert(stem.into_owned(), Value::Object(file));
            }
            family => {
                let id = format!("{family}.{stem}");
                documents.entry("checks".into()).or_default().insert(id, Value::Object(file));
            }
        }
    }
    let target = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    for (name, document) in documents {
        std::fs::write(target.join(format!("{name}.json")), Value::Object(document).to_string()).expect("a file");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder under checks");
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect()
}
