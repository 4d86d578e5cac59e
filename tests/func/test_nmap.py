# SPDX-License-Identifier: Apache-2.0
"""The nmap plugin through the real muster-worker, with real Nmap on a wire of its own."""
import base64
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import worker

IP = shutil.which("ip") or "/usr/sbin/ip"
DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "nmap"

pytestmark = [pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not installed"),
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]


@pytest.fixture
def plugin(build):
    path = build / "plugins" / ".libs" / "nmap.so"
    if not path.exists():
        pytest.skip("the nmap plugin is not built")
    return path


class Scanner:
    """Workers inside the scanner namespace; `user`: an ordinary one with CAP_NET_RAW alone."""

    def __init__(self, plugin, net, user=None, ambient=True):
        self.plugin, self.prefix = plugin, ["--core=0", IP, "netns", "exec", net.scanner]
        self.raw = user is None or ambient
        if user:
            self.prefix += ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            self.prefix += ["--inh-caps=+net_raw", "--ambient-caps=+net_raw"] if ambient else []

    def start(self, command, **more):
        more.setdefault("deadline_ms", 120000)
        job = worker.job(self.plugin, "nmap", trusted_net_raw=self.raw, **more)
        return worker.Worker(command, job, limits=self.prefix)

    def plan(self, **options):
        result = self.start("plan", options={"include": "192.0.2.0/28", "dns": "off", **options}).finish(60)
        self.options = {"include": "192.0.2.0/28", "dns": "off", **options}
        return result

    def run(self, shard, seconds=120, **more):
        return self.start("run", options=self.options, shard=shard["id"], spec=shard["spec"], scope=shard["scope"], **more).finish(seconds)


@pytest.fixture
def scanner(plugin, net):
    return Scanner(plugin, net)


def by_ip(result):
    return {record["ip"]: record for record in result.records}


def open_ports(record):
    return sorted(p for g in record.get("ports", []) if g["state"] == "open" for p in g["ports"])


BANNER = r"""
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("192.0.2.5", 22)); s.listen(64)
print("ready")
while True:
    c, _ = s.accept()
    try:
        c.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"); c.close()
    except OSError:
        pass
"""


