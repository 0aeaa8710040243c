"""The tools that look at a zone, and a capture that counts what each of them asks. Everything here runs inside the lab's namespace."""

import datetime
import ipaddress
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import tools
from servers import CannotRun, die_with_parent

CHECKDMARC = "checkdmarc==6.0.4"
FOLDER = pathlib.Path(os.environ.get("LAB_FOLDER", "."))
RESOLVER = os.environ.get("LAB_RESOLVER", "")
# Servers that ask on their own behalf: what they send is nobody's question.
SERVERS_ASK_FROM = os.environ.get("LAB_ASKS_FROM", "").split()


class Asked:
    """What was sent to port 53: questions over UDP, connections over TCP, each for IPv4 and IPv6, and bytes both ways."""

    def __init__(self):
        self.udp, self.tcp, self.bytes = {4: 0, 6: 0}, {4: 0, 6: 0}, 0

    def total(self, *versions):
        return sum(self.udp[v] + self.tcp[v] for v in versions or (4, 6))

    def words(self, *versions):
        udp, tcp = (sum(count[v] for v in versions or (4, 6)) for count in (self.udp, self.tcp))
        return f"{udp + tcp} ({udp} UDP, {tcp} TCP)"


class Capture:
    """Records every packet of the namespace while it is open."""

    def __init__(self):
        self.file = FOLDER / "bench.pcap"

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-B", os.environ["LAB_CAPTURE"], str(self.file)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        if self.process.stdout.readline().strip() != "listening":
            raise CannotRun("packets cannot be captured here")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.said = self.process.communicate(timeout=20)[0]

    def asked(self):
        if "dropped 0" not in self.said:
            raise CannotRun(f"the capture is not complete: {self.said.strip()}")
        asked = Asked()
        for packet in packets(self.file.read_bytes()):
            count(packet, asked)
        return asked


def packets(raw):
    """Packets of a pcap file, each as it was captured with its length on the wire."""
    at = 24
    while at + 16 <= len(raw):
        _, _, kept, length = struct.unpack_from("<IIII", raw, at)
        yield raw[at + 16:at + 16 + kept], length
        at += 16 + kept


def count(packet, asked):
    raw, length = packet
    version = raw[0] >> 4
    if version == 4:
        header, protocol = (raw[0] & 15) * 4, raw[9]
        ends = [str(ipaddress.ip_address(raw[at:at + 4])) for at in (12, 16)]
    else:
        header, protocol = 40, raw[6]
        ends = [str(ipaddress.ip_address(raw[at:at + 16])) for at in (8, 24)]
    if protocol not in (6, 17) or any(end in SERVERS_ASK_FROM for end in ends):
        return
    source, target = struct.unpack_from(">HH", raw, header)
    if 53 not in (source, target):
        return
    asked.bytes += length
    if target != 53:
        return
    if protocol == 17:
        # The first bit of the third byte of a message marks an answer.
        asked.udp[version] += not raw[header + 8 + 2] & 0x80
    else:
        syn, ack = raw[header + 13] & 2, raw[header + 13] & 16
        asked.tcp[version] += bool(syn and not ack)


def warm():
    """The resolver learns the way to the root: its first question would cost whoever comes first."""
    subprocess.run(["dig", f"@{RESOLVER}", ".", "NS"], stdout=subprocess.DEVNULL, check=False)


def day(days):
    return (datetime.date.today() + datetime.timedelta(days=days)).isoformat()


class Scrutineer:
    def __init__(self, path):
        # A copy: a build must not change the program in the middle of a comparison.
        self.path = FOLDER / "scrutineer"
        shutil.copy2(path, self.path)
        self.version = tools.run([self.path, "--version"], FOLDER).output.strip()

    def estate(self, zones, lifted, resolver, hints, anchor):
        lines = ["schema = 1", "[authority]", "name = 'Bench'", "country = 'GE'", "[assessor]", "name = 'Bench'", "kind = 'independent'",
                 "[[election]]", "name = 'Election'", "timezone = 'UTC'", f"polling_day = {day(30)}", f"results_final = {day(50)}T18:00:00Z",
                 "[scan]", f"resolver = '{resolver}:53'", f"trust_anchor = '{anchor}'", f"root_hints = '{hints}'", "as_table = 'as.tsv'"]
        if lifted:
            lines += ["rate = { per_host = 10000, total = 10000 }"]
        for zone in zones:
            selectors = ", dkim_selectors = ['s1']" if zone == "good.example" else ""
            lines += ["[[asset]]", f"zone = '{zone}'", "function = 'authority-domain'", "criticality = 'high'", "owner = 'IT'",
                      f"mail = {{ sends = true, receives = true{selectors} }}"]
        return "\n".join(lines) + "\n"

    def zones(self, zones, lifted=True, resolver=RESOLVER, hints="root.hints", anchor="root.key", output="json", **_):
        (FOLDER / "bench.toml").write_text(self.estate(zones, lifted, resolver, hints, anchor))
        went = tools.run([self.path, "audit", "bench.toml", "--family", "dns,mail", "-o", f"{output}=bench.{output}", "--exit-zero",
                          "--allow-incomplete", "-q"], FOLDER)
        if went.code != 0:
            raise CannotRun(f"scrutineer ended with {went.code}: {went.output.strip()[-500:]}")
        return went


