"""Runs that are stopped, killed, doubled or robbed of a server in the middle: the tables are those of a quiet run,
nothing is left pending, and each task has the state and the tries that it should."""

from __future__ import annotations

import re
import signal

import pytest

from tests.lib.airflow_mid_work import end_well, in_mid_work, instance, is_told_to_stop, set_gates
from tests.lib.airflow_place import MANY, ROWS, table_of
from tests.lib.airflow_stack import Stack
from tests.lib.processes import family, is_gone, kill
from tests.lib.services import Redis

STAGES = ("collect", "normalize", "store")
WANTED = table_of(MANY)


def test_every_stage_cleared_in_mid_work_ends_as_told_and_runs_again(stack: Stack) -> None:
    """Clearing sends SIGTERM to the stage: it says 143, and the run goes on with its next try."""
    set_gates(stack, "cleared", *STAGES)
    run = stack.trigger("cleared")
    for stage in STAGES:
        with in_mid_work(stack, "cleared", stage) as pid:
            stack.clear("cleared", run, instance(stack, "cleared", run, stage, pid))
            stack.until(f"SIGTERM for {stage}", lambda pid=pid: is_told_to_stop(pid))
        stack.until(f"{stage} ends", lambda pid=pid: is_gone(pid))
    tries = end_well(stack, "cleared", run, WANTED)
    assert all(tries[stage] >= 2 for stage in STAGES), tries
    told = re.findall(r'\\"stage\\":\\"(\w+)\\"[^{}]*\\"exit\\":143', stack.log_text("cleared", run))
    assert sorted(told) == sorted(STAGES)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_every_stage_ended_from_outside_costs_a_try_each(stack: Stack, sig: signal.Signals) -> None:
    """As the kernel does it when memory is short, and as somebody's kill does it: a retry, not a failure."""
    dag = f"ended_by_{sig.name.lower()}"
    set_gates(stack, dag, *STAGES)
    run = stack.trigger(dag)
    for stage in STAGES:
        with in_mid_work(stack, dag, stage) as pid:
            kill([pid], sig)
    tries = end_well(stack, dag, run, WANTED)
    assert {stage: tries[stage] for stage in STAGES} == dict.fromkeys(STAGES, 2)
    assert f"exit code {128 + sig} (cancelled)" in stack.log_text(dag, run)


def test_scheduler_killed_in_mid_run_finds_its_tasks_again(stack: Stack) -> None:
    set_gates(stack, "unscheduled", "store")
    run = stack.trigger("unscheduled")
    with in_mid_work(stack, "unscheduled", "store"):
        scheduler = stack.pid("scheduler")
        kill(family(scheduler))
        stack.until("the scheduler is gone", lambda: is_gone(scheduler))
        stack.up()
    tries = end_well(stack, "unscheduled", run, WANTED)
    assert {stage: tries[stage] for stage in STAGES} == dict.fromkeys(STAGES, 1)


# --- servers ----------------------------------------------------------------------------------------


@pytest.fixture
def queue(stack: Stack, redis: Redis) -> Redis:
    """A Redis for tickets, beside Celery's: what the connection "queue" names."""
    stack.connect("queue", conn_type="redis", port=redis.port, login=None, schema="0", password=redis.password)
    return redis


def test_queue_emptied_and_restarted_and_down_in_mid_run_costs_nothing(stack: Stack, queue: Redis) -> None:
    """Tickets are a cache: neither a try nor a row."""
    set_gates(stack, "ticketed", "normalize", "store")
    run = stack.trigger("ticketed")
    with in_mid_work(stack, "ticketed", "normalize"):
        assert queue.cli("--scan", "--pattern", "sluice:*"), "no ticket was there"
        queue.cli("flushall")
        queue.restart()
    with in_mid_work(stack, "ticketed", "store"):
        queue.kill()
    tries = end_well(stack, "ticketed", run, WANTED)
    assert {stage: tries[stage] for stage in STAGES} == dict.fromkeys(STAGES, 1)
    queue.start()
    assert queue.cli("--scan", "--pattern", "sluice:*") == ""


def test_broker_killed_while_a_stage_works_is_met_again(stack: Stack) -> None:
    """What is executed goes on; Celery finds the broker again by itself."""
    set_gates(stack, "unbrokered", "normalize")
    run = stack.trigger("unbrokered")
    with in_mid_work(stack, "unbrokered", "normalize"):
        kill([stack.pid("redis")])
        stack.up()
    tries = end_well(stack, "unbrokered", run, WANTED)
    assert {stage: tries[stage] for stage in STAGES} == dict.fromkeys(STAGES, 1)


def test_broker_emptied_loses_the_message_of_a_queued_task_and_airflow_sends_it_again(stack: Stack) -> None:
    """After [scheduler] task_queued_timeout, which the tests shorten. It costs time, and no try."""
    kill(pid for part in ("worker", "worker-2") for pid in family(stack.pid(part)))
    try:
        run = stack.trigger("unbrokered", conf={"again": True})
        stack.until("a message for the workers", lambda: stack.states("unbrokered", run)["collect"] == "queued")
        stack.until("the message at the broker", lambda: stack.broker("llen", "native") != "0")
        stack.broker("flushall")
        assert stack.broker("llen", "native") == "0" and stack.states("unbrokered", run)["collect"] == "queued"
    finally:
        stack.up()
    assert end_well(stack, "unbrokered", run, WANTED)["collect"] == 1


# --- two at once ------------------------------------------------------------------------------------


def test_two_runs_of_one_interval_at_once_make_one_table(stack: Stack) -> None:
    """Who meets the other one's lock says 75 and is tried again."""
    start, end = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
    interval = {"logical_date": start, "data_interval_start": start, "data_interval_end": end}
    set_gates(stack, "twice", "store", point="switch.after_lock")
    runs = {dag: stack.trigger(dag, **interval) for dag in ("twice_1", "twice_2")}
    with in_mid_work(stack, "twice", "store"):
        both = lambda: all(stack.tasks(dag, run)["store", -1]["start_date"] for dag, run in runs.items())  # noqa: E731
        stack.until("the other store meets the lock of the first one", both)
    for dag, run in runs.items():
        states = stack.wait(dag, run)
        assert set(states.values()) == {"success"}, (dag, states)
        assert "--interval-start 2026-03-01T00:00:00+00:00" in stack.log_text(dag, run, "store")
    assert stack.table("twice") == table_of(ROWS)
    assert stack.pending("twice") == 0
