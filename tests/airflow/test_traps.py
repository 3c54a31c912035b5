"""The traps that Airflow lays for an executable, A1 to A12, each sprung in a real task. docs/airflow.md lists them.

What a stage does by itself, at every moment and for every executable, lower layers test: BELOW names where.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.lib.airflow_mid_work import end_well, in_mid_work, set_gates
from tests.lib.airflow_place import CANARY, MANY, by_hand, table_of
from tests.lib.airflow_stack import Stack
from tests.lib.processes import stat_of
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import ROOT, Sluice, kill_group

BELOW = {
    "a1": ["contract/test_signals.py::test_signal_that_came_is_never_0_or_99",
           "contract/test_signals.py::test_stop_at_any_moment_is_told_and_leaves_nothing_that_hinders"],
    "a2": ["contract/test_every_executable.py::test_success_ends_with_a_result_and_logs_only_log_lines",
           "contract/test_exit_codes.py::test_defect_is_70_and_still_has_a_result"],
    "a3": ["contract/test_every_executable.py::test_success_ends_with_a_result_and_logs_only_log_lines"],
    "a4": ["contract/test_every_executable.py::test_interval_without_length_names_the_timetable"],
    "a5": ["airflow/test_dagbag.py::test_field_case_a02_run_without_interval_works_by_its_id"],
    "a6": ["contract/test_every_executable.py::test_without_any_home_it_is_a_configuration_error"],
    "a7": ["contract/test_every_executable.py::test_it_touches_nothing_in_the_current_directory"],
    "a8": ["airflow/test_stack.py::test_secrets_are_nowhere_but_in_airflow_and_in_the_child",
           "faults/test_chain_attempts.py::test_a_secret_in_every_connection_is_nowhere"],
    "a9": ["airflow/test_disturbed.py::test_two_runs_of_one_interval_at_once_make_one_table",
           "faults/test_chain_attempts.py::test_eight_identical_runs_at_once"],
    "a10": ["airflow/test_rerun.py::test_each_task_and_each_map_index_cleared_alone_changes_nothing"],
    "a11": ["integration/test_hostile.py::test_broken_content_is_refused_names_its_place_and_is_mended",
            "integration/test_hostile.py::test_line_of_a_gibibyte_is_one_reject_and_memory_stays_flat"],
    "a12": ["contract/test_exit_codes.py::test_nothing_new_is_99_for_collect_and_0_for_the_driver"],
}  # fmt: skip


@pytest.mark.parametrize("trap", BELOW)
def test_each_trap_has_its_tests_and_its_line_in_the_docs(trap: str) -> None:
    named = [*BELOW[trap], f"airflow/test_traps.py::{next(n for n in globals() if n.startswith(f'test_{trap}_'))}"]
    for test in named:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(), re.M), test
    lines = (ROOT / "docs" / "airflow.md").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"| {trap.upper()} |")]
    assert [test for test in named if test.partition("::")[2] not in line] == []


@pytest.fixture(scope="module")
def run(stack: Stack) -> str:
    """A quiet run, begun without a logical date."""
    run = stack.trigger("trapped")
    assert set(stack.wait("trapped", run).values()) == {"success"}
    return run


def stage_lines(stack: Stack, dag: str, run: str, task: str, index: int = -1) -> list[str]:
    """What the stage itself said in its task's log."""
    (file,) = stack.log_files(dag, run, task, index)
    return [e["event"] for e in stack.events(file) if e["logger"].endswith("StageHook")]


