"""Meeting a stage in the middle of its work, and what must be true when the run is over."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lib.airflow_stack import Stack
from tests.lib.processes import is_gone, kill


@contextmanager
def in_mid_work(stack: Stack, dag: str, stage: str) -> Iterator[int]:
    """The process of a stage, stopped somewhere between its begin and its end; goes on behind the block."""
    pid = stack.until(f"{stage} of {dag} at work", lambda: at_work(stack, dag, stage), pause=0)
    kill([pid], signal.SIGSTOP)
    assert not is_gone(pid), f"{stage} was too quick"
    try:
        yield pid
    finally:
        kill([pid], signal.SIGCONT)


def at_work(stack: Stack, dag: str, stage: str) -> int | None:
    """Once it listens to signals: before that, it is a program that the system loads."""
    pid = stack.stage(dag, stage)
    return pid if pid and has_sigterm(pid, "SigCgt") else None


def is_told_to_stop(pid: int) -> bool:
    """SIGTERM waits for it to be woken."""
    return has_sigterm(pid, "ShdPnd")


def has_sigterm(pid: int, mask: str) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    found = [int(line.split()[1], 16) for line in lines if line.startswith(mask)]
    return bool(found and found[0] >> (signal.SIGTERM - 1) & 1)


def end_well(stack: Stack, dag: str, run: str, wanted: str, pipeline: str = "", seconds: float = 90) -> dict[str, int]:
    """The run succeeds, its table is right and nothing waits. Tries by each word of the tasks' names."""
    pipeline = pipeline or dag
    states = stack.wait(dag, run, seconds=seconds)
    assert set(states.values()) == {"success"}, states
    assert stack.table(pipeline) == wanted
    assert stack.pending(pipeline) == 0
    session = f"application_name like 'sluice-% {pipeline}'"
    idle = f"select count(*) from pg_stat_activity where {session}"
    stack.until("no session of any try is left", lambda: stack.psql(idle) == "0", 10)
    tries: dict[str, int] = {}
    for (name, _), task in stack.tasks(dag, run).items():
        for word in name.split("."):
            tries[word] = max(tries.get(word, 0), task["try_number"])
    return tries


def instance(stack: Stack, dag: str, run: str, stage: str, pid: int) -> str | list[object]:
    """The task instance of a stage's process, as it is cleared."""
    told = dict(word.split("=", 1) for word in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in word)
    index = told.get("AIRFLOW_CTX_MAP_INDEX", "-1")
    (name,) = [n for n, i in stack.tasks(dag, run) if stage in n.split(".") and str(i) == index]
    return [name, int(index)] if index != "-1" else name
