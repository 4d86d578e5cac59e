# SPDX-License-Identifier: Apache-2.0
"""Runs through the real daemon, worker, plugins and store: what is done, stopped, killed, refused, tried again."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from muster_api import BUILD, Daemon

SANITIZED = "-fsanitize=address" in (BUILD / "Makefile").read_text()

QUICK = {"ports": "22,80", "os_detection": "off", "dns": "off"}
# Four shards of 16 addresses, two side by side, about two seconds each.
SLOW = {"include": "127.0.0.0-63", "ports": "1-100", "os_detection": "off", "dns": "off", "max_rate": 1600, "parallel": 2}

XML = """<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun scanner="nmap" args="nmap -p 22 198.51.100.0/29" start="1700000000" version="7.93">
<scaninfo type="syn" protocol="tcp" numservices="1" services="22"/>
%s<runstats><finished time="1700000100" exit="success"/></runstats></nmaprun>"""
HOST = """<host starttime="1700000001" endtime="1700000050"><status state="up" reason="echo-reply"/>
<address addr="198.51.100.%d" addrtype="ipv4"/><ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="64"/>
<service name="ssh"/></port></ports></host>
"""


@pytest.fixture
def daemon(home):
    with Daemon(home) as made:
        yield made


@pytest.fixture
def api(daemon):
    return daemon.api


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def nmaps_below(pids):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text() == "nmap\n":
                status = (entry / "status").read_text()
                if int(status.split("\nPPid:\t")[1].split("\n")[0]) in pids:
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


def workers_with_nmap(daemon, seconds=10):
    """Pids of workers that scan, and of their Nmaps; between two shards there may be none for a moment."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pids = daemon.workers()
        nmaps = nmaps_below(pids)
        if nmaps:
            return pids, nmaps
        time.sleep(0.02)
    raise AssertionError(f"no Nmap within {seconds} s: {daemon.log()}")


def spool_is_empty(daemon):
    return sorted(p.name for p in daemon.spool.iterdir()) in ([], ["uploads"]) and not list(daemon.spool.glob("uploads/*"))


def test_a_scan_from_wish_to_listing(daemon, api):
    started = api.scan(include="127.0.0.1", **QUICK)
    assert started["number"] == 1
    run = api.wait(1)
    assert (run["outcome"], run["kind"], run["method"], run["profile"], run["zone"]) == ("complete", "scan", "nmap", "nmap", "default")
    assert (run["addresses"], run["up"], run["new"], run["changed"], run["lost"]) == (1, 1, 1, 0, 0)
    assert run["_id"] == started["run"] and run["by"] and run["started"] <= run["ended"] and "nmap" in run["command"]
    assert [(s["state"], s["outcome"]) for s in run["shards"]] == [("imported", "complete")]
    assert run["options"]["include"] == "127.0.0.1" and [i["ip"] for i in run["changes"]["new"]] == ["127.0.0.1"]
    assert api.run(started["run"])["number"] == 1
    page = api.get("/v1/interfaces")
    assert page["total"] == 1 and page["items"][0]["ip"] == "127.0.0.1" and page["next"] == ""
    one = api.get("/v1/interfaces/127.0.0.1")
    assert one["interface"]["id"] == page["items"][0]["id"] and len(one["observations"]) == 1 and one["identities"]
    for key in (one["interface"]["id"], one["interface"]["_id"]):
        assert api.get(f"/v1/interfaces/{key}")["interface"]["ip"] == "127.0.0.1"
    assert spool_is_empty(daemon)
    status = api.get("/v1/status")
    assert status["interfaces"]["unmanaged"] == 1 and status["runs"]["complete"] == 1 and status["attention"] == []


def test_progress_while_it_runs(daemon, api):
    api.scan(**SLOW)
    run = api.wait(1, until=lambda r: r.get("progress", {}).get("shards_done", 0) >= 1)
    progress = run["progress"]
    assert progress["shards"] == 4 and progress["addresses"] == 64 and progress["addresses_done"] >= 16 and progress["left_ms"] > 0
    assert progress["shards_running"] <= 2 and 0 < progress["max_rate"] <= 1600
    assert api.get("/v1/status")["runs"]["running"] == 1
    run = api.wait(1)
    assert run["outcome"] == "complete" and run["up"] == 64 and "progress" not in run


