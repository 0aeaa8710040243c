"""A web server of 2005: SSL 3 to TLS 1.1, RSA key exchange, 3DES, RC4 or nothing (tlslite-ng, which still speaks all that).

Use: old_tls.py CERTIFICATE KEY ADDRESS
"""
import socket
import sys
import threading

from tlslite.api import HandshakeSettings, TLSConnection, X509, X509CertChain, parsePEMKey

certificate, key, address = sys.argv[1:4]

settings = HandshakeSettings()
settings.minVersion = (3, 0)
settings.maxVersion = (3, 2)
settings.minKeySize = 512
settings.cipherNames = ["3des", "rc4", "null"]
settings.macNames = ["sha", "md5"]
settings.keyExchangeNames = ["rsa"]

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
        tls.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>old</html>")
        tls.close()
    except Exception:  # Whatever a visitor does, the next one is served.
        pass
    finally:
        conn.close()


listener = socket.create_server((address, 443), backlog=64)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=converse, args=(connection,), daemon=True).start()
