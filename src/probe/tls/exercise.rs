//! Every parser of the family behind one door, for the fuzz target and the replay of its corpus.

use super::answer::{self, Depth};
use super::{handshake, robot, ssl2, starttls};

/// Feeds bytes to the parser that the first one selects. Nothing may panic, hang or take memory without bound.
pub fn exercise(bytes: &[u8]) {
    let Some((selector, rest)) = bytes.split_first() else { return };
    match selector % 7 {
        0 => drop(answer::read(rest, Depth::Hello)),
        1 => drop(answer::read(rest, Depth::Flight)),
        2 => drop(ssl2::read(rest)),
        3 => drop((answer::records(rest), answer::ticket(rest))),
        4 => starttls::exercise(rest),
        5 => drop(robot::rsa_key(rest)),
        _ => handshake::exercise(rest),
    }
}
