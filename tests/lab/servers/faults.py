"""Servers that are at fault on purpose, or that imitate the greeting of one that is.

Use: faults.py CERTIFICATE KEY ADDRESS:PORT=BEHAVIOUR...
Each connection is served in its own thread; `everything` takes every port of its address.
"""
import os
import resource
import select
import socket
import ssl
import struct
import sys
import threading

CERTIFICATE, KEY = sys.argv[1:3]
# Above are the namespace's ephemeral ports: one that is bound anywhere is not given to a client any more.
LAST = 60000


def hang(conn):
    while conn.recv(4096):
        pass


def reset(conn):
    conn.recv(1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def garbage(conn):
    conn.recv(4096)
    conn.sendall(b"\x00\x01\x02 no protocol that anybody knows \xff\xfe" * 20)


def big_header(conn):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    with context.wrap_socket(conn, server_side=True) as tls:
        tls.recv(4096)
        tls.sendall(b"HTTP/1.1 200 OK\r\nx-filler: " + b"a" * (1 << 20) + b"\r\n\r\n<html>")


def silent(conn):
    conn.recv(1)


def telnet(conn):
    conn.sendall(b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27")
    conn.recv(256)
    conn.sendall(b"\r\nelection-db login: ")
    conn.recv(256)


def lines(greeting, answers):
    """A line protocol: the greeting, then the answer whose key the line begins with."""

    def talk(conn):
        conn.sendall(greeting)
        for line in conn.makefile("rb"):
            answer = next((a for key, a in answers.items() if key in line.upper()), b"500 what\r\n")
            conn.sendall(answer)

    return talk


def mysql(tls):
    def talk(conn):
        # Protocol::HandshakeV10: CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH, CLIENT_SSL if offered.
        flags = 0x00000200 | 0x00008000 | 0x00080000 | (0x00000800 if tls else 0)
        body = b"\x0a5.7.33\x00" + struct.pack("<I", 7) + b"abcdefgh\x00" + struct.pack("<H", flags & 0xFFFF)
        body += b"\x21" + struct.pack("<H", 2) + struct.pack("<H", flags >> 16) + b"\x15" + b"\x00" * 10
        body += b"ijklmnopqrst\x00mysql_native_password\x00"
        conn.sendall(struct.pack("<I", len(body))[:3] + b"\x00" + body)
        conn.recv(64)

    return talk


def ssh1(conn):
    conn.sendall(b"SSH-1.99-OpenSSH_3.9p1\r\n")
    conn.recv(256)


SCRIPT = b"<script>globalThis.planted='banner'</script>"

BEHAVIOURS = {
    "hang": hang,
    "reset": reset,
    "garbage": garbage,
    "bigheader": big_header,
    "silent": silent,
    "telnet": telnet,
    "ssh1": ssh1,
    "scripted-ssh": lambda conn: (conn.sendall(b"SSH-2.0-" + SCRIPT + b"\r\n"), conn.recv(256)),
    "smtp": lines(b"220 mail ESMTP\r\n", {b"EHLO": b"250-mail\r\n250 SIZE 1000\r\n", b"QUIT": b"221 bye\r\n"}),
    "smtp-tls": lines(
        b"220 mail ESMTP\r\n", {b"EHLO": b"250-mail\r\n250-STARTTLS\r\n250 SIZE 1000\r\n", b"QUIT": b"221 bye\r\n"}
    ),
    "imap": lines(b"* OK IMAP4rev1 ready\r\n", {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n* OK done\r\n"}),
    "imap-tls": lines(
        b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n",
        {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n* OK done\r\n"},
    ),
    "mysql": mysql(False),
    "mysql-tls": mysql(True),
}


def conversation(behaviour, conn):
    try:
        conn.settimeout(60)
        BEHAVIOURS[behaviour](conn)
    except OSError:
        pass
    finally:
        conn.close()


def serve(address, port, behaviour):
    listener = socket.create_server((address, port), backlog=64)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=conversation, args=(behaviour, conn), daemon=True).start()


def everything(address):
    """Accepts on every port, as a tarpit or a misled firewall does: as many processes as the limit of open files asks for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    share = max(min(hard, 65536) - 100, 500)
    for start in range(1, LAST, share):
        if os.fork() == 0:
            accept_all(address, range(start, min(start + share, LAST)))


def accept_all(address, ports):
    waiting, by_file = select.epoll(), {}
    for port in ports:
        listener = socket.create_server((address, port), backlog=4)
        by_file[listener.fileno()] = listener
        waiting.register(listener.fileno(), select.EPOLLIN)
    while True:
        for number, _ in waiting.poll():
            conn, _ = by_file[number].accept()
            conn.close()


def main():
    for item in sys.argv[3:]:
        place, behaviour = item.rsplit("=", 1)
        address, port = place.rsplit(":", 1)
        if behaviour == "everything":
            everything(address)
        else:
            threading.Thread(target=serve, args=(address, int(port), behaviour), daemon=True).start()
    threading.Event().wait()


main()
