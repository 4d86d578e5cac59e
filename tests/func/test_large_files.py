# SPDX-License-Identifier: Apache-2.0
"""Files that are large, grow, stall, break off, or are built to fill memory: what was whole is kept, in bounded memory and time."""
import fcntl
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

import worker
from bad_kit import addresses, doc, host, integrity, one_error
from conftest import BUILD
from peak_kit import LIMIT_MIB, SANITIZED, Peaks, padded_host

HEAD = doc("", tail="")
TAIL = '<runstats><finished time="1790000100" exit="success"/></runstats></nmaprun>'
PLUGIN = BUILD / "plugins" / ".libs" / "nmap.so"


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


@pytest.mark.parametrize("bad, said", [
    ("<a>" * 2_000_000, "nested more than 64 deep"),
    ('<host><status reason="' + "x" * (64 << 20) + '"/></host>', "one tag is larger than 2 MiB"),
    ('<host><ports>' + '<port portid="1" protocol="tcp"><state state="open"/></port>' * 500_000 + '</ports></host>', None),
], ids=["nested", "attribute", "ports"])
def test_what_would_fill_memory_does_not(muster, tmp_path, bad, said):
    file = tmp_path / "bad.xml"
    file.write_text(HEAD + host("192.0.2.1") + bad + TAIL)
    with Peaks(muster.home) as peaks:
        started = time.monotonic()
        done = muster("import", "nmap", file)
    if said:
        one_error(done, 3, said)
    assert done.returncode == (3 if said else 0) and addresses(muster) == {"192.0.2.1"}
    peaks.check("musterd")  # a reader that gives up at once may be gone before it is looked at
    assert time.monotonic() - started < 60 and integrity(muster.store) == "ok"


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def put_hosts(out, first, count, kilobytes=100):
    for number in range(first, first + count):
        out.write(padded_host(number, kilobytes).encode())
    out.flush()


def test_a_file_that_grows_is_imported_while_it_comes(muster, pipe):
    with Peaks(muster.home) as peaks:
        client = muster.start("import", "nmap", pipe)
        with open(pipe, "wb") as out:
            out.write(HEAD.encode())
            put_hosts(out, 1, 250)
            # The first scope is over after 8 MiB, and waits for two seconds at most; the file is not over.
            wait_for(lambda: muster.store.exists() and len(addresses(muster)) >= 80)
            run = muster.json("runs")[0]
            assert run["state"] != "done" and client.poll() is None
            put_hosts(out, 1000, 50)
            out.write(TAIL.encode())
        out, err = client.communicate(timeout=60)
    assert client.returncode == 0, err
    assert len(addresses(muster)) == 300
    run = muster.json("runs")[0]
    assert (run["outcome"], run["up"], run["new"]) == ("complete", 300, 300)
    peaks.check("muster", "musterd", "muster-worker read", "muster-worker import")


def test_a_file_that_breaks_off_is_partial(muster, pipe):
    client = muster.start("import", "nmap", pipe)
    with open(pipe, "wb") as out:
        out.write(HEAD.encode())
        put_hosts(out, 1, 100)
        wait_for(lambda: muster.store.exists() and muster.json("runs"))
        client.send_signal(signal.SIGKILL)
        client.communicate()
    run = wait_for(lambda: [r for r in muster.json("runs") if r["state"] == "done"])[0]
    assert run["outcome"] == "partial" and "not whole" in run["text"]
    assert 0 < len(addresses(muster)) <= 100 and integrity(muster.store) == "ok"
    assert not list(muster.store.parent.glob("**/uploads/*"))


def test_a_wrong_argument_is_told_before_all_is_sent(muster, pipe):
    client = muster.start("import", "nmap", pipe, "--zone", "nowhere")
    sent = 0
    try:
        with open(pipe, "wb") as out:
            out.write(HEAD.encode())
            while sent < 400 and client.poll() is None:
                put_hosts(out, sent, 10)
                sent += 10
    except BrokenPipeError:
        pass
    out, err = client.communicate(timeout=60)
    assert client.returncode == 4 and "nowhere" in err, err
    assert not list(muster.store.parent.glob("**/uploads/*"))


def read_job(deadline_ms):
    return worker.job(PLUGIN, "nmap", scope={"facts": []}, deadline_ms=deadline_ms)


def test_a_pipe_that_stalls_ends_at_the_deadline(pipe):
    end = threading.Event()

    def feed():
        with open(pipe, "wb") as out:
            out.write((HEAD + host("192.0.2.1") + host("192.0.2.2") + "x" * 70000).encode())
            out.flush()
            end.wait(60)

    feeder = threading.Thread(target=feed)
    feeder.start()
    result = worker.Worker("read", read_job(1500), input_path=pipe).finish(30)
    end.set()
    feeder.join()
    assert result.end["status"] == "timeout" and result.seconds < 15
    assert len(result.records) == 2 and result.outcomes == [worker.PARTIAL]


@pytest.mark.parametrize("deadline_ms, status", [(1500, "timeout"), (30000, "ok")], ids=["stalls", "goes on"])
def test_a_file_with_a_writer_is_waited_for(tmp_path, deadline_ms, status):
    file = tmp_path / "growing.xml"
    with open(file, "wb") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        out.write((HEAD + host("192.0.2.1")).encode())
        out.flush()
        reader = worker.Worker("read", read_job(deadline_ms), input_path=file)
        time.sleep(0.5)
        if status == "ok":
            out.write((host("192.0.2.2") + TAIL).encode())
            out.flush()
            time.sleep(0.2)
            fcntl.flock(out, fcntl.LOCK_UN)
        result = reader.finish(40)
    assert result.end["status"] == status and result.seconds < 20
    assert len(result.records) == (2 if status == "ok" else 0)


def test_the_reader_tells_how_far_it_is(tmp_path):
    file = tmp_path / "large.xml"
    with open(file, "wb") as out:
        out.write(HEAD.encode())
        put_hosts(out, 1, 300)
        out.write(TAIL.encode())
    result = worker.Worker("read", read_job(60000), input_path=file).finish(60)
    assert result.end["status"] == "ok" and len(result.records) == 300
    assert len(result.outcomes) == 4 and set(result.outcomes) == {worker.COMPLETE}
    assert all(0 < line["offset"] <= len(result.segment) for line in result.of("scope"))
    assert [record["_scope"] for record in result.records] == sorted(record["_scope"] for record in result.records)


def test_the_reader_alone_stays_small(tmp_path):
    """Its peak as the kernel counts it, to the byte; the file is a tenth of those of the long check."""
    file, out = tmp_path / "usual.xml", tmp_path / "seg"
    generator = pathlib.Path(__file__).parents[2] / "bench" / "gen_nmap_xml.py"
    with open(file, "wb") as text:
        subprocess.run(["/usr/bin/python3", generator, "3000"], stdout=text, check=True)
    reader = worker.Worker("read", read_job(60000), input_path=file, segment_path=out)
    peak = 0
    while not reader.read(0.02):
        try:
            status = pathlib.Path(f"/proc/{reader.pid}/status").read_text()
            peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) / 1024)
        except (OSError, IndexError):
            break
    result = reader.finish(60)
    assert result.end["status"] == "ok" and len(result.records) == 3000
    assert SANITIZED or 0 < peak <= LIMIT_MIB / 2
