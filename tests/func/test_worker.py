# SPDX-License-Identifier: Apache-2.0
"""muster-worker as the daemon starts it: pipes, limits, the ways in which it ends."""
import base64
import errno
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from worker_kit import Worker, gone, kinds

CAP_NET_RAW = 1 << 13
SCOPE = {"facts": ["presence"], "addresses": "10.0.0.0/28"}


@pytest.fixture
def place():
    """Ours, and open to the user that some tests change to."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="mst-w-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start(build, place):
    made = []

    def run(word="run", act="", options=None, **kw):
        how = {key: kw.pop(key) for key in ("segment", "known", "source", "prefix", "env", "sockets") if key in kw}
        if word in ("run", "read"):
            how.setdefault("segment", place / f"s{len(made)}.part")
        job = {"worker": 1, "plugin": str(build / "tests" / "plugins" / ".libs" / "worker_probe.so"), "method": "worker_probe",
               "run": "r", "shard": "s0001", "profile": "p", "zone": "default",
               "options": {**({"act": act} if act else {}), **(options or {})},
               "never_scan": [], "scan_only": [], "deadline_ms": 30000, "trusted_net_raw": False}
        if word == "run":
            job["scope"] = SCOPE
        made.append(Worker(build, word, {**job, **kw}, **how))
        return made[-1]

    run.build = build
    yield run
    for worker in made:
        worker.close()


# ---- by hand ----

def test_help_and_usage(build):
    done = subprocess.run([build / "muster-worker", "--help"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and "describe FILE.so" in done.stdout
    for argv in ([], ["nonsense"], ["describe"], ["describe", "relative.so"], ["run", "extra"]):
        done = subprocess.run([build / "muster-worker", *argv], capture_output=True, text=True, timeout=10)
        assert done.returncode == 2 and done.stdout == "" and "Usage" in done.stderr


def test_describe(build):
    plugin = build / "tests" / "plugins" / ".libs" / "worker_probe.so"
    done = subprocess.run([build / "muster-worker", "describe", plugin], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["methods"][0]["name"] == "worker_probe"
    done = subprocess.run([build / "muster-worker", "describe", "/nowhere/x.so"], capture_output=True, text=True, timeout=10)
    assert done.returncode != 0 and "/nowhere" in done.stderr and done.stdout == ""


def test_started_by_hand_without_pipes(build):
    """Without its descriptors it says what it is and ends; it does not wait for ever."""
    done = subprocess.run([build / "muster-worker", "run"], capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
    assert done.returncode != 0


# ---- results ----

def test_records_end_complete(start):
    worker = start(act="records")
    end = worker.end()
    assert end == {"type": "end", "status": "ok", "text": "", "records": 5}
    assert worker.process.returncode == 0
    assert worker.lines[0] == {"type": "hello", "pid": worker.pid, "plugin": "worker_probe", "version": worker.lines[0]["version"]}
    assert kinds(worker.segment) == [1, 2, 2, 2, 2, 2, 4, 3, 5]
    last = worker.of("progress")[-1]
    assert (last["done"], last["total"], last["found"], last["text"]) == (5, 5, 5, "going")
    assert len(worker.of("progress")) == 2  # the first, and the last at the end: ten a second at most


def test_scope_left_open_and_partial(start):
    worker = start(act="leave-open")
    end = worker.end()
    assert end["status"] == "partial" and "open" in end["text"] and end["records"] == 5
    assert kinds(worker.segment)[-2:] == [3, 5]
    end = start(act="partial").end()
    assert (end["status"], end["text"]) == ("partial", "half of it")


def test_open_fails(start):
    end = start(act="fail-open").end()
    assert (end["status"], end["text"]) == ("usage", "the probe was told to fail")


def test_crash_and_exit_have_no_end_line(start):
    worker = start(act="crash")
    assert worker.wait() == -signal.SIGABRT
    assert worker.of("hello") and not worker.of("end")
    assert kinds(worker.segment) == [1, 2, 2, 2, 2, 2, 4]  # the checkpoint put all before it into the file
    worker = start(act="exit")
    worker.wait()
    assert not worker.of("end") and 5 not in kinds(worker.segment)


def test_read_takes_the_operators_file(start, place):
    source = place / "file"
    source.write_text("192.0.2.1\n192.0.2.2\n192.0.2.3\n")
    worker = start("read", source=source)
    assert worker.end()["records"] == 3
    assert kinds(worker.segment) == [1, 2, 2, 2, 3, 5]


def test_check_gives_verdicts(start):
    worker = start("check")
    assert worker.end()["status"] == "ok"
    assert worker.of("verdict") == [{"type": "verdict", "part": "credentials", "status": "ok", "text": "good"}]
    assert worker.words()["shard"] == "-5"


def test_services_in_the_wrong_place(start):
    worker = start(act="wrong")
    assert worker.end()["status"] == "ok"
    words = worker.words()
    for name in ("emit-outside", "record-none", "scope-end-none", "known", "verdict", "input", "no-tool", "wide-scope", "scope-twice"):
        assert words[name] == "-5", name
    assert words["scope"] == "0" and words["big-checkpoint"] == "-16" and words["reserved-key"] == "1"
    texts = " ".join(line["text"] for line in worker.of("log"))
    assert "no scope is open" in texts and "not one of the tools" in texts and "nonsense" in texts
    worker = start("plan", act="wrong", options={"include": "10.0.0.1"}, never_scan=[{"text": "10.0.0.0/31", "at": "f:1"}])
    words = (worker.end(), worker.words())[1]
    assert [words[k] for k in ("bad-id", "dots", "spec", "record", "scope-begin")] == ["-2", "-2", "-16", "-5", "-5"]
    assert words["twice-1"] == "-5" and words["scope"] == "-5"  # never_scan holds it
    words = (w := start("plan", act="wrong", options={"include": "10.0.0.1"}), w.end(), w.words())[2]
    assert (words["twice-1"], words["twice-2"]) == ("0", "-6")


def test_values(start):
    worker = start(act="values", net={"interface": "eth7", "source_address": "", "max_rate": 250})
    end = worker.end()
    assert (end["status"], end["text"]) == ("unavailable", "the reason")
    words = worker.words()
    assert words["wait"] == "90000" and words["max-rate"] == "250" and words["interface"] == "eth7" and words["source"] == "NULL"
    if b"__asan_init" not in (start.build / "muster-worker").read_bytes():  # the sanitizer maps more than any limit
        assert words["memory"] == "0", "RLIMIT_AS is not in force"
    assert words["has-net-raw"] == "0"  # trusted_net_raw is false: even root has none
    long = next(line["text"] for line in worker.of("log") if line["text"].startswith("llll"))
    assert len(long) == 4000 and long.endswith("...")
    escaped = next(line["text"] for line in worker.of("log") if line["text"].startswith("escape"))
    assert "\x1b" not in escaped and "\\x1b" in escaped and "\\xff" in escaped


def test_noise_corrupts_nothing(start):
    worker = start(act="noise")
    assert worker.end()["status"] == "ok"
    assert len(worker.of("end")) == 1 and worker.out == b""
    floods = [line for line in worker.of("log") if line["text"] == "flood"]
    assert len(floods) <= 10000
    texts = [line["text"] for line in worker.of("log")]
    assert sum("further log lines" in text for text in texts) == 1
    if b"__asan_init" not in (start.build / "muster-worker").read_bytes():  # there stderr is left to the sanitizer
        assert any("words on stderr" in text for text in texts) and worker.err == b""
    assert len(worker.of("progress")) < 200 and worker.of("progress")[-1]["done"] == 4999


# ---- planning ----

def test_plan_subtracts_and_tells(start, place):
    known = place / "known"
    known.write_text('{"address":"10.0.0.1","last_seen":1,"os_seen":7}\n{"address":"10.0.0.2","last_seen":1,"os_seen":0}\n')
    worker = start("plan", known=known, options={"include": "10.0.0.0/26,10.0.0.5", "exclude": "10.0.0.2", "only": "10.0.0.0/27"},
                   never_scan=[{"text": "10.0.0.4/30", "at": "conf:5"}], scan_only=[{"text": "10.0.0.0/27", "at": "conf:6"}])
    end = worker.end()
    assert end["status"] == "ok" and "records" not in end
    words = worker.words()
    assert words["10.0.0.1"] == "7" and words["10.0.0.2"] == "0"
    targets, = worker.of("targets")
    assert (targets["included"], targets["excluded"]) == (64, 1)
    assert targets["refused"] == [
        {"addresses": "10.0.0.4/30", "count": 4, "rule": "never_scan", "entry": "10.0.0.4/30", "at": "conf:5"},
        {"addresses": "10.0.0.32/27", "count": 32, "rule": "scan_only", "entry": "", "at": ""}]
    shards = worker.of("shard")
    assert [s["id"] for s in shards] == ["s0001", "s0002"]
    assert [s["addresses"] for s in shards] == [11, 16]
    assert shards[0]["scope"]["addresses"] == "10.0.0.0/31,10.0.0.3,10.0.0.8/29"
    assert base64.b64decode(shards[1]["spec"]) == b"chunk 2" and shards[0]["parallel"] == 2 and shards[0]["command"] == "probe"


def test_plan_resolves_names(start):
    worker = start("plan", options={"include": "localhost,10.0.0.1"}, never_scan=[{"text": "127.0.0.0/8", "at": "c:1"}])
    assert worker.end()["status"] == "ok"
    assert any(r["entry"] == "127.0.0.0/8" for r in worker.of("targets")[0]["refused"])
    assert "127.0.0.1" not in json.dumps(worker.of("shard"))
    worker = start("plan", options={"include": "no-such-host.invalid,10.0.0.1"})
    end = worker.end(30)
    assert end["status"] in ("not_found", "unavailable") and "no-such-host.invalid" in end["text"]
    assert not worker.of("shard")
    end = start("plan", options={"include": "10.0.0.1", "exclude": "no-such-host.invalid"}).end(30)
    assert "no-such-host.invalid" in end["text"]


ANSWERER = r"""
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.53", 53)); print("ready", flush=True)
while True:
    q, peer = s.recvfrom(512)
    end = q.index(b"\0", 12) + 5
    a = q[end - 4:end - 2] == b"\0\1"
    r = q[:2] + b"\x81\x80\0\1" + (b"\0\1" if a else b"\0\0") + b"\0\0\0\0" + q[12:end]
    s.sendto(r + (b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\x04\x0a\0\0\x63" if a else b""), peer)
"""


def test_plan_asks_the_zones_name_servers(start):
    if os.geteuid() != 0:
        pytest.skip("needs root: port 53")
    server = subprocess.Popen(["/usr/bin/python3", "-c", ANSWERER], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline().strip() == "ready"
        worker = start("plan", options={"include": "host.zone.example"}, net={"dns_servers": "127.0.0.53"})
        assert worker.end(30)["status"] == "ok", worker.lines
        assert worker.of("shard")[0]["scope"]["addresses"] == "10.0.0.99"
    finally:
        server.kill()
        server.wait()


def test_plan_is_cancelled_while_a_name_server_is_silent(start):
    if os.geteuid() != 0:
        pytest.skip("needs root: port 53")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.54", 53))
        worker = start("plan", options={"include": "host.zone.example"}, net={"dns_servers": "127.0.0.54"})
        silent.settimeout(10)
        silent.recv(512)
        began = time.monotonic()
        children = worker.children()
        worker.cancel()
        assert worker.end(5)["status"] == "cancelled" and time.monotonic() - began < 1
        assert gone(children)


def test_plan_limit_counts_resolved_names(start):
    end = start("plan", options={"include": "localhost,10.0.0.1", "max_addresses": "1"}).end()
    assert end["status"] in ("limit", "usage") and "max_addresses" in end["text"]


def test_run_refuses_a_forbidden_shard(start):
    end = start(act="records", never_scan=[{"text": "10.0.0.9", "at": "conf:3"}]).end()
    assert end["status"] == "refused" and "conf:3" in end["text"]


@pytest.mark.parametrize("change, word", [
    ({"worker": 2}, "version"), ({"plugin": "relative.so"}, "plugin"), ({"method": "other"}, "other"), ({"spec": "%%%"}, "spec"),
    ({"options": {"nonsense": "1"}}, "nonsense"), ({"options": {"wait": "soon"}}, "wait"), ({"secrets": {"act": "YQ=="}}, "secret"),
    ({"secrets": {"password": "!!"}}, "base64"), ({"never_scan": [{"text": "x y", "at": ""}]}, "x y"), ({"never_scan": 5}, "never_scan"),
    ({"scope": {"facts": ["presence"], "addresses": "banana"}}, "banana"), ({"deadline_ms": -1}, "deadline"),
])
def test_bad_jobs(start, change, word):
    worker = start(act="records", **change)
    end = worker.end()
    assert end["status"] != "ok" and word in end["text"], end
    assert worker.process.returncode != 0


# ---- the ways to end ----

def test_cancel_by_pipe_and_by_signal(start):
    for stop, sockets in ((Worker.cancel, False), (Worker.cancel, True), (lambda w: os.kill(w.pid, signal.SIGTERM), False)):
        worker = start(act="polite", sockets=sockets)
        worker.until(lambda line: line["type"] == "progress")
        stop(worker)
        end = worker.end(3)
        assert (end["status"], end["text"], end["records"]) == ("cancelled", "stopped on request", 5)
        assert worker.process.returncode == 130
        assert kinds(worker.segment)[-2:] == [3, 5]


def test_deadline(start):
    worker = start(act="polite", deadline_ms=400)
    end = worker.end(3)
    assert (end["status"], end["records"]) == ("timeout", 5)


@pytest.mark.parametrize("stop", ["cancel", "term", "deadline"])
def test_watchdog_ends_what_does_not_stop(start, stop):
    worker = start(act="spin", deadline_ms=500 if stop == "deadline" else 30000)
    worker.until(lambda line: line["type"] == "progress")
    began = time.monotonic()
    if stop == "cancel":
        worker.cancel()
    elif stop == "term":
        os.kill(worker.pid, signal.SIGTERM)
    worker.wait(6)
    assert 1.5 < time.monotonic() - began < 5
    assert worker.process.returncode in (-signal.SIGKILL, 124)
    assert not worker.of("end") and "did not stop" in worker.lines[-1]["text"]
    assert kinds(worker.segment) == [1, 2, 2, 2, 2, 2, 4]


@pytest.mark.parametrize("sockets", [False, True])
@pytest.mark.parametrize("act", ["polite", "spin", "child"])
def test_end_of_control_pipe(start, act, sockets):
    worker = start(act=act, sockets=sockets)
    worker.until(lambda line: line["type"] == "progress" or "started=" in line.get("text", ""))
    worker.hang_up()
    worker.wait(3)
    assert not worker.of("end")


def test_end_of_control_pipe_takes_grandchildren(start):
    worker = start(act="child-spin")
    worker.said(started="sh")
    until = time.monotonic() + 5
    family = []
    while len(family) < 3 and time.monotonic() < until:
        family = worker.children()
        for pid in list(family):
            family += [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    assert len(family) == 3
    worker.hang_up()
    worker.wait(3)
    assert gone(family)


def test_killed_worker_takes_its_child(start):
    """Nmap otherwise goes on scanning when its worker is killed."""
    worker = start(act="child")
    worker.said(started="sleep")
    children = worker.children()
    assert len(children) == 1
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(3)
    assert gone(children)


def test_killed_parent_takes_the_worker(build, place, start):
    """The parent is a process of its own here, since the death signal comes when it ends."""
    script = ("import os,sys,json,time\n"
              "r,w=os.pipe(); l,m=os.pipe(); s=os.open(sys.argv[2],os.O_RDWR|os.O_CREAT,0o600)\n"
              "p=os.fork()\n"
              "if p==0:\n"
              "  import fcntl\n"
              "  k=[fcntl.fcntl(f,fcntl.F_DUPFD,20) for f in (r,s,m,s)]\n"
              "  [os.dup2(f,t) for f,t in zip(k,(3,4,5,6))]\n"
              "  os.execv(sys.argv[1],[sys.argv[1],'run'])\n"
              "os.close(r); os.close(m); os.write(w,sys.argv[3].encode()+b'\\n')\n"
              "os.set_inheritable(w,True)\n"
              "q=os.fork()\n"  # holds the control pipe open: only the death signal is left
              "if q==0:\n"
              "  os.close(l); os.close(1); time.sleep(20); os._exit(0)\n"
              "f=os.fdopen(l)\n"
              "while 'progress' not in f.readline(): pass\n"
              "print(p,q,flush=True); time.sleep(20)\n")
    job = {"worker": 1, "plugin": str(build / "tests/plugins/.libs/worker_probe.so"), "method": "worker_probe", "shard": "s",
           "options": {"act": "polite"}, "scope": SCOPE}
    parent = subprocess.Popen(["/usr/bin/python3", "-c", script, build / "muster-worker", place / "seg", json.dumps(job)],
                              stdout=subprocess.PIPE, text=True)
    worker, holder = map(int, parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    try:
        assert gone([worker], 3)
    finally:
        os.kill(holder, signal.SIGKILL)


def test_child_streams_do_not_block_each_other(start):
    worker = start(act="cat")
    assert worker.end()["status"] == "ok"
    assert worker.words() == {"got": str(4 << 20), "read": "0", "exit": "0"}


def test_child_deadline_and_cancel(start):
    worker = start(act="child-deadline")
    assert worker.end(5)["status"] == "timeout"
    assert worker.words()["read"] == "-11" and worker.words()["exit"] == str(256 + signal.SIGKILL)
    worker = start(act="child")
    worker.said(started="sleep")
    began = time.monotonic()
    worker.cancel()
    assert worker.end(3)["status"] == "cancelled" and time.monotonic() - began < 1
    assert worker.words()["read"] == "-10"


# ---- what it may ----

def test_segment_is_locked(start, place):
    path = place / "locked"
    first = start(act="polite", segment=path)
    first.until(lambda line: line["type"] == "progress")
    end = start(act="polite", segment=path).end()
    assert end["status"] == "unavailable" and "locked" in end["text"]


def test_landlock_denies_writes(start, place):
    (place / "old").write_text("x")
    worker = start(act="write", options={"path": str(place)})
    assert worker.end()["status"] == "ok"
    words = worker.words()
    if any("no Landlock" in line["text"] for line in worker.of("log")):
        pytest.skip("this kernel has no Landlock")
    for name in ("create", "mkdir", "write", "truncate", "unlink"):
        assert words[name] == str(errno.EACCES), name
    assert words["read"] == "0" and words["null"] == "0"
    assert (place / "old").read_text() == "x" and sorted(p.name for p in place.iterdir())[0] == "old"


@pytest.mark.parametrize("name", ["ENOSYS", "EOPNOTSUPP", "EPERM"])
def test_a_kernel_without_landlock(start, place, name):
    """The worker says so and does its work; the rest of the ritual holds all the same."""
    (place / "old").write_text("x")
    without = ["/usr/bin/python3", str(pathlib.Path(__file__).with_name("no_landlock.py")), name]
    worker = start(act="write", options={"path": str(place)}, prefix=without)
    assert worker.end()["status"] == "ok"
    said = [line for line in worker.of("log") if "no Landlock" in line["text"]]
    assert len(said) == 1 and said[0]["level"] == "info", worker.of("log")
    assert worker.words()["create"] == "0", "nothing kept the plugin from writing, as the worker said"
    worker = start(act="polite", prefix=without)
    worker.until(lambda line: line["type"] == "progress")
    assert resource.prlimit(worker.pid, resource.RLIMIT_CORE) == (0, 0)
    status = pathlib.Path(f"/proc/{worker.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status and (os.geteuid() != 0 or "CapEff:\t0000000000000000" in status)


def test_limits_and_process_state(start):
    worker = start(act="polite", deadline_ms=20000)
    worker.until(lambda line: line["type"] == "progress")
    limit = lambda what: resource.prlimit(worker.pid, what)
    assert limit(resource.RLIMIT_CORE) == (0, 0)
    assert limit(resource.RLIMIT_NOFILE)[0] == 256
    assert limit(resource.RLIMIT_FSIZE)[1] == 2 << 30
    assert limit(resource.RLIMIT_CPU)[0] == 100
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{worker.pid}/status").read_text().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1" and status["Umask"] == "0077" and status["Threads"] == "1"
    assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0 or os.geteuid() != 0
    assert os.getpgid(worker.pid) == worker.pid
    assert os.readlink(f"/proc/{worker.pid}/fd/0") == "/dev/null"


def test_descriptors_are_closed(start):
    extra = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(extra, True)
    worker = start(act="polite")
    worker.until(lambda line: line["type"] == "progress")
    links = [os.readlink(p) for p in pathlib.Path(f"/proc/{worker.pid}/fd").iterdir()]
    os.close(extra)
    assert not [link for link in links if "hostname" in link]


def test_secrets_are_nowhere_to_be_seen(start):
    secret = b"hunter2-\x01\x02"
    worker = start(act="secret", secrets={"password": base64.b64encode(secret).decode()}, options={"password": "secret:pw"},
                   env={"MST_MARK": "from-the-daemon", "LD_LIBRARY_PATH": "/nowhere"})
    worker.said(other="-4")
    words = worker.words()
    assert words["lease"] == "0" and words["length"] == "10" and words["right"] == "yes" and words["text"] == "none" and words["release"] == "0"
    raw = pathlib.Path(f"/proc/{worker.pid}/cmdline").read_bytes()
    assert b"hunter2" not in raw and raw.endswith(b"run\0")
    worker.cancel()
    worker.end(3)
    assert "hunter2" not in json.dumps(worker.lines) and base64.b64encode(secret).decode() not in json.dumps(worker.lines)
    assert secret not in pathlib.Path(worker.segment).read_bytes()


def readable_memory(pid):
    """What the process can read of its own memory, the files that it maps left out."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, rest = line.split(None, 2)
            first, last = (int(x, 16) for x in span.split("-"))
            if rights[0] == "r" and "/" not in rest and "[v" not in rest:
                memory.seek(first)
                yield memory.read(last - first)


def test_a_released_secret_is_not_in_readable_memory(start):
    if os.geteuid() != 0:
        pytest.skip("needs root: reads a process that cannot be dumped")
    piece = b"hunter2-\x01\x02"
    secret = piece * 60  # long, so that the allocator's own words in freed memory do not hide it
    encoded = base64.b64encode(secret)
    worker = start(act="secret", secrets={"password": encoded.decode()})
    worker.said(other="-4")
    assert worker.words()["right"] == "yes"
    if b"__asan_init" in (start.build / "muster-worker").read_bytes():
        return  # the sanitizer keeps freed memory, and terabytes of its own
    chunks = list(readable_memory(worker.pid))
    assert sum(map(len, chunks)) > 100000 and any(b"worker_probe" in chunk for chunk in chunks)
    assert not any(encoded[i:i + 32] in chunk or piece in chunk for chunk in chunks for i in range(0, 40, 4))


def test_a_child_sees_a_fixed_environment(start):
    worker = start(act="show", options={"path": "/proc/self/environ", "pattern": "."}, env={"MST_MARK": "x", "LD_PRELOAD_X": "y"})
    assert worker.end()["status"] == "ok"
    assert worker.words()["output"].split() == ["PATH=/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin", "LC_ALL=C"] or \
        "MST_MARK" not in worker.words()["output"]


def child_capabilities(start, trusted, prefix, method="worker_probe"):
    worker = start(act="show", options={"path": "/proc/self/status", "pattern": "^Cap(Inh|Prm|Eff|Amb|Bnd)"}, trusted_net_raw=trusted,
                   prefix=prefix, method=method)
    assert worker.end()["status"] == "ok", worker.lines
    pairs = worker.words()["output"].replace("\\x09", " ").replace("\\x0a", " ").split()
    return {pairs[i]: int(pairs[i + 1], 16) for i in range(0, len(pairs) - 1, 2)}


AMBIENT = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps", "-all,+net_raw,+net_admin",
           "--ambient-caps", "-all,+net_raw,+net_admin"]


@pytest.mark.parametrize("prefix", [[], AMBIENT])
def test_net_raw_and_nothing_else_reaches_the_child(start, prefix):
    if os.geteuid() != 0:
        pytest.skip("needs root: changes user and capabilities")
    with_it = child_capabilities(start, True, prefix)
    assert with_it["CapPrm:"] == with_it["CapEff:"] == CAP_NET_RAW, with_it
    if not prefix:  # an ordinary user cannot lower its bounding set, and no_new_privileges makes up for that
        assert with_it["CapBnd:"] == CAP_NET_RAW, with_it
    # Neither an untrusted plugin has it, nor a method that does not ask for it.
    for without in (child_capabilities(start, False, prefix), child_capabilities(start, True, prefix, "worker_plain")):
        assert without["CapPrm:"] == without["CapEff:"] == without["CapAmb:"] == 0, without


def test_nmap_scans_with_ambient_net_raw(build, start):
    """The real Nmap works within the worker's limits, Landlock and no-new-privileges."""
    plugin = build / "plugins" / ".libs" / "nmap.so"
    if os.geteuid() != 0 or not plugin.exists() or not shutil.which("nmap"):
        pytest.skip("needs root, the nmap plugin and Nmap")
    worker = start("plan", plugin=str(plugin), method="nmap", options={"include": "127.0.0.1", "ports": "22"}, trusted_net_raw=True,
                   prefix=AMBIENT)
    assert worker.end(30)["status"] == "ok", worker.lines
    shard = worker.of("shard")[0]
    worker = start("run", plugin=str(plugin), method="nmap", options={"include": "127.0.0.1", "ports": "22"}, shard=shard["id"],
                   spec=shard["spec"], scope=shard["scope"], trusted_net_raw=True, deadline_ms=120000, prefix=AMBIENT)
    end = worker.end(120)
    assert end["status"] == "ok" and end["records"] == 1, worker.lines


def import_job(build, place, spool, **kw):
    return {"worker": 1, "plugin": str(build / "plugins" / ".libs" / "store-sqlite.so"), "store": {"path": str(place / "store" / "m.db")},
            "spool": str(spool), "segments": [{"run": "0190a000-0000-7000-8000-000000000001", "shard": "s0001"}],
            "settings": {}, "finish": [], "deadline_ms": 60000, **kw}


def test_import_writes_to_store_and_spool_only(build, place, start):
    if not (build / "plugins" / ".libs" / "store-sqlite.so").exists():
        pytest.skip("the store-sqlite plugin is not built")
    run = "0190a000-0000-7000-8000-000000000001"
    spool = place / "spool"
    (spool / run).mkdir(parents=True)
    (place / "store").mkdir(mode=0o700)
    scan = start(act="records", segment=spool / run / "s0001.seg", run=run)
    assert scan.end()["records"] == 5
    (spool / run / "s0001.seg").chmod(0o600)
    (spool / run / "s0001.json").write_text(json.dumps({
        "run": run, "shard": "s0001", "profile": "p", "method": "worker_probe", "zone": "default", "fence": 1, "attempt": 1,
        "scope": SCOPE, "created": int(time.time() * 1000)}))
    worker = Worker(build, "import", import_job(build, place, spool))
    try:
        end = worker.end(60)
        assert end["status"] == "ok", worker.lines
        done, = worker.of("import")
        assert (done["segment"], done["state"], done["records"]) == ("s0001", "done", 5)
    finally:
        worker.close()
    assert (place / "store" / "m.db").exists()
    # A store outside the named directories cannot be made: the path in the job decides what Landlock lets through.
    worker = Worker(build, "import", import_job(build, place, spool, store={"path": "relative.db"}))
    try:
        end = worker.end(60)
        assert end["status"] == "usage" and "absolute" in end["text"]
    finally:
        worker.close()


def test_contract_passes_for_the_probe(build):
    plugin = build / "tests" / "plugins" / ".libs" / "worker_probe.so"
    done = subprocess.run([build / "muster-worker", "contract", plugin], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1) and done.stdout.strip(), done.stderr
    for line in done.stdout.splitlines():
        assert set(json.loads(line)) == {"check", "ok", "text"}
