"""The DAGs as Airflow's own code sees them, without a database or a server."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib.airflow_stack import venv_python
from tests.lib.shop import write_pipeline
from tests.lib.stage import BIN, ROOT

BAG = """
import json, sys
from airflow.dag_processing.dagbag import DagBag

asked = []
sys.addaudithook(lambda event, args: asked.append(f"{event} {args}") if event in EVENTS else None)
EVENTS = {"socket.connect", "socket.getaddrinfo", "sqlite3.connect"}
bag = DagBag(sys.argv[1])
dags = {
    d.dag_id: {
        "schedule": repr(d.timetable),
        "catchup": d.catchup,
        "runs": d.max_active_runs,
        "doc": d.doc_md,
        "start": d.start_date.isoformat(),
        "params": dict(d.params),
        "tasks": {
            t.task_id: {
                "rule": t.trigger_rule.value,
                "teardown": t.is_teardown,
                "queue": t.queue,
                "retries": t.retries,
                "upstream": sorted(t.upstream_task_ids),
                "mapped": t.is_mapped,
                "kind": t.task_type,
                "pool": t.pool,
                "delay": t.retry_delay.total_seconds(),
                "outlets": [a.uri for a in t.outlets],
            }
            for t in d.tasks
        },
    }
    for d in bag.dags.values()
}
print(json.dumps({"dags": dags, "errors": bag.import_errors, "asked": asked}))
"""


def load(pipelines: Path, dags: Path = ROOT / "dags", **env: str) -> dict[str, Any]:
    path = f"{BIN}:{os.environ['PATH']}"
    return venv_python(BAG, str(dags), env={"SLUICE_PIPELINES": str(pipelines), "PATH": path} | env)


@pytest.fixture(scope="module")
def bag() -> dict[str, Any]:
    return load(ROOT / "pipelines")


def test_every_pipeline_has_a_dag_and_nothing_fails_to_import(bag: dict[str, Any]) -> None:
    assert bag["errors"] == {}
    folders = {p.parent.name for p in (ROOT / "pipelines").glob("*/pipeline.yaml")}
    assert set(bag["dags"]) == folders | {"imo.conformite", "example_orders_bash", "example_imo_bash"}


def test_parsing_opens_no_network_and_no_database(bag: dict[str, Any]) -> None:
    assert bag["asked"] == []


def test_tasks_are_the_stages_in_order_on_the_native_queue(bag: dict[str, Any]) -> None:
    tasks = bag["dags"]["orders"]["tasks"]
    assert {n: t["upstream"] for n, t in tasks.items()} == {
        "collect": [],
        "normalize": ["collect"],
        "store": ["normalize"],
        "aggregate": ["store"],
        "report": ["aggregate", "normalize"],
    }
    assert {t["queue"] for t in tasks.values()} == {"native"}
    assert {t["retries"] for t in tasks.values()} == {2}
    assert [n for n, t in tasks.items() if t["mapped"]] == ["normalize"]


def test_sources_are_collected_and_normalized_beside_each_other_and_all_else_waits(bag: dict[str, Any]) -> None:
    tasks = bag["dags"]["imo"]["tasks"]
    assert {n: t["upstream"] for n, t in tasks.items()} == {
        "collect.fichiers": [],
        "collect.site": [],
        "normalize.fichiers": ["collect.fichiers"],
        "normalize.site": ["collect.site"],
        "store": ["normalize.fichiers", "normalize.site"],
        "sources": ["normalize.fichiers", "normalize.site"],
        "aggregate": ["store"],
        "publish": ["aggregate"],
        "report": ["normalize.fichiers", "normalize.site", "publish"],
    }
    assert {n for n, t in tasks.items() if t["mapped"]} == {"normalize.fichiers", "normalize.site"}
    assert {t["rule"] for n, t in tasks.items() if n.startswith(("collect", "normalize"))} == {"all_success"}
    assert tasks["sources"]["rule"] == "none_failed" and tasks["sources"]["kind"] == "EmptyOperator"
    assert tasks["store"]["rule"] == "all_done", "a source that failed holds no other one's rows back"
    assert bag["dags"]["orders"]["tasks"]["store"]["rule"] == "none_failed_min_one_success"


def test_new_source_in_the_file_is_a_new_pair_of_tasks(tmp_path: Path) -> None:
    file = write_pipeline(tmp_path / "shop")
    more = '  {}: {{kind: file, path: "more/*.csv", codec: csv}}\n'
    file.write_text(file.read_text().replace("sources:\n", "sources:\n" + more.format("till") + more.format("web")))
    tasks = load(tmp_path)["dags"]["shop"]["tasks"]
    assert tasks["store"]["upstream"] == ["normalize.drop", "normalize.till", "normalize.web"]
    assert [tasks[f"normalize.{s}"]["upstream"] for s in ("drop", "web")] == [["collect.drop"], ["collect.web"]]


def test_report_runs_whatever_happened_and_decides_nothing(bag: dict[str, Any]) -> None:
    for dag in ("orders", "imo", "example_orders_bash"):
        report = bag["dags"][dag]["tasks"]["report"]
        assert report["teardown"] and "all_done" in report["rule"]
        assert bag["dags"][dag]["tasks"]["aggregate"]["rule"] == "none_failed"
    publish = bag["dags"]["imo"]["tasks"]["publish"]
    assert (publish["upstream"], publish["rule"]) == (["aggregate"], "all_success")


def test_schedule_is_an_explicit_interval(bag: dict[str, Any]) -> None:
    for dag in ("orders", "example_orders_bash"):
        assert bag["dags"][dag]["schedule"].startswith("CronDataIntervalTimetable"), bag["dags"][dag]["schedule"]
    orders = bag["dags"]["orders"]
    assert (orders["catchup"], orders["runs"], orders["start"]) == (False, 1, "2025-12-31T23:00:00+00:00")
    assert "CSV drop" in orders["doc"] and "pipeline.yaml" in orders["doc"]
    assert "Interval" not in bag["dags"]["imo"]["schedule"]


def test_fused_pipeline_is_one_task(tmp_path: Path) -> None:
    write_pipeline(tmp_path / "small", extra="fuse: true")
    found = load(tmp_path)["dags"]["shop"]["tasks"]
    assert list(found) == ["run"]


def test_retries_and_pool_are_those_of_the_file(tmp_path: Path) -> None:
    write_pipeline(tmp_path / "shop", extra="schedule: {retries: 5, retry_delay: 2m, pool: slow}")
    tasks = load(tmp_path)["dags"]["shop"]["tasks"].values()
    assert {(t["retries"], t["delay"], t["pool"]) for t in tasks} == {(5, 120.0, "slow")}


def test_pipeline_begins_after_the_tables_of_another(tmp_path: Path) -> None:
    write_pipeline(tmp_path / "shop")
    other = write_pipeline(tmp_path / "next", extra="schedule: {after: [shop]}")
    other.write_text(other.read_text().replace("pipeline: shop", "pipeline: next"))
    dags = load(tmp_path)["dags"]
    assert dags["shop"]["tasks"]["store"]["outlets"] == ["x-sluice://shop"]
    assert [n for n, t in dags["shop"]["tasks"].items() if t["outlets"]] == ["store"]
    assert "AssetTriggeredTimetable" in dags["next"]["schedule"]


def test_models_are_made_before_others_begin(bag: dict[str, Any]) -> None:
    assert [n for n, t in bag["dags"]["orders"]["tasks"].items() if t["outlets"]] == ["aggregate"]


def test_run_by_hand_is_asked_for_typed_words(bag: dict[str, Any]) -> None:
    assert bag["dags"]["orders"]["params"] == {
        "again": False,
        "rules": "new",
        "interval_start": None,
        "interval_end": None,
    }


def test_job_has_a_dag_of_its_own_that_renews_no_table(bag: dict[str, Any]) -> None:
    job = bag["dags"]["imo.conformite"]
    assert job["schedule"].startswith("CronDataIntervalTimetable") and "conservation" in job["doc"]
    assert {n: t["upstream"] for n, t in job["tasks"].items()} == {"export": [], "report": ["export"]}
    assert job["tasks"]["report"]["teardown"]
    assert not any(t["outlets"] for t in job["tasks"].values())
    assert job["params"] == {"interval_start": None, "interval_end": None}


def test_with_an_image_the_same_tasks_run_in_containers(tmp_path: Path) -> None:
    write_pipeline(tmp_path / "shop")
    found = load(tmp_path, SLUICE_IMAGE="sluice:1")
    assert found["errors"] == {}
    tasks = found["dags"]["shop"]["tasks"]
    assert {t["kind"] for t in tasks.values()} == {"SluiceDockerOperator"}
    assert tasks["normalize"]["mapped"] and tasks["report"]["teardown"]


FUTURE = """
import json
from dataclasses import replace
from pathlib import Path
import sluice_pipelines
from sluice.plan import Stage, load

