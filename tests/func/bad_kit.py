# SPDX-License-Identifier: Apache-2.0
"""What the tests of bad input and of hostile data share: Nmap documents, one clear error, nothing lost."""
import pathlib
import re
import subprocess

KEPT = "192.0.2.1"
# Ends the private daemon of {store} from a shell and waits for it.
END = ('for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s {store}.lock ] || break; '
       'kill $(sed -n \'s/.*"pid": *\\([0-9]*\\).*/\\1/p\' {store}.lock) 2>/dev/null || break; sleep 0.1; done; ')
FINISHED = '<runstats><finished time="1790000100" exit="success"/></runstats></nmaprun>'
XML = '<?xml version="1.0"?>'
NOT_SEEN = re.compile(r"SIG(SEGV|ABRT|BUS|ILL)|signal (6|7|11)\b|Sanitizer|core dumped|assertion|Traceback", re.I)


def doc(body, tail=FINISHED, head=XML):
    """An Nmap document around these hosts."""
    return f'{head}<nmaprun scanner="nmap" args="nmap" start="1790000000">{body}{tail}'


def host(ip, inner="", name=None, mac=None, vendor=None):
    """One host that is up; `name`, `vendor` and `inner` stand as they are, so a test escapes them or does not."""
    names = f'<hostnames><hostname name="{name}" type="PTR"/></hostnames>' if name is not None else ""
    card = f'<address addr="{mac}" addrtype="mac" vendor="{vendor or ""}"/>' if mac else ""
    return (f'<host starttime="1790000000" endtime="1790000000"><status state="up" reason="arp-response"/>'
            f'<address addr="{ip}" addrtype="ipv4"/>{card}{names}{inner}</host>')


def errors_of(done):
    """The lines of stderr by which a command says what is wrong: its own, and the reason of a run that is not complete."""
    return [line for line in done.stderr.splitlines() if re.match(r"muster: |why +\S", line)]


def one_error(done, status, *said):
    """The command ended with this status and says once what is wrong, in words that name each of `said`."""
    shown = f"exit {done.returncode}, wanted {status}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert done.returncode == status, shown
    errors = errors_of(done)
    assert len(errors) == 1, shown
    for text in said:
        assert text in errors[0], f"{text!r} is not in {errors[0]!r}"
    assert len(errors[0]) < 1200 and not NOT_SEEN.search(done.stderr), shown
    assert errors[0].count("\\x0a") == 0, shown
    return errors[0]


def log_of(muster):
    path = muster.store.parent / "musterd.log"
    return path.read_text(errors="replace") if path.exists() else ""


def integrity(store):
    done = subprocess.run(["sqlite3", str(store), "pragma integrity_check"], capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


def addresses(muster):
    return {row["ip"] for row in muster.json("interfaces")}


def nothing_lost(muster, *ips):
    """What was stored is still there, the file is sound, and no process of ours crashed on the way."""
    assert set(ips) <= addresses(muster)
    assert integrity(muster.store) == "ok"
    assert not NOT_SEEN.search(log_of(muster)), log_of(muster)[-2000:]
