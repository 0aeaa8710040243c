//! Election function by family: where it hurts.

use serde::Serialize;

use super::Told;
use super::gathered::Counts;
use super::words::severity;
use crate::check::{FAMILIES, Verdict};

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
    let cells = |function: Option<&str>| {
        let cell_of = |family| cell(&input.gathered.counts(|of, in_family| of == function && in_family == family));
        families.iter().map(|family| cell_of(*family)).collect()
    };
    let mut rows: Vec<Row> = input
        .index
        .functions
        .iter()
        .map(|function| Row {
            function: function.function.replace('-', " "),
            criticality: function.criticality.clone(),
            cells: cells(Some(&function.function)),
        })
        .collect();
    rows.push(Row { function: "the estate as a whole".into(), criticality: String::new(), cells: cells(None) });
    Matrix { families, rows }
}

fn cell(counts: &Counts) -> Cell {
    let [failed, unknown, passed] =
        [Verdict::Fail, Verdict::Undetermined, Verdict::Pass].map(|verdict| counts.count(verdict));
    let all = failed + unknown + passed;
    match counts.worst {
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
