//! Election function by family: where it hurts.

use serde::Serialize;

use super::Told;
use super::words::{asset_of, severity};
use crate::check::{FAMILIES, Finding, Verdict};

#[derive(Serialize)]
pub(super) struct Matrix {
    families: Vec<&'static str>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    function: String,
    criticality: String,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    class: &'static str,
    shape: &'static str,
    words: String,
    detail: String,
}

pub(super) fn matrix(input: &Told<'_>) -> Matrix {
    let families: Vec<&'static str> = FAMILIES.to_vec();
    let mut rows: Vec<Row> = input
        .index
        .functions
        .iter()
        .map(|function| {
            let of_function = |finding: &&Finding| {
                asset_of(input.estate, finding).is_some_and(|asset| asset.function.word() == function.function)
            };
            Row {
                function: function.function.replace('-', " "),
                criticality: function.criticality.clone(),
                cells: families.iter().map(|family| cell(input, family, &of_function)).collect(),
            }
        })
        .collect();
    let whole = |finding: &&Finding| asset_of(input.estate, finding).is_none();
    rows.push(Row {
        function: "the estate as a whole".into(),
        criticality: String::new(),
        cells: families.iter().map(|family| cell(input, family, &whole)).collect(),
    });
    Matrix { families, rows }
}

fn cell(input: &Told<'_>, family: &str, concerned: &dyn Fn(&&Finding) -> bool) -> Cell {
    let of_family = |f: &&Finding| f.check.split('.').next() == Some(family) && f.verdict != Verdict::NotApplicable;
    let findings: Vec<&Finding> = input.findings().filter(of_family).filter(concerned).collect();
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let (failed, unknown, all) = (count(Verdict::Fail), count(Verdict::Undetermined), findings.len());
    let worst = findings.iter().filter(|f| f.verdict == Verdict::Fail).map(|f| f.severity).max();
    match worst {
        Some(worst) => {
            let mark = severity(worst);
            Cell {
                class: mark.word,
                shape: mark.shape,
                words: mark.word.to_owned(),
                detail: format!("{failed} of {all} failed"),
            }
        }
        None if all == 0 => Cell { class: "grey", shape: "", words: "not assessed".into(), detail: String::new() },
        None if unknown > 0 => {
            Cell { class: "grey", shape: "?", words: "undetermined".into(), detail: format!("{unknown} of {all}") }
        }
        None => Cell { class: "ok", shape: "✓", words: "passed".into(), detail: format!("{all} of {all}") },
    }
}
