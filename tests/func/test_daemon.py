# SPDX-License-Identifier: Apache-2.0
"""musterd as a process: its lock, its socket, its end; and the manners of its HTTP."""
import json
import os
import signal
import stat
import subprocess
import threading
import time

import pytest
from muster_api import BUILD, Api, Connection, Daemon

QUICK = {"include": "127.0.0.1", "ports": "22", "os_detection": "off", "dns": "off"}


@pytest.fixture
def daemon(home):
    with Daemon(home) as made:
        yield made


def musterd(*args):
    return subprocess.run([str(BUILD / "musterd"), *args], capture_output=True, text=True, timeout=30)


def test_usage():
    assert musterd("--help").returncode == 0 and "--ready-fd" in musterd("--help").stdout
    assert musterd("--version").stdout.startswith("musterd ")
    for args in (["--nonsense"], ["--store"], ["--ready-fd", "x"], ["word"]):
        done = musterd(*args)
        assert done.returncode == 2 and done.stderr.startswith("musterd: ") and done.stderr.count("\n") == 1, args


def test_files_are_the_owners_alone(daemon):
    lock = json.loads(daemon.store.with_name("muster.db.lock").read_text())
    assert lock["pid"] == daemon.pid() and lock["socket"] == str(daemon.socket) and lock["private"] is True
    assert lock["start"] == int(open(f"/proc/{daemon.pid()}/stat").read().rsplit(")", 1)[1].split()[19])
    assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o600
    for path in (daemon.store, daemon.store.with_name("muster.db.lock"), daemon.spool):
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path
    limits = open(f"/proc/{daemon.pid()}/limits").read()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["0", "0"]]
    status = open(f"/proc/{daemon.pid()}/status").read()
    assert "CapAmb:\t0000000000000000" in status and "Umask:\t0077" in status


def test_a_second_one_is_refused_with_the_holder(daemon, home):
    other = Daemon(home)
    other.socket = home / "s2"
    other.start(expect_ready=False)
    assert other.process.wait(10) == 5
    assert other.ready["ready"] is False and other.ready["error"] == "refused"
    assert other.ready["holder"] == {"pid": daemon.pid(), "socket": str(daemon.socket)}
    assert str(daemon.pid()) in other.ready["text"] and str(daemon.socket) in other.ready["text"]
    assert not other.socket.exists()
    assert daemon.api.get("/v1/status")["pid"] == daemon.pid()


def test_a_dead_holders_lock_is_taken(home):
    first = Daemon(home).start()
    first.kill()
    assert first.socket.exists()
    with Daemon(home) as second:
        assert second.api.get("/v1/status")["pid"] == second.pid()


def test_private_one_ends_after_its_last_client(home):
    daemon = Daemon(home).start()
    connection = Connection(daemon.socket)
    connection.request("GET", "/v1/status")
    assert connection.getresponse().read()
    time.sleep(3)
    assert daemon.process.poll() is None, "a client is there"
    connection.close()
    since = time.monotonic()
    assert daemon.process.wait(10) == 0
    assert time.monotonic() - since > 1
    assert not daemon.socket.exists()


def test_private_one_stays_while_a_run_does(home):
    daemon = Daemon(home).start()
    number = daemon.api.scan(include="127.0.0.1-40", ports="1-200", os_detection="off", dns="off", max_rate=1500)["number"]
    assert daemon.process.wait(90) == 0
    with Daemon(home) as again:
        assert again.api.run(number)["outcome"] == "complete"


def test_public_one_stays_and_ends_on_sigterm(home):
    daemon = Daemon(home, private=False).start()
    assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o660
    daemon.api.get("/v1/status")
    time.sleep(2.5)
    assert daemon.process.poll() is None
    assert daemon.stop() == 0
    assert not daemon.socket.exists() and daemon.store.with_name("muster.db.lock").read_text() == ""


