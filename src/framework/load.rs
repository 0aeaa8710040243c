//! Reads framework files and refuses what does not hang together.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;
use super::{Control, Framework};

/// The built-in files as they were read when the program was built (build.rs), by name without `.toml`.
const READ: &str = include_str!(concat!(env!("OUT_DIR"), "/frameworks.json"));

/// Their texts, by name, in the order of reports.
const BUILT_IN: [(&str, &str); 6] = [
    ("nis1-2016-1148.toml", include_str!("../../checks/frameworks/nis1-2016-1148.toml")),
    ("nis2-2022-2555.toml", include_str!("../../checks/frameworks/nis2-2022-2555.toml")),
    ("ir-2024-2690.toml", include_str!("../../checks/frameworks/ir-2024-2690.toml")),
    ("nis-cg-01-2018.toml", include_str!("../../checks/frameworks/nis-cg-01-2018.toml")),
    ("nis-cg-03-2018-elections.toml", include_str!("../../checks/frameworks/nis-cg-03-2018-elections.toml")),
    ("coe-tcy-gn9.toml", include_str!("../../checks/frameworks/coe-tcy-gn9.toml")),
];

const KINDS: [&str; 11] =
    ["definition", "duty", "measure", "offence", "option", "phase", "power", "requirement", "scope", "theme", "threat"];
const ADDRESSEES: [&str; 6] = ["csirt", "digital-provider", "entity", "none", "state", "supervisor"];
const EVIDENCE: [&str; 4] = ["external", "none", "partial", "self"];

/// All frameworks of a run, in the order they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Frameworks {
    pub files: Vec<Framework>,
}

/// Every fault found, each with its file and control.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct FrameworkError(pub Vec<String>);

impl Frameworks {
    /// The six that are built in; a test holds that they are sound.
    ///
    /// # Errors
    /// None but of a broken build.
    pub fn built_in() -> Result<Self, FrameworkError> {
        let broken = |e: serde_json::Error| FrameworkError(vec![format!("what is built in cannot be read: {e}")]);
        let mut read: BTreeMap<String, Framework> = serde_json::from_str(READ).map_err(broken)?;
        let names = BUILT_IN.into_iter().map(|(name, _)| name.trim_end_matches(".toml"));
        Ok(Self { files: names.filter_map(|name| read.remove(name)).collect() })
    }
    /// Reads files given as (name, text). A team's own framework is given beside the built-in ones, so that its parents and
    /// `maps_to` can name their controls.
    ///
    /// # Errors
    /// All faults together: text that is no framework file, ids given twice, parents that do not exist, unknown words.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, FrameworkError> {
        let (mut names, mut read, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (name, text) in files {
            match toml::from_str::<Framework>(text) {
                Ok(framework) => {
                    names.push(name);
                    read.push(framework);
                }
                Err(error) => faults.push(format!("{name}: {error}")),
            }
        }
        let loaded = Self { files: read };
        faults.extend(lint(&names, &loaded));
        if faults.is_empty() { Ok(loaded) } else { Err(FrameworkError(faults)) }
    }
    /// The built-in files as (name, text), to load together with others.
    pub fn built_in_files() -> [(&'static str, &'static str); 6] {
        BUILT_IN
    }
    /// Every control, file by file.
    pub fn controls(&self) -> impl Iterator<Item = &Control> {
        self.files.iter().flat_map(|framework| &framework.controls)
    }
    /// The control with this id.
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls().find(|control| control.id == id)
    }
    /// The framework with this id, such as `nis2`.
    pub fn framework(&self, id: &str) -> Option<&Framework> {
        self.files.iter().find(|framework| framework.framework.id == id)
    }
}

/// All faults, as sentences that name file and control.
fn lint(names: &[&str], all: &Frameworks) -> Vec<String> {
    let known: BTreeSet<&str> = all.controls().map(|control| control.id.as_str()).collect();
    let tree = Tree::new(all.controls());
    let (mut seen, mut frameworks, mut faults) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (name, framework) in names.iter().zip(&all.files) {
        if !frameworks.insert(framework.framework.id.as_str()) {
            faults.push(format!("{name}: the framework id '{}' is given twice", framework.framework.id));
        }
        for control in &framework.controls {
            let mut problems = words(control);
            problems.extend(links(control, &known));
            if !seen.insert(control.id.as_str()) {
                problems.push("the id is given twice".to_owned());
            }
            if tree.below(&control.id).contains(control.id.as_str()) {
                problems.push("it lies below itself".to_owned());
            }
            faults.extend(problems.into_iter().map(|problem| format!("{name}: {}: {problem}", control.id)));
        }
    }
    faults
}

