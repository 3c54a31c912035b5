"""Two workers with slots of their own share the mapped partitions; what one of them loses, the other one does."""

from __future__ import annotations

import re

from tests.lib.airflow_mid_work import in_mid_work, set_gates
from tests.lib.airflow_place import ROWS, table_of
from tests.lib.airflow_stack import Stack
from tests.lib.processes import is_gone, kill

WORKERS = ("worker", "worker-2")
PARTS = 8
WANTED = table_of(ROWS, files=PARTS)


def taken(stack: Stack, dag: str) -> dict[str, set[tuple[int, int]]]:
    """Worker: the (map index, try) of normalize that its log says it was given."""
    told = re.compile(rf"log_path='dag_id={dag}/.*?/task_id=\S*normalize\S*/map_index=(\d+)/attempt=(\d+)\.log'")
    return {
        worker: {(int(i), int(n)) for i, n in told.findall((stack.dir / "logs" / f"{worker}.log").read_text())}
        for worker in WORKERS
    }


def done(stack: Stack, run: str) -> int:
    return sum(i >= 0 and t["state"] == "success" for (_, i), t in stack.tasks("spread", run).items())


def test_two_workers_share_the_partitions_of_a_run(stack: Stack) -> None:
    """Two of them are held until all others are done: also where they hold both slots of one worker, the other one
    has to take some."""
    set_gates(stack, "spread", "normalize", times=2)
    run = stack.trigger("spread")
    with in_mid_work(stack, "spread", "normalize", 0), in_mid_work(stack, "spread", "normalize", 1):
        stack.until("the others are done", lambda: done(stack, run) == PARTS - 2)
    stack.wait("spread", run)
    first, second = taken(stack, "spread").values()
    assert first and second, "one worker did everything"
    assert first | second == {(i, 1) for i in range(PARTS)} and not first & second
    assert stack.table("spread") == WANTED


def test_worker_killed_among_two_costs_time_and_nothing_else(stack: Stack) -> None:
    """It stays dead until the run is over: the other one does what it had begun."""
    set_gates(stack, "spread_killed", "normalize")
    run = stack.trigger("spread_killed")
    try:
        with in_mid_work(stack, "spread_killed", "normalize") as stage:
            dead = stack.worker_of(stage)
            kill(set(dead) - {stage})
            stack.until("the stage is gone with its worker", lambda: is_gone(stage))
        states = stack.wait("spread_killed", run)
        assert all(is_gone(pid) for pid in dead)
    finally:
        stack.up()
    assert set(states.values()) == {"success"}
    tries = [t["try_number"] for (name, i), t in stack.tasks("spread_killed", run).items() if i >= 0]
    assert len(tries) == PARTS and 1 <= tries.count(2) <= 2 and set(tries) == {1, 2}, tries
    assert stack.table("spread_killed") == WANTED
    assert stack.pending("spread_killed") == 0
