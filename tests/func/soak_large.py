# SPDX-License-Identifier: Apache-2.0
"""Nmap files of hundreds of megabytes, for ./check --long: all hosts arrive, and no process takes more than 64 MiB."""
import pathlib
import subprocess

import pytest

from bad_kit import integrity
from peak_kit import Peaks

GENERATOR = pathlib.Path(__file__).parents[2] / "bench" / "gen_nmap_xml.py"


@pytest.mark.parametrize("kind, hosts", [("usual", 68_000), ("debug", 4096)])
def test_an_import_of_half_a_gigabyte(muster, tmp_path, kind, hosts):
    file = tmp_path / f"{kind}.xml"
    with open(file, "wb") as out:
        subprocess.run(["/usr/bin/python3", GENERATOR, str(hosts), "--kind", kind], stdout=out, check=True)
    with Peaks(muster.home) as peaks:
        for again in (False, True):
            done = muster("import", "nmap", file, timeout=1800)
            assert done.returncode == 0, done.stderr[-3000:]
            run = muster.json("runs")[0]
            assert (run["outcome"], run["up"]) == ("complete", hosts)
            assert (run["new"], run["changed"], run["unchanged"]) == ((0, 0, hosts) if again else (hosts, 0, 0))
    file.unlink()
    assert integrity(muster.store) == "ok"
    peaks.check("muster", "musterd", "muster-worker read", "muster-worker import")
    print(kind, peaks.kinds)
