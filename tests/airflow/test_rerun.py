"""Whatever is cleared and run again, the tables, the model and the documents stay what they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tests.fakes.http_server import HttpServer, Reply, Request
from tests.lib.airflow_place import daily
from tests.lib.airflow_stack import Stack

FIRST, DAYS = date(2026, 2, 1), 28
A_DAY = 20  # rows


@pytest.fixture(scope="module")
def whole(stack: Stack) -> str:
    """A run with every kind of task: two sources, partitions, a model, documents."""
    run = stack.trigger("whole")
    assert set(stack.wait("whole", run).values()) == {"success"}
    return run


def test_each_task_and_each_map_index_cleared_alone_changes_nothing(stack: Stack, whole: str) -> None:
    before = stack.content("whole")
    tasks = sorted(stack.tasks("whole", whole))
    assert len({name for name, _ in tasks}) >= 8 and sum(i >= 0 for _, i in tasks) >= 3, tasks
    for name, index in tasks:
        tries = {key: t["try_number"] for key, t in stack.tasks("whole", whole).items()}
        stack.clear("whole", whole, [name, index] if index >= 0 else name)
        states = stack.wait("whole", whole)
        assert set(states.values()) == {"success"}, (name, index, states)
        again = {key for key, t in stack.tasks("whole", whole).items() if t["try_number"] > tries[key]}
        assert (name, index) in again
        assert stack.content("whole") == before, (name, index)


def test_the_whole_run_cleared_changes_nothing(stack: Stack, whole: str) -> None:
    before = stack.content("whole")
    tries = {key: t["try_number"] for key, t in stack.tasks("whole", whole).items()}
    stack.clear("whole", whole)
    assert set(stack.wait("whole", whole).values()) == {"success"}
    assert all(t["try_number"] > tries[key] for key, t in stack.tasks("whole", whole).items())
    assert stack.content("whole") == before


# --- a month of days --------------------------------------------------------------------------------


def answer(request: Request) -> Reply:
    """What the shop's API has of a day: of other months, for which the schedule itself may ask, nothing."""
    day = date.fromisoformat(request.query["day"])
    if not 0 <= (day - FIRST).days < DAYS:
        return Reply.json([])
    first = (day - FIRST).days * A_DAY
    placed = f"{day}T12:00:00Z"
    return Reply.json([{"id": first + i, "placed": placed, "total": "9.50", "country": "FR"} for i in range(A_DAY)])


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[HttpServer]:
    """The API, and a pipeline that asks it for its interval, in one task a day."""
    with HttpServer() as server:
        server.on("/orders", answer)
        daily(stack.pipelines, "daily", server.url("/orders"), fuse=True)
        stack.wait_dag("daily")
        yield server


def days_of_table(stack: Stack) -> list[str]:
    return stack.psql("select placed::date || ' ' || count(*) from daily group by placed::date order by 1").splitlines()


def test_month_of_days_backfilled_and_backfilled_again_is_the_same_month(stack: Stack, api: HttpServer) -> None:
    last = FIRST + timedelta(days=DAYS - 1)
    span = ["--from-date", f"{FIRST}", "--to-date", f"{last}", "--max-active-runs", "4"]
    stack.script("cli", "backfill", "create", "--dag-id", "daily", *span)
    runs = stack.until("the month's runs", lambda: found if len(found := backfilled(stack)) == DAYS else None)
    wait_all(stack, runs)
    assert days_of_table(stack) == [f"{FIRST + timedelta(days=n)} {A_DAY}" for n in range(DAYS)]
    before = stack.content("daily")
    assert stack.pending("daily") == 0

    close_backfill(stack)
    tries = {run: stack.tasks("daily", run) for run in runs}
    span = {"from_date": f"{FIRST}T00:00:00Z", "to_date": f"{last}T00:00:00Z", "max_active_runs": 4}
    stack.call("POST", "/api/v2/backfills", {"dag_id": "daily", "reprocess_behavior": "completed", **span})
    stack.until("the month again", lambda: all(is_again(stack, run, tries[run]) for run in runs))
    wait_all(stack, runs)
    assert sorted(backfilled(stack)) == sorted(runs)
    assert stack.content("daily") == before
    assert stack.pending("daily") == 0


def backfilled(stack: Stack) -> list[str]:
    return [r["dag_run_id"] for r in stack.runs("daily") if r["run_type"] == "backfill"]


def close_backfill(stack: Stack) -> None:
    """It is over. Airflow looks for such ones twice a minute, and may say so at this very moment."""
    (first,) = stack.call("GET", "/api/v2/backfills?dag_id=daily")["backfills"]
    try:
        stack.call("PUT", f"/api/v2/backfills/{first['id']}/cancel")
    except AssertionError as e:
        assert "409 " in str(e) and "already completed" in str(e)


def wait_all(stack: Stack, runs: list[str]) -> None:
    for run in runs:
        states = stack.wait("daily", run)
        assert set(states.values()) == {"success"}, states


def is_again(stack: Stack, run: str, before: dict[tuple[str, int], dict[str, object]]) -> bool:
    now = stack.tasks("daily", run)
    return all(now[key]["try_number"] > t["try_number"] for key, t in before.items() if key in now)
