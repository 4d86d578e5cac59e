# SPDX-License-Identifier: Apache-2.0
"""Kept for years: retention, the store's size, backup, restore, verify, coverage, and what was where at an earlier time."""
import os
import sqlite3
import time
import uuid

import pytest

DAY = 86400
HOST = """<host starttime="{seen}" endtime="{seen}"><status state="up" reason="echo-reply" reason_ttl="64"/>
<address addr="{ip}" addrtype="ipv4"/>{mac}
<ports>{ports}</ports></host>"""
XML = """<?xml version="1.0"?><!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -sS -p 1-1000 {targets}" start="{seen}" version="7.93" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="1000" services="1-1000"/>
{hosts}<runstats><finished time="{seen}"/><hosts up="{up}" down="0" total="{up}"/></runstats></nmaprun>
"""
NOW = int(time.time())


@pytest.fixture
def scan(build, muster, home):
    """Imports what a scan of `targets` would have seen `days` ago: {address: (MAC or None, ports...)}."""
    if not (build / "plugins" / ".libs" / "nmap.so").exists():
        pytest.skip("the nmap plugin is not built")

    def imported(days, targets, hosts, profile="import"):
        seen = NOW - int(days * DAY)
        text = ""
        for ip, (mac, *ports) in hosts.items():
            text += HOST.format(seen=seen, ip=ip, mac=f'<address addr="{mac}" addrtype="mac"/>' if mac else "", ports="".join(
                f'<port protocol="tcp" portid="{p}"><state state="open" reason="syn-ack" reason_ttl="64"/></port>' for p in ports))
        path = home / "scan.xml"
        path.write_text(XML.format(seen=seen, targets=targets, hosts=text, up=len(hosts)))
        muster("import", "nmap", path, "--zone", "default", "--profile", profile, "--covers", targets, check=0)
    return imported


def rows(path, sql):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def eventually(look, wanted, seconds=20):
    until = time.monotonic() + seconds
    while look() != wanted and time.monotonic() < until:
        time.sleep(0.1)
    assert look() == wanted


def test_what_is_too_old_goes_by_itself(muster, scan):
    scan(200, "192.0.2.0/24", {"192.0.2.1": ("3C:22:FB:00:00:01", 22), "192.0.2.2": ("3C:22:FB:00:00:02", 22)})
    scan(190, "192.0.2.0/24", {"192.0.2.1": ("3C:22:FB:00:00:01", 22, 80), "192.0.2.2": ("3C:22:FB:00:00:02", 22)})
    for days in (180, 179, 178):
        scan(days, "192.0.2.0/24", {"192.0.2.1": ("3C:22:FB:00:00:01", 22, 80)})
    assert rows(muster.store, "SELECT state FROM interfaces ORDER BY ip_key") == [("unmanaged",), ("lost",)]
    assert rows(muster.store, "SELECT count(*) FROM observation_history") == [(1,)]
    muster.stop()
    leftover = muster.store.with_name("muster.spool") / str(uuid.UUID(int=0x0190 << 112 | 7 << 76 | 2 << 62))
    young = muster.store.with_name("muster.spool") / str(uuid.UUID(int=0x0191 << 112 | 7 << 76 | 2 << 62))
    for folder in (leftover, young):
        folder.mkdir(mode=0o700)
        (folder / "s0001.seg").write_bytes(b"MSTSPOOL")
    os.utime(leftover, (NOW - 40 * DAY, NOW - 40 * DAY))
    with sqlite3.connect(muster.store) as db:
        db.execute("UPDATE runs SET ended = ended - ? WHERE number <= 2", (400 * DAY * 1000,))
    muster.write_config("retention {\n observations = 90d\n lost = 100d\n runs = 1y\n spool = 30d\n}\n")
    muster("runs", check=0)
    eventually(lambda: rows(muster.store, "SELECT count(*) FROM counters WHERE _id = 'pruned'"), [(1,)])
    assert rows(muster.store, "SELECT count(*) FROM observation_history") == [(0,)]
    assert rows(muster.store, "SELECT ip, state FROM interfaces") == [("192.0.2.1", "unmanaged")]
    assert rows(muster.store, "SELECT count(*) FROM observations") == [(1,)]
    assert rows(muster.store, "SELECT number FROM runs ORDER BY number") == [(3,), (4,), (5,)]
    assert rows(muster.store, "SELECT count(*) FROM shards WHERE run NOT IN (SELECT _id FROM runs)") == [(0,)]
    eventually(leftover.exists, False)
    assert young.exists()
    assert rows(muster.store, "PRAGMA integrity_check") == [("ok",)]
    # not again within the day
    before = rows(muster.store, "SELECT value FROM counters WHERE _id = 'pruned'")
    muster.stop()
    muster("runs", check=0)
    muster.stop()
    assert rows(muster.store, "SELECT value FROM counters WHERE _id = 'pruned'") == before


