//! The lab's DNS for any program: runs a command in the namespace where the lab's zones are served, and ends as it ends.
//!
//!     cargo run --example dns_lab -- dig @45.99.0.53 good.example SOA
//!
//! `LAB_FOLDER` is where the lab's files lie (`root.hints`, `root.key`, `as.tsv`), `LAB_RESOLVER` is its resolver's address, `LAB_ASKS_FROM` are
//! those from which its servers ask others, `LAB_ZONES` are the zones, the good one first, `LAB_CAPTURE` is the script that records packets.

#![expect(clippy::expect_used, clippy::panic, reason = "a lab that cannot be set up ends the program")]
#![expect(clippy::print_stderr, reason = "a program that says how it is used")]
#![allow(dead_code, reason = "the tests use the rest")]

#[path = "../tests/lab/dns/mod.rs"]
mod dns;
#[path = "../tests/lab/namespace.rs"]
mod namespace;
#[path = "../tests/lab/plan.rs"]
mod plan;

use std::process::ExitCode;

use namespace::Namespace;
use time::OffsetDateTime;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: dns_lab COMMAND [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let mut lab = Namespace::new(&plan::network());
    #[expect(clippy::disallowed_methods, reason = "the lab's calendar begins today")]
    let now = OffsetDateTime::now_utc();
    dns::serve(&mut lab, now);
    lab.write("as.tsv", plan::AS_TABLE);
    let mut command = lab.command(&program.to_string_lossy());
    let zones: Vec<&str> = [plan::GOOD_ZONE].into_iter().chain(plan::bad_zones()).collect();
    command
        .args(arguments)
        .env("LAB_FOLDER", lab.folder())
        .env("LAB_RESOLVER", plan::RESOLVER)
        .env("LAB_ASKS_FROM", [plan::RESOLVER_ASKS_FROM, plan::RECURSIVE_ASKS_FROM].join(" "))
        .env("LAB_ZONES", zones.join(" "))
        .env("LAB_CAPTURE", namespace::script("capture.py"));
    let status = command.status().expect("nsenter runs");
    // As the command ended; 2 if a signal ended it.
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2))
}
