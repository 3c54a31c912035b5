"""The same stages in containers, executed by SluiceDockerOperator in real tasks, on a real engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lib.airflow_mid_work import FAULTS, POINTS, end_well
from tests.lib.airflow_place import MANY, table_of
from tests.lib.airflow_stack import Stack
from tests.lib.docker import Engine, import_build

IMAGE = "sluice-in-airflow"
STAGES = ("collect", "normalize", "store")
# The build with fault points: the first try of each stage waits in mid-work until it is told to end.
DAG = """
import os
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG
from sluice.container import SluiceDockerOperator

HOME = os.environ["SLUICE_HOME"]

def stage(name, *words, **more):
    point = POINTS.get(name)
    fault = f"{{{{ '{point}:1:wait' if ti.try_number == 1 and ti.map_index < 1 else '' }}}}" if point else ""
    trace = f"{HOME}/{name}.{{{{ ti.map_index }}}}.{{{{ ti.try_number }}}}.trace"
    return dict(task_id=name, argv=[f"sluice-{name}", "--pipeline", "contained", *words], connections=["warehouse"],
                environment={"SLUICE_FAULT": fault, "SLUICE_FAULT_TRACE": trace},
                image="IMAGE", docker_url="HOST", network_mode="host", **more)

with DAG("in_containers", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
         default_args={"retries": 1, "retry_delay": timedelta(seconds=1), "queue": "native"}):
    collect = SluiceDockerOperator(**stage("collect", splits=True))
    parts = SluiceDockerOperator.partial(**stage("normalize")).expand(partition=collect.output)
    export = SluiceDockerOperator(**stage("export", "-o", "all.csv", takes=[], folder="contained/jobs/all"))
    parts >> SluiceDockerOperator(**stage("store")) >> export >> SluiceDockerOperator(**stage("report"))
"""


@pytest.fixture
def engine(stack: Stack) -> Iterator[Engine]:
    engine = Engine()
    try:
        import_build(engine, IMAGE, FAULTS.parent)
        text = DAG.replace("IMAGE", IMAGE).replace('"HOST"', repr(engine.host)).replace("POINTS", repr(POINTS))
        (stack.dags / "contained.py").write_text(text)
        yield engine
        (stack.dags / "contained.py").unlink()
        engine("rmi", IMAGE)
    finally:
        engine.stop()


def containers(engine: Engine) -> list[str]:
    return engine("ps", "-aq", "--filter", "label=sluice.task").stdout.split()


def is_in_mid_work(stack: Stack, stage: str, index: int) -> bool:
    trace = stack.home / f"{stage}.{index}.1.trace"
    return trace.exists() and POINTS[stage] in trace.read_text().split()


def test_stages_in_containers_make_the_same_table_also_when_each_is_cleared_in_mid_work(
    stack: Stack, engine: Engine
) -> None:
    stack.wait_dag("in_containers")
    run = stack.trigger("in_containers")
    for stage in STAGES:
        index = 0 if stage == "normalize" else -1
        stack.until(f"{stage} at work", lambda s=stage, i=index: is_in_mid_work(stack, s, i))
        assert containers(engine)
        stack.clear("in_containers", run, [stage, index] if index >= 0 else stage)
        ended = lambda s=stage, i=index: "exit code 143" in stack.log_text("in_containers", run, s, i)  # noqa: E731
        stack.until(f"{stage} ends", ended)
        assert "stopping the container" in stack.log_text("in_containers", run, stage, index)
    tries = end_well(stack, "in_containers", run, table_of(MANY), pipeline="contained")
    assert all(tries[stage] >= 2 for stage in STAGES), tries
    assert containers(engine) == []
    # A stage with a folder starts there, below HOME, which the host sees too.
    made = stack.home / "contained" / "jobs" / "all" / "all.csv"
    assert len(made.read_text().splitlines()) == 1 + 3 * MANY