def test_without_retention_nothing_goes(muster, scan):
    scan(2000, "192.0.2.0/24", {"192.0.2.1": (None, 22)})
    scan(1999, "192.0.2.0/24", {"192.0.2.1": (None, 22, 80)})
    muster.stop()
    muster("runs", check=0)
    time.sleep(1.5)
    muster.stop()
    assert rows(muster.store, "SELECT count(*) FROM observation_history") == [(1,)]
    assert rows(muster.store, "SELECT count(*) FROM counters WHERE _id = 'pruned'") == [(0,)]
    assert rows(muster.store, "SELECT count(*) FROM store_days") == [(1,)]


# ---- the store: stats, backup, restore, verify ----

def some(scan, count=3):
    scan(2, "192.0.2.0/24", {f"192.0.2.{i}": (f"3C:22:FB:00:00:{i:02X}", 22, 80) for i in range(1, count + 1)})


def addresses(muster):
    return sorted(item["ip"] for item in muster.json("interfaces"))


def test_store_stats_and_the_line_of_day_200(muster, scan):
    some(scan)
    text = muster("store", check=0).stdout
    assert "not known yet" in text and "interfaces" in text and "observations for ever" in text
    stats = muster.json("store", "stats")
    assert stats["kind"] == "sqlite" and stats["path"] == str(muster.store) and stats["bytes"] > 100000
    assert {c["name"]: c["documents"] for c in stats["collections"]}["interfaces"] == 3
    assert stats["growth"]["known"] is False and stats["spool"]["bytes"] == 0 and stats["history_from"] is None
    assert "interfaces,3" in muster("store", "stats", "--csv", check=0).stdout
    muster.stop()
    with sqlite3.connect(muster.store) as db:
        size = muster.store.stat().st_size
        for day in range(1, 21):
            db.execute("INSERT INTO store_days (_id, rev, at, bytes, used, free) VALUES (?, 1, ?, ?, ?, 0)",
                       (f"day{day}", (NOW - day * DAY) * 1000, 0, size - day * 31_000_000))
    growth = muster.json("store", "stats")["growth"]
    assert growth["known"] and 30_000_000 < growth["per_day"] < 32_000_000 and growth["days"] in (19, 20)
    first = muster(check=0).stdout.splitlines()[0]
    assert "(+31 MB/day, " in first and "days left)" in first
    assert "+31 MB/day over " in muster("store", check=0).stdout


def test_backup_and_restore(muster, scan, home):
    some(scan)
    copy = home / "copy.db"
    done = muster("store", "backup", copy, check=0)
    assert "sound copy" in done.stdout and copy.stat().st_mode & 0o777 == 0o600
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    assert sorted(path.name for path in home.glob("copy*")) == ["copy.db"]
    assert list(muster.store.with_name("muster.spool").glob("uploads/*")) == []
    before = copy.read_bytes()
    assert muster("store", "backup", copy, check=5).stderr.count("--force") == 1
    assert copy.read_bytes() == before
    some(scan, 5)
    assert len(addresses(muster)) == 5
    answer = muster.json("store", "backup", copy, "--force")
    assert answer["bytes"] == copy.stat().st_size
    some(scan, 7)
    # the private service that is idle is ended for it
    done = muster("store", "restore", copy, check=0)
    assert f"{muster.store} is restored" in done.stdout
    aside = [line.split(": ")[1] for line in done.stdout.splitlines() if "old store is kept" in line]
    assert len(aside) == 1 and rows(aside[0], "SELECT count(*) FROM interfaces") == [(7,)]
    assert len(addresses(muster)) == 5
    assert muster.store.stat().st_mode & 0o777 == 0o600
    some(scan, 6)
    assert len(addresses(muster)) == 6
    assert "sound" in muster("store", "verify", check=0).stdout


