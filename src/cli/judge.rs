//! `scrutineer judge` and `scrutineer report`: stored facts judged and told again, without touching the network.

use std::path::{Path, PathBuf};

use super::audit::estate_faults;
use super::pipeline::{Judges, Telling, assess, fill_in, tell};
use super::{CliError, Exit, terminal};
use crate::estate::Estate;
use crate::facts::{Document, Observation, SCHEMA, Timestamp};
use crate::profile::{self, Outcome, Profile, profiles};
use crate::report::{self, Held};

/// What to judge again.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A facts file, as written by `--output facts=PATH`
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Judge as of this moment instead of the run's own
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
    /// Hold the TLS of every service against this profile, or `all`; as often as wanted
    #[arg(long, value_name = "ID")]
    profile: Vec<String>,
    /// Tell which clients, old ones included, could connect, and with what
    #[arg(long)]
    clients: bool,
    /// Write what was held against profiles and clients as JSON
    #[arg(long, value_name = "PATH")]
    profile_output: Option<PathBuf>,
    #[command(flatten)]
    telling: Telling,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let mut document = read(&arguments.run)?;
    if let Some(now) = arguments.now {
        document.run.now = now;
    }
    arguments.telling.take_in(&mut document.inputs)?;
    let estate = estate_of(&document, &arguments.run)?;
    let wanted = wanted(&arguments.profile)?;
    fitting(arguments)?;
    let library = arguments.telling.prepare()?;
    if !wanted.is_empty() || arguments.clients {
        return against_profiles(&mut document, &wanted, arguments);
    }
    let judges = Judges { estate: &estate, library: &library, telling: &arguments.telling };
    let judged = assess(&mut document, &judges);
    tell(&mut document, &judges, &judged)
}

/// What is held against profiles or clients has outputs of its own: none is left out in silence.
fn fitting(arguments: &Arguments) -> Result<(), CliError> {
    let holds = !arguments.profile.is_empty() || arguments.clients;
    if holds && !arguments.telling.outputs.is_empty() {
        return Err(CliError::configuration(
            "--output does not go with --profile and --clients",
            "Write what they give with `--profile-output PATH`, and judge once more without them for findings.",
        ));
    }
    if !holds && arguments.profile_output.is_some() {
        return Err(CliError::configuration(
            "--profile-output writes what --profile and --clients give, and neither is there",
            "Add `--profile all`, or `--clients`.",
        ));
    }
    Ok(())
}

/// The named profiles.
fn wanted(names: &[String]) -> Result<Vec<&'static Profile>, CliError> {
    if names.iter().any(|name| name == "all") {
        return Ok(profiles().iter().collect());
    }
    let find = |name: &String| {
        profiles().iter().find(|profile| profile.id == *name).ok_or_else(|| {
            let all: Vec<&str> = profiles().iter().map(|profile| profile.id.as_str()).collect();
            CliError::configuration(
                format!("--profile {name}: there is no such profile"),
                format!("There are {} and all.", all.join(", ")),
            )
        })
    };
    names.iter().map(find).collect()
}

/// Every endpoint that speaks TLS, or of which that is not known, against every wanted profile.
fn against_profiles(
    document: &mut Document,
    wanted: &[&'static Profile],
    arguments: &Arguments,
) -> Result<Exit, CliError> {
    fill_in(document);
    let mut held = Held { profiles: Vec::new(), clients: Vec::new() };
    for (name, service) in &document.first.services {
        let speaking =
            service.endpoints.iter().filter(|(_, e)| !matches!(e.tls.versions.tls1_2, Observation::Absent { .. }));
        for (address, endpoint) in speaking {
            held.profiles.extend(wanted.iter().map(|profile| profile::judge(profile, name, address, &endpoint.tls)));
            if arguments.clients {
                held.clients.extend(profile::visits(name, address, &endpoint.tls));
            }
        }
    }
    if let Some(path) = &arguments.profile_output {
        let text = serde_json::to_string_pretty(&held).map_err(|e| CliError::Internal(e.to_string()))?;
        super::output::write_whole(path, &(text + "\n"))?;
    }
    if !arguments.telling.quiet {
        terminal::data(&report::profiles_text(wanted, &held));
    }
    Ok(match held.profiles.iter().map(|judgement| judgement.outcome).max() {
        _ if arguments.telling.exit_zero => Exit::Regardless,
        Some(Outcome::Deviates) => Exit::Findings,
        Some(Outcome::Undetermined) if !arguments.telling.allow_incomplete => Exit::Incomplete,
        _ => Exit::Fine,
    })
}

fn read(path: &Path) -> Result<Document, CliError> {
    let advice = "Give a facts file that `scrutineer audit --output facts=PATH` wrote.";
    let fault = |what: String| CliError::configuration(format!("{}: {what}", path.display()), advice);
    let text = std::fs::read_to_string(path).map_err(|e| fault(format!("cannot be read: {e}")))?;
    let document: Document = serde_json::from_str(&text).map_err(|e| fault(format!("is no facts document: {e}")))?;
    if document.schema != SCHEMA {
        return Err(fault(format!("has schema {}, this build reads {SCHEMA}", document.schema)));
    }
    Ok(document)
}

/// The estate is part of the facts, verbatim.
fn estate_of(document: &Document, path: &Path) -> Result<Estate, CliError> {
    let name = format!("{} (its estate)", path.display());
    let text = document.inputs.get("estate").map(|input| input.text.as_str()).unwrap_or_default();
    match toml::from_str::<BareHosts>(text) {
        Ok(bare) => Estate::bare(&bare.hosts),
        Err(_) => Estate::parse(&name, text),
    }
    .map_err(|faults| estate_faults(&faults))
}

/// How `audit HOST` notes what it was given.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BareHosts {
    hosts: Vec<String>,
}
