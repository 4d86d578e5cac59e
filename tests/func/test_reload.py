# SPDX-License-Identifier: Apache-2.0
"""Reading the configuration again: by signal and by command, with faults, and while scans run."""
import os
import signal
import time

import pytest

from muster_api import Daemon
from test_runs import QUICK, SLOW

PROFILE = 'profile "lab" { zone = "lab" nmap { include = "127.0.0.9" ports = "9" os_detection = "off" dns = "off" } }\n'
ZONE = 'zone "lab" { networks = { "127.0.0.0/8" } max_rate = 500 }\n'


@pytest.fixture
def daemon(home):
    with Daemon(home) as running:
        yield running


def configure(daemon, text):
    daemon.config.write_text(text)


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def names(api, of):
    return [item["name"] for item in api.get(f"/v1/{of}")["items"]]


def test_a_hangup_takes_over_zones_profiles_and_labels(daemon):
    api = daemon.api
    api.scan(include="127.0.0.1", **QUICK)
    api.wait(1)
    assert names(api, "zones") == ["default"] and names(api, "profiles") == []
    configure(daemon, ZONE + PROFILE + 'label "mine" { when = "ip=127.0.0.1" set = "ignore" }\n')
    os.kill(daemon.pid(), signal.SIGHUP)
    until(lambda: names(api, "profiles") == ["lab"])
    assert sorted(names(api, "zones")) == ["default", "lab"] and "mine" in names(api, "labels")
    until(lambda: api.get("/v1/interfaces/127.0.0.1")["interface"]["state"] == "ignored")
    zone = api.get("/v1/zones/lab")
    assert (zone["max_rate"], zone["profiles"], zone["origin"], zone["interfaces"]) == (500, ["lab"], "file", 0)
    api.post("/v1/runs", {"profile": "lab"}, 202)
    assert api.wait(2)["outcome"] == "complete" and api.get("/v1/zones/lab")["interfaces"] == 1
    configure(daemon, "")
    answer = api.post("/v1/reload")
    assert (answer["profiles"], answer["zones"], answer["after_restart"]) == (0, 1, [])
    assert names(api, "profiles") == [] and "mine" not in names(api, "labels")
    assert api.get("/v1/zones/lab")["origin"] == "dropped"
    until(lambda: api.get("/v1/interfaces/127.0.0.1")["interface"]["state"] == "unmanaged")
    assert api.call("POST", "/v1/runs", {"profile": "lab"}).status == 404


def test_a_fault_leaves_the_old_one_in_force_and_says_so(daemon):
    api = daemon.api
    configure(daemon, ZONE + PROFILE)
    api.post("/v1/reload")
    configure(daemon, ZONE + 'profile "lab" { zone = "gone" nmap { include = "127.0.0.9" } }\nlabel "x" { when = "state=gone" set = "ignore" }\n')
    refused = api.call("POST", "/v1/reload")
    assert refused.status == 400 and "the old configuration stays in force" in refused.json["text"]
    assert "muster.conf:" in refused.json["text"] and "more: muster config check" in refused.json["text"]
    os.kill(daemon.pid(), signal.SIGHUP)
    until(lambda: daemon.log().count("the old configuration stays in force") >= 2)
    assert names(api, "profiles") == ["lab"] and api.get("/v1/profiles/lab")["zone"] == "lab"
    assert api.post("/v1/runs", {"profile": "lab"}, 202)


def test_what_needs_a_new_start_is_named(daemon):
    configure(daemon, 'store "sqlite" { path = "/elsewhere/muster.db" }\n')
    assert daemon.api.post("/v1/reload")["after_restart"] == ["store"]