def test_cancel_keeps_what_is_finished_and_retry_does_the_rest(daemon, api):
    api.scan(**SLOW)
    api.wait(1, until=lambda r: r["shards_done"] >= 1)
    pids, nmaps = workers_with_nmap(daemon)
    since = time.monotonic()
    api.post("/v1/runs/1/cancel", expect=202)
    run = api.wait(1, seconds=15)
    assert time.monotonic() - since < 10
    assert (run["outcome"], run["text"]) == ("partial", "stopped by the operator")
    assert pids and nmaps and not [p for p in pids + nmaps if lives(p)]
    complete = [s["shard"] for s in run["shards"] if s["outcome"] == "complete"]
    assert 1 <= len(complete) <= 3 and run["parts"] and all(p["cure"] == "muster runs retry 1" for p in run["parts"])
    assert api.get("/v1/interfaces")["total"] >= 16 * len(complete)
    assert spool_is_empty(daemon)
    attention = api.get("/v1/status")["attention"]
    assert attention[0]["subject"] == "nmap" and "run 1 partial" in attention[0]["text"] and attention[0]["next"] == "muster runs show 1"
    answer = api.call("POST", "/v1/runs/1/cancel", b"")
    assert answer.status == 409 and "ended partial" in answer.json["text"]

    attempts = {s["shard"]: s["attempt"] for s in run["shards"]}
    assert api.post("/v1/runs/1/retry", expect=202)["number"] == 1
    run = api.wait(1)
    assert (run["outcome"], run["up"], run["text"]) == ("complete", 64, "")
    for shard in run["shards"]:
        wanted = attempts[shard["shard"]] + (0 if shard["shard"] in complete else 1)
        assert shard["attempt"] == wanted and shard["outcome"] == "complete"
    assert api.get("/v1/interfaces")["total"] == 64
    answer = api.call("POST", "/v1/runs/1/retry", b"")
    assert answer.status == 400 and "nothing to retry" in answer.json["text"]


def test_time_left_counts_the_shards_that_go_on(api):
    """One shard of about a minute: that sixteen could run side by side does not make it shorter."""
    api.scan(include="127.0.0.1-8", ports="1-2000", os_detection="off", dns="off", max_rate=300)
    run = api.wait(1, until=lambda r: r.get("progress", {}).get("shards_running") == 1)
    assert run["progress"]["shards"] == 1 and run["progress"]["left_ms"] > 20000, run["progress"]
    api.post("/v1/runs/1/cancel", expect=202)
    api.wait(1)


def test_cancel_while_planning_or_at_once(api):
    api.scan(**SLOW)
    api.post("/v1/runs/1/cancel", expect=202)
    run = api.wait(1, seconds=15)
    assert (run["outcome"], run["text"]) == ("partial", "stopped by the operator")
    api.post("/v1/runs/1/retry", expect=202)
    assert api.wait(1)["outcome"] == "complete"


def test_killed_worker_costs_its_shard(daemon, api):
    api.scan(**SLOW)
    pids = daemon.wait_workers()
    nmaps = nmaps_below(pids)
    os.kill(pids[0], signal.SIGKILL)
    run = api.wait(1)
    assert run["outcome"] == "partial" and run["text"] == "plugin nmap crashed (signal 9)"
    assert len(run["parts"]) == 1 and run["parts"][0]["reason"] == "plugin nmap crashed (signal 9)"
    assert sum(s["outcome"] == "complete" for s in run["shards"]) == 3
    assert not [p for p in nmaps if lives(p)]
    api.post("/v1/runs/1/retry", expect=202)
    assert api.wait(1)["outcome"] == "complete"