/// Words outside the closed lists.
fn words(control: &Control) -> Vec<String> {
    let closed: [(&str, &str, &[&str]); 3] = [
        ("kind", &control.kind, &KINDS),
        ("addressee", &control.addressee, &ADDRESSEES),
        ("technical_evidence", &control.technical_evidence, &EVIDENCE),
    ];
    let unknown = closed.into_iter().filter(|(_, word, list)| !list.contains(word));
    unknown.map(|(key, word, list)| format!("{key} '{word}' is none of {}", list.join(", "))).collect()
}

/// References to controls that do not exist.
fn links(control: &Control, known: &BTreeSet<&str>) -> Vec<String> {
    let parent = control.parent.iter().map(|id| ("parent", id));
    let maps = control.maps_to.iter().map(|id| ("maps_to", id));
    let missing = parent.chain(maps).filter(|(_, id)| !known.contains(id.as_str()));
    missing.map(|(key, id)| format!("{key} '{id}' does not exist")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str, controls: &str) -> String {
        format!(
            "[framework]\nid = \"{id}\"\nname = \"n\"\ndocument = \"d\"\nstatus = \"s\"\nconfidence = \"c\"\n{controls}"
        )
    }
    fn control(id: &str, more: &str) -> String {
        format!(
            "[[control]]\nid = \"{id}\"\nkind = \"measure\"\naddressee = \"entity\"\ntitle = \"t\"\nsummary = \"s\"\n\
             technical_evidence = \"none\"\nsource = \"s\"\nconfidence = \"c\"\n{more}\n"
        )
    }
    fn faults(text: &str) -> Vec<String> {
        Frameworks::load([("x.toml", text)]).map_or_else(|error| error.0, |_| Vec::new())
    }

    #[test]
    fn the_built_in_frameworks_hang_together() {
        let all = Frameworks::load(BUILT_IN).unwrap();
        assert_eq!(all, Frameworks::built_in().unwrap());
        assert_eq!(all.files.len(), 6);
        assert_eq!(all.controls().count(), 602);
        assert!(all.control("NIS2-21.2e").unwrap().binds_entity());
        assert!(!all.control("BC-3").unwrap().binds_entity());
        assert!(all.control("BC-3").unwrap().from_memory());
        assert!(!all.control("IR2690-6.7.2.k").unwrap().from_memory());
    }

    #[test]
    fn a_sound_file_loads() {
        let text = file("a", &[control("A", ""), control("A.1", "parent = \"A\"")].concat());
        assert_eq!(faults(&text), Vec::<String>::new());
    }

    #[test]
    fn an_id_given_twice_names_file_and_control() {
        assert_eq!(faults(&file("a", &control("A", "").repeat(2))), ["x.toml: A: the id is given twice"]);
    }

    #[test]
    fn a_parent_or_mapping_that_does_not_exist_is_refused() {
        let text = file("a", &control("A", "parent = \"B\"\nmaps_to = [\"C\"]"));
        assert_eq!(faults(&text), ["x.toml: A: parent 'B' does not exist", "x.toml: A: maps_to 'C' does not exist"]);
    }

    #[test]
    fn unknown_words_are_refused_with_the_list() {
        let text = file("a", &control("A", "")).replace("\"measure\"", "\"mesure\"");
        assert!(faults(&text)[0].starts_with("x.toml: A: kind 'mesure' is none of definition, duty, measure"));
    }

    #[test]
    fn a_circle_of_parents_is_refused() {
        let text = file("a", &[control("A", "parent = \"B\""), control("B", "parent = \"A\"")].concat());
        assert_eq!(faults(&text), ["x.toml: A: it lies below itself", "x.toml: B: it lies below itself"]);
    }

    #[test]
    fn an_unknown_key_names_the_file() {
        let found = faults(&file("a", &control("A", "colour = \"red\"")));
        assert!(found[0].starts_with("x.toml: ") && found[0].contains("colour"), "{found:?}");
    }
}
