# SPDX-License-Identifier: Apache-2.0
"""How much memory the processes of one home take at most, and large Nmap files."""
import os
import re
import threading
import time

from conftest import BUILD

LIMIT_MIB = 64
SANITIZED = bool(re.search(r"^MST_CFLAGS = .*-fsanitize=address", (BUILD / "Makefile").read_text(), re.M))


class Peaks(threading.Thread):
    """The highest resident size that the kernel noted for each kind of our processes, looked up a hundred times a second."""

    def __init__(self, home):
        super().__init__(daemon=True)
        self.home, self.kinds, self.ours, self.ended = str(home).encode(), {}, set(), threading.Event()

    def _is_ours(self, pid, parent):
        if parent not in self.ours and pid not in self.ours:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if self.home not in file.read():
                    return False
        self.ours.add(pid)
        return True

    def look(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                    status = file.read()
                if not status.startswith("Name:\tmuster") or "VmHWM:" not in status:
                    continue
                parent = status.split("\nPPid:\t")[1].split("\n")[0]
                if self._is_ours(pid, parent):
                    with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                        words = file.read().split("\0")
                    kind = " ".join([os.path.basename(words[0]), words[1]] if "muster-worker" in words[0] else [os.path.basename(words[0])])
                    size = int(status.split("VmHWM:")[1].split()[0]) / 1024
                    self.kinds[kind] = max(size, self.kinds.get(kind, 0))
            except OSError:
                continue

    def run(self):
        while not self.ended.is_set():
            self.look()
            time.sleep(0.01)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *args):
        self.ended.set()
        self.join()

    def check(self, *kinds):
        """Each of these kinds was seen, and no process took more than the limit. Sanitizers take memory of their own."""
        assert set(kinds) <= set(self.kinds), self.kinds
        if not SANITIZED:
            assert max(self.kinds.values()) <= LIMIT_MIB, self.kinds


def padded_host(number, kilobytes):
    """A host that takes so much room in the file, most of it in an element that nobody keeps."""
    ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return (f'<host starttime="1790000000" endtime="1790000000"><status state="up" reason="arp-response"/>'
            f'<address addr="{ip}" addrtype="ipv4"/><ports><port protocol="tcp" portid="80"><state state="open" reason="syn-ack"/>'
            f'</port></ports><trace port="{"0" * (kilobytes * 1024)}"/></host>\n')
