//! The formats that others rely on, as JSON schemas under `reports/schema/`. After a change of a type:
//! `UPDATE_SCHEMAS=1 cargo test --test schemas`, and look at the difference: the formats only ever grow.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;

use schemars::schema_for;
use scrutineer::check::CheckFile;
use scrutineer::facts::Document;
use scrutineer::report::FindingsDocument;

fn holds(name: &str, schema: &schemars::Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/schema").join(format!("{name}.schema.json"));
    let text = format!("{}\n", serde_json::to_string_pretty(schema).expect("JSON"));
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).expect("a file");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{} is not up to date: UPDATE_SCHEMAS=1 cargo test --test schemas", path.display());
}

#[test]
fn the_schema_of_facts_is_up_to_date() {
    holds("facts", &schema_for!(Document));
}

#[test]
fn the_schema_of_findings_is_up_to_date() {
    holds("findings", &schema_for!(FindingsDocument<'static>));
}

#[test]
fn the_schema_of_check_files_is_up_to_date() {
    holds("check", &schema_for!(CheckFile));
}
