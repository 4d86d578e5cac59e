# SPDX-License-Identifier: Apache-2.0
"""What the tests on a wire of their own share: many hosts behind one, and a count of what the scanner sends."""
import pathlib
import subprocess
import threading
import time


def behind(net, router, block):
    """Every address of `block` answers: the host `router` of `net` takes them all for its own, as many hosts on other links would."""
    net.run("ip", "-n", net.scanner, "route", "add", block, "via", router)
    net.run("ip", "-n", net.hosts[router], "route", "add", "local", block, "dev", "lo")
    for key in ("icmp_ratelimit=0", "icmp_msgs_per_sec=100000"):
        subprocess.run(["ip", "netns", "exec", net.hosts[router], "sysctl", "-qw", f"net.ipv4.{key}"], capture_output=True)


class Counter(threading.Thread):
    """Reads how many frames a card has sent, 20 times a second, until it is told to stop."""

    def __init__(self, net, card="v0"):
        super().__init__(daemon=True)
        self.argv = ["ip", "netns", "exec", net.scanner, "/bin/sh", "-c",
                     f"while read -r x; do cat /sys/class/net/{card}/statistics/tx_packets; done"]
        self.samples, self.ended = [], threading.Event()
        self.child = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def look(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        self.samples.append((time.monotonic(), int(self.child.stdout.readline())))

    def run(self):
        while not self.ended.wait(0.05):
            self.look()

    def __enter__(self):
        self.look()
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        self.child.stdin.close()
        self.child.wait()

    @property
    def sent(self):
        return self.samples[-1][1] - self.samples[0][1]

    def busy(self):
        """Seconds from the first frame to the last."""
        first = next(t for t, n in self.samples if n > self.samples[0][1])
        last = next(t for t, n in self.samples if n == self.samples[-1][1])
        return last - first

    def highest(self, seconds):
        """The most frames a second over any stretch of so many seconds."""
        best, at = 0, 0
        for end, count in self.samples:
            while end - self.samples[at][0] > seconds:
                at += 1
            if end > self.samples[at][0] and end - self.samples[0][0] >= seconds:
                best = max(best, (count - self.samples[at][1]) / max(end - self.samples[at][0], seconds * 0.9))
        return best


def comm_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


RECORDER = r"""
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    frame, where = s.recvfrom(2048)
    if where[2] != 4:
        continue
    kind, = struct.unpack("!H", frame[12:14])
    body = frame[14:]
    if kind == 0x0806:
        print("arp", socket.inet_ntoa(body[14:18]), socket.inet_ntoa(body[24:28]), 0, 0, 0, flush=True)
    elif kind == 0x0800:
        source, target = socket.inet_ntoa(body[12:16]), socket.inet_ntoa(body[16:20])
        rest = body[4 * (body[0] & 15):]
        if body[9] in (6, 17):
            ports = struct.unpack("!HH", rest[:4])
            print("tcp" if body[9] == 6 else "udp", source, target, *ports, rest[13] if body[9] == 6 else 0, flush=True)
        elif body[9] == 1:
            print("icmp", source, target, rest[0], 0, 0, flush=True)
"""


class Recorder:
    """Every frame that the scanner sends, as (kind, source, target, source port or ICMP type, target port, TCP flags)."""

    def __init__(self, net, card="v0"):
        self.child = subprocess.Popen(["ip", "netns", "exec", net.scanner, "/usr/bin/python3", "-u", "-c", RECORDER, card],
                                      stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == "ready\n"
        self.frames = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        time.sleep(0.1)
        self.child.terminate()
        for line in self.child.communicate()[0].splitlines():
            kind, source, target, *numbers = line.split()
            self.frames.append((kind, source, target, *map(int, numbers)))

    def kinds(self, target):
        """What was sent to that address: "arp", "icmp", "tcp/80", "udp/53", each once."""
        return {f"{k}/{p}" if k in ("tcp", "udp") else k for k, _, t, _, p, _ in self.frames if t == target}


NAMES = r"""
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    query, asker = s.recvfrom(2048)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode()); at += 1 + query[at]
    kind, = struct.unpack("!H", query[at + 1:at + 3])
    print(kind, ".".join(labels), flush=True)
    data = b""
    if kind == 12:
        data = b"".join(bytes([len(w)]) + w.encode() for w in (f"host-{labels[0]}", sys.argv[2], "example")) + b"\0"
    elif kind == 1 and labels[0] == "router":
        data = socket.inet_aton("192.0.2.7")
    answer = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data if data else b""
    s.sendto(query[:2] + b"\x85\x80\0\1" + struct.pack("!H", bool(data)) + b"\0\0\0\0" + query[12:at + 5] + answer, asker)
"""


class NameServer:
    """A name server on a host of `net` that writes down what it is asked: (type, name). It says host-N.WORD.example for every address."""

    def __init__(self, net, address, word):
        self.child = subprocess.Popen(["ip", "netns", "exec", net.hosts[address], "/usr/bin/python3", "-u", "-c", NAMES, address, word],
                                      stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == "ready\n"
        net.children.setdefault(address, []).append(self.child)

    def stop(self):
        self.child.terminate()
        return [tuple(line.split(" ", 1)) for line in self.child.communicate()[0].splitlines()]
