"""One Airflow DAG per pipeline: the folder SLUICE_PIPELINES (default: pipelines/ beside dags/) is all there is to say.

    collect ─▶ normalize k/n (mapped) ─▶ store ─▶ aggregate ─▶ report

SLUICE_BACKEND picks the pipelines' backend; SLUICE_RETRY_DELAY_S is the pause before a retry (30). A pipeline whose
file is wrong has no DAG: sluice_errors.py shows why, as an import error of its own, and all others load.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronDataIntervalTimetable, TriggerRule, get_parsing_context

from sluice.operators import SluiceBashOperator
from sluice.plan import Plan, Schedule, Stage, load_all

PIPELINES = Path(os.environ.get("SLUICE_PIPELINES") or Path(__file__).resolve().parents[1] / "pipelines")
START = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))


def timetable(schedule: Schedule | None) -> CronDataIntervalTimetable | None:
    """Explicit: a bare cron text would give each run an interval without length."""
    return schedule and CronDataIntervalTimetable(schedule.cron, timezone=schedule.timezone)


def start_date(schedule: Schedule | None) -> datetime:
    if schedule is None or schedule.start is None:
        return START
    start = datetime.fromisoformat(schedule.start)
    return start if start.tzinfo else start.replace(tzinfo=ZoneInfo(schedule.timezone))


def document(plan: Plan) -> str:
    return (
        f"{plan.description}\n\n- file: `{plan.file}`\n- sources: {', '.join(plan.sources)}\n- backend: {plan.backend}"
    )


def add_stage(plan: Plan, stage: Stage, before: SluiceBashOperator | None) -> SluiceBashOperator:
    """A task behind the one before. report comes last whatever happened; as a teardown it neither hides a
    failure of the run nor makes one. aggregate runs also when nothing was collected: a model may be new."""
    settings = {
        "task_id": stage.name,
        "argv": list(stage.argv),
        "connections": list(stage.connections),
        "env": {"SLUICE_PIPELINES": str(PIPELINES)},
        "queue": plan.queue,
        "trigger_rule": TriggerRule.NONE_FAILED if stage.name == "aggregate" else TriggerRule.ALL_SUCCESS,
    }
    if stage.mapped and before is not None:
        mapped = SluiceBashOperator.partial(map_index_template="{{ task.partition }}", **settings)
        task = mapped.expand(partition=before.output)
    else:
        task = SluiceBashOperator(splits=stage.name == "collect", **settings)
    if before is not None:
        before >> task
    return task.as_teardown() if stage.name == "report" else task


def build(plan: Plan) -> DAG:
    schedule = plan.schedule
    with DAG(
        dag_id=plan.pipeline,
        description=plan.description,
        doc_md=document(plan),
        schedule=timetable(schedule),
        start_date=start_date(schedule),
        catchup=bool(schedule and schedule.catchup),
        max_active_runs=1,
        default_args={
            "owner": "sluice",
            "retries": 2,
            "retry_delay": timedelta(seconds=float(os.environ.get("SLUICE_RETRY_DELAY_S") or 30)),
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
