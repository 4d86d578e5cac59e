# SPDX-License-Identifier: Apache-2.0
"""What the options of plugins/nmap do on the wire: every frame that the scanner sends is looked at."""
import os
import shutil
import sqlite3
import subprocess

import pytest

from conftest import LISTENER
from wire_kit import NameServer, Recorder, behind

pytestmark = [pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not installed"),
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

ROUTER, FAR = "192.0.2.7", "198.51.100.5"
QUICK = ("--os-detection", "off", "--dns", "off")


@pytest.fixture
def wide(net):
    """One host on the link, which takes 198.51.100.0/28 for its own. SSH is open on all its addresses."""
    net.host(ROUTER)
    behind(net, ROUTER, "198.51.100.0/28")
    child = subprocess.Popen(["ip", "netns", "exec", net.hosts[ROUTER], "/usr/bin/python3", "-c", LISTENER, "0.0.0.0:22"], stdout=subprocess.PIPE, text=True)
    net.children.setdefault(ROUTER, []).append(child)
    assert child.stdout.readline() == "ready\n"
    return net


def scan(muster, *args, check=0):
    return muster("scan", "nmap", *args, check=check)


def interface(muster, address):
    return muster.json("interfaces", "show", address)


def doc(muster, address):
    return interface(muster, address)["observations"][0]["doc"]


@pytest.mark.parametrize("arp, reason", [("on", {"arp-response"}), ("off", {"echo-reply", "syn-ack", "reset"})])
def test_arp_on_and_off(netmuster, wide, arp, reason):
    """Off, the kernel still asks for the neighbour's MAC, and for nobody's when there is none."""
    with Recorder(wide) as wire:
        scan(netmuster, "192.0.2.6-7", "--ports", "none", "--arp", arp, *QUICK)
    assert (wire.kinds(ROUTER) == {"arp"}) == (arp == "on") and wire.kinds("192.0.2.6") == {"arp"}
    assert doc(netmuster, ROUTER)["reason"] in reason


# 198.51.100.200 lies beyond the router and is not there, so that every probe is tried.
@pytest.mark.parametrize("kind, asked", [
    ("default", {"icmp", "tcp/80", "tcp/443"}), ("icmp", {"icmp"}), ("tcp", {"tcp/80", "tcp/443"}),
    ("wide", {"icmp", "tcp/22", "tcp/445", "tcp/3389", "udp/53", "udp/161"})])
def test_discovery(netmuster, wide, kind, asked):
    wide.run("ip", "-n", wide.scanner, "route", "add", "198.51.100.200/32", "via", ROUTER)
    wide.run("ip", "-n", wide.hosts[ROUTER], "route", "add", "blackhole", "198.51.100.200/32")
    with Recorder(wide) as wire:
        scan(netmuster, f"{FAR},198.51.100.200", "--ports", "none", "--discovery", kind, *QUICK)
    kinds = wire.kinds("198.51.100.200")
    assert kinds >= asked if kind == "wide" else kinds == asked
    assert [i["ip"] for i in netmuster.json("interfaces")] == [FAR]


def test_ports_and_udp_ports(netmuster, wide):
    with Recorder(wide) as wire:
        scan(netmuster, FAR, "--ports", "21-23,8080", "--udp-ports", "53,161", *QUICK)
    assert wire.kinds(FAR) - {"icmp"} == {f"tcp/{p}" for p in (21, 22, 23, 8080, 80, 443)} | {"udp/53", "udp/161"}
    assert interface(netmuster, FAR)["interface"]["ports"] == ["22"]


def test_source_port(netmuster, wide):
    with Recorder(wide) as wire:
        scan(netmuster, FAR, "--ports", "22,23", "--source-port", "20000", *QUICK)
    assert {f[3] for f in wire.frames if f[0] == "tcp" and f[4] in (22, 23) and f[5] == 2} == {20000}


def test_source_address_of_option_and_zone(netmuster, wide):
    for last in (2, 3):
        wide.run("ip", "-n", wide.scanner, "addr", "add", f"192.0.2.{last}/24", "dev", "v0")
    netmuster.write_config('zone "z" { source_address = "192.0.2.2" }\n')
    for more, source in (((), "192.0.2.2"), (("--source-address", "192.0.2.3"), "192.0.2.3")):
        with Recorder(wide) as wire:
            scan(netmuster, FAR, "--zone", "z", "--ports", "22", *more, *QUICK)
        assert {f[1] for f in wire.frames if f[0] == "tcp" and f[4] == 22} == {source}


def test_interface_of_the_zone(netmuster, wide):
    """The other card has the same network on another wire: what the route would choose is not asked."""
    wide._plug(wide.scanner, "v1", "q1", "02:00:00:00:00:02")
    wide.run("ip", "-n", wide.wire, "link", "set", "q1", "nomaster")
    wide.run("ip", "-n", wide.scanner, "addr", "add", "192.0.2.8/24", "dev", "v1", "noprefixroute")
    netmuster.write_config('zone "other" { interface = "v1" }\n')
    with Recorder(wide) as first, Recorder(wide, "v1") as second:
        scan(netmuster, ROUTER, "--zone", "other", "--ports", "22", *QUICK)
    assert not [f for f in first.frames if f[2] == ROUTER] and second.kinds(ROUTER) == {"arp"}
    assert netmuster.json("interfaces") == []


def test_os_detection_new_asks_only_who_is_not_known(netmuster, wide):
    scan(netmuster, FAR, "--ports", "22,23", "--dns", "off")
    assert doc(netmuster, FAR)["os"]
    with Recorder(wide) as wire:
        scan(netmuster, "198.51.100.5-6", "--ports", "22,23", "--dns", "off", "--os-detection", "new")
    # Nmap's OS probes are the only ones that go to a UDP port here.
    assert not any(k.startswith("udp/") for k in wire.kinds(FAR)) and any(k.startswith("udp/") for k in wire.kinds("198.51.100.6"))
    with Recorder(wide) as wire:
        scan(netmuster, FAR, "--ports", "22,23", *QUICK)
    assert not any(k.startswith("udp/") for k in wire.kinds(FAR)) and doc(netmuster, FAR)["os"]


def test_os_detection_new_asks_again_who_was_asked_long_ago(netmuster, wide):
    """Three known addresses, one of them for longer than os_max_age, and a new one: exactly these two are fingerprinted."""
    words = ("--ports", "22,23", "--dns", "off", "--os-max-age", "7d")
    scan(netmuster, "198.51.100.5-7", *words)
    netmuster.stop()
    with sqlite3.connect(netmuster.store) as store:
        changed = store.execute("update observations set os_seen = os_seen - 8 * 86400000 where ip = '198.51.100.6'").rowcount
    store.close()
    assert changed == 1
    with Recorder(wide) as wire:
        scan(netmuster, "198.51.100.5-8", *words, "--os-detection", "new")
    asked = {f"198.51.100.{n}" for n in range(5, 9) if any(k.startswith("udp/") for k in wire.kinds(f"198.51.100.{n}"))}
    assert asked == {"198.51.100.6", "198.51.100.8"}
    assert all(doc(netmuster, f"198.51.100.{n}")["os"] for n in range(5, 9))
    # Now all are known, and nobody is asked.
    with Recorder(wide) as wire:
        scan(netmuster, "198.51.100.5-8", *words, "--os-detection", "new")
    assert not any(k.startswith("udp/") for n in range(5, 9) for k in wire.kinds(f"198.51.100.{n}"))


def test_host_timeout_keeps_what_is_known(netmuster, wide):
    scan(netmuster, FAR, "--ports", "22,23", *QUICK)
    # From now on it answers pings and nothing else.
    wide.run("ip", "-n", wide.hosts[ROUTER], "rule", "add", "pref", "1", "from", FAR, "ipproto", "tcp", "blackhole")
    scan(netmuster, FAR, "--host-timeout", "2s", *QUICK)
    assert netmuster.json("runs", "show", "2")["timed_out"] == 1
    assert interface(netmuster, FAR)["interface"]["ports"] == ["22"]


def test_connect_scan_and_parallel(netmuster, wide):
    done = scan(netmuster, "198.51.100.0-3", "--ports", "22", "--connect-scan", "on", "--parallel", "1", "--dns", "off")
    assert "3 up" in done.stdout + done.stderr or "4 up" in done.stdout + done.stderr
    refused = scan(netmuster, FAR, "--connect-scan", "on", "--udp-ports", "53", check=2)
    assert "udp_ports needs raw sockets" in refused.stderr


@pytest.fixture
def named(netmuster, wide, home):
    """Two name servers: `zone` is the zone's, `machine` that of the machine's resolv.conf."""
    servers = {}
    for address, word in (("192.0.2.53", "zone"), ("192.0.2.54", "machine")):
        wide.host(address)
        servers[word] = NameServer(wide, address, word)
    (home / "resolv.conf").write_text("nameserver 192.0.2.54\n")
    netmuster.prefix += ["/bin/sh", "-c", f'mount --bind {home}/resolv.conf /etc/resolv.conf && exec "$@"', "sh"]
    netmuster.write_config('zone "z" { dns_servers = "192.0.2.53" }\n')
    return servers


def test_only_the_zones_name_servers_are_asked(netmuster, named):
    scan(netmuster, f"{FAR},router.lab.example", "--zone", "z", "--ports", "22", "--os-detection", "off")
    asked = named["zone"].stop()
    assert ("12", "5.100.51.198.in-addr.arpa") in asked and ("1", "router.lab.example") in asked
    assert named["machine"].stop() == []
    assert "host-5.zone.example" in interface(netmuster, FAR)["interface"]["hostnames"]


def test_without_servers_in_the_zone_the_machines_are_asked(netmuster, named):
    scan(netmuster, FAR, "--ports", "22", "--os-detection", "off")
    assert ("12", "5.100.51.198.in-addr.arpa") in named["machine"].stop() and named["zone"].stop() == []


def test_the_profiles_own_servers_come_first(netmuster, named):
    scan(netmuster, f"{FAR},router.lab.example", "--zone", "z", "--ports", "22", "--os-detection", "off", "--dns-servers", "192.0.2.54")
    asked = named["machine"].stop()
    assert ("12", "5.100.51.198.in-addr.arpa") in asked and ("1", "router.lab.example") in asked
    assert named["zone"].stop() == []


def test_dns_off_asks_nobody(netmuster, named):
    scan(netmuster, FAR, "--zone", "z", "--ports", "22", *QUICK)
    assert named["zone"].stop() == [] and named["machine"].stop() == []
    assert not interface(netmuster, FAR)["interface"].get("hostnames")


def test_a_name_that_nobody_knows_is_refused(netmuster, named):
    refused = netmuster("scan", "nmap", "nobody.lab.example", "--zone", "z", "--ports", "22")
    assert refused.returncode != 0 and '"nobody.lab.example" cannot be resolved' in refused.stderr


@pytest.mark.parametrize("args, text", [
    (("--interface", "nope0"), "nope0"), (("--source-address", "203.0.113.9"), "source_address"),
    (("--interface", "-oN"), "no name of a network interface"), (("--scripts=vuln",), "scripts"), (("--timing", "fast"), "timing"),
    (("--host-timeout", "0s"), "host_timeout"), (("--parallel", "65"), "parallel"), (("--max-addresses", "1"), "max_addresses"),
    (("--ports", "1-100", "--timing", "sneaky"), "1500 s a host, and host_timeout gives up after 900 s"),
    (("--ports", "70000"), "ports"), (("--source-port", "70000"), "source_port")])
def test_refusals_name_the_option(netmuster, wide, args, text):
    done = netmuster("scan", "nmap", "198.51.100.4-5", "--ports", "22", *QUICK, *args)
    assert done.returncode in (1, 2, 5) and text in done.stderr + done.stdout, (done.returncode, done.stdout, done.stderr)
