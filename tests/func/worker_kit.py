# SPDX-License-Identifier: Apache-2.0
"""Starts muster-worker the way the daemon does, and reads what it leaves behind."""
import fcntl
import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
import time
import zlib


class Worker:
    """One worker with its four descriptors; lines are read by a thread, so that a full pipe never stops it."""

    def __init__(self, build, word, job, segment=None, known=None, source=None, prefix=(), env=None, sockets=False):
        self.segment = segment
        job_out, self.job = (s.detach() for s in socket.socketpair()) if sockets else os.pipe()
        self.lines_in, lines_out = os.pipe()
        data = os.open(segment or known or "/dev/null", os.O_RDWR | (os.O_CREAT if segment else 0), 0o600)
        if segment:
            os.chmod(segment, 0o666)
        give = os.open(source or "/dev/null", os.O_RDONLY)

        def arrange():
            os.setpgid(0, 0)
            kept = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (job_out, data, lines_out, give)]
            for want, fd in zip((3, 4, 5, 6), kept):
                os.dup2(fd, want)

        self.process = subprocess.Popen([*prefix, str(build / "muster-worker"), word], preexec_fn=arrange, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={"PATH": "/usr/bin:/usr/sbin", **(env or {})})
        for fd in (job_out, data, lines_out, give):
            os.close(fd)
        self.pid = self.process.pid
        self.lines, self.more = [], threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        os.write(self.job, (json.dumps(job) + "\n").encode())

    def _read(self):
        with os.fdopen(self.lines_in, "rb") as stream:
            for line in stream:
                assert len(line) <= 256 << 10
                with self.more:
                    self.lines.append(json.loads(line))
                    self.more.notify_all()

    def of(self, kind):
        return [line for line in self.lines if line["type"] == kind]

    def until(self, test, seconds=10):
        with self.more:
            assert self.more.wait_for(lambda: any(test(line) for line in self.lines), seconds), self.lines[-20:]
            return next(line for line in self.lines if test(line))

    def said(self, seconds=10, **wanted):
        """Waits for `key=value` lines of the probe plugin."""
        for key, value in wanted.items():
            self.until(lambda line: line.get("text", "").startswith(f"{key.replace('_', '-')}={value}"), seconds)

    def words(self):
        return dict(line["text"].split("=", 1) for line in self.of("log") if "=" in line["text"])

    def cancel(self):
        os.write(self.job, b"cancel\n")

    def hang_up(self):
        if self.job is not None:
            os.close(self.job)
        self.job = None

    def wait(self, seconds=20):
        code = self.process.wait(seconds)
        self.reader.join(5)
        self.out, self.err = self.process.stdout.read(), self.process.stderr.read()
        return code

    def end(self, seconds=20):
        """The last line of a worker that ended by itself."""
        self.wait(seconds)
        assert self.lines and self.lines[-1]["type"] == "end", (self.process.returncode, self.lines[-3:], self.err)
        return self.lines[-1]

    def children(self):
        return [int(p) for p in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def close(self):
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids, seconds=5):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def frames(path):
    """(type, payload) of each whole frame of a segment."""
    data, at, out = pathlib.Path(path).read_bytes(), 16, []
    assert data[:8] == b"MSTSPOOL"
    while at + 9 <= len(data):
        length, crc = struct.unpack_from("<II", data, at)
        kind, payload = data[at + 8], data[at + 9:at + 9 + length]
        if len(payload) < length:
            break
        assert zlib.crc32(data[at + 8:at + 9 + length]) == crc
        out.append((kind, payload))
        at += 9 + length
    return out


def kinds(path):
    return [kind for kind, _ in frames(path)]