def test_killed_daemon(home):
    daemon = Daemon(home).start()
    daemon.api.scan(**SLOW)
    daemon.api.wait(1, until=lambda r: r.get("progress", {}).get("shards_done", 0) >= 1)
    pids, nmaps = workers_with_nmap(daemon)
    daemon.kill()
    with Daemon(home) as again:
        run = again.api.wait(1, seconds=20)
        assert run["outcome"] == "partial" and run["text"] == "interrupted: musterd was killed; muster runs retry 1"
        assert pids and not [p for p in pids + nmaps if lives(p)]
        complete = [s for s in run["shards"] if s["outcome"] == "complete"]
        assert complete and again.api.get("/v1/interfaces")["total"] >= 16 * len(complete)
        assert spool_is_empty(again)
        again.api.post("/v1/runs/1/retry", expect=202)
        run = again.api.wait(1)
        assert (run["outcome"], run["up"]) == ("complete", 64)
        assert again.api.get("/v1/interfaces")["total"] == 64


def test_killed_daemon_with_a_worker_that_will_not_go(home):
    """The next daemon must not read a segment that somebody still writes."""
    daemon = Daemon(home, plugins=("ignores_cancel", "store-sqlite")).start()
    daemon.api.scan("hostile")
    pid = daemon.wait_workers()[0]
    time.sleep(0.3)
    daemon.kill()
    with Daemon(home, plugins=()) as again:
        run = again.api.wait(1, seconds=20)
        assert run["outcome"] == "partial" and "interrupted" in run["text"]
        assert not lives(pid)


def test_sigterm_keeps_finished_shards(home):
    daemon = Daemon(home).start()
    daemon.api.scan(**SLOW)
    daemon.api.wait(1, until=lambda r: r.get("progress", {}).get("shards_done", 0) >= 1)
    assert daemon.stop() == 0
    with Daemon(home) as again:
        run = again.api.run(1)
        assert (run["state"], run["outcome"]) == ("done", "partial") and "musterd was stopped" in run["text"]
        assert again.api.get("/v1/interfaces")["total"] >= 16


@pytest.mark.parametrize("name", ["crash_run", "crash_plan"])
def test_crashing_plugin(home, name):
    # A sanitizer turns the signal into an exit.
    how = "ended without a result (exit status 1)" if SANITIZED else "crashed (signal 11)"
    with Daemon(home, plugins=(name, "store-sqlite")) as daemon:
        daemon.api.scan("hostile")
        run = daemon.api.wait(1)
        assert run["outcome"] == "failed" and run["text"] == f"plugin {name} {how}"
        assert daemon.api.get("/v1/status")["runs"]["failed"] == 1
        assert daemon.api.get("/v1/interfaces")["total"] == (1 if name == "crash_run" else 0)


def test_plugin_that_ignores_cancel(home):
    with Daemon(home, plugins=("ignores_cancel", "store-sqlite")) as daemon:
        daemon.api.scan("hostile")
        pid = daemon.wait_workers()[0]
        daemon.api.post("/v1/runs/1/cancel", expect=202)
        run = daemon.api.wait(1, seconds=10)
        assert (run["outcome"], run["text"]) == ("partial", "stopped by the operator") and not lives(pid)


def test_example_plugin(daemon, api):
    api.scan("example", loopback="on")
    run = api.wait(1)
    assert run["outcome"] == "complete"
    assert "127.0.0.1" in [i["ip"] for i in api.get("/v1/interfaces")["items"]]


def test_dry_run_sends_nothing_and_stores_nothing(daemon, api):
    started = api.post("/v1/runs", {"method": "nmap", "dry_run": True, "options": {"include": "127.0.0.0-63", "exclude": "127.0.0.5"}}, 202)
    run = api.wait(started["run"])
    plan = run["plan"]
    assert started["number"] == 0 and run["kind"] == "plan" and run["outcome"] == "complete"
    assert (plan["addresses"], plan["excluded"], plan["shards"]) == (63, 1, 4)
    assert plan["expected_bytes"] > 63 * 1000 and plan["expected_ms"] > 0
    assert len(plan["commands"]) == 4 and all(c.startswith("nmap ") for c in plan["commands"])
    assert api.get("/v1/runs")["total"] == 0 and api.get("/v1/interfaces")["total"] == 0
    assert spool_is_empty(daemon)


