# SPDX-License-Identifier: Apache-2.0
"""A disk that fills while a scan is under way: told with the cure, nothing lost, and a retry after freeing space does the rest."""
import csv
import io
import os
import re
import subprocess

import pytest

from bad_kit import END, KEPT, NOT_SEEN, doc, host
from conftest import BUILD

HOSTS = 512
SCAN = "--ports 1-30 --os-detection off --dns off --parallel 8"
# Leaves so many KiB of the small disk free.
FILL = 'head -c $(( ($(df --output=avail -k "$D" | tail -n 1) - {left}) * 1024 )) /dev/zero >"$D/fill"; '


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a small disk in a mount namespace")
@pytest.mark.parametrize("left", [64, 400, 900])
def test_scan_until_full_free_and_retry(muster, tmp_path, left):
    """Store, spool and log are all on the small disk, so whichever of them meets its end first."""
    small = tmp_path / "small.xml"
    small.write_text(doc(host(KEPT, name="keep.example")))
    steps = {
        "A": f"$M import nmap {small}",
        "B": f"$M scan nmap 127.1.0.0-127.1.1.255 {SCAN}",
        "C": "$M runs show 2",
        "D": "$M -q interfaces --csv --columns ip",
        "E": "$M runs retry 2",
        "F": "$M runs show 2 --json",
        "G": "$M -q interfaces --csv --columns ip",
        "H": "$M interfaces show 127.1.1.255 --json",
    }
    script = f'D={muster.home}/data; mount -t tmpfs -o size=200m,mode=700 tmpfs "$D" && M="{BUILD}/muster --private"; '
    for name, command in steps.items():
        if name == "B":
            script += FILL.format(left=left)
        if name == "E":
            script += 'rm "$D/fill"; '
        script += f'echo "<{name}"; {command} 2>&1; echo ">$?"; '
    script += END.format(store=muster.store) + f'echo "<I"; sqlite3 {muster.store} "pragma integrity_check"; echo ">$?"; ls -R $D/muster/muster.spool; cat $D/muster/musterd.log'
    done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], env=muster.env, capture_output=True, text=True,
                          timeout=150, stdin=subprocess.DEVNULL)
    part = {name: (int(status), text) for name, text, status in re.findall(r"^<([A-I])\n(.*?)^>(\d+)$", done.stdout, re.S | re.M)}
    assert set(part) == set("ABCDEFGHI"), done.stdout[-3000:] + done.stderr
    assert part["A"][0] == 0
    status, said = part["B"]
    assert status in (1, 3) and re.search("full|No space left", said) and "free" in said, said
    assert part["C"][0] == 0 and re.search("full|No space left", part["C"][1]) and "retry" in part["C"][1], part["C"][1]
    assert part["D"][0] in (0, 1) and (part["D"][0] or KEPT in part["D"][1]), part["D"]
    assert part["E"][0] == 0, part["E"][1]
    assert '"complete"' in part["F"][1]
    addresses = [row["ip"] for row in csv.DictReader(io.StringIO(part["G"][1])) if row["ip"].startswith("127.1.")]
    assert len(addresses) == len(set(addresses)) == HOSTS, len(addresses)
    assert KEPT in part["G"][1]
    assert part["H"][0] == 0 and part["I"][1] == "ok\n"
    assert not NOT_SEEN.search(done.stdout + done.stderr)
