"""The table of exit codes of docs/airflow.md, driven through Airflow: by a program that says each of them, and by
stages that have reason to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.fakes.http_server import HttpServer, Reply
from tests.lib.airflow_place import daily
from tests.lib.airflow_stack import Stack
from tests.lib.stage import ROOT

BY_WORD = {"success": ("success", 1), "skipped": ("skipped", 1), "fails": ("failed", 1), "retry": ("failed", 2)}


def documented() -> dict[str, tuple[str, int]]:
    """Code: the state in which a task of two tries ends, and how many it had."""
    text = (ROOT / "docs" / "airflow.md").read_text().split("## Exit codes and states")[1].split("\n## ")[0]
    found = {}
    for codes, what in re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$", text, re.M):
        for code in codes.split(", "):
            if word := BY_WORD.get(re.split(r"\W", what)[0]):
                found[code] = word
    return found


@pytest.fixture(scope="session")
def probe(stack: Stack) -> str:
    run = stack.trigger("probe")
    stack.wait("probe", run, "failed")
    return run


def tries(stack: Stack, dag: str, run: str) -> dict[str, tuple[str, int]]:
    return {name: (t["state"], t["try_number"]) for (name, _), t in stack.tasks(dag, run).items()}


def test_each_exit_code_has_the_state_and_the_tries_of_the_table(stack: Stack, probe: str) -> None:
    table = documented()
    assert len(table) >= 17 and {"0", "99", "65", "69", "75", "77", "78", "143", "kills", "any other"} <= set(table)
    named = {code if code.isdigit() else {"kills": "kill", "any other": "42"}[code]: v for code, v in table.items()}
    assert tries(stack, "probe", probe) == {f"exit_{code}": ended for code, ended in named.items()}


def test_the_pause_is_the_one_that_the_stage_asked_for(stack: Stack, probe: str) -> None:
    """A second instead of the task's ten minutes."""
    first, second = (stack.events(file) for file in stack.log_files("probe", probe, "exit_75"))
    ended, begun = (datetime.fromisoformat(e["timestamp"]) for e in (first[-1], second[0]))
    assert 1 <= (begun - ended).total_seconds() < 60


def test_stages_with_reason_for_a_code_have_its_state_and_tries(stack: Stack, paths: str) -> None:
    found = {task: ended for task, ended in tries(stack, "paths", paths).items() if task.startswith("exit_")}
    assert len(found) >= 8
    assert found == {task: documented()[task.removeprefix("exit_")] for task in found}
    for task in found:
        code = int(task.removeprefix("exit_"))
        assert code == 0 or f"exit code {code} (" in stack.log_text("paths", paths, task), task


@pytest.fixture
def busy_api(stack: Stack) -> Iterator[HttpServer]:
    """It asks who wants that day to come again in two seconds, which is more than a stage waits by itself."""
    replies = [Reply(429, headers={"Retry-After": "2"}), Reply.json([row("2026-02-01T00:00:00Z")])]
    with HttpServer() as server:
        server.on("/orders", lambda r: replies.pop(0) if r.query["day"] == "2026-02-01" else Reply.json([]))
        daily(stack.pipelines, "busy", server.url("/orders"), "retry_for: 1s")
        stack.wait_dag("busy")
        yield server


def row(placed: str) -> dict[str, object]:
    return {"id": 1, "placed": placed, "total": "1.00", "country": "FR"}


def test_stage_that_a_server_asks_to_wait_is_tried_again_after_that_time(stack: Stack, busy_api: HttpServer) -> None:
    """The one real 75 with retry_after_s."""
    day = {"logical_date": "2026-02-01T00:00:00Z", "data_interval_start": "2026-02-01T00:00:00Z"}
    run = stack.trigger("busy", **day, data_interval_end="2026-02-02T00:00:00Z")
    assert set(stack.wait("busy", run).values()) == {"success"}
    assert stack.tasks("busy", run)["collect", -1]["try_number"] == 2
    assert "exit code 75" in stack.log_text("busy", run, "collect")
    first, second = (r for r in busy_api.asked("/orders") if r.query["day"] == "2026-02-01")
    assert second.at - first.at >= 2
    assert stack.table("busy").startswith("1 ")


def test_lines_are_logged_at_their_own_level(stack: Stack, probe: str) -> None:
    (file,) = stack.log_files("probe", probe, "exit_0")
    (event,) = [e for e in stack.events(file) if e["event"] == "ERROR 12:00:00.000 end"]
    assert event["level"] == "error" and event["logger"].endswith("StageHook")


def test_child_sees_its_connection_but_no_key_of_airflow(stack: Stack, probe: str) -> None:
    (file,) = stack.log_files("probe", probe, "exit_0")
    (line,) = [e["event"] for e in stack.events(file) if " PATH " in e["event"]]
    names = set(line.split())
    assert {"AIRFLOW_CONN_WAREHOUSE", "AIRFLOW_CTX_DAG_ID", "SLUICE_HOME", "SHLVL"} <= names
    assert not [n for n in names if n.startswith(("AIRFLOW__", "_AIRFLOW", "AIRFLOW_VAR"))]
    assert any(e["event"] == "/dev/null" or e["event"].endswith("/dev/null") for e in stack.events(file))
