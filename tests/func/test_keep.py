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
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


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
