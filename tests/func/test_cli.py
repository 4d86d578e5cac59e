# SPDX-License-Identifier: Apache-2.0
"""The command line: help, words nobody knows, every format, exit statuses, Ctrl-C, and one service for two callers."""
import csv
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import BUILD

COMMANDS = ["scan", "import", "status", "interfaces", "runs", "coverage", "labels", "locations", "profiles", "zones", "secrets", "store", "plugins", "config", "completion", "help"]
QUICK = ["--ports", "1-20", "--os-detection", "off", "--dns", "off"]
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def verbs_of(muster, command):
    """The verbs that help prints: what must be known elsewhere too."""
    text = muster("help", command).stdout
    found = re.findall(rf"^(?:usage:|      ) muster {command} ([a-z]+)(?=[ \n])", text, re.M)
    return [v for v in found]


def options_of(muster, *words):
    return set(re.findall(r"^ +(?:-\w, )?--([a-z][a-z-]*)", muster(*words).stdout, re.M))


@pytest.fixture
def scanned(muster):
    muster("scan", "nmap", "127.0.0.1", *QUICK, check=0)
    return muster


def test_help_teaches_every_command_with_an_example(muster):
    text = muster("--help", check=0).stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\S.*\n +muster", text, re.M), command
    assert muster("-h").stdout == text == muster("help").stdout
    assert muster("--version", check=0).stdout.startswith("Muster 0.")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_both_ways(muster, command):
    one, two = muster("help", command, check=0), muster(command, "--help", check=0)
    assert one.stdout == two.stdout
    assert "usage: muster" in one.stdout


def test_help_needs_no_service(muster):
    muster("--help", check=0)
    muster("help", "scan", check=0)
    muster("config", "check", check=0)
    muster("plugins", "show", "nmap", check=0)
    assert not muster.store.exists()


def test_help_of_a_method_comes_from_its_manifest(muster):
    text = muster("help", "scan", "nmap", check=0).stdout
    manifest = muster.json("plugins", "show", "nmap")
    for option in manifest["methods"][0]["options"]:
        assert "--" + option["name"].replace("_", "-") in text


@pytest.mark.parametrize("words, said", [
    (["scna"], "did you mean muster scan?"),
    (["xyzzy"], "muster --help"),
    (["--jsno"], "did you mean --json?"),
    (["interfaces", "shwo", "1"], "did you mean muster interfaces show?"),
    (["interfaces", "--colums"], "did you mean --columns?"),
    (["interfaces", "192.0.2.1"], "muster interfaces"),
    (["interfaces", "--limit", "none"], "--limit"),
    (["interfaces", "--sort"], "--sort needs a value"),
    (["interfaces", "show"], "usage: muster interfaces show"),
    (["interfaces", "show", "a", "b"], "one word too many"),
    (["interfaces", "label", "ip=1.1.1.1"], "--add"),
    (["runs", "--limit", "0"], "--limit"),
    (["scan"], "usage: muster scan"),
    (["scan", "nmap"], "muster scan nmap TARGETS"),
    (["scan", "nmap", "192.0.2.1", "--port", "22"], "did you mean --ports?"),
    (["scan", "nmap", "192.0.2.1", "--timing", "warp"], "timing"),
    (["scan", "nmap", "--", "-oN/x"], "-oN/x"),
    (["scan", "nmap", "0.0.0.0/0"], "0.0.0.0/0"),
    (["import", "nmap"], "usage: muster import"),
    (["labels", "add", "x"], "--when"),
    (["--json", "--csv"], "only one of"),
    (["--color", "pink"], "--color"),
    (["status", "--csv"], "--json"),
])
def test_wrong_usage_says_the_cure_and_exits_2(muster, words, said):
    done = muster(*words, check=2)
    assert done.stderr.startswith("muster: ") and done.stderr.count("\n") <= 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words", [
    ["interfaces", "show", "192.0.2.77"], ["runs", "show", "999"], ["runs", "retry", "999"], ["profiles", "show", "nothing"],
    ["labels", "remove", "nothing"], ["scan", "nothing"], ["import", "nothing", "x.xml"], ["import", "nmap", "/nonexistent/x.xml"],
    ["plugins", "show", "nothing"], ["plugins", "show", "nmap", "--text", "nothing"], ["plugins", "check", "/nonexistent.so"],
])
def test_what_is_not_there_exits_4(muster, words):
    done = muster(*words, check=4)
    assert done.stderr.splitlines()[-1].startswith("muster: ")