def test_background(home):
    """Without --foreground it returns when it is ready, and says so when it is not."""
    daemon = Daemon(home, private=False)
    argv = [str(BUILD / "musterd"), "--store", str(daemon.store), "--socket", str(daemon.socket), "--config", str(daemon.config),
            "--plugin-dir", str(daemon.plugin_dir)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
    assert done.returncode == 0
    pid = daemon.api.get("/v1/status")["pid"]
    assert subprocess.run(argv, stderr=subprocess.DEVNULL, timeout=30).returncode == 5
    os.kill(pid, signal.SIGTERM)
    for _ in range(200):
        if not daemon.socket.exists():
            break
        time.sleep(0.05)
    assert not daemon.socket.exists()


def test_bad_configuration_is_refused(home):
    daemon = Daemon(home, config='max_rate = "many"\n').start(expect_ready=False)
    assert daemon.process.wait(10) == 2
    assert daemon.ready["ready"] is False and "muster.conf" in daemon.ready["text"]


def test_socket_place_is_checked(home):
    daemon = Daemon(home)
    daemon.socket.write_text("precious")
    daemon.start(expect_ready=False)
    assert daemon.process.wait(10) == 5 and daemon.socket.read_text() == "precious"
    daemon.socket.unlink()
    daemon.socket = home / ("x" * 120)
    daemon.start(expect_ready=False)
    assert daemon.process.wait(10) == 2 and "--socket" in daemon.ready["text"]


def test_another_users_private_service(daemon, home):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    os.chmod(home, 0o711)
    os.chmod(daemon.socket, 0o666)
    script = ("import os,sys; sys.path.insert(0, sys.argv[1]); os.setgid(65534); os.setuid(65534)\n"
              "from muster_api import Api; print(Api(sys.argv[2]).call('GET', '/v1/status').status)")
    done = subprocess.run(["/usr/bin/python3", "-c", script, os.path.dirname(os.path.abspath(__file__)), str(daemon.socket)],
                          capture_output=True, text=True, timeout=30, cwd="/")
    assert done.stdout.strip() == "403", done.stderr
    assert daemon.api.get("/v1/status")


def test_errors_have_one_shape(daemon):
    api = daemon.api
    for method, path, body, status in (
            ("GET", "/v1/nothing", None, 404), ("GET", "/", None, 404), ("DELETE", "/v1/runs", None, 405), ("GET", "/v1/runs/99", None, 404),
            ("GET", "/v1/runs/abc", None, 404), ("POST", "/v1/runs", b"{", 400), ("POST", "/v1/runs", b"[]", 400),
            ("POST", "/v1/runs", b"{}", 400), ("POST", "/v1/runs", b'{"profile":"none"}', 404),
            ("POST", "/v1/runs", b'{"method":"nmap","zone":"mars","options":{"include":"127.0.0.1"}}', 404),
            ("POST", "/v1/runs", b'{"method":"nmap","options":{"inclde":"127.0.0.1"}}', 400),
            ("POST", "/v1/runs", b'{"method":"nmap","options":{"include":"-oN/x"}}', 400),
            ("POST", "/v1/runs/99/cancel", b"", 404), ("POST", "/v1/runs/99/retry", b"", 404),
            ("GET", "/v1/interfaces/1.2.3.4", None, 404), ("GET", "/v1/interfaces?filter=colour=red", None, 400),
            ("GET", "/v1/interfaces?limit=0", None, 400), ("GET", "/v1/interfaces?after=zz", None, 400),
            ("GET", "/v1/interfaces?after=" + "00" * 5, None, 400), ("GET", "/v1/interfaces?sort=nothing", None, 400),
            ("POST", "/v1/interfaces/label", b'{"add":"x"}', 400), ("POST", "/v1/imports/nmap", b"", 400),
            ("POST", "/v1/imports/nothing", b"x", 404), ("GET", "/v1/profiles/none", None, 404), ("PUT", "/v1/locations", b"", 400),
            ("DELETE", "/v1/labels/none", None, 404)):
        answer = api.call(method, path, body)
        assert answer.status == status, (method, path, body, answer.status, answer.data)
        assert set(answer.json) == {"error", "text"} and answer.json["text"] and "\n" not in answer.json["text"], (path, answer.data)
        assert answer.headers["Content-Type"] == "application/json"


def test_large_bodies_are_refused_and_the_answer_arrives(daemon):
    answer = daemon.api.call("POST", "/v1/runs", b'{"x":"' + b"a" * (3 << 20) + b'"}')
    assert answer.status == 413 and answer.json["error"] == "limit"
    assert daemon.api.call("POST", "/v1/nothing", b"a" * (3 << 20)).status == 404
    assert daemon.api.get("/v1/status")


def test_many_clients_at_once(daemon):
    failures = []

    def ask():
        try:
            for _ in range(20):
                assert Api(daemon.socket).get("/v1/interfaces")["total"] == 0
                assert Api(daemon.socket).get("/v1/status")["pid"] == daemon.pid()
        except Exception as problem:  # noqa: BLE001 - told to the test below
            failures.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_nonsense_on_the_socket(daemon):
    for noise in (b"\0" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"GET /v1/status HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                  b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n", b"POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort"):
        connection = Connection(daemon.socket, timeout=5)
        connection.connect()
        try:
            connection.sock.sendall(noise)
            connection.sock.settimeout(0.3)
            connection.sock.recv(100)
        except OSError:
            pass
        connection.close()
    assert daemon.api.get("/v1/status")


def test_status_and_columns(daemon):
    status = daemon.api.get("/v1/status")
    assert status["private"] is True and status["store"]["kind"] == "sqlite" and status["store"]["path"] == str(daemon.store)
    assert status["interfaces"] == {"managed": 0, "unmanaged": 0, "unmanageable": 0, "ignored": 0, "lost": 0, "managed_determined": False}
    assert status["runs"] == {"complete": 0, "partial": 0, "failed": 0, "running": 0} and status["store"]["free"] > 0
    columns = {column["name"]: column for column in daemon.api.get("/v1/columns")}
    assert columns["ip"]["type"] == "address" and columns["ip"]["default"] and columns["id"]["label"] == "ID"
    daemon.api.call("PUT", "/v1/labels/Agent", {"when": "port=17472", "action": "managed"})
    assert daemon.api.get("/v1/status")["interfaces"]["managed_determined"] is True