def test_never_scan_beats_every_run(home):
    config = 'never_scan = {"127.0.0.0/28"}\n'
    with Daemon(home, config=config) as daemon:
        daemon.api.scan(include="127.0.0.1-4", **QUICK)
        run = daemon.api.wait(1)
        assert run["outcome"] == "failed" and run["error"] == "refused"
        assert "127.0.0.0/28" in run["text"] and f"{daemon.config}:1" in run["text"] and "never_scan" in run["text"]
        assert run["refused"][0]["entry"] == "127.0.0.0/28"
        daemon.api.scan(include="127.0.0.14-17", **QUICK)
        run = daemon.api.wait(2)
        assert run["outcome"] == "complete" and run["addresses"] == 2
        assert sorted(i["ip"] for i in daemon.api.get("/v1/interfaces")["items"]) == ["127.0.0.16", "127.0.0.17"]


def test_a_rule_made_since_the_plan_holds_for_a_retry(home):
    """Shards are planned once; the daemon looks at the rules of now before each of them starts."""
    with Daemon(home, plugins=("crash_run", "store-sqlite")) as daemon:
        daemon.api.scan("hostile")
        assert daemon.api.wait(1)["outcome"] == "failed"
    with Daemon(home, plugins=(), config='never_scan = {"192.0.2.2"}\n') as daemon:
        daemon.api.post("/v1/runs/1/retry", expect=202)
        run = daemon.api.wait(1)
        assert run["outcome"] == "failed" and run["text"].startswith("refused: 192.0.2.2 is in never_scan entry 192.0.2.2")
        assert f"{daemon.config}:1" in run["text"]


def test_a_planner_that_plans_what_is_forbidden(home):
    with Daemon(home, plugins=("well_behaved", "store-sqlite"), config='never_scan = {"192.0.2.2"}\n') as daemon:
        daemon.api.scan("hostile")
        run = daemon.api.wait(1)
        assert run["outcome"] == "failed" and "192.0.2.2" in run["text"] and "never_scan" in run["text"]
        assert daemon.api.get("/v1/interfaces")["total"] == 0


def test_a_spec_of_the_full_size_comes_back_whole(home):
    with Daemon(home, plugins=("full_spec", "store-sqlite")) as daemon:
        daemon.api.scan("hostile")
        run = daemon.api.wait(1)
        assert run["outcome"] == "complete", run
        assert daemon.api.get("/v1/interfaces")["total"] == 1


PROFILE = """
profile "lo" {
  nmap { include = "127.0.0.0-63"  ports = "1-100"  os_detection = "off"  dns = off  max_rate = 1600  parallel = 2 }
}
"""


def test_profiles_of_the_configuration(home):
    with Daemon(home, config=PROFILE) as daemon:
        api = daemon.api
        listed = api.get("/v1/profiles")
        assert [(p["name"], p["method"], p["origin"]) for p in listed["items"]] == [("lo", "nmap", "file")]
        assert 'profile "lo"' in listed["items"][0]["conf"] and listed["items"][0]["at"].startswith(str(daemon.config))
        verdicts = api.post("/v1/profiles/lo/test")
        assert verdicts["status"] == "ok" and verdicts["verdicts"]
        api.post("/v1/runs", {"profile": "lo"}, 202)
        second = api.call("POST", "/v1/runs", {"profile": "lo"})
        assert second.status == 409 and "run 1" in second.json["text"]
        assert api.wait(1)["profile"] == "lo"
        assert api.get("/v1/profiles/lo")["last_run"]["number"] == 1
    with Daemon(home, config="") as daemon:
        assert daemon.api.get("/v1/profiles")["total"] == 0
        answer = daemon.api.call("POST", "/v1/runs", {"profile": "lo"})
        assert answer.status == 404


def test_max_rate_of_the_installation_holds_over_runs(home):
    with Daemon(home, config="max_rate = 2000\n") as daemon:
        api = daemon.api
        slow = dict(SLOW, max_rate=0, parallel=4)
        api.scan(**slow)
        api.scan(**dict(slow, include="127.0.1.0-63"))
        seen, end = 0, time.monotonic() + 60
        while time.monotonic() < end:
            runs = [api.run(1), api.run(2)]
            if all(r["state"] == "done" for r in runs):
                break
            rates = [r.get("progress", {}).get("max_rate", 0) for r in runs]
            # Two looks are not one moment: shares may move between them, so the first run is looked at again.
            if api.run(1).get("progress", {}).get("max_rate", 0) != rates[0]:
                continue
            used = sum(rates)
            assert used <= 2000 + 500, used
            seen = max(seen, used)
            time.sleep(0.1)
        assert [r["outcome"] for r in runs] == ["complete", "complete"] and seen > 0


