//! From facts to outputs: the part that `audit`, `judge`, `report` and `demo` share. No network.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use super::output::{check_writable, write_as_it_comes};
use super::{CliError, Exit, terminal};
use crate::check::{
    Bench, Catalogue, Check, CheckFile, EvidenceKind, Finding, Findings, Severity, Verdict, estate_index, judge,
};
use crate::derive::{Given, derive, strip};
use crate::estate::Estate;
use crate::facts::{self, Document, EstateIndex, Timestamp};
use crate::framework::{Coverage, Frameworks, Ledger, Outcome, OutcomeResult};
use crate::report::{self, Input, ReportError, Summary};

/// One `--output FORMAT=PATH`; the path `-` is stdout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Output {
    format: Format,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Html,
    Json,
    Facts,
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Self::Html => "report",
            Self::Json => "findings",
            Self::Facts => "facts",
        }
    }
}

impl FromStr for Output {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text.split_once('=').ok_or("write FORMAT=PATH, such as html=report.html")?;
        let format = match format {
            "html" => Format::Html,
            "json" => Format::Json,
            "facts" => Format::Facts,
            other => return Err(format!("there is no format '{other}'; there are html, json and facts")),
        };
        if path.is_empty() {
            return Err("the path is missing; write FORMAT=PATH".into());
        }
        Ok(Self { format, path: path.into() })
    }
}

impl Output {
    /// Writes to the file, whole or not at all, or to stdout.
    fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
        if self.path.as_os_str() == "-" {
            return terminal::raw(write).map_err(|error| {
                CliError::configuration(
                    format!("stdout cannot be written: {error}"),
                    "Where it leads to a file, see that there is room; or name the file with --output.",
                )
            });
        }
        write_as_it_comes(&self.path, write)
    }
}

/// What to report and how to end.
#[derive(Debug, clap::Args)]
pub(super) struct Telling {
    /// Write FORMAT=PATH, as often as wanted: html, json (findings), facts. PATH `-` is stdout
    #[arg(long = "output", short = 'o', value_name = "FORMAT=PATH")]
    pub(super) outputs: Vec<Output>,
    /// Exit with 1 for findings of this severity or worse (critical, high, medium, low, info)
    #[arg(long, value_name = "SEVERITY", default_value = "high", value_parser = severity)]
    pub(super) fail_on: Severity,
    /// Exit with 0 whatever was found
    #[arg(long)]
    pub(super) exit_zero: bool,
    /// Do not exit with 4 when a check could not be determined
    #[arg(long)]
    pub(super) allow_incomplete: bool,
    /// Only these checks, by id or family
    #[arg(long = "check", value_name = "ID")]
    pub(super) checks: Vec<String>,
    /// Also a team's own checks, DIR/family/the-fault.toml
    #[arg(long = "checks", value_name = "DIR")]
    pub(super) directories: Vec<PathBuf>,
    /// Also take in the DMARC aggregate reports (XML, gz, zip) of this folder: whom would a stricter policy turn away
    #[arg(long, value_name = "DIR")]
    pub(super) dmarc_reports: Option<PathBuf>,
    /// No summary and no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
}

fn severity(word: &str) -> Result<Severity, String> {
    Severity::parse(word).ok_or_else(|| "there are critical, high, medium, low and info".into())
}

/// Everything that judging needs beside facts, loaded before anything is sent.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) catalogue: Catalogue,
    frameworks: Frameworks,
}

/// Facts judged.
pub(super) struct Judged {
    index: EstateIndex,
    findings: Findings,
    coverage: BTreeMap<String, Coverage>,
    summary: Summary,
    /// Whether something failed that is as severe and as sure as `--fail-on` wants.
    failed: bool,
    /// Whether something as severe could not be determined.
    open: bool,
}

impl Telling {
    /// Loads checks and frameworks, and sees that every output can be written: a long scan must not end in an error of spelling.
    pub(super) fn prepare(&self) -> Result<Library, CliError> {
        for output in self.outputs.iter().filter(|output| output.path.as_os_str() != "-") {
            check_writable(&output.path)?;
        }
        let catalogue = super::checks::load(&self.directories, Catalogue::load)?;
        for wanted in &self.checks {
            if !catalogue.checks.values().any(|check| matches_name(check, wanted)) {
                return Err(CliError::configuration(
                    format!("--check {wanted}: there is no such check or family"),
                    "`scrutineer checks list` has them all.",
                ));
            }
        }
        let frameworks = Frameworks::built_in().map_err(|e| CliError::Internal(e.to_string()))?;
        Ok(Library { catalogue, frameworks })
    }