def test_new_never_scan_holds_for_shards_that_have_not_started(daemon):
    api = daemon.api
    api.scan(**SLOW)
    api.wait(1, until=lambda r: r.get("progress", {}).get("shards_running", 0) >= 1)
    configure(daemon, 'never_scan = { "127.0.0.60" }\n')
    assert api.post("/v1/reload")["never_scan"] == 1
    run = api.wait(1)
    shards = {s["scope"]["addresses"]: s for s in run["shards"]}
    last = next(s for where, s in shards.items() if "127.0.0.48" in where)
    assert last["outcome"] == "failed" and "127.0.0.60 is in never_scan entry 127.0.0.60" in last["reason"]
    assert [s["outcome"] for s in run["shards"]].count("complete") == 3 and run["outcome"] == "partial"
    assert run["options"]["ports"] == "1-100" and run["up"] == 48
    assert not api.get("/v1/interfaces", filter="ip=127.0.0.60")["items"]


def test_a_run_keeps_its_zone_when_the_configuration_drops_it(daemon):
    api = daemon.api
    configure(daemon, ZONE)
    api.post("/v1/reload")
    api.post("/v1/runs", {"method": "nmap", "zone": "lab", "options": {k: str(v) for k, v in SLOW.items()}}, 202)
    api.wait(1, until=lambda r: r.get("progress", {}).get("shards_running", 0) >= 1)
    configure(daemon, "")
    api.post("/v1/reload")
    run = api.wait(1)
    assert (run["outcome"], run["zone"], run["up"]) == ("complete", "lab", 64)


def test_a_new_rate_holds_for_a_run_under_way(daemon):
    api = daemon.api
    api.scan(**{**SLOW, "parallel": 1})
    api.wait(1, until=lambda r: r.get("progress", {}).get("max_rate", 0) == 1600)
    configure(daemon, "max_rate = 900\n")
    api.post("/v1/reload")
    api.wait(1, until=lambda r: r.get("progress", {}).get("max_rate", 0) == 900)
    api.post("/v1/runs/1/cancel", expect=202)
    api.wait(1)


def test_locations_of_a_file(home):
    table = home / "places.csv"
    table.write_text("Network,NAT,Region,Site\n127.0.0.0/8,,Here,Loop\n")
    table.chmod(0o600)
    with Daemon(home, config=f'locations = "{table}"\n') as daemon:
        api = daemon.api
        until(lambda: api.get("/v1/locations")["total"] == 1)
        api.scan(include="127.0.0.1", **QUICK)
        api.wait(1)
        assert api.get("/v1/interfaces/127.0.0.1")["interface"]["location"] == "Here / Loop"
        table.write_text("Network,NAT,Region,Site\n127.0.0.0/8,,There,Loop\n")
        api.post("/v1/reload")
        until(lambda: api.get("/v1/interfaces/127.0.0.1")["interface"]["location"] == "There / Loop")
        table.write_text("Network,NAT,Region\nnonsense,,There\n")
        refused = api.call("POST", "/v1/reload")
        assert refused.status == 400 and "places.csv: line 2" in refused.json["text"]
        assert api.get("/v1/interfaces/127.0.0.1")["interface"]["location"] == "There / Loop"
        put = api.call("PUT", "/v1/locations", b"Network,NAT,Region\n10.0.0.0/8,,X\n", {"Content-Type": "text/csv"})
        assert put.status == 403 and "places.csv" in put.json["text"]


def test_the_command(muster):
    muster.write_config(ZONE)
    done = muster("config", "reload", check=0)
    assert "in force: 0 profiles, 2 zones" in done.stdout
    muster.write_config(ZONE + "nonsense = 1\n")
    done = muster("config", "reload")
    assert done.returncode == 2 and "stays in force" in done.stderr
    muster.write_config(ZONE)
    assert "lab" in muster("zones", check=0).stdout and "500/s" in muster("zones", "show", "lab", check=0).stdout
    assert muster("zones", "show", "hall").returncode == 4
    assert [z["name"] for z in muster.json("zones", "--sort", "-name", "--limit", "1")] == ["lab"]
    assert muster("zones", "--csv", "--sort", "name", "--columns", "name,max_rate", check=0).stdout.split() == ["name,max_rate", "default,0", "lab,500"]
    assert "did you mean networks" in muster("zones", "--columns", "network").stderr
