# SPDX-License-Identifier: Apache-2.0
"""Secrets: from the keyboard to the one plugin that needs them, and to be seen nowhere on the way."""
import base64
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import termios
import time
import urllib.parse

import pytest

from conftest import BUILD, Muster
from muster_api import HOSTILE, PLUGINS, Daemon

SECRET = "hunter2-Zx9/not+to=be seen-9Vt3rLq8Wn2kXe7Bd5hJs4Pf6Gc1Ym0Au-uZoTiRvHxNpKw-\u00e4\u00f6"
TOKEN = "another-7Qm-token-that-was-not-asked-for"
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: reads processes that cannot be dumped")
sanitized = b"__asan_init" in (BUILD / "musterd").read_bytes()


def fnv1a(data):
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return f"{value:016x}"


def shapes(secret):
    """The value as it would look in a log, a URL, a dump of another encoding."""
    raw = secret.encode()
    encoded = base64.b64encode(raw)
    found = {raw, raw.hex().encode(), urllib.parse.quote(secret).encode(), secret.encode("utf-16-le"), json.dumps(secret).encode()[1:-1]}
    return found | {encoded, encoded[:40], encoded[8:48], raw[:24], raw[-24:]}


def absent(data, secret=SECRET, where=""):
    data = data.encode() if isinstance(data, str) else data
    for shape in shapes(secret):
        assert shape not in data, where


def config(**options):
    rows = "".join(f' {name} = "{value}"\n' for name, value in options.items())
    return f'profile "vault-test" {{\n keyed {{\n{rows} }}\n}}\n'


GOOD = {"password": "secret:aws-prod", "digest": fnv1a(SECRET.encode())}


@pytest.fixture
def keyed(home):
    """`muster` with the plugin that needs a password."""
    program = Muster(home)
    folder = home / "plugins"
    folder.mkdir(mode=0o755)
    for source in (HOSTILE / "keyed.so", PLUGINS / "store-sqlite.so"):
        (folder / source.name).write_bytes(source.read_bytes())
    program.plugin_dir = folder
    old = program.argv
    program.argv = lambda *args: [*old("--plugin-dir", folder), *map(str, args)]
    program.write_config(config(**GOOD))
    yield program
    program.stop()


def processes_of(program):
    """This home's daemon and all that it started: [(name, pid)]."""
    daemon = program.lock().get("pid")
    parents = {}
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int(re.search(r"^PPid:\s+(\d+)", (place / "status").read_text(), re.M).group(1))
        except (OSError, AttributeError):
            continue
    found = {daemon}
    for _ in range(4):
        found |= {pid for pid, parent in parents.items() if parent in found}
    return [(pathlib.Path(f"/proc/{pid}/comm").read_text().strip(), pid) for pid in found if pid and pathlib.Path(f"/proc/{pid}").exists()]


def readable_memory(pid):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, rest = line.split(None, 2)
            first, last = (int(x, 16) for x in span.split("-"))
            if rights[0] == "r" and "/usr/" not in rest and "[v" not in rest:
                memory.seek(first)
                try:
                    yield memory.read(last - first)
                except OSError:
                    continue


def store(program, name="aws-prod", value=SECRET):
    return program("secrets", "set", name, stdin=value + "\n", check=0)


def test_stored_used_and_nowhere_to_be_seen(keyed):
    done = store(keyed)
    absent(done.stdout + done.stderr)
    done = keyed("profiles", "test", "vault-test", check=0)
    assert "accepted" in done.stdout
    done = keyed("scan", "vault-test", check=0)
    assert keyed.json("interfaces")[0]["ip"] == "192.0.2.77"
    for words in (["secrets"], ["secrets", "--json"], ["profiles", "show", "vault-test"], ["profiles", "show", "vault-test", "--conf"], ["runs", "show", "1"],
                  ["runs", "show", "1", "--json"], ["interfaces", "--json"], ["interfaces", "show", "192.0.2.77"], ["status", "--json"],
                  ["config", "check"], ["plugins", "show", "keyed"]):
        done = keyed(*words, check=0)
        absent(done.stdout + done.stderr, where=words)
    keyed.stop()
    log = (keyed.store.parent / "musterd.log").read_text()
    assert "without a token" in log
    for path in keyed.home.rglob("*"):
        if path.is_file():
            absent(path.read_bytes(), where=path)


