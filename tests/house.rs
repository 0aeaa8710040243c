//! The order of the house, held by reading the sources: who may import whom, and where a socket may be opened.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → the modules of ours that it may name (design §6).
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("store", &[]),
    ("facts", &["store"]),
    ("estate", &[]),
    ("scope", &["estate"]),
    ("net", &["scope", "facts"]),
    ("probe", &["net", "facts", "scope", "estate"]),
    ("scan", &["probe", "facts", "scope", "estate"]),
    ("derive", &["facts", "store"]),
    ("framework", &[]),
    ("intake", &["facts"]),
    ("check", &["facts", "derive", "estate", "framework", "store"]),
    ("profile", &["facts"]),
    ("report", &["check", "framework", "facts", "estate", "profile", "store"]),
    ("demo", &[]),
    (
        "cli",
        &[
            "estate",
            "scope",
            "scan",
            "net",
            "facts",
            "derive",
            "check",
            "framework",
            "intake",
            "report",
            "demo",
            "probe",
            "profile",
            "store",
        ],
    ),
];

#[test]
fn each_module_imports_only_what_the_map_allows() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let room = room_of(&file);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else { continue };
        for (number, line) in code_lines(&text) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let module: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let ours = MAY_IMPORT.iter().any(|(name, _)| *name == module);
                if ours && module != room && !allowed.contains(&module.as_str()) {
                    wrong.push(format!("{}:{number}: {room} may not name {module}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_cli_audit_builds_a_probe_context() {
    for (file, text) in sources() {
        if room_of(&file) == "cli" && !file.ends_with("cli/audit.rs") {
            assert!(!text.contains("crate::probe"), "{} names probe", file.display());
        }
    }
}

#[test]
fn cel_is_named_in_one_module_alone() {
    for (file, text) in sources() {
        let names_it = code_lines(&text).any(|(_, line)| line.contains("use cel::") || line.contains(" cel::Value"));
        assert!(
            !names_it || file.parent().is_some_and(|folder| folder.ends_with("check/cel")),
            "{} imports cel",
            file.display()
        );
    }
}

#[test]
fn sockets_are_opened_in_net_and_listened_on_in_demo_alone() {
    let words = [
        "TcpStream::connect",
        "TcpSocket::",
        "UdpSocket::bind",
        "TcpListener::bind",
        "lookup_host",
        "reqwest",
        "ToSocketAddrs",
    ];
    for (file, text) in sources() {
        let room = room_of(&file);
        if matches!(room.as_str(), "net" | "demo") {
            continue;
        }
        // Unit tests may serve on loopback; they stand last in their file.
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        if file.to_string_lossy().ends_with("tests.rs") {
            continue;
        }
        for word in words {
            assert!(!code_lines(product).any(|(_, line)| line.contains(word)), "{} names {word}", file.display());
        }
    }
}

#[test]
fn judging_reads_no_clock() {
    for (file, text) in sources() {
        if matches!(room_of(&file).as_str(), "check" | "derive" | "framework" | "report") {
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            assert!(
                !product.contains("Timestamp::now(") && !product.contains("now_utc"),
                "{} reads the clock",
                file.display()
            );
        }
    }
}

#[test]
fn every_room_says_what_it_is_for() {
    for (file, text) in sources() {
        assert!(text.starts_with("//!"), "{} has no head comment", file.display());
    }
}

fn sources() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    walk(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
    assert!(found.len() > 40, "the sources were found");
    found
}

fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            found.insert(path, text);
        }
    }
}

/// The first folder below src.
fn room_of(file: &Path) -> String {
    let inside = file.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("it lies in src");
    inside
        .components()
        .next()
        .map(|c| c.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned())
        .unwrap_or_default()
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(n, line)| (n + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}
