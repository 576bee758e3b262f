"""Tests of permissions, which root is not bound by unless it says so."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_DAC_OVERRIDE, _DAC_READ_SEARCH = 1 << 1, 1 << 2
_VERSION_3 = 0x20080522


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Let this thread, and those it starts, be refused what a file's mode does not allow, root or not."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    before = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    assert libc.capget(header, before) == 0
    after = (ctypes.c_uint32 * 6)(*before)
    after[0] &= ~(_DAC_OVERRIDE | _DAC_READ_SEARCH)
    assert libc.capset(header, after) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0
