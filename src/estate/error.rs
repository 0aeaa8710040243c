//! What can be wrong with an estate file.

use std::fmt;

/// One fault, with its place and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateError {
    /// The file as the user named it.
    pub file: String,
    /// From 1; 0 if the fault has no line (an unreadable file).
    pub line: usize,
    /// Dotted key, such as `asset[2].function`; empty if the file does not parse at all.
    pub key: String,
    /// What is wrong, what was expected, and the nearest known word where there is one.
    pub message: String,
}

impl fmt::Display for EstateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, message } = self;
        match (*line, key.is_empty()) {
            (0, _) => write!(f, "{file}: {message}"),
            (_, true) => write!(f, "{file}:{line}: {message}"),
            (_, false) => write!(f, "{file}:{line}: {key}: {message}"),
        }
    }
}

impl std::error::Error for EstateError {}
