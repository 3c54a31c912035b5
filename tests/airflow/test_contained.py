"""The same stages in containers, executed by SluiceDockerOperator in real tasks, on a real engine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.airflow_mid_work import at_work, end_well, instance, is_told_to_stop
from tests.lib.airflow_place import MANY, table_of
from tests.lib.airflow_stack import Stack
from tests.lib.docker import Engine, import_build
from tests.lib.processes import is_gone, kill

IMAGE = "sluice-in-airflow"
STAGES = ("store", "normalize", "collect")  # met at the first of them that is seen at work
DAG = """
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG
from sluice.container import SluiceDockerOperator

def stage(name, **more):
    return dict(task_id=name, argv=[f"sluice-{name}", "--pipeline", "contained"], connections=["warehouse"],
                image="IMAGE", docker_url="HOST", network_mode="host", **more)

with DAG("in_containers", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
         default_args={"retries": 1, "retry_delay": timedelta(seconds=1), "queue": "native"}):
    collect = SluiceDockerOperator(**stage("collect", splits=True))
    parts = SluiceDockerOperator.partial(**stage("normalize")).expand(partition=collect.output)
    parts >> SluiceDockerOperator(**stage("store")) >> SluiceDockerOperator(**stage("report"))
"""


@pytest.fixture
def engine(stack: Stack) -> Iterator[Engine]:
    engine = Engine()
    try:
        import_build(engine, IMAGE)
        (stack.dags / "contained.py").write_text(DAG.replace("IMAGE", IMAGE).replace("HOST", engine.host))
        yield engine
        (stack.dags / "contained.py").unlink()
        engine("rmi", IMAGE)
    finally:
        engine.stop()


def containers(engine: Engine) -> list[str]:
    return engine("ps", "-aq", "--filter", "label=sluice.task").stdout.split()


def test_stages_in_containers_make_the_same_table_also_when_one_is_cleared_in_mid_work(
    stack: Stack, engine: Engine
) -> None:
    stack.wait_dag("in_containers")
    run = stack.trigger("in_containers")
    pid = stack.until("a stage at work", lambda: at_work(stack, "contained", STAGES), pause=0)
    kill([pid], signal.SIGSTOP)
    assert containers(engine)
    stage = Path(f"/proc/{pid}/comm").read_text().strip().removeprefix("sluice-")
    stack.clear("in_containers", run, instance(stack, "in_containers", run, stage, pid))
    stack.until("SIGTERM for the container's process", lambda: is_told_to_stop(pid), 20)
    kill([pid], signal.SIGCONT)
    stack.until(f"{stage} ends", lambda: is_gone(pid), 5)
    tries = end_well(stack, "in_containers", run, table_of(MANY), pipeline="contained", seconds=120)
    assert tries[stage] >= 2
    assert containers(engine) == []
    log = stack.log_text("in_containers", run)
    assert "stopping the container" in log and "exit code 143" in log