plan = load(Path(sluice_pipelines.PIPELINES) / "orders" / "pipeline.yaml")
more = Stage("publish", ("sluice-publish", "--pipeline", "orders"), False, ("documents",))
dag = sluice_pipelines.build(replace(plan, stages=(*plan.stages[:-1], more, plan.stages[-1])))
print(json.dumps({t.task_id: [sorted(t.upstream_task_ids), t.is_teardown] for t in dag.tasks}))
"""


def test_stage_that_a_plan_adds_becomes_a_task_before_the_report() -> None:
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "SLUICE_PIPELINES": str(ROOT / "pipelines")}
    tasks = venv_python(FUTURE, env=env)
    assert tasks["publish"] == [["aggregate"], False] and tasks["report"] == [["normalize", "publish"], True]


def test_a_pipeline_costs_little_to_parse_again(tmp_path: Path) -> None:
    """On top of Airflow's own import, with plans that are kept."""
    for i in range(40):
        file = write_pipeline(tmp_path / f"p{i}")
        file.write_text(file.read_text().replace("pipeline: shop", f"pipeline: p{i}"))
    code = """
import json, sys, time
import sluice_pipelines as made
from sluice.plan import load_all
times = []
for _ in range(4):
    begin = time.process_time()
    for plan in load_all(made.PIPELINES)[0].values():
        made.build(plan)
    times.append((time.process_time() - begin) / 40)
print(json.dumps(min(times)))
"""
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "SLUICE_PIPELINES": str(tmp_path)}
    assert venv_python(code, env=env) < 0.020


