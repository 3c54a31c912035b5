"""Whether the kernel killed a child for want of memory, and how much there was. Knows nothing of Airflow."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def kills() -> int:
    """How often this machine's kernel has killed a process for want of memory, in any group; 0: it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def told() -> str:
    """The peak of this process's children, of the memory that this process may use. A child begins with the peak of
    the Python that it was forked from, so it is one not to exceed."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    return f"peak at most {peak >> 20} MiB of {limit() >> 20} MiB"


def limit() -> int:
    """Bytes: the machine's, or less where a control group of this process says so."""
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_limits()])


def _limits() -> Iterator[int]:
    for file in _files():
        try:
            yield int(file.read_text())
        except (OSError, ValueError):  # no such group in here, or "max"
            continue


def _files() -> Iterator[Path]:
    """Of each group above this process, in both versions of control groups; inside a container, the root is its own."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root, name = (_CGROUPS / controllers, "memory.limit_in_bytes" if controllers else "memory.max")
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield folder / name
