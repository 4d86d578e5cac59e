# SPDX-License-Identifier: Apache-2.0
"""What a run warns of although it is complete: in `runs show`, in JSON, in the list, and on the first screen."""
import pathlib
import shutil
import tempfile

import pytest

from bad_kit import doc, host
from conftest import Muster

LEFT_OUT = "2 hosts left out: no readable address; 1 further address not readable; 3 ports out of range"


def port(number):
    return f'<port protocol="tcp" portid="{number}"><state state="open" reason="syn-ack"/></port>'


@pytest.fixture(scope="module")
def program():
    path = pathlib.Path(tempfile.mkdtemp(prefix="mst-"))
    made = Muster(path)
    ports = "<ports>" + "".join(port(n) for n in ("0", "22", "70000", "-1")) + "</ports>"
    other = '<address addr="elsewhere" addrtype="ipv6"/>'
    text = doc(host("192.0.2.1", other + ports) + host("192.0.2.300") + host("no address"))
    made.imported = made("import", "nmap", "-", stdin=text, check=0)
    yield made
    made.stop()
    shutil.rmtree(path, ignore_errors=True)


def test_the_run_is_complete_and_says_what_it_left_out(program):
    run = program.json("runs", "show", 1)
    assert run["outcome"] == "complete" and run["warnings"] == [LEFT_OUT] and run["text"] == ""
    assert program.json("interfaces", "ip=192.0.2.1")[0]["ports"] == ["22"]


def test_it_is_seen_where_people_look(program):
    assert f"warning    {LEFT_OUT}\n" in program.imported.stderr
    assert f"warning    {LEFT_OUT}\n" in program("runs", "show", 1, check=0).stdout
    assert "2 hosts left out" in program("runs", check=0).stdout
    assert program.json("runs")[0]["warnings"] == [LEFT_OUT]
    assert f"run 1 complete: {LEFT_OUT}" in program(check=0).stdout


def test_it_is_still_known_to_the_next_daemon(program):
    program.stop()
    assert program.json("runs", "show", 1)["warnings"] == [LEFT_OUT]


def test_a_later_run_without_a_warning_needs_no_attention(program):
    program("import", "nmap", "-", stdin=doc(host("192.0.2.1")), check=0)
    assert program.json("runs", "show", 2)["warnings"] == []
    assert "left out" not in program(check=0).stdout