def test_a_2000_character_name_is_refused_in_one_line(muster):
    done = muster("scan", "nmap", "a" * 2000, check=2)
    assert len(done.stderr) < 600


def test_an_empty_store_says_which_one_and_what_to_type(muster):
    done = muster("interfaces", check=0)
    assert done.stdout == "" and str(muster.store) in done.stderr and "Next: " in done.stderr
    assert "managed: not determined" in done.stderr
    assert muster.json("interfaces") == []
    assert muster("interfaces", "--ndjson", check=0).stdout == ""
    first = muster(check=0)
    assert "Nothing scanned yet" in first.stdout and "--dry-run" in first.stdout and str(muster.store) in first.stdout


def test_status_as_json(muster):
    status = muster.json()
    assert status["private"] is True and status["store"]["path"] == str(muster.store)
    assert set(status["interfaces"]) >= {"managed", "unmanaged", "unmanageable", "ignored", "lost"}


def test_scan_prints_plan_progress_and_what_is_new(muster):
    done = muster("scan", "nmap", "127.0.0.1", *QUICK, check=0)
    lines = done.stderr.splitlines()
    assert any(re.match(r"Plan +1 address, zone default, 1 shard; os-detection off", line) for line in lines)
    assert any(re.match(r"Run 1 +complete in \d+:\d\d: 1 covered, 1 up", line) for line in lines)
    assert lines[-1].startswith("Next: muster interfaces")
    assert re.match(r"NEW +127\.0\.0\.1\b", done.stdout)
    assert "\033" not in done.stdout + done.stderr and "\r" not in done.stderr
    quiet = muster("scan", "nmap", "127.0.0.1", *QUICK, "--quiet", check=0)
    assert quiet.stderr == "" and quiet.stdout == ""


def test_scan_as_json_is_the_run(muster):
    run = muster.json("scan", "nmap", "127.0.0.1", *QUICK)
    assert run["number"] == 1 and run["outcome"] == "complete" and run["changes"]["new"][0]["ip"] == "127.0.0.1"
    assert TIME.match(run["started"])


def test_dry_run_prints_the_plan_and_the_command_and_makes_no_run(muster):
    done = muster("scan", "nmap", "127.0.0.0/28", "--exclude", "127.0.0.3", "--dry-run", check=0)
    assert re.search(r"^Plan +15 addresses", done.stdout, re.M)
    assert re.search(r"^nmap .*--max-hostgroup", done.stdout, re.M)
    assert "nothing was sent" in done.stderr
    assert muster.json("runs") == []
    plan = muster.json("scan", "nmap", "127.0.0.0/28", "--dry-run")
    assert plan["addresses"] == 16 and plan["commands"]


def test_detach_returns_and_watch_follows(muster):
    done = muster("scan", "nmap", "127.0.0.1", *QUICK, "--detach", check=0)
    number = re.match(r"Run (\d+) +started", done.stdout).group(1)
    watched = muster("runs", "watch", number, check=0)
    assert "complete" in watched.stderr
    assert muster.json("runs", "show", number)["outcome"] == "complete"


def test_never_scan_refuses_with_exit_5(muster):
    muster.write_config('never_scan = {"127.0.0.0/8"}\n')
    done = muster("scan", "nmap", "127.0.0.1", *QUICK, check=5)
    assert "never_scan" in done.stderr and "muster.conf:1" in done.stderr
    dry = muster("scan", "nmap", "127.0.0.1", "--dry-run", check=5)
    assert "never_scan" in dry.stdout + dry.stderr


def test_listing_in_every_format(scanned):
    table = scanned("interfaces", check=0)
    head, row = table.stdout.splitlines()
    assert head.split()[:3] == ["ID", "STATE", "IP"] and row.split()[1:3] == ["unmanaged", "127.0.0.1"]
    assert "managed: not determined" in table.stderr
    items = scanned.json("interfaces")
    assert [item["ip"] for item in items] == ["127.0.0.1"]
    assert TIME.match(items[0]["last_seen"]) and items[0]["id"] == row.split()[0]
    lines = scanned("interfaces", "--ndjson", check=0).stdout.splitlines()
    assert [json.loads(line) for line in lines] == items
    text = scanned("interfaces", "--csv", check=0).stdout
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows[0]["ip"] == "127.0.0.1" and TIME.match(rows[0]["first_seen"])
    assert scanned("interfaces", "state=lost", "--csv", check=0).stdout == text.splitlines()[0] + "\n"


