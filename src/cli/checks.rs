//! `scrutineer checks`: the catalogue.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::output::write_whole;
use super::{CliError, Exit, terminal};
use crate::check::{Catalogue, Check, CheckFault, run_cases};

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// All checks, one a line: id, severity, title
    List {
        /// Also a team's own checks, DIR/family/the-fault.toml
        #[arg(long, value_name = "DIR")]
        checks: Vec<PathBuf>,
        /// Show which server of the lab fails each check and which passes it
        #[arg(long)]
        proof: bool,
    },
    /// Everything one check says
    Show {
        id: String,
        /// Also a team's own checks
        #[arg(long, value_name = "DIR")]
        checks: Vec<PathBuf>,
    },
    /// Load every check file; print each fault with its file and line
    Lint {
        /// Also a team's own checks
        #[arg(long, value_name = "DIR")]
        checks: Vec<PathBuf>,
    },
    /// Judge every check on its own cases
    Test {
        /// Only the checks whose id starts with this
        id: Option<String>,
        /// Also a team's own checks
        #[arg(long, value_name = "DIR")]
        checks: Vec<PathBuf>,
        /// Folder with base documents of your own for the cases; they come before the built-in ones
        #[arg(long, value_name = "DIR")]
        bases: Option<PathBuf>,
    },
    /// Write the skeleton of a new check, family.the-fault
    New {
        id: String,
        /// Folder to write to
        #[arg(long, value_name = "DIR", default_value = "checks")]
        into: PathBuf,
    },
}

pub(super) fn run(command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::List { checks, proof } => list(&load(checks, Catalogue::linted)?, *proof),
        Command::Show { id, checks } => show(&load(checks, Catalogue::linted)?, id),
        Command::Lint { checks } => lint(checks),
        Command::Test { id, checks, bases } => test(&load(checks, Catalogue::linted)?, id.as_deref(), bases.as_deref()),
        Command::New { id, into } => new(id, into),
    }
}

/// The catalogue, or every fault in it.
pub(super) fn load(
    directories: &[PathBuf],
    how: fn(&[&Path]) -> Result<Catalogue, Vec<CheckFault>>,
) -> Result<Catalogue, CliError> {
    let directories: Vec<&Path> = directories.iter().map(PathBuf::as_path).collect();
    how(&directories).map_err(|faults| CliError::Configuration {
        faults: faults.iter().map(ToString::to_string).collect(),
        advice: format!("{} faults in check files; nothing was run. Mend them and try again.", faults.len()),
    })
}

fn list(catalogue: &Catalogue, proof: bool) -> Result<Exit, CliError> {
    let width = catalogue.checks.keys().map(String::len).max().unwrap_or(0);
    for check in catalogue.checks.values() {
        let file = &check.file;
        let severity = if file.severity.contains(' ') { "varies" } else { &file.severity };
        let tail = if proof {
            format!("fails: {}  passes: {}", file.proof.fails, file.proof.passes)
        } else {
            file.title.clone()
        };
        terminal::data(&format!("{:width$}  {severity:8}  {tail}", check.id));
    }
    terminal::note(&format!("{} checks", catalogue.checks.len()));
    Ok(Exit::Fine)
}

fn show(catalogue: &Catalogue, id: &str) -> Result<Exit, CliError> {
    let check = catalogue.checks.get(id).ok_or_else(|| {
        CliError::configuration(format!("there is no check '{id}'"), "`scrutineer checks list` has them all.")
    })?;
    let file = &check.file;
    let mut lines = vec![
        format!("{}  ({}, {})", check.id, file.severity, file.confidence.word()),
        String::new(),
        file.title.clone(),
        String::new(),
    ];
    lines.push(file.rationale.trim().to_owned());
    lines.push(format!(
        "\nWhat to do ({:?} effort, takes {}):\n{}",
        file.remediation.effort,
        file.remediation.lead_time,
        file.remediation.text.trim()
    ));
    if !file.requires.is_empty() {
        lines.push(format!("\nNeeds: {}", file.requires.join(", ")));
    }
    if !file.must_exist.is_empty() {
        lines.push(format!("Must be there: {}", file.must_exist.join(", ")));
    }
    if let Some(each) = &file.each {
        lines.push(format!("For each of: {each}"));
    }
    if let Some(rule) = &file.rule {
        lines.push(format!("Rule:\n{}", rule.trim()));
    }
    lines.push(format!("\nControls: {}\nReferences: {}", file.controls.join(", "), file.references.join("; ")));
    lines.push(format!("Cases: {}", file.cases.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join("; ")));
    lines.push(format!("Digest: {}", check.digest));
    terminal::data(&lines.join("\n"));
    Ok(Exit::Fine)
}

fn lint(directories: &[PathBuf]) -> Result<Exit, CliError> {
    let catalogue = load(directories, Catalogue::linted)?;
    terminal::note(&format!("{} checks, no fault ({})", catalogue.checks.len(), catalogue.digest));
    Ok(Exit::Fine)
}

fn test(catalogue: &Catalogue, prefix: Option<&str>, bases: Option<&Path>) -> Result<Exit, CliError> {
    let selected = |check: &Check| prefix.is_none_or(|prefix| check.id.starts_with(prefix));
    let results = run_cases(catalogue, bases, &selected);
    let failed: Vec<_> =
        results.iter().filter_map(|r| r.problem.as_ref().map(|p| format!("{} / {}: {p}", r.check, r.case))).collect();
    for line in &failed {
        terminal::data(line);
    }
    terminal::note(&format!("{} passed, {} failed", results.len() - failed.len(), failed.len()));
    if results.is_empty() {
        return Err(CliError::configuration("no case was run", "Name a check that exists, or leave the name out."));
    }
    Ok(if failed.is_empty() { Exit::Fine } else { Exit::Findings })
}

fn new(id: &str, into: &Path) -> Result<Exit, CliError> {
    let (family, fault) =
        id.split_once('.').filter(|(family, _)| crate::check::FAMILIES.contains(family)).ok_or_else(|| {
            CliError::configuration(
                format!("'{id}' is not family.the-fault"),
                format!(
                    "The family is one of {}; the rest names the fault, in kebab-case.",
                    crate::check::FAMILIES.join(", ")
                ),
            )
        })?;
    let folder = into.join(family);
    let path = folder.join(format!("{fault}.toml"));
    if path.exists() {
        return Err(CliError::configuration(
            format!("{} exists already", path.display()),
            "Choose another id, or edit that file.",
        ));
    }
    std::fs::create_dir_all(&folder).map_err(|e| {
        CliError::configuration(
            format!("{} cannot be made: {e}", folder.display()),
            "Name a folder that you may write to with --into.",
        )
    })?;
    write_whole(&path, include_str!("new-check.toml"))?;
    terminal::data(&path.display().to_string());
    terminal::note("Edit it, then run `scrutineer checks lint` and `scrutineer checks test` with the same folder.");
    Ok(Exit::Fine)
}
