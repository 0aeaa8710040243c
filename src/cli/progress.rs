//! How far a scan is, on stderr: a line that tells what is being waited for, or plain lines off a terminal.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;
use crate::scan::Progress;

/// A progress line, or a line an asset where there is no terminal.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    waiting: Mutex<BTreeSet<String>>,
}

impl Bar {
    pub(super) fn new(interactive: bool) -> Self {
        let bar = interactive.then(|| {
            let bar = ProgressBar::new(0);
            // The template is fixed; were it wrong, the default style would do.
            if let Ok(style) = ProgressStyle::with_template("{elapsed:>4}  {pos} of {len} assets  {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, waiting: Mutex::default() }
    }

    fn show(&self, edit: impl FnOnce(&mut BTreeSet<String>)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        edit(&mut waiting);
        if let Some(bar) = &self.bar {
            let names: Vec<&str> = waiting.iter().take(3).map(String::as_str).collect();
            let more = waiting.len().saturating_sub(3);
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            bar.set_message(if names.is_empty() {
                String::new()
            } else {
                format!("waiting for {}{tail}", names.join(", "))
            });
        }
    }
}

impl Progress for Bar {
    fn expect(&self, assets: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(0);
            bar.set_length(assets as u64);
        } else {
            terminal::note(&format!("looking at {assets} {}", if assets == 1 { "asset" } else { "assets" }));
        }
    }
    fn start(&self, asset: &str) {
        self.show(|waiting| {
            waiting.insert(asset.to_owned());
        });
    }
    fn finish(&self, asset: &str) {
        self.show(|waiting| {
            waiting.remove(asset);
        });
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
