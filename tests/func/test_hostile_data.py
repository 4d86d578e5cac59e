# SPDX-License-Identifier: Apache-2.0
"""Data that means harm, on every output: terminal, tables, JSON, CSV, what `show` prints, the log, the store."""
import csv
import io
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unicodedata
from xml.sax.saxutils import quoteattr

import pytest

from bad_kit import doc, host, integrity, log_of
from conftest import Muster

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u2028\u2029\ufeff" + BIDI + "]")
FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=HYPERLINK(\"http://a.example\")"]

HOSTILE = {
    "192.0.2.1": "a\u202eexe.txt\u2066",
    "192.0.2.2": "b\u009b2Jc\u0085d",
    "192.0.2.3": "line one\nline two\r\ttab",
    "192.0.2.4": FORMULAS[0],
    "192.0.2.5": "<script>alert(1)</script>",
    "192.0.2.6": "long" * 25_000,
    "192.0.2.7": "\U0001f600\u0301\u0301\u0301wide\u6f22\u5b57" + "\u0300" * 200,
    "192.0.2.8": "%s%n%x $(id) `id` ; rm -rf / | ' \" \\",
    "192.0.2.9": "\ufeff\u200b\u2028\u2029\ue000\U000e0041",
    "192.0.2.10": "192.0.2.99",
    "192.0.2.11": "',\"},{\"ip\":\"6.6.6.6\"}",
    "192.0.2.12": "-oN/x",
    "192.0.2.13": FORMULAS[1],
    "192.0.2.14": FORMULAS[2],
    "192.0.2.15": FORMULAS[3],
    "192.0.2.16": FORMULAS[4],
    "192.0.2.17": "\t=1+1",
    "192.0.2.18": "../../../../etc/passwd",
}


def attr(text):
    """As an XML attribute; line ends and tabs by reference, so that the parser gives them on as they are."""
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def hostile_host(ip, number, text):
    value = attr(text)
    inner = (f'<hostnames><hostname name={value} type="PTR"/></hostnames>'
             f'<ports><port protocol="tcp" portid="80"><state state="open" reason={value}/>'
             f'<service name={value} product={value} version={value} extrainfo={value} method="probed" conf="10"/>'
             f'<script id={value} output={value}/></port></ports>'
             f'<os><osmatch name={value} accuracy="95" line="1"><osclass type={value} vendor={value} osfamily={value} osgen={value} '
             f'accuracy="95"/></osmatch></os><hostscript><script id="x" output={value}/></hostscript>')
    return host(ip, f'<address addr="00:16:3e:00:01:{number:02x}" addrtype="mac" vendor={value}/>' + inner)


def hostile_document():
    text = doc("".join(hostile_host(ip, n, text) for n, (ip, text) in enumerate(HOSTILE.items())))
    raw = text.encode()
    # what no XML writer lets through: bytes that are no UTF-8, and escape bytes as they are
    return raw.replace(b"<runstats>", host("192.0.2.19", name="RAW").encode().replace(b"RAW", b"\xff\xc0\xafraw") + b"<runstats>")


@pytest.fixture(scope="module")
def hostile():
    path = pathlib.Path(tempfile.mkdtemp(prefix="mst-"))
    program = Muster(path)
    file = path / "hostile.xml"
    file.write_bytes(hostile_document())
    program.imported = program("import", "nmap", file)
    assert program.imported.returncode == 0, program.imported.stderr[-3000:]
    yield program
    program.stop()
    shutil.rmtree(path, ignore_errors=True)


def on_terminal(program, *args, columns=100):
    """The bytes that a terminal of this width would get."""
    env = {**program.env, "TERM": "xterm", "COLUMNS": str(columns)}
    leader, follower = pty.openpty()
    child = subprocess.Popen(program.argv(*args), env=env, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, start_new_session=True)
    os.close(follower)
    out, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        if not select.select([leader], [], [], 0.5)[0]:
            continue
        try:
            block = os.read(leader, 65536)
        except OSError:
            break
        if not block:
            break
        out += block
    os.close(leader)
    child.wait(timeout=10)
    return child.returncode, out.decode("utf-8", "strict")


OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\[K|\r(?=\n)|\r(?=\x1b\[K)")


def clean(text):
    """Nothing that moves a cursor, hides, or turns the direction of text."""
    found = UNSEEN.findall(text)
    assert not found, [f"U+{ord(c):04X}" for c in sorted(set(found))]


def width(text):
    wide = {"W": 2, "F": 2}
    return sum(0 if unicodedata.combining(c) or c == "\u200b" else wide.get(unicodedata.east_asian_width(c), 1) for c in text)


LISTS = [["interfaces"], ["interfaces", "--columns", "ip,hostname,vendor,os_platform,os_generation,ports,note,location"], ["runs"], ["status"],
         ["labels"], ["locations"], ["profiles"], ["runs", "show", "1"]]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_tables_are_clean_and_keep_their_columns(hostile, words):
    done = hostile(*words, "--color", "never", check=0)
    clean(done.stdout)
    clean(done.stderr)
    if words[0] == "interfaces":
        head, *rows = done.stdout.splitlines()
        assert len(rows) == len(HOSTILE) + 1 and "IP" in head.split()
        at = head.index("  IP") + 2 if not head.startswith("IP") else 0
        for row in rows:
            assert re.match(r"192\.0\.2\.\d+ ", row[at:]), row


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_a_terminal_gets_only_our_own_escapes(hostile, columns):
    for words in (["interfaces"], ["runs", "show", "1"], ["interfaces", "show", "192.0.2.2"]):
        status, text = on_terminal(hostile, *words, columns=columns)
        assert status == 0, text
        clean(OWN.sub("", text))
        if words == ["interfaces"]:
            lines = [OWN.sub("", line).rstrip("\r") for line in text.split("\n")]
            rows = [line for line in lines if re.search(r"\b192\.0\.2\.\d+ ", line) and not line.startswith("Next")]
            assert len(rows) == len(HOSTILE) + 1
            assert max(width(row) for row in rows) <= columns, max(rows, key=width)


@pytest.mark.parametrize("ip", [*HOSTILE, "192.0.2.19"])
def test_show_is_clean(hostile, ip):
    done = hostile("interfaces", "show", ip, "--color", "never", check=0)
    clean(done.stdout)
    assert ip in done.stdout and len(done.stdout) < 400_000
    one = hostile.json("interfaces", "show", ip)
    assert one["interface"]["ip"] == ip


def test_what_the_import_says_is_clean(hostile):
    clean(hostile.imported.stdout)
    clean(hostile.imported.stderr)
    assert max(len(line) for line in hostile.imported.stdout.splitlines()) < 1000
    clean(log_of(hostile))


def texts_of(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    elif isinstance(value, str):
        yield value


def test_json_is_json_and_utf8(hostile):
    for words in (["interfaces", "--json"], ["interfaces", "--ndjson"], ["runs", "--json"], ["runs", "show", "1", "--json"],
                  ["interfaces", "show", "192.0.2.1", "--json"], ["interfaces", "show", "192.0.2.6", "--json"]):
        done = subprocess.run(hostile.argv(*words), env=hostile.env, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0
        text = done.stdout.decode("utf-8", "strict")
        clean(text)
        values = [json.loads(line) for line in text.splitlines()] if "--ndjson" in words else [json.loads(text)]
        assert values and "\ud800" not in text
        for one in texts_of(values):
            one.encode("utf-8")
            assert len(one.encode()) <= 131072


def test_data_is_kept_as_it_was(hostile):
    """Escaping belongs to the output: what JSON gives is the text itself, shortened and repaired where it must be."""
    rows = {row["ip"]: row for row in hostile.json("interfaces")}
    assert set(rows) == {*HOSTILE, "192.0.2.19"}
    for ip in ("192.0.2.1", "192.0.2.4", "192.0.2.5", "192.0.2.8", "192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.18"):
        assert rows[ip]["hostname"].lower() == HOSTILE[ip].lower(), ip
    assert all(len(rows["192.0.2.6"].get(name, "")) <= 1024 for name in ("hostname", "vendor", "os_platform")), "100 kB are no name"
    assert 0 < len(rows["192.0.2.6"]["hostname"]) < 100_000 and HOSTILE["192.0.2.6"].startswith(rows["192.0.2.6"]["hostname"])
    assert rows["192.0.2.6"]["note"] == "cut"
    assert "raw" in rows["192.0.2.19"]["hostname"] and "\ufffd" in rows["192.0.2.19"]["hostname"]


def test_csv_cells_are_defused_and_every_row_has_its_cells(hostile):
    done = hostile("interfaces", "--csv", check=0)
    text = subprocess.run(hostile.argv("interfaces", "--csv"), env=hostile.env, capture_output=True, timeout=60).stdout.decode("utf-8", "strict")
    assert text.replace("\r\n", "\n") == done.stdout.replace("\r\n", "\n")
    clean(text.replace("\r\n", "\n"))
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert len(rows) == len(HOSTILE) + 1
    for row in rows:
        assert len(row) == len(head)
        for cell in row:
            assert not re.match(r"[=+@\t\r]", cell), cell[:80]
            assert not cell.startswith("-") or cell == "-" or re.fullmatch(r"-\d+(\.\d+)?", cell), cell[:80]
    by_ip = {row[head.index("ip")]: row[head.index("hostname")] for row in rows}
    assert by_ip["192.0.2.4"].lower() == "'" + FORMULAS[0].lower() and by_ip["192.0.2.12"].lower() == "'-on/x"
    clean(hostile("runs", "--csv", check=0).stdout.replace("\r\n", "\n"))


def test_a_name_like_an_address_is_no_address(hostile):
    """A host that calls itself 192.0.2.99 is found under its own address; asking for 192.0.2.99 finds no such interface by address."""
    done = hostile("interfaces", "show", "192.0.2.99", "--json")
    assert done.returncode == 4 or json.loads(done.stdout)["interface"]["ip"] == "192.0.2.10"
    assert hostile.json("interfaces", "ip=192.0.2.99") == []
    assert hostile.json("interfaces", "ip=6.6.6.6") == []


def test_filters_take_hostile_values(hostile):
    for value in ("'; drop table interfaces; --", '" or 1=1', "%", "_", "\u202e", "a" * 4000, "\\", "{$gt:1}", "=1", "<script>"):
        done = hostile("interfaces", f"hostname~{value}", "--json")
        assert done.returncode in (0, 2), done.stderr
        if done.returncode == 0:
            assert all(value.lower() in row["hostname"].lower() for row in json.loads(done.stdout)), value
        clean(done.stderr)
    assert len(hostile.json("interfaces", "hostname~<script>")) == 1
    assert len(hostile.json("interfaces")) == len(HOSTILE) + 1


def test_a_hostile_file_name_is_only_a_name(hostile):
    folder = hostile.home / "in"
    folder.mkdir()
    for name in ("a\x1b[31m\u202eb.xml", "$(id).xml", "-oN.xml", "b\nc.xml", "caf\udce9.xml", "x" * 200 + ".xml", "&zone=evil#.xml"):
        path = folder / name
        path.write_text(doc(host("192.0.2.1", name="a")))
        done = subprocess.run(hostile.argv("import", "nmap", path), env=hostile.env, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        text = (done.stdout + done.stderr).decode("utf-8", "strict")
        assert done.returncode == 0, text
        clean(text)
    clean(hostile("runs", "--color", "never", check=0).stdout)
    clean(hostile("runs", "show", hostile.json("runs")[0]["number"], "--color", "never", check=0).stdout)
    assert {row["zone"] for row in hostile.json("runs")} == {"default"}
    clean(log_of(hostile))


def test_labels_and_locations_are_escaped_too(hostile, tmp_path):
    path = tmp_path / "places.csv"
    path.write_text('Network,NAT,Site\n192.0.2.0/24,,"=cmd|\u202e<b>"\n')
    done = hostile("locations", "import", path)
    if done.returncode == 0:
        clean(hostile("locations", "--color", "never", check=0).stdout)
        clean(hostile("interfaces", "--columns", "ip,location", "--color", "never", check=0).stdout)
        row = next(csv.DictReader(io.StringIO(hostile("interfaces", "--columns", "location", "--csv", check=0).stdout, newline="")))
        assert row["location"].startswith("'=")
    else:
        assert done.returncode == 2
        clean(done.stderr)


def test_the_store_is_sound_and_readable(hostile):
    assert integrity(hostile.store) == "ok"
    done = subprocess.run(["sqlite3", str(hostile.store), "select count(*) from interfaces"], capture_output=True, text=True, timeout=30)
    assert int(done.stdout) == len(HOSTILE) + 1


def test_a_secret_is_in_no_process(hostile):
    """Nothing of the environment or the command line goes to the daemon and its workers."""
    secret = "hunter2-in-the-environment"
    program = Muster(pathlib.Path(tempfile.mkdtemp(prefix="mst-")))
    program.env["AWS_SECRET_ACCESS_KEY"] = program.env["MUSTER_TOKEN"] = secret
    scan = program.start("scan", "nmap", "127.0.0.0/28", "--ports", "1-2000", "--max-rate", "300", "--os-detection", "off")
    seen, end = set(), time.monotonic() + 20
    while time.monotonic() < end and "nmap" not in seen:
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                name = (place / "comm").read_text().strip()
                if name not in ("muster-worker", "nmap"):
                    continue
                if str(program.home) not in os.readlink(place / "cwd") + (place / "cmdline").read_text() and not belongs(place, program):
                    continue
                text = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
            except OSError:
                continue
            seen.add(name)
            assert secret.encode() not in text, name
        time.sleep(0.05)
    program("runs", "cancel", "1")
    scan.communicate(timeout=30)
    program.stop()
    assert secret not in log_of(program)
    shutil.rmtree(program.home, ignore_errors=True)
    assert {"muster-worker", "nmap"} <= seen


def belongs(place, program):
    """Is this process a child, near or far, of the daemon of this home?"""
    daemon = program.lock().get("pid")
    pid = int(place.name)
    for _ in range(6):
        if pid == daemon:
            return True
        if pid <= 1:
            return False
        pid = int(re.search(r"^PPid:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1))
    return False
