//! All checks: the built-in ones and those of directories.

use std::collections::BTreeMap;
use std::path::Path;

use rust_embed::RustEmbed;
use serde_json::{Map, Value};

use super::lint::{CheckFault, read};
use super::prepared::Check;
use super::table::Tables;
use super::{CheckFile, EvidenceKind};
use crate::framework::{Citation, Frameworks, lint_citations};

/// The families, in the order in which reports show them.
pub const FAMILIES: [&str; 6] = ["tls", "dns", "mail", "web", "services", "estate"];

/// The files as written.
#[derive(RustEmbed)]
#[folder = "checks/"]
struct Files;

/// The same, read when the program was built (build.rs), without cases.
const CHECKS: &str = include_str!(concat!(env!("OUT_DIR"), "/checks.json"));
const TABLES: &str = include_str!(concat!(env!("OUT_DIR"), "/tables.json"));

/// Checks by id, with the tables they read.
#[derive(Debug)]
pub struct Catalogue {
    pub checks: BTreeMap<String, Check>,
    pub(super) tables: Tables,
    /// Digest over the digests of all check files, tables, reference data and frameworks, by path.
    pub digest: String,
}

impl Catalogue {
    /// What runs judge with: the built-in checks, which are known to be sound, and those of the directories, linted now.
    ///
    /// # Errors
    /// All faults of the directories' files, by file and line.
    pub fn load(directories: &[&Path]) -> Result<Self, Vec<CheckFault>> {
        let broken = |e: serde_json::Error| vec![fault("checks", format!("what is built in cannot be read: {e}"))];
        let tables = Tables::new(serde_json::from_str::<Map<String, Value>>(TABLES).map_err(broken)?);
        let files: BTreeMap<String, CheckFile> = serde_json::from_str(CHECKS).map_err(broken)?;
        let check = |(id, file): (String, CheckFile)| {
            let digest = Files::get(&format!("{}.toml", id.replacen('.', "/", 1))).map_or_else(String::new, digest_of);
            (id.clone(), Check::new(&id, file, digest, &tables))
        };
        let checks = files.into_iter().map(check).collect();
        Self { checks, tables, digest: String::new() }.with(directories, Vec::new(), false)
    }

    /// The same, with every built-in file read and linted as well, and with the cases: for whoever works on checks.
    ///
    /// # Errors
    /// All faults, by file and line.
    pub fn linted(directories: &[&Path]) -> Result<Self, Vec<CheckFault>> {
        let (sources, tables) = built_in_sources();
        let mut faults = Vec::new();
        let tables = Tables::read(&tables).unwrap_or_else(|texts| {
            faults.extend(texts.into_iter().map(|text| fault("checks/tables", text)));
            Tables::default()
        });
        let checks = lint_all(&sources, &tables, &mut faults);
        Self { checks, tables, digest: String::new() }.with(directories, faults, true)
    }

    /// With the checks of the directories.
    fn with(
        mut self,
        directories: &[&Path],
        mut faults: Vec<CheckFault>,
        cite_all: bool,
    ) -> Result<Self, Vec<CheckFault>> {
        let mut added = BTreeMap::new();
        for directory in directories {
            match read_directory(directory) {
                Ok(found) => added.extend(found),
                Err(e) => faults.push(e),
            }
        }
        let taken = added.iter().filter(|(id, _)| self.checks.contains_key(*id));
        faults.extend(taken.map(|(id, source)| fault(&source.name, format!("the id {id} is a built-in check's"))));
        let added = lint_all(&added, &self.tables, &mut faults);
        faults.extend(unsound_citations(added.values().chain(self.checks.values().filter(|_| cite_all))));
        if !faults.is_empty() {
            faults.sort();
            return Err(faults);
        }
        let own = Files::iter().filter_map(|path| Some(format!("{path} {}\n", digest_of(Files::get(&path)?))));
        let others = added.values().map(|check| format!("{} {}\n", check.id, check.digest));
        let mut lines: Vec<String> = own.chain(others).collect();
        lines.sort();
        self.digest = crate::facts::digest(lines.concat().as_bytes());
        self.checks.extend(added);
        Ok(self)
    }

    /// The checks of one family.
    pub fn family<'a>(&'a self, family: &'a str) -> impl Iterator<Item = &'a Check> {
        self.checks.values().filter(move |check| check.family() == family)
    }
}

/// The digest that was worked out when the file was built in.
fn digest_of(file: rust_embed::EmbeddedFile) -> String {
    crate::facts::digest_text(&file.metadata.sha256_hash())
}

struct Source {
    name: String,
    text: String,
}

/// The sound ones of these files; what is wrong with the others goes to `faults`.
fn lint_all(
    sources: &BTreeMap<String, Source>,
    tables: &Tables,
    faults: &mut Vec<CheckFault>,
) -> BTreeMap<String, Check> {
    let mut checks = BTreeMap::new();
    for (id, source) in sources {
        match read(&source.name, id, &source.text, tables) {
            Ok(check) => drop(checks.insert(id.clone(), check)),
            Err(more) => faults.extend(more),
        }
    }
    checks
}

/// Check files by id, and tables by name, as text.
fn built_in_sources() -> (BTreeMap<String, Source>, BTreeMap<String, String>) {
    let (mut checks, mut tables) = (BTreeMap::new(), BTreeMap::new());
    for path in Files::iter() {
        let Some(text) = Files::get(&path).and_then(|file| String::from_utf8(file.data.into_owned()).ok()) else {
            continue;
        };
        match path.strip_suffix(".toml").and_then(|path| path.split_once('/')) {
            Some(("tables", table)) => drop(tables.insert(table.to_owned(), text)),
            Some((family, name)) if FAMILIES.contains(&family) => {
                checks.insert(format!("{family}.{name}"), Source { name: format!("checks/{path}"), text });
            }
            _ => {}
        }
    }
    (checks, tables)
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

/// What checks cite and frameworks do not have, or that no check may cite.
fn unsound_citations<'a>(checks: impl Iterator<Item = &'a Check>) -> Vec<CheckFault> {
    let mut checks = checks.peekable();
    if checks.peek().is_none() {
        return Vec::new();
    }
    let frameworks = match Frameworks::built_in() {
        Ok(frameworks) => frameworks,
        Err(error) => return error.0.into_iter().map(|text| fault("checks/frameworks", text)).collect(),
    };
    let complaints = |check: &Check| {
        let name = format!("checks/{}.toml", check.id.replacen('.', "/", 1));
        let declared = check.file.evidence == EvidenceKind::Declared;
        let citation = Citation { check: &check.id, declared, controls: &check.file.controls };
        lint_citations(&frameworks, [citation]).into_iter().map(|text| fault(&name, text)).collect::<Vec<_>>()
    };
    checks.flat_map(complaints).collect()
}

fn fault(file: &str, message: String) -> CheckFault {
    CheckFault { file: file.to_owned(), line: 1, message }
}
