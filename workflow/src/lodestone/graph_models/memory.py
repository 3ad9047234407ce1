"""How a process that evaluates or trains networks uses memory and threads."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_LARGEST_KEPT = 32 << 20  # the largest threshold that glibc accepts


def single_threaded() -> None:
    """Make torch use one thread: batches run side by side instead."""
    torch.set_num_threads(1)


@functools.cache
def keep_freed_memory() -> bool:
    """Make the allocator keep what is freed; returns whether it does. Changes no result.

    By default glibc maps every array above 128 KiB afresh and unmaps it when it is freed: on virtual machines the page
    faults then cost more than the arithmetic.
    """
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
    return False
