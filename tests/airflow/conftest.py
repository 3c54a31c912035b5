"""One stack for all tests of this layer, with two workers. Each test has pipelines of its own, so their order does
not matter."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.lib.airflow_mid_work import install_gate
from tests.lib.airflow_place import CANARY, ROWS, by_hand, write_dags, write_pipelines
from tests.lib.airflow_stack import Stack
from tests.lib.stage import ROOT


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    work = tmp_path_factory.mktemp("stack")
    shutil.copytree(ROOT / "dags", work / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    write_dags(work / "dags")
    write_pipelines(work / "pipelines")
    stack = Stack(work / "dags", work / "pipelines")
    install_gate(stack, work / "gate")
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a stopped test ends its servers, too
    try:
        first = stack.up()
        assert stack.settings["ADMIN_PASSWORD"] in first.stderr, "the first start tells the password"
        stack.connect("closed", port=1)
        stack.connect("denied", password=CANARY)
        (stack.dir / "cwd").mkdir()
        stack.wait_dag("killed")
        yield stack
    finally:
        stack.down()
        stack.remove()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def wanted(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The table as a shell makes it, without Airflow."""
    by_hand(stack, "sluice", "run", "by_hand", home=tmp_path_factory.mktemp("home"))
    table = stack.table("by_hand")
    assert table.startswith(f"{3 * ROWS} ")
    return table


@pytest.fixture(scope="session")
def paths(stack: Stack) -> str:
    """A run of stages that end in every way that a stage can be brought to."""
    run = stack.trigger("paths")
    stack.wait("paths", run, "failed")
    return run
