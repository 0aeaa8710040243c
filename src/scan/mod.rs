//! The scheduler: declared subjects × probes, with progress and cancellation.
