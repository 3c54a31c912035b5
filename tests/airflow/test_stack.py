"""Real runs on the real stack: triggered, cleared, killed and failing, the tables stay what they should be."""

from __future__ import annotations

import re
import shutil
from urllib.parse import quote

import pytest

from tests.lib.airflow_mid_work import end_well, in_mid_work, set_gates
from tests.lib.airflow_place import CANARY, ROWS, by_hand, shop
from tests.lib.airflow_stack import Stack
from tests.lib.processes import command_lines, is_gone, kill


@pytest.fixture(scope="module")
def seen(stack: Stack) -> tuple[str, str]:
    """A run begun by REST, and the command lines that could be seen while each of its stages was at work."""
    stages = ("collect", "normalize", "store")
    set_gates(stack, "by_rest", *stages)
    run = stack.trigger("by_rest")
    lines = []
    for stage in stages:
        with in_mid_work(stack, "by_rest", stage):
            lines.append(command_lines())
            assert f"sluice-{stage} --pipeline by_rest" in lines[-1]
    assert set(stack.wait("by_rest", run).values()) == {"success"}
    return run, "\n".join(lines)


@pytest.fixture(scope="module")
def by_rest(seen: tuple[str, str]) -> str:
    return seen[0]


@pytest.fixture(scope="module")
def failed(stack: Stack) -> dict[str, str]:
    """Pipelines whose store fails, and their runs, which are over."""
    runs = {dag: stack.trigger(dag) for dag in ("refused", "unreachable", "unknown")}
    for dag, run in runs.items():
        stack.wait(dag, run, "failed")
    return runs


def chunks(log: str) -> str:
    """What normalize says that it works on."""
    found = re.search(r"normalizing (partition=\S+ chunks=\d+ parts=\d+ ids=[0-9a-f,]+)", log)
    assert found, log[-3000:]
    return found[1]


# --- triggering -------------------------------------------------------------------------------------


def test_up_again_starts_nothing_and_tells_no_password(stack: Stack) -> None:
    pids = {p.name: p.read_text() for p in (stack.dir / "run").iterdir()}
    again = stack.script("up")
    assert stack.settings["ADMIN_PASSWORD"] not in again.stderr
    assert {p.name: p.read_text() for p in (stack.dir / "run").iterdir()} == pids
    status = stack.script("status").stdout
    assert status.count("running") == 7
    assert (stack.dir / "env").stat().st_mode & 0o777 == 0o600


def test_run_of_airflow_and_run_by_shell_give_the_same_table(stack: Stack, by_rest: str, wanted: str) -> None:
    assert sorted(k for k in stack.states("by_rest", by_rest) if "[" in k) == [f"normalize[{i}]" for i in range(3)]
    names = {t["rendered_map_index"] for (name, _), t in stack.tasks("by_rest", by_rest).items() if name == "normalize"}
    assert names == {"1/3", "2/3", "3/3"}
    assert stack.table("by_rest") == wanted


def test_results_are_xcoms(stack: Stack, by_rest: str) -> None:
    assert stack.xcom("by_rest", by_rest, "collect") == ["1/3", "2/3", "3/3"]
    assert stack.xcom("by_rest", by_rest, "collect", "result")["partitions"] == 3
    stored = stack.xcom("by_rest", by_rest, "store")
    assert (stored["stage"], stored["exit"], stored["kept"]) == ("store", 0, 3 * ROWS)


def test_buttons_lead_to_the_runs_report_and_to_the_dashboard(stack: Stack, by_rest: str) -> None:
    run = quote(by_rest)
    page = f"http://127.0.0.1:{stack.settings['API_PORT']}/dags/by_rest/runs/{run}/tasks/report"
    dashboard = "http://127.0.0.1:9/d/run?pipeline=by_rest&stage={}&run={}&map={}&try={}"
    assert stack.links("by_rest", by_rest, "store") == {
        "Run": page,
        "Dashboard": dashboard.format("store", quote(by_rest, safe=""), -1, 1),
    }
    assert stack.links("by_rest", by_rest, "normalize", 2)["Dashboard"].endswith("&map=2&try=1")
    (file,) = stack.log_files("by_rest", by_rest, "report")
    rows = [e["event"] for e in stack.events(file) if " executed stage=" in e["event"]]
    assert sorted(line.split("stage=")[1].split()[0] for line in rows) == ["collect", *["normalize"] * 3, "store"]
    ids = {line.rsplit("id=", 1)[1] for line in rows}
    told = stack.psql(f"select string_agg(id, ' ') from sluice.stage_run where dag_run_id = '{by_rest}'")
    assert ids <= set(told.split()), "each line names its row of the ledger"


def test_buttons_of_a_failed_task_are_there(stack: Stack, failed: dict[str, str]) -> None:
    assert stack.links("unknown", failed["unknown"], "store")["Run"].endswith("/tasks/report")


