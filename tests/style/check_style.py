#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a machine can check. Prints every fault as file:line: text; exit 1 when there is one."""
import re
import subprocess
import sys

FILE_LINES, FUNCTION_LINES = 600, 80
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|strtok|alloca|system|popen|mktemp|tmpnam)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\b[Ff]or now\b")
INCLUDE = re.compile(r'^#include "([a-z_]+)/')
# A room may include these rooms and no other: arrows point one way.
ROOMS = {
    "base": {"base"},
    "conf": {"base", "conf"},
    "record": {"base", "record"},
    "secret": {"base", "secret"},
    "plugin": {"base", "conf", "record", "plugin"},
    "store": {"base", "conf", "record", "plugin", "store"},
    "import": {"base", "conf", "record", "plugin", "store", "import"},
    "job": {"base", "conf", "secret", "record", "plugin", "store", "import", "job"},
    "api": {"base", "conf", "secret", "record", "plugin", "store", "import", "job", "api"},
    "daemon": {"base", "conf", "secret", "record", "plugin", "store", "import", "job", "api", "daemon"},
    "worker": {"base", "conf", "secret", "record", "plugin", "store", "import", "worker"},
    "cli": {"base", "conf", "secret", "plugin", "store", "cli"},
}
faults = []


def fault(path, line, text):
    faults.append(f"{path}:{line}: {text}")


def tracked():
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True,
                         capture_output=True).stdout
    return [p for p in out.decode().split("\0") if p]


def check_text(path, lines):
    is_c = path.endswith((".c", ".h"))
    if is_c and "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
        fault(path, 1, "the first line must be the licence: /* SPDX-License-Identifier: Apache-2.0 */")
    limit = 700 if path.endswith("muster/plugin.h") else FILE_LINES  # the contract is mostly comment and stays one file
    if is_c and len(lines) > limit:
        fault(path, len(lines), f"{len(lines)} lines, at most {limit}: find the two things this file does")
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line) and not path.startswith("tests/style/"):
            fault(path, number, f"speaks of unfinished work: {line.strip()[:80]}")
        if is_c and path.startswith(("core/", "plugins/")) and BANNED.search(line):
            fault(path, number, f"banned function: {BANNED.search(line).group(1)}")


def check_arrows(path, lines):
    parts = path.split("/")
    if parts[0] == "plugins":
        for number, line in enumerate(lines, 1):
            m = INCLUDE.match(line)
            if m and m.group(1) in ROOMS:
                fault(path, number, "a plugin sees muster/plugin.h and nothing else of core")
    if parts[0] != "core" or parts[1] not in ROOMS:
        return
    for number, line in enumerate(lines, 1):
        m = INCLUDE.match(line)
        if m and m.group(1) in ROOMS and m.group(1) not in ROOMS[parts[1]]:
            fault(path, number, f"{parts[1]} may not include {m.group(1)}: arrows point the other way")


def check_functions(paths):
    out = subprocess.run(["ctags", "-L", "-", "--languages=C", "--kinds-C=f", "--fields=+ne", "-f", "-"],
                         input="\n".join(paths), check=True, capture_output=True, text=True).stdout
    for row in out.splitlines():
        m = re.search(r"^(\S+)\t(\S+)\t.*\tline:(\d+)\t(?:.*\t)?end:(\d+)", row)
        if m and int(m.group(4)) - int(m.group(3)) + 1 > FUNCTION_LINES:
            fault(m.group(2), m.group(3), f"{m.group(1)} has {int(m.group(4)) - int(m.group(3)) + 1} lines, at most {FUNCTION_LINES}")


def main():
    paths = tracked()
    for path in paths:
        if not path.endswith((".c", ".h", ".am", ".m4", ".py", ".sh", ".ac")):
            continue
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines() or [""]
        check_text(path, lines)
        check_arrows(path, lines)
    check_functions([p for p in paths if p.endswith(".c")])
    sources = [p for p in paths if p.endswith((".c", ".h"))]
    if not sources:
        fault("tests/style/check_style.py", 1, "found no sources to check")
    dirty = subprocess.run(["clang-format", "--dry-run", "--Werror", *sources], capture_output=True, text=True)
    if dirty.returncode:
        for line in [x for x in dirty.stderr.splitlines() if "error:" in x][:20]:
            faults.append(line + " (run: clang-format -i)")
    print("\n".join(faults) if faults else f"style: {len(paths)} files, no fault")
    return 1 if faults else 0


sys.exit(main())
