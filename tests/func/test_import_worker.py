# SPDX-License-Identifier: Apache-2.0
"""muster-worker import over real segments and a real SQLite store: what it says, and that killing it loses nothing."""
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import struct
import tempfile
import time
import uuid
import zlib

import pytest

from worker_kit import Worker

NOW = int(time.time() * 1000) - 3600_000
ALL = 63


def new_run(number=None):
    """A run's id, UUIDv7 layout."""
    return str(uuid.UUID(int=(number or random.getrandbits(62)) | 0x0190 << 112 | 7 << 76 | 2 << 62))


def bson(value):
    """BSON of a dict: text, bool, int (64 bits), list, dict."""
    out = b""
    for key, item in value.items():
        name = key.encode() + b"\0"
        if isinstance(item, bool):
            out += b"\x08" + name + bytes([item])
        elif isinstance(item, int):
            out += b"\x12" + name + struct.pack("<q", item)
        elif isinstance(item, str):
            text = item.encode() + b"\0"
            out += b"\x02" + name + struct.pack("<i", len(text)) + text
        elif isinstance(item, dict):
            out += b"\x03" + name + bson(item)
        else:
            out += b"\x04" + name + bson({str(i): v for i, v in enumerate(item)})
    return struct.pack("<i", len(out) + 5) + out + b"\0"


def frame(kind, payload):
    body = bytes([kind]) + payload
    return struct.pack("<II", len(payload), zlib.crc32(body)) + body


def segment(spool, run, shard, addresses, records, profile="hq", outcome=1, tcp="22,80,443", seen=NOW, torn=b""):
    """One shard: a manifest and a segment with one scope. Records are dicts without _key, _scope and seen."""
    place = pathlib.Path(spool) / run
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    scope = {"facts": ALL, "addresses": addresses, "tcp_ports": tcp}
    manifest = {"run": run, "shard": shard, "profile": profile, "method": "nmap", "zone": "default", "fence": 1, "attempt": 1,
                "scope": {"facts": ["presence"], "addresses": addresses}, "created": seen - 1000}
    (place / f"{shard}.json").write_text(json.dumps(manifest))
    data = b"MSTSPOOL" + struct.pack("<II", 1, 0) + frame(1, bson(scope))
    for i, record in enumerate(records):
        data += frame(2, bson({"_key": record.get("ip", str(i)), "_scope": 0, "seen": seen + i, **record}))
    data += frame(3, bson({"outcome": outcome, "reason": ""})) + frame(5, bson({"status": 0, "text": ""}))
    (place / f"{shard}.seg").write_bytes(data + torn)


@pytest.fixture
def place(build):
    if not (build / "plugins" / ".libs" / "store-sqlite.so").exists():
        pytest.skip("the SQLite plugin is not built")
    path = pathlib.Path(tempfile.mkdtemp(prefix="mst-i-"))
    (path / "spool").mkdir(mode=0o700)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def start(build, place, segments, finish=(), store="muster.db", **settings):
    job = {"worker": 1, "plugin": str(build / "plugins" / ".libs" / "store-sqlite.so"), "store": {"path": str(place / store)},
           "spool": str(place / "spool"), "segments": [{"run": run, "shard": shard} for run, shard in segments],
           "settings": settings, "finish": list(finish), "deadline_ms": 60000}
    return Worker(build, "import", job)


def done(worker):
    end = worker.end(60)
    worker.close()
    return end


