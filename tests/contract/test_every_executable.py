"""Every executable keeps the contract (docs/contract.md): each test drives all of them alike."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lib.processes import wait_listening
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import BIN

TIMEOUT = 30.0
LOG_LINE = re.compile(r"^(DEBUG|INFO|WARNING|ERROR) \d\d:\d\d:\d\d\.\d\d\d \S.*$")
PLACE_LINE = re.compile(r"^(\S+: error\[E\d{4}\]: .*| +\d+ \|.*| +\|.*)$")
DAY = ("--interval-start", "2026-01-01T00:00:00Z", "--interval-end", "2026-01-02T00:00:00Z")

# The driver's commands that work on a pipeline are driven like stages, as "sluice run" and so on.
COMMANDS = ("run", "plan", "state", "preview", "runs", "rejects", "rebuild")
# What a stage needs beside its pipeline, and which ones belong to no run.
NEEDS = {
    "sluice-query": ("--sql", "select 1"),
    "sluice-export": ("--sql", "select 1", "-o", "-"),
    "sluice-generate": ("--rows", "5", "-o", "../made-up"),
}
NO_RUN = ("plan", "state", "preview", "runs", "rejects", "rebuild", "sluice-query", "sluice-check", "sluice-generate")


def _executables() -> list[tuple[str, ...]]:
    stages = sorted(p.name for p in BIN.glob("sluice-*") if os.access(p, os.X_OK))
    return [(name,) for name in stages] + [("sluice", command) for command in COMMANDS]


ALL = _executables()
everyone = pytest.mark.parametrize("exe", ALL, ids=["_".join(e) for e in ALL])
with_runs = pytest.mark.parametrize("exe", [e for e in ALL if e[-1] not in NO_RUN], ids=lambda e: "_".join(e))


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The last line, and nothing behind it."""
        assert self.err.endswith("\n"), self.err
        line = self.err.splitlines()[-1]
        assert len(line.encode()) <= 8192
        result: dict[str, Any] = json.loads(line)
        return result


def environment(home: Path | None) -> dict[str, str]:
    env = {"PATH": os.environ["PATH"]}
    return env | ({"SLUICE_HOME": str(home)} if home else {})


