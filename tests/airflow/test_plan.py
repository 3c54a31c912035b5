"""What the DAGs share and no Airflow needs: plans, output, exit codes."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib.shop import CONTRACT
from tests.lib.stage import BIN, ROOT

sys.path.insert(0, str(ROOT / "dags"))

from sluice import exit_codes, output, plan
from sluice.exit_codes import Outcome

SHOP = "\n".join(
    [
        "sluice: 1",
        "pipeline: {name}",
        'sources:\n  drop: {{kind: file, path: "inbox/*.csv", codec: csv}}',
        CONTRACT.replace("{", "{{").replace("}", "}}"),
        "store: {{table: shop, mode: append}}",
        "{extra}\n",
    ]
)


def write(folder: Path, name: str, extra: str = "", directory: str | None = None) -> Path:
    file = folder / (directory or name) / "pipeline.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(SHOP.format(name=name, extra=extra))
    return file


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


# --- plans ------------------------------------------------------------------------------------------


def test_plan_imports_no_airflow_and_reads_no_yaml() -> None:
    modules = "sluice.plan, sluice.output, sluice.exit_codes"
    code = f"import sys, {modules}; print(sorted({{'airflow', 'yaml'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "dags")}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_plan_of_orders_has_its_stages_in_order() -> None:
    found = plan.load(ROOT / "pipelines" / "orders" / "pipeline.yaml")
    assert [s.name for s in found.stages] == ["collect", "normalize", "store", "aggregate", "report"]
    assert [s.name for s in found.stages if s.mapped] == ["normalize"]
    assert found.stages[0].argv == ("sluice-collect", "--pipeline", "orders")
    assert found.schedule == plan.Schedule("0 2 * * *", "Europe/Paris", "2026-01-01", False)
    assert found.queue == "native"
    assert (found.after, found.tasks) == ((), plan.Tasks(None, 2, 30))


def test_connections_stand_only_where_the_backend_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    file = ROOT / "pipelines" / "orders" / "pipeline.yaml"
    assert {s.connections for s in plan.load(file).stages} == {()}
    monkeypatch.setenv("SLUICE_BACKEND", "local")
    needed = {s.name: s.connections for s in plan.load(file).stages}
    assert needed == {
        "collect": (),
        "normalize": (),
        "store": ("warehouse",),
        "aggregate": ("warehouse",),
        "report": ("warehouse",),
    }


def test_stages_get_the_connections_of_bronze_queue_and_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = "{kind: redis, connection: old, list: queue_api}"
    path = write(tmp_path, "small")
    text = path.read_text().replace("sources:\n", f"sources:\n  a: {old}\n  b: {old}\n")
    text = text.split("backends:")[0]
    path.write_text(text + "backends:\n  far: {bronze: {s3: lake}, queue: {redis: q}, store: {postgres: w}}\n")
    monkeypatch.setenv("SLUICE_BACKEND", "far")
    needed = {(s.name, s.source): s.connections for s in plan.load(path).stages}
    assert needed["collect", "a"] == needed["collect", "b"] == ("lake", "q", "old")
    assert needed["collect", "drop"] == ("lake", "q"), "a source sees no connection of another"
    assert {needed["normalize", s] for s in ("a", "b", "drop")} == {("lake", "q")}
    assert needed["store", None] == needed["report", None] == ("lake", "w", "q")


def test_each_of_several_sources_is_collected_and_normalized_by_itself(tmp_path: Path) -> None:
    path = write(tmp_path, "small")
    path.write_text(
        path.read_text().replace("sources:\n", "sources:\n  api: {kind: redis, connection: old, list: queue_api}\n")
    )
    stages = [(s.name, s.source, s.mapped, s.argv[3:]) for s in plan.load(path).stages]
    assert stages == [
        ("collect", "api", False, ("--source", "api")),
        ("collect", "drop", False, ("--source", "drop")),
        ("normalize", "api", True, ("--source", "api")),
        ("normalize", "drop", True, ("--source", "drop")),
        ("store", None, False, ()),
        ("report", None, False, ("--show",)),
    ]


def test_documents_add_publish_behind_aggregate_with_their_own_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    file = ROOT / "pipelines" / "imo" / "pipeline.yaml"
    assert [s.name for s in plan.load(file).stages][-3:] == ["aggregate", "publish", "report"]
    monkeypatch.setenv("SLUICE_BACKEND", "servers")
    needed = {s.name: s.connections for s in plan.load(file).stages}
    assert needed["publish"] == ("warehouse", "documents")
    assert all("documents" not in connections for name, connections in needed.items() if name != "publish")


def test_fused_pipeline_is_one_stage(tmp_path: Path) -> None:
    found = plan.load(write(tmp_path, "small", "fuse: true"))
    assert [(s.name, s.argv, s.mapped) for s in found.stages] == [("run", ("sluice", "run", "small"), False)]


def test_what_is_waited_for_may_be_looked_for_as_often_as_the_wait_takes(tmp_path: Path) -> None:
    path = write(tmp_path, "small", "schedule: {retries: 3}")
    more = "  {}: {{kind: redis, connection: old, list: l, wait: {}, wait_every: {}}}\n"
    slow = more.format("slow", "1h", "7m") + more.format("soon", "2m", "1m")
    path.write_text(path.read_text().replace("sources:\n", "sources:\n" + slow))
    tries = {s.source or s.name: s.retries for s in plan.load(path).stages if s.name != "normalize"}
    assert tries == {"slow": 9, "soon": 3, "drop": 3, "store": 3, "report": 3}


def test_job_is_stages_with_a_schedule_of_their_own() -> None:
    found = plan.load(ROOT / "pipelines" / "imo" / "pipeline.yaml")
    (job,) = found.jobs
    assert (job.name, job.schedule) == ("conformite", plan.Schedule("0 4 1 * *", "Europe/Paris", None, False))
    assert found.schedule is None and job.tasks == plan.Tasks(None, 2, 30)
    export, report = job.stages
    words = ("--query", "conservation", "-o", "conservation-{interval_start:%Y-%m}.csv")
    assert export.argv == ("sluice-export", "--pipeline", "imo", *words)
    assert (report.name, report.takes) == ("report", ("interval", "run-id"))


def test_job_that_cannot_run_is_an_error_of_its_pipeline(tmp_path: Path) -> None:
    bad = write(tmp_path, "shop", "jobs: {audit: {steps: [clairvoyance]}}")
    with pytest.raises(plan.PlanError, match=rf"{bad}:\d+:\d+: error\[E1008\]: .*no stage \"clairvoyance\""):
        plan.load(bad)


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sluice in front of the real one that notes each call; returns the note's file."""
    calls = tmp_path / "calls"
    calls.touch()
    script = tmp_path / "front" / "sluice"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$*" >>{calls}\nexec {BIN}/sluice "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return calls


