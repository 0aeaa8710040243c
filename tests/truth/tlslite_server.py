"""A web server of tlslite-ng with the settings that it is told.

Use: tlslite_server.py PORT CERTIFICATE KEY SETTING=JSON...
A setting is an attribute of HandshakeSettings.
"""
import json
import socket
import sys
import threading

from tlslite.api import HandshakeSettings, TLSConnection, X509, X509CertChain, parsePEMKey

port, certificate, key, *words = sys.argv[1:]
settings = HandshakeSettings()
for word in words:
    name, value = word.split("=", 1)
    if not hasattr(settings, name):
        sys.exit(f"no such setting: {name}")
    value = json.loads(value)
    setattr(settings, name, tuple(value) if name.endswith("Version") else value)
# TLS 1.3 goes by this list.
versions = [(3, 4), (3, 3), (3, 2), (3, 1), (3, 0)]
settings.versions = [v for v in versions if settings.minVersion <= v <= settings.maxVersion]

with open(certificate) as file:
    leaf = X509()
    leaf.parse(file.read())
with open(key) as file:
    private = parsePEMKey(file.read(), private=True)


def converse(conn):
    try:
        conn.settimeout(20)
        tls = TLSConnection(conn)
        tls.handshakeServer(certChain=X509CertChain([leaf]), privateKey=private, settings=settings)
        tls.recv(4096)
        tls.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n")
        tls.close()
    except Exception:  # Whatever a visitor does, the next one is served.
        pass
    finally:
        conn.close()


listener = socket.create_server(("127.0.0.1", int(port)), backlog=128)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=converse, args=(connection,), daemon=True).start()
