# SPDX-License-Identifier: Apache-2.0
"""The main job from end to end as an operator lives it: scan, look, scan again, lose a host, retry, import."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

FAST = ["--ports", "22,80,443", "--os-detection", "off", "--dns", "off"]


def by_ip(muster, *filters):
    return {row["ip"]: row for row in muster.json("interfaces", *filters)}


def run_of(muster, number):
    return muster.json("runs", "show", str(number))


def last_run(muster):
    return muster.json("runs")[0]


@pytest.fixture
def three(net):
    net.host("192.0.2.10", 22, 80)
    net.host("192.0.2.11", 443)
    net.host("192.0.2.12")
    return net


def test_scan_lists_what_is_there(netmuster, three):
    done = netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    assert "complete" in done.stderr
    rows = by_ip(netmuster)
    assert set(rows) == {"192.0.2.10", "192.0.2.11", "192.0.2.12"}
    assert rows["192.0.2.10"]["ports"] == ["22", "80"]
    assert rows["192.0.2.11"]["ports"] == ["443"]
    assert rows["192.0.2.12"]["state"] == "unmanaged"
    run = last_run(netmuster)
    assert (run["outcome"], run["new"], run["changed"], run["lost"]) == ("complete", 3, 0, 0)


def test_a_host_that_moves_keeps_its_interface(netmuster, net):
    net.host("192.0.2.10", 22, mac="00:16:3e:00:00:aa")
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    before = netmuster.json("interfaces")
    net.drop("192.0.2.10")
    net.host("192.0.2.13", 22, mac="00:16:3e:00:00:aa")
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    after = netmuster.json("interfaces")
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert after[0]["ip"] == "192.0.2.13" and after[0]["mac"] == "00:16:3e:00:00:aa"
    assert last_run(netmuster)["changed"] == 1


def test_a_second_scan_finds_nothing_new_and_a_closed_port_is_a_change(netmuster, three):
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    run = last_run(netmuster)
    assert (run["new"], run["changed"], run["lost"], run["unchanged"]) == (0, 0, 0, 3)
    three.silence("192.0.2.11")
    three.listen("192.0.2.11", 80)
    done = netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    assert "+80" in done.stdout + done.stderr and "-443" in done.stdout + done.stderr
    assert last_run(netmuster)["changed"] == 1


def test_lost_only_after_three_complete_runs(netmuster, three):
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    three.drop("192.0.2.12")
    for wanted in ("unmanaged", "unmanaged", "lost"):
        netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
        assert by_ip(netmuster)["192.0.2.12"]["state"] == wanted
    assert last_run(netmuster)["lost"] == 1
    three.host("192.0.2.12")
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    assert by_ip(netmuster)["192.0.2.12"]["state"] == "unmanaged"


def test_what_a_run_did_not_look_at_stays(netmuster, three):
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    netmuster("scan", "nmap", "192.0.2.8/29", "--ports", "none", "--os-detection", "off", check=0)
    assert by_ip(netmuster)["192.0.2.10"]["ports"] == ["22", "80"]
    three.silence("192.0.2.10")
    netmuster("scan", "nmap", "192.0.2.8/29", "--ports", "22,443", "--os-detection", "off", check=0)
    assert by_ip(netmuster)["192.0.2.10"]["ports"] == ["80"]


def test_never_scan_beats_the_command_and_names_its_entry(netmuster, three):
    netmuster.write_config('never_scan = {"192.0.2.11"}\n')
    done = netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    assert "192.0.2.11" in done.stderr and "muster.conf:1" in done.stderr
    assert set(by_ip(netmuster)) == {"192.0.2.10", "192.0.2.12"}
    done = netmuster("scan", "nmap", "192.0.2.11", *FAST, check=5)
    assert "never_scan" in done.stderr and "muster.conf:1" in done.stderr


def test_scan_only_refuses_the_rest(netmuster, three):
    netmuster.write_config('scan_only = {"192.0.2.10"}\n')
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    assert set(by_ip(netmuster)) == {"192.0.2.10"}
    done = netmuster("scan", "nmap", "198.51.100.1", *FAST, check=5)
    assert "scan_only" in done.stderr


def sent(net):
    out = subprocess.run([*net.prefix, "cat", "/sys/class/net/v0/statistics/tx_packets"], check=True, capture_output=True, text=True)
    return int(out.stdout)


def test_dry_run_sends_nothing(netmuster, three):
    before = sent(three)
    done = netmuster("scan", "nmap", "192.0.2.0/24", "--exclude", "192.0.2.250", "--dry-run", check=0)
    assert sent(three) == before
    text = done.stdout + done.stderr
    assert "255 addresses" in text and "nmap " in text and "-iL -" in text
    assert text.count("-iL -") == 1 and "(x 16 shards)" in text
    assert netmuster.json("interfaces") == []


def nmap_children(net):
    out = subprocess.run(["ip", "netns", "pids", net.scanner], capture_output=True, text=True, check=True)
    found = []
    for pid in out.stdout.split():
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "nmap":
                found.append(int(pid))
        except OSError:
            pass
    return found


def wait_for(what, limit=60):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def test_ctrl_c_keeps_finished_shards_and_retry_does_the_rest(netmuster, three):
    slow = ["--max-rate", "40", "--parallel", "1"]
    program = netmuster.start("scan", "nmap", "192.0.2.8/29,192.0.2.128/25", *FAST, *slow)
    first = wait_for(lambda: nmap_children(three))[0]
    wait_for(lambda: [pid for pid in nmap_children(three) if pid != first], 120)  # the next shard runs: one is done
    program.send_signal(signal.SIGINT)
    out, errors = program.communicate(timeout=60)
    assert program.returncode == 130, out + errors
    assert not nmap_children(three)
    run = last_run(netmuster)
    assert run["outcome"] == "partial"
    done = netmuster("runs", "retry", run["number"], timeout=300)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: last_run(netmuster)["outcome"] == "complete", 300)
    assert set(by_ip(netmuster)) == {"192.0.2.10", "192.0.2.11", "192.0.2.12"}


def test_killed_nmap_costs_its_shard_and_nothing_else(netmuster, three):
    program = netmuster.start("scan", "nmap", "192.0.2.8/29,192.0.2.128/26", *FAST, "--max-rate", "60")
    victim = wait_for(lambda: nmap_children(three))[0]
    os.kill(victim, signal.SIGKILL)
    out, errors = program.communicate(timeout=240)
    assert program.returncode == 3, out + errors
    run = last_run(netmuster)
    assert run["outcome"] == "partial"
    assert any("nmap" in part["reason"].lower() for part in run_of(netmuster, run["number"])["parts"])


def test_import_twice_changes_nothing_and_truncated_is_partial(muster, tmp_path):
    xml = tmp_path / "scan.xml"
    subprocess.run(["nmap", "-oX", str(xml), "-sT", "-Pn", "-n", "-p", "1-20", "127.0.0.1"], check=True, capture_output=True)
    muster("import", "nmap", xml, "--zone", "default", check=0)
    first = muster.json("interfaces")
    assert len(first) == 1 and first[0]["ip"] == "127.0.0.1"
    muster("import", "nmap", xml, "--zone", "default", check=0)
    run = last_run(muster)
    assert (run["new"], run["changed"], run["lost"]) == (0, 0, 0)
    second = muster.json("interfaces")
    assert second == first
    text = xml.read_text()
    cut = tmp_path / "cut.xml"
    cut.write_text(text[: text.index("<runstats")])
    muster("import", "nmap", cut, "--zone", "default", check=3)
    assert last_run(muster)["outcome"] == "partial"
    assert muster("import", "nmap", "-", "--zone", "default", stdin=text).returncode == 0


def test_labels_locations_and_ignore(netmuster, three, tmp_path):
    netmuster.write_config('label "Web" { when = "port=80" set = "label" }\nlabel "Agent" { when = "port=443" set = "managed" }\n')
    netmuster("scan", "nmap", "192.0.2.8/29", *FAST, check=0)
    rows = by_ip(netmuster)
    assert rows["192.0.2.10"]["labels"] == ["Web"]
    assert rows["192.0.2.11"]["state"] == "managed" and "Agent" in rows["192.0.2.11"]["state_reason"]
    csv = tmp_path / "places.csv"
    csv.write_text('Network,NAT,Region,Site\n192.0.2.0/24,"",Europe,Zurich\n')
    netmuster("locations", "import", csv, check=0)
    assert by_ip(netmuster)["192.0.2.10"]["location"] == "Europe / Zurich"
    dry = netmuster("interfaces", "ignore", "ip=192.0.2.12", "--dry-run", check=0)
    assert "1" in dry.stdout + dry.stderr
    assert by_ip(netmuster)["192.0.2.12"]["state"] == "unmanaged"
    netmuster("interfaces", "ignore", "ip=192.0.2.12", check=0)
    assert by_ip(netmuster)["192.0.2.12"]["state"] == "ignored"


def test_os_detection_as_an_ordinary_user_with_one_capability(home, net):
    """Root drops to nobody with ambient CAP_NET_RAW, as quickstart does for an ordinary user; store and files are nobody's."""
    import conftest

    net.host("192.0.2.10", 22)
    for path in [home, *home.rglob("*")]:
        os.chown(path, 65534, 65534)
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+net_raw", "--ambient-caps=+net_raw"]
    program = conftest.Muster(home, prefix=[*net.prefix, *as_nobody])
    for path in home.rglob("*"):
        os.chown(path, 65534, 65534)
    program("scan", "nmap", "192.0.2.10", "--os-detection", "on", "--ports", "22,23", check=0)
    assert by_ip(program)["192.0.2.10"]["mac"]
    assert program.store.stat().st_uid == 65534
    program.stop()
    without = conftest.Muster(home, prefix=[*net.prefix, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    refused = without("scan", "nmap", "192.0.2.10", "--os-detection", "on", check=5)
    assert "connect_scan" in refused.stderr and "setpriv" in refused.stderr
    without.stop()