def test_filters_columns_sort_and_limit(scanned):
    assert len(scanned.json("interfaces", "ip=127.0.0.0/8", "state=unmanaged")) == 1
    assert scanned.json("interfaces", "ip=10.0.0.0/8") == []
    assert scanned.json("interfaces", "last_seen<1h")[0]["ip"] == "127.0.0.1"
    done = scanned("interfaces", "--columns", "ip,state,last_seen", check=0)
    assert done.stdout.splitlines()[0].split() == ["IP", "STATE", "LAST_SEEN"]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", done.stdout.splitlines()[1])
    names = [row["name"] for row in scanned.json("interfaces", "--columns")]
    assert "os_platform" in names and names == [row["name"] for row in scanned.json("interfaces", "columns")]
    assert scanned("interfaces", "--columns", "ip", "--csv").stdout.split() == ["ip", "127.0.0.1"]
    assert "did you mean vendor" in scanned("interfaces", "--columns", "vendro", check=2).stderr
    scanned("interfaces", "nonsense=1", check=2)
    scanned("interfaces", "--sort", "-last_seen", "--limit", "1", check=0)


def test_show_tells_merge_and_sources(scanned):
    done = scanned("interfaces", "show", "127.0.0.1", check=0)
    assert re.search(r"^ip +127\.0\.0\.1 +nmap \(nmap\)", done.stdout, re.M)
    assert "What each source saw" in done.stdout and "observation    nmap/default/127.0.0.1" in done.stdout
    one = scanned.json("interfaces", "show", "127.0.0.1")
    assert one["interface"]["ip"] == "127.0.0.1" and one["observations"][0]["doc"]["ip"] == "127.0.0.1"
    assert scanned.json("interfaces", "show", one["interface"]["id"]) == one


def test_label_and_ignore_with_dry_run(scanned):
    dry = scanned("interfaces", "label", "ip=127.0.0.1", "--add", "Test Bench", "--dry-run", check=0)
    assert dry.stdout.startswith("Dry run: 1 matched, 1 would be labelled") and "127.0.0.1" in dry.stdout
    assert scanned.json("interfaces", "label=Test Bench") == []
    assert "1 matched, 1 labelled" in scanned("interfaces", "label", "ip=127.0.0.1", "--add", "Test Bench", check=0).stdout
    assert scanned.json("interfaces", "label=Test Bench")[0]["labels"] == ["Test Bench"]
    scanned("interfaces", "label", "ip=127.0.0.1", "--remove", "Test Bench", check=0)
    assert not scanned.json("interfaces")[0].get("labels")
    scanned("interfaces", "ignore", "ip=127.0.0.1", check=0)
    assert scanned.json("interfaces")[0]["state"] == "ignored"
    scanned("interfaces", "ignore", "ip=127.0.0.1", "--undo", check=0)
    assert scanned.json("interfaces")[0]["state"] == "unmanaged"


def test_runs_and_rules_and_places(scanned, tmp_path):
    assert "complete" in scanned("runs", check=0).stdout
    assert re.search(r"^Run 1 .*COMPLETE", scanned("runs", "show", "1", check=0).stdout)
    assert scanned.json("runs", "outcome=partial") == []
    rows = list(csv.DictReader(io.StringIO(scanned("runs", "--csv", check=0).stdout, newline="")))
    assert rows[0]["number"] == "1"
    assert "Unmanageable OS Platforms" in scanned("labels", check=0).stdout
    scanned("labels", "add", "Loops", "--when", "ip=127.0.0.0/8", "--set", "managed", check=0)
    assert scanned.json("labels", "test", "Loops")["matched"] == 1
    assert scanned.json("interfaces")[0]["state"] == "managed"
    assert "not determined" not in scanned("interfaces", check=0).stderr
    scanned("labels", "remove", "Loops", check=0)
    assert scanned.json("interfaces")[0]["state"] == "unmanaged"
    places = tmp_path / "places.csv"
    places.write_text("Network,NAT,Site\n127.0.0.0/8,,Here\n")
    scanned("locations", "import", places, check=0)
    assert "Here" in scanned("locations", check=0).stdout
    assert scanned.json("interfaces")[0]["location"] == "Here"


