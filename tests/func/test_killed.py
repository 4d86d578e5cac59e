# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments, of workers, importers and the daemon: the store must equal that of a scan nobody disturbed.

MUSTER_KILLS is how many (`./check crash` asks for 1000), MUSTER_SEED repeats a run; both are printed when a test fails.
"""
import json
import os
import random
import re
import signal
import sqlite3
import time

import pytest
from muster_api import Daemon

KILLS = int(os.environ.get("MUSTER_KILLS", "12"))
SEED = int(os.environ.get("MUSTER_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
SHARDS = 40
# Random ids, and when and how often something was written, differ between any two scans. `change` tells the steps by
# which a run came to what is stored: whether there was one must be the same, its words need not.
DIFFER = {"_id", "interface", "rev", "number", "created", "updated", "last_run", "missed_run", "created_run", "changed_run", "lost_run", "run",
          "row", "unsettled_run", "change"}


def dump(store):
    """What is stored, with each interface named by its addresses, as sorted lines."""
    out = []
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        names = {row["_id"]: f"<{row['ip']} {row['mac']}>" for row in db.execute("select _id, ip, mac from interfaces")}
        pattern = re.compile("|".join(map(re.escape, names)) or "$^")
        for table in ("interfaces", "identities", "observations", "observation_history"):
            for row in db.execute(f"select * from {table}"):
                fields = {k: row[k] for k in row.keys() if k not in DIFFER and not isinstance(row[k], bytes)}
                if table in ("identities", "observations"):
                    fields["key"] = row["_id"]
                if table == "interfaces":
                    fields["changed"] = row["change"] is not None
                if "interface" in row.keys():
                    fields["of"] = names.get(row["interface"], "nobody")
                out.append(pattern.sub(lambda m: names[m.group()], json.dumps([table, fields], sort_keys=True)))
    return sorted(out)


def same(store, whole, kills):
    here = dump(store)
    if here != whole:
        lost, more = sorted(set(whole) - set(here)), sorted(set(here) - set(whole))
        text = "\n".join(["expected:", *lost[:4], "found:", *more[:4]])
        raise AssertionError(f"after {kills} kills {len(lost)} rows differ:\n{text}")


def roll(api, turn):
    return api.post("/v1/runs", {"method": "roll", "options": {"shards": str(SHARDS), "turn": str(turn)}}, 202)["number"]


def undisturbed(home, turns):
    with Daemon(home, plugins=("many_shards", "store-sqlite")) as daemon:
        for turn in range(turns):
            assert daemon.api.wait(roll(daemon.api, turn))["outcome"] == "complete"
    return dump(daemon.store)


def victims(daemon, verbs):
    return [pid for verb in verbs for pid in daemon.workers(verb)]


def disturb(daemon, number, dice, verbs, most):
    """Kills at random moments while the run goes on; says how many."""
    killed = 0
    while daemon.api.run(number)["state"] != "done":
        time.sleep(dice.uniform(0, 0.03))
        found = victims(daemon, verbs)
        if found and killed < most:
            try:
                os.kill(dice.choice(found), signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
    return killed


def scan_disturbed(daemon, turn, dice, verbs, most):
    """One scan, killed at and tried again until it is complete. Most kills of one try stay below what ends an import."""
    number, kills = roll(daemon.api, turn), 0
    for _ in range(400):
        kills += disturb(daemon, number, dice, verbs, min(most - kills, 3 if "import" in verbs else 1 << 30))
        if daemon.api.run(number)["outcome"] == "complete":
            return kills
        daemon.api.post(f"/v1/runs/{number}/retry", expect=202)
    raise AssertionError(daemon.api.run(number))


@pytest.mark.parametrize("verbs, share", [(("run",), 1), (("run", "import"), 10)], ids=["workers", "importers too"])
@pytest.mark.timeout(3600)
def test_killed_processes_lose_and_double_nothing(home, verbs, share):
    """Importers are killed by the thousand in test_import_worker; here the daemon waits for seconds after each."""
    print("MUSTER_KILLS", KILLS, "MUSTER_SEED", SEED)
    dice, kills, turns, most = random.Random(SEED), 0, 2, max(6, KILLS // share)
    (home / "whole").mkdir()
    whole = undisturbed(home / "whole", turns)
    assert len(whole) > SHARDS * 40
    for attempt in range(1000):
        if kills >= most:
            break
        place = home / f"cut{attempt}"
        place.mkdir()
        with Daemon(place, plugins=("many_shards", "store-sqlite")) as daemon:
            for turn in range(turns):
                kills += scan_disturbed(daemon, turn, dice, verbs, max(0, most - kills))
        same(daemon.store, whole, kills)
    assert kills >= most


@pytest.mark.timeout(3600)
def test_killed_daemon_loses_and_doubles_nothing(home):
    print("MUSTER_KILLS", KILLS, "MUSTER_SEED", SEED)
    dice, kills, turns = random.Random(SEED), 0, 2
    (home / "whole").mkdir()
    whole = undisturbed(home / "whole", turns)
    most = max(2, KILLS // 20)
    for attempt in range(1000):
        if kills >= most:
            break
        place = home / f"cut{attempt}"
        place.mkdir()
        for turn in range(turns):
            daemon = Daemon(place, plugins=("many_shards", "store-sqlite")).start()
            number = roll(daemon.api, turn)
            for _ in range(dice.randrange(1, 4)):
                time.sleep(dice.uniform(0, 1.2))
                daemon.kill()
                kills += 1
                daemon = Daemon(place, plugins=("many_shards", "store-sqlite")).start()
                finish(daemon.api, number, dice.random() < 0.5)
            finish(daemon.api, number, False)
            while daemon.api.run(number)["outcome"] != "complete":
                daemon.api.post(f"/v1/runs/{number}/retry", expect=202)
                finish(daemon.api, number, False)
            daemon.stop()
        same(daemon.store, whole, kills)


def finish(api, number, retry):
    """Waits for the end of the run as it is; `retry` starts what is missing, if anything is."""
    run = api.wait(number)
    if retry and run["outcome"] != "complete":
        api.post(f"/v1/runs/{number}/retry", expect=202)
