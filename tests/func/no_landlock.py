# SPDX-License-Identifier: Apache-2.0
"""no_landlock.py ERRNO COMMAND...: runs a command to which the kernel says that it has no Landlock.

A seccomp filter answers landlock_create_ruleset with ERRNO: ENOSYS, as a kernel without it does; EOPNOTSUPP, as one where it
is switched off at boot; EPERM, as the filter of a container may. All descendants inherit it."""
import ctypes
import errno
import os
import struct
import sys

CREATE_RULESET = 444  # on every architecture
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL_WITH = 0x7FFF0000, 0x00050000
SET_NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def refuse(number):
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("=HBBI", *row) for row in (
        (LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 1, CREATE_RULESET), (RETURN, 0, 0, FAIL_WITH | number), (RETURN, 0, 0, ALLOW)))
    program = Program(len(code) // 8, code)
    if libc.prctl(SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0) == 0:
        return
    # Without CAP_SYS_ADMIN a filter is only for those who give up set-uid programs.
    if libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "the filter was refused")


if __name__ == "__main__":
    refuse(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
