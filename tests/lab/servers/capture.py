"""Writes every packet that is sent in this network namespace to a pcap file, until it is terminated.

tcpdump gives up its rights through calls that a user namespace does not permit, so it only reads the file afterwards.
Use: capture.py FILE
"""
import signal
import socket
import struct
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS = 263, 6
LINKTYPE_RAW = 101
SNAP = 256
# The process may do what it likes with its own buffers here.
SO_RCVBUFFORCE = 33

capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
try:
    capture.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
except OSError:
    capture.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)


def stop(*_):
    seen, dropped = struct.unpack("II", capture.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    out.close()
    print(f"seen {seen} dropped {dropped}", flush=True)
    sys.exit(0)


with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
    signal.signal(signal.SIGTERM, stop)
    print("listening", flush=True)
    while True:
        packet, (_, _, direction, _, _) = capture.recvfrom(65535)
        # What is sent over loopback is seen a second time when it arrives.
        if direction != socket.PACKET_OUTGOING:
            continue
        now = time.time()
        kept = packet[:SNAP]
        out.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(kept), len(packet)) + kept)