def test_logged_command_can_be_copied_into_a_shell(stack: Stack, by_rest: str, wanted: str) -> None:
    log = stack.log_text("by_rest", by_rest, "store")
    command = re.search(r'Command: (.*?)  # needs SLUICE_CONN_WAREHOUSE"', log)
    assert command, log
    assert "AIRFLOW" not in command[1] and "--run-id" in command[1]
    by_hand(stack, "bash", "-c", command[1])
    assert stack.table("by_rest") == wanted


# --- running again ----------------------------------------------------------------------------------


def test_one_partition_cleared_does_its_own_chunks_again_and_no_others(stack: Stack, by_rest: str, wanted: str) -> None:
    before = {i: len(stack.log_files("by_rest", by_rest, "normalize", i)) for i in range(3)}
    stack.clear("by_rest", by_rest, ["normalize", 1])
    stack.wait("by_rest", by_rest)
    logs = {i: stack.log_files("by_rest", by_rest, "normalize", i) for i in range(3)}
    assert {i: len(logs[i]) - before[i] for i in range(3)} == {0: 0, 1: 1, 2: 0}
    first, *_, last = logs[1]
    told = chunks(last.read_text())
    assert told == chunks(first.read_text()) and told.startswith("partition=2/3 chunks=1 ")
    others = {chunks(logs[i][0].read_text()).split("ids=")[1] for i in (0, 2)}
    assert told.split("ids=")[1] not in others
    assert stack.table("by_rest") == wanted


def test_task_cleared_by_the_cli_changes_nothing(stack: Stack, by_rest: str, wanted: str) -> None:
    tries = stack.tasks("by_rest", by_rest)["store", -1]["try_number"]
    stack.script("cli", "tasks", "clear", "by_rest", "--task-regex", "store", "--yes")
    stack.until("store's next try", lambda: stack.tasks("by_rest", by_rest)["store", -1]["try_number"] > tries)
    stack.wait("by_rest", by_rest)
    assert stack.table("by_rest") == wanted


def test_airflows_own_test_commands_execute_a_run_and_a_task_of_it(stack: Stack) -> None:
    """Without scheduler and worker, in the command's own process."""
    stack.script("cli", "dags", "test", "tried")
    (run,) = stack.runs("tried")
    assert set(stack.states("tried", run["dag_run_id"]).values()) == {"success"}
    before = stack.content("tried")
    assert stack.table("tried").startswith("6 ")
    for task, *more in (("normalize", "--map-index", "0"), ("store",)):
        done = stack.script("cli", "tasks", "test", "tried", task, run["dag_run_id"], *more)
        assert f'{{"stage":"{task}"' in done.stdout + done.stderr
    assert stack.content("tried") == before


def test_collect_again_is_asked_for_when_triggering(stack: Stack, by_rest: str, wanted: str) -> None:
    run = stack.trigger("by_rest", conf={"again": True})
    states = stack.wait("by_rest", run)
    assert states["collect"] == states["store"] == "success"
    assert "--again" in stack.log_text("by_rest", run, "collect")
    assert "--again" not in stack.log_text("by_rest", run, "store")
    assert stack.table("by_rest") == wanted


def test_run_with_nothing_new_skips_the_work_and_succeeds(stack: Stack, by_rest: str, wanted: str) -> None:
    states = stack.wait("by_rest", stack.trigger("by_rest"))
    assert states == {"collect": "skipped", "normalize": "skipped", "store": "skipped", "report": "success"}
    assert stack.table("by_rest") == wanted


def test_rerun_with_fewer_partitions_leaves_none_behind(stack: Stack) -> None:
    """Field case a07."""
    shop(stack.pipelines, "fewer", "parallel: {max: 3, bytes: 1MiB}", n=ROWS)
    stack.wait_dag("fewer")
    run = stack.trigger("fewer")
    stack.wait("fewer", run)
    before = stack.table("fewer")
    file = stack.pipelines / "fewer" / "pipeline.yaml"
    file.write_text(file.read_text().replace("max: 3", "max: 2"))
    stack.clear("fewer", run)
    states = stack.wait("fewer", run)
    assert {k: v for k, v in states.items() if v == "success"}.keys() >= {
        "normalize[0]",
        "normalize[1]",
        "store",
        "report",
    }
    assert states.get("normalize[2]", "removed") == "removed"
    assert "partition=2/2" in stack.log_files("fewer", run, "normalize", 1)[-1].read_text()
    assert stack.table("fewer") == before


