"""The servers that are audited: one nginx with a modern and an old configuration, and what they truly accept."""

import concurrent.futures
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

HOST = "www.cec.example"
HOSTS = [f"h{number:02}.cec.example" for number in range(1, 21)]
VERSIONS = ("ssl3", "tls1_0", "tls1_1", "tls1_2", "tls1_3")

# Mozilla's intermediate list.
MODERN = ":".join(
    f"{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDHE-ECDSA", "ECDHE-RSA", "DHE-RSA")
)
OLD = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"

# A system's openssl.cnf may forbid old versions, to the servers and to the commands that ask them.
ENVIRONMENT = {**os.environ, "OPENSSL_CONF": "/dev/null", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server_tokens off;
    {servers}
}}
"""

SERVER = """
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        server_name _;
        ssl_certificate {folder}/{key}.pem;
        ssl_certificate_key {folder}/{key}.key;
        ssl_protocols {protocols};
        ssl_ciphers {ciphers};
        ssl_prefer_server_ciphers off;
        location / {{ return 200 "hello\\n"; }}
    }}
"""


class CannotRun(Exception):
    """Something that is needed is not there, or did not start."""


def need(*commands):
    missing = [command for command in commands if not shutil.which(command, path=ENVIRONMENT["PATH"])]
    if missing:
        raise CannotRun(f"not installed: {', '.join(missing)}")


def free_port(addresses=("127.0.0.1",)):
    """A port that is free on all of these addresses."""
    for _ in range(50):
        sockets = []
        try:
            port = 0
            for address in addresses:
                sockets.append(socket.socket())
                sockets[-1].bind((address, port))
                port = sockets[-1].getsockname()[1]
            return port
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise CannotRun(f"no port is free on {addresses[0]} and on {len(addresses) - 1} more")


LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent():
    """Asks Linux to end this child when its parent dies, even if that is killed."""
    if LIBC:
        LIBC.prctl(1, signal.SIGTERM)


class Nginx:
    """Both configurations, until `stop`."""

    def __init__(self, folder):
        need("nginx", "openssl")
        self.folder = pathlib.Path(folder)
        self.process = None
        certificates(self.folder)
        self.modern, self.old = free_port(), free_port()
        servers = [
            SERVER.format(folder=folder, port=self.modern, key="ec", protocols="TLSv1.2 TLSv1.3", ciphers=MODERN),
            SERVER.format(folder=folder, port=self.old, key="rsa",
                          protocols="TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", ciphers=OLD),
        ]
        path = self.folder / "nginx.conf"
        path.write_text(CONFIGURATION.format(folder=folder, servers="".join(servers)))
        self.log = self.folder / "nginx.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["nginx", "-p", str(folder), "-c", str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=ENVIRONMENT, start_new_session=True, preexec_fn=die_with_parent)
        for port in (self.modern, self.old):
            self.wait(port)

    def wait(self, port):
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
            if self.process.poll() is not None:
                break
        self.stop()
        raise CannotRun("nginx did not start: " + self.log.read_text().strip())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def certificates(folder):
    """A root, and under it an ECDSA and an RSA certificate: a chain that is not trusted would be asked about twice."""
    def openssl(*arguments):
        done = subprocess.run(["openssl", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
        if done.returncode:
            raise CannotRun(f"openssl {arguments[0]}: {done.stderr.strip()}")

    # With its own configuration: the system's may be missing.
    (folder / "req.cnf").write_text(
        "[req]\ndistinguished_name = dn\n[dn]\n"
        "[root]\nbasicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign\n"
        "subjectKeyIdentifier = hash\n"
        "[leaf]\nbasicConstraints = critical, CA:false\nkeyUsage = critical, digitalSignature, keyEncipherment\n"
        "extendedKeyUsage = serverAuth\nsubjectAltName = DNS:cec.example, DNS:*.cec.example\n"
        "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    common = ("-nodes", "-config", "req.cnf")
    openssl("req", "-x509", *curve, *common, "-keyout", "ca.key", "-out", "ca.pem", "-days", "90",
            "-subj", "/CN=Bench Root", "-extensions", "root")
    for name, key in (("ec", curve), ("rsa", ("-newkey", "rsa:2048"))):
        openssl("req", *key, *common, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={HOST}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "90", "-sha256", "-extfile", "req.cnf", "-extensions", "leaf")


def truth(port):
    """What the server accepts, by one handshake of `openssl s_client` for every version and suite.

    A set of codes for every version, and the name of every code.
    """
    names, candidates = {}, []
    flags = {"tls1_0": "-tls1", "tls1_1": "-tls1_1", "tls1_2": "-tls1_2", "tls1_3": "-tls1_3"}
    # TLS 1.3 has suites that OpenSSL offers only when told to.
    listing = ["-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
               "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256", OLD]
    for version, flag in flags.items():
        shown = subprocess.run(["openssl", "ciphers", "-V", "-stdname", "-s", flag, *listing],
                               env=ENVIRONMENT, capture_output=True, text=True).stdout
        for high, low, standard, name in re.findall(r"0x(\w\w),0x(\w\w) - (\S+)\s+- (\S+)", shown):
            code = int(high + low, 16)
            names[code] = standard
            # The list for TLS 1.2 has no suite of TLS 1.3 in it, but the listing prints them.
            if (code >> 8 == 0x13) == (version == "tls1_3"):
                candidates.append((version, code, name))

    def accepted(candidate):
        version, code, name = candidate
        choice = ["-ciphersuites", name] if version == "tls1_3" else ["-cipher", f"{name}:@SECLEVEL=0"]
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", HOST, flags[version], *choice],
            env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        return f"Cipher is {name}\n" in done.stdout

    sets = {version: set() for version in VERSIONS}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for (version, code, _), yes in zip(candidates, pool.map(accepted, candidates)):
            if yes:
                sets[version].add(code)
    if not any(sets.values()):
        raise CannotRun("openssl s_client found no suite at all")
    return sets, names
