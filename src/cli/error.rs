//! Two tiers: what a user can mend (usage, configuration), and what we must mend (internal).

use std::fmt;

/// Exit codes, as in the manual (design §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Assessed, nothing at or above `--fail-on`.
    Fine,
    /// Assessed; what was found does not count, as `--exit-zero` asks and as it is with the demo.
    Regardless,
    /// Findings at or above `--fail-on`.
    Findings,
    /// Usage or configuration.
    Usage,
    /// Nothing in scope.
    NothingInScope,
    /// A check at or above `--fail-on` is undetermined.
    Incomplete,
    /// A fault of ours.
    Internal,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Fine | Self::Regardless => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::NothingInScope => 3,
            Self::Incomplete => 4,
            Self::Internal => 5,
        }
    }
    /// What it means, for the last line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "assessed, and nothing at or above the --fail-on severity",
            Self::Regardless => "assessed; what was found does not count for the exit code here",
            Self::Findings => "findings at or above the --fail-on severity",
            Self::Usage => "wrong usage or configuration",
            Self::NothingInScope => "nothing in scope",
            Self::Incomplete => "incomplete: a check at or above the --fail-on severity could not be determined",
            Self::Internal => "internal error",
        }
    }
}

/// Why a command did not do its work.
#[derive(Debug)]
pub enum CliError {
    /// The user can mend it. One line a fault, and what to do next.
    Configuration { faults: Vec<String>, advice: String },
    /// Nothing to look at.
    NothingInScope(String),
    /// We must mend it.
    Internal(String),
}

impl CliError {
    /// A single configuration fault.
    pub fn configuration(fault: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Configuration { faults: vec![fault.into()], advice: advice.into() }
    }
    /// The exit code it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Configuration { .. } => Exit::Usage,
            Self::NothingInScope(_) => Exit::NothingInScope,
            Self::Internal(_) => Exit::Internal,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration { faults, advice } => {
                for fault in faults {
                    writeln!(f, "error: {fault}")?;
                }
                write!(f, "{advice}")
            }
            Self::NothingInScope(why) => write!(f, "nothing in scope: {why}"),
            Self::Internal(what) => write!(
                f,
                "internal error: {what}\nThis is a fault of scrutineer. Please report it with the command line you used."
            ),
        }
    }
}

impl std::error::Error for CliError {}
