# SPDX-License-Identifier: Apache-2.0
"""The store as an operator meets it beside Muster: read with sqlite3 while it runs, held by another program, opened to nobody."""
import sqlite3
import threading
import time

import pytest

XML = """<?xml version="1.0"?><!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -sS -O {target}" start="1760000000" version="7.93" xmloutputversion="1.05">
<host starttime="1760000000" endtime="1760000060"><status state="up" reason="echo-reply" reason_ttl="64"/>
<address addr="{target}" addrtype="ipv4"/><address addr="3C:22:FB:10:20:{last:02X}" addrtype="mac" vendor="Apple"/>
<hostnames><hostname name="host-{last}.example" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="64"/><service name="ssh"/></port></ports>
</host><runstats><finished time="1760000060"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>
"""


@pytest.fixture
def file_of(build, home):
    if not (build / "plugins" / ".libs" / "nmap.so").exists():
        pytest.skip("the nmap plugin is not built")

    def make(last):
        path = home / f"scan{last}.xml"
        path.write_text(XML.format(target=f"192.0.2.{last}", last=last))
        return path
    return make


def reader(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def test_an_operator_reads_it_with_sqlite3(muster, file_of):
    muster("import", "nmap", file_of(7), "--zone", "default", check=0)
    with reader(muster.store) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        row = db.execute("SELECT ip, mac, hostname, ports, state FROM interfaces").fetchall()
        assert row == [("192.0.2.7", "3c:22:fb:10:20:07", "host-7.example", '["22"]', "unmanaged")]
        assert db.execute("SELECT i.ip FROM interfaces i, json_each(i.ports) p WHERE p.value = '22'").fetchall() == [("192.0.2.7",)]
        named = {name for (name,) in db.execute("SELECT name FROM muster_collections")}
        assert {"interfaces", "identities", "observations", "observation_history", "runs", "shards"} <= named


def test_it_is_open_to_nobody_else(muster, file_of):
    muster("import", "nmap", file_of(7), "--zone", "default", check=0)
    assert muster.store.stat().st_mode & 0o777 == 0o600
    assert muster.store.parent.stat().st_mode & 0o077 == 0
    for path in muster.store.parent.glob("muster.db*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_another_program_that_holds_the_lock_is_waited_for(muster, file_of):
    muster("import", "nmap", file_of(7), "--zone", "default", check=0)
    held = threading.Event()

    def hold():
        with sqlite3.connect(muster.store, isolation_level=None) as db:
            db.execute("BEGIN IMMEDIATE")
            held.set()
            time.sleep(2)
            db.execute("ROLLBACK")

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(5)
    start = time.monotonic()
    muster("import", "nmap", file_of(8), "--zone", "default", check=0)
    holder.join()
    assert time.monotonic() - start > 1
    with reader(muster.store) as db:
        assert db.execute("SELECT ip FROM interfaces ORDER BY ip_key").fetchall() == [("192.0.2.7",), ("192.0.2.8",)]


def test_what_was_changed_by_hand_is_what_is_shown(muster, file_of):
    """The columns are the data and no copy of it: an operator's correction counts."""
    muster("import", "nmap", file_of(7), "--zone", "default", check=0)
    muster.stop()
    with sqlite3.connect(muster.store) as db:
        db.execute("UPDATE interfaces SET hostname = 'corrected'")
    assert "corrected" in muster("interfaces", check=0).stdout
