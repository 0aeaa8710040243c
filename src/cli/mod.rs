//! The command line: parse, run, say what came of it. One file a subcommand.

mod checks;
mod error;
mod output;
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
