//! The lab's websites, on nginx.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::namespace::Namespace;
use crate::plan::{DUAL, GOOD, NAMED, NAMED_UNSIGNED, POLICY_HOSTS, REGISTRY, RESULTS, addresses};

/// Authenticated encryption with ephemeral keys, in OpenSSL's words.
pub(crate) const CIPHERS: &str = "ECDHE+AESGCM:ECDHE+CHACHA20";

pub(crate) fn serve(lab: &mut Namespace, now: OffsetDateTime) {
    let good_expires = rfc3339(now + Duration::days(300));
    let past = rfc3339(now - Duration::days(40));
    let mut sites = String::new();
    for (host, places) in [("www.good.example", GOOD), ("results.good.example", RESULTS)] {
        let redirect = format!("return 301 https://{host}$request_uri;");
        sites.push_str(&plain(&places, host, &redirect));
        sites.push_str(&secure(&places, host, host, &stapled(host, &good_site(&good_expires))));
    }
    let careful = good_site(&good_expires);
    for host in crate::vouching::HOSTS {
        let name = format!("{host}.bad.example");
        sites.push_str(&secure(addresses(host), &name, &name, &stapled(&name, &careful)));
    }
    for host in ["expired", "early", "selfsigned", "wrongname", "untrusted", "muststaple", "v4only", "shared", "named"]
    {
        let name = format!("{host}.bad.example");
        sites.push_str(&secure(addresses(host), &name, &name, &careful));
    }
    for (name, place) in [("named.good.example", NAMED), ("named.unsigned.example", NAMED_UNSIGNED)] {
        sites.push_str(&secure(&[place], name, name, &careful));
    }
    sites.push_str(&secure(addresses("soon"), "soon.bad.example", "soon.bad.example", &good_site(&past)));
    let split = addresses("split");
    sites.push_str(&secure(&split[..1], "split.bad.example", "split.bad.example", &careful));
    sites.push_str(&secure(&split[1..], "split.bad.example", "split-other", "location / { return 200 'another'; }"));
    sites.push_str(&plain(addresses("web"), "web.bad.example", BAD_PLAIN));
    sites.push_str(&secure(addresses("web"), "web.bad.example", "web.bad.example", BAD_SITE));
    sites.push_str(&secure(addresses("script"), "script.bad.example", "script.bad.example", SCRIPTED));
    // Pads the records of one suite, and looks at the padding of what comes.
    let early = format!("ssl_early_data on; ssl_ciphers {CIPHERS}:ECDHE-ECDSA-AES128-SHA256; {careful}");
    sites.push_str(&secure(addresses("zerortt"), "zerortt.bad.example", "zerortt.bad.example", &early));
    for (host, place) in [("dual.bad.example", addresses("dual")[0]), ("dual.good.example", DUAL)] {
        let second = format!(
            "ssl_certificate rsa-{host}.pem; ssl_certificate_key rsa-{host}.key; ssl_dhparam ffdhe3072.pem; \
             ssl_ciphers ECDHE+AESGCM:DHE+AESGCM; {careful}"
        );
        sites.push_str(&secure(&[place], host, host, &second));
    }
    lab.must(
        "openssl",
        &["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe3072", "-out", "ffdhe3072.pem"],
    );
    for ((host, place), policy) in POLICY_HOSTS.into_iter().zip([GOOD_POLICY, BAD_POLICY, SHORT_POLICY]) {
        sites.push_str(&secure(&[place], host, host, policy));
    }
    // Named by a redirect and by a page, and not declared.
    sites.push_str(&plain(&[crate::plan::ELSEWHERE], "www.elsewhere.example", "return 200 'elsewhere';"));
    let registry = registry(now);
    sites.push_str(&secure(&[REGISTRY], "rdap.elsewhere.example", "rdap.elsewhere.example", &registry));
    let folder = lab.folder().display().to_string();
    let conf = format!(
        "user root;\nworker_processes 1;\ndaemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{ worker_connections 512; }}\n\
         http {{\n access_log off;\n default_type text/html;\n client_body_temp_path {folder}/t1;\n proxy_temp_path {folder}/t2;\n \
         fastcgi_temp_path {folder}/t3;\n uwsgi_temp_path {folder}/t4;\n scgi_temp_path {folder}/t5;\n ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {CIPHERS};\n\
         {sites}}}\n"
    );
    let conf = lab.write("nginx.conf", &conf);
    let mut command = lab.command("nginx");
    command.arg("-p").arg(lab.folder()).arg("-c").arg(conf);
    lab.start("nginx", command);
    lab.await_port("nginx", GOOD[0], 443);
}

/// The registry's answers (RFC 9083): one zone locked, one not and about to end.
fn registry(now: OffsetDateTime) -> String {
    let domain = |zone: &str, days: i64, status: &str| {
        let ends = rfc3339(now + Duration::days(days));
        format!(
            "location = /domain/{zone} {{ default_type application/rdap+json; return 200 '{{\"objectClassName\":\"domain\",\
             \"ldhName\":\"{zone}\",\"status\":[\"{status}\"],\"events\":[{{\"eventAction\":\"expiration\",\"eventDate\":\"{ends}\"}}]}}'; }}\n"
        )
    };
    domain("good.example", 400, "client transfer prohibited")
        + &domain("single.example", 15, "active")
        + "location / { return 404; }\n"
}

