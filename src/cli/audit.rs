//! `scrutineer audit`: the main job.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::pipeline::{Judges, Library, Telling, fill_in_first, fill_in_second, tell};
use super::progress::Bar;
use super::{CliError, Exit, terminal};
use crate::check::{FAMILIES, worth_a_second_look};
use crate::derive::ct;
use crate::estate::{Estate, EstateError};
use crate::facts::{Blobs, Document, Input, Looks, PROBE_VERSIONS, Run, SCHEMA, Timestamp, digest};
use crate::net::{ConnectionLog, Limits, Net, system_resolvers};
use crate::probe::Context;
use crate::scan::{Gathered, Progress, Selection, Silent, enter_the_rest, look, look_again, reach_resolver};
use crate::scope::Scope;

/// What to audit and how.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// An estate file (default: estate.toml), or one or more host names to look at without a file
    #[arg(value_name = "ESTATE|HOST")]
    what: Vec<String>,
    /// Only these families: tls, dns, mail, web, services, estate
    #[arg(long, value_name = "FAMILY", value_delimiter = ',')]
    family: Vec<String>,
    /// Only these assets, by host or zone name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    asset: Vec<String>,
    /// Judge as of this moment instead of the present, such as 2028-10-29T07:00:00Z
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
    /// How long to wait for one answer; what is silent gets a second, slower try
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
    /// Write a JSON line for every connection to this file
    #[arg(long, value_name = "PATH")]
    connection_log: Option<PathBuf>,
    /// An export of certificate transparency logs (JSON as crt.sh gives it, JSON lines, CSV, or names): what it names and nobody
    /// declared is listed, never contacted
    #[arg(long, value_name = "FILE")]
    ct: Option<PathBuf>,
    #[command(flatten)]
    pub(super) telling: Telling,
}

/// How to look.
pub(super) struct How {
    /// The moment to judge for; the present if none.
    pub(super) now: Option<Timestamp>,
    pub(super) log: ConnectionLog,
    /// For one answer.
    pub(super) timeout: Duration,
}

/// A declaration with the texts that came with it.
pub(super) struct Declared {
    pub(super) estate: Arc<Estate>,
    inputs: BTreeMap<String, Input>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let mut declared = declared(&arguments.what)?;
    if let Some(path) = &arguments.ct {
        declared.inputs.insert("ct".into(), input(read_export(path)?));
    }
    arguments.telling.take_in(&mut declared.inputs)?;
    let selection = selection(arguments, &declared.estate)?;
    let log = match &arguments.connection_log {
        None => ConnectionLog::counting(),
        Some(path) => {
            let file = File::create(path).map_err(|e| {
                CliError::configuration(
                    format!("{} cannot be written: {e}", path.display()),
                    "Name a file in a folder that you may write to.",
                )
            })?;
            ConnectionLog::writing(Box::new(BufWriter::new(file)))
        }
    };
    let library = arguments.telling.prepare()?;
    let runtime = runtime()?;
    let how = How { now: arguments.now, log, timeout: Duration::from_secs(arguments.timeout) };
    runtime.block_on(audit(declared, &selection, how, &library, &arguments.telling))
}

/// The async runtime of a command. All looks are polled by one future; more threads would only wake each other.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::Internal(format!("starting the runtime: {e}")))
}

