"""Many small signed zones below a root of their own, on NSD with unbound in front; beside the lab's, in its namespace."""

import concurrent.futures
import subprocess

import dns_tools
from servers import CannotRun, die_with_parent

RESOLVER, ASKS_FROM, ROOT, TOP, NS1, NS2 = (f"45.12.{n}.53" for n in range(6))
FOLDER = dns_tools.FOLDER / "many"
SOA = "@ 300 IN SOA ns1.many. hostmaster.many. 1 14400 3600 1209600 300\n"


def run(*command, folder=FOLDER):
    went = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if went.returncode != 0:
        raise CannotRun(f"{command[0]} ended with {went.returncode}: {went.stderr.strip()[-300:]}")
    return went.stdout.strip()


def signed(name, text):
    """Writes and signs a zone; its file and its DS."""
    stem = name.strip(".") or "root"
    (FOLDER / stem).write_text(f"$ORIGIN {name}\n{text}")
    key = run("ldns-keygen", "-k", "-a", "ECDSAP256SHA256", name)
    run("ldns-signzone", "-o", name, "-f", f"{stem}.signed", stem, key)
    return FOLDER / f"{stem}.signed", run("ldns-key2ds", "-n", "-2", f"{key}.key") + "\n"


class Many:
    """While it is open, the zones are served; `options` are what an estate needs to reach them."""

    def __init__(self, count):
        self.zones = [f"z{number:04}.many" for number in range(1, count + 1)]
        self.options = {"resolver": RESOLVER, "hints": "many/hints", "anchor": "many/anchor"}
        self.processes = []

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()

    def make(self):
        FOLDER.mkdir(exist_ok=True)
        for address in (RESOLVER, ASKS_FROM, ROOT, TOP, NS1, NS2):
            run("ip", "address", "replace", f"{address}/32", "dev", "lo")
        text = SOA + "@ 300 IN NS ns1.many.\n@ 300 IN NS ns2.many.\n@ 300 IN MX 0 .\n@ 300 IN TXT \"v=spf1 -all\"\n" \
            "_dmarc 300 IN TXT \"v=DMARC1; p=reject\"\n"
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            made = list(pool.map(lambda zone: signed(f"{zone}.", text), self.zones))
        servers = f"ns1 300 IN A {NS1}\nns2 300 IN A {NS2}\ntop 300 IN A {TOP}\n"
        cuts = "".join(f"{zone}. 300 IN NS ns1.many.\n{zone}. 300 IN NS ns2.many.\n{ds}" for zone, (_, ds) in zip(self.zones, made))
        top, ds = signed("many.", SOA + "@ 300 IN NS top\n" + servers + cuts)
        root, anchor = signed(".", SOA.replace("@", ".") + f". 300 IN NS root.many.\nroot.many. 300 IN A {ROOT}\n"
                              f"many. 300 IN NS top.many.\ntop.many. 300 IN A {TOP}\n{ds}")
        (FOLDER / "anchor").write_text(anchor)
        (FOLDER / "hints").write_text(f". 3600 IN NS root.many.\nroot.many. 3600 IN A {ROOT}\n")
        self.nsd("root", [ROOT], {".": root})
        self.nsd("top", [TOP], {"many": top})
        self.nsd("zones", [NS1, NS2], {zone: file for zone, (file, _) in zip(self.zones, made)})
        self.start("unbound", "unbound", f"""server:
  username: ""
  chroot: ""
  directory: "{FOLDER}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  access-control: 0.0.0.0/0 allow
  interface: {RESOLVER}
  outgoing-interface: {ASKS_FROM}
  do-ip6: no
  root-hints: "{FOLDER}/hints"
  trust-anchor-file: "{FOLDER}/anchor"
""")
        self.await_answer()

    def nsd(self, name, addresses, zones):
        listen = "".join(f"  ip-address: {address}\n" for address in addresses)
        clauses = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{file}"\n' for zone, file in zones.items())
        self.start("nsd", name, f"""server:
  username: ""
  zonesdir: "{FOLDER}"
  database: ""
  pidfile: ""
  xfrdir: "{FOLDER}"
  xfrdfile: "{FOLDER}/{name}.xfrd"
  zonelistfile: "{FOLDER}/{name}.list"
  server-count: 1
  hide-version: yes
{listen}remote-control:
  control-enable: no
{clauses}""")

    def start(self, program, name, text):
        conf = FOLDER / f"{name}.conf"
        conf.write_text(text)
        with (FOLDER / f"{name}.log").open("wb") as log:
            self.processes.append(subprocess.Popen(
                [program, "-d", "-c", str(conf)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent))

    def await_answer(self):
        for _ in range(60):
            said = subprocess.run(["dig", f"@{RESOLVER}", self.zones[-1], "SOA", "+time=1", "+tries=1"],
                                  capture_output=True, text=True, check=False).stdout
            if "status: NOERROR" in said:
                return
        raise CannotRun("the many zones are not served")