def test_import_of_a_file(daemon, api):
    data = (XML % "".join(HOST % n for n in (1, 2, 3))).encode()
    answer = api.call("POST", "/v1/imports/nmap?zone=default&covers=198.51.100.0/29&name=scan.xml", data,
                      {"Content-Type": "application/xml"})
    assert answer.status == 202, answer.data
    run = api.wait(answer.json["number"])
    assert (run["outcome"], run["kind"], run["profile"], run["name"], run["new"]) == ("complete", "import", "import", "scan.xml", 3)
    rows = api.get("/v1/interfaces")["items"]
    assert [r["ip"] for r in rows] == ["198.51.100.1", "198.51.100.2", "198.51.100.3"] and rows[0]["first_seen"] < 1700000200000
    assert spool_is_empty(daemon)
    again = api.call("POST", "/v1/imports/nmap", data)
    run = api.wait(again.json["number"])
    assert run["outcome"] == "complete" and (run["new"], run["changed"], run["lost"]) == (0, 0, 0)
    assert api.call("POST", f"/v1/runs/{run['number']}/retry", b"").status == 400


def test_import_of_a_cut_file_and_of_none(daemon, api):
    whole = XML % "".join(HOST % n for n in (1, 2, 3))
    cut = whole[:whole.index("198.51.100.3")].encode()
    run = api.wait(api.call("POST", "/v1/imports/nmap?profile=old", cut).json["number"])
    assert (run["outcome"], run["profile"], run["new"]) == ("partial", "old", 2) and run["parts"]
    run = api.wait(api.call("POST", "/v1/imports/nmap", b"this is no XML").json["number"])
    assert run["outcome"] == "failed" and run["text"]
    for query in ("profile=Bad%20Name", "covers=elsewhere", "zone=mars"):
        assert api.call("POST", f"/v1/imports/nmap?{query}", cut).status in (400, 404), query
    assert spool_is_empty(daemon)


def test_pages_cover_everything_once(api):
    api.scan(include="127.0.0.0-63", **QUICK)
    api.wait(1)
    seen, after = [], ""
    while True:
        page = api.get("/v1/interfaces", limit=10, sort="-ip", after=after)
        assert page["total"] == 64 and len(page["items"]) <= 10
        seen += [item["ip"] for item in page["items"]]
        after = page["next"]
        if not after:
            break
    assert len(seen) == 64 and seen == sorted(seen, key=lambda ip: int(ip.split(".")[3]), reverse=True)
    assert len(api.lines("/v1/interfaces")) == 64
    assert [i["ip"] for i in api.lines("/v1/interfaces?filter=ip=127.0.0.8/30&sort=ip")] == [f"127.0.0.{n}" for n in (8, 9, 10, 11)]
    assert api.get("/v1/interfaces", filter="ip=127.0.0.8/30")["total"] == 4
    assert api.get("/v1/runs", filter="outcome=complete")["total"] == 1


def test_labels_ignore_and_locations(api):
    api.scan(include="127.0.0.1-4", **QUICK)
    api.wait(1)
    assert api.post("/v1/interfaces/label", {"filter": "ip=127.0.0.2", "add": "Mine", "dry_run": True})["matched"] == 1
    assert api.get("/v1/interfaces", filter="label=Mine")["total"] == 0
    done = api.post("/v1/interfaces/label", {"filter": "ip=127.0.0.2", "add": "Mine"})
    assert (done["matched"], done["changed"]) == (1, 1) and done["sample"][0]["ip"] == "127.0.0.2"
    assert api.get("/v1/interfaces", filter="label=Mine")["total"] == 1
    assert api.post("/v1/interfaces/ignore", {"filter": "ip=127.0.0.3"})["changed"] == 1
    assert api.get("/v1/interfaces", filter="state=ignored")["total"] == 1
    put = api.call("PUT", "/v1/labels/Rule", {"when": "ip=127.0.0.4", "action": "managed"})
    assert put.status == 200 and put.json["matched"] == 1 and put.json["created"] is True, put.data
    assert api.get("/v1/interfaces/127.0.0.4")["interface"]["state"] == "managed"
    assert api.post("/v1/labels/Rule/test")["matched"] == 1
    assert api.call("PUT", "/v1/labels/Rule", {"when": "colour=red"}).status == 400
    assert api.call("PUT", "/v1/labels/Rule", {"action": "explode"}).status == 400
    assert api.call("DELETE", "/v1/labels/Rule").status == 200
    assert api.get("/v1/interfaces/127.0.0.4")["interface"]["state"] == "unmanaged"
    csv = b"Network,NAT,Region,Site\n127.0.0.0/30,,Europe,Bern\n"
    put = api.call("PUT", "/v1/locations", csv, {"Content-Type": "text/csv"})
    assert put.status == 200 and put.json["rows"] == 1, put.data
    assert api.get("/v1/locations")["total"] == 1
    assert "Bern" in json.dumps(api.get("/v1/interfaces/127.0.0.2")["interface"]["location"])
    assert api.call("PUT", "/v1/locations", b"Network\nnonsense\n").status == 400
    assert api.get("/v1/locations")["total"] == 1


