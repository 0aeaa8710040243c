//! TLS profiles and clients: dated tables of what others ask of a server, and of who may want to visit it, held against stored
//! facts. Three answers as everywhere: it meets a profile, it deviates, or that cannot be said.

mod client;
mod judge;
mod table;

pub use client::{Client, Connection, Visit, clients, visits};
pub use judge::{Deviation, Judgement, Outcome, judge};
pub use table::{Profile, profiles};

#[cfg(test)]
mod tests;
