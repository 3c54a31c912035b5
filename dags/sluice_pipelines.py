"""One Airflow DAG per pipeline: the folder SLUICE_PIPELINES (default: pipelines/ beside dags/) is all there is to say.

    collect ─▶ normalize k/n (mapped) ─▶ store ─▶ aggregate ─▶ report

With several sources, collect and normalize are groups with a task for each: sources do not wait for one another, and
store waits for them all.
SLUICE_BACKEND picks the pipelines' backend, SLUICE_IMAGE runs the stages in containers, SLUICE_RETRY_DELAY_S goes
before the files' retry_delay. A pipeline whose file is wrong has no DAG: sluice_errors.py shows why, as an import
error of its own, and all others load.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param, TaskGroup, TriggerRule, get_parsing_context

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


def rule(stage: Stage, before: list[Any]) -> TriggerRule:
    """store waits for all sources and works when one of them brought something. What follows it runs also when
    nothing was collected, since a model may be new."""
    if stage.name == "store":
        return TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    if any(task.task_id == "store" for task in before):
        return TriggerRule.NONE_FAILED
    return TriggerRule.ALL_SUCCESS


def add_task(plan: Plan, stage: Stage, before: list[Any]) -> Any:
    """A stage behind the tasks that it waits for."""
    make, settings = operator()
    settings |= {
        "task_id": stage.source or stage.name,
        "argv": list(stage.argv),
        "connections": list(stage.connections),
        "queue": plan.queue,
        "retries": stage.retries,
        "trigger_rule": rule(stage, before),
        "outlets": [asset(plan.pipeline)] if stage.name == last_to_write(plan) else [],
    }
    if plan.tasks.pool:
        settings["pool"] = plan.tasks.pool
    if stage.mapped:
        (collect,) = before
        task = make.partial(map_index_template="{{ task.partition }}", **settings).expand(partition=collect.output)
    else:
        task = make(splits=stage.name == "collect", **settings)
    before >> task
    return task.as_teardown() if stage.name == "report" else task


def add_step(plan: Plan, stages: list[Stage], before: dict[str | None, Any]) -> dict[str | None, Any]:
    """A step's tasks by source, in a group of its name where there are several; each waits for its own source's,
    where the step before has such, else for all."""
    with TaskGroup(stages[0].name) if stages[0].source else nullcontext():
        return {
            stage.source: add_task(
                plan, stage, [before[stage.source]] if stage.source in before else list(before.values())
            )
            for stage in stages
        }


def add_steps(plan: Plan) -> None:
    """report comes last whatever happened, also when one source failed and another is still at work; as a teardown it
    neither hides a failure of the run nor makes one."""
    before: dict[str | None, Any] = {}
    normalized: dict[str | None, Any] = {}
    for name, stages in groupby(plan.stages, key=lambda stage: stage.name):
        before = add_step(plan, list(stages), before)
        if name == "normalize":
            normalized = before
    if None in before and before[None].is_teardown:
        list(normalized.values()) >> before[None]


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
            "retry_delay": timedelta(seconds=float(os.environ.get("SLUICE_RETRY_DELAY_S") or plan.tasks.retry_delay_s)),
        },
        tags=["sluice", plan.backend],
    ) as dag:
        add_steps(plan)
    return dag


# A worker that runs one task needs that task's DAG alone.
wanted = get_parsing_context().dag_id
for name, plan in load_all(PIPELINES)[0].items():
    if wanted in (None, name):
        globals()[f"dag_{name}"] = build(plan)