def test_restore_into_nothing(muster, scan, home):
    some(scan)
    copy = home / "copy.db"
    muster("store", "backup", copy, check=0)
    other = home / "other" / "new.db"
    done = muster("store", "restore", copy, "--store", other, check=0)
    assert "old store" not in done.stdout
    assert rows(other, "SELECT count(*) FROM interfaces") == [(3,)]


def test_restore_refuses_what_is_no_sound_store(muster, scan, home):
    some(scan)
    other, cut = home / "other.db", home / "cut.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE notes (text)")
    assert "no Muster store" in muster("store", "restore", other, check=5).stderr
    muster("store", "backup", cut, check=0)
    data = bytearray(cut.read_bytes())
    data[len(data) // 2:len(data) // 2 + 3000] = b"\xa5" * 3000
    cut.write_bytes(data)
    assert "damaged" in muster("store", "restore", cut, check=1).stderr
    cut.write_bytes(data[:len(data) // 3])
    assert muster("store", "restore", cut).returncode == 1
    assert "cannot read" in muster("store", "restore", home / "none.db", check=4).stderr
    assert addresses(muster) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert list(muster.store.parent.glob("*.before-*")) == list(muster.store.parent.glob("*.restoring")) == []


def test_restore_waits_for_nobody_who_works(muster, scan, home, build):
    """A service with a run, or one that is not private, keeps its store."""
    some(scan)
    copy, fifo = home / "copy.db", home / "slow.xml"
    muster("store", "backup", copy, check=0)
    os.mkfifo(fifo)
    import_ = muster.start("import", "nmap", str(fifo), "--zone", "default")
    with open(fifo, "wb") as pipe:
        pipe.write(b"<?xml version='1.0'?>")
        pipe.flush()
        lock = muster.store.with_name("muster.db.lock")
        text = lock.read_text()
        lock.write_text(text.replace('"private":true', '"private":false'))
        assert "systemctl stop muster" in muster("store", "restore", copy, check=5).stderr
        lock.write_text(text)
    import_.wait(30)


def test_verify_finds_a_damaged_page(muster, scan):
    some(scan, 200)
    assert "sound" in muster("store", "verify", check=0).stdout
    muster.stop()
    with sqlite3.connect(muster.store) as db:
        page, = db.execute("SELECT pageno FROM dbstat WHERE name = 'observations_rest' AND pagetype = 'leaf' LIMIT 1").fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with open(muster.store, "r+b") as file:
        file.seek((page - 1) * size + 200)
        file.write(b"\xa5" * 2000)
    done = muster("store", "verify", check=1)
    assert "observations_rest" in done.stdout or "damaged" in done.stdout + done.stderr or "page" in done.stdout
    assert "not sound" in done.stderr and "restore" in done.stderr
    answer = muster("store", "verify", "--json", check=1)
    assert '"status":"corrupt"' in answer.stdout.replace(" ", "")
    assert muster("store", "backup", muster.home / "bad.db", check=1).stderr
    assert not (muster.home / "bad.db").exists()


@pytest.mark.parametrize("sql, said", [
    ("DELETE FROM interfaces WHERE ip = '192.0.2.2'", "names interfaces"),
    ("DELETE FROM observations WHERE ip = '192.0.2.2'", "has no observation"),
    ("UPDATE counters SET value = 1 WHERE _id = 'interfaces'", "given out twice"),
    ("DELETE FROM runs", "names runs"),
])
def test_verify_finds_documents_that_disagree(muster, scan, sql, said):
    some(scan)
    muster.stop()
    with sqlite3.connect(muster.store) as db:
        db.execute(sql)
    assert said in muster("store", "verify", check=1).stdout


def test_backup_where_nothing_can_be_written(muster, scan, home):
    some(scan)
    assert muster("store", "backup", home / "no" / "folder.db", check=4).stderr
    assert "no regular file" in muster("store", "backup", home, check=2).stderr
    if os.geteuid() != 0:
        return
    import subprocess
    small = home / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", str(small)], check=True)
    try:
        done = muster("store", "backup", small / "copy.db")
        assert done.returncode == 1 and "No space left" in done.stderr
        assert list(small.iterdir()) == []
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        assert "Read-only" in muster("store", "backup", small / "copy.db").stderr
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert addresses(muster) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


# ---- coverage ----

CONF = """
zone "hq" { networks = {"10.1.0.0/16"} }
zone "lab" { networks = {"192.0.2.0/25"} }
profile "web" { zone = "lab"
 nmap { include = "192.0.2.0/26, printers.example.net" }
}
"""


def test_coverage_of_locations_zones_and_profiles(muster, scan, home):
    muster.write_config(CONF)
    places = home / "places.csv"
    places.write_text("Network,NAT,Region,Site\n192.0.2.0/24,,Europe,Bern\n198.51.100.0/24,,Europe,Basel\n")
    muster("locations", "import", places, check=0)
    scan(40, "192.0.2.0/24", {"192.0.2.1": (None, 22)})
    scan(3, "192.0.2.0/26", {"192.0.2.1": (None, 22)})
    got = {(row["network"], row["zone"]): row for row in muster.json("coverage")}
    assert set(got) == {("10.1.0.0/16", "hq"), ("192.0.2.0/25", "lab"), ("192.0.2.0/26", "lab"), ("192.0.2.0/24", "default"),
                        ("192.0.2.0/24", "lab"), ("198.51.100.0/24", "default")}
    bern = got["192.0.2.0/24", "default"]
    assert bern["covered"] == 100 and bern["name"] == "Europe / Bern" and bern["run"] == 2 and bern["profile"] == "import"
    assert bern["whole_since"] < bern["last_covered"]
    assert got["198.51.100.0/24", "default"]["last_covered"] is None and got["10.1.0.0/16", "hq"]["covered"] == 0
    text = muster("coverage", check=0).stdout
    assert "100 %" in text and "never" in text and "3d" in text
    old = {(row["network"], row["zone"]) for row in muster.json("coverage", "--older-than", "30d")}
    assert ("192.0.2.0/24", "default") not in old and ("198.51.100.0/24", "default") in old
    assert {row["network"] for row in muster.json("coverage", "--zone", "hq")} == {"10.1.0.0/16"}
    assert {row["network"] for row in muster.json("coverage", "192.0.2.200")} == {"192.0.2.0/24"}
    assert muster("coverage", "--csv", check=0).stdout.splitlines()[0].startswith("network,zone,name,addresses,covered")
    assert "duration" in muster("coverage", "--older-than", "soon", check=2).stderr
    assert muster("coverage", "no-network", check=2).stderr
    assert "not covered" not in muster(check=0).stdout


def test_what_was_not_covered_for_long_needs_attention(muster, scan, home):
    places = home / "places.csv"
    places.write_text("Network,NAT,Region\n192.0.2.0/24,,Europe\n")
    muster("locations", "import", places, check=0)
    scan(34.5, "192.0.2.0/24", {"192.0.2.1": (None, 22)})
    line, = [line for line in muster(check=0).stdout.splitlines() if "not covered" in line]
    assert "default" in line and "192.0.2.0/24 not covered for 34 days" in line and "muster coverage --older-than 30d" in line
    assert [a["subject"] for a in muster.json()["attention"]] == ["default"]
    scan(1, "192.0.2.0/24", {"192.0.2.1": (None, 22)})
    assert "not covered" not in muster(check=0).stdout


# ---- earlier times ----

def day(days):
    return time.strftime("%Y-%m-%d", time.gmtime(NOW - days * DAY))


def test_what_was_where_at_an_earlier_time(muster, scan):
    """A card moves, another one takes its address, ports change."""
    first, second = "3C:22:FB:00:00:01", "3C:22:FB:00:00:02"
    scan(20, "192.0.2.0/24", {"192.0.2.5": (first, 22), "192.0.2.7": (None, 80)})
    scan(10, "192.0.2.0/24", {"192.0.2.5": (second, 443), "192.0.2.9": (first, 22, 25), "192.0.2.7": (None, 80)})
    then = muster.json("interfaces", "--at", "15d")
    assert [(i["ip"], i.get("mac"), i["ports"]) for i in sorted(then, key=lambda i: i["ip"])] == [
        ("192.0.2.5", first.lower(), ["22"]), ("192.0.2.7", None, ["80"])]
    table = muster("interfaces", "--at", day(15), check=0).stdout
    assert table.index("192.0.2.5") < table.index("192.0.2.7") and "192.0.2.9" not in table
    assert [i["ip"] for i in muster.json("interfaces", "port=22", "--at", "15d")] == ["192.0.2.5"]
    assert [i["mac"] for i in muster.json("interfaces", "ip=192.0.2.5", "--at", "5d")] == [second.lower()]
    assert muster.json("interfaces", "show", "192.0.2.5", "--at", "15d")["interface"]["mac"] == first.lower()
    assert muster.json("interfaces", "show", "192.0.2.5")["interface"]["mac"] == second.lower()
    assert muster.json("interfaces", "show", first, "--at", "15d")["interface"]["ip"] == "192.0.2.5"
    text = muster("interfaces", "show", "192.0.2.5", "--at", "15d", check=0)
    assert first.lower() in text.stdout and "as it was at" in text.stderr
    # the day on which it was scanned counts: a date is the end of that day
    assert len(muster.json("interfaces", "--at", day(20))) == 2
    assert muster("interfaces", "--at", "15d", "--csv", check=0).stdout.count("\n") == 3
    # limits
    done = muster("interfaces", "--at", "25d", check=4)
    assert "before what is kept" in done.stderr and "first thing was seen" in done.stderr
    assert "nothing was known" in muster("interfaces", "show", "192.0.2.9", "--at", "15d", check=4).stderr
    assert "not come yet" in muster("interfaces", "--at", "2999-01-01", check=2).stderr
    assert "--at someday" in muster("interfaces", "--at", "someday", check=2).stderr
    assert "sorted by ip" in muster("interfaces", "--at", "15d", "--sort", "mac", check=2).stderr
    # retention
    muster.stop()
    muster.write_config("retention { observations = 12d }\n")
    muster("runs", check=0)
    eventually(lambda: rows(muster.store, "SELECT count(*) FROM counters WHERE _id = 'pruned'"), [(1,)])
    done = muster("interfaces", "--at", "15d", check=4)
    assert "retention.observations" in done.stderr
    assert len(muster.json("interfaces", "--at", "5d")) == len(muster.json("interfaces"))
    assert muster.json("interfaces", "show", "192.0.2.7", "--at", "5d")["interface"]["zone"] == "default"


def test_history_of_one(muster, scan):
    mac = "3C:22:FB:00:00:01"
    scan(30, "192.0.2.0/24", {"192.0.2.5": (mac, 22)})
    scan(20, "192.0.2.0/24", {"192.0.2.5": (mac, 22)})
    scan(10, "192.0.2.0/24", {"192.0.2.5": (mac, 22, 443)})
    items = muster.json("interfaces", "history", "192.0.2.5")
    assert [(i["run"], i["change"]) for i in items][1:] == [(3, "ports +443")]
    assert items[0]["run"] == 1 and items[0]["change"].startswith("first seen") and items[0]["until"] < items[1]["at"]
    table = muster("interfaces", "history", mac, check=0)
    assert "ports +443" in table.stdout and "is not kept" in table.stderr
    assert muster("interfaces", "history", "192.0.2.5", "--csv", check=0).stdout.startswith("at,until,profile,run")
    assert len(muster("interfaces", "history", "192.0.2.5", "--ndjson", check=0).stdout.splitlines()) == 2
    assert muster("interfaces", "history", "192.0.2.99", check=4).stderr


def test_pages_of_an_earlier_time(muster, scan):
    scan(5, "192.0.2.0/24", {f"192.0.2.{i}": (None, 22) for i in range(1, 151)})
    scan(2, "192.0.2.0/24", {f"192.0.2.{i}": (None, 80) for i in range(1, 200)})
    done = muster("interfaces", "--at", "3d", check=0)
    assert done.stdout.count("192.0.2.") == 100 and "100 of 150 shown" in done.stderr
    assert muster("interfaces", "--at", "3d", "--limit", "150", check=0).stdout.count("192.0.2.") == 150
    assert len(muster.json("interfaces", "--at", "3d")) == 150


# ---- when the disk gives no room, and when somebody has enough ----

def mounted(place, *options):
    import subprocess
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    subprocess.run(["mount", *options, str(place)], check=True)


def unmounted(place):
    import subprocess
    subprocess.run(["umount", str(place)], check=True)


def prune(build, store, spool, now=None, **settings):
    from worker_kit import Worker
    job = {"worker": 1, "plugin": str(build / "plugins" / ".libs" / "store-sqlite.so"), "store": {"path": str(store)},
           "spool": str(spool), "segments": [], "finish": [], "settings": settings, "prune": {"now": now} if now else {}}
    worker = Worker(build, "import", job)
    end = worker.end(60)
    said = worker.of("prune")
    worker.wait()
    worker.close()
    return end, said


def old_history(path, count):
    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO observation_history (_id, rev, observation, interface, \"from\", \"to\") VALUES (?, 1, 'o', 'i', 1, ?)",
                       [(f"h{i}", 1000 + i) for i in range(count)])
    db.close()


def test_removal_with_a_moved_clock_and_without_room(muster, scan, home, build):
    """On a full disk and on a read-only one it fails in words, removes nothing by half, and goes on when there is room again."""
    scan(5, "192.0.2.0/24", {"192.0.2.1": (None, 22)})
    muster.stop()
    small = home / "small"
    small.mkdir()
    mounted(small, "-t", "tmpfs", "-o", "size=24m", "none")
    try:
        store = small / "muster.db"
        store.write_bytes(muster.store.read_bytes())
        old_history(store, 20000)
        with sqlite3.connect(store) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        ballast = small / "ballast"
        fd = os.open(ballast, os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(fd, b"x" * 4096):
                pass
        except OSError:
            os.close(fd)
        end, _ = prune(build, store, small, history_ms=1000)
        assert end["status"] == "full" and "free space" in end["text"], end
        ballast.unlink()
        left, = rows(store, "SELECT count(*) FROM observation_history")[0]
        assert left > 0 and left % 500 == 0
        mounted(small, "-o", "remount,ro")
        end, _ = prune(build, store, small, history_ms=1000)
        assert end["status"] in ("refused", "failed") and "read-only" in end["text"].lower(), end
        mounted(small, "-o", "remount,rw")
        # a clock of 1970 removes nothing, that of a week later all
        end, said = prune(build, store, small, now=500, history_ms=1000)
        assert end["status"] == "ok" and said[-1]["history"] == 0
        end, said = prune(build, store, small, now=(NOW + 7 * DAY) * 1000, history_ms=1000)
        assert end["status"] == "ok" and said[-1]["history"] == left
        assert rows(store, "SELECT count(*) FROM observation_history") == [(0,)]
        assert rows(store, "SELECT count(*) FROM observations") == [(1,)]
        assert rows(store, "PRAGMA integrity_check") == [("ok",)]
    finally:
        unmounted(small)


def test_a_removal_gives_way_to_an_import(muster, scan, home):
    """200 000 old rows take a while; what is imported meanwhile does not wait for them."""
    scan(400, "192.0.2.0/24", {"192.0.2.1": (None, 22)})
    muster.stop()
    old_history(muster.store, 200_000)
    muster.write_config("retention { observations = 90d }\n")
    muster("runs", check=0)
    began = time.monotonic()
    scan(3, "192.0.2.0/24", {"192.0.2.1": (None, 22, 80)})
    assert time.monotonic() - began < 30
    assert len(muster.json("interfaces")) >= 1
    left = rows(muster.store, "SELECT count(*) FROM observation_history WHERE observation = 'o'")[0][0]
    assert left < 200_000 or rows(muster.store, "SELECT count(*) FROM runs") == [(2,)]
    muster.stop()
    assert rows(muster.store, "PRAGMA integrity_check") == [("ok",)]


def test_an_interrupted_backup_leaves_nothing(muster, scan, home):
    some(scan)
    muster.stop()
    with sqlite3.connect(muster.store) as db:
        db.execute("CREATE TABLE ballast (x)")
        db.executemany("INSERT INTO ballast VALUES (?)", [(os.urandom(1_000_000),) for _ in range(300)])
    db.close()
    for wait in (0.3, 0.8, 1.5):
        backup = muster.start("store", "backup", str(home / "copy.db"))
        time.sleep(wait)
        backup.send_signal(2)
        out, err = backup.communicate(timeout=60)
        if backup.returncode == 130:
            assert "interrupted" in err
            assert list(home.glob("copy.db*")) == []
        else:
            assert backup.returncode == 0 or not (home / "copy.db").exists()
            (home / "copy.db").unlink(missing_ok=True)
    assert list(home.glob("copy.db*")) == []
    assert muster("store", "backup", home / "copy.db", check=0)
    assert rows(home / "copy.db", "SELECT count(*) FROM ballast") == [(300,)]