    /// Adds to the inputs of a run what is taken in beside it.
    pub(super) fn take_in(&self, inputs: &mut BTreeMap<String, facts::Input>) -> Result<(), CliError> {
        if let Some(folder) = &self.dmarc_reports {
            inputs.insert("dmarc-reports".into(), super::reports::input(folder)?);
        }
        Ok(())
    }

    fn selects(&self, check: &Check) -> bool {
        self.checks.is_empty() || self.checks.iter().any(|wanted| matches_name(check, wanted))
    }
}

fn matches_name(check: &Check, wanted: &str) -> bool {
    &*check.id == wanted || check.family() == wanted
}

/// Fills in the derived facts of a document.
pub(super) fn fill_in(document: &mut Document) {
    fill_in_first(document);
    fill_in_second(document);
}

/// Fills in the derived facts of the first looks.
pub(super) fn fill_in_first(document: &mut Document) {
    derive(&mut document.first, None, &document.blobs, &given(&document.inputs, document.run.now));
}

/// Fills in those of the second looks, after those of the first.
pub(super) fn fill_in_second(document: &mut Document) {
    let given = given(&document.inputs, document.run.now);
    derive(&mut document.second, Some(&document.first), &document.blobs, &given);
}

fn given(inputs: &BTreeMap<String, facts::Input>, now: Timestamp) -> Given {
    let input = |name: &str| inputs.get(name).map(|input| input.text.clone()).unwrap_or_default();
    Given {
        now,
        extra_roots: input("extra-roots"),
        trust_anchor: input("trust-anchor"),
        as_table: input("as-table"),
        dmarc_reports: input("dmarc-reports"),
    }
}

/// What to judge with, and how.
pub(super) struct Judges<'a> {
    pub(super) estate: &'a Estate,
    pub(super) library: &'a Library,
    pub(super) telling: &'a Telling,
}

impl Judges<'_> {
    /// The estate as a whole. `document` has its derived facts, as for all that follow.
    pub(super) fn index(&self, document: &Document) -> EstateIndex {
        let ct = document.inputs.get("ct").map(|input| input.text.as_str()).unwrap_or_default();
        estate_index(self.estate, &document.first, ct, document.run.now)
    }

    /// Every verdict.
    pub(super) fn findings(&self, document: &Document, index: &EstateIndex) -> Findings {
        let selected = |check: &Check| self.telling.selects(check);
        let Self { estate, library, .. } = self;
        judge(document, &Bench { catalogue: &library.catalogue, estate, index, selected: &selected })
    }

    /// Goes through the findings once and takes from them what outputs and exit code need.
    pub(super) fn sum_up(&self, document: &Document, index: EstateIndex, findings: Findings) -> Judged {
        let catalogue = &self.library.catalogue;
        let cited =
            catalogue.checks.values().map(|check| (check.id.to_string(), check.file.controls.clone())).collect();
        let mut ledger = Ledger::new(&self.library.frameworks, &cited);
        let mut summary = Summary::of(document, catalogue.checks.len());
        let (mut failed, mut open) = (false, false);
        for (_, of_subject) in findings.by_subject() {
            ledger.enter(of_subject.iter().map(|finding| outcome(finding, catalogue)));
            for finding in of_subject.iter() {
                summary.add(finding);
                let severe = finding.severity >= self.telling.fail_on;
                let sure = finding.confidence.counts() && finding.waiver.is_none();
                failed |= finding.verdict == Verdict::Fail && severe && sure;
                open |= finding.verdict == Verdict::Undetermined && severe;
            }
        }
        let coverage = ledger.coverage();
        Judged { index, findings, coverage, summary, failed, open }
    }
}

/// Judges a document. Derived facts are filled in first.
pub(super) fn assess(document: &mut Document, judges: &Judges<'_>) -> Judged {
    fill_in(document);
    let index = judges.index(document);
    let findings = judges.findings(document, &index);
    judges.sum_up(document, index, findings)
}