def test_shipped_label_is_editable_and_file_labels_are_not(home):
    with Daemon(home, config='label "Printers" { when = "port=9100"  set = "unmanageable" }\n') as daemon:
        api = daemon.api
        labels = {item["name"]: item for item in api.get("/v1/labels")["items"]}
        assert labels["Printers"]["origin"] == "file" and labels["Unmanageable OS Platforms"]["origin"] == "shipped"
        answer = api.call("PUT", "/v1/labels/Printers", {"when": "port=515"})
        assert answer.status == 403 and str(daemon.config) in answer.json["text"]
        assert api.call("DELETE", "/v1/labels/Unmanageable%20OS%20Platforms").status == 200
    with Daemon(home, config="") as daemon:
        labels = {item["name"]: item for item in daemon.api.get("/v1/labels")["items"]}
        assert set(labels) == {"Unmanageable OS Platforms"} and labels["Unmanageable OS Platforms"]["enabled"] is False


def test_spool_quota(home):
    """Above the quota no shard starts. A hole in a file costs no disk and counts all the same."""
    spool = home / "muster.spool"
    spool.mkdir(mode=0o700)
    with open(spool / "old.seg", "wb") as hole:
        hole.truncate(17 << 30)
    with Daemon(home) as daemon:
        daemon.api.scan(include="127.0.0.1", **QUICK)
        run = daemon.api.wait(1)
        assert run["outcome"] == "failed" and "the spool is full" in run["text"]
        (spool / "old.seg").unlink()
        daemon.api.post("/v1/runs/1/retry", expect=202)
        assert daemon.api.wait(1)["outcome"] == "complete"