def rows(place, query, store="muster.db"):
    with sqlite3.connect(f"file:{place / store}?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()


def ports(*numbers):
    return [{"proto": "tcp", "state": "open", "reason": "syn-ack", "ttl": 64, "ports": list(numbers), "names": ["x"] * len(numbers)}]


def test_a_segment_becomes_interfaces(build, place):
    run = new_run()
    segment(place / "spool", run, "s0001", "10.0.0.0/28", [
        {"ip": "10.0.0.1", "mac": "3c:22:fb:10:20:30", "vendor": "Apple", "names": [{"name": "nas", "type": "PTR"}],
         "os": {"platform": "Mac OS X", "generation": "13.X", "accuracy": 96}, "ports": ports(22, 443)},
        {"ip": "10.0.0.2", "answered": False}])
    worker = start(build, place, [(run, "s0001")], [run])
    end = done(worker)
    assert end["status"] == "ok" and end["records"] == 2, end
    [line] = worker.of("import")
    assert (line["segment"], line["state"], line["records"], line["skipped"]) == ("s0001", "done", 2, 1)
    assert line["offset"] == (place / "spool" / run / "s0001.seg").stat().st_size
    assert rows(place, "select ip, mac, hostname, os_platform, os_generation, state, number from interfaces") == \
        [("10.0.0.1", "3c:22:fb:10:20:30", "nas", "macos", "13.x", "unmanaged", 1)]


def test_again_changes_nothing(build, place):
    run = new_run()
    segment(place / "spool", run, "s0001", "10.0.0.0/24", [{"ip": f"10.0.0.{i}", "ports": ports(22)} for i in range(1, 200)])
    assert done(start(build, place, [(run, "s0001")], [run]))["status"] == "ok"
    before = dump(place)
    revs = rows(place, "select sum(rev) from interfaces"), rows(place, "select sum(rev) from observations")
    worker = start(build, place, [(run, "s0001")], [run])
    assert done(worker)["status"] == "ok"
    assert worker.of("import")[0]["records"] == 199
    assert dump(place) == before
    assert revs == (rows(place, "select sum(rev) from interfaces"), rows(place, "select sum(rev) from observations"))


def test_a_torn_or_foreign_segment_does_not_stop_the_others(build, place):
    run = new_run()
    for shard in ("s0001", "s0002", "s0003"):
        segment(place / "spool", run, shard, "10.0.0.0/24", [{"ip": f"10.0.0.{shard[-1]}"}], torn=b"\x07\0\0\0garbage")
    (place / "spool" / run / "s0002.seg").write_bytes(b"this is something else entirely")
    worker = start(build, place, [(run, s) for s in ("s0001", "s0002", "s0003", "s0004")])
    assert done(worker)["status"] == "partial"
    assert [line["state"] for line in worker.of("import")] == ["done", "failed", "done", "failed"]
    assert all(line.get("text") for line in worker.of("import") if line["state"] == "failed")
    assert rows(place, "select ip from interfaces order by ip") == [("10.0.0.1",), ("10.0.0.3",)]


def test_bad_jobs_are_refused_in_words(build, place):
    worker = start(build, place, [], labels=[{"name": "x", "when": "no_such_column=1"}])
    end = done(worker)
    assert end["status"] == "usage" and "x" in end["text"] and "no_such_column" in end["text"]
    end = done(start(build, place, [], lost_after=0))
    assert end["status"] == "usage" and "lost_after" in end["text"]


def test_labels_and_states(build, place):
    run = new_run()
    segment(place / "spool", run, "s0001", "10.0.0.0/24", [
        {"ip": "10.0.0.1", "os": {"platform": "embedded", "accuracy": 95}},
        {"ip": "10.0.0.2", "os": {"platform": "embedded", "accuracy": 80}},
        {"ip": "10.0.0.3"},
        {"ip": "10.0.0.4", "os": {"platform": "Linux", "generation": "5.X", "accuracy": 100}, "managed": True, "computer_id": "7"},
        {"ip": "10.0.0.5", "ports": ports(9100)}])
    labels = [{"name": "Unmanageable OS Platforms", "when": "os_platform!=windows,linux,macos,solaris,aix", "action": "unmanageable"},
              {"name": "Printers", "when": "port=9100", "action": "ignore"}]
    end = done(start(build, place, [(run, "s0001")], [run], labels=labels))
    assert end["status"] == "ok", end
    assert rows(place, "select ip, state, os_generation from interfaces order by ip_key") == [
        ("10.0.0.1", "unmanageable", None), ("10.0.0.2", "unmanaged", None), ("10.0.0.3", "unmanaged", None),
        ("10.0.0.4", "managed", None), ("10.0.0.5", "ignored", None)]


def test_cancel_stops_between_batches(build, place):
    run = new_run()
    segment(place / "spool", run, "s0001", "10.0.0.0/16", [{"ip": f"10.0.{i // 250}.{i % 250}"} for i in range(20000)])
    worker = start(build, place, [(run, "s0001")])
    worker.until(lambda line: line["type"] == "hello" or True) if worker.lines else time.sleep(0.3)
    worker.cancel()
    end = done(worker)
    assert end["status"] in ("cancelled", "ok")
    assert done(start(build, place, [(run, "s0001")]))["status"] == "ok"
    assert rows(place, "select count(*) from interfaces") == [(20000,)]


# ---- killed at any time ----

def dump(place, store="muster.db"):
    """Every document with what is random or a matter of time taken out."""
    out, names = [], {}
    for key, ip, mac in rows(place, "select _id, ip, mac from interfaces", store):
        names[key] = f"<{ip} {mac}>"
    with sqlite3.connect(f"file:{place / store}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        for table in ("interfaces", "identities", "observations", "observation_history"):
            for row in db.execute(f"select * from {table}"):
                fields = {k: row[k] for k in row.keys() if k not in ("rev", "number", "created", "updated", "doc", "_doc", "document")
                          and not isinstance(row[k], bytes)}
                text = json.dumps([table, fields], sort_keys=True)
                out.append(re.sub("|".join(map(re.escape, names)) or "$^", lambda m: names[m.group()], text))
    return sorted(out)


def story(place):
    """Two runs: hosts that stay, change, move, come and go."""
    runs = [new_run(i + 1) for i in range(2)]
    for turn, run in enumerate(runs):
        for shard in range(4):
            records = []
            for i in range(1, 120):
                host = shard * 250 + i
                if (host + turn) % 17 == 0:
                    continue
                move = 1 if turn and host % 23 == 0 else 0
                record = {"ip": f"10.{shard}.{move}.{i}", "ports": ports(22, 80) if (host + turn) % 5 else ports(22)}
                if host % 2:
                    record["mac"] = f"3c:22:fb:00:{host // 256:02x}:{host % 256:02x}"
                records.append(record)
            segment(place / "spool", run, f"s{shard:04d}", f"10.{shard}.0.0/16", records, seen=NOW + turn * 600_000)
    return [(run, [f"s{shard:04d}" for shard in range(4)]) for run in runs]


@pytest.mark.timeout(3600)
def test_killed_many_times(build, place):
    """MUSTER_KILLS and MUSTER_SEED as in test_killed."""
    most, seed = int(os.environ.get("MUSTER_KILLS", "50")), int(os.environ.get("MUSTER_SEED", "7"))
    parts = story(place)
    began = time.monotonic()
    for run, shards in parts:
        assert done(start(build, place, [(run, s) for s in shards], [run], store="whole.db"))["status"] == "ok"
    span = (time.monotonic() - began) / len(parts)
    whole = dump(place, "whole.db")
    dice, kills = random.Random(seed), 0
    while kills < most:
        for name in list(place.glob("cut.db*")):
            name.unlink()
        for run, shards in parts:
            for _ in range(6):
                worker = start(build, place, [(run, s) for s in shards], [run], store="cut.db")
                time.sleep(dice.uniform(0, span))
                if worker.process.poll() is None:
                    os.kill(worker.pid, 9)
                    kills += 1
                worker.wait()
                worker.close()
            assert done(start(build, place, [(run, s) for s in shards], [run], store="cut.db"))["status"] == "ok"
        assert dump(place, "cut.db") == whole