/// Looks, judges, looks again at what is severe, judges again, tells.
pub(super) async fn audit(
    declared: Declared,
    selection: &Selection,
    how: How,
    library: &Library,
    telling: &Telling,
) -> Result<Exit, CliError> {
    let Declared { estate, inputs } = declared;
    let started_at = Timestamp::now();
    let now = how.now.unwrap_or(started_at);
    let resolvers = resolvers(&estate)?;
    let root_hints = inputs.get("root-hints").map(|input| input.text.clone());
    let scope = Scope::new(Arc::clone(&estate), resolvers, now.get()).with_root_hints(root_hints);
    let rate = (estate.scan.rate.per_host, estate.scan.rate.total);
    let port_map = estate.scan.port_map.clone();
    let (connections, per_address) = (estate.scan.connections, estate.scan.connections_at_once);
    let limits = Limits { answer: how.timeout, per_address, rate, connections, port_map };
    let extra_roots = inputs.get("extra-roots").map(|input| input.text.as_str()).unwrap_or_default();
    let context = Context::new(Arc::new(Net::new(limits, how.log)), Arc::new(scope)).with_extra_roots(extra_roots);
    reach_resolver(&context, selection).await.map_err(|why| {
        CliError::configuration(
            format!("the resolver does not answer: {why}"),
            "Nothing was looked at. Name a resolver that answers in the estate file: [scan] resolver = \"192.0.2.53:53\".",
        )
    })?;

    let bar: Box<dyn Progress> =
        if telling.quiet { Box::new(Silent) } else { Box::new(Bar::new(terminal::is_interactive())) };
    let gathered = Gathered::default();
    let complete = tokio::select! {
        () = look(&context, selection, bar.as_ref(), &gathered) => true,
        _ = tokio::signal::ctrl_c() => false,
    };
    let mut first = gathered.into_looks();
    if !complete {
        enter_the_rest(&context, selection, &mut first, "the run was interrupted before this was looked at");
    }
    let digest = inputs.get("estate").map(|input| input.digest.clone()).unwrap_or_default();
    let mut document = Document {
        schema: SCHEMA,
        run: Run {
            id: run_id(started_at, &digest),
            now,
            started_at,
            finished_at: Timestamp::now(),
            engine: concat!("scrutineer ", env!("CARGO_PKG_VERSION")).into(),
            families: families(selection),
            assets: selection.assets.as_ref().map(|assets| assets.iter().cloned().collect()),
            complete,
        },
        probes: PROBE_VERSIONS.into_iter().map(|(family, version)| (family.to_owned(), version)).collect(),
        inputs,
        first,
        second: Looks::default(),
        traffic: context.net.traffic(),
        blobs: context.blobs(),
    };
    fill_in_first(&mut document);
    let judges = Judges { estate: &estate, library, telling };
    let index = judges.index(&document);
    let mut findings = judges.findings(&document, &index);
    // High and critical findings are certain only after a second, fresh look agreed.
    let doubts = if complete { worth_a_second_look(&findings, &library.catalogue) } else { BTreeMap::new() };
    if !doubts.is_empty() {
        // Not to be copied for what comes to it.
        document.blobs = Blobs::default();
        document.second = look_again(&context, &document.first, doubts, selection, bar.as_ref()).await;
        document.blobs = context.blobs();
        fill_in_second(&mut document);
        drop(findings);
        findings = judges.findings(&document, &index);
    }
    document.traffic = context.net.traffic();
    document.run.finished_at = Timestamp::now();
    drop(bar);
    let judged = judges.sum_up(&document, index, findings);
    tell(&mut document, &judges, &judged)
}

/// The estate of the command line: a file, the default file, or bare hosts.
fn declared(what: &[String]) -> Result<Declared, CliError> {
    match what {
        [] if Path::new("estate.toml").exists() => read_estate(Path::new("estate.toml")),
        [] => Err(CliError::configuration(
            "there is no estate.toml here and no host was named",
            "Write one with `scrutineer init`, name an estate file, or name a host: `scrutineer audit vote.example`.",
        )),
        [file] if file.ends_with(".toml") || Path::new(file).is_file() => read_estate(Path::new(file)),
        hosts => {
            let estate = Estate::bare(hosts).map_err(|faults| estate_faults(&faults))?;
            let text = format!("# declared on the command line\nhosts = {hosts:?}\n");
            Ok(Declared { estate: Arc::new(estate), inputs: BTreeMap::from([("estate".into(), input(text))]) })
        }
    }
}

