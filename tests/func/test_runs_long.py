# SPDX-License-Identifier: Apache-2.0
"""Runs that do not end at the first try: shards that follow from shards, a store that gives up in mid import, two who ask at once."""
import json
import sqlite3
import threading

from muster_api import Connection, Daemon

XML = '<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap" start="1780000000">%s<runstats><finished time="1" exit="success"/></runstats></nmaprun>'
HOST = ('<host starttime="1780000000" endtime="1780000000"><status state="up" reason="echo-reply"/>'
        '<address addr="198.51.%d.%d" addrtype="ipv4"/></host>')


def shards_of(run):
    return {s["shard"]: (s["state"], s["outcome"], s["attempt"]) for s in run["shards"]}


def test_shards_that_follow_from_shards(home):
    done = ("imported", "complete", 1)
    with Daemon(home, plugins=("follow_up", "store-sqlite")) as daemon:
        daemon.api.scan("chain")
        run = daemon.api.wait(1)
        assert shards_of(run) == {"a": done, "b1": done, "b2": ("imported", "partial", 1), "c": done}, daemon.log()
        assert run["outcome"] == "partial" and [(p["shard"], p["reason"]) for p in run["parts"]] == [("b2", "not at once")]
        assert {row["ip"] for row in daemon.api.get("/v1/interfaces")["items"]} == {"10.0.0.1", "10.0.0.2", "10.0.0.4"}
    # They are part of the run for good: the next daemon knows them, and tries again only what is missing.
    with Daemon(home, plugins=("follow_up", "store-sqlite")) as daemon:
        daemon.api.post("/v1/runs/1/retry", expect=202)
        run = daemon.api.wait(1)
        assert shards_of(run) == {"a": done, "b1": done, "b2": ("imported", "complete", 2), "c": done}, daemon.log()
        assert run["outcome"] == "complete" and len(daemon.api.get("/v1/interfaces")["items"]) == 4


def test_a_store_that_gives_up_in_mid_import(home):
    """The importer fails half-way, four times: the run ends, its results are kept, and a retry needs no second reading."""
    with Daemon(home) as daemon:
        daemon.api.post("/v1/runs", {"method": "example"}, 202)
        daemon.api.wait(1)
        own = daemon.api.get("/v1/interfaces")["total"]
        store = sqlite3.connect(daemon.store, timeout=10)
        # An index that cannot be kept up to date from 198.51.2.0 on, as a page that cannot be read would be.
        store.execute("create index gives_up on interfaces (abs(case when ip_key >= '4:c6330200' then -9223372036854775807 - 1 else 0 end))")
        store.commit()
        data = (XML % "".join(HOST % (i >> 8, i & 255) for i in range(1000))).encode()
        answer = daemon.api.call("POST", "/v1/imports/nmap?name=big.xml", data)
        assert answer.status == 202, answer.data
        run = daemon.api.wait(2, seconds=60)
        assert run["outcome"] == "partial" and "muster runs retry 2" in run["text"], (run, daemon.log())
        assert list(daemon.spool.glob(f"{run['_id']}/*.seg"))
        there = daemon.api.get("/v1/interfaces")["total"]
        assert 0 < there <= 512 + own  # what was committed before stays
        store.execute("drop index gives_up")
        store.commit()
        store.close()
        daemon.api.post("/v1/runs/2/retry", expect=202)
        run = daemon.api.wait(2, seconds=60)
        assert run["outcome"] == "complete" and run["up"] == 1000, (run, daemon.log())
        assert daemon.api.get("/v1/interfaces")["total"] == 1000 + own
        assert not list(daemon.spool.glob(f"{run['_id']}/*"))


CONFIG = """
profile "slow" {
  nmap {
    include = "127.0.0.0/27"
    ports = "1-100"
    os_detection = off
    dns = "off"
    max_rate = 100
  }
}
"""


def test_two_who_start_one_profile_at_once(home):
    with Daemon(home, config=CONFIG) as daemon:
        gate, answers = threading.Barrier(8), []

        def start():
            connection = Connection(daemon.socket)
            connection.connect()
            gate.wait()
            connection.request("POST", "/v1/runs", body=json.dumps({"profile": "slow"}), headers={"Connection": "close"})
            answer = connection.getresponse()
            answers.append((answer.status, json.loads(answer.read())))
            connection.close()

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(status for status, _ in answers) == [202] + [409] * 7, answers
        assert all("running already" in body["text"] for status, body in answers if status == 409)
        assert daemon.api.get("/v1/runs")["total"] == 1
        daemon.api.post("/v1/runs/1/cancel", expect=202)
        daemon.api.wait(1)
        # Once it has ended the next one may start.
        assert daemon.api.call("POST", "/v1/runs", {"profile": "slow"}).status == 202
        daemon.api.post("/v1/runs/2/cancel", expect=202)
        daemon.api.wait(2)
