"""Runs the tools, and reads from their reports which suites they found."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

from servers import ENVIRONMENT, VERSIONS, CannotRun, die_with_parent

HERE = pathlib.Path(__file__).resolve().parent
SSLYZE = "sslyze>=6,<7"


class Run:
    """How one command went."""

    def __init__(self, code, wall, cpu, output, peak=0):
        self.code, self.wall, self.cpu, self.output = code, wall, cpu, output
        self.peak = peak  # Of resident memory, in KiB.


def signal_group(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def run(command, folder, seconds=900):
    """Runs a command and measures it; CPU is its own and that of the children it waited for."""
    log = pathlib.Path(folder) / "output.txt"
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"},
            start_new_session=True, preexec_fn=die_with_parent)
        late = threading.Timer(seconds, signal_group, (process.pid, signal.SIGKILL))
        late.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            late.cancel()
            if process.returncode is None:  # Interrupted: testssl.sh removes its folder when it is asked to end.
                signal_group(process.pid, signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    pass
            signal_group(process.pid, signal.SIGKILL)  # What it left behind, or itself if it did not listen.
            process.wait()
    return Run(process.returncode, wall, usage.ru_utime + usage.ru_stime, log.read_text(errors="replace"),
               usage.ru_maxrss)


class Relay:
    """A relay in its own process; `finish` stops it and gives its counts by address."""

    def __init__(self, to, port, addresses=("127.0.0.1",), rtt=0.0, drop=0.0, seed=0):
        command = [sys.executable, "-B", str(HERE / "relay.py"), "--to", f"127.0.0.1:{to}",
                   "--rtt", str(rtt), "--drop", str(drop), "--seed", str(seed)]
        for address in addresses:
            command += ["--listen", f"{address}:{port}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)
        if self.process.stdout.readline().strip() != "ready":
            self.process.kill()
            self.process.communicate()
            raise CannotRun(f"the relay does not listen on {addresses[0]}:{port}")

    def finish(self):
        if self.process.returncode is None:
            said, _ = self.process.communicate(timeout=20)
            self.counts = json.loads(said)
        return self.counts

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.finish()
        except Exception:
            self.process.kill()
            self.process.wait()


class Found:
    """The suites a tool reports: codes it accepted for every version, and what it says it does not know."""

    def __init__(self):
        self.accepted = {version: set() for version in VERSIONS}
        self.ranges = {version: [] for version in VERSIONS}

    def unknown(self, version, first=0, last=0xFFFF):
        self.ranges[version].append((first, last))

    def unknown_all(self):
        for version in VERSIONS:
            self.unknown(version)

    def against(self, truth):
        """How many suites were lost silently, are unknown, were made up; and whether nothing of that happened."""
        lost = unknown = invented = 0
        for version, true in truth.items():
            for code in true - self.accepted[version]:
                if any(first <= code <= last for first, last in self.ranges[version]):
                    unknown += 1
                else:
                    lost += 1
            invented += len(self.accepted[version] - true)
        return lost, unknown, invented


class Scrutineer:
    def __init__(self, path, folder):
        # A copy: a build must not change the program in the middle of a comparison.
        self.path = pathlib.Path(folder) / "scrutineer"
        shutil.copy2(path, self.path)
        self.folder = pathlib.Path(folder)
        self.caps = True
        self.caps = self.knows_caps()
        self.version = run([self.path, "--version"], folder).output.strip()

    def knows_caps(self):
        """Whether the estate may set caps on connections; no matter where it leads."""
        went = self.audit([("www.cec.example", "127.0.0.1")], 9)
        if went.code == 2 and "connections" in went.output and "is not a key" in went.output:
            return False
        if went.code != 0:
            raise CannotRun(f"scrutineer ended with {went.code}: {went.output.strip()[-500:]}")
        return True

    def estate(self, hosts, port, lifted):
        lines = ["schema = 1", "[authority]", "name = 'Bench'", "country = 'GE'", "[scan]", "private = true",
                 # Nobody answers there: addresses are pinned, and no question may leave the machine.
                 "resolver = '127.0.0.1:9'", f"port_map = {{ 443 = {port} }}", "extra_roots = ['ca.pem']"]
        if lifted:
            if self.caps:
                lines += ["connections = 400", f"connections_at_once = {5 if len(hosts) > 1 else 16}"]
            lines += ["[scan.rate]", "per_host = 10000", "total = 10000"]
        # The whole audit: also what only an authorisation permits.
        lines += ["[authorisation]", "reference = 'B-1'", "granted_by = 'Bench'", "from = 2026-01-01", "until = 2046-01-01",
                  "active = true"]
        for host, address in hosts:
            lines += ["[[asset]]", f"host = '{host}'", "function = 'authority-website'", "criticality = 'high'",
                      "owner = 'IT'", f"addresses = ['{address}']", "services = ['https']"]
        return "\n".join(lines) + "\n"

    def audit(self, hosts, port, lifted=True):
        (self.folder / "estate.toml").write_text(self.estate(hosts, port, lifted))
        (self.folder / "facts.json").unlink(missing_ok=True)
        return run([self.path, "audit", "estate.toml", "--family", "tls", "-o", "json=findings.json",
                    "-o", "facts=facts.json", "--exit-zero", "--allow-incomplete", "-q"], self.folder)

    def one(self, host, port, **options):
        went = self.audit([(host, "127.0.0.1")], port, **options)
        if went.code != 0:
            raise CannotRun(f"scrutineer ended with {went.code}: {went.output.strip()[-500:]}")
        return went

    many = audit

    def suites(self, _):
        found = Found()
        facts = json.loads((self.folder / "facts.json").read_text())
        endpoints = [e for s in facts["first"]["services"].values() for e in s["endpoints"].values()]
        if len(endpoints) != 1:
            found.unknown_all()
            return found
        suites = endpoints[0]["tls"]["suites"]
        for version in VERSIONS:
            there = suites[version]
            if there["state"] == "observed":
                value = there["value"]
                found.accepted[version] = {suite["code"] for suite in value.get("accepted", [])}
                for part in value.get("unknown", []):
                    found.unknown(version, part["from"], part["to"])
            elif there["state"] != "absent":
                found.unknown(version)
        return found

    def complete(self):
        """Hosts of the last audit of which a suite was found."""
        facts = json.loads((self.folder / "facts.json").read_text())
        return sum(
            any(suites.get("value", {}).get("accepted")
                for e in s["endpoints"].values() for suites in e["tls"]["suites"].values())
            for s in facts["first"]["services"].values())


class Sslyze:
    def __init__(self, folder, names):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        venv = cache / "scrutineer" / "sslyze-venv"
        self.folder = pathlib.Path(folder)
        self.codes = {name: code for code, name in names.items()}
        self.program = venv / "bin" / "sslyze"
        self.python = venv / "bin" / "python"
        if not self.program.exists():
            print("installing sslyze", file=sys.stderr)
            for command in ([sys.executable, "-m", "venv", "--clear", venv],
                            [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", SSLYZE]):
                if (went := run(command, folder)).code != 0:
                    raise CannotRun(f"sslyze is not installed: {went.output.strip()[-300:]}")
        version = run([self.python, "-c", "from sslyze.__version__ import __version__ as v; print(v)"], folder)
        self.version = "sslyze " + version.output.strip()
        if not self.version.startswith("sslyze 6."):
            raise CannotRun(f"{self.version} is not sslyze 6; remove {venv}")

    def one(self, host, port):
        report = self.folder / "sslyze.json"
        report.unlink(missing_ok=True)
        went = run([self.program, "--quiet", "--json_out", report, f"{host}:{port}{{127.0.0.1}}"], self.folder)
        # Its exit code judges the server; only a missing report is a failure of its own.
        if not report.exists():
            raise CannotRun(f"sslyze ended with {went.code}: {went.output.strip()[-500:]}")
        return went

    def many(self, hosts, port):
        return run([self.python, HERE / "sslyze_hosts.py", port, *[f"{h}={a}" for h, a in hosts]], self.folder)

    def suites(self, _):
        found = Found()
        results = json.loads((self.folder / "sslyze.json").read_text())["server_scan_results"]
        scan = results[0]["scan_result"] if results else None
        if not scan:
            found.unknown_all()
            return found
        for version in VERSIONS:
            attempt = scan[version.replace("ssl3", "ssl_3_0").replace("tls1", "tls_1") + "_cipher_suites"]
            if attempt["status"] != "COMPLETED":
                found.unknown(version)
                continue
            for suite in attempt["result"]["accepted_cipher_suites"]:
                name = suite["cipher_suite"]["name"]
                # A name that OpenSSL does not know is never in the truth: it counts as made up.
                found.accepted[version].add(self.codes.get(name, name))
        return found


class Testssl:
    def __init__(self, folder):
        path = ENVIRONMENT["PATH"]
        self.program = shutil.which("testssl.sh", path=path) or shutil.which("testssl", path=path)
        if not self.program:
            raise CannotRun("testssl.sh is not installed")
        self.folder = pathlib.Path(folder)
        shown = re.sub(r"\x1b\[[\d;]*m", "", run([self.program, "--version"], folder).output)
        version = re.search(r"testssl(?:\.sh)?\s+(?:version\s+)?(\d[\w.]*)", shown)
        self.version = "testssl.sh " + (version[1] if version else "of unknown version")

    def one(self, host, port, *more):
        report = self.folder / "testssl.json"
        report.unlink(missing_ok=True)
        # No name is looked up, and nobody is asked whether to go on.
        went = run([self.program, "--quiet", "--color", "0", "--warnings", "off", "-n", "none", "--ip", "127.0.0.1",
                    "--jsonfile", report, *more, f"{host}:{port}"], self.folder)
        if not report.exists():
            raise CannotRun(f"testssl.sh ended with {went.code}: {went.output.strip()[-500:]}")
        return went

    def suites(self, went):
        """Of a run with -E."""
        found = Found()
        try:
            entries = json.loads((self.folder / "testssl.json").read_text())
        except ValueError:
            entries = []  # Cut off in the middle.
        # It ends with Done only if it got through; all it has not shown by then, it does not know.
        if "Done " not in went.output or any(entry["severity"] == "FATAL" for entry in entries):
            found.unknown_all()
        for entry in entries:
            if match := re.fullmatch(r"cipher-tls1(_[123])?_x(\w+)", entry["id"]):
                found.accepted["tls1" + (match[1] or "_0")].add(int(match[2], 16))
        return found


def limits():
    """Many connections at once need many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
