"""Two workers with slots of their own share the mapped partitions; what one of them loses, the other one does."""

from __future__ import annotations

import re

from tests.lib.airflow_mid_work import in_mid_work
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


def test_two_workers_share_the_partitions_of_a_run(stack: Stack) -> None:
    stack.wait("spread", stack.trigger("spread"))
    first, second = taken(stack, "spread").values()
    assert first and second, "one worker did everything"
    assert first | second == {(i, 1) for i in range(PARTS)} and not first & second
    assert stack.table("spread") == WANTED


def test_worker_killed_among_two_costs_time_and_nothing_else(stack: Stack) -> None:
    """It stays dead until the run is over: the other one does what it had begun."""
    run = stack.trigger("spread_killed")
    try:
        with in_mid_work(stack, "spread_killed", "normalize") as stage:
            dead = stack.worker_of(stage)
            kill(set(dead) - {stage})
            stack.until("the stage is gone with its worker", lambda: is_gone(stage), 3)
        states = stack.wait("spread_killed", run, seconds=150)
        assert all(is_gone(pid) for pid in dead)
    finally:
        stack.up()
    assert set(states.values()) == {"success"}
    tries = [t["try_number"] for (name, i), t in stack.tasks("spread_killed", run).items() if i >= 0]
    assert len(tries) == PARTS and 1 <= tries.count(2) <= 2 and set(tries) == {1, 2}, tries
    assert stack.table("spread_killed") == WANTED
    assert stack.pending("spread_killed") == 0
