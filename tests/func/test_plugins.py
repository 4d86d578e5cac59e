# SPDX-License-Identifier: Apache-2.0
"""Plugins that misbehave, driven through the real worker: each is a clear refusal or costs one shard."""
import json
import pathlib
import re
import subprocess

import pytest

import worker
from worker import BUILD, COMPLETE, PARTIAL

HOSTILE = BUILD / "tests" / "plugins" / ".libs"
EXAMPLE = BUILD / "plugins" / ".libs" / "example.so"
HEADER = (pathlib.Path(__file__).parents[2] / "core" / "include" / "muster" / "plugin.h").read_text()
ABI = ".".join(re.search(rf"MUSTER_ABI_{part}\s+(\d+)", HEADER).group(1) for part in ("MAJOR", "MINOR"))
SANITIZED = bool(re.search(r"^MST_CFLAGS = .*-fsanitize=address", (BUILD / "Makefile").read_text(), re.M))

pytestmark = pytest.mark.skipif(not HOSTILE.is_dir(), reason="the hostile plugins are not built: make check TESTS=")


def run(name, **more):
    return worker.run(HOSTILE / f"{name}.so", "hostile", **more)


def describe(path):
    return subprocess.run([worker.WORKER, "describe", str(path)], capture_output=True, text=True, timeout=20)


def crashed(result):
    """Died without a last line. A sanitizer turns the signal into an exit status of its own."""
    return result.end is None and (result.status < 0 or (SANITIZED and result.status == 1))


def test_well_behaved():
    result = run("well_behaved")
    assert result.status == 0 and result.end["status"] == "ok" and result.end["records"] == 1
    assert result.of("hello")[0]["plugin"] == "well_behaved"
    assert result.outcomes == [COMPLETE]
    assert [r["_key"] for r in result.records] == ["192.0.2.1"] and result.records[0]["_scope"] == 0
    assert result.frames[-1] == (worker.END, {"status": 0, "text": ""})
    assert result.output == b""


def test_example():
    result = worker.run(EXAMPLE, "example", options={"loopback": "yes"}, scope={"facts": ["presence", "mac"], "addresses": "",
                        "tcp_ports": "", "udp_ports": "", "namespace": "example/own-interfaces"})
    assert result.status == 0 and result.end["status"] == "ok", result.lines
    assert "127.0.0.1" in [r["ip"] for r in result.records]
    assert all(r["answered"] and r["seen"] > 0 for r in result.records)
    assert result.outcomes == [COMPLETE]
    plan = worker.run(EXAMPLE, "example", command="plan")
    assert [line["id"] for line in plan.of("shard")] == ["own"] and plan.end["status"] == "ok"


@pytest.mark.parametrize("name, says", [
    ("wrong_magic", "0x4d535453 where this host expects 0x4d535452"),
    ("newer_major", f"built with 1.0 and needs at least 1.0; this host speaks {ABI}"),
    ("short_size", "a size of 24 bytes"),
    ("null_ops", 'required function "plan"'),
    ("wrong_name", 'calls itself "nmap" but its file is "wrong_name.so"'),
    ("no_symbol", "does not export muster_plugin_v1"),
    ("undefined_symbol", "undefined symbol: muster_there_is_no_such_function"),
])
def test_refused(name, says):
    done = describe(HOSTILE / f"{name}.so")
    assert done.returncode != 0 and done.stdout == ""
    assert says in done.stderr and done.stderr.count("\n") == 1 and f"{name}.so" in done.stderr
    result = run(name)
    assert result.status != 0 and says in result.end["text"] and result.end["status"] != "ok"
    assert result.records == []


def test_crash_at_load():
    assert describe(HOSTILE / "crash_load.so").returncode != 0
    assert crashed(run("crash_load"))


def test_crash_in_open():
    result = run("crash_open")
    assert crashed(result) and result.records == [] and result.of("hello")


def test_crash_in_plan():
    result = run("crash_plan", command="plan")
    assert crashed(result)
    assert [line["id"] for line in result.of("shard")] == ["s1"]


def test_crash_in_run_keeps_what_was_finished():
    result = run("crash_run")
    assert crashed(result)
    # The finished scope was flushed; the open one and its record may be lost, never half there.
    assert result.outcomes == [COMPLETE] and result.records[0]["_key"] == "192.0.2.1"
    assert worker.END not in [kind for kind, _ in result.frames]
    # A second try goes on in the same segment.
    again = run("well_behaved", segment=result.segment)
    assert again.end["status"] == "ok" and again.outcomes[-1] == COMPLETE and len(again.outcomes) in (2, 3)


