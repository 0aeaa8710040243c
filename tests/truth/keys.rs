//! Keys and certificates that a configuration names, and the OpenSSL that makes them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::support::Desk;

/// The OpenSSL that still speaks everything, built once (scripts/build-openssl).
pub(crate) static OPENSSL: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/build-openssl");
    let built = Command::new(script).stderr(Stdio::inherit()).output().expect("the script runs");
    assert!(built.status.success(), "OpenSSL could not be built");
    let text = String::from_utf8(built.stdout).expect("a path");
    text.lines().last().expect("a path").into()
});

/// A folder with `KEY.pem` and `KEY.key` for every key that is wanted, or the parameters of a finite field.
pub(crate) fn make(desk: &Desk, wanted: &[String]) -> PathBuf {
    let folder = desk.path("keys");
    std::fs::create_dir_all(&folder).expect("a folder");
    desk.write("keys/request.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
    let openssl = |arguments: &[&str]| {
        let done = Command::new(&*OPENSSL).current_dir(&folder).args(arguments).output().expect("it runs");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    for key in wanted {
        let kind: &[&str] = match key.as_str() {
            "rsa" => &["rsa:2048"],
            "rsa1024" => {
                openssl(&["dhparam", "-dsaparam", "-out", "dh1024.pem", "1024"]);
                &["rsa:1024"]
            }
            "ecdsa" => &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "ecdsa384" => &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
            "ed25519" => &["ed25519"],
            "rsapss" => &["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
            "dsa" => {
                openssl(&["dsaparam", "-out", "dsa.params", "1024"]);
                &["dsa:dsa.params"]
            }
            "ffdhe2048" => {
                let group = ["-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", "ffdhe2048.pem"];
                openssl(&[&["genpkey"], &group[..]].concat());
                continue;
            }
            other => panic!("no such key: {other}"),
        };
        let (pem, private) = (format!("{key}.pem"), format!("{key}.key"));
        let end = ["-nodes", "-subj", "/CN=www.cec.example", "-days", "30", "-keyout", &private, "-out", &pem];
        openssl(&[&["req", "-config", "request.cnf", "-x509", "-newkey"], kind, &end].concat());
    }
    folder
}
