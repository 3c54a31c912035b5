"""Processes that tests look for, stop and end, by pid."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path


def stat_of(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def start_time(pid: int) -> str:
    """Empty when it is gone, or has ended and is not yet asked for its exit code."""
    stat = stat_of(pid)
    return stat[19] if stat and stat[0] not in "ZX" else ""


def children(pid: int) -> list[int]:
    """All that are below it."""
    below: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = [int(child) for child in task.read_text().split()]
        except OSError:  # it has just ended
            continue
        for child in found:
            below += [child, *children(child)]
    return below


def family(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *children(pid)]


def is_gone(pid: int) -> bool:
    """Ended, also when nobody has asked for its exit code yet."""
    return not start_time(pid)


def wait_stopped(pid: int) -> None:
    """Until it sleeps at its fault point (…:stop)."""
    deadline = time.monotonic() + 30
    while stat_of(pid)[:1] != ["T"]:
        assert not is_gone(pid) and time.monotonic() < deadline, f"process {pid} does not stop at its fault point"
        time.sleep(0.005)


def has_sigterm(pid: int, mask: str) -> bool:
    """mask: "SigCgt", it listens to SIGTERM; "ShdPnd", one waits for it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    return any(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1 for line in lines if line.startswith(mask))


def wait_listening(pid: int) -> None:
    """Until a stage answers to SIGTERM by itself: before that, the system loads it."""
    deadline = time.monotonic() + 30
    while not has_sigterm(pid, "SigCgt"):
        assert not is_gone(pid) and time.monotonic() < deadline, f"process {pid} does not listen"
        time.sleep(0.005)


def find(*words: str) -> list[int]:
    """Those whose first word of argv ends with words[0], and which have all the others in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if argv[0].endswith(words[0]) and set(words[1:]) <= set(argv):
            found.append(int(path.parent.name))
    return found


def kill(pids: Iterable[int], sig: signal.Signals = signal.SIGKILL) -> None:
    """Those that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sig)


def command_lines() -> str:
    """What everybody on this machine can see of every process: its argv."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(found)
