# SPDX-License-Identifier: Apache-2.0
"""A network to scan, made of namespaces of its own: a scanner, a wire with a delay, a router, three kinds of hosts.

    scanner --tap-- delay_wire --tap-- router --veth-- kind 1, kind 2, kind 3

Every /24 of 10.77.0.0/16 has 192 answering addresses, 64 of each kind, and 64 that are silent. All hosts of a kind are one
kernel; the kinds differ in what a fingerprint looks at (time to live, timestamps, selective acknowledgement, windows).
"""
import itertools
import os
import subprocess

PORTS = {1: (22, 80, 443, 3306), 2: (135, 139, 445, 3389), 3: (22, 631, 8080, 9100)}
KINDS = {1: {}, 2: {"ip_default_ttl": 128, "tcp_timestamps": 0, "tcp_rmem": "4096 8192 4194304"},
         3: {"ip_default_ttl": 255, "tcp_sack": 0, "tcp_window_scaling": 0}}
HOSTS = r"""
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in sys.argv[1:]:
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", int(port))); s.listen(4096); s.setblocking(False); chosen.register(s, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in chosen.select():
        try:
            while True:
                key.fileobj.accept()[0].close()
        except OSError:
            pass
"""
_numbers = itertools.count(1)


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class ScanNet:
    def __init__(self, wire, milliseconds=10, nets=16, narrow=()):
        self.tag = f"{os.getpid()}-{next(_numbers)}"
        self.children, self.names = [], []
        self.scanner, self.router = self.namespace("s"), self.namespace("r")
        self.lost = ""
        self.prefix = ["ip", "netns", "exec", self.scanner]
        self.delay = subprocess.Popen([wire, f"/var/run/netns/{self.scanner}", f"/var/run/netns/{self.router}", str(milliseconds),
                                       *map(str, narrow)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.delay.stdout.readline().strip() != "ready":
            raise RuntimeError("delay_wire did not start")
        if os.sched_getscheduler(0) == os.SCHED_RR:
            os.sched_setscheduler(self.delay.pid, os.SCHED_RR, os.sched_param(2))  # no network waits for those who use it
        for name, address in ((self.scanner, "10.76.0.1/24"), (self.router, "10.76.0.254/24")):
            run("ip", "-n", name, "link", "set", "wire0", "txqueuelen", "20000", "up")
            run("ip", "-n", name, "addr", "add", address, "dev", "wire0")
        run("ip", "-n", self.scanner, "route", "add", "10.77.0.0/16", "via", "10.76.0.254")
        run("ip", "-n", self.router, "route", "add", "blackhole", "10.77.0.0/16")
        self.sysctl(self.router, {"ip_forward": 1})
        for kind in KINDS:
            self.kind(kind, nets)

    def namespace(self, short):
        name = f"mb-{short}-{self.tag}"
        run("ip", "netns", "add", name)
        self.names.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        # A limit of one kernel would be that of 192 hosts together.
        self.sysctl(name, {"icmp_ratelimit": 0, "icmp_msgs_per_sec": 1000000, "icmp_msgs_burst": 1000000}, missing_ok=True)
        return name

    @staticmethod
    def sysctl(name, values, missing_ok=False):
        for key, value in values.items():
            done = subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv4.{key}={value}"], capture_output=True, text=True)
            if done.returncode != 0 and not missing_ok:
                raise RuntimeError(done.stderr.strip())

    def kind(self, kind, nets):
        name, card, link = self.namespace(f"h{kind}"), f"k{kind}", f"10.76.{kind}"
        run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", card, "netns", self.router)
        for where, device, address in ((name, "eth0", f"{link}.2/24"), (self.router, card, f"{link}.1/24")):
            run("ip", "-n", where, "link", "set", device, "txqueuelen", "20000", "up")
            run("ip", "-n", where, "addr", "add", address, "dev", device)
            checksums_in_software(where, device)
        run("ip", "-n", name, "route", "add", "default", "via", f"{link}.1")
        for third in range(nets):
            block = f"10.77.{third}.{64 * (kind - 1)}/26"
            run("ip", "-n", name, "route", "add", "local", block, "dev", "lo")
            run("ip", "-n", self.router, "route", "add", block, "via", f"{link}.2")
        self.sysctl(name, {"tcp_max_syn_backlog": 65536, "tcp_syncookies": 0, "tcp_synack_retries": 1, **KINDS[kind]})
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.core.somaxconn=65536")
        child = subprocess.Popen(["ip", "netns", "exec", name, "/usr/bin/python3", "-c", HOSTS, *map(str, PORTS[kind])],
                                 stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        if child.stdout.readline().strip() != "ready":
            raise RuntimeError("the listeners did not start")

    def packets(self):
        """(sent, received) by the scanner so far, frames on the wire."""
        base = run("ip", "netns", "exec", self.scanner, "cat", "/sys/class/net/wire0/statistics/tx_packets",
                   "/sys/class/net/wire0/statistics/rx_packets").split()
        return int(base[0]), int(base[1])

    def close(self):
        """Says what the wire carried and lost."""
        if self.delay.poll() is None:
            self.lost = self.delay.communicate("", timeout=10)[0].strip()
        for child in self.children:
            child.kill()
            child.wait()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        return self.lost


SIOCETHTOOL, ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGRO = 0x8946, 0x17, 0x1F, 0x2C


def checksums_in_software(name, device):
    """Frames of the hosts leave whole, as from real cards: no merging, no checksum left to a card that is not there."""
    code = ("import array, fcntl, socket, struct\n"
            f"for command in ({ETHTOOL_STXCSUM}, {ETHTOOL_STSO}, {ETHTOOL_SGRO}):\n"
            "    value = array.array('B', struct.pack('II', command, 0))\n"
            f"    request = struct.pack('16sP', b'{device}', value.buffer_info()[0])\n"
            f"    fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), {SIOCETHTOOL}, request)\n")
    run("ip", "netns", "exec", name, "/usr/bin/python3", "-c", code)
