//! Parse arguments, run, exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(scrutineer::cli::main())
}