def test_broken_pipeline_is_one_import_error_and_all_others_load(tmp_path: Path) -> None:
    for name in ("imo", "orders"):
        shutil.copytree(ROOT / "pipelines" / name, tmp_path / name)
    file = write_pipeline(tmp_path / "bad", extra="colums: {}")
    found = load(tmp_path)
    assert {"imo", "orders"} <= set(found["dags"]) and "shop" not in found["dags"]
    ((where, text),) = found["errors"].items()
    assert Path(where).name == "sluice_errors.py"
    assert f"{file}:" in text and "error[E" in text and '"colums"' in text


def test_examples_are_short_and_use_bash_operator_alone(bag: dict[str, Any]) -> None:
    for name in ("example_orders_bash", "example_imo_bash"):
        assert len((ROOT / "dags" / f"{name}.py").read_text().splitlines()) <= 60
        assert {t["kind"] for t in bag["dags"][name]["tasks"].values()} == {"BashOperator"}


def test_worker_builds_only_the_dag_of_its_task() -> None:
    task = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "imo", "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "store"}
    assert set(load(ROOT / "pipelines", ROOT / "dags" / "sluice_pipelines.py", **task)["dags"]) == {"imo"}


# --- intervals --------------------------------------------------------------------------------------

INTERVALS = """
import json, sys
from datetime import datetime, timedelta
from types import SimpleNamespace
from airflow.timetables.interval import CronDataIntervalTimetable
import pendulum
from sluice import intervals

def shown(i):
    return i and [t.isoformat() for t in i]

out = []
for cron, zone, at in json.loads(sys.argv[1]):
    table = CronDataIntervalTimetable(cron, zone)
    moment = pendulum.parse(at)
    manual = table.infer_manual_data_interval(run_after=moment)
    run = SimpleNamespace(run_id="manual__1", run_type="manual", logical_date=moment, run_after=pendulum.now(),
                          data_interval_start=manual.start, data_interval_end=manual.end)
    around = intervals.scheduled(table, moment - timedelta(days=2), moment + timedelta(days=2))
    out.append({"airflow": shown((manual.start, manual.end)), "ours": shown(intervals.settle(run, table)),
                "words": intervals.words(run, table), "scheduled": [shown(i) for i in around]})
print(json.dumps(out))
"""