class OneByOne:
    """A tool that is given one zone at a time, as its users do."""

    def zones(self, zones, **options):
        runs = [self.zone(zone, **options) for zone in zones]
        return tools.Run(0, sum(r.wall for r in runs), sum(r.cpu for r in runs), "", max(r.peak for r in runs))


class Zonemaster(OneByOne):
    def __init__(self):
        if not shutil.which("zonemaster-cli"):
            raise CannotRun("zonemaster-cli is not installed (Debian: zonemaster-cli)")
        said = tools.run(["zonemaster-cli", "--version"], FOLDER).output
        engine = [line.split()[-1] for line in said.splitlines() if line.startswith("Engine version")]
        self.version = f"Zonemaster-Engine {(engine or ['?'])[0]}"

    def zone(self, zone, ipv6=True):
        went = tools.run(["zonemaster-cli", "--hints", "root.hints", "--no-progress", "--json",
                          "--ipv6" if ipv6 else "--no-ipv6", zone], FOLDER)
        if went.code != 0 or not went.output.strip():
            raise CannotRun(f"zonemaster-cli ended with {went.code}: {went.output.strip()[-300:]}")
        return went


class Dnsviz(OneByOne):
    def __init__(self):
        if not shutil.which("dnsviz"):
            raise CannotRun("dnsviz is not installed (Debian: dnsviz)")
        said = tools.run(["dpkg-query", "-W", "-f", "${Version}", "dnsviz"], FOLDER).output
        self.version = f"DNSViz {said.strip() or '?'}"
        hints = (FOLDER / "root.hints").read_text().split()
        self.root = f".+:a.root.example={hints[-1]}"

    def zone(self, zone, ipv6=True):
        """Its first half, `probe`: the second, `grok`, does not start with the pygraphviz of the same Debian."""
        # Without a route to everywhere it does not look at all; here it leads nowhere.
        routes = [["ip", version, "route", "add", "default", "dev", "lo"] for version in ("-4", "-6")]
        for route in routes:
            subprocess.run(route, check=True)
        try:
            went = tools.run(["dnsviz", "probe", "-A", "-a", ".", "-x", self.root, "-o", "dnsviz.json", *([] if ipv6 else ["-4"]), zone],
                             FOLDER)
        finally:
            for route in routes:
                subprocess.run([word.replace("add", "del") for word in route], check=True)
        if went.code != 0 or "No global" in went.output:
            raise CannotRun(f"dnsviz ended with {went.code}: {went.output.strip()[-300:]}")
        return went


def install_checkdmarc():
    """Outside of the lab, which has no network; gives the program."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    venv = cache / "scrutineer" / "checkdmarc-venv"
    program = venv / "bin" / "checkdmarc"
    if not program.exists():
        print("installing checkdmarc", file=sys.stderr)
        for command in ([sys.executable, "-m", "venv", "--clear", venv],
                        [venv / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", CHECKDMARC]):
            went = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
            if went.returncode != 0:
                raise CannotRun(f"checkdmarc is not installed: {went.stderr.strip()[-300:]}")
    return program


class Checkdmarc(OneByOne):
    def __init__(self, program):
        self.program = program
        if not pathlib.Path(program).exists():
            raise CannotRun("checkdmarc is not installed")
        self.version = CHECKDMARC.replace("==", " ")

    def zone(self, zone, **_):
        went = tools.run([self.program, zone, "-n", RESOLVER, "-o", "checkdmarc.json"], FOLDER)
        if went.code != 0:
            raise CannotRun(f"checkdmarc ended with {went.code}: {went.output.strip()[-300:]}")
        return went
