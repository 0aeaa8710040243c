//! What validators that nobody of this project wrote say of a zone: unbound, and delv, which validates for itself.
//! The words are those of RFC 4033 §5; a zone that could not be asked is *indeterminate*.

use crate::namespace::Namespace;
use crate::plan::RESOLVER;

/// The state that unbound gives the zone's SOA.
pub(crate) fn unbound(lab: &Namespace, zone: &str) -> &'static str {
    let server = format!("@{RESOLVER}");
    let ask = |more: &str| {
        let output = lab.run("dig", &[&server, zone, "SOA", "+dnssec", "+tries=2", "+time=5", more]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let answered = |said: &str| said.contains("status: NOERROR");
    let said = ask("+nocdflag");
    let flags = said.lines().find(|line| line.starts_with(";; flags:")).unwrap_or_default();
    match answered(&said) {
        true if flags.contains(" ad;") || flags.contains(" ad ") => "secure",
        true => "insecure",
        // It keeps the records to itself, unless it shall not check them (RFC 4035 §3.2.2).
        false if answered(&ask("+cdflag")) => "bogus",
        false => "indeterminate",
    }
}

/// Writes the lab's anchor as delv reads it.
pub(crate) fn write_anchor(lab: &Namespace) {
    let ds = std::fs::read_to_string(lab.path("root.key")).expect("the root's DS");
    let words: Vec<&str> = ds.split_whitespace().skip_while(|word| *word != "DS").skip(1).collect();
    let [tag, algorithm, kind, digest] = words[..] else { panic!("no DS: {ds}") };
    let anchor = format!("trust-anchors {{ . static-ds {tag} {algorithm} {kind} \"{digest}\"; }};\n");
    lab.write("delv.keys", &anchor);
}

/// The state that delv finds for the zone's SOA, with what it said.
pub(crate) fn delv(lab: &Namespace, zone: &str) -> (&'static str, String) {
    let server = format!("@{RESOLVER}");
    let output = lab.run("delv", &[&server, "-a", "delv.keys", "+root=.", "+cdflag", "+multiline", zone, "SOA"]);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let has = |words: &str| said.contains(words);
    let state = if has("; fully validated") {
        "secure"
    } else if has("; unsigned answer") {
        "insecure"
    } else if has("SERVFAIL") || has("timed out") || has("resolution failed: failure") {
        "indeterminate"
    } else {
        "bogus"
    };
    (state, said)
}
