//! The only place that prints. Data goes to stdout, everything else to stderr; bytes from elsewhere are escaped.

#![expect(clippy::print_stderr, reason = "this is the module that prints")]

use std::io::{self, IsTerminal, Write};

use super::CliError;

/// Data. A reader who goes away, such as `head`, has seen enough: that is no error.
pub(super) fn data(text: &str) {
    let _ = raw(|to| to.write_all(escaped(text).as_bytes()));
}

/// A document, as it is: JSON and HTML have their own escapes. Here too a reader may go away.
///
/// # Errors
/// What else keeps it from being written, such as a disk that is full.
pub(super) fn raw(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = write(&mut out).and_then(|()| writeln!(out)).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Columns of the person's terminal; 100 where there is none.
pub(super) fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|n| n.parse().ok()).unwrap_or(100).clamp(40, 160)
}

/// A message for the person.
pub(super) fn note(text: &str) {
    eprintln!("{}", escaped(text));
}

/// Why a command did not do its work.
pub(super) fn error(error: &CliError) {
    note(&error.to_string());
}

/// Whether stderr is a person's terminal.
pub(super) fn is_interactive() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether colour is welcome on stdout: a terminal, and NO_COLOR is not set (no-color.org).
pub(super) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Control characters other than newline, tab and our own colour escapes are made visible.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => out.push(c),
            // Colours are ESC [ digits m, written by the report; anything else after ESC is not ours.
            '\u{1b}' if rest.peek() == Some(&'[') && is_colour(rest.clone()) => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

fn is_colour(rest: impl Iterator<Item = char>) -> bool {
    rest.skip(1).find(|c| !c.is_ascii_digit() && *c != ';') == Some('m')
}
