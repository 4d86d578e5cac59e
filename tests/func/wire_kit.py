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
