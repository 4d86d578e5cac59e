# SPDX-License-Identifier: Apache-2.0
"""Networks that lie: proxy ARP, proxies that answer for everybody, traps of 65 535 ports, addresses that move or are there twice, loss."""
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from wire_kit import behind

pytestmark = [pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not installed"),
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

WHOLE = "something answers for the whole block"
QUICK = ["--os-detection", "off", "--dns", "off"]


def scan(program, *words, check=0):
    program("scan", "nmap", *words, *QUICK, check=check, timeout=300)
    return program.json("runs", "show", program.json("runs")[0]["number"])


def rows(program, *filters):
    return {row["ip"]: row for row in program.json("interfaces", *filters)}


def inside(net, host, *argv):
    done = subprocess.run(["ip", "netns", "exec", net.hosts[host], *argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def listen_everywhere(net, host, *ports):
    """On all addresses of the host, those that it only pretends to have as well."""
    text = ("import select,socket,sys\ns=[socket.create_server(('',int(p)),backlog=1024) for p in sys.argv[1:]]\nprint('ready',flush=True)\n"
            "while True:\n for x in select.select(s,[],[])[0]: x.accept()[0].close()\n")
    child = subprocess.Popen(["ip", "netns", "exec", net.hosts[host], "/usr/bin/python3", "-c", text, *map(str, ports)], stdout=subprocess.PIPE, text=True)
    net.children.setdefault(host, []).append(child)
    assert child.stdout.readline().strip() == "ready"


def proxy_arp(net, address):
    """A router that takes every address of the wire but the scanner's for one that lies behind its other card."""
    net.host(address)
    name = net.hosts[address]
    net.run("ip", "-n", name, "link", "add", "x0", "type", "veth", "peer", "name", "x1")
    for card in ("x0", "x1"):
        net.run("ip", "-n", name, "link", "set", card, "up")
    net.run("ip", "-n", name, "addr", "flush", "dev", "eth0")
    net.run("ip", "-n", name, "addr", "add", f"{address}/32", "dev", "eth0")
    net.run("ip", "-n", name, "route", "add", "192.0.2.1/32", "dev", "eth0")
    net.run("ip", "-n", name, "route", "add", "192.0.2.0/24", "dev", "x0")
    for key in ("conf.all.rp_filter=0", "conf.eth0.rp_filter=0", "ip_forward=1", "conf.eth0.proxy_arp=1", "neigh.eth0.proxy_delay=0"):
        inside(net, address, "sysctl", "-qw", f"net.ipv4.{key}")


def test_proxy_arp_does_not_make_a_subnet_one_interface(netmuster, net):
    net.host("192.0.2.20", 22)
    scan(netmuster, "192.0.2.0/28,192.0.2.20", "--ports", "22")
    before = rows(netmuster)["192.0.2.20"]
    net.drop("192.0.2.20")
    proxy_arp(net, "192.0.2.254")
    run = scan(netmuster, "192.0.2.0/24", "--ports", "none")
    found = rows(netmuster)
    assert len(found) > 240 and all(row["ips"] == [ip] for ip, row in found.items())
    routers = [row for row in found.values() if row.get("mac") == "00:16:3e:00:02:fe"]
    assert len(routers) > 240 and {row["identity"] for row in routers} == {"ip"} and all("shared MAC" in row["note"] for row in routers)
    assert len({row["_id"] for row in routers}) == len(routers)
    # the host that was there is not swallowed: it waits to be seen elsewhere, or lost
    assert [row["mac"] for row in netmuster.json("interfaces") if row["_id"] == before["_id"]] == ["00:16:3e:00:02:14"]
    assert run["outcome"] == "complete" and run["warnings"] == [f"{WHOLE} 192.0.2.0/24"]
    again = scan(netmuster, "192.0.2.0/24", "--ports", "none")
    assert again["new"] == 0 and {i: r["_id"] for i, r in rows(netmuster).items()} == {i: r["_id"] for i, r in found.items()}


def test_a_host_that_answers_for_its_whole_wire(netmuster, net):
    """All addresses are its own: one MAC, and every port that it has is open everywhere."""
    net.host("192.0.2.5")
    inside(net, "192.0.2.5", "ip", "route", "add", "local", "192.0.2.0/24", "dev", "lo")
    inside(net, "192.0.2.5", "ip", "route", "add", "192.0.2.1/32", "dev", "eth0")
    listen_everywhere(net, "192.0.2.5", 22, 80)
    run = scan(netmuster, "192.0.2.0/24", "--ports", "22,80,443")
    found = rows(netmuster)
    assert len(found) > 240 and run["outcome"] == "complete"
    assert run["warnings"] == [f"{WHOLE} 192.0.2.0/24"]
    marked = [row for row in found.values() if row.get("block_answer") == "192.0.2.0/24"]
    assert len(marked) > 240 and "192.0.2.1" not in {row["ip"] for row in marked}
    assert all("192.0.2.0/24 answers as one" in row["note"] for row in marked)
    assert f"warning    {WHOLE} 192.0.2.0/24\n" in netmuster("runs", "show", 1, check=0).stdout
    assert f"run 1 complete: {WHOLE} 192.0.2.0/24" in netmuster(check=0).stdout


def test_a_proxy_behind_a_router(netmuster, net):
    """No MAC is to be seen: the answers themselves are alike. What is there beside the block is not drawn in."""
    net.host("192.0.2.5")
    behind(net, "192.0.2.5", "198.51.100.0/24")
    listen_everywhere(net, "192.0.2.5", 22)
    run = scan(netmuster, "198.51.100.0/24,192.0.2.4/30", "--ports", "22,23")
    found = rows(netmuster)
    assert run["warnings"] == [f"{WHOLE} 198.51.100.0/24"]
    assert found["198.51.100.77"]["block_answer"] == "198.51.100.0/24" and found["198.51.100.77"]["ports"] == ["22"]
    assert not found["192.0.2.5"].get("block_answer")


class Memory(threading.Thread):
    """The most memory that any worker or Nmap's reader of ours had, by the kernel's own high-water mark (KiB)."""

    def __init__(self, namespace):
        super().__init__(daemon=True)
        self.namespace, self.most, self.ended = namespace, {}, threading.Event()

    def look(self):
        pids = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True).stdout.split()
        for pid in pids:
            try:
                status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
                name = status["Name"].strip()
                self.most[name] = max(self.most.get(name, 0), int(status["VmHWM"].split()[0]))
            except (OSError, KeyError, ValueError):
                pass

    def run(self):
        while not self.ended.wait(0.1):
            self.look()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def test_a_host_with_every_port_open(netmuster, net):
    if not shutil.which("iptables"):
        pytest.skip("iptables is not installed")
    net.host("192.0.2.5")
    listen_everywhere(net, "192.0.2.5", 9999)
    inside(net, "192.0.2.5", "iptables", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "-j", "REDIRECT", "--to-ports", "9999")
    with Memory(net.scanner) as memory:
        run = scan(netmuster, "192.0.2.4/30", "--ports", "1-65535", "--timing", "insane")
    assert run["outcome"] == "complete"
    row = rows(netmuster)["192.0.2.5"]
    assert len(row["ports"]) == 1000 and row["note"] == "more than 1000 open ports"
    assert memory.most["muster-worker"] < 64 * 1024 and memory.most["musterd"] < 64 * 1024, memory.most
    for words in (["interfaces"], ["interfaces", "--columns", "ip,ports,note"], ["interfaces", "show", "192.0.2.5"], ["runs", "show", 1]):
        done = netmuster(*words, check=0)
        assert len(done.stdout) < 40_000 and max(len(line) for line in done.stdout.splitlines()) < 8000, words
    again = scan(netmuster, "192.0.2.4/30", "--ports", "1-65535", "--timing", "insane")
    assert again["changed"] == 0


def test_an_address_that_moves_in_mid_scan(netmuster, net):
    net.host("192.0.2.5", 22)
    name, mac = net.hosts["192.0.2.5"], "00:16:3e:00:02:05"
    words = ["192.0.2.0/28,192.0.2.192/28", "--ports", "22,23", *QUICK, "--max-rate", "40", "--parallel", "1"]
    child = netmuster.start("scan", "nmap", *words)
    end = time.monotonic() + 60
    while time.monotonic() < end and "192.0.2.5" not in rows(netmuster):
        time.sleep(0.1)
    net.silence("192.0.2.5")
    net.run("ip", "-n", name, "addr", "del", "192.0.2.5/24", "dev", "eth0")
    net.run("ip", "-n", name, "addr", "add", "192.0.2.200/24", "dev", "eth0")
    child.communicate(timeout=120)
    assert child.returncode == 0
    mine = netmuster.json("interfaces", f"mac={mac}")
    assert len(mine) == 1 and mine[0]["ips"] == ["192.0.2.5", "192.0.2.200"], mine
    run = scan(netmuster, *words[:3])
    mine = netmuster.json("interfaces", f"mac={mac}")
    assert len(mine) == 1 and mine[0]["ip"] == "192.0.2.200" and mine[0]["ips"] == ["192.0.2.200"] and mine[0]["state"] == "unmanaged"
    assert run["new"] == 0 and run["lost"] == 0 and run["changed"] == 1


def test_an_address_that_two_have(netmuster, net):
    """Whoever is faster answers. Two MACs are two interfaces, whatever they say their address is, and they stay the same two."""
    net.host("192.0.2.7", 22)
    first = net.hosts.pop("192.0.2.7")
    children = net.children.pop("192.0.2.7")
    net.host("192.0.2.7", 80, mac="00:16:3e:00:09:09")
    second = net.hosts["192.0.2.7"]
    ids = {}
    try:
        for silent in (second, first, None, second, first, None):
            for name in (first, second):
                net.run("ip", "-n", name, "link", "set", "eth0", "down" if name == silent else "up")
            net.run("ip", "-n", net.scanner, "neigh", "flush", "all")
            run = scan(netmuster, "192.0.2.4/30", "--ports", "22,80")
            assert run["outcome"] == "complete"
            for row in netmuster.json("interfaces", "mac~00:16:3e"):
                assert ids.setdefault(row["mac"], row["_id"]) == row["_id"] and row["state"] == "unmanaged"
        assert set(ids) == {"00:16:3e:00:02:07", "00:16:3e:00:09:09"} and len(netmuster.json("interfaces", "mac~00:16:3e")) == 2
    finally:
        for child in children:
            child.kill()
            child.wait()
        net.run("ip", "netns", "del", first)


def lose(net, host, percent):
    """Of what is sent to the host so much is lost on the way: by netem where the kernel has it, else by a filter on the host."""
    done = subprocess.run(["ip", "netns", "exec", net.scanner, "tc", "qdisc", "add", "dev", "v0", "root", "netem", "loss", f"{percent}%"], capture_output=True)
    if done.returncode == 0:
        return
    if not shutil.which("iptables"):
        pytest.skip("this kernel has no netem, and iptables is not installed")
    inside(net, host, "iptables", "-A", "INPUT", "-m", "statistic", "--mode", "random", "--probability", f"{percent / 100}", "-j", "DROP")


def test_a_wire_that_loses_30_percent(netmuster, net):
    net.host("192.0.2.5")
    behind(net, "192.0.2.5", "198.51.100.0/28")
    listen_everywhere(net, "192.0.2.5", 22, 80)
    lose(net, "192.0.2.5", 30)
    seen = {}
    for _ in range(3):
        run = scan(netmuster, "198.51.100.0/28", "--ports", "22,80,443")
        assert run["outcome"] == "complete" and run["lost"] == 0
        found = rows(netmuster)
        assert len(found) >= 12 and all(set(row.get("ports", [])) <= {"22", "80"} for row in found.values())
        assert sum(row.get("ports") == ["22", "80"] for row in found.values()) >= len(found) / 2
        for ip, row in found.items():
            assert seen.setdefault(ip, row["_id"]) == row["_id"] and row["state"] == "unmanaged"
