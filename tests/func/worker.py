# SPDX-License-Identifier: Apache-2.0
"""Drives the real muster-worker as the daemon does: job on descriptor 3, segment on 4, JSON lines on 5."""
import fcntl
import json
import os
import pathlib
import select
import signal
import struct
import tempfile
import time
import zlib

BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", os.getcwd())).resolve()
WORKER = BUILD / "muster-worker"
SCOPE_BEGIN, RECORD, SCOPE_END, CHECKPOINT, END = 1, 2, 3, 4, 5
COMPLETE, PARTIAL, FAILED = 1, 2, 3


def bson(data):
    """Decodes what core writes: text, int32, int64, bool, objects, arrays."""
    out, at = {}, 4
    size = struct.unpack_from("<i", data)[0]
    assert size == len(data) and data[-1] == 0, "a malformed document"
    while data[at]:
        kind, end = data[at], data.index(0, at + 1)
        key, at = data[at + 1:end].decode(), end + 1
        if kind == 0x02:
            length = struct.unpack_from("<i", data, at)[0]
            out[key], at = data[at + 4:at + 3 + length].decode(), at + 4 + length
        elif kind in (0x03, 0x04):
            length = struct.unpack_from("<i", data, at)[0]
            inner = bson(data[at:at + length])
            out[key], at = inner if kind == 0x03 else list(inner.values()), at + length
        elif kind == 0x08:
            out[key], at = bool(data[at]), at + 1
        elif kind == 0x10:
            out[key], at = struct.unpack_from("<i", data, at)[0], at + 4
        elif kind == 0x12:
            out[key], at = struct.unpack_from("<q", data, at)[0], at + 8
        else:
            raise AssertionError(f"type {kind:#x} of {key}")
    return out


def frames(segment):
    """(type, payload) of the whole frames; documents are decoded."""
    assert not segment or segment[:16] == b"MSTSPOOL" + struct.pack("<II", 1, 0)
    at = 16
    while at + 9 <= len(segment):
        length, checksum = struct.unpack_from("<II", segment, at)
        body = segment[at + 8:at + 9 + length]
        if len(body) != length + 1 or zlib.crc32(body) != checksum:
            return
        yield body[0], body[1:] if body[0] == CHECKPOINT else bson(body[1:])
        at += 9 + length


class Result:
    """What is left of a worker: exit status (negative: signal), lines, frames, what came out of stdout and stderr."""

    def __init__(self, status, lines, segment, output, seconds):
        self.status, self.raw, self.segment, self.output, self.seconds = status, lines, segment, output, seconds
        self.lines = [json.loads(line) for line in lines.splitlines()]
        self.frames = list(frames(segment))
        self.records = [payload for kind, payload in self.frames if kind == RECORD]
        self.outcomes = [payload["outcome"] for kind, payload in self.frames if kind == SCOPE_END]

    @property
    def end(self):
        """The last line, None when the worker died without one."""
        return self.lines[-1] if self.lines and self.lines[-1]["type"] == "end" else None

    def of(self, kind):
        return [line for line in self.lines if line["type"] == kind]

    def log(self):
        return "\n".join(line["text"] for line in self.of("log"))


class Worker:
    """A started worker. The job's pipe stays open until close_control or the end."""

    def __init__(self, command, job, segment=b"", limits=(), input_path=None, segment_path=None):
        self.lines, self.started = b"", time.monotonic()
        self.segment = open(segment_path, "a+b") if segment_path else tempfile.TemporaryFile()
        self.segment.write(segment)
        self.segment.seek(0)
        self.output = tempfile.TemporaryFile()
        given = [open(input_path, "rb")] if input_path else []
        job_read, self.control = os.pipe()
        self.line_read, line_write = os.pipe()
        sources = [job_read, self.segment.fileno(), line_write] + [f.fileno() for f in given]
        # Sources move out of the way of 3..6, which they are copied to.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 40) for fd in sources]
        out = fcntl.fcntl(self.output.fileno(), fcntl.F_DUPFD_CLOEXEC, 40)
        actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, fd, 3 + i) for i, fd in enumerate(high)]
        argv = [str(WORKER), command]
        if limits:
            argv = ["/usr/bin/prlimit", *limits, *argv]
        self.pid = os.posix_spawn(argv[0], argv, {"PATH": "/usr/bin:/bin"}, file_actions=actions, setpgroup=0)
        for fd in [*high, out, job_read, line_write]:
            os.close(fd)
        for f in given:
            f.close()
        os.write(self.control, json.dumps(job).encode() + b"\n")

    def read(self, seconds, until=None):
        """Collects lines until `until` is among them, the end, or the time is up. True: until was seen or the end."""
        deadline = time.monotonic() + seconds
        while until is None or until not in self.lines:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.line_read], [], [], left)[0]:
                return False
            chunk = os.read(self.line_read, 65536)
            if not chunk:
                return True
            self.lines += chunk
        return True

    def cancel(self):
        os.write(self.control, b"cancel\n")

    def close_control(self):
        os.close(self.control)
        self.control = -1

    def kill_group(self):
        """What the daemon does at the deadline."""
        os.killpg(self.pid, signal.SIGKILL)

    def finish(self, seconds=30):
        """Waits for the end; AssertionError (after killing it) when the worker outlives `seconds`."""
        late = not self.read(seconds)
        if late:
            self.kill_group()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert not late, f"the worker lives after {seconds} s: {self.lines[-2000:]!r}"
        for fd in (self.control, self.line_read):
            if fd >= 0:
                os.close(fd)
        self.segment.seek(0)
        self.output.seek(0)
        result = Result(status, self.lines, self.segment.read(), self.output.read(), time.monotonic() - self.started)
        self.segment.close()
        self.output.close()
        return result


def job(plugin, method, **more):
    """A job for one shard over 192.0.2.0/30 (documentation addresses: nothing is sent there by these tests)."""
    scope = {"facts": ["presence"], "addresses": "192.0.2.0/30", "tcp_ports": "", "udp_ports": "", "namespace": ""}
    out = {"worker": 1, "plugin": str(plugin), "method": method, "run": "01932c07-7f4e-7a3b-8c1d-0123456789ab", "shard": "s1",
           "profile": "test", "zone": "default", "net": {"interface": "", "source_address": "", "dns_servers": "", "max_rate": 0},
           "options": {}, "secrets": {}, "never_scan": [], "scan_only": [], "spec": "", "checkpoint": "", "scope": scope,
           "deadline_ms": 20000, "trusted_net_raw": False}
    out.update(more)
    return out


def run(plugin, method, command="run", seconds=30, segment=b"", limits=(), **more):
    return Worker(command, job(plugin, method, **more), segment, limits).finish(seconds)