def test_profiles(muster):
    muster.write_config('profile "loop" {\n nmap { include = "127.0.0.1" ports = "1-20" os_detection = off dns = off }\n}\n')
    assert "loop" in muster("profiles", check=0).stdout
    assert 'include = "127.0.0.1"' in muster("profiles", "show", "loop", "--conf", check=0).stdout
    assert muster.json("profiles", "show", "loop")["options"]["include"] == "127.0.0.1"
    assert "nmap" in muster("profiles", "test", "loop", check=0).stdout
    muster("scan", "loop", check=0)
    assert muster.json("runs")[0]["profile"] == "loop"
    assert "takes no targets" in muster("scan", "loop", "127.0.0.2", check=2).stderr


def test_plugins_check_and_texts(muster, build):
    assert "nmap" in muster("plugins", check=0).stdout
    text = muster("plugins", "show", "nmap", check=0).stdout
    assert "CAP_NET_RAW" in text and "max_rate" in text and "os" in text
    name = re.search(r"--text ([a-z-]+)", text).group(1)
    assert len(muster("plugins", "show", "nmap", "--text", name, check=0).stdout) > 100
    muster("plugins", "check", build / "plugins" / ".libs" / "nmap.so", check=0)
    done = muster("plugins", "check", "/etc/passwd", check=1)
    assert re.search(r"^FAULT +file ", done.stdout, re.M) and "does not keep the contract" in done.stderr
    assert any(not line["ok"] for line in json.loads(muster("plugins", "check", "/etc/passwd", "--json").stdout))


def test_config_check_prints_all_faults(muster, tmp_path):
    bad = tmp_path / "muster.conf"
    bad.write_text('max_rate = fast\nlost_after = 0\nnever_scan = {"300.0.0.1"}\n')
    bad.chmod(0o600)
    done = muster("config", "check", bad, check=2)
    for line in (1, 2, 3):
        assert f"{bad}:{line}: " in done.stdout
    assert "3 faults in 1 file" in done.stderr
    assert [fault["line"] for fault in json.loads(muster("config", "check", bad, "--json").stdout)] == [1, 2, 3]
    muster.write_config('zone "hq" { networks = {"10.0.0.0/8"} }\n')
    assert "no fault" in muster("config", "check", check=0).stdout


def test_ctrl_c_cancels_and_leaves_nothing_running(muster):
    program = muster.start("scan", "nmap", "127.0.0.0/26", "--ports", "1-4000", "--os-detection", "off", "--max-rate", "300")
    end = time.monotonic() + 30
    while time.monotonic() < end and not any(r["state"] == "running" for r in muster.json("runs")):
        time.sleep(0.2)
    program.send_signal(signal.SIGINT)
    out, errors = program.communicate(timeout=30)
    assert program.returncode == 130, out + errors
    assert "stopping" in errors and "partial" in errors
    run = muster.json("runs")[0]
    assert run["state"] == "done" and run["outcome"] == "partial"


def test_a_second_muster_joins_the_first_service(muster):
    program = muster.start("scan", "nmap", "127.0.0.0/26", "--ports", "1-4000", "--os-detection", "off", "--max-rate", "300")
    end = time.monotonic() + 30
    while time.monotonic() < end and not muster.lock():
        time.sleep(0.1)
    first = muster.lock()["pid"]
    assert muster.json()["pid"] == first
    number = None
    while time.monotonic() < end and not number:
        number = next((r["number"] for r in muster.json("runs") if r["state"] == "running"), None)
    muster("runs", "cancel", number, check=0)
    program.communicate(timeout=30)
    assert program.returncode == 3