def settle(*cases: list[str]) -> list[dict[str, Any]]:
    return venv_python(INTERVALS, json.dumps(cases))


def test_run_made_by_hand_has_the_last_whole_interval() -> None:
    (found,) = settle(["0 2 * * *", "UTC", "2026-03-04T10:00:00Z"])
    assert found["ours"] == found["airflow"] == ["2026-03-03T02:00:00+00:00", "2026-03-04T02:00:00+00:00"]
    assert found["words"] == ["--interval-start", found["ours"][0], "--interval-end", found["ours"][1]]


def test_field_case_a05_clock_changes_make_no_empty_or_future_interval(shared: Path) -> None:
    case = json.loads((shared / "cases" / "inputs" / "a05.json").read_text())
    cases = [[case["cron"], case["timezone"], case["manual_run_at"]], *case["more"]]
    found = settle(*cases)
    assert found[0]["ours"] == ["2025-03-08T07:15:00+00:00", "2025-03-09T07:15:00+00:00"]
    for (_, _, at), one in zip(cases, found, strict=True):
        start, end = one["ours"]
        assert start < end <= at.replace("Z", "+00:00")
        ends = [e for _, e in one["scheduled"]]
        assert [s for s, _ in one["scheduled"]][1:] == ends[:-1], "a gap or an overlap"
        assert all(s < e for s, e in one["scheduled"])
    assert any(o["airflow"][0] == o["airflow"][1] for o in found), "Airflow mended this: intervals.py can be shorter"


def test_field_case_a01_schedule_gets_an_interval_with_length(shared: Path) -> None:
    case = json.loads((shared / "cases" / "inputs" / "a01.json").read_text())
    (found,) = settle([case["schedule"], "UTC", "2025-05-06T06:20:00Z"])
    assert found["ours"] == ["2025-05-06T06:00:00+00:00", "2025-05-06T06:20:00+00:00"]
    assert found["ours"] in found["scheduled"]


def test_interval_that_a_person_gives_goes_first_and_half_of_one_is_refused() -> None:
    code = """
import json
from types import SimpleNamespace
from sluice import intervals
run = SimpleNamespace(run_id="manual__1", run_type="manual", logical_date=None, data_interval_start=None,
                      data_interval_end=None)
given = {"interval_start": "2026-02-03T00:00:00Z", "interval_end": "2026-02-04T00:00:00+01:00"}
try:
    half = intervals.words(run, None, {"interval_start": given["interval_start"], "interval_end": None})
except ValueError as e:
    half = str(e)
print(json.dumps([intervals.words(run, None, given), half, intervals.words(run, None, {"interval_start": None})]))
"""
    given, half, none = venv_python(code)
    assert given == ["--interval-start", "2026-02-03T00:00:00+00:00", "--interval-end", "2026-02-04T00:00:00+01:00"]
    assert "together" in half and none == ["--run-id", "manual__1"]


