//! How it was done, and how to do it again.

use serde::Serialize;

use super::Told;
use super::words::{Row, row};

#[derive(Serialize)]
pub(super) struct Method {
    traffic: Vec<Row>,
    addresses: String,
    digests: Vec<Row>,
    probes: String,
    now: String,
    exit: String,
    glossary: Vec<Row>,
}

pub(super) fn method(input: &Told<'_>) -> Method {
    let document = input.document;
    let traffic = &document.traffic;
    let rate = input.estate.scan.rate;
    Method {
        traffic: vec![
            row("TCP connections", traffic.tcp_connections.to_string()),
            row("UDP datagrams", traffic.udp_datagrams.to_string()),
            row("Bytes sent", traffic.bytes_sent.to_string()),
            row("Bytes received", traffic.bytes_received.to_string()),
            row("Acts that the declaration forbade", traffic.refused_by_scope.to_string()),
            row("Pace", format!("at most {} a second to one address, {} in all", rate.per_host, rate.total)),
        ],
        addresses: traffic.addresses.join(", "),
        digests: input.digests.iter().map(|(name, digest)| row(name, digest)).collect(),
        probes: document
            .probes
            .iter()
            .map(|(family, version)| format!("{family} {version}"))
            .collect::<Vec<_>>()
            .join(", "),
        now: document.run.now.to_string(),
        exit: format!("{}: {}", input.exit.0, input.exit.1),
        glossary: GLOSSARY.iter().map(|(word, meaning)| row(word, *meaning)).collect(),
    }
}

/// Words that a reader outside of the field may not know.
const GLOSSARY: &[(&str, &str)] = &[
    ("CAA", "A record that says which authorities may issue certificates for a domain."),
    ("Certificate", "What proves to a browser that it talks to the named site; it has an end date."),
    (
        "Content security policy",
        "What a page may load and run, as told by its server; it limits what injected code can do.",
    ),
    ("CSIRT", "The national or sectoral team that responds to computer security incidents."),
    ("DKIM", "A signature that a domain's own systems put on its mail, and the key to check it."),
    ("DMARC", "What a domain asks receivers to do with mail that only pretends to come from it."),
    ("DNSSEC", "Signatures on the domain name system, so that answers cannot be forged on the way."),
    ("Freeze", "Days around the vote in which nothing is changed that can wait."),
    ("HSTS", "A promise that makes browsers use the encrypted site only."),
    ("MTA-STS", "A promise that a domain's mail servers are reached under encryption only."),
    ("Name server", "A machine that answers where a domain's sites and mail servers are."),
    ("SPF", "A list of the machines that may send a domain's mail."),
    ("TLS", "The encryption below HTTPS; its old versions can be broken."),
    ("Zone", "A domain with everything below it that its owner runs in the domain name system."),
];
