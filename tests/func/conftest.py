# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the tests of the real programs: where the build is, a home of one's own, a network of one's own."""
import fcntl
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", os.getcwd())).resolve()
_numbers = itertools.count(1)


def pytest_sessionstart(session):
    if not (BUILD / "muster").exists():
        raise pytest.UsageError(f"no muster in {BUILD}: build first, or set MUSTER_BUILD to the build directory")


def pytest_terminal_summary(terminalreporter):
    """Under CI a skip is a failure; said here so that nobody has to look for it."""
    if os.environ.get("CI") == "true" and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("CI: a skipped test is a failure")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("CI") == "true" and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr}"


def alive(pid, start):
    """This very process runs. A zombie has ended: it waits for its parent, and init takes its time."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and (start is None or int(fields[19]) == start)


class Muster:
    """The real `muster` with a home of its own. Call it with arguments; it gives a finished process with text output."""

    def __init__(self, home, prefix=()):
        self.home, self.prefix = pathlib.Path(home), list(prefix)
        self.config = self.home / "config" / "muster" / "muster.conf"
        self.store = self.home / "data" / "muster" / "muster.db"
        self.env = {"HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data"), "XDG_CONFIG_HOME": str(self.home / "config"),
                    "XDG_RUNTIME_DIR": str(self.home / "run"), "XDG_CACHE_HOME": str(self.home / "cache"),
                    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        for name in ("data", "config", "run", "cache"):
            (self.home / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def argv(self, *args):
        return [*self.prefix, str(BUILD / "muster"), "--private", *map(str, args)]

    def __call__(self, *args, timeout=120, stdin=None, check=None, cwd=None):
        done = subprocess.run(self.argv(*args), env=self.env, capture_output=True, text=True, timeout=timeout,
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, cwd=cwd)
        if check is not None:
            assert done.returncode == check, f"{args}: exit {done.returncode}, wanted {check}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *args, **kw):
        return subprocess.Popen(self.argv(*args), env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **kw)

    def json(self, *args, check=0, **kw):
        return json.loads(self(*args, "--json", check=check, **kw).stdout)

    def write_config(self, text):
        self.config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config.write_text(text)
        self.config.chmod(0o600)

    def lock(self):
        """What the holder wrote into the lock file beside the store; {} when nobody holds it."""
        path = self.store.with_name(self.store.name + ".lock")
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return {}

    def stop(self):
        """Ends the private daemon of this home, by the pid that it wrote down itself, and sees that it has gone."""
        holder = self.lock()
        pid, start = holder.get("pid"), holder.get("start")
        if not pid or not alive(pid, start):
            return
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 20
        while alive(pid, start) or self.locked():
            if time.monotonic() > end:
                gone = not alive(pid, start)
                if not gone:
                    os.kill(pid, signal.SIGKILL)
                raise AssertionError(f"20 s after SIGTERM musterd (pid {pid}) " + ("has left the store locked" if gone else "is still there"))
            time.sleep(0.01)

    def locked(self):
        """Somebody owns the store."""
        try:
            with open(f"{self.store}.lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            pass
        return False


@pytest.fixture
def build():
    return BUILD


@pytest.fixture
def home():
    """A short path, since a unix socket's path holds 107 bytes at most."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="mst-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def muster(home):
    program = Muster(home)
    yield program
    program.stop()


LISTENER = r"""
import socket, sys, select
want = [a.rsplit(":", 1) for a in sys.argv[1:]]
socks = []
for host, port in want:
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, int(port))); s.listen(64); socks.append(s)
print("ready", flush=True)
while True:
    for s in select.select(socks, [], [])[0]:
        c, _ = s.accept(); c.close()
"""


class Net:
    """A wire of one's own: a `scanner` namespace (192.0.2.1/24 on v0), a bridge, and a namespace for every host on it."""

    def __init__(self):
        self.tag = f"{os.getpid()}-{next(_numbers)}"
        self.scanner, self.wire = f"mst-s-{self.tag}", f"mst-w-{self.tag}"
        self.hosts, self.children, self._made = {}, {}, itertools.count(1)
        for name in (self.scanner, self.wire):
            self._namespace(name)
        self.run("ip", "-n", self.wire, "link", "add", "br0", "type", "bridge")
        self.run("ip", "-n", self.wire, "link", "set", "br0", "up")
        self._plug(self.scanner, "v0", "p0", "02:00:00:00:00:01")
        self.run("ip", "-n", self.scanner, "addr", "add", "192.0.2.1/24", "dev", "v0")
        self.prefix = ["ip", "netns", "exec", self.scanner]

    @staticmethod
    def run(*argv):
        subprocess.run(argv, check=True, capture_output=True, text=True)

    def _namespace(self, name):
        self.run("ip", "netns", "add", name)
        self.run("ip", "-n", name, "link", "set", "lo", "up")
        for kind in ("all", "default"):
            self.run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{kind}.disable_ipv6=1")

    def _plug(self, namespace, inner, outer, mac):
        self.run("ip", "-n", namespace, "link", "add", inner, "address", mac, "type", "veth", "peer", "name", outer, "netns", self.wire)
        self.run("ip", "-n", namespace, "link", "set", inner, "up")
        self.run("ip", "-n", self.wire, "link", "set", outer, "master", "br0", "up")

    def host(self, address, *ports, mac=None):
        """Adds a host with a card of its own (a global MAC made from the address) and these TCP ports open."""
        last = int(address.rsplit(".", 1)[1])
        number = next(self._made)
        name = f"mst-h{number}-{self.tag}"
        self._namespace(name)
        self._plug(name, "eth0", f"p{number}", mac or f"00:16:3e:00:02:{last:02x}")
        self.run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        self.hosts[address] = name
        if ports:
            self.listen(address, *ports)

    def listen(self, address, *ports):
        child = subprocess.Popen(["ip", "netns", "exec", self.hosts[address], "/usr/bin/python3", "-c", LISTENER,
                                  *[f"{address}:{p}" for p in ports]], stdout=subprocess.PIPE, text=True)
        self.children.setdefault(address, []).append(child)
        assert child.stdout.readline().strip() == "ready"

    def silence(self, address):
        """Closes the host's ports; it stays there."""
        for child in self.children.pop(address, []):
            child.kill()
            child.wait()

    def drop(self, address):
        """Takes the host off the wire."""
        self.silence(address)
        self.run("ip", "netns", "del", self.hosts.pop(address))

    def close(self):
        for address in list(self.hosts):
            self.silence(address)
            subprocess.run(["ip", "netns", "del", self.hosts[address]], capture_output=True)
        for name in (self.scanner, self.wire):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.fixture
def net():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made = Net()
    yield made
    made.close()


@pytest.fixture
def netmuster(home, net):
    """`muster` inside the scanner namespace of `net`."""
    program = Muster(home, prefix=net.prefix)
    yield program
    program.stop()


sys.path.insert(0, str(HERE))