def test_killed_daemon_and_the_method_gone(home):
    daemon = Daemon(home, plugins=("ignores_cancel", "store-sqlite")).start()
    daemon.api.scan("hostile")
    pid = daemon.wait_workers()[0]
    daemon.kill()
    (daemon.plugin_dir / "ignores_cancel.so").unlink()
    try:
        with Daemon(home, plugins=()) as again:
            run = again.api.wait(1)
            assert (run["state"], run["outcome"]) == ("done", "partial") and "hostile" in run["text"]
            answer = again.api.call("POST", "/v1/runs/1/retry", b"")
            assert answer.status == 404 and "hostile" in answer.json["text"]
    finally:
        if lives(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_key_that_names_two_and_a_merge_undone(api):
    host = HOST.replace("<ports>", '<hostnames><hostname name="twin" type="PTR"/></hostnames><ports>')
    api.wait(api.call("POST", "/v1/imports/nmap", (XML % (host % 1 + host % 2)).encode()).json["number"])
    answer = api.call("GET", "/v1/interfaces/twin")
    assert answer.status == 409 and answer.json["error"] == "conflict"
    assert [c["ip"] for c in answer.json["candidates"]] == ["198.51.100.1", "198.51.100.2"]
    only = api.call("POST", "/v1/interfaces/198.51.100.1/unmerge", {})
    assert only.status == 403, only.data
    api.wait(api.call("POST", "/v1/imports/nmap?profile=other", (XML % (host % 1)).encode()).json["number"])
    assert len(api.get("/v1/interfaces/198.51.100.1")["observations"]) == 2
    made = api.post("/v1/interfaces/198.51.100.1/unmerge", {})
    assert len(made["interfaces"]) == 2 and len({i["id"] for i in made["interfaces"]}) == 2
    assert api.get("/v1/interfaces")["total"] == 3


def test_nothing_is_leaked_over_runs(daemon, api):
    def counts():
        # The store is opened once per thread of the server, whenever that thread is first used.
        fds = [os.readlink(f"/proc/{daemon.pid()}/fd/{n}") for n in os.listdir(f"/proc/{daemon.pid()}/fd")]
        return len([fd for fd in fds if not fd.startswith(str(daemon.store))]), len(daemon.workers("run")) + len(daemon.workers("import")) + len(daemon.workers("plan"))

    def scan_and_fail():
        assert api.wait(api.scan(include="127.0.0.1-20", **QUICK)["number"])["outcome"] == "complete"
        assert api.wait(api.call("POST", "/v1/imports/nmap", b"nonsense").json["number"])["outcome"] == "failed"
        plan = api.post("/v1/runs", {"method": "nmap", "dry_run": True, "options": {"include": "127.0.0.1"}}, 202)
        assert api.wait(plan["run"])["plan"]["addresses"] == 1

    for _ in range(3):
        scan_and_fail()
    time.sleep(0.3)
    before = counts()
    for _ in range(6):
        scan_and_fail()
    time.sleep(1)
    after = counts()
    assert after[0] <= before[0] and after[1] == 0, (before, after)


def test_net_raw_is_lent_to_scans_alone(home):
    """As an ordinary user with ambient CAP_NET_RAW: the daemon keeps none ambient, the scan gets it, the importer does not."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become an ordinary user with one capability")
    os.chown(home, 65534, 65534)
    daemon = Daemon(home, prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+net_raw",
                                  "--ambient-caps=+net_raw", "--"])
    for path in (daemon.plugin_dir, daemon.config):
        os.chown(path, 65534, 65534)
    with daemon:
        def caps(pid, kind):
            return int(pathlib.Path(f"/proc/{pid}/status").read_text().split(f"Cap{kind}:\t")[1].split("\n")[0], 16)

        raw = 1 << 13
        assert caps(daemon.pid(), "Amb") == 0 and caps(daemon.pid(), "Prm") == raw and caps(daemon.pid(), "Inh") & raw == raw
        daemon.api.scan(**dict(SLOW, connect_scan="off"))
        pid = daemon.wait_workers()[0]
        assert caps(pid, "Amb") == raw
        nmaps, end = [], time.monotonic() + 5
        while not nmaps and time.monotonic() < end:
            nmaps = nmaps_below([pid])
        assert caps(nmaps[0], "Eff") == raw
        seen, end = None, time.monotonic() + 30
        while seen is None and time.monotonic() < end:
            for pid in daemon.workers("import"):
                try:
                    seen = caps(pid, "Eff")
                except OSError:
                    pass  # an importer of few records is gone before it can be looked at
        assert seen == 0
        assert caps(daemon.pid(), "Amb") == 0
        assert daemon.api.wait(1)["outcome"] == "complete"


def test_full_spool_costs_shards_and_nothing_else(home):
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    spool = home / "muster.spool"
    spool.mkdir(mode=0o700)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k,mode=0700", "tmpfs", str(spool)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no tmpfs here: {done.stderr.strip()}")
    try:
        with Daemon(home) as daemon:
            daemon.api.scan(include="127.0.0.0-127", ports="1-400", os_detection="off", dns="off", parallel=4)
            run = daemon.api.wait(1)
            assert run["outcome"] in ("partial", "failed") and "No space left" in json.dumps(run["parts"])
            assert daemon.api.get("/v1/status")["pid"] == daemon.pid()
            subprocess.run(["mount", "-o", "remount,size=4m", str(spool)], check=True)
            daemon.api.post("/v1/runs/1/retry", expect=202)
            run = daemon.api.wait(1)
            assert (run["outcome"], run["up"]) == ("complete", 128)
    finally:
        subprocess.run(["umount", str(spool)], check=False)
