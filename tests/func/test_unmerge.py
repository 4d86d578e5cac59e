# SPDX-License-Identifier: Apache-2.0
"""`muster interfaces unmerge` on a real merge, and that no later import or scan joins the two again."""
import pytest

from bad_kit import doc, host

MAC = "3c:22:fb:10:20:30"


def take(muster, profile, *hosts):
    muster("import", "nmap", "-", "--profile", profile, stdin=doc("".join(hosts)), check=0)


def by_profile(muster):
    return {tuple(row["profiles"]): row for row in muster.json("interfaces", "ip=192.0.2.1,192.0.2.9")}


@pytest.fixture
def merged(muster):
    """One card with two addresses, seen by two profiles: the MAC joins them."""
    take(muster, "east", host("192.0.2.1", mac=MAC, name="printer"))
    take(muster, "west", host("192.0.2.9", mac=MAC, name="camera"))
    rows = muster.json("interfaces")
    assert len(rows) == 1 and rows[0]["profiles"] == ["east", "west"] and sorted(rows[0]["ips"]) == ["192.0.2.1", "192.0.2.9"]
    return muster


def test_a_merge_is_undone_and_stays_so(merged):
    one = merged.json("interfaces")[0]
    done = merged("interfaces", "unmerge", one["id"], check=0)
    assert one["id"] in done.stdout + done.stderr
    two = by_profile(merged)
    assert set(two) == {("east",), ("west",)}
    assert two[("east",)]["ip"] == "192.0.2.1" and two[("east",)]["hostname"] == "printer" and two[("east",)]["_id"] == one["_id"]
    assert two[("west",)]["ip"] == "192.0.2.9" and two[("west",)]["hostname"] == "camera"
    # The MAC is still the same; so are the addresses, in either order, changed, from either side, and together in one file.
    take(merged, "west", host("192.0.2.9", mac=MAC, name="camera2"))
    take(merged, "east", host("192.0.2.1", mac=MAC, name="printer2"))
    take(merged, "east", host("192.0.2.1", mac=MAC), host("192.0.2.2", mac="3c:22:fb:10:20:31"))
    again = by_profile(merged)
    assert {k: again[k]["_id"] for k in two} == {k: two[k]["_id"] for k in two}
    assert again[("west",)]["hostname"] == "camera2"
    for row in (again[("east",)], again[("west",)]):
        shown = merged.json("interfaces", "show", row["id"])
        assert len(shown["observations"]) == 1


def test_unmerge_by_address_and_of_what_is_one(merged):
    merged("interfaces", "unmerge", "192.0.2.9", check=0)
    assert len(merged.json("interfaces")) == 2
    for ip in ("192.0.2.1", "192.0.2.9"):
        done = merged("interfaces", "unmerge", ip)
        assert done.returncode == 5 and "one observation" in done.stderr
    assert len(merged.json("interfaces")) == 2
    assert merged("interfaces", "unmerge", "192.0.2.77").returncode == 4


def test_a_dry_look_before(merged):
    """`show` tells what would be taken apart: both observations under the one interface."""
    shown = merged.json("interfaces", "show", "192.0.2.1")
    assert [o["profile"] for o in shown["observations"]] in (["east", "west"], ["west", "east"])
