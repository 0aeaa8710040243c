//! All checks, loaded from the embedded files and from directories, or refused.

use std::collections::BTreeMap;
use std::path::Path;

use rust_embed::RustEmbed;

use super::EvidenceKind;
use super::lint::{Check, CheckFault, compile};
use super::table::Tables;
use crate::framework::{Citation, Frameworks, lint_citations};

/// The families, in the order in which reports show them.
pub const FAMILIES: [&str; 6] = ["tls", "dns", "mail", "web", "services", "estate"];

#[derive(RustEmbed)]
#[folder = "checks/"]
struct Files;

/// Checks by id, with the tables they read.
#[derive(Debug)]
pub struct Catalogue {
    pub checks: BTreeMap<String, Check>,
    pub(super) tables: Tables,
    /// Digest over all check files, tables and reference data, in order of id.
    pub digest: String,
}

impl Catalogue {
    /// The embedded checks and those of the directories, or every fault of any of them.
    ///
    /// # Errors
    /// All faults, by file and line.
    pub fn load(directories: &[&Path]) -> Result<Self, Vec<CheckFault>> {
        let mut sources = embedded();
        let mut faults = Vec::new();
        for directory in directories {
            match read_directory(directory) {
                Ok(found) => {
                    for (id, source) in found {
                        if let Some(there) = sources.checks.insert(id.clone(), source.clone()) {
                            faults.push(fault(&source.name, format!("the id {id} is taken by {}", there.name)));
                        }
                    }
                }
                Err(e) => faults.push(e),
            }
        }
        Self::compile(&sources, faults)
    }

    fn compile(sources: &Sources, mut faults: Vec<CheckFault>) -> Result<Self, Vec<CheckFault>> {
        let tables = Tables::read(&sources.tables).unwrap_or_else(|texts| {
            faults.extend(texts.into_iter().map(|text| fault("checks/tables", text)));
            Tables::default()
        });
        let mut checks = BTreeMap::new();
        for outcome in compile_all(&sources.checks, &tables) {
            match outcome {
                Ok(check) => drop(checks.insert(check.id.clone(), check)),
                Err(more) => faults.extend(more),
            }
        }
        let cited = checks.values().map(|check: &Check| (check.id.as_str(), &check.file));
        faults.extend(unsound_citations(cited));
        if faults.is_empty() {
            let texts = sources.tables.iter().chain(&sources.reference).map(|(name, text)| format!("{name}\n{text}"));
            let all: Vec<String> =
                checks.values().map(|c: &Check| format!("{} {}\n", c.id, c.digest)).chain(texts).collect();
            return Ok(Self { checks, tables, digest: crate::facts::digest(all.concat().as_bytes()) });
        }
        faults.sort();
        Err(faults)
    }

    /// The checks of one family.
    pub fn family<'a>(&'a self, family: &'a str) -> impl Iterator<Item = &'a Check> {
        self.checks.values().filter(move |check| check.family() == family)
    }
}

/// Every check compiled, in order of id, on as many threads as there are processors: it is most of the time before a scan begins.
fn compile_all(checks: &BTreeMap<String, Source>, tables: &Tables) -> Vec<Result<Check, Vec<CheckFault>>> {
    let all: Vec<(&String, &Source)> = checks.iter().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let part = all.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let one = |(id, source): &(&String, &Source)| compile(&source.name, id, &source.text, tables);
        let parts: Vec<_> =
            all.chunks(part).map(|part| scope.spawn(move || part.iter().map(one).collect::<Vec<_>>())).collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

#[derive(Clone)]
struct Source {
    name: String,
    text: String,
}

#[derive(Default)]
struct Sources {
    checks: BTreeMap<String, Source>,
    tables: BTreeMap<String, String>,
    /// Dated data that code reads and no rule does.
    reference: BTreeMap<String, String>,
}

fn embedded() -> Sources {
    let mut sources = Sources::default();
    for path in Files::iter() {
        let Some(text) = Files::get(&path).and_then(|file| String::from_utf8(file.data.into_owned()).ok()) else {
            continue;
        };
        match path.strip_suffix(".toml").and_then(|path| path.split_once('/')) {
            Some(("tables", table)) => drop(sources.tables.insert(table.to_owned(), text)),
            Some(("reference", name)) => drop(sources.reference.insert(name.to_owned(), text)),
            Some((family, fault)) if FAMILIES.contains(&family) => {
                let source = Source { name: format!("checks/{path}"), text };
                sources.checks.insert(format!("{family}.{fault}"), source);
            }
            _ => {}
        }
    }
    sources
}

/// Check files of a team: `DIR/family/the-fault.toml`.
fn read_directory(directory: &Path) -> Result<BTreeMap<String, Source>, CheckFault> {
    let unreadable =
        |path: &Path, e: std::io::Error| fault(&path.display().to_string(), format!("cannot be read: {e}"));
    let mut found = BTreeMap::new();
    for family in std::fs::read_dir(directory).map_err(|e| unreadable(directory, e))? {
        let family = family.map_err(|e| unreadable(directory, e))?.path();
        if !family.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&family).map_err(|e| unreadable(&family, e))? {
            let file = file.map_err(|e| unreadable(&family, e))?.path();
            if file.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&file).map_err(|e| unreadable(&file, e))?;
            let part =
                |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            found.insert(
                format!("{}.{}", part(&family), part(&file)),
                Source { name: file.display().to_string(), text },
            );
        }
    }
    Ok(found)
}

/// Faults of the frameworks themselves, or of what checks cite from them.
fn unsound_citations<'a>(cited: impl Iterator<Item = (&'a str, &'a super::CheckFile)>) -> Vec<CheckFault> {
    let frameworks = match Frameworks::built_in() {
        Ok(frameworks) => frameworks,
        Err(error) => return error.0.into_iter().map(|text| fault("checks/frameworks", text)).collect(),
    };
    let complaints = |(check, file): (&str, &super::CheckFile)| {
        let name = format!("checks/{}.toml", check.replacen('.', "/", 1));
        let declared = file.evidence == EvidenceKind::Declared;
        let citation = Citation { check, declared, controls: &file.controls };
        lint_citations(&frameworks, [citation]).into_iter().map(|text| fault(&name, text)).collect::<Vec<_>>()
    };
    cited.flat_map(complaints).collect()
}

fn fault(file: &str, message: String) -> CheckFault {
    CheckFault { file: file.to_owned(), line: 1, message }
}