def as_airflow_does(argv: list[str], env: dict[str, str], cwd: Path) -> subprocess.Popen[str]:
    """One shell, one pipe for both outputs, no input, a session of its own."""
    command = ["bash", "-c", f"exec {' '.join(argv)} </dev/null"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=env, cwd=cwd, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def test_a1_a_stage_that_was_told_to_stop_never_says_0(tmp_path: Path) -> None:
    """Else Airflow would call it a success. At ten moments of its work, how long that may ever take; whatever came of
    it, the next run completes it."""
    file = write_pipeline(tmp_path / "p")
    write_csv(tmp_path / "p", "a.csv", rows(1, 20_000))
    quiet = Sluice(str(file), tmp_path / "quiet")
    begun = time.monotonic()
    quiet("run")
    span, dice, stopped = time.monotonic() - begun, random.Random(1), 0
    for n in range(200):
        if stopped == 10:
            break
        s = Sluice(str(file), tmp_path / f"h{n}")
        child = as_airflow_does(s.argv("run"), s.environment() | {"SHLVL": "1"}, tmp_path)
        moment = dice.uniform(0.002, span)
        time.sleep(moment)
        kill_group(child, signal.SIGSTOP)
        # Else a SIGCONT could come in the middle of its fork, whose child the kernel (6.18) would leave stopped.
        while stat_of(child.pid)[:1] not in (["T"], ["Z"]):
            time.sleep(0.001)
        alive = child.poll() is None
        kill_group(child, signal.SIGTERM)
        kill_group(child, signal.SIGCONT)
        out, _ = child.communicate(timeout=120)
        # Before the program has begun there is only a shell, which the signal ends: also no success.
        assert not alive or child.returncode in (143, -signal.SIGTERM), (n, child.returncode, out)
        stopped += alive
        span = span if alive else moment  # it is quicker than that
        s("run")
        assert s.table(ALL) == quiet.table(ALL)
    assert stopped == 10, f"only {stopped} were at work"


def test_a2_the_last_line_is_the_result_in_every_way_to_end(stack: Stack, paths: str) -> None:
    """Outputs are one stream, and Airflow takes its last line; on failure only our operator does."""
    codes = [int(task.removeprefix("exit_")) for task, _ in stack.tasks("paths", paths) if task.startswith("exit_")]
    assert len(codes) >= 8
    for code in codes:
        key = "result" if code in (0, 66, 99) else "return_value"  # collect returns its partitions
        assert stack.xcom("paths", paths, f"exit_{code}", key)["exit"] == code


def test_a3_lines_come_in_the_order_in_which_they_were_said(stack: Stack, run: str, tmp_path: Path) -> None:
    s = Sluice("trapped", tmp_path / "home", env={"SLUICE_PIPELINES": str(stack.pipelines)})
    child = as_airflow_does(s.argv("run", "--log-level", "debug"), s.environment(), tmp_path)
    said, _ = child.communicate(timeout=120)
    times = [datetime.strptime(m[1], "%H:%M:%S.%f") for m in re.finditer(r"^[A-Z]+ (\d\d:\S+) store", said, re.M)]
    assert len(times) >= 20 and all(a <= b or (a - b).total_seconds() > 43200 for a, b in pairwise(times)), said
    logs = [stage_lines(stack, "trapped", run, task, index) for task, index in stack.tasks("trapped", run)]
    for lines in [*logs, said.splitlines()]:
        assert lines[-1].startswith('{"stage":') and not any(x.startswith('{"stage":') for x in lines[:-1])


def test_a4_an_interval_without_length_is_refused_and_not_tried_again(stack: Stack) -> None:
    """Airflow 3 makes such ones of a bare cron text."""
    at = "2026-02-03T00:00:00Z"
    run = stack.trigger("trapped", conf={"interval_start": at, "interval_end": at})
    states = stack.wait("trapped", run, "failed")
    failed = {name for name, state in states.items() if state == "failed"}
    assert "collect" in failed and {stack.tasks("trapped", run)[name, -1]["try_number"] for name in failed} == {1}
    log = stack.log_text("trapped", run, "collect")
    assert "exit code 64" in log and "CronDataIntervalTimetable" in log


def test_a5_a_run_without_logical_date_works_by_its_id(stack: Stack, run: str) -> None:
    assert {r["dag_run_id"]: r["logical_date"] for r in stack.runs("trapped")}[run] is None
    for task, index in stack.tasks("trapped", run):
        assert f"--run-id {run}" in stack.log_text("trapped", run, task, index).replace("'", ""), task


def test_a6_a_stage_needs_nothing_of_the_environment_but_what_is_documented(stack: Stack, paths: str) -> None:
    assert stack.states("paths", paths)["bare"] == "success"
    lines = stage_lines(stack, "paths", paths, "environment")
    names = {line.partition("=")[0] for line in lines if "=" in line}
    assert not {n for n in names if not n.startswith(("AIRFLOW_CTX_", "SLUICE_"))} - {"PATH", "SHLVL", "PWD", "_"}


def test_a7_no_file_is_left_where_a_stage_ran(stack: Stack, paths: str) -> None:
    folder = stack.dir / "cwd"
    assert str(folder) in stage_lines(stack, "paths", paths, "environment")
    assert list(folder.iterdir()) == []


def test_a8_a_password_that_is_refused_is_shown_nowhere(stack: Stack, paths: str) -> None:
    """docs/airflow.md, "Secrets"."""
    path = f"/api/v2/dags/paths/dagRuns/{paths}/taskInstances/exit_77"
    shown = [stack.log_text("paths", paths, "exit_77"), str(stack.call("GET", path))]
    shown += [
        str(stack.xcom("paths", paths, "exit_77")),
        stack.psql("select string_agg(r::text, ' ') from sluice.stage_run r"),
    ]
    assert "exit code 77" in shown[0]
    assert [text for text in shown if CANARY in text] == []


def test_a9_a_second_instance_of_a_task_changes_nothing(stack: Stack) -> None:
    """As Celery sends a message again: the same command beside the first one, which sleeps."""
    set_gates(stack, "redelivered", "store")
    run = stack.trigger("redelivered")
    with in_mid_work(stack, "redelivered", "store"):
        argv = ["sluice-store", "--pipeline", "redelivered", "--run-id", run]
        by_hand(stack, *argv, codes=(0, 75), SLUICE_STORE_WAIT="1s")
    end_well(stack, "redelivered", run, table_of(MANY))


def test_a10_a_run_cleared_and_run_again_gives_the_same_bytes(stack: Stack, run: str) -> None:
    before = stack.content("trapped")
    stack.clear("trapped", run)
    stack.wait("trapped", run)
    assert stack.content("trapped") == before


def test_a11_hostile_input_is_rejected_by_name_in_little_memory(stack: Stack) -> None:
    """A line of 100 MB, NUL, broken UTF-8, CRLF and a BOM."""
    folder = stack.pipelines / "hostile" / "inbox"
    with (folder / "huge.jsonl").open("wb") as out:
        out.write(b'\xef\xbb\xbf{"id":1,"t":"bom"}\r\n{"id":2,"t":"')
        out.seek(100 << 20, os.SEEK_CUR)
        out.write(b'"}\n{"id":3,"t":"\xff"}\n{"id":4,"t":"a\x00b"}\n{"id":5,"t":"good"}\n')
    run = stack.trigger("hostile")
    assert set(stack.wait("hostile", run).values()) == {"success"}
    assert stack.psql("select id || t from hostile order by id").splitlines() == ["1bom", "5good"]
    rejects = stack.psql("select rule, reason from sluice.reject where pipeline = 'hostile' order by byte_offset")
    assert [line.partition("|")[0] for line in rejects.splitlines()] == ["size", "syntax", "syntax"], rejects
    peak = stack.psql("select max(peak_kib) from sluice.stage_run where pipeline = 'hostile'")
    assert int(peak) <= 64 << 10


def test_a12_only_nothing_to_do_is_a_skip(stack: Stack, run: str, paths: str) -> None:
    found = stack.states("paths", paths)
    assert [task for task, state in found.items() if state == "skipped"] == ["exit_99"]
    states = stack.wait("trapped", stack.trigger("trapped"))
    assert "skipped" in states.values() and set(states.values()) <= {"skipped", "success"}
