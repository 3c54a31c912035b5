"""One Airflow DAG per pipeline: the folder SLUICE_PIPELINES (default: pipelines/ beside dags/) is all there is to say.

    collect ─▶ normalize k/n (mapped) ─▶ store ─▶ aggregate ─▶ report

SLUICE_BACKEND picks the pipelines' backend, SLUICE_IMAGE runs the stages in containers, SLUICE_RETRY_DELAY_S goes
before the files' retry_delay. A pipeline whose file is wrong has no DAG: sluice_errors.py shows why, as an import
error of its own, and all others load.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param, TriggerRule, get_parsing_context

from sluice.operators import SluiceBashOperator
from sluice.plan import Plan, Schedule, Stage, load_all

PIPELINES = Path(os.environ.get("SLUICE_PIPELINES") or Path(__file__).resolve().parents[1] / "pipelines")
START = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))
MOMENT = {"type": ["null", "string"], "format": "date-time"}
PARAMS = {
    "again": Param(
        False, type="boolean", title="Collect again", description="read everything anew, not only what is new"
    ),
    "interval_start": Param(None, **MOMENT, title="From", description="instead of the run's own interval, inclusive"),
    "interval_end": Param(None, **MOMENT, title="Until", description="exclusive; both or neither"),
}


def asset(pipeline: str) -> Asset:
    """What a pipeline's tables are to others, which may begin after them."""
    return Asset(name=f"sluice_{pipeline}", uri=f"x-sluice://{pipeline}")


def timetable(plan: Plan) -> CronDataIntervalTimetable | list[Asset] | None:
    """Explicit: a bare cron text would give each run an interval without length."""
    if plan.schedule is None:
        return [asset(name) for name in plan.after] or None
    return CronDataIntervalTimetable(plan.schedule.cron, timezone=plan.schedule.timezone)


def start_date(schedule: Schedule | None) -> datetime:
    if schedule is None or schedule.start is None:
        return START
    start = datetime.fromisoformat(schedule.start)
    return start if start.tzinfo else start.replace(tzinfo=ZoneInfo(schedule.timezone))


def document(plan: Plan) -> str:
    return (
        f"{plan.description}\n\n- file: `{plan.file}`\n- sources: {', '.join(plan.sources)}\n- backend: {plan.backend}"
    )


def operator() -> tuple[type[Any], dict[str, Any]]:
    """A process of the worker; with SLUICE_IMAGE a container, whose library is imported then only."""
    if image := os.environ.get("SLUICE_IMAGE"):
        from sluice.container import SluiceDockerOperator

        return SluiceDockerOperator, {"image": image}
    return SluiceBashOperator, {"env": {"SLUICE_PIPELINES": str(PIPELINES)}}


def last_to_write(plan: Plan) -> str:
    """The stage after which the pipeline's tables are new for others."""
    names = [stage.name for stage in plan.stages if stage.name in ("run", "store", "aggregate")]
    return names[-1]


def add_stage(plan: Plan, stage: Stage, before: Any) -> Any:
    """A task behind the one before. report comes last whatever happened; as a teardown it neither hides a
    failure of the run nor makes one. What follows store runs also when nothing was collected: a model may be new."""
    make, settings = operator()
    settings |= {
        "task_id": stage.name,
        "argv": list(stage.argv),
        "connections": list(stage.connections),
        "queue": plan.queue,
        "trigger_rule": TriggerRule.NONE_FAILED if before and before.task_id == "store" else TriggerRule.ALL_SUCCESS,
        "outlets": [asset(plan.pipeline)] if stage.name == last_to_write(plan) else [],
    }
    if plan.tasks.pool:
        settings["pool"] = plan.tasks.pool
    if stage.mapped and before is not None:
        task = make.partial(map_index_template="{{ task.partition }}", **settings).expand(partition=before.output)
    else:
        task = make(splits=stage.name == "collect", **settings)
    if before is not None:
        before >> task
    return task.as_teardown() if stage.name == "report" else task


def build(plan: Plan) -> DAG:
    schedule = plan.schedule
    with DAG(
        dag_id=plan.pipeline,
        description=plan.description,
        doc_md=document(plan),
        schedule=timetable(plan),
        start_date=start_date(schedule),
        catchup=bool(schedule and schedule.catchup),
        max_active_runs=1,
        params=PARAMS,
        default_args={
            "owner": "sluice",
            "retries": plan.tasks.retries,
            "retry_delay": timedelta(seconds=float(os.environ.get("SLUICE_RETRY_DELAY_S") or plan.tasks.retry_delay_s)),
        },
        tags=["sluice", plan.backend],
    ) as dag:
        task = None
        for stage in plan.stages:
            task = add_stage(plan, stage, task)
    return dag


# A worker that runs one task needs that task's DAG alone.
wanted = get_parsing_context().dag_id
for name, plan in load_all(PIPELINES)[0].items():
    if wanted in (None, name):
        globals()[f"dag_{name}"] = build(plan)
