# SPDX-License-Identifier: Apache-2.0
"""What an imported file may take away: facts of the hosts that it reports, and hosts only where the operator says --covers."""
import pathlib
import shutil
import tempfile

import pytest

from conftest import Muster

START = 1780000000
A, B, OUT = "192.0.2.1", "192.0.2.2", "192.0.2.200"


def up(ip, hour, ports=(), inner=""):
    at = START + hour * 3600
    listed = "".join(f'<port protocol="tcp" portid="{p}"><state state="open" reason="syn-ack" reason_ttl="64"/></port>' for p in ports)
    return (f'<host starttime="{at}" endtime="{at}"><status state="up" reason="arp-response"/><address addr="{ip}" addrtype="ipv4"/>'
            f'{inner}<ports>{listed}</ports></host>')


def document(hour, *hosts, args="nmap -p 22,80 -oX - 192.0.2.0/24", services="22,80", end=True):
    tail = f'<runstats><finished time="{START + hour * 3600}" exit="success"/></runstats></nmaprun>' if end else '<host starttime="'
    scan = f'<scaninfo type="syn" protocol="tcp" numservices="2" services="{services}"/>' if services else ""
    return (f'<?xml version="1.0"?><nmaprun scanner="nmap" args="{args}" start="{START + hour * 3600}">{scan}' + "".join(hosts) + tail)


@pytest.fixture(scope="module")
def program():
    path = pathlib.Path(tempfile.mkdtemp(prefix="mst-"))
    made = Muster(path)
    yield made
    made.stop()
    shutil.rmtree(path, ignore_errors=True)


class Site:
    """A profile of its own on the shared daemon: what other tests import is none of its business."""

    def __init__(self, program, name):
        self.program, self.name = program, name
        self.conf = ["--profile", name]

    def take(self, text, *more, check=0):
        return self.program("import", "nmap", "-", *self.conf, *more, stdin=text, check=check)

    def row(self, ip):
        rows = self.program.json("interfaces", f"ip={ip}", f"profiles={self.name}")
        assert len(rows) == 1, rows
        return rows[0]

    def state(self, ip):
        return self.row(ip)["state"]

    def last_run(self):
        return self.program.json("runs", "show", self.program.json("runs")[0]["number"])


@pytest.fixture
def site(program, request):
    """Addresses are an identity for a time, so every test has a network of its own."""
    made = Site(program, "p" + str(abs(hash(request.node.name)) % 10**8))
    made.net = f"10.{next(NETS)}.0"
    return made


NETS = iter(range(1, 200))


def at(site, text):
    return text.replace("192.0.2", site.net)


def feed(site, hours, *more, check=0, **doc):
    for hour in hours:
        site.take(at(site, document(hour, up(B, hour), **doc)), *[at(site, word) for word in more], check=check)


def begin(site, *ips):
    site.take(at(site, document(0, *[up(ip, 0) for ip in ips])))


def test_lost_after_three_files_that_cover_it(site):
    begin(site, A, B)
    feed(site, [1, 2], "--covers", "192.0.2.0/24")
    assert site.state(at(site, A)) == "unmanaged"
    feed(site, [3], "--covers", "192.0.2.0/24")
    assert site.state(at(site, A)) == "lost" and site.state(at(site, B)) == "unmanaged"
    assert site.last_run()["lost"] == 1


def test_not_lost_without_covers(site):
    """Even though the file's own target list names the whole network."""
    begin(site, A, B)
    feed(site, range(1, 6))
    assert site.state(at(site, A)) == "unmanaged"
    feed(site, [6, 7], "--covers", "192.0.2.0/24")
    assert site.state(at(site, A)) == "unmanaged"  # those without have not counted either


def test_not_lost_by_torn_files(site):
    begin(site, A, B)
    feed(site, range(1, 6), "--covers", "192.0.2.0/24", check=3, end=False)
    assert site.state(at(site, A)) == "unmanaged"


def test_nothing_outside_of_what_is_covered(site):
    begin(site, A, B, OUT)
    feed(site, range(1, 4), "--covers", "192.0.2.0/25")
    assert site.state(at(site, A)) == "lost" and site.state(at(site, OUT)) == "unmanaged"


def test_the_same_file_again_is_no_further_absence(site):
    begin(site, A, B)
    for _ in range(5):
        feed(site, [1], "--covers", "192.0.2.0/24")
    assert site.state(at(site, A)) == "unmanaged"
    feed(site, [2, 3], "--covers", "192.0.2.0/24")
    assert site.state(at(site, A)) == "lost"


def test_an_older_file_says_nothing_of_what_was_seen_later(site):
    begin(site, B)
    site.take(at(site, document(50, up(A, 50))))
    feed(site, range(1, 6), "--covers", "192.0.2.0/24")
    assert site.state(at(site, A)) == "unmanaged"


def test_a_file_without_hosts_tells_no_time(site):
    begin(site, A)
    for hour in range(1, 6):
        site.take(at(site, document(hour)), "--covers", at(site, "192.0.2.0/24"))
    assert site.state(at(site, A)) == "unmanaged"


@pytest.mark.parametrize("covers", [[], ["--covers", "192.0.2.0/24"]])
def test_facts_of_hosts_that_it_reports(site, covers):
    """A complete file takes away what it looked at (22 and 80), and nothing else."""
    site.take(at(site, document(0, up(A, 0, [22, 80, 8080]), services="22,80,8080")))
    site.take(at(site, document(1, up(A, 1, [22]))), *[at(site, word) for word in covers])
    assert site.row(at(site, A))["ports"] == ["22", "8080"]


@pytest.mark.parametrize("doc", [{"args": "nmap -p 22,80 -iL list"}, {"end": False}, {"args": "nmap -p 22,80 www.example.org"}])
def test_facts_stay_when_the_file_does_not_tell(site, doc):
    site.take(at(site, document(0, up(A, 0, [22, 80]))))
    site.take(at(site, document(1, up(A, 1, [22]), **doc)), "--covers", at(site, "192.0.2.0/24"), check=3 if "end" in doc else 0)
    assert site.row(at(site, A))["ports"] == ["22", "80"]