@pytest.mark.parametrize("how", ["cancel", "orphan", "deadline"])
def test_ignores_cancel(how):
    started = worker.Worker("run", worker.job(HOSTILE / "ignores_cancel.so", "hostile", deadline_ms=1500 if how == "deadline" else 20000))
    assert started.read(10, b"spinning")
    if how == "cancel":
        started.cancel()
    elif how == "orphan":
        started.close_control()
    result = started.finish(8)
    assert result.status != 0 and result.end is None
    assert how == "orphan" or "its process was ended" in result.log()
    assert result.outcomes == [COMPLETE] and len(result.records) == 1


def test_changes_signals():
    """Nothing inside the process can end it then: the daemon kills the group, and what was finished is kept."""
    started = worker.Worker("run", worker.job(HOSTILE / "changes_signals.so", "hostile"))
    assert started.read(10, b"spinning")
    started.cancel()
    started.read(3)
    started.kill_group()
    result = started.finish(5)
    assert result.status == -9 and result.end is None
    assert result.outcomes == [COMPLETE] and len(result.records) == 1


def test_outside_scope():
    result = run("outside_scope")
    assert [r["_key"] for r in result.records] == ["192.0.2.1"] and result.end["records"] == 1
    kinds = [kind for kind, _ in result.frames]
    assert kinds == [worker.SCOPE_BEGIN, worker.RECORD, worker.SCOPE_END, worker.END]
    assert "record_begin: no scope is open" in result.log()


def test_wide_scope():
    result = run("wide_scope")
    assert result.end["status"] == "refused" and result.records == [] and result.outcomes == []
    assert "planned scope" in result.end["text"]


def test_never_scan_beats_a_scope():
    result = run("well_behaved", never_scan=[{"text": "192.0.2.3", "at": "/etc/muster/muster.conf:5"}])
    assert result.end["status"] == "refused" and result.records == []
    assert "/etc/muster/muster.conf:5" in result.end["text"]


def test_emits_after_cancel():
    started = worker.Worker("run", worker.job(HOSTILE / "after_cancel.so", "hostile"))
    assert started.read(10, b"waiting")
    started.cancel()
    result = started.finish(8)
    # A plugin has a moment to hand over what it has; then its process ends itself, and the scope was never complete.
    assert result.status != 0 and result.end is None and "did not stop within 2 seconds" in result.log()
    assert COMPLETE not in result.outcomes and worker.END not in [kind for kind, _ in result.frames]


def test_leaks_descriptors():
    result = run("leaks_descriptors")
    assert result.end["status"] == "ok" and len(result.records) == 1


def test_closes_descriptors():
    result = run("closes_descriptors")
    assert result.status != 0 or result.end is None
    assert len(result.records) == 1


def test_floods_records():
    """The worker's own file size limit is lowered here so that the test needs no gigabytes."""
    result = run("floods_records", limits=("--fsize=8388608",))
    assert result.end["status"] == "full" and "free space" in result.end["text"], result.end
    assert len(result.segment) <= 8388608 and len(result.records) > 100
    assert COMPLETE not in result.outcomes


def test_huge_record():
    result = run("huge_record")
    assert result.status in (0, 1, 3) and result.end is not None
    assert [r["_key"] for r in result.records] == ["192.0.2.1"]


def test_floods_log():
    result = run("floods_log")
    assert result.end["status"] == "ok" and len(result.records) == 1
    logs = result.of("log")
    assert len(logs) <= 10100 and len(result.of("progress")) < 200
    assert len(logs[0]["text"]) < 4200 and logs[0]["text"].endswith("...")
    assert max(len(line) for line in result.raw.splitlines()) < 65536
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f\x9b]", result.raw)
    assert len(result.of("end")) == 1


def test_infinite_plan():
    result = run("infinite_plan", command="plan")
    assert result.end["status"] == "limit", result.end
    assert len(result.of("shard")) <= 65536


def test_plans_bad_shards():
    result = run("same_shard", command="plan")
    assert [line["id"] for line in result.of("shard")] == ["s1"], result.lines


def test_prints():
    result = run("writes_stdout")
    assert result.end["status"] == "ok" and len(result.of("end")) == 1
    assert b"from stdout" not in result.output and "from stdout" in result.log()
    # A sanitized worker keeps its stderr, so that the sanitizer's report reaches somebody.
    assert SANITIZED or (result.output == b"" and "from stderr" in result.log())
    # What it prints while it is described does not become its manifest either.
    done = describe(HOSTILE / "writes_stdout.so")
    assert json.loads(done.stdout)["name"] == "writes_stdout"