def call(exe: Sequence[str], *args: str, cwd: Path, env: dict[str, str] | None = None, **kwargs: Any) -> Done:
    done = subprocess.run(
        [str(BIN / exe[0]), *exe[1:], *args],
        cwd=cwd,
        env=environment(cwd / "home") if env is None else env,
        stdin=kwargs.pop("stdin", subprocess.DEVNULL),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        **kwargs,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def assert_refused(done: Done, code: int, word: str = "") -> None:
    assert done.code == code, done.err
    assert done.out == ""
    result = done.result
    assert result["exit"] == code
    assert result["error"] and result["kind"]
    assert word in done.err, f"nothing about {word!r}: {done.err}"
    lines = done.err.splitlines()[:-1]
    assert any(line.startswith("ERROR ") for line in lines), done.err
    assert all(LOG_LINE.match(line) or PLACE_LINE.match(line) for line in lines), done.err


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """An empty current directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def pipeline(tmp_path: Path) -> str:
    path = write_pipeline(tmp_path / "shop")
    write_csv(tmp_path / "shop", "a.csv", rows(1, 3))
    return str(path)


def test_there_are_executables() -> None:
    assert {"sluice-collect", "sluice-normalize", "sluice-store", "sluice-query"} <= {e[0] for e in ALL}


@everyone
def test_help_is_a_manual_page(exe: tuple[str, ...], work: Path) -> None:
    done = call(exe, "--help", cwd=work)
    assert (done.code, done.err) == (0, "")
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES"):
        assert re.search(rf"^{section}$", done.out, re.M), section
    assert " ".join(exe) in done.out
    for flag in ("--pipeline", "--set", "--log-level", "--help", "--version", "--describe"):
        assert flag in done.out


@everyone
def test_version_is_one_line(exe: tuple[str, ...], work: Path) -> None:
    done = call(exe, "--version", cwd=work)
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(rf"{' '.join(exe)} \d+\.\d+\.\d+\n", done.out)


def test_help_of_the_driver_names_every_stage(work: Path) -> None:
    told = call(("sluice",), "--help", cwd=work).out
    for exe in BIN.glob("sluice-*"):
        assert re.search(rf"^ .*\b{exe.name.removeprefix('sluice-')}\b", told.partition("STAGES")[2], re.M), exe.name


@everyone
def test_describe_is_json_and_names_what_help_names(exe: tuple[str, ...], work: Path) -> None:
    done = call(exe, "--describe", cwd=work)
    assert (done.code, done.err) == (0, "")
    described = json.loads(done.out)
    assert described["summary"] and described["exits"][0]["code"] == 0
    flags = {f["name"] for f in described["flags"]}
    assert {"pipeline", "set", "help"} <= flags
    help_text = call(exe, "--help", cwd=work).out
    for name in flags:
        assert "--" + name.replace("_", "-") in help_text


@everyone
def test_unknown_flag_is_refused_with_a_suggestion(exe: tuple[str, ...], work: Path) -> None:
    assert_refused(call(exe, "--pipelin", "x", cwd=work), 64, '"--pipeline"')
    assert_refused(call(exe, "--colour=x", cwd=work), 64, '"--colour"')


@everyone
def test_flag_without_its_value_is_refused(exe: tuple[str, ...], work: Path) -> None:
    assert_refused(call(exe, "--pipeline", cwd=work), 64, "needs a value")


@everyone
def test_missing_pipeline_is_refused(exe: tuple[str, ...], work: Path) -> None:
    assert_refused(call(exe, cwd=work), 64, "no pipeline is named")
    assert_refused(call(exe, "--pipeline=", cwd=work), 64, "no pipeline is named")


@everyone
def test_unknown_pipeline_is_a_configuration_error(exe: tuple[str, ...], work: Path) -> None:
    assert_refused(call(exe, "--pipeline", "nowhere", cwd=work), 78, "nowhere")


@everyone
def test_errors_in_a_pipeline_have_a_place(exe: tuple[str, ...], work: Path, tmp_path: Path) -> None:
    path = write_pipeline(tmp_path / "bad", extra="colums: 1")
    done = call(exe, "--pipeline", str(path), cwd=work)
    assert_refused(done, 78, "error[E1003]")
    assert f"{path}:" in done.err and "colums" in done.err


@everyone
def test_unknown_key_is_refused_with_a_suggestion(exe: tuple[str, ...], work: Path, tmp_path: Path) -> None:
    path = write_pipeline(tmp_path / "bad", extra="rejets: {limit: 1}")
    assert_refused(call(exe, "--pipeline", str(path), cwd=work), 78, 'did you mean "rejects"?')


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline with a HOME in which one run is stored."""
    base = tmp_path_factory.mktemp("finished")
    path = write_pipeline(base / "shop")
    write_csv(base / "shop", "a.csv", rows(1, 3))
    assert call(("sluice", "run"), str(path), "--run-id", "r", cwd=base).code == 0
    return base


@everyone
def test_success_ends_with_a_result_and_logs_only_log_lines(
    exe: tuple[str, ...], finished: Path, tmp_path: Path
) -> None:
    """After one whole run, everything has something to do or to show. Nothing but PATH and HOME in the environment."""
    cwd, pipeline = tmp_path / "cwd", str(finished / "shop" / "pipeline.yaml")
    cwd.mkdir()
    shutil.copytree(finished / "home", cwd / "home")
    run_id = ("--run-id", "r") if exe[-1] not in NO_RUN else ()
    needs = ("-o", str(cwd / "out.csv")) if exe[-1] == "sluice-export" else NEEDS.get(exe[-1], ())
    done = call(exe, "--pipeline", pipeline, *run_id, *needs, cwd=cwd)
    assert done.code == 0, done.err
    result = done.result
    assert result["exit"] == 0 and "error" not in result and result["pipeline"] == "shop"
    if exe[-1] != "sluice-collect":  # it only counts what is in
        assert result["n_in"] in (0, sum(result[key] for key in ("kept", "dup", "filtered", "rejected")))
    assert result["seconds"] >= 0 and result["peak_kib"] > 0 and len(done.err.splitlines()[-1].encode()) < 8192
    assert all(LOG_LINE.match(line) for line in done.err.splitlines()[:-1]), done.err
    assert {p.name for p in cwd.iterdir()} <= {"home", "out.csv"}


@everyone
def test_unknown_source_and_backend_are_refused(exe: tuple[str, ...], pipeline: str, work: Path) -> None:
    assert_refused(call(exe, "--pipeline", pipeline, "--source", "nosuch", cwd=work), 64, "nosuch")
    assert_refused(call(exe, "--pipeline", pipeline, "--backend", "nosuch", cwd=work), 78, "nosuch")


@everyone
def test_without_any_home_it_is_a_configuration_error(exe: tuple[str, ...], pipeline: str, work: Path) -> None:
    done = call(exe, "--pipeline", pipeline, *NEEDS.get(exe[-1], ()), cwd=work, env=environment(None))
    if exe[-1] in ("plan", "preview", "sluice-generate"):  # they keep nothing
        assert done.code == 0
    elif exe[-1] == "sluice-check":  # it tells, and goes on
        assert done.code == 78 and re.search(r"^failed +home .*SLUICE_HOME", done.out, re.M), done.out
    else:
        assert_refused(done, 78, "SLUICE_HOME")


@with_runs
def test_interval_without_length_names_the_timetable(exe: tuple[str, ...], pipeline: str, work: Path) -> None:
    at = "2026-01-01T00:00:00Z"
    done = call(exe, "--pipeline", pipeline, "--interval-start", at, "--interval-end", at, cwd=work)
    assert_refused(done, 64, "CronDataIntervalTimetable")


@with_runs
@pytest.mark.parametrize(
    "flags",
    [
        ("--interval-start", "2026-01-02T00:00:00Z", "--interval-end", "2026-01-01T00:00:00Z"),
        ("--interval-start", "2026-01-01T00:00:00", "--interval-end", "2026-01-02T00:00:00"),
        ("--interval-start", "2026-01-01T00:00:00Z"),
        ("--interval-end", "2026-01-01T00:00:00Z"),
        ("--interval-start", "monday", "--interval-end", "2026-01-02T00:00:00Z"),
    ],
    ids=["reversed", "without_offset", "no_end", "no_start", "no_time"],
)
def test_wrong_interval_is_refused(exe: tuple[str, ...], flags: tuple[str, ...], pipeline: str, work: Path) -> None:
    assert_refused(call(exe, "--pipeline", pipeline, *flags, cwd=work), 64)


@everyone
def test_secret_on_the_command_line_is_refused_and_not_repeated(exe: tuple[str, ...], work: Path) -> None:
    for words in (
        ("--set", "x.y=postgres://me:hush@db/x"),
        ("--set", "drop.password=hush"),
        ("-p", "http://u:hush@h/"),
    ):
        done = call(exe, *words, cwd=work)
        assert_refused(done, 64, "secret")
        assert "hush" not in done.err


@everyone
def test_it_touches_nothing_in_the_current_directory(exe: tuple[str, ...], pipeline: str, tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    call(exe, "--pipeline", pipeline, *NEEDS.get(exe[-1], ()), cwd=cwd, env=environment(tmp_path / "home"))
    assert list(cwd.iterdir()) == []


@everyone
def test_closed_streams_are_no_trouble(exe: tuple[str, ...], pipeline: str, work: Path) -> None:
    """A file that is opened must not land on a number that is closed, and be written into."""
    argv = (str(BIN / exe[0]), *exe[1:], "--pipeline", pipeline, *NEEDS.get(exe[-1], ()))
    words = " ".join(f"'{w}'" for w in argv)
    for closed in ("<&-", ">&-", "<&- >&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"{words} {closed}"],
            cwd=work,
            env=environment(work / "home"),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode in (0, 66, 74, 99), f"{closed}: {done.returncode} {done.stderr}"
    for file in work.rglob("*.json"):
        json.loads(file.read_text())


@everyone
def test_closed_stdout_fails_what_was_asked_for(exe: tuple[str, ...], work: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"'{BIN / exe[0]}' {' '.join(exe[1:])} --help >&-"],
        cwd=work,
        env=environment(None),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 74, done.stderr


@everyone
def test_json_log_lines_are_json(exe: tuple[str, ...], work: Path) -> None:
    done = call(exe, "--log-format=json", "--pipeline", "nowhere", cwd=work)
    assert done.code == 78
    for line in done.err.splitlines()[:-1]:
        assert json.loads(line)["level"] in ("DEBUG", "INFO", "WARNING", "ERROR")


@everyone
def test_result_goes_to_the_files_that_ask_for_it(exe: tuple[str, ...], work: Path, tmp_path: Path) -> None:
    xcom = tmp_path / "xcom"
    xcom.mkdir()
    env = environment(work / "home") | {"AIRFLOW_XCOM_DIR": str(xcom)}
    wanted = tmp_path / "wanted.json"
    done = call(exe, "--pipeline", "nowhere", "--result-file", str(wanted), cwd=work, env=env)
    assert json.loads(wanted.read_text()) == done.result == json.loads((xcom / "result.json").read_text())


@with_runs
def test_execution_leaves_a_record(exe: tuple[str, ...], pipeline: str, work: Path) -> None:
    env = environment(work / "home") | {"AIRFLOW_CTX_DAG_ID": "dag", "AIRFLOW_CTX_TRY_NUMBER": "2"}
    done = call(exe, "--pipeline", pipeline, "--run-id", "a/b", *NEEDS.get(exe[-1], ()), cwd=work, env=env)
    stage = done.result["stage"]
    records = list((work / "home" / "shop" / "runs" / "a%2Fb" / "stages").glob(f"{stage}-*.json"))
    assert len(records) == 1, done.err
    record = json.loads(records[0].read_text())
    assert record["run"] == "a/b" and record["exit"] == done.code and record["dag_id"] == "dag"
    assert record["try_number"] == "2" and record["started"] <= record["finished"]


@with_runs
def test_same_call_has_the_same_run(exe: tuple[str, ...], pipeline: str, tmp_path: Path) -> None:
    names = set()
    for number in range(2):
        cwd = tmp_path / f"cwd{number}"
        cwd.mkdir()
        names.add(call(exe, "--pipeline", pipeline, *DAY, *NEEDS.get(exe[-1], ()), cwd=cwd).result["run"])
    assert len(names) == 1


def test_driver_itself_keeps_the_contract(work: Path) -> None:
    for word in ("--help", "--version", "--describe"):
        assert call(("sluice",), word, cwd=work).code == 0
    json.loads(call(("sluice",), "--describe", cwd=work).out)
    assert_refused(call(("sluice",), cwd=work), 64, "no command")
    assert_refused(call(("sluice",), "rum", cwd=work), 64, '"run"')
    assert_refused(call(("sluice",), "--colour", cwd=work), 64, "--colour")
    assert "unknown key" in call(("sluice",), "--explain", "E1003", cwd=work).out
    assert "retry" in call(("sluice",), "explain", "75", cwd=work).out.lower()
    assert "rejects" in call(("sluice", "completion"), "bash", cwd=work).out
    assert_refused(call(("sluice",), "explain", "E9999", cwd=work), 64, "E9999")


def test_driver_executes_stages_by_name(pipeline: str, work: Path) -> None:
    done = call(("sluice", "collect"), pipeline, "--run-id", "r", cwd=work)
    assert done.code == 0 and done.result["stage"] == "collect"


def test_validate_tells_every_file(pipeline: str, tmp_path: Path, work: Path) -> None:
    bad = write_pipeline(tmp_path / "bad", extra="colums: 1")
    assert call(("sluice", "validate"), pipeline, cwd=work).code == 0
    done = call(("sluice", "validate"), pipeline, str(bad), cwd=work)
    assert done.code == 78 and done.result["kind"] == "config"
    assert f"{pipeline}: ok" in done.out and f"{bad}: 1 error" in done.out
    assert_refused(call(("sluice", "validate"), cwd=work), 64)


def test_plan_for_airflow_names_stages_and_argv(pipeline: str, work: Path) -> None:
    done = call(("sluice", "plan"), pipeline, "--json", "--backend", "local", cwd=work)
    plan = json.loads(done.out)
    assert [s["name"] for s in plan["stages"]] == ["collect", "normalize", "store", "report"]
    assert [s["name"] for s in plan["stages"] if s["mapped"]] == ["normalize"]
    store = plan["stages"][2]
    assert store["argv"][:3] == ["sluice-store", "--pipeline", pipeline] and "--backend=local" in store["argv"]
    assert store["connections"] == plan["connections"] == ["warehouse"]
    assert not any("--run-id" in w or "--interval" in w for s in plan["stages"] for w in s["argv"])
    assert plan["queue"] == "native" and plan["fuse"] is False and plan["partitions_max"] > 0


def test_plan_explains_where_a_value_comes_from(pipeline: str, work: Path) -> None:
    env = environment(work / "home") | {"SLUICE_REJECTS_LIMIT": "3"}
    out = call(("sluice", "plan"), pipeline, "--explain", "--set", "drop.path=x.csv", cwd=work, env=env).out
    assert re.search(r"^sources\.drop\.path = x\.csv +# --set$", out, re.M), out
    assert re.search(r"^rejects\.limit = 3 +# SLUICE_REJECTS_LIMIT$", out, re.M), out
    assert re.search(rf"^store\.table = shop +# {re.escape(pipeline)}:\d+:\d+$", out, re.M), out


def _hold_lock(home: Path) -> subprocess.Popen[str]:
    """Another process that has the embedded store's lock."""
    (home / "shop").mkdir(parents=True)
    code = (
        "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
        "f.write(str(os.getpid())); f.flush(); print('held', flush=True); sys.stdin.read()"
    )
    argv = ["python3", "-c", code, str(home / "shop" / "lock")]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    return child


def test_driver_waits_a_little_for_another_run_then_75(pipeline: str, work: Path) -> None:
    holder = _hold_lock(work / "home")
    try:
        begin = time.monotonic()
        done = call(("sluice", "run"), pipeline, cwd=work)
        assert_refused(done, 75, str(holder.pid))
        assert 2 < time.monotonic() - begin < 15
    finally:
        holder.communicate("")


@pytest.mark.parametrize("whole_group", [False, True], ids=["stage_alone", "whole_group"])
def test_stop_request_ends_a_waiting_stage_at_once(pipeline: str, work: Path, whole_group: bool) -> None:
    """The number of the inherited lock lies, so that store waits for the lock's holder."""
    holder = _hold_lock(work / "home")
    child = _start(["sluice-store", "--pipeline", pipeline, "--run-id", "r"], work, {"SLUICE_LOCK_FD": "0"})
    try:
        wait_listening(child.pid)
        time.sleep(0.3)  # it comes to the lock
        _stop(child, whole_group)
    finally:
        child.kill()
        holder.communicate("")


@pytest.mark.parametrize("whole_group", [False, True], ids=["driver_alone", "whole_group"])
def test_stop_request_ends_a_run_although_a_child_hangs(pipeline: str, work: Path, whole_group: bool) -> None:
    """A child that was stopped ignores SIGTERM; it must be gone with the driver."""
    fault = {"SLUICE_FAULT": "store.before_switch:1:stop"}
    child = _start(["sluice", "run", pipeline, "--run-id", "r"], work, fault)
    try:
        deadline = time.monotonic() + TIMEOUT
        while not (stopped := _stopped_children(child.pid)):
            if child.poll() is not None:
                pytest.skip("skipped: this build has no fault points")
            assert time.monotonic() < deadline, "no child stopped itself"
            time.sleep(0.05)
        _stop(child, whole_group)
        deadline = time.monotonic() + 3
        while any(_is_alive(pid) for pid in stopped):
            assert time.monotonic() < deadline, "the stopped child outlives the driver"
            time.sleep(0.05)
    finally:
        child.kill()


def _start(argv: list[str], work: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BIN / argv[0]), *argv[1:]],
        cwd=work,
        env=environment(work / "home") | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _stop(child: subprocess.Popen[str], whole_group: bool) -> None:
    begin = time.monotonic()
    if whole_group:
        os.killpg(child.pid, signal.SIGTERM)
    else:
        child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=TIMEOUT)
    assert time.monotonic() - begin < 3.2
    assert child.returncode == 143, err
    assert json.loads(err.splitlines()[-1])["exit"] == 143


def _status(pid: int) -> list[str]:
    """State and parent of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return []


def _is_alive(pid: int) -> bool:
    return _status(pid)[:1] not in ([], ["Z"], ["X"])


def _stopped_children(parent: int) -> list[int]:
    pids = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
    return [pid for pid in pids if _status(pid) == ["T", str(parent)]]