/// Reads an estate file with the files it names.
pub(super) fn read_estate(path: &Path) -> Result<Declared, CliError> {
    let text = read(path, "estate file")?;
    let estate = Estate::parse(&path.display().to_string(), &text).map_err(|faults| estate_faults(&faults))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut inputs = BTreeMap::from([("estate".to_owned(), input(text))]);
    let mut add = |name: &str, paths: &mut dyn Iterator<Item = &PathBuf>| -> Result<(), CliError> {
        let texts: Vec<String> = paths.map(|file| read(&folder.join(file), name)).collect::<Result<_, _>>()?;
        if !texts.is_empty() {
            inputs.insert(name.to_owned(), input(texts.join("\n")));
        }
        Ok(())
    };
    add("trust-anchor", &mut estate.scan.trust_anchor.iter())?;
    add("extra-roots", &mut estate.scan.extra_roots.iter())?;
    add("as-table", &mut estate.scan.as_table.iter())?;
    add("root-hints", &mut estate.scan.root_hints.iter())?;
    let estate = match &estate.scan.rdap_bootstrap {
        Some(list) => {
            let (list, text) = (list.display().to_string(), read(&folder.join(list), "list of RDAP servers")?);
            estate.with_rdap_servers(&list, &text).map_err(|faults| estate_faults(&faults))?
        }
        None => estate,
    };
    if estate.assets.is_empty() {
        return Err(CliError::NothingInScope(format!(
            "{} declares no asset; add an [[asset]] with a host or a zone",
            path.display()
        )));
    }
    Ok(Declared { estate: Arc::new(estate), inputs })
}

fn read(path: &Path, what: &str) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|e| {
        CliError::configuration(
            format!("the {what} {} cannot be read: {e}", path.display()),
            "Check the path; `scrutineer init` writes an estate file to start from.",
        )
    })
}

/// Reads an export of certificate transparency logs whole, before anything is sent.
fn read_export(path: &Path) -> Result<String, CliError> {
    let text = read(path, "certificate transparency export")?;
    match ct::read(&text) {
        Ok(_) => Ok(text),
        Err(ct::CtFault { line, message }) => Err(CliError::configuration(
            format!("{}:{line}: {message}", path.display()),
            "Nothing was contacted. Save the export again, as JSON, JSON lines, CSV, or names, one a line.",
        )),
    }
}

fn input(text: String) -> Input {
    Input { digest: digest(text.as_bytes()), text }
}

pub(super) fn estate_faults(faults: &[EstateError]) -> CliError {
    CliError::Configuration {
        faults: faults.iter().map(ToString::to_string).collect(),
        advice: "Nothing was contacted. Mend the estate file and try again.".into(),
    }
}

fn selection(arguments: &Arguments, estate: &Estate) -> Result<Selection, CliError> {
    for family in &arguments.family {
        if !FAMILIES.contains(&family.as_str()) {
            return Err(CliError::configuration(
                format!("--family {family}: there is no such family"),
                format!("There are {}.", FAMILIES.join(", ")),
            ));
        }
    }
    for asset in &arguments.asset {
        if estate.asset(asset).is_none() {
            return Err(CliError::NothingInScope(format!("--asset {asset} is not declared in the estate")));
        }
    }
    let assets = (!arguments.asset.is_empty()).then(|| arguments.asset.iter().cloned().collect());
    Ok(Selection::new(arguments.family.iter().cloned().collect(), assets))
}

fn families(selection: &Selection) -> Vec<String> {
    FAMILIES.iter().filter(|family| selection.family(family)).map(|family| (*family).to_owned()).collect()
}

fn resolvers(estate: &Estate) -> Result<Vec<SocketAddr>, CliError> {
    if let Some(resolver) = estate.resolver() {
        return Ok(vec![resolver]);
    }
    system_resolvers().map_err(|why| {
        CliError::configuration(
            format!("the system's resolver is not known: {why}"),
            "Name one in the estate file: [scan] resolver = \"192.0.2.53:53\".",
        )
    })
}

/// Start time and the first digits of the estate's digest.
fn run_id(started_at: Timestamp, digest: &str) -> String {
    let stamp: String = started_at.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{stamp}-{}", digest.trim_start_matches("sha256:").get(..8).unwrap_or("bare"))
}