def test_field_case_a02_run_without_interval_works_by_its_id(shared: Path) -> None:
    case = json.loads((shared / "cases" / "inputs" / "a02.json").read_text())
    code = """
import json, sys
from types import SimpleNamespace
from airflow.timetables.interval import CronDataIntervalTimetable
from sluice import intervals
run = SimpleNamespace(**json.loads(sys.argv[1]))
print(json.dumps([intervals.words(run, t) for t in (None, CronDataIntervalTimetable("0 2 * * *", "UTC"))]))
"""
    wanted = ["--run-id", case["dag_run"]["run_id"]]
    assert venv_python(code, json.dumps(case["dag_run"])) == [wanted, wanted]


# --- the operator -----------------------------------------------------------------------------------


def test_retry_waits_as_long_as_the_stage_asked() -> None:
    code = """
import json
from sluice.operators import RetryWhenTold, StageFailed
policy = RetryWhenTold()
told = policy.evaluate(exception=StageFailed("x", 7.5), try_number=1, max_tries=2, context=None)
plain = policy.evaluate(exception=StageFailed("x"), try_number=1, max_tries=2, context=None)
print(json.dumps([told.action.value, told.retry_delay.total_seconds(), plain.action.value]))
"""
    assert venv_python(code) == ["retry", 7.5, "default"]


def test_dashboard_has_a_button_only_where_there_is_one_and_its_words_are_quoted() -> None:
    code = """
import json, os
from types import SimpleNamespace as N
from sluice.links import DashboardLink, links
from sluice.operators import SluiceBashOperator
task = SluiceBashOperator(task_id="store", argv=["sluice-store"])
task.told = {"pipeline": "orders", "stage": "store", "run": "manual__2026 1+2"}
key = N(dag_id="orders", task_id="store", run_id="a&b", try_number=2, map_index=-1)
without = [link.name for link in task.operator_extra_links]
os.environ["SLUICE_DASHBOARD_URL"] = "http://g/d/x?run={run}&p={pipeline}&t={task_id}.{try_number}&a={dag_run_id}&x={y}"
print(json.dumps([without, [link.name for link in links()], DashboardLink().get_link(task, ti_key=key)]))
"""
    assert venv_python(code) == [
        ["Run"],
        ["Run", "Dashboard"],
        "http://g/d/x?run=manual__2026%201%2B2&p=orders&t=store.2&a=a%26b&x={y}",
    ]


def test_stage_is_told_only_what_it_takes() -> None:
    code = """
import json
from types import SimpleNamespace as N
from airflow.sdk import CronDataIntervalTimetable
from sluice.operators import SluiceBashOperator
run = N(run_id="r", run_type="manual", logical_date=None, data_interval_start=None, data_interval_end=None)
given = {"interval_start": "2026-02-03T00:00:00Z", "interval_end": "2026-02-04T00:00:00Z"}
out = []
for takes in (["interval", "run-id"], ["interval"], []):
    task = SluiceBashOperator(task_id="x", argv=["sluice-x"], takes=takes)
    for params in ({}, given):
        context = {"dag": N(timetable=CronDataIntervalTimetable("0 4 * * *", timezone="UTC")), "dag_run": run,
                   "params": params}
        out.append([word for word in task.whole_argv(context)[1:] if word.startswith("--")])
print(json.dumps(out))
"""
    interval = ["--interval-start", "--interval-end"]
    assert venv_python(code) == [["--run-id"], interval, [], interval, [], []]