def test_a_reader_that_leaves_is_no_error(scanned):
    done = subprocess.run(["bash", "-c", '"$0" "$@" | head -n 1', *scanned.argv("interfaces", "--csv")], env=scanned.env,
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("id,") and "muster:" not in done.stderr
    program = subprocess.Popen(scanned.argv("--help"), env=scanned.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               restore_signals=False)
    program.stdout.close()
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait(timeout=30) in (0, -signal.SIGPIPE)


def test_a_full_disk_is_told(muster):
    with open("/dev/full", "w") as full:
        done = subprocess.run(muster.argv("--help"), env=muster.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_tables_fit_the_width_that_is_asked_for(scanned):
    for width in (40, 80, 200):
        scanned.env["COLUMNS"] = str(width)
        done = scanned("interfaces", check=0)
        assert max(len(line) for line in done.stdout.splitlines()) <= width
        assert ("left out" in done.stderr) == (width == 40)
    del scanned.env["COLUMNS"]


def test_colours(scanned):
    assert "\033[" in scanned("interfaces", "--color", "always", check=0).stdout
    assert "\033[" not in scanned("interfaces", "--color=never", check=0).stdout


def test_completion_knows_every_command_verb_and_option(muster, tmp_path):
    script = tmp_path / "muster.bash"
    script.write_text(muster("completion", "bash", check=0).stdout)

    def complete(*words):
        probe = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _muster; printf "%s\\n" "${COMPREPLY[@]}"')
        out = subprocess.run(["bash", "-c", probe, "bash", str(script), "muster", *words], capture_output=True, text=True, check=True,
                             timeout=30)
        return set(out.stdout.split())

    assert complete("") == set(COMMANDS)
    assert options_of(muster, "--help") <= {word[2:] for word in complete("--")}
    for command in COMMANDS:
        assert options_of(muster, "help", command) - {"help"} <= {word[2:] for word in complete(command, "--")}, command
        if verbs_of(muster, command) and command != "help":
            assert set(verbs_of(muster, command)) <= complete(command, ""), command
    assert complete("inter") == {"interfaces"}


def test_completion_knows_columns_profiles_and_zones(muster, tmp_path):
    muster.write_config('zone "lab" { networks = { "192.0.2.0/24" } }\n'
                        'profile "hq" { zone = "lab" nmap { include = "192.0.2.1" } }\n')
    script = tmp_path / "muster.bash"
    script.write_text(muster("completion", "bash", check=0).stdout)

    def complete(*words):
        probe = ('muster() { "$muster" "$@"; }; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _muster; '
                 'printf "%s\\n" "${COMPREPLY[@]}"')
        out = subprocess.run(["bash", "-c", probe, "bash", str(script), "muster", *words], capture_output=True, text=True, check=True,
                             timeout=30, env={**muster.env, "muster": muster.argv()[0]})
        return set(out.stdout.split())

    assert "hq" in complete("scan", "") and "nmap" in complete("scan", "")
    assert complete("profiles", "show", "h") == {"hq"} and complete("zones", "show", "") == {"default", "lab"}
    assert complete("scan", "nmap", "--zone", "l") == {"lab"}
    assert complete("runs", "--columns", "number,shards_d") == {"number,shards_done"}
    assert complete("interfaces", "--sort", "-first_s") == {"-first_seen"}
    assert not muster.lock(), "a key press started a service"
    assert muster("completion", "columns", "interfaces", check=0).stdout.split() == [c["name"] for c in muster.json("interfaces", "columns")]


def test_the_man_page_knows_every_command_verb_and_option(muster):
    source = pathlib.Path(__file__).resolve().parents[2] / "doc" / "muster.1"
    page = source.read_text()
    for command in COMMANDS:
        assert re.search(rf"^\.It Cm {command}\b", page, re.M) or f"Cm {command} " in page, command
        for verb in verbs_of(muster, command):
            assert f"{command} {verb}" in page or f"{command} Oo Cm {verb}" in page or f"{command} Op Cm {verb}" in page, (command, verb)
        for option in options_of(muster, "help", command):
            assert f"Fl -{option}" in page, (command, option)
    for option in options_of(muster, "--help"):
        assert f"Fl -{option}" in page or f", -{option}" in page, option


def xml_of(hosts):
    rows = "".join(f'<host starttime="1790000000" endtime="1790000000"><status state="up" reason="arp-response"/>'
                   f'<address addr="{ip}" addrtype="ipv4"/><hostnames><hostname name="{name}" type="PTR"/></hostnames></host>'
                   for ip, name in hosts)
    return (f'<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap" start="1790000000">{rows}'
            f'<runstats><finished time="1790000100" exit="success"/></runstats></nmaprun>')


def test_import_of_many_files_a_bad_one_costs_itself(muster, tmp_path):
    good, cut, bad = tmp_path / "good.xml", tmp_path / "cut.xml", tmp_path / "bad.xml"
    text = xml_of([("192.0.2.1", "a"), ("192.0.2.2", "b")])
    good.write_text(text)
    cut.write_text(text[:text.index("<runstats")])
    bad.write_text("no xml")
    assert muster("import", "nmap", good, check=0).stdout.count("NEW") == 2
    assert "cure:" in muster("import", "nmap", cut, check=3).stderr
    done = muster("import", "nmap", bad, cut, good, check=1)
    assert [line for line in done.stderr.splitlines() if line.startswith("File ")] == [f"File    {path}" for path in (bad, cut, good)]
    assert [run["outcome"] for run in muster.json("runs")][:3] == ["complete", "partial", "failed"]
    muster("import", "nmap", tmp_path, check=2)


def test_hostile_names_reach_no_terminal_and_no_spreadsheet(muster):
    text = xml_of([("192.0.2.1", "a\u202eb\u009b2J"), ("192.0.2.2", "=cmd|x")])
    done = muster("import", "nmap", "-", stdin=text, check=0)
    for out in (done.stdout, muster("interfaces", "--color", "never").stdout, muster("interfaces", "show", "192.0.2.1").stdout,
                muster("interfaces", "--json").stdout):
        assert "\u202e" not in out and "\u009b" not in out and "192.0.2.1" in out
    rows = {row["ip"]: row for row in csv.DictReader(io.StringIO(muster("interfaces", "--csv").stdout, newline=""))}
    assert rows["192.0.2.2"]["hostname"] == "'=cmd|x"


def test_tables_stop_at_100_rows_and_data_is_whole(muster):
    hosts = [(f"10.1.{i // 250}.{i % 250 + 1}", f"h{i}") for i in range(1204)]
    done = muster("import", "nmap", "-", stdin=xml_of(hosts), check=0)
    assert done.stdout.count("NEW") == 20 and "and 1184 more: muster interfaces created_run=1" in done.stderr
    table = muster("interfaces", check=0)
    assert len(table.stdout.splitlines()) == 101 and "100 of 1 204 shown." in table.stderr
    assert len(muster("interfaces", "--limit", "1100", check=0).stdout.splitlines()) == 1101
    assert len(muster.json("interfaces")) == 1204
    assert len(muster("interfaces", "--csv").stdout.splitlines()) == 1205
    assert len(muster("interfaces", "--ndjson", "--limit", "1100").stdout.splitlines()) == 1100
    assert len(muster.json("interfaces", "--limit", "7")) == 7
    assert muster.json("interfaces", "--sort", "-ip", "--limit", "1")[0]["ip"] == "10.1.4.204"


def test_the_guides_plugin_builds_keeps_the_contract_and_scans(muster, tmp_path):
    """doc/plugins.md is believed word for word by whoever writes a first plugin."""
    top = pathlib.Path(__file__).resolve().parents[2]
    source = re.search(r"```c\n(.*?)```", (top / "doc" / "plugins.md").read_text(), re.S).group(1)
    folder = muster.home / "plugins"
    folder.mkdir(mode=0o755)
    (folder / "hello.c").write_text(source)
    subprocess.run(["gcc", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", f"-I{top}/core/include", "-Wl,-z,now", "-Wl,-z,defs", "-Werror",
                    "-o", folder / "hello.so", folder / "hello.c"], check=True, timeout=60)
    shutil.copy(BUILD / "plugins" / ".libs" / "store-sqlite.so", folder)
    for plugin in folder.glob("*.so"):
        plugin.chmod(0o755)
    assert "keeps the contract" in muster("plugins", "check", folder / "hello.so", check=0).stdout
    assert "NEW      127.0.0.1" in muster("--plugin-dir", folder, "scan", "hello", "--label", "there", check=0).stdout
    (row,) = json.loads(muster("--plugin-dir", folder, "interfaces", "--json", check=0).stdout)
    assert row["hostname"] == "there"
