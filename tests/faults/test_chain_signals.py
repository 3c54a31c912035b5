"""The chain on servers, four normalize processes at once, stopped and killed at random moments."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import FULL
from tests.lib.chain import PARTITIONS, Chain
from tests.lib.stage import finish, kill_group

Fresh = Callable[[], Chain]
SIGNALS = 200 if FULL else 8
MAY_END = {"kill": (0, 137), "term": (0, 143)}


def start_run(chain: Chain) -> object:
    return chain.s.start("run", "--run-id", "r", "--partitions", str(PARTITIONS))


def measured(fresh: Fresh) -> float:
    begun = time.monotonic()
    assert finish(start_run(fresh())).code == 0
    return time.monotonic() - begun


def hit(chain: Chain, dice: random.Random, kind: str, within: float) -> bool:
    """True when the signal met a run that was under way: all its processes, or the driver alone."""
    child = start_run(chain)
    time.sleep(dice.uniform(0, within))
    begun, alone = time.monotonic(), dice.random() < 0.5
    if kind == "kill":
        child.kill() if alone else kill_group(child)
    elif alone:
        child.terminate()
    else:
        kill_group(child, signal.SIGTERM)
    done = finish(child, timeout=20)
    assert done.code in MAY_END[kind], f"{done.code}\n{done.stderr}"
    if kind == "term":
        assert time.monotonic() - begun < 5, "stopping took too long"
    kill_group(child)
    return done.code != 0


@pytest.mark.parametrize("kind", ["kill", "term"])
def test_signals_at_random_moments_then_the_run_again(
    fresh: Fresh, wanted: dict[str, str], cases: Callable[[int], None], kind: str
) -> None:
    dice = random.Random(f"{kind} {os.environ.get('SLUICE_FAULTS_SEED', 1)}")
    whole, hits, tries = measured(fresh), 0, 0
    while hits < SIGNALS:
        chain = fresh()
        for _ in range(dice.randint(1, 6)):
            met = hit(chain, dice, kind, whole)
            hits, tries = hits + met, tries + 1
            if not met:  # it is done: there is nothing left to meet
                break
        chain.run()
        chain.assert_end(wanted, f"{kind}, after {hits}")
        assert tries < 6 * SIGNALS, "runs end before the signal comes"
    cases(hits)