def test_calls_exit():
    """Exit status 0 and no last line: the daemon counts that as failed."""
    result = run("calls_exit")
    assert result.end is None and len(result.records) == 1
    assert worker.END not in [kind for kind, _ in result.frames]


# A sanitizer maps more address space than any limit leaves: there is nothing to test then.
if not SANITIZED:
    def test_eats_memory():
        result = run("eats_memory", seconds=60)
        assert result.end["status"] == "no_memory" and result.end["text"] == "no memory is left"
        assert len(result.records) == 1


def test_leaves_open():
    result = run("leaves_open")
    assert result.end["status"] == "partial" and result.outcomes == [PARTIAL] and len(result.records) == 1


def test_segment_is_locked(tmp_path):
    """Two workers over one segment: the second is refused while the first lives."""
    path = tmp_path / "s1.part"
    first = worker.Worker("run", worker.job(HOSTILE / "after_cancel.so", "hostile"), segment_path=path)
    assert first.read(10, b"waiting")
    second = worker.Worker("run", worker.job(HOSTILE / "well_behaved.so", "hostile"), segment_path=path).finish()
    assert second.end["status"] == "unavailable" and "locked by another worker" in second.end["text"]
    first.cancel()
    first.finish(8)
    third = worker.Worker("run", worker.job(HOSTILE / "well_behaved.so", "hostile"), segment_path=path).finish()
    assert third.end["status"] == "ok" and third.outcomes == [PARTIAL, COMPLETE]


def contract(path, prefix=()):
    done = subprocess.run([*prefix, worker.WORKER, "contract", str(path)], capture_output=True, text=True, timeout=130)
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(check) == {"check", "ok", "text"} for check in checks) and (SANITIZED or done.stderr == "")
    assert done.returncode == (0 if all(check["ok"] for check in checks) else 1)
    return {check["check"]: check for check in checks}


@pytest.mark.parametrize("path", sorted((BUILD / "plugins" / ".libs").glob("*.so")) + [HOSTILE / "well_behaved.so"], ids=lambda p: p.stem)
def test_contract_of_good_plugins(path):
    """What a plugin writer runs is what every built-in plugin passes."""
    checks = contract(path)
    assert [check for check in checks.values() if not check["ok"]] == []
    assert {"path", "symbols", "bind_now", "stack", "descriptor", "manifest", "process", "silence"} <= set(checks)


def test_contract_where_the_kernel_has_no_landlock():
    """What the worker itself has to say is not the plugin's."""
    without = pathlib.Path(__file__).with_name("no_landlock.py")
    checks = contract(HOSTILE / "well_behaved.so", prefix=["/usr/bin/python3", without, "ENOSYS"])
    assert checks["silence"]["ok"], checks["silence"]


@pytest.mark.parametrize("name, check, says", [
    ("no_symbol", "symbols", "-fvisibility=hidden"),
    ("undefined_symbol", "bind_now", "-z,now"),
    ("newer_major", "descriptor", "ABI mismatch"),
    ("null_ops", "descriptor", '"plan"'),
    ("crash_open", "process", "crashed after hostile.options"),
    ("crash_plan", "process", "crashed after hostile.open_close"),
    ("crash_run", "hostile.cancelled_run", "crashed"),
    ("after_cancel", "hostile.cancelled_run", "did not return within 3 s"),
    ("changes_signals", "hostile.cancelled_run", "did not return within 3 s"),
    ("calls_exit", "hostile.cancelled_run", "never calls exit()"),
    ("leaks_descriptors", "hostile.cancelled_run", "descriptors"),
    ("closes_descriptors", "hostile.cancelled_run", "descriptors"),
    ("infinite_plan", "hostile.plan", "65536 shards"),
    ("plans_by_clock", "hostile.plan", "the second time"),
    ("leaks_in_open", "hostile.open_close", "descriptors"),
    ("changes_environment", "hostile.open_close", "environment"),
    ("writes_stdout", "silence", "log service"),
])
def test_contract_of_bad_plugins(name, check, says):
    checks = contract(HOSTILE / f"{name}.so")
    if SANITIZED and name.startswith("crash_"):
        assert not all(c["ok"] for c in checks.values())
        return
    assert check in checks, checks
    assert not checks[check]["ok"] and says in checks[check]["text"], checks[check]
