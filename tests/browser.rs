//! The report as its readers open it: Chromium at desktop and phone width, dark and printed; axe finds nothing, and nothing that
//! a scanned host planted runs or loads. Needs Node.js and Chromium (`scripts/setup`).

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::Desk;

/// What every text from a server is replaced by: script, event handlers, loads, template syntax, marks that turn a line around,
/// and a word as long as a page.
fn planted() -> String {
    let script = "<script>globalThis.planted = 'script'; alert(1)</script><img src=\"https://evil.test/x\" onerror=\"planted=1\">\
                  '\"><svg onload=planted=1><link rel=stylesheet href=//evil.test/y> {{title}} {{{css}}} javascript:planted=1 \
                  url(https://evil.test/z) --> ]]> \u{202e}desrever";
    format!("{script}{}", "A".repeat(400))
}

/// Opens the file in every view; gives what is wrong with it.
fn faults(report: &Path, pictures: &Path) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let output = Command::new("node")
        .current_dir(&folder)
        .arg("look.mjs")
        .args([report, pictures])
        .output()
        .expect("node is there; scripts/setup installs it");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let seen: Value =
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("the browser gave no answer: {e}\n{out}\n{err}"));
    assert_eq!(seen["views"].as_array().map(Vec::len), Some(4), "every view was opened");
    seen["faults"].as_array().expect("faults").iter().map(ToString::to_string).collect()
}

#[test]
fn the_demo_report_is_accessible_in_every_view_and_loads_nothing() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["demo", "--into", "demo"]).code, 0);
    assert_eq!(faults(&desk.path("demo/report.html"), &desk.path("pictures")), Vec::<String>::new());
}

#[test]
fn nothing_runs_or_loads_that_a_header_a_banner_or_a_txt_record_carries() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["demo", "--into", "demo"]).code, 0);
    let mut facts = desk.json("demo/facts.json");
    let mut count = 0;
    for look in ["first", "second"] {
        plant(&mut facts[look], &mut count);
    }
    assert!(count > 20, "only {count} texts were planted");
    desk.write("planted.json", &facts.to_string());
    let ended = desk.run(&["report", "planted.json", "-o", "html=planted.html", "--exit-zero"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let html = std::fs::read_to_string(desk.path("planted.html")).expect("a report");
    assert!(html.contains("&lt;script&gt;"), "what was planted is shown as text");
    assert!(!html.contains("<script"), "and only as text");
    assert_eq!(faults(&desk.path("planted.html"), &desk.path("pictures")), Vec::<String>::new());
}

/// Replaces what servers sent: header values, banners, products, proofs, titles, TXT strings, the names of cookies.
fn plant(value: &mut Value, count: &mut usize) {
    const FROM_SERVERS: [&str; 8] = ["banner", "product", "version", "proof", "title", "detail", "txt", "dmarc_txt"];
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                match key.as_str() {
                    "headers" => replace_texts(inner, count),
                    "cookies" => inner.as_array_mut().into_iter().flatten().for_each(|cookie| {
                        cookie["name"] = Value::String(planted());
                        *count += 1;
                    }),
                    key if FROM_SERVERS.contains(&key) => replace_texts(inner, count),
                    _ => plant(inner, count),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, count)),
        _ => {}
    }
}

/// Every text below, but the words of observations.
fn replace_texts(value: &mut Value, count: &mut usize) {
    match value {
        Value::String(text) => {
            // A record keeps its beginning, so that it is still read as one.
            let keep: String = text.chars().take_while(|c| !c.is_whitespace()).collect();
            *text = if text.starts_with("v=") { format!("{keep} {}", planted()) } else { planted() };
            *count += 1;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_texts(item, count)),
        Value::Object(map) => map
            .iter_mut()
            .filter(|(key, _)| !matches!(key.as_str(), "state" | "observed_at" | "reason"))
            .for_each(|(_, inner)| replace_texts(inner, count)),
        _ => {}
    }
}
