//! A TLS server by script, for the lab and for trying things out: `mock_tls ADDRESS:PORT KEY.pem CERTIFICATE.pem[,CERTIFICATE.pem] WORD...`
//! The words stand in `tests/support/mock_tls/mod.rs`.

#[path = "../tests/support/mock_tls/mod.rs"]
mod mock_tls;

use std::net::TcpListener;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [place, key, certificates, words @ ..] = words.as_slice() else {
        return Err(std::io::Error::other("use: mock_tls ADDRESS:PORT KEY.pem CERTIFICATE.pem[,...] WORD..."));
    };
    let certificates: Vec<&Path> = certificates.split(',').map(Path::new).collect();
    let identity = mock_tls::Identity::read(&certificates, Path::new(key));
    mock_tls::serve(TcpListener::bind(place)?, mock_tls::Script::parse(words), identity);
    loop {
        std::thread::park();
    }
}