/// With the response that was made for the site, if one was.
fn stapled(name: &str, body: &str) -> String {
    let staple = format!("ssl_stapling on; ssl_stapling_file {name}.ocsp;");
    if crate::vouching::STAPLED.contains(&name) { format!("{staple} {body}") } else { body.to_owned() }
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).expect("a date")
}

fn listen(places: &[&str], port: u16, extra: &str) -> String {
    let place = |address: &str| if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    places.iter().map(|address| format!("listen {}:{port}{extra}; ", place(address))).collect()
}

fn plain(places: &[&str], name: &str, body: &str) -> String {
    format!("server {{ {} server_name {name}; server_tokens off; {body} }}\n", listen(places, 80, ""))
}

fn secure(places: &[&str], name: &str, certificate: &str, body: &str) -> String {
    let listen = listen(places, 443, " ssl");
    format!(
        "server {{ {listen} server_name {name}; ssl_certificate {certificate}.pem; ssl_certificate_key {certificate}.key;\n{body} }}\n"
    )
}

/// Everything that a good site sends.
fn good_site(expires: &str) -> String {
    format!(
        "server_tokens off;\n\
         add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains' always;\n\
         add_header Content-Security-Policy \"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\" always;\n\
         add_header X-Content-Type-Options nosniff always;\n\
         add_header Set-Cookie '__Host-session=1; Secure; HttpOnly; SameSite=Lax; Path=/' always;\n\
         add_header Referrer-Policy strict-origin-when-cross-origin always;\n\
         location = /.well-known/security.txt {{ default_type text/plain; return 200 'Contact: mailto:security@good.example\\nExpires: {expires}\\n'; }}\n\
         location = / {{ return 200 '<!doctype html><html lang=\"en\"><title>Commission</title><p>Where to vote</p></html>'; }}\n\
         location / {{ return 404; }}\n"
    )
}

/// Plain HTTP that shows the page and sets a session cookie.
const BAD_PLAIN: &str = "location / { add_header Set-Cookie 'PHPSESSID=1; Path=/'; return 200 '<html>plain</html>'; }";

/// MTA-STS, enforced for both exchangers.
const GOOD_POLICY: &str = r#"
location = /.well-known/mta-sts.txt {
  default_type text/plain;
  return 200 "version: STSv1\r\nmode: enforce\r\nmx: mx1.good.example\r\nmx: *.good.example\r\nmax_age: 604800\r\n";
}
location / { return 404; }
"#;

/// As a web page, in testing, with a line that is none, and for nobody.
const BAD_POLICY: &str = r#"
location = /.well-known/mta-sts.txt { return 200 "version: STSv1\nmode: testing\nhello\nmx: other.example\nmax_age: 86400\n"; }
location / { return 404; }
"#;

/// Forgotten within the hour.
const SHORT_POLICY: &str = r#"
location = /.well-known/mta-sts.txt {
  default_type text/plain;
  return 200 "version: STSv1\nmode: enforce\nmx: mx.cname-mx.example\nmax_age: 3600\n";
}
location / { return 404; }
"#;

/// A fault a page; `/` has those that go together.
const BAD_SITE: &str = r#"
location = / {
  add_header Set-Cookie 'SESSIONID=1; Path=/';
  return 200 '<!doctype html><html><script src="http://cdn.elsewhere.example/a.js"></script><form action="http://web.bad.example/login"></form><a href="https://archive.bad.example/2024">2024</a></html>';
}
location = /policy {
  add_header Content-Security-Policy "default-src *; script-src * 'unsafe-inline' 'unsafe-eval'; img-src https://cdn.bad.example/logo/; scriptsrc 'self'";
  add_header Strict-Transport-Security 'max-age=300';
  add_header Referrer-Policy unsafe-url;
  return 200 '<!doctype html><html><p>policy</p></html>';
}
location = /hsts { add_header Strict-Transport-Security 'max-age=soon'; return 200 '<!doctype html><html></html>'; }
location = /down { return 302 http://web.bad.example/; }
location = /moved { return 302 https://moved.bad.example/; }
location = /away { return 302 http://www.elsewhere.example/; }
location = /error { return 500; }
location / { return 404; }
"#;

/// Script in headers and in the page's title.
const SCRIPTED: &str = r#"
location / {
  add_header X-Powered-By "<script>globalThis.planted='header'</script> PHP/5.3";
  add_header Content-Security-Policy "default-src <script>globalThis.planted='csp'</script>";
  return 200 '<!doctype html><html><title><script>globalThis.planted=1</script></title><script src="http://evil.elsewhere.example/x.js"></script></html>';
}
"#;