def nmaps(net):
    pids = subprocess.run(["ip", "netns", "pids", net.scanner], capture_output=True, text=True).stdout.split()
    names = []
    for pid in pids:
        try:
            names.append(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
        except OSError:
            pass
    return names.count("nmap")


def test_scan_of_a_small_network(scanner, net):
    net.host("192.0.2.5", 22, 80)
    net.host("192.0.2.6", 443)
    plan = scanner.plan(ports="22,80,443,9999", exclude="192.0.2.6,192.0.2.0")
    assert plan.end["status"] == "ok", plan.lines
    shards = plan.of("shard")
    assert len(shards) == 1
    assert shards[0]["addresses"] == 14 and shards[0]["expected_bytes"] > 0
    assert shards[0]["command"].startswith("nmap --privileged -PE -PS80,443 -PA80 -sS -p 22,80,443,9999 -O ")
    result = scanner.run(shards[0])
    assert result.end["status"] == "ok" and result.outcomes == [worker.COMPLETE], result.lines
    hosts = by_ip(result)
    assert sorted(hosts) == ["192.0.2.1", "192.0.2.5"]  # the excluded one was not asked
    record = hosts["192.0.2.5"]
    assert record["mac"] == "00:16:3e:00:02:05" and record["answered"] is True and record["reason"] == "arp-response"
    assert open_ports(record) == [22, 80] and record["distance"] == 1
    assert abs(record["seen"] / 1000 - time.time()) < 120
    assert record["os"].get("platform") == "linux" or "note" in record["os"]
    scope = scope_of(result)
    assert scope["facts"] == ["presence", "os"] and scope["tcp_ports"] == "22,80,443,9999"
    assert "192.0.2.6" not in scope["addresses"].split(",")
    strain = result.of("strain")[-1]
    assert (strain["asked"], strain["lost"]) == (2, 0) and strain["unsure"] in (0, 1, 2)
    assert nmaps(net) == 0


def scope_of(result):
    return next(payload for kind, payload in result.frames if kind == worker.SCOPE_BEGIN)


def test_discovery_only_claims_presence_only(scanner, net):
    net.host("192.0.2.7", 22)
    plan = scanner.plan(ports="none")
    assert plan.end["status"] == "ok", plan.lines
    assert " -sn " in plan.of("shard")[0]["command"] and " -O " not in plan.of("shard")[0]["command"]
    result = scanner.run(plan.of("shard")[0])
    assert "os" not in by_ip(result)["192.0.2.7"] and "ports" not in by_ip(result)["192.0.2.7"]
    assert scope_of(result)["facts"] == ["presence"]
    assert not scope_of(result).get("tcp_ports") and not scope_of(result).get("udp_ports")


def test_tcp_by_list_and_udp_by_rank(scanner, net):
    net.host("192.0.2.7", 22)
    plan = scanner.plan(include="192.0.2.7", ports="22,23", udp_ports="top-3", os_detection="off")
    result = scanner.run(plan.of("shard")[0])
    assert result.end["status"] == "ok", result.lines
    assert open_ports(by_ip(result)["192.0.2.7"]) == [22]
    assert scope_of(result)["tcp_ports"] == "22-23" and len(scope_of(result)["udp_ports"].split(",")) >= 2


def test_assumed_online_is_no_answer(scanner, net):
    """192.0.2.99 is not there; a route makes Nmap try all the same, so that it reports the host as up by user-set alone."""
    net.host("192.0.2.5", 22)
    net.run("ip", "-n", net.scanner, "route", "add", "198.51.100.0/24", "via", "192.0.2.5")
    plan = scanner.plan(include="198.51.100.7", ports="9", assume_online="on", os_detection="off")
    result = scanner.run(plan.of("shard")[0])
    assert result.end["status"] == "ok", result.lines
    assert [(r["answered"], r["reason"]) for r in result.records] == [(False, "user-set")]


def test_ipv6(scanner, net):
    net.host("192.0.2.5")
    for name, card, address in ((net.scanner, "v0", "fd00:2::1"), (net.hosts["192.0.2.5"], "eth0", "fd00:2::5")):
        net.run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{card}.disable_ipv6=0")
        net.run("ip", "-n", name, "addr", "add", f"{address}/64", "dev", card, "nodad")
    plan = scanner.plan(include="192.0.2.5,fd00:2::5,fd00:2::6", ports="22")
    shards = plan.of("shard")
    assert [" -6 " in s["command"] for s in shards] == [False, True]
    result = scanner.run(shards[1])
    assert result.end["status"] == "ok", result.lines
    assert list(by_ip(result)) == ["fd00:2::5"] and by_ip(result)["fd00:2::5"]["mac"] == "00:16:3e:00:02:05"


def test_services_and_scripts(scanner, net):
    net.host("192.0.2.5")
    child = subprocess.Popen(["ip", "netns", "exec", net.hosts["192.0.2.5"], "/usr/bin/python3", "-u", "-c", BANNER], stdout=subprocess.PIPE)
    net.children.setdefault("192.0.2.5", []).append(child)
    assert child.stdout.readline() == b"ready\n"
    plan = scanner.plan(include="192.0.2.5", ports="22", service_versions="on", scripts="on", os_detection="off")
    result = scanner.run(plan.of("shard")[0])
    assert result.end["status"] == "ok", result.lines
    service = by_ip(result)["192.0.2.5"]["services"][0]
    assert (service["port"], service["name"], service["product"]) == (22, "ssh", "OpenSSH")
    assert any(s["id"] == "banner" and "SSH-2.0" in s["output"] for s in service["scripts"])
    assert scope_of(result)["facts"] == ["presence", "services", "scripts"]


def test_ordinary_user_with_one_capability(plugin, net):
    net.host("192.0.2.5", 22)
    scanner = Scanner(plugin, net, user=65534)
    plan = scanner.plan(include="192.0.2.4/30", ports="22,23")
    assert plan.end["status"] == "ok", plan.lines
    result = scanner.run(plan.of("shard")[0])
    assert result.end["status"] == "ok", result.lines
    assert open_ports(by_ip(result)["192.0.2.5"]) == [22] and "os" in by_ip(result)["192.0.2.5"]


def test_ordinary_user_without_it(plugin, net):
    net.host("192.0.2.5", 22)
    scanner = Scanner(plugin, net, user=65534, ambient=False)
    plan = scanner.plan(include="192.0.2.4/30", ports="22,23")
    assert plan.end["status"] == "refused" and "setpriv" in plan.end["text"] and "connect_scan" in plan.end["text"]
    plan = scanner.plan(include="192.0.2.4/30", ports="22,80", connect_scan="on")
    assert plan.end["status"] == "ok" and "no OS" in plan.log()
    result = scanner.run(plan.of("shard")[0])
    assert result.end["status"] == "ok", result.lines
    assert open_ports(by_ip(result)["192.0.2.5"]) == [22] and "os" not in by_ip(result)["192.0.2.5"]


def test_cancel_ends_nmap_at_once(scanner, net):
    net.host("192.0.2.5", 22)
    plan = scanner.plan(ports="top-1000", max_rate="20")
    shard = plan.of("shard")[0]
    running = scanner.start("run", options=scanner.options, spec=shard["spec"], scope=shard["scope"])
    for _ in range(100):
        if nmaps(net):
            break
        time.sleep(0.1)
    assert nmaps(net) == 1
    asked = time.monotonic()
    running.cancel()
    result = running.finish(10)
    assert time.monotonic() - asked < 2
    assert result.end["status"] == "cancelled"
    assert worker.COMPLETE not in result.outcomes
    assert nmaps(net) == 0


def test_worker_killed_takes_nmap_with_it(scanner, net):
    net.host("192.0.2.5", 22)
    shard = scanner.plan(ports="top-1000", max_rate="20").of("shard")[0]
    running = scanner.start("run", options=scanner.options, spec=shard["spec"], scope=shard["scope"])
    for _ in range(100):
        if nmaps(net):
            break
        time.sleep(0.1)
    assert nmaps(net) == 1
    running.kill_group()
    running.finish(10)
    for _ in range(20):
        if not nmaps(net):
            break
        time.sleep(0.1)
    assert nmaps(net) == 0


def test_deadline(scanner, net):
    net.host("192.0.2.5", 22)
    shard = scanner.plan(ports="top-1000", max_rate="20").of("shard")[0]
    result = scanner.run(shard, seconds=15, deadline_ms=4000)
    assert result.end["status"] == "timeout", result.lines
    assert worker.COMPLETE not in result.outcomes and nmaps(net) == 0


def test_unknown_interface_has_a_cure(scanner, net):
    shard = scanner.plan(interface="nope0").of("shard")[0]
    result = scanner.run(shard)
    assert result.end["status"] == "failed" and "nope0" in result.end["text"] and "ip -br" in result.end["text"]
    assert worker.COMPLETE not in result.outcomes and not result.records


def test_damaged_spec_starts_nothing(scanner, net):
    scanner.plan()
    shard = {"id": "s1", "spec": base64.b64encode(b"nmap 1\nfamily=4 os=0\n-oN/tmp/x\n").decode(), "scope": {"facts": []}}
    result = scanner.run(shard)
    assert result.end["status"] == "corrupt" and not result.records


def test_never_scan_beats_the_profile(scanner, net):
    rule = [{"text": "192.0.2.0/25", "at": "/etc/muster/muster.conf:5"}]
    result = scanner.start("plan", options={"include": "192.0.2.0/28"}, never_scan=rule).finish(60)
    assert not result.of("shard")
    assert result.of("targets")[-1]["refused"][0]["at"] == "/etc/muster/muster.conf:5"


def read_file(plugin, path):
    job = worker.job(plugin, "nmap", scope={"facts": []}, options={})
    return worker.Worker("read", job, input_path=path).finish(60)


@pytest.mark.parametrize("name", ["syn-os", "old-osclass", "hostile-utf8", "hostile-duplicates", "script-bug"])
def test_import(plugin, name):
    result = read_file(plugin, DATA / f"{name}.xml")
    golden = (DATA / f"{name}.golden").read_text()
    assert result.end["status"] == "ok", result.lines
    assert len(result.records) == sum(line.startswith("record ") for line in golden.splitlines())
    assert result.outcomes == [worker.COMPLETE]


def test_import_of_a_torn_file(plugin, tmp_path):
    whole = (DATA / "syn-os.xml").read_bytes()
    torn = tmp_path / "torn.xml"
    torn.write_bytes(whole[:whole.rindex(b"</host>") - 10])
    result = read_file(plugin, torn)
    assert result.end["status"] == "partial" and result.outcomes == [worker.PARTIAL]
    assert len(result.records) == whole.count(b"</host>") - 1


@pytest.mark.parametrize("name", ["hostile-entities", "hostile-external", "hostile-attlist", "other-document", "other-text", "other-empty"])
def test_import_of_what_is_no_nmap_xml(plugin, name):
    result = read_file(plugin, DATA / f"{name}.xml")
    assert result.end["status"] == "corrupt" and "nmap -oX" in result.end["text"] and not result.records


def test_check(scanner):
    result = scanner.start("check", options={"include": "192.0.2.0/28", "interface": "v0"}).finish(60)
    verdicts = {line["part"]: line for line in result.of("verdict")}
    assert result.end["status"] == "ok", result.lines
    assert "version" in verdicts["nmap"]["text"] and verdicts["raw sockets"]["status"] == "ok" and "there" in verdicts["interface"]["text"]