def test_plan_is_made_once_for_one_content(tmp_path: Path, counting: Path) -> None:
    file = write(tmp_path, "shop")
    first = plan.load(file)
    assert plan.load(file) == first
    assert counting.read_text() == "plan shop --json\n"


def test_plan_is_made_anew_when_file_or_model_or_backend_changes(
    tmp_path: Path, counting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, "shop", "models: {m: {as: view}}")
    (file.parent / "models").mkdir()
    model = file.parent / "models" / "m.sql"
    model.write_text("select 1 as one")
    plan.load(file)
    model.write_text("select 2 as two")
    plan.load(file)
    file.write_text(file.read_text() + "description: now with words\n")
    assert plan.load(file).description == "now with words"
    monkeypatch.setenv("SLUICE_BACKEND", "embedded")
    plan.load(file)
    assert len(counting.read_text().splitlines()) == 4


def test_unwritable_or_damaged_cache_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "shop")
    first = plan.load(file)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    kept.write_text("{")
    assert plan.load(file) == first
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert plan.load(file) == first


def test_broken_pipeline_tells_file_line_and_column_and_hurts_no_other(tmp_path: Path) -> None:
    write(tmp_path, "good")
    bad = write(tmp_path, "bad", "colums: {}")
    plans, errors = plan.load_all(tmp_path)
    assert set(plans) == {"good"}
    (text,) = errors
    line = bad.read_text().splitlines().index("colums: {}") + 1
    assert re.search(rf"pipeline\.yaml:{line}:1: error\[E\d+\]: .*\"colums\"", text), text
    assert "exit 78" in text and '"stage":"plan"' not in text


def test_second_pipeline_of_one_name_is_an_error_not_a_replacement(tmp_path: Path) -> None:
    first = write(tmp_path, "shop", directory="a")
    write(tmp_path, "shop", directory="b")
    plans, errors = plan.load_all(tmp_path)
    assert plans["shop"].file == str(first)
    assert "b/pipeline.yaml" in errors[0] and "a/pipeline.yaml" in errors[0]


def test_missing_executable_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "shop")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(plan.PlanError, match='no executable "sluice" in PATH'):
        plan.load(file)


# --- output -----------------------------------------------------------------------------------------


def read(raw: bytes, size: int) -> list[str]:
    return list(output.lines(raw[i : i + size] for i in range(0, len(raw), size)))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