def test_sources_beside_each_other_are_stored_once_all_are_there_and_an_empty_one_is_skipped(stack: Stack) -> None:
    inbox = stack.pipelines / "many" / "inbox"
    shutil.copy(inbox / "0.csv", stack.pipelines / "many" / "till" / "0.csv")
    run = stack.trigger("many")
    states = stack.wait("many", run)
    skipped = {name for name, state in states.items() if state == "skipped"}
    assert skipped == {"collect.web", "normalize.web"}
    assert {"collect.drop", "normalize.drop[0]", "normalize.till[0]", "store", "report"} <= states.keys() - skipped
    store = stack.tasks("many", run)["store", -1]
    made = [t["end_date"] for (name, _), t in stack.tasks("many", run).items() if name.startswith("normalize")]
    assert store["start_date"] >= max(made)
    assert stack.xcom("many", run, "store")["entries"] == 2 and stack.table("many").startswith("8 ")
    before = stack.table("many")
    for task in ("collect.drop", ["normalize.till", 0], "store"):
        stack.clear("many", run, task)
        stack.wait("many", run)
    assert stack.table("many") == before


def test_source_that_failed_fails_the_run_and_holds_no_other_ones_rows_back(stack: Stack) -> None:
    run = stack.trigger("half")
    states = stack.wait("half", run, "failed")
    assert states["collect.till"] == "failed" and states["normalize.till"] == "upstream_failed"
    assert states["store"] == states["report"] == "success" and states["sources"] == "upstream_failed"
    assert stack.table("half").startswith("6 ")
    shutil.copy(stack.pipelines / "half" / "inbox" / "0.csv", stack.pipelines / "half" / "till" / "0.csv")
    stack.clear("half", run, "collect.till", "normalize.till", "store", "sources", "report")
    assert set(stack.wait("half", run).values()) == {"success"}
    assert stack.table("half").startswith("8 ")
    assert stack.pending("half") == 0


def test_run_that_waits_for_a_file_holds_no_slot_and_goes_on_when_it_is_there(stack: Stack) -> None:
    run = stack.trigger("awaited")
    stack.until("it waits", lambda: stack.states("awaited", run)["collect"] == "up_for_retry")
    folder = stack.pipelines / "awaited"
    (folder / "inbox").rename(folder / "late")
    assert set(stack.wait("awaited", run).values()) == {"success"}
    assert stack.tasks("awaited", run)["collect", -1]["try_number"] > 1
    assert stack.table("awaited").startswith("6 ")


def test_run_that_is_told_all_rules_makes_the_rows_of_every_run_anew(stack: Stack) -> None:
    stack.wait("ruled", stack.trigger("ruled"))
    file = stack.pipelines / "ruled" / "pipeline.yaml"
    rule = '\nrules: [{set_null: {from: country, values: ["FR"]}}]\nstore:'
    file.write_text(file.read_text().replace("\nstore:", rule))
    states = stack.wait("ruled", stack.trigger("ruled"))
    assert states["store"] == "skipped" and stack.psql("select count(country) from ruled") == "6"
    run = stack.trigger("ruled", conf={"rules": "all"})
    assert set(stack.wait("ruled", run).values()) == {"success"}
    assert stack.psql("select count(*), count(country) from ruled") == "6|0"


# --- killing ----------------------------------------------------------------------------------------


def test_worker_killed_in_the_middle_of_store_costs_a_try_and_no_row(stack: Stack, wanted: str) -> None:
    """Field case a08: the child is gone with its parent, also when it is stopped; the retry stores everything once."""
    set_gates(stack, "killed", "store", point="switch.before_commit")
    run = stack.trigger("killed")
    try:
        with in_mid_work(stack, "killed", "store") as stage:
            kill(set(stack.worker_of(stage)) - {stage})
            stack.until("the stage is gone with its parent", lambda: is_gone(stage))
        assert stack.psql("select count(*) from killed") == "0"
    finally:
        stack.up()
    assert end_well(stack, "killed", run, wanted)["store"] == 2


# --- failing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dag", "code", "tries"), [("refused", 65, 1), ("unreachable", 69, 3), ("unknown", 78, 1)])
def test_failing_store_fails_the_run_after_the_tries_that_can_help(
    stack: Stack, failed: dict[str, str], dag: str, code: int, tries: int
) -> None:
    run = failed[dag]
    states = stack.states(dag, run)
    assert states["store"] == "failed" and states["collect"] == states["normalize[0]"] == "success"
    assert stack.tasks(dag, run)["store", -1]["try_number"] == tries
    assert stack.xcom(dag, run, "store")["exit"] == code
    assert f"exit code {code}" in stack.log_text(dag, run, "store")


def test_connection_that_airflow_lacks_is_named(stack: Stack, failed: dict[str, str]) -> None:
    assert 'Airflow has no connection \\"nowhere\\"' in stack.log_text("unknown", failed["unknown"], "store")


def test_report_of_a_failed_run_runs_and_does_not_hide_it(stack: Stack, failed: dict[str, str]) -> None:
    run = failed["refused"]
    assert stack.states("refused", run)["report"] == "success"
    assert stack.psql(f"select stage from sluice.stage_run where dag_run_id = '{run}' and exit = 65") == "store"


