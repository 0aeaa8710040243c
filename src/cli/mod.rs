//! The command line: parse, run, say what came of it. One file a subcommand.

mod audit;
mod checks;
mod demo;
mod error;
mod init;
mod judge;
mod output;
mod pipeline;
mod progress;
mod reports;
mod terminal;

pub use error::{CliError, Exit};

use clap::{Parser, Subcommand};

/// Audits the internet-facing systems of an election authority from the outside.
#[derive(Debug, Parser)]
#[command(name = "scrutineer", version, about, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve an invented, flawed estate on loopback, audit it and write the report
    Demo(demo::Arguments),
    /// Write a commented estate.toml to start from
    Init(init::Arguments),
    /// Audit an estate, or bare hosts
    Audit(Box<audit::Arguments>),
    /// Judge stored facts again, with other checks or at another date; touches no network
    Judge(judge::Arguments),
    /// Render a stored run again; touches no network
    Report(judge::Arguments),
    /// The catalogue of checks: list, show, lint, test, new
    Checks {
        #[command(subcommand)]
        command: checks::Command,
    },
}

/// Runs the command line of this process and gives its exit code.
pub fn main() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // clap's own help and version are data, not errors.
            let code = if e.use_stderr() { Exit::Usage } else { Exit::Fine };
            let _ = e.print();
            return code.code();
        }
    };
    let outcome = match cli.command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Judge(arguments) | Command::Report(arguments) => judge::run(&arguments),
        Command::Checks { command } => checks::run(&command),
    };
    match outcome {
        Ok(exit) => exit.code(),
        Err(error) => {
            terminal::error(&error);
            error.exit().code()
        }
    }
}
