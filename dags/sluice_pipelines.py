"""One Airflow DAG per pipeline, and one per job of it: the folder SLUICE_PIPELINES (default: pipelines/ beside dags/)
is all there is to say.

    collect ─▶ normalize k/n (mapped) ─▶ store ─▶ aggregate ─▶ report

With several sources, collect and normalize are groups with a task for each: sources do not wait for one another, and
store waits for them all, but stores without those that failed; those fail the run by "sources", which executes nothing.
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

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param, TaskGroup, TriggerRule, get_parsing_context

from sluice.operators import SluiceBashOperator
from sluice.plan import Job, Plan, Schedule, Stage, load_all

PIPELINES = Path(os.environ.get("SLUICE_PIPELINES") or Path(__file__).resolve().parents[1] / "pipelines")
START = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))
MOMENT = {"type": ["null", "string"], "format": "date-time"}
PARAMS = {
    "again": Param(
        False, type="boolean", title="Collect again", description="read everything anew, not only what is new"
    ),
    "rules": Param(
        "new", enum=["new", "all"], title="Rules", description="all: also make anew what older rules made, of every run"
    ),
    "interval_start": Param(None, **MOMENT, title="From", description="instead of the run's own interval, inclusive"),
    "interval_end": Param(None, **MOMENT, title="Until", description="exclusive; both or neither"),
}


def asset(pipeline: str) -> Asset:
    """What a pipeline's tables are to others, which may begin after them."""
    return Asset(name=f"sluice_{pipeline}", uri=f"x-sluice://{pipeline}")


def timetable(work: Plan | Job) -> CronDataIntervalTimetable | list[Asset] | None:
    """Explicit: a bare cron text would give each run an interval without length."""
    if work.schedule is None:
        return [asset(name) for name in work.after] or None
    return CronDataIntervalTimetable(work.schedule.cron, timezone=work.schedule.timezone)


def start_date(schedule: Schedule | None) -> datetime:
    if schedule is None or schedule.start is None:
        return START
    start = datetime.fromisoformat(schedule.start)
    return start if start.tzinfo else start.replace(tzinfo=ZoneInfo(schedule.timezone))


def document(plan: Plan, work: Plan | Job) -> str:
    return (
        f"{work.description}\n\n- file: `{plan.file}`\n- sources: {', '.join(plan.sources)}\n- backend: {plan.backend}"
    )


def operator() -> tuple[type[Any], dict[str, Any]]:
    """A process of the worker; with SLUICE_IMAGE a container, whose library is imported then only."""
    if image := os.environ.get("SLUICE_IMAGE"):
        from sluice.container import SluiceDockerOperator

        return SluiceDockerOperator, {"image": image}
    return SluiceBashOperator, {"env": {"SLUICE_PIPELINES": str(PIPELINES)}}


def last_to_write(work: Plan | Job) -> str | None:
    """The stage after which the pipeline's tables are new for others; None: it changes none."""
    names = [stage.name for stage in work.stages if stage.name in ("run", "store", "aggregate")]
    return names[-1] if names else None


def rule(stage: Stage, before: list[Any]) -> TriggerRule:
    """store works when its source brought something; of several ones it waits for all, and one that failed holds no
    other's rows back. What follows runs also when nothing was collected, since a model may be new."""
    if stage.name == "store":
        return TriggerRule.ALL_DONE if len(before) > 1 else TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    if any(task.task_id == "store" for task in before):
        return TriggerRule.NONE_FAILED
    return TriggerRule.ALL_SUCCESS


def add_task(plan: Plan, work: Plan | Job, stage: Stage, before: list[Any]) -> Any:
    """A stage behind the tasks that it waits for."""
    make, settings = operator()
    settings |= {
        "task_id": stage.source or stage.name,
        "argv": list(stage.argv),
        "connections": list(stage.connections),
        "queue": plan.queue,
        "retries": stage.retries,
        "trigger_rule": rule(stage, before),
        "takes": list(stage.takes),
        "outlets": [asset(plan.pipeline)] if stage.name == last_to_write(work) else [],
    }
    if work.tasks.pool:
        settings["pool"] = work.tasks.pool
    if isinstance(work, Job):
        settings["folder"] = f"{plan.pipeline}/jobs/{work.name}"
    if stage.mapped:
        (collect,) = before
        task = make.partial(map_index_template="{{ task.partition }}", **settings).expand(partition=collect.output)
    else:
        task = make(splits=stage.name == "collect", **settings)
    before >> task
    return task.as_teardown() if stage.name == "report" else task


def add_step(plan: Plan, work: Plan | Job, stages: list[Stage], before: dict[str | None, Any]) -> dict[str | None, Any]:
    """A step's tasks by source, in a group of its name where there are several; each waits for its own source's,
    where the step before has such, else for all."""
    with TaskGroup(stages[0].name) if stages[0].source else nullcontext():
        return {
            stage.source: add_task(
                plan, work, stage, [before[stage.source]] if stage.source in before else list(before.values())
            )
            for stage in stages
        }


def add_steps(plan: Plan, work: Plan | Job) -> None:
    """report comes last whatever happened, also when one source failed and another is still at work; as a teardown it
    neither hides a failure of the run nor makes one. Airflow looks at a DAG's last tasks alone: one behind the sources,
    which its scheduler ends without a worker, lets a source that failed fail the run."""
    before: dict[str | None, Any] = {}
    normalized: dict[str | None, Any] = {}
    for name, stages in groupby(work.stages, key=lambda stage: stage.name):
        before = add_step(plan, work, list(stages), before)
        if name == "normalize":
            normalized = before
    if len(normalized) > 1:
        list(normalized.values()) >> EmptyOperator(task_id="sources", trigger_rule=TriggerRule.NONE_FAILED)
    if None in before and before[None].is_teardown:
        list(normalized.values()) >> before[None]


def dag_id(plan: Plan, job: Job | None) -> str:
    return f"{plan.pipeline}.{job.name}" if job else plan.pipeline


def build(plan: Plan, job: Job | None = None) -> DAG:
    """The pipeline's DAG, or that of one of its jobs."""
    work = job or plan
    with DAG(
        dag_id=dag_id(plan, job),
        description=work.description,
        doc_md=document(plan, work),
        schedule=timetable(work),
        start_date=start_date(work.schedule),
        catchup=bool(work.schedule and work.schedule.catchup),
        max_active_runs=1,
        params={name: param for name, param in PARAMS.items() if job is None or name not in ("again", "rules")},
        default_args={
            "owner": "sluice",
            "retry_delay": timedelta(seconds=float(os.environ.get("SLUICE_RETRY_DELAY_S") or work.tasks.retry_delay_s)),
        },
        tags=["sluice", plan.backend],
    ) as dag:
        add_steps(plan, work)
    return dag


# A worker that runs one task needs that task's DAG alone.
wanted = get_parsing_context().dag_id
for plan in load_all(PIPELINES)[0].values():
    for job in (None, *plan.jobs):
        if wanted in (None, dag_id(plan, job)):
            globals()[f"dag_{dag_id(plan, job)}"] = build(plan, job)
