# SPDX-License-Identifier: Apache-2.0
"""How many shards go side by side: what the operator allows, what the machine bears, and what the plugin says of the network."""
import re
import time

import pytest
from muster_api import Daemon

def side_by_side(daemon, **options):
    """The most shards that were seen running at once."""
    number = daemon.api.scan("roll", **options)["number"]
    most = 0
    while (run := daemon.api.run(number))["state"] != "done":
        most = max(most, run.get("progress", {}).get("shards_running", 0))
        time.sleep(0.01)
    assert run["outcome"] == "complete"
    return most

def steps(daemon):
    return [int(n) for n in re.findall(r"at most (\d+) shards go side by side", daemon.log())]

def test_a_network_that_bears_it_gets_what_the_operator_allows(home):
    with Daemon(home, plugins=("many_shards", "store-sqlite")) as daemon:
        assert side_by_side(daemon, shards=40, parallel=5) in (4, 5)
        assert steps(daemon) == []

def test_losses_make_it_give_way_and_not_below_two(home):
    with Daemon(home, plugins=("many_shards", "store-sqlite")) as daemon:
        side_by_side(daemon, shards=50, parallel=8, lost=8)
        assert steps(daemon) == [5, 3, 2] and "hosts stop answering" in daemon.log()

@pytest.mark.parametrize("prefix, most", [(["prlimit", "--nofile=600"], 3), (["taskset", "-c", "0"], 16)])
def test_descriptors_and_cores_are_a_ceiling(home, prefix, most):
    with Daemon(home, plugins=("many_shards", "store-sqlite"), prefix=prefix) as daemon:
        assert side_by_side(daemon, shards=60, parallel=64) <= most
