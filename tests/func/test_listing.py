# SPDX-License-Identifier: Apache-2.0
"""Listings: what they may be asked, what they say while a run runs, and which words are refused."""
import pytest

from muster_api import Daemon
from test_runs import QUICK, SLOW


@pytest.fixture
def daemon(home):
    with Daemon(home) as running:
        yield running


@pytest.fixture
def api(daemon):
    return daemon.api


def listed(api):
    return api.get("/v1/runs")["items"][0]


def test_the_listing_of_runs_is_live(api):
    api.scan(**SLOW)
    api.wait(1, until=lambda r: r.get("progress", {}).get("shards_done", 0) >= 1)
    run = api.wait(1, until=lambda r: listed(api)["shards_done"] >= 1 or r["state"] == "done")
    assert run["state"] != "done", "the listing knew of no ended shard while the run ran"
    assert (listed(api)["shards"], listed(api)["addresses"]) == (4, 64)
    api.wait(1)
    assert (listed(api)["shards"], listed(api)["shards_done"]) == (4, 4)


def test_addresses_are_those_after_exclusions(api):
    api.scan(include="127.0.0.0/29", exclude="127.0.0.4-127.0.0.7", ports="9", os_detection="off")
    run = api.wait(1)
    assert run["addresses"] == listed(api)["addresses"] == 4 and run["up"] == 4


def test_interfaces_of_one_run(api):
    api.scan(include="127.0.0.1", **QUICK)
    api.wait(1)
    api.scan(include="127.0.0.2", **QUICK)
    second = api.wait(2)
    for key in ("2", second["_id"]):
        assert [i["ip"] for i in api.get("/v1/interfaces", filter=f"created_run={key}")["items"]] == ["127.0.0.2"]
    assert api.get("/v1/interfaces", filter="created_run=1,2")["total"] == 2
    assert api.get("/v1/interfaces", filter="created_run!=1")["total"] == 1
    assert api.get("/v1/interfaces", filter="lost_run=1")["total"] == 0
    assert "no run 9" in api.get("/v1/interfaces", expect=404, filter="created_run=9")["text"]
    refused = api.call("PUT", "/v1/labels/mine", {"when": "created_run=1"})
    assert refused.status == 400 and "not with rules" in refused.json["text"]


@pytest.mark.parametrize("path, word, values", [
    ("/v1/interfaces?filter=state%3Dbogus", "bogus", "managed, unmanaged, unmanageable, ignored, lost"),
    ("/v1/interfaces?filter=identity%3Dname", "name", "mac, ip, eni, agent"),
    ("/v1/runs?filter=outcome%3Dgood", "good", "complete, partial, failed"),
    ("/v1/runs?filter=kind%3Dscan,plan", "plan", "scan, import"),
    ("/v1/runs?filter=state%3Dstarted", "started", "planning, running, importing, done"),
])
def test_a_word_outside_a_closed_set_is_refused_with_the_set(api, path, word, values):
    text = api.get(path, expect=400)["text"]
    assert f'"{word}"' in text and values in text


def test_columns_say_what_they_can_hold(api):
    columns = {c["name"]: c for c in api.get("/v1/columns")}
    assert columns["state"]["values"] == "managed,unmanaged,unmanageable,ignored,lost" and "values" not in columns["vendor"]
    assert not columns["created_run"]["default"]
    assert {c["name"] for c in api.get("/v1/columns", of="runs")} >= {"number", "outcome", "shards_done"}
    assert api.get("/v1/columns", of="zones", expect=400)


def test_the_same_words_are_refused_in_rules_and_files(muster):
    muster.write_config('label "old" { when = "state=gone" set = "ignore" }\n')
    checked = muster("config", "check")
    assert checked.returncode == 2 and "managed, unmanaged, unmanageable, ignored, lost" in checked.stdout
    muster.write_config("")
    refused = muster("labels", "add", "old", "--when", "state=gone")
    assert refused.returncode == 2 and "managed, unmanaged" in refused.stderr
    assert muster("interfaces", "state=gone").returncode == 2


def test_tables_name_runs_by_number_and_data_by_uuid(muster):
    muster("scan", "nmap", "127.0.0.1", "--ports", "22", "--os-detection=off", "--dns=off", check=0)
    shown = muster("interfaces", "--columns", "ip,created_run,changed_run", check=0)
    assert shown.stdout.splitlines()[1].split() == ["127.0.0.1", "1", "-"]
    row = muster("interfaces", "--columns", "created_run", "--csv", check=0).stdout.split()[1]
    assert len(row) == 36 and muster.json("interfaces", "created_run=" + row)[0]["ip"] == "127.0.0.1"


def test_runs_take_columns_and_sort(muster):
    for last in (1, 2):
        muster("scan", "nmap", f"127.0.0.{last}", "--ports", "22", "--os-detection=off", "--dns=off", check=0)
    shown = muster("runs", "--columns", "number,outcome,shards_done", "--sort", "number", check=0).stdout.splitlines()
    assert [line.split() for line in shown] == [["RUN", "OUTCOME", "DONE"], ["1", "complete", "1"], ["2", "complete", "1"]]
    assert "meaning" in muster("runs", "--columns", check=0).stdout.lower()
    assert muster("runs", "--columns", "took", "--csv").returncode == 2
    assert muster("runs", "--csv", "--columns", "number", check=0).stdout.split() == ["number", "2", "1"]


def test_a_page_reads_the_named_fields(api):
    api.scan(include="127.0.0.1", **QUICK)
    api.wait(1)
    item = api.get("/v1/interfaces", fields="ip,methods")["items"][0]
    assert item["ip"] == "127.0.0.1" and item["methods"] == ["nmap"] and item["id"] and "services" not in item and "hostname" not in item
    assert \
        'did you mean "state"' in api.get("/v1/interfaces", fields="ip,stat", expect=400)["text"]


def test_total_is_exact_for_few_and_counted_for_pages(api):
    api.scan(**SLOW)
    api.wait(1)
    page = api.get("/v1/interfaces", limit=10)
    assert (page["total"], page["total_exact"], len(page["items"])) == (64, True, 10) and page["next"]
    rest = api.get("/v1/interfaces", limit=100, after=page["next"])
    assert len(rest["items"]) == 54 and rest["total"] == 64 and rest["next"] == ""
    assert api.get("/v1/interfaces", limit=100)["total"] == 64
