# SPDX-License-Identifier: Apache-2.0
"""max_rate, counted on the wire: over all Nmap processes of a run, and over all runs that share a limit."""
import os
import shutil

import pytest

from wire_kit import Counter, behind

pytestmark = [pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not installed"),
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

ROUTER, BLOCK = "192.0.2.7", "198.51.100.0/24"
PROFILE = """
profile "%s" { zone = "%s"  nmap { include = "%s"  ports = "%s"  os_detection = "%s"  dns = off  max_rate = %s } }
"""


@pytest.fixture
def wide(net):
    net.host(ROUTER, 22, 80)
    behind(net, ROUTER, BLOCK)
    return net


def holds(counter, rate, least=0.6):
    """Within 10 % of the limit over the run, and not far below: a limit is no brake. On a busy machine Nmap makes up for time in
    which it could not send, so that two seconds may hold more."""
    mean = counter.sent / counter.busy()
    print(f"limit {rate}: {counter.sent} packets in {counter.busy():.1f} s, {mean:.0f}/s, at most {counter.highest(2):.0f}/s in any 2 s")
    assert mean <= rate * 1.1
    assert counter.highest(2) <= rate * 1.5
    assert mean >= rate * least


# Four shards side by side; 64 hosts that refuse 100 ports each are 6 600 packets.
@pytest.mark.parametrize("where", ["profile", "zone", "installation"])
def test_a_limit_holds_over_all_shards(netmuster, wide, where):
    limits = {name: 500 if name == where else 0 for name in ("profile", "zone", "installation")}
    netmuster.write_config((f"max_rate = {limits['installation']}\n" if limits["installation"] else "")
                           + ('zone "z" { max_rate = %d }\n' % limits["zone"] if limits["zone"] else 'zone "z" { }\n')
                           + PROFILE % ("p", "z", "198.51.100.0/26", "100-199", "off", limits["profile"]))
    with Counter(wide) as counter:
        netmuster("scan", "p", check=0)
    holds(counter, 500)
    assert counter.sent >= 6400


def test_two_runs_share_the_limit(netmuster, wide):
    netmuster.write_config("max_rate = 600\nzone \"z\" { }\n" + PROFILE % ("one", "z", "198.51.100.0/27", "100-199", "off", 0)
                           + PROFILE % ("two", "z", "198.51.100.128/27", "100-199", "off", 0))
    with Counter(wide) as counter:
        both = [netmuster.start("scan", name) for name in ("one", "two")]
        for process in both:
            process.communicate(timeout=120)
    assert [process.returncode for process in both] == [0, 0]
    holds(counter, 600)


def test_the_smallest_limit_counts(netmuster, wide):
    netmuster.write_config("max_rate = 900\nzone \"z\" { max_rate = 300 }\n" + PROFILE % ("p", "z", "198.51.100.0/27", "100-199", "off", 600))
    with Counter(wide) as counter:
        netmuster("scan", "p", check=0)
    holds(counter, 300)


def test_a_limit_holds_with_os_detection(netmuster, wide):
    """Nmap's own --max-rate knows nothing of its OS probes: four processes of 16 hosts each would send 700 of them a second."""
    netmuster.write_config("zone \"z\" { }\n" + PROFILE % ("p", "z", "198.51.100.0/26", "20-50", "on", 160))
    with Counter(wide) as counter:
        netmuster("scan", "p", check=0)
    holds(counter, 160, least=0.2)