def test_files_are_the_owners_alone(keyed):
    store(keyed)
    vault, key = keyed.store.with_suffix(".secrets"), keyed.store.with_suffix(".key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o400 and key.stat().st_size == 32
    assert stat.S_IMODE(vault.stat().st_mode) == 0o600
    first = key.read_bytes()
    store(keyed, "other", "x")
    assert key.read_bytes() == first
    vault.chmod(0o644)
    done = keyed("scan", "vault-test")
    assert done.returncode == 5 and f"chmod go= '{vault}'" in done.stderr and done.stderr.count("\n") <= 2, done.stderr
    vault.chmod(0o600)
    data = bytearray(vault.read_bytes())
    data[-40] ^= 1
    vault.write_bytes(data)
    for words in (["scan", "vault-test"], ["secrets"], ["secrets", "remove", "other"]):
        done = keyed(*words)
        assert done.returncode == 1 and "damaged" in done.stderr and "muster secrets set" in done.stderr, done.stderr
    assert vault.read_bytes() == bytes(data)
    keyed("interfaces", check=0)  # what needs no secret goes on


def test_a_secret_that_is_not_stored(keyed):
    done = keyed("scan", "vault-test")
    assert done.returncode == 2 and "muster secrets set aws-prod" in done.stderr, done.stderr
    listed = keyed("secrets", check=0)
    assert "not stored" in listed.stdout and "vault-test" in listed.stdout and "muster secrets set aws-prod" in listed.stderr
    store(keyed, value="not the password")
    done = keyed("scan", "vault-test")
    assert done.returncode == 1 and "refuses the password" in done.stdout + done.stderr
    store(keyed)
    keyed("scan", "vault-test", check=0)
    assert keyed.json("secrets")[0]["profiles"] == ["vault-test"]
    gone = keyed("secrets", "remove", "aws-prod", check=0)
    assert "vault-test" in gone.stderr
    assert keyed("secrets", "remove", "aws-prod").returncode == 4
    assert keyed("runs", "retry", "1").returncode != 0


def test_on_the_command_line_only_by_name(keyed):
    store(keyed)
    keyed("scan", "keyed", "--password", "secret:aws-prod", "--digest", GOOD["digest"], check=0)
    done = keyed("scan", "keyed", "--password", SECRET, "--digest", GOOD["digest"])
    assert done.returncode == 2 and "muster secrets set NAME" in done.stderr
    absent(done.stdout + done.stderr)
    for words in (["secrets", "set", "x", SECRET], ["secrets", "set", "x", SECRET, SECRET], ["secrets", "set", SECRET]):
        done = keyed(*words, stdin="")
        assert done.returncode == 2
        absent(done.stdout + done.stderr)
    assert "command line" in keyed("secrets", "set", "x", SECRET, stdin="").stderr


@pytest.mark.parametrize("value, status", [("", 2), ("\n", 2), ("x" * 32768, 0), ("x" * 32769, 1), ("a\nb\n", 0), ("\x00\x01", 0)])
def test_values(keyed, value, status):
    done = keyed("secrets", "set", "aws-prod", stdin=value)
    assert done.returncode == status, done.stderr
    assert len(done.stderr) < 500 and done.stderr.count("\n") <= 2
    if status == 0:
        keyed.write_config(config(password="secret:aws-prod", digest=fnv1a(value.removesuffix("\n").encode())))
        keyed.stop()
        keyed("scan", "vault-test", check=0)


# --- processes -----------------------------------------------------------------------------------------------------------

@root_only
def test_processes_know_no_more_than_they_must(keyed):
    """While a worker that was given the secret runs: nobody's words, environment or readable memory has it, and nobody can dump core."""
    keyed.write_config(config(**GOOD, hold="yes"))
    store(keyed)
    store(keyed, "unasked", TOKEN)
    scan = keyed.start("scan", "vault-test")
    end = time.monotonic() + 20
    while "without a token" not in ((keyed.store.parent / "musterd.log").read_text() if keyed.lock() else "") and time.monotonic() < end:
        time.sleep(0.05)
    found = processes_of(keyed)
    assert {name for name, _ in found} == {"musterd", "muster-worker"}, found
    for name, pid in [*found, ("muster", scan.pid)]:
        for part in ("cmdline", "environ"):
            for secret in (SECRET, TOKEN):
                absent(pathlib.Path(f"/proc/{pid}/{part}").read_bytes(), secret, (name, part))
        if name == "muster":
            continue
        assert re.search(r"^Max core file size +0 +0 ", pathlib.Path(f"/proc/{pid}/limits").read_text(), re.M), name
        assert pathlib.Path(f"/proc/{pid}/environ").stat().st_uid == 0  # not dumpable: its files are root's
        if not sanitized:
            chunks = list(readable_memory(pid))
            assert sum(map(len, chunks)) > 100000
            for secret in (SECRET, TOKEN):
                absent(b"\0".join(chunks), secret, (name, "memory"))
    keyed("runs", "cancel", "1")
    scan.communicate(timeout=20)


@root_only
def test_a_private_services_processes_cannot_be_dumped_by_their_user(keyed):
    """Of an ordinary user's own daemon, that user can read no memory: it is not dumpable."""
    home = keyed.home
    for path in [home, *home.rglob("*")]:
        os.chown(path, 65534, 65534)
    program = Muster(home, prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    program.argv = lambda *args: [*program.prefix, str(BUILD / "muster"), "--private", "--plugin-dir", str(keyed.plugin_dir), *map(str, args)]
    program("secrets", "set", "aws-prod", stdin=SECRET, check=0)
    watch = program.start("interfaces", "--json")
    watch.communicate(timeout=20)
    pid = program.lock()["pid"]
    done = subprocess.run([*program.prefix, "cat", f"/proc/{pid}/environ"], capture_output=True, text=True)
    assert done.returncode != 0 and "denied" in done.stderr
    assert stat.S_IMODE(program.store.with_suffix(".key").stat().st_mode) == 0o400
    assert program.store.with_suffix(".key").stat().st_uid == 65534
    program.stop()


# --- the API -------------------------------------------------------------------------------------------------------------

def test_the_api(home):
    with Daemon(home, plugins=("store-sqlite", "keyed"), config=config(**GOOD)) as daemon:
        api = daemon.api
        answer = api.call("PUT", "/v1/secrets/aws-prod", SECRET.encode())
        assert answer.status == 200 and answer.json == {"name": "aws-prod", "profiles": ["vault-test"]}
        (item,) = api.get("/v1/secrets")["items"]
        assert set(item) == {"name", "stored", "set", "by", "profiles"}
        assert api.call("GET", "/v1/secrets/aws-prod").status == 405
        for name in ("Bad", "a/b", "a%2fb", "..", "x" * 40):
            answer = api.call("PUT", f"/v1/secrets/{name}", SECRET.encode())
            assert answer.status in (400, 404), name
            absent(answer.data)
        for size in (32769, 200000, 3000000):
            answer = api.call("PUT", "/v1/secrets/big", (SECRET * (size // len(SECRET) + 1)).encode()[:size])
            assert answer.status == 413
            absent(answer.data)
        assert api.call("PUT", "/v1/secrets/empty", b"").status == 400
        assert api.call("DELETE", "/v1/secrets/big").status == 404
        run = api.scan("keyed", **GOOD)
        assert api.wait(run["run"])["outcome"] == "complete"
        assert api.call("DELETE", "/v1/secrets/aws-prod").json["profiles"] == ["vault-test"]
        answer = api.call("POST", "/v1/runs", {"method": "keyed", "options": GOOD})
        assert answer.status == 400 and "muster secrets set aws-prod" in answer.json["text"]
        if os.geteuid() == 0 and not sanitized:
            absent(b"\0".join(readable_memory(daemon.pid())), where="memory of musterd")
    absent(daemon.log())
    for path in home.rglob("*"):
        if path.is_file():
            absent(path.read_bytes(), where=path)


@root_only
@pytest.mark.skipif(sanitized, reason="a sanitizer keeps freed memory, and terabytes of its own")
@pytest.mark.parametrize("path", ["/v1/secrets/aws-prod", "/v1/secrets/Bad%20Name"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_the_server_keeps_nothing_of_a_body(home, path, pieces):
    """Looked for while the connection that brought it is still open, and its buffers with it."""
    with Daemon(home, plugins=("store-sqlite",)) as daemon, socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(daemon.socket))
        body = SECRET.encode()
        wire.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + (body if pieces == 1 else b""))
        for i in range(0, len(body) if pieces > 1 else 0, 30):
            time.sleep(0.1)
            wire.sendall(body[i:i + 30])
        assert wire.recv(4096).startswith(b"HTTP/1.1 200" if path.endswith("prod") else b"HTTP/1.1 400")
        memory = b"\0".join(readable_memory(daemon.pid()))
        assert len(memory) > 1000000 and str(daemon.socket).encode() in memory
        for i in range(0, len(body) - 16, 8):
            assert body[i:i + 16] not in memory


@root_only
def test_only_the_owner_sets_and_removes(home):
    """A system service lets others in by its socket; its secrets are not theirs."""
    home.chmod(0o755)
    with Daemon(home, plugins=("store-sqlite", "keyed"), private=False) as daemon:
        daemon.socket.chmod(0o666)
        ask = ("import sys; sys.path.insert(0, %r); from muster_api import Api; a = Api(%r)\n"
               "for m, p, b in (('PUT', '/v1/secrets/x', %r), ('DELETE', '/v1/secrets/x', None), ('GET', '/v1/secrets', None)):\n"
               "    r = a.call(m, p, b); print(r.status, r.data.decode())")
        script = ask % (str(pathlib.Path(__file__).parent), str(daemon.socket), SECRET.encode())
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script],
                              capture_output=True, text=True, env={"MUSTER_BUILD": str(BUILD), "PYTHONDONTWRITEBYTECODE": "1"})
        first, second, third = done.stdout.splitlines()
        assert first.startswith("403 ") and second.startswith("403 ") and "root" in first, done.stdout + done.stderr
        assert third.startswith("200 ") and '"items":[]' in third.replace(" ", "")
        absent(done.stdout)
        if not sanitized:
            absent(b"\0".join(readable_memory(daemon.pid())), where="memory of musterd")


def test_a_systemd_credential_is_the_key(home):
    credentials = home / "credentials"
    credentials.mkdir(mode=0o700)
    (credentials / "muster.key").write_text("0123456789abcdef" * 4 + "\n")
    (credentials / "muster.key").chmod(0o400)
    daemon = Daemon(home, plugins=("store-sqlite", "keyed"), prefix=["env", f"CREDENTIALS_DIRECTORY={credentials}"])
    with daemon:
        assert daemon.api.call("PUT", "/v1/secrets/aws-prod", SECRET.encode()).status == 200
        run = daemon.api.scan("keyed", **GOOD)
        assert daemon.api.wait(run["run"])["outcome"] == "complete"
        assert not daemon.store.with_suffix(".key").exists()
    with Daemon(home, plugins=("store-sqlite", "keyed")) as daemon:
        answer = daemon.api.call("PUT", "/v1/secrets/aws-prod", SECRET.encode())
        assert answer.status == 500 and "muster.key" in answer.json["text"]


# --- the terminal --------------------------------------------------------------------------------------------------------

class Terminal:
    """`muster` on a terminal of its own."""

    def __init__(self, program, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(program.argv()[0], program.argv(*args), program.env)
        self.text = ""

    def until(self, pattern, seconds=15):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text) and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 4096).decode(errors="replace")
                except OSError:
                    break
        assert re.search(pattern, self.text), self.text

    def echo(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    more = os.read(self.fd, 4096)
                except OSError:
                    break
                if not more:
                    break
                self.text += more.decode(errors="replace")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def typed(terminal, first, second):
    terminal.until(r"Value of the secret aws-prod: ")
    assert not terminal.echo()
    terminal.type(first + "\r")
    terminal.until(r"The same again for aws-prod: ")
    terminal.type(second + "\r")


def test_typed_twice_without_echo(keyed):
    terminal = Terminal(keyed, "secrets", "set", "aws-prod")
    typed(terminal, "wrong\x15" + SECRET + "ab\u00e9\x7f\x7f\x7f", SECRET)
    assert terminal.end() == 0, terminal.text
    absent(terminal.text)
    assert "wrong" not in terminal.text
    keyed("scan", "vault-test", check=0)


def test_typed_differently(keyed):
    terminal = Terminal(keyed, "secrets", "set", "aws-prod")
    typed(terminal, SECRET, SECRET + "x")
    assert terminal.end() == 2 and "differ" in terminal.text
    absent(terminal.text)
    assert not keyed.store.with_suffix(".key").exists()


@pytest.mark.parametrize("how", ["\x03", "\x04", "term", "hup"])
def test_interrupted_while_typing(keyed, how):
    """The terminal is as it was when the program is gone, and nothing is stored."""
    terminal = Terminal(keyed, "secrets", "set", "aws-prod")
    terminal.until(r"Value of the secret aws-prod: ")
    assert not terminal.echo()
    held = os.open(f"/proc/{terminal.pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
    if how in ("term", "hup"):
        terminal.type("half")
        os.kill(terminal.pid, signal.SIGTERM if how == "term" else signal.SIGHUP)
    else:
        terminal.type(how)
    for _ in range(100):
        if termios.tcgetattr(held)[3] & termios.ECHO:
            break
        time.sleep(0.05)
    assert termios.tcgetattr(held)[3] & termios.ECHO
    os.close(held)
    assert terminal.end() == {"term": -signal.SIGTERM, "hup": -signal.SIGHUP}.get(how, 130), terminal.text
    absent(terminal.text)
    assert not keyed.store.with_suffix(".key").exists()
