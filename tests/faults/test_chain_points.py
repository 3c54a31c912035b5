"""The chain on servers: every fault point of every stage, its first, second and last time, four ways."""

from __future__ import annotations

import collections
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import FULL
from tests.lib.chain import Chain, Servers
from tests.lib.processes import wait_stopped
from tests.lib.stage import finish, kill_group

Fresh = Callable[[], Chain]
Want = dict[str, str]
CODES = {"kill": (137,), "abort": (134,), "eio": (0, 73, 74)}  # telemetry that cannot be written fails nobody
QUICK = 1  # cases of a stage and a kind, where not all are run


@pytest.fixture(scope="module")
def points(
    servers: Servers, chain_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[str, int]]]:
    """Per stage: (fault point, which time) for the first, the second and the last one."""
    chain = Chain.fresh(servers, chain_folder, chain_folder.parent)
    found = {}
    for stage in chain.stages():
        trace = tmp_path_factory.mktemp("trace") / stage
        assert all(d.code == 0 for d in chain.task(stage, env={"SLUICE_FAULT_TRACE": str(trace)}))
        passed = collections.Counter(trace.read_text().split())
        found[stage] = [(p, n) for p, last in sorted(passed.items()) for n in sorted({1, min(2, last), last})]
    chain.drop()
    return found


def chosen(points: list[tuple[str, int]], word: str) -> list[tuple[str, int]]:
    return points if FULL else random.Random(word).sample(points, min(QUICK, len(points)))


def until(chain: Chain, stage: str) -> None:
    for earlier in chain.stages()[: chain.stages().index(stage)]:
        chain.retried(earlier)


STAGES = ("collect", "normalize", "store", "aggregate", "publish")


@pytest.mark.parametrize("kind", ["kill", "abort", "eio"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_anywhere_then_the_task_again(
    fresh: Fresh, wanted: Want, points: dict[str, list[tuple[str, int]]], cases: Callable[[int], None], stage: str,
    kind: str,
) -> None:  # fmt: skip
    """The task again, as Airflow does it; every other time from another host; then a run that changes nothing."""
    hits = chosen(points[stage], f"{stage}{kind}")
    for turn, (point, nth) in enumerate(hits):
        said = f"{stage} {point}:{nth}:{kind}"
        chain = fresh()
        until(chain, stage)
        done = chain.task(stage, env={"SLUICE_FAULT": f"{point}:{nth}:{kind}"})
        assert done[0].code in CODES[kind], f"{said}: {done[0].code}\n{done[0].stderr}"
        (chain.another_home() if turn % 2 else chain).run(after=stage)
        chain.assert_end(wanted, said)
        before = chain.physical()
        chain.run("another")
        assert chain.physical() == before, said
    cases(len(hits))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_stops_anywhere_and_wakes_when_another_attempt_is_done(
    fresh: Fresh, wanted: Want, points: dict[str, list[tuple[str, int]]], cases: Callable[[int], None], stage: str
) -> None:
    hits = chosen(points[stage], stage)
    for turn, (point, nth) in enumerate(hits):
        said = f"{stage} {point}:{nth}:stop"
        chain = fresh()
        until(chain, stage)
        late, *others = chain.start(stage, env={"SLUICE_FAULT": f"{point}:{nth}:stop"})
        try:
            wait_stopped(late.pid)
            assert all(finish(child).code == 0 for child in others)
            (chain.another_home() if turn % 2 else chain).run(after=stage)
            assert chain.state() == wanted, said
            os.kill(late.pid, signal.SIGCONT)
            assert finish(late).code in (0, 75, 99), said
        finally:
            kill_group(late)
        chain.run(after=stage)
        chain.assert_end(wanted, said)
    cases(len(hits))
