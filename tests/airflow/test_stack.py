"""Real runs on the real stack: triggered, cleared, killed and failing, the tables stay what they should be.

One stack for all tests. Each test has pipelines of its own, so their order does not matter.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from urllib.parse import quote

import pytest

from tests.lib.airflow_place import ROWS, by_hand, shop
from tests.lib.airflow_stack import DONE, Stack
from tests.lib.browser import browser, click_trigger
from tests.lib.processes import command_lines, is_gone, kill
from tests.lib.stage import ROOT

PICTURES = ROOT / "build" / "airflow-pictures"


@pytest.fixture(scope="session")
def by_rest(stack: Stack) -> str:
    run = stack.trigger("by_rest")
    states = stack.wait("by_rest", run)
    assert set(states.values()) == {"success"}
    return run


@pytest.fixture(scope="session")
def by_cli(stack: Stack) -> str:
    stack.script("cli", "dags", "trigger", "by_cli")
    (run,) = stack.runs("by_cli")
    stack.wait("by_cli", run["dag_run_id"])
    return str(run["dag_run_id"])


def chunks(log: str) -> str:
    """What normalize says that it works on."""
    found = re.search(r"normalizing (partition=\S+ chunks=\d+ parts=\d+ ids=[0-9a-f,]+)", log)
    assert found, log[-3000:]
    return found[1]


# --- triggering -------------------------------------------------------------------------------------


def secrets(stack: Stack) -> list[str]:
    return [v for k, v in stack.settings.items() if k.endswith(("PASSWORD", "SECRET", "KEY"))]


@pytest.fixture(scope="session")
def by_ui(stack: Stack) -> tuple[str, str]:
    """A run begun by a click in the web UI, and the command lines that could be seen meanwhile."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    with browser(f"http://127.0.0.1:{stack.settings['API_PORT']}") as page:
        page.log_in("admin", stack.settings["ADMIN_PASSWORD"])
        click_trigger(page, "by_ui")
        (found,) = stack.until("the run of the click", lambda: stack.runs("by_ui"))
        run = str(found["dag_run_id"])
        deadline = time.monotonic() + 120
        while stack.state("by_ui", run) not in DONE and time.monotonic() < deadline:
            seen.update(command_lines().splitlines())
        stack.wait("by_ui", run)
        page.open(f"/dags/by_ui/runs/{run}/tasks/store")
        page.until("the log's result line", lambda: '"stage":"store"' in page.text())
        page.picture(str(PICTURES / "store.png"))
        page.open(links(stack, "by_ui", run, "store")["Run"].removeprefix(page.base))
        page.until("the report's lines", lambda: "executed stage=normalize" in page.text())
        page.open("/dags/by_ui")
        page.find("//*[contains(text(), 'normalize')]")
        page.picture(str(PICTURES / "dag.png"))
    return run, "\n".join(seen)


def test_run_begun_in_the_web_ui_gives_the_same_table(stack: Stack, by_ui: tuple[str, str], wanted: str) -> None:
    assert stack.table("by_ui") == wanted
    assert all((PICTURES / name).stat().st_size > 10_000 for name in ("dag.png", "store.png"))


def test_secrets_are_nowhere_but_in_airflow_and_in_the_child(stack: Stack, by_ui: tuple[str, str]) -> None:
    """Command lines, logs of tasks and servers, rendered fields, XCom, the ledger, files of HOME."""
    run, lines = by_ui
    assert "sluice-store" in lines, "no stage was seen at work"
    places = {"argv": lines, "ledger": stack.psql("select string_agg(r::text, ' ') from sluice.stage_run r")}
    for task in ("collect", "store", "report"):
        path = f"/api/v2/dags/by_ui/dagRuns/{run}/taskInstances/{task}"
        places[f"fields {task}"] = str(stack.call("GET", path))
        places[f"xcom {task}"] = str(stack.call("GET", f"{path}/xcomEntries")) + str(stack.xcom("by_ui", run, task))
    for folder in (stack.dir / "logs", stack.home / "by_ui"):
        for file in folder.rglob("*"):
            if file.is_file() and file.stat().st_size < 4 << 20:
                places[str(file)] = file.read_text(errors="replace")
    assert any(name.endswith("/worker.log") for name in places)
    for name, text in places.items():
        assert not [s for s in secrets(stack) if s in text], name


