# SPDX-License-Identifier: Apache-2.0
"""Results that are imported while their worker goes on: whoever is killed in between, nothing is lost and nothing is doubled."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

from bad_kit import integrity

HOSTS = 6000
GENERATOR = pathlib.Path(__file__).parents[2] / "bench" / "gen_nmap_xml.py"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("follow") / "usual.xml"
    with open(path, "wb") as out:
        subprocess.run(["/usr/bin/python3", GENERATOR, str(HOSTS)], stdout=out, check=True)
    return path


def workers(muster, verb):
    """Pids of the workers that this home's daemon has."""
    found, parent = [], str(muster.lock().get("pid"))
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if words[1:2] == [verb] and f"\nPPid:\t{parent}\n" in pathlib.Path(f"/proc/{pid}/status").read_text():
                found.append(int(pid))
        except OSError:
            continue
    return found


def both_at_work(muster, seconds=60):
    """The reader and the importer that follows it, at one moment."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        readers, importers = workers(muster, "read"), workers(muster, "import")
        if readers and importers:
            return readers[0], importers[0]
    raise AssertionError("reading and importing were one after the other")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def ended(muster):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        runs = muster.json("runs")
        if runs and runs[0]["state"] == "done":
            return runs[0]
        time.sleep(0.1)
    raise AssertionError("the run does not end")


def check_store(muster, least, most):
    rows = muster.json("interfaces")
    assert least <= len(rows) <= most and len({row["ip"] for row in rows}) == len(rows)
    count = subprocess.run(["sqlite3", str(muster.store), "select count(*), count(distinct source_key) from observations"],
                           capture_output=True, text=True, check=True).stdout.strip()
    assert count == f"{len(rows)}|{len(rows)}" and integrity(muster.store) == "ok"
    return len(rows)


def no_spool(muster):
    return not [path for path in muster.store.parent.glob("**/*") if path.suffix in (".seg", ".part")]


def test_reading_and_importing_overlap(muster, file):
    client = muster.start("import", "nmap", file)
    both_at_work(muster)
    out, err = client.communicate(timeout=120)
    assert client.returncode == 0, err
    run = muster.json("runs")[0]
    assert (run["outcome"], run["up"], run["new"], run["shards_done"]) == ("complete", HOSTS, HOSTS, 1)
    assert check_store(muster, HOSTS, HOSTS) == HOSTS and no_spool(muster)
    # the same file again, in the same pieces, changes nothing
    assert muster("import", "nmap", file).returncode == 0
    run = muster.json("runs")[0]
    assert (run["new"], run["changed"], run["unchanged"]) == (0, 0, HOSTS)
    history = subprocess.run(["sqlite3", str(muster.store), "select count(*) from observation_history"], capture_output=True, text=True, check=True)
    assert history.stdout.strip() == "0"


@pytest.mark.parametrize("delay", [0, 0.05, 0.2])
def test_a_killed_importer_is_started_again(muster, file, delay):
    client = muster.start("import", "nmap", file)
    importer = both_at_work(muster)[1]
    time.sleep(delay)
    kill(importer)
    out, err = client.communicate(timeout=120)
    assert client.returncode == 0, err
    assert muster.json("runs")[0]["outcome"] == "complete"
    check_store(muster, HOSTS, HOSTS)
    assert no_spool(muster)


@pytest.mark.parametrize("delay", [0, 0.05])
def test_a_killed_reader_leaves_a_partial_run(muster, file, delay):
    client = muster.start("import", "nmap", file)
    reader = both_at_work(muster)[0]
    time.sleep(delay)
    kill(reader)
    client.communicate(timeout=120)
    assert client.returncode in (1, 3)
    run = ended(muster)
    kept = check_store(muster, 0, HOSTS)
    # A worker that dies is a failed shard; what it had written is kept all the same.
    assert run["outcome"] in ("partial", "failed") and kept > 0 and run["up"] == kept and no_spool(muster)


@pytest.mark.parametrize("delay", [0, 0.1, 0.3])
def test_a_killed_daemon_loses_nothing_that_was_written(muster, file, delay):
    client = muster.start("import", "nmap", file)
    both_at_work(muster)
    time.sleep(delay)
    kill(muster.lock()["pid"])
    client.communicate(timeout=120)
    run = ended(muster)
    kept = check_store(muster, 0, HOSTS)
    # Where the worker had come to its end before, nothing is missing, and the run is complete.
    assert run["outcome"] == "partial" or (run["outcome"] == "complete" and kept == HOSTS), run
    assert kept > 0 and run["up"] == kept and no_spool(muster)