def test_secrets_are_nowhere_but_in_airflow_and_in_the_child(
    stack: Stack, seen: tuple[str, str], failed: dict[str, str]
) -> None:
    """Command lines, logs of tasks and servers (also of runs that failed), rendered fields, XCom, the ledger, files of
    HOME."""
    run, lines = seen
    places = {"argv": lines, "ledger": stack.psql("select string_agg(r::text, ' ') from sluice.stage_run r")}
    for task in ("collect", "store", "report"):
        path = f"/api/v2/dags/by_rest/dagRuns/{run}/taskInstances/{task}"
        places[f"fields {task}"] = str(stack.call("GET", path))
        places[f"xcom {task}"] = str(stack.call("GET", f"{path}/xcomEntries")) + str(stack.xcom("by_rest", run, task))
    assert "rendered_fields" in places["fields store"]
    for folder in (stack.dir / "logs", stack.home / "by_rest"):
        for file in folder.rglob("*"):
            if file.is_file() and file.stat().st_size < 4 << 20:
                places[str(file)] = file.read_text(errors="replace")
    assert any(name.endswith("/worker.log") for name in places)
    secrets = [v for k, v in stack.settings.items() if k.endswith(("PASSWORD", "SECRET", "KEY"))]
    for name, text in places.items():
        assert not [s for s in [*secrets, CANARY] if s in text], name


# --- the other kinds of DAG -------------------------------------------------------------------------


def test_scheduled_run_hands_its_interval_to_every_stage(stack: Stack) -> None:
    """Unpaused, without catchup: the scheduler makes the latest run by itself."""
    run = stack.until("the scheduled run", lambda: [r for r in stack.runs("nightly") if r["run_type"] == "scheduled"])[
        0
    ]
    states = stack.wait("nightly", run["dag_run_id"])
    for task in ("collect", "store", "report"):
        log = stack.log_text("nightly", run["dag_run_id"], task)
        assert re.search(r"--interval-start 20\S+ --interval-end 20\S+", log) and "--run-id" not in log
    assert states["normalize[0]"] == "success"
    assert stack.table("nightly").startswith("6 ")


def test_monthly_job_runs_its_stages_with_its_own_interval(stack: Stack) -> None:
    start, end = "2026-02-01T03:00:00Z", "2026-03-01T03:00:00Z"
    stack.wait("nightly", stack.trigger("nightly"))
    run = stack.trigger("nightly.audit", logical_date=start, data_interval_start=start, data_interval_end=end)
    states = stack.wait("nightly.audit", run)
    assert states == {"check": "success", "export": "success", "report": "success"}
    log = stack.log_text("nightly.audit", run, "export")
    assert f"--interval-start {start[:-1]}+00:00 --interval-end {end[:-1]}+00:00" in log
    folder = stack.home / "nightly" / "jobs" / "audit"
    assert f"Command: cd {folder} && " in log
    assert (folder / "all-2026-02.csv").read_text().splitlines()[0] == "id,placed,total,country"


def test_run_by_rest_with_interval_gets_exactly_that_one(stack: Stack) -> None:
    start, end = "2026-02-03T01:00:00Z", "2026-02-04T01:00:00Z"
    run = stack.trigger("nightly", logical_date=start, data_interval_start=start, data_interval_end=end)
    stack.wait("nightly", run)
    log = stack.log_text("nightly", run, "collect")
    assert "--interval-start 2026-02-03T01:00:00+00:00 --interval-end 2026-02-04T01:00:00+00:00" in log


def test_fused_pipeline_runs_in_one_task(stack: Stack) -> None:
    assert stack.wait("fused", stack.trigger("fused")) == {"run": "success"}
    assert stack.table("fused").startswith("6 ")


@pytest.mark.parametrize("dag", ["example_orders_bash", "example_imo_bash"])
def test_example_with_plain_bash_operator_runs(stack: Stack, dag: str) -> None:
    run = stack.trigger(dag)
    assert "failed" not in stack.wait(dag, run).values()


def test_broken_pipeline_shows_as_import_error_and_the_others_go_on(stack: Stack) -> None:
    folder = stack.pipelines / "broken"
    file = shop(stack.pipelines, "broken", "colums: {}")
    try:
        errors = stack.until("the import error", lambda: stack.call("GET", "/api/v2/importErrors")["import_errors"])
        (error,) = errors
        assert error["filename"] == "sluice_errors.py"
        assert f"{file}:" in error["stack_trace"] and '"colums"' in error["stack_trace"]
        assert stack.wait("fused", stack.trigger("fused")) == {"run": "success"}
    finally:
        shutil.rmtree(folder)
    stack.until("no import error", lambda: not stack.call("GET", "/api/v2/importErrors")["import_errors"])
