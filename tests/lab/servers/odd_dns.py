"""Name servers that keep to no standard, for what real ones will not do.

Use: odd_dns.py ZONE NAME=ADDRESS=BEHAVIOUR...
Every server answers for the zone with the same records, over UDP and TCP, but for its behaviours, joined by `+`:
lower-case, upward, no-aaaa, echo-unknown, drop-edns, old-edns (an unknown version is answered as version 0), formerr-edns (as
servers from before EDNS), no-tcp; elsewhere is a name server that somebody else runs.
"""
import socket
import struct
import sys
import threading

ZONE = sys.argv[1]
SERVERS = [word.split("=") for word in sys.argv[2:]]
A, NS, SOA, AAAA, OPT, AXFR = 1, 2, 6, 28, 41, 252
NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 3, 4, 5
UNKNOWN_OPTION = 65001


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(name, kind, data, ttl=300):
    return wire(name) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def soa():
    return record(ZONE, SOA, wire(SERVERS[0][0]) + wire("hostmaster.good.example") + struct.pack(">5I", 1, 14400, 3600, 1209600, 300))


def records(name, kind):
    """Answer records, and whether the name is there."""
    addresses = {server: socket.inet_aton(address) for server, address, _ in SERVERS}
    if name == ZONE:
        found = {SOA: [soa()], NS: [record(ZONE, NS, wire(server)) for server, *_ in SERVERS]}
        return found.get(kind, []), True
    if name in addresses and name.endswith("." + ZONE):
        return ([record(name, A, addresses[name])] if kind == A else []), True
    return [], False


def read(message):
    """Name, type, bytes of the question, and the EDNS record's (version, flags, options) or None."""
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    kind = struct.unpack(">H", message[at + 1:at + 3])[0]
    question, rest = message[12:at + 5], message[at + 5:]
    edns = None
    if struct.unpack(">H", message[10:12])[0] and rest[1:3] == struct.pack(">H", OPT):
        edns = (rest[6], struct.unpack(">H", rest[7:9])[0], rest[11:])
    return ".".join(labels), kind, question, edns


def answer(message, behaviour):
    name, kind, question, edns = read(message)
    if edns is not None and "drop-edns" in behaviour:
        return None
    if edns is not None and "formerr-edns" in behaviour:
        return message[:2] + struct.pack(">HHHHH", 0x8000 | FORMERR, 1, 0, 0, 0) + question
    code, authoritative, answers, authorities = NOERROR, True, [], []
    lower = name.lower()
    if lower != ZONE and not lower.endswith("." + ZONE):
        authoritative = False
        if "upward" in behaviour:
            authorities = [record("", NS, wire("a.root.example"))]
        else:
            code = REFUSED
    elif kind == AXFR:
        code, authoritative = REFUSED, False
    elif kind == AAAA and "no-aaaa" in behaviour:
        code, authoritative = NOTIMP, False
    else:
        answers, there = records(lower, kind)
        code = NOERROR if there else NXDOMAIN
        authorities = [] if answers else [soa()]
    additional = b""
    if edns is not None:
        version, flags, options = edns
        high = 1 if version and "old-edns" not in behaviour else 0
        if high:
            code, answers, authorities = 0, [], []
        echo = "echo-unknown" in behaviour
        additional = b"\0" + struct.pack(">HHBBHH", OPT, 1232, high, 0, flags if echo else flags & 0x8000,
                                         len(options) if echo else 0) + (options if echo else b"")
    if "lower-case" in behaviour:
        question = wire(lower) + question[-4:]
    flags = 0x8000 | (0x0400 if authoritative else 0) | (struct.unpack(">H", message[2:4])[0] & 0x0100) | code
    head = message[:2] + struct.pack(">HHHHH", flags, 1, len(answers), len(authorities), 1 if additional else 0)
    return head + question + b"".join(answers) + b"".join(authorities) + additional


def over_udp(address, behaviour):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        message, peer = server.recvfrom(4096)
        said = answer(message, behaviour)
        if said is not None:
            server.sendto(said, peer)


def over_tcp(address, behaviour):
    server = socket.create_server((address, 53))
    while True:
        conn, _ = server.accept()
        with conn:
            framed = conn.recv(4096)
            said = answer(framed[2:], behaviour) if len(framed) > 14 else None
            if said is not None:
                conn.sendall(struct.pack(">H", len(said)) + said)


for _, address, behaviour in SERVERS:
    behaviour = behaviour.split("+")
    for serve, unless in ((over_udp, "elsewhere"), (over_tcp, "no-tcp")):
        if unless not in behaviour and "elsewhere" not in behaviour:
            threading.Thread(target=serve, args=(address, behaviour), daemon=True).start()
threading.Event().wait()