def test_collect_again_is_asked_for_when_triggering(stack: Stack, by_ui: tuple[str, str], wanted: str) -> None:
    run = stack.trigger("by_ui", conf={"again": True})
    states = stack.wait("by_ui", run)
    assert states["collect"] == states["store"] == "success"
    assert "--again" in stack.log_text("by_ui", run, "collect")
    assert "--again" not in stack.log_text("by_ui", run, "store")
    assert stack.table("by_ui") == wanted


def test_up_again_starts_nothing_and_tells_no_password(stack: Stack) -> None:
    pids = {p.name: p.read_text() for p in (stack.dir / "run").iterdir()}
    again = stack.script("up")
    assert stack.settings["ADMIN_PASSWORD"] not in again.stderr
    assert {p.name: p.read_text() for p in (stack.dir / "run").iterdir()} == pids
    status = stack.script("status").stdout
    assert status.count("running") == 7
    assert (stack.dir / "env").stat().st_mode & 0o777 == 0o600


def test_run_by_rest_and_run_by_cli_and_run_by_shell_give_the_same_table(
    stack: Stack, by_rest: str, by_cli: str, wanted: str
) -> None:
    assert sorted(k for k in stack.states("by_rest", by_rest) if "[" in k) == [f"normalize[{i}]" for i in range(3)]
    names = {t["rendered_map_index"] for (name, _), t in stack.tasks("by_rest", by_rest).items() if name == "normalize"}
    assert names == {"1/3", "2/3", "3/3"}
    assert set(stack.states("by_cli", by_cli)) == set(stack.states("by_rest", by_rest))
    assert stack.table("by_rest") == wanted
    assert stack.table("by_cli") == wanted


def test_results_are_xcoms(stack: Stack, by_rest: str) -> None:
    assert stack.xcom("by_rest", by_rest, "collect") == ["1/3", "2/3", "3/3"]
    assert stack.xcom("by_rest", by_rest, "collect", "result")["partitions"] == 3
    stored = stack.xcom("by_rest", by_rest, "store")
    assert (stored["stage"], stored["exit"], stored["kept"]) == ("store", 0, 3 * ROWS)


def links(stack: Stack, dag: str, run: str, task: str, index: int = -1) -> dict[str, str]:
    path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/links?map_index={index}"
    return dict(stack.call("GET", path)["extra_links"])


def test_buttons_lead_to_the_runs_report_and_to_the_dashboard(stack: Stack, by_rest: str) -> None:
    run = quote(by_rest)
    page = f"http://127.0.0.1:{stack.settings['API_PORT']}/dags/by_rest/runs/{run}/tasks/report"
    dashboard = "http://127.0.0.1:9/d/run?pipeline=by_rest&stage={}&run={}&map={}&try={}"
    assert links(stack, "by_rest", by_rest, "store") == {
        "Run": page,
        "Dashboard": dashboard.format("store", quote(by_rest, safe=""), -1, 1),
    }
    assert links(stack, "by_rest", by_rest, "normalize", 2)["Dashboard"].endswith("&map=2&try=1")
    (file,) = stack.log_files("by_rest", by_rest, "report")
    rows = [e["event"] for e in stack.events(file) if " executed stage=" in e["event"]]
    assert sorted(line.split("stage=")[1].split()[0] for line in rows) == ["collect", *["normalize"] * 3, "store"]
    ids = {line.rsplit("id=", 1)[1] for line in rows}
    told = stack.psql(f"select string_agg(id, ' ') from sluice.stage_run where dag_run_id = '{by_rest}'")
    assert ids <= set(told.split()), "each line names its row of the ledger"


def test_buttons_of_a_failed_task_are_there(stack: Stack) -> None:
    run = stack.trigger("unknown")
    stack.wait("unknown", run, "failed")
    assert links(stack, "unknown", run, "store")["Run"].endswith("/tasks/report")


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


