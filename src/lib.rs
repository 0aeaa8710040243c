//! scrutineer audits the internet-facing systems of an election authority from the outside.
//!
//! The way of an audit, and the modules in its order:
//!
//! 1. [`estate`] reads what the authority declares; [`scope`] makes from it the only [`scope::Target`]s there are, each with
//!    what may be asked of it.
//! 2. [`scan`] sends [`probe`]s to the targets. They reach the network through [`net`] alone and write [`facts`]: plain data,
//!    in which *could not look* is never *not there*. What grows with the estate lies in a file ([`store`]).
//!    What others reported ([`intake`]) is read from files beside it.
//! 3. [`derive`] computes from those primary facts what no rule should have to: chain validity, DNSSEC state, effective policy.
//! 4. [`check`] loads the check files, judges every subject and gives findings; [`framework`] says what they are evidence of.
//! 5. [`profile`] holds TLS facts against what others ask of a server, and against old clients.
//! 6. [`report`] tells: HTML, JSON, terminal.
//!
//! [`cli`] is the command line around it; [`demo`] a small flawed estate on loopback. From facts on, everything is a pure
//! function: no I/O but that file, no clock. Who may import whom is held by `tests/house.rs`.

pub mod check;
pub mod cli;
pub mod demo;
pub mod derive;
pub mod estate;
pub mod facts;
pub mod framework;
pub mod intake;
pub mod net;
pub mod probe;
pub mod profile;
pub mod report;
pub mod scan;
pub mod scope;
pub mod store;