def test_word_about_rules_reaches_store_and_keeps_collect_from_skipping() -> None:
    code = """
import json
from types import SimpleNamespace as N
from airflow.sdk.exceptions import AirflowSkipException
from sluice.operators import SluiceBashOperator
run = N(run_id="r", run_type="manual", logical_date=None, data_interval_start=None, data_interval_end=None)
pushed = {}
ti = N(xcom_push=lambda key, value: pushed.update({key: value["exit"]}))
argvs = [["sluice-collect", "-p", "x"], ["sluice-normalize", "-p", "x"], ["sluice-store", "-p", "x"], ["sluice", "run"]]
out = []
for rules in ("new", "all"):
    from airflow.sdk import CronDataIntervalTimetable
    context = {"dag": N(timetable=CronDataIntervalTimetable("0 4 * * *", timezone="UTC")), "dag_run": run, "ti": ti,
               "params": {"rules": rules}}
    tasks = [SluiceBashOperator(task_id=f"t{i}", argv=a, splits=i == 0) for i, a in enumerate(argvs)]
    out.append([" ".join(t.whole_argv(context)) for t in tasks])
    try:
        out.append(tasks[0].conclude(context, 99, {"exit": 99}))
    except AirflowSkipException as e:
        out.append("skipped")
print(json.dumps([*out, pushed]))
"""
    new, skipped, everything, goes_on, pushed = venv_python(code)
    assert [line.split()[-1] for line in new] == ["r"] * 4 and not any("--replay" in line for line in new)
    assert ["--replay" in line for line in everything] == [False, False, True, True]
    assert everything[3] == "sluice run --replay"
    assert (skipped, goes_on, pushed) == ("skipped", ["1/1"], {"result": 99})


GREEDY = """
import json, logging, os, sys
from datetime import datetime, timezone
from types import SimpleNamespace as N
from airflow.sdk import DAG
from sluice import memory
from sluice.operators import SluiceBashOperator

seen = []

class Kept(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.ERROR:
            seen.append(record.getMessage())

class Probe(SluiceBashOperator):
    log = logging.getLogger("probe")

Probe.log.addHandler(Kept())
dag = DAG("probe", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc))
for argv in json.loads(sys.argv[1]):
    ti = N(dag_id="probe", run_id="r", task_id="x", map_index=-1, try_number=1, xcom_push=None)
    run = N(run_id="r", run_type="manual", logical_date=None, data_interval_start=None, data_interval_end=None,
            run_after=None, conf={})
    task = Probe(task_id=f"t{len(dag.tasks)}", dag=dag, argv=argv, takes=[])
    try:
        task.execute({"dag": dag, "dag_run": run, "ti": ti, "task_instance": ti, "task": task, "params": {}})
    except Exception as e:
        seen.append(str(e))
    memory.kills = lambda: 1  # from now on, the kernel kills nobody
print(json.dumps(seen))
"""


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 24 MiB."""
    version_1 = Path("/sys/fs/cgroup/memory")
    root, limit = (version_1, "memory.limit_in_bytes") if version_1.is_dir() else (Path("/sys/fs/cgroup"), "memory.max")
    group = root / f"sluice-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(24 << 20))
    except OSError as e:
        pytest.skip(f"skipped: this machine gives no right to limit memory: {e}")
    yield group
    group.rmdir()


def test_stage_that_the_kernel_killed_for_memory_is_told_so_and_no_other_one(small_group: Path) -> None:
    into = f"echo $$ >{small_group}/cgroup.procs;"
    argvs = [["bash", "-c", f"{into} exec tail /dev/zero"], ["bash", "-c", "kill -KILL $$"]]
    told, *ended = venv_python(GREEDY, json.dumps(argvs))
    assert re.fullmatch(r"out of memory: the kernel killed it, peak at most \d+ MiB of \d+ MiB", told)
    assert ended == ["exit code 137 (cancelled): stopped by a signal"] * 2


def test_refusal_without_a_result_names_the_exit_code() -> None:
    code = """
import json
from sluice.operators import _refusal
print(json.dumps([[type(e).__name__, str(e)] for e in
    (_refusal(78, None), _refusal(0, None), _refusal(137, None), _refusal(65, {"error": "too many", "hint": "mend"}))]))
"""
    assert venv_python(code) == [
        ["AirflowFailException", "exit code 78 (config): the pipeline file or a setting is wrong"],
        ["AirflowFailException", "exit code 0, but the last line is no result: this is no stage of Sluice"],
        ["StageFailed", "exit code 137 (cancelled): stopped by a signal"],
        ["AirflowFailException", "exit code 65 (data): too many (mend)"],
    ]