def test_task_cleared_by_the_cli_changes_nothing(stack: Stack, by_cli: str, wanted: str) -> None:
    stack.script("cli", "tasks", "clear", "by_cli", "--task-regex", "store", "--yes")
    stack.until("store's second try", lambda: stack.tasks("by_cli", by_cli)["store", -1]["try_number"] == 2)
    stack.wait("by_cli", by_cli)
    assert stack.table("by_cli") == wanted


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


def stop_in_copy(stack: Stack, run: str) -> int:
    """Waits until the run's store copies rows, and stops it there; its pid."""
    copying = (
        "select count(*) from pg_stat_activity where application_name = 'sluice-store killed' and query ilike 'copy%'"
    )
    deadline = time.monotonic() + 60
    while not (stage := stack.stage("killed", "store")) or stack.psql(copying) == "0":
        assert time.monotonic() < deadline, stack.states("killed", run)
    os.kill(stage, signal.SIGSTOP)
    return stage


def test_worker_killed_in_the_middle_of_store_costs_a_try_and_no_row(stack: Stack, wanted: str) -> None:
    """Field case a08: the child is gone with its parent, also when it is stopped; the retry stores everything once."""
    run = stack.trigger("killed")
    stage = stop_in_copy(stack, run)
    try:
        kill(set(stack.worker_of(stage)) - {stage})
        stack.until("the stage is gone with its parent", lambda: is_gone(stage), 3)
        assert stack.psql("select count(*) from killed") == "0"
    finally:
        stack.up()
    states = stack.wait("killed", run, seconds=120)
    assert set(states.values()) == {"success"}
    assert stack.tasks("killed", run)["store", -1]["try_number"] == 2
    assert stack.table("killed") == wanted
    idle = "select count(*) from pg_stat_activity where application_name = 'sluice-store killed'"
    stack.until("no session of either try is left", lambda: stack.psql(idle) == "0", 10)


# --- failing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dag", "code", "tries"), [("refused", 65, 1), ("unreachable", 69, 3)], ids=["65", "69"])
def test_failing_store_fails_the_run_after_the_tries_that_can_help(
    stack: Stack, dag: str, code: int, tries: int
) -> None:
    run = stack.trigger(dag)
    states = stack.wait(dag, run, "failed")
    assert states["store"] == "failed" and states["collect"] == states["normalize[0]"] == "success"
    assert stack.tasks(dag, run)["store", -1]["try_number"] == tries
    assert stack.xcom(dag, run, "store")["exit"] == code
    assert f"exit code {code}" in stack.log_text(dag, run, "store")


def test_report_of_a_failed_run_runs_and_does_not_hide_it(stack: Stack) -> None:
    run = stack.trigger("refused")
    states = stack.wait("refused", run, "failed")
    assert states["report"] == "success"
    assert stack.psql("select count(*) from sluice.stage_run where pipeline = 'refused' and exit = 65") != "0"


def test_no_password_is_in_any_log_or_rendered_field(stack: Stack, by_rest: str) -> None:
    logs = list((stack.dir / "logs" / "tasks").rglob("*.log"))
    assert logs
    for file in logs:
        text = file.read_text(errors="replace")
        assert not [s for s in secrets(stack) if s in text], file
    fields = str(stack.call("GET", f"/api/v2/dags/by_rest/dagRuns/{by_rest}/taskInstances/store"))
    assert "rendered_fields" in fields and not [s for s in secrets(stack) if s in fields]


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


def test_backfill_makes_the_runs_of_its_days(stack: Stack) -> None:
    days = ["--from-date", "2026-02-10", "--to-date", "2026-02-11"]
    stack.script("cli", "backfill", "create", "--dag-id", "nightly", *days, "--reprocess-behavior", "completed")

    def made() -> list[str]:
        return [r["dag_run_id"] for r in stack.runs("nightly") if r["run_type"] == "backfill"]

    runs = stack.until("the backfill's runs", lambda: found if len(found := made()) >= 1 else None)
    for run in runs:
        stack.wait("nightly", run)
    log = stack.log_text("nightly", runs[0], "collect")
    assert "--interval-start 2026-02-10T01:00:00+00:00 --interval-end 2026-02-11T01:00:00+00:00" in log


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
