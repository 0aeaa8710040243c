"""A TCP relay on loopback that counts connections, adds a round trip and drops connections by a seed.

    relay.py --listen 127.0.1.1:9443 [--listen ...] --to 127.0.0.1:8443 [--rtt 0.05] [--drop 0.2 --seed 1]

It says `ready` once it listens. When its standard input ends it prints its counts as one JSON line and exits, so it
cannot outlive whoever started it.
"""

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
from collections import deque

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
# Established, and the two states in which only this side has ended.
CLIENT_OPEN = {1, 4, 5}


class Counts:
    """What one listening address saw."""

    def __init__(self):
        self.connections = self.dropped = self.peak = self.bytes_up = self.bytes_down = 0
        self.open = set()

    def opened(self, transport):
        self.connections += 1
        self.open.add(transport)
        if len(self.open) > self.peak:
            self.peak = max(self.peak, sum(map(is_open, self.open)))

    def as_json(self):
        return {key: value for key, value in vars(self).items() if key != "open"}


def is_open(transport):
    """Whether the client still has it open: its end may lie unread in the kernel while the next one is accepted."""
    if not hasattr(socket, "TCP_INFO"):
        return True
    try:
        state = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:
        return False
    return state in CLIENT_OPEN


class Line:
    """One direction: what goes in comes out in order, `delay` later and not before `earliest`."""

    def __init__(self, loop, delay, earliest=0.0):
        self.loop, self.delay, self.earliest = loop, delay, earliest
        self.waiting = deque()  # A queue and one timer: two timers of one moment could swap their bytes.
        self.timer = None
        self.deliver = None  # Set once the other end is connected.

    def send(self, what):
        """`what` is bytes, or None for the end."""
        if self.delay == 0 and self.deliver and not self.waiting:
            self.deliver(what)
            return
        self.waiting.append((max(self.loop.time(), self.earliest) + self.delay, what))
        if self.timer is None and self.deliver:
            self.start()

    def connect(self, deliver):
        self.deliver = deliver
        if self.waiting and self.timer is None:
            self.start()

    def start(self):
        self.timer = self.loop.call_at(self.waiting[0][0], self.flush)

    def flush(self):
        self.timer = None
        now = self.loop.time() + 0.0005
        while self.waiting and self.waiting[0][0] <= now:
            self.deliver(self.waiting.popleft()[1])
        if self.waiting:
            self.start()


class Pair:
    """A client's connection and the server's that belongs to it."""

    def __init__(self):
        self.client = self.server = None
        self.ended = set()

    def end(self, towards):
        """Passes an end on; both sides close once both have ended."""
        side = getattr(self, towards)
        self.ended.add(towards)
        if side and not side.is_closing():
            try:
                side.write_eof()
            except OSError:
                side.abort()
        if self.ended == {"client", "server"}:
            for side in (self.client, self.server):
                if side and not side.is_closing():
                    side.close()

    def write(self, towards, what):
        side = getattr(self, towards)
        if what is None:
            self.end(towards)
        elif side and not side.is_closing():
            side.write(what)


class Server(asyncio.Protocol):
    """The connection to the real server."""

    def __init__(self, pair, line, counts):
        self.pair, self.line, self.counts = pair, line, counts

    def connection_made(self, transport):
        self.pair.server = transport

    def data_received(self, data):
        self.counts.bytes_down += len(data)
        self.line.send(data)

    def eof_received(self):
        self.line.send(None)
        return True

    def connection_lost(self, error):
        self.line.send(None)


class Client(asyncio.Protocol):
    """An accepted connection."""

    def __init__(self, relay, counts):
        self.relay, self.counts = relay, counts
        self.up = None

    def connection_made(self, transport):
        self.transport = transport
        self.counts.opened(transport)
        fate = self.relay.fate()
        if fate:
            self.counts.dropped += 1
            if fate == "reset":
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                transport.abort()
            else:  # An end without an answer; the hello is read, or the kernel would make a reset of it.
                transport.write_eof()
            return
        loop, half = self.relay.loop, self.relay.rtt / 2
        pair = Pair()
        pair.client = transport
        # The kernel has already answered the client's SYN: the round trip of the handshake is added here, in front of
        # the first bytes.
        self.up = Line(loop, half, loop.time() + self.relay.rtt)
        self.down = Line(loop, half)
        self.down.connect(lambda what: pair.write("client", what))
        self.relay.spawn(self.dial(pair))

    async def dial(self, pair):
        try:
            await self.relay.loop.create_connection(
                lambda: Server(pair, self.down, self.counts), *self.relay.to)
        except OSError:
            self.transport.abort()
            return
        self.up.connect(lambda what: pair.write("server", what))

    def data_received(self, data):
        if self.up:
            self.counts.bytes_up += len(data)
            self.up.send(data)

    def eof_received(self):
        self.left()
        if self.up:
            self.up.send(None)
            return True
        return False

    def connection_lost(self, error):
        self.left()
        if self.up:
            self.up.send(None)
            # Nobody is left to read: this direction has ended too.
            self.down.send(None)

    def left(self):
        self.counts.open.discard(self.transport)


class Relay:
    def __init__(self, loop, to, rtt, drop, seed):
        self.loop, self.to, self.rtt, self.drop = loop, to, rtt, drop
        self.random = random.Random(seed)
        self.tasks = set()  # The loop holds tasks weakly.

    def fate(self):
        """Every connection draws twice, so that which ones are dropped depends on their order alone."""
        dropped, how = self.random.random() < self.drop, self.random.random()
        return dropped and ("reset" if how < 0.5 else "end")

    def spawn(self, work):
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


async def serve(options):
    loop = asyncio.get_running_loop()
    # A peer that is gone is what a relay is for, not news.
    loop.set_exception_handler(lambda *_: None)
    relay = Relay(loop, options.to, options.rtt, options.drop, options.seed)
    counts = {}
    for host, port in options.listen:
        own = counts[host] = Counts()
        await loop.create_server(lambda own=own: Client(relay, own), host, port, backlog=1024)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps({host: own.as_json() for host, own in counts.items()}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=endpoint, action="append", required=True)
    parser.add_argument("--to", type=endpoint, required=True)
    parser.add_argument("--rtt", type=float, default=0.0, help="seconds")
    parser.add_argument("--drop", type=float, default=0.0, help="share of connections, 0 to 1")
    parser.add_argument("--seed", type=int, default=0)
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