def test_lines_are_the_same_however_the_bytes_are_cut(size: int) -> None:
    raw = 'INFO 12:00:00.001 a\nWARNING 12:00:00.002 état=lent\n\n{"note":"Châlet — terminé"}'.encode()
    assert read(raw, size) == raw.decode().split("\n")


def test_field_case_a04_result_survives_torn_letters_and_a_missing_line_end(shared: Path) -> None:
    inputs = shared / "cases" / "inputs"
    raw = (inputs / "a04.raw").read_bytes()
    chunks = [bytes.fromhex(c) for c in json.loads((inputs / "a04.chunks.json").read_text())["chunks"]]
    wanted = {"ok": 2, "bad": 0, "stage": "store", "note": "Châlet — terminé"}
    for pieces in ([raw], chunks, [raw[i : i + 1] for i in range(len(raw))]):
        found = list(output.lines(pieces))
        assert output.result(found[-1]) == wanted
        assert [output.level(line) for line in found] == [logging.INFO, logging.WARNING, logging.INFO]


def test_bytes_that_are_no_utf8_are_shown_not_lost() -> None:
    assert read(b"caf\xe9 \xff\n", 1) == ["caf\\xe9 \\xff"]


def test_line_without_end_is_handed_out_in_pieces() -> None:
    found = read(b"x" * (3 * output.LINE_MAX + 5), 1 << 16)
    assert [len(line) for line in found] == [output.LINE_MAX] * 3 + [5]


@pytest.mark.parametrize("line", ["", "WARNING 12:00:00.000 store end", "[1, 2]", "{", "nothing"])
def test_line_that_is_no_object_is_no_result(line: str) -> None:
    assert output.result(line) is None


def test_levels_are_those_of_the_lines() -> None:
    told = {
        "DEBUG 12:00:00.000 x": logging.DEBUG,
        "ERROR 12:00:00.000 x": logging.ERROR,
        "ERRORS were found": logging.INFO,
        'pipelines/a/pipeline.yaml:14:7: error[E1003]: unknown key "colums"': logging.ERROR,
        '{"stage":"store"}': logging.INFO,
    }
    assert {line: output.level(line) for line in told} == told


def test_partitions_are_words_and_never_none() -> None:
    assert output.partitions({"partitions": 3}) == ["1/3", "2/3", "3/3"]
    assert output.partitions({"partitions": 0}) == output.partitions({}) == ["1/1"]


# --- exit codes -------------------------------------------------------------------------------------


def kinds_of_the_executables() -> dict[int, tuple[str, bool, str]]:
    text = (ROOT / "common" / "base" / "err.h").read_text()
    found = re.findall(r'X\(\w+, "(\w+)", (\d+), (true|false), "([^"]+)"\)', text)
    assert len(found) >= 14
    return {int(code): (name, retry == "true", help_) for name, code, retry, help_ in found}


def test_exit_codes_are_those_of_the_executables() -> None:
    ours = exit_codes.CODES
    theirs = kinds_of_the_executables()
    assert {c: (k.kind, k.meaning) for c, k in ours.items()} == {c: (n, h) for c, (n, _, h) in theirs.items()}
    for code, (_, retry, _) in theirs.items():
        if code not in (0, 99):
            assert ours[code].outcome is (Outcome.RETRY if retry else Outcome.FAIL), code


@pytest.mark.parametrize("code", [130, 137, 143, -9, -15, 127, 1])
def test_signals_and_unknown_codes_are_retried(code: int) -> None:
    assert exit_codes.lookup(exit_codes.as_shell(code)).outcome is Outcome.RETRY


def test_documentation_lists_every_exit_code() -> None:
    page = (ROOT / "docs" / "airflow.md").read_text()
    for code, known in exit_codes.CODES.items():
        word = {Outcome.RETRY: "retry", Outcome.FAIL: "fail", Outcome.SKIP: "skip", Outcome.SUCCESS: "success"}
        assert re.search(rf"^\|[^|]*\b{code}\b[^|]*\|[^|]*\|[^|]*{word[known.outcome]}", page, re.M), code


# --- intervals as the executables see them ----------------------------------------------------------


def test_field_case_a01_interval_without_length_is_refused_and_explained(shared: Path, tmp_path: Path) -> None:
    case = json.loads((shared / "cases" / "inputs" / "a01.json").read_text())
    env = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "SLUICE_HOME": str(tmp_path / "home"),
        "SLUICE_PIPELINES": str(ROOT / "pipelines"),
    }
    for argv in (case["argv"], case["argv_reversed"]):
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 64
        assert "CronDataIntervalTimetable" in done.stderr.splitlines()[0]
        assert not list(tmp_path.glob("home/*/runs/*/stages/*"))