/// A finding as coverage sees it.
fn outcome<'a>(finding: &'a Finding, catalogue: &Catalogue) -> Outcome<'a> {
    let check = catalogue.checks.get(&*finding.check);
    Outcome {
        check: &finding.check,
        controls: &finding.controls,
        declared: check.is_some_and(|check| check.file.evidence == EvidenceKind::Declared),
        result: match finding.verdict {
            Verdict::Pass => OutcomeResult::Pass,
            Verdict::Fail => OutcomeResult::Fail,
            Verdict::NotApplicable => OutcomeResult::NotApplicable,
            Verdict::Undetermined => OutcomeResult::Undetermined(report::reason(finding)),
        },
    }
}

/// Writes every output, prints the summary, and gives the exit code.
pub(super) fn tell(document: &mut Document, judges: &Judges<'_>, judged: &Judged) -> Result<Exit, CliError> {
    let Judges { estate, library, telling } = judges;
    sound(document, &judged.findings)?;
    let exit = exit(judged, telling, document.run.complete);
    let checks: BTreeMap<String, CheckFile> =
        library.catalogue.checks.iter().map(|(id, check)| (id.clone(), check.file.clone())).collect();
    let mut digests: BTreeMap<String, String> =
        document.inputs.iter().map(|(name, input)| (name.clone(), input.digest.clone())).collect();
    digests.insert("checks and tables".into(), library.catalogue.digest.clone());
    let input = Input {
        document,
        estate,
        checks: &checks,
        frameworks: &library.frameworks.files,
        coverage: &judged.coverage,
        findings: &judged.findings,
        summary: &judged.summary,
        index: &judged.index,
        digests,
        exit: (i32::from(exit.code()), exit.meaning()),
    };
    let outputs = |wanted: Format| telling.outputs.iter().filter(move |output| output.format == wanted);
    for output in outputs(Format::Html) {
        let mut ours = None;
        let written = output.write(|to| match report::html(&input, to) {
            Err(ReportError::Writing(error)) => Err(error),
            Err(fault) => Err(io::Error::other(ours.insert(fault).to_string())),
            Ok(()) => Ok(()),
        });
        ours.map_or(written, |fault| Err(CliError::Internal(fault.to_string())))?;
    }
    for output in outputs(Format::Json) {
        output.write(|to| Ok(serde_json::to_writer_pretty(to, &report::json(&input))?))?;
    }
    let summary = report::terminal(&input, terminal::colour(), terminal::width());
    for output in outputs(Format::Facts) {
        strip(&mut document.first);
        strip(&mut document.second);
        output.write(|to| Ok(serde_json::to_writer_pretty(to, document)?))?;
    }
    sound(document, &judged.findings)?;
    if !telling.quiet {
        show_summary(&summary, telling);
        for output in telling.outputs.iter().filter(|output| output.path.as_os_str() != "-") {
            terminal::note(&format!("{} written to {}", output.format.word(), output.path.display()));
        }
        terminal::note(&format!("exit code {}: {}", exit.code(), exit.meaning()));
    }
    Ok(exit)
}

/// The summary is for a person; when data goes to stdout it moves out of the way.
fn show_summary(summary: &str, telling: &Telling) {
    if telling.outputs.iter().any(|output| output.path.as_os_str() == "-") {
        terminal::note(summary);
    } else {
        terminal::data(summary);
    }
}

/// The first exit code that applies.
fn exit(judged: &Judged, telling: &Telling, complete: bool) -> Exit {
    match () {
        () if telling.exit_zero => Exit::Regardless,
        () if judged.failed => Exit::Findings,
        () if !telling.allow_incomplete && (judged.open || !complete) => Exit::Incomplete,
        () => Exit::Fine,
    }
}

/// Whether everything that was put away in a file could be had again: else verdicts may be missing.
fn sound(document: &Document, findings: &Findings) -> Result<(), CliError> {
    let looks = document.first.zones.sound().and(document.second.zones.sound());
    let sound = looks.and(document.blobs.sound()).and(findings.sound());
    sound.map_err(|fault| CliError::Internal(fault.to_string()))
}
