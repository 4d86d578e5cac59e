# SPDX-License-Identifier: Apache-2.0
"""A musterd of one's own, and its API: HTTP over the unix socket, with nothing but the standard library."""
import http.client
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", os.getcwd())).resolve()
PLUGINS = BUILD / "plugins" / ".libs"
HOSTILE = BUILD / "tests" / "plugins" / ".libs"


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Answer:
    def __init__(self, status, data, headers):
        self.status, self.data, self.headers = status, data, headers

    @property
    def json(self):
        return json.loads(self.data)


class Api:
    def __init__(self, path):
        self.path = path

    def call(self, method, path, body=None, headers=None, timeout=30):
        connection = Connection(self.path, timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
            connection.request(method, path, body=body, headers={"Connection": "close", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()

    def get(self, path, expect=200, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        answer = self.call("GET", path)
        assert answer.status == expect, (path, answer.status, answer.data)
        return answer.json

    def post(self, path, body=None, expect=200):
        answer = self.call("POST", path, body if body is not None else {})
        assert answer.status == expect, (path, answer.status, answer.data)
        return answer.json

    def lines(self, path):
        answer = self.call("GET", path, headers={"Accept": "application/x-ndjson"})
        assert answer.status == 200, answer.data
        return [json.loads(line) for line in answer.data.splitlines()]

    def scan(self, method="nmap", expect=202, **options):
        return self.post("/v1/runs", {"method": method, "options": {k: str(v) for k, v in options.items()}}, expect)

    def run(self, key):
        return self.get(f"/v1/runs/{key}")

    def wait(self, key, seconds=60, until=lambda run: run["state"] == "done"):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            run = self.run(key)
            if until(run):
                return run
            time.sleep(0.05)
        raise AssertionError(f"run {key} after {seconds} s: {run}")


class Daemon:
    """musterd on a store in `home`; use it as a context. `plugins` are names of built plugins, or of hostile ones."""

    def __init__(self, home, *args, plugins=("nmap", "store-sqlite", "example"), config=None, private=True, prefix=(), store=None):
        self.home, self.args, self.private, self.prefix = pathlib.Path(home), list(args), private, list(prefix)
        self.store = pathlib.Path(store) if store else self.home / "muster.db"
        self.socket = self.home / "s"
        self.plugin_dir = self.home / "plugins"
        self.plugin_dir.mkdir(mode=0o755, exist_ok=True)
        for name in plugins:
            if (self.plugin_dir / f"{name}.so").exists():
                continue  # it may be mapped by a daemon that runs
            source = PLUGINS / f"{name}.so"
            shutil.copy(source if source.exists() else HOSTILE / f"{name}.so", self.plugin_dir / f"{name}.so")
        self.config = self.home / "muster.conf"
        self.config.write_text(config or "")
        self.config.chmod(0o600)
        self.process, self.ready = None, None

    @property
    def spool(self):
        return self.store.with_suffix(".spool")

    @property
    def api(self):
        return Api(self.socket)

    def log(self):
        try:
            return (self.store.parent / "musterd.log").read_text() + (self.home / "stderr").read_text()
        except OSError:
            return ""

    def start(self, expect_ready=True):
        read, write = os.pipe()
        argv = [*self.prefix, str(BUILD / "musterd"), "--foreground", "--store", str(self.store), "--socket", str(self.socket), "--config",
                str(self.config), "--plugin-dir", str(self.plugin_dir), "--ready-fd", str(write), *self.args]
        if self.private:
            argv.append("--private")
        env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
        env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        with open(self.home / "stderr", "ab") as errors:
            self.process = subprocess.Popen(argv, env=env, pass_fds=(write,), stdin=subprocess.DEVNULL, stderr=errors)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            assert select.select([pipe], [], [], 30)[0], "no ready line within 30 s"
            line = pipe.readline()
        self.ready = json.loads(line) if line else {}
        if expect_ready:
            assert self.ready.get("ready") is True, (self.ready, self.log())
        return self

    def pid(self):
        return self.process.pid

    def workers(self, verb="run"):
        """Pids of this daemon's workers of one kind."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if not entry.name.isdigit():
                    continue
                status = (entry / "status").read_text()
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"\nPPid:\t{self.process.pid}\n" in status and words[:2] == [b"muster-worker", verb.encode()]:
                found.append(int(entry.name))
        return found

    def wait_workers(self, verb="run", seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.workers(verb)
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError(f"no worker {verb}: {self.log()}")

    def stop(self, seconds=20):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if self.process and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        if exc[0]:
            print(self.log())
