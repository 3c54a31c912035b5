"""Documents at the end of the chain: their server killed, gone and back, its line cut and silent; and changes,
tombstones among them, carried over through every fault point."""

from __future__ import annotations

import collections
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import FULL
from tests.lib.chain import Chain, Servers
from tests.lib.chaos import ChaosProxy, again_and_again
from tests.lib.processes import wait_stopped
from tests.lib.stage import finish, kill_group

Fresh = Callable[..., Chain]
Want = dict[str, str]


def until_publish(chain: Chain) -> None:
    for stage in chain.stages()[:-1]:
        assert all(d.code == 0 for d in chain.task(stage)), stage


PUBLISH = [
    "publish.before_take", "publish.between_marks", "publish.after_take", "publish.after_fence", "publish.before_batch",
    "publish.after_batch", "publish.before_finish", "publish.between_ends", "publish.after_finish",
]  # fmt: skip


@pytest.mark.parametrize("back", [True, False], ids=["back", "gone"])
def test_the_document_server_is_killed_in_mid_publish(
    fresh: Fresh, servers: Servers, wanted: Want, cases: Callable[[int], None], back: bool
) -> None:
    """While the publish sleeps at each of its steps; when it wakes the server is back, or still away."""
    points = PUBLISH if FULL else PUBLISH[5:6]
    for point in points:
        chain = fresh()
        until_publish(chain)
        (child,) = chain.start("publish", env={"SLUICE_FAULT": f"{point}:1:stop"})
        try:
            wait_stopped(child.pid)
            servers.mongo.restart_at_once() if back else servers.mongo.kill()
            os.kill(child.pid, signal.SIGCONT)
            done = finish(child)
        finally:
            kill_group(child)
        assert done.code in (0, 69, 75), f"{point}\n{done.stderr}"
        if not back:
            assert chain.task("publish")[0].code == 69, point
            servers.mongo.start()
        chain.run(after="publish")
        chain.assert_end(wanted, point)
    cases(len(points))


def test_the_document_server_is_killed_and_back_in_a_loop(
    fresh: Fresh, servers: Servers, wanted: Want, cases: Callable[[int], None]
) -> None:
    met = 0
    for number in range(12 if FULL else 1):
        chain = fresh()
        until_publish(chain)
        with again_and_again(servers.mongo.restart_at_once, 0.03 + 0.05 * (number % 8), most=3) as done:
            chain.retried("publish", tries=60)
        met += len(done)
        chain.run()
        chain.assert_end(wanted, str(number))
    assert met > 0
    cases(met)


def passed(chain: Chain, servers: Servers) -> dict[str, int]:
    """Bytes of a connection, up and down: each entry of the section has one."""
    until_publish(chain)
    with ChaosProxy(servers.mongo.port) as line:
        chain.through("SLUICE_CONN_DOCUMENTS", line.port)
        assert chain.task("publish")[0].code == 0
        return {way: line.stats()[way] // line.stats()["connections"] for way in ("up", "down")}


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_line_to_the_document_server_is_cut_at_any_byte(
    fresh: Fresh, servers: Servers, wanted: Want, chaos: Callable[..., ChaosProxy], cases: Callable[[int], None],
    direction: str,
) -> None:  # fmt: skip
    """Also between a write and its answer: whether it held, the next attempt reads in the collection."""
    whole, hits, rounds = passed(fresh(), servers)[direction], 0, 15 if FULL else 2
    for number in range(rounds):
        chain = fresh()
        until_publish(chain)
        at = 1 + whole * number // rounds
        line = chaos(servers.mongo.port, f"{'cut' if number % 3 else 'reset'} {direction} {at}", "times 2")
        chain.through("SLUICE_CONN_DOCUMENTS", line.port)
        done = chain.task("publish")[0]
        assert done.code in (0, 69, 75), f"{at}\n{done.stderr}"
        hits += line.stats()["hit"]
        chain.run(after="publish")
        chain.assert_end(wanted, f"{direction} {at}")
    assert hits > 0
    cases(hits)


@pytest.mark.parametrize("then", ["goes on", "stopped", "killed"])
def test_the_line_to_the_document_server_falls_silent(
    fresh: Fresh, servers: Servers, wanted: Want, chaos: Callable[..., ChaosProxy], cases: Callable[[int], None],
    then: str,
) -> None:  # fmt: skip
    """At any byte, and nobody is told. It goes on after a while, or whoever waits is stopped, at once."""
    whole, rounds = passed(fresh(), servers), 6 if FULL else 1
    for number in range(rounds):
        chain = fresh()
        until_publish(chain)
        way = "up" if number % 2 else "down"
        line = chaos(servers.mongo.port, f"stall {way} {1 + whole[way] * number // rounds}")
        chain.through("SLUICE_CONN_DOCUMENTS", line.port)
        (child,) = chain.start("publish")
        wait_hit(line)
        begun = time.monotonic()
        line.say("clear") if then == "goes on" else child.terminate() if then == "stopped" else child.kill()
        done = finish(child, timeout=20)
        assert done.code == {"goes on": 0, "stopped": 143, "killed": 137}[then], done.stderr
        assert then == "goes on" or time.monotonic() - begun < 5, "stopping took too long"
        line.say("clear")
        chain.run(after="publish")
        chain.assert_end(wanted, f"{then} {number}")
    cases(rounds)


def wait_hit(line: ChaosProxy) -> None:
    deadline = time.monotonic() + 20
    while line.stats()["hit"] == 0:
        assert time.monotonic() < deadline, "the line does not fall silent"
        time.sleep(0.01)


# --- changes -----------------------------------------------------------------------------------------------

KEYS = 120
CURRENT = """select json_build_object('id', id, 'country', country, 'total', total::text, 'gone', gone,
 'changed', to_char(changed at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) from chain"""


class Days:
    """One chain, day by day: a file that is newer than all others has other totals, and other rows that are gone."""

    def __init__(self, chain: Chain, folder: Path) -> None:
        self.chain = chain
        self.file = folder / "inbox" / "later.csv"
        self.day = 0

    def store(self) -> None:
        self.day += 1
        gone = ["true" if (n + self.day) % 3 == 0 else "false" for n in range(1, KEYS + 1)]
        lines = [f"{n},2030-01-01T00:00:00Z,FR,{self.day}.00,{g},x\n" for n, g in enumerate(gone, start=1)]
        self.file.write_text("id,changed,country,total,gone,note\n" + "".join(lines))
        for stage in self.chain.stages()[:-1]:
            self.chain.retried(stage, self.run)

    @property
    def run(self) -> str:
        return f"day{self.day}"

    def assert_published(self, said: str) -> None:
        chain = self.chain
        chain.assert_documents([json.loads(line) for line in chain.psql(CURRENT).splitlines()])
        chain.state()
        gone = {str(n) for n in range(1, KEYS + 1) if (n + self.day) % 3 == 0}
        found = chain.collections()["rows"]
        assert {key for key in found if int(key) <= KEYS and "deleted" in found[key]["_sl"]} == gone, said


@pytest.fixture
def days(fresh: Fresh, chain_folder: Path, tmp_path: Path) -> Days:
    """The first day is published: every key of the file has been a document."""
    folder = Path(shutil.copytree(chain_folder, tmp_path / "chain"))
    days = Days(fresh(folder), folder)
    for _ in range(3):
        days.store()
        days.chain.retried("publish", days.run)
    days.assert_published("without a fault")
    return days


def traced(days: Days, trace: Path) -> list[tuple[str, int]]:
    """The fault points of a publish of changes: first, second and last time."""
    days.store()
    days.chain.task("publish", days.run, env={"SLUICE_FAULT_TRACE": str(trace)})
    passed = collections.Counter(trace.read_text().split())
    assert passed["publish.after_batch"] >= 2, passed
    return [(p, n) for p, last in sorted(passed.items()) for n in sorted({1, min(2, last), last})]


CODES = {"kill": (137,), "abort": (134,), "eio": (0, 73, 74)}


def test_a_fault_while_changes_are_published(days: Days, tmp_path: Path, cases: Callable[[int], None]) -> None:
    hits = [(*point, kind) for point in traced(days, tmp_path / "trace") for kind in CODES]
    hits = hits if FULL else random.Random(1).sample(hits, 3)
    for point, nth, kind in hits:
        said = f"{point}:{nth}:{kind}"
        days.store()
        done = days.chain.task("publish", days.run, env={"SLUICE_FAULT": said})[0]
        assert done.code in CODES[kind], f"{said}\n{done.stderr}"
        days.chain.retried("publish", days.run)
        days.assert_published(said)
    cases(len(hits))


def test_a_publish_of_changes_sleeps_while_the_next_ones_go_out(
    days: Days, tmp_path: Path, cases: Callable[[int], None]
) -> None:
    points = traced(days, tmp_path / "trace")
    points = points if FULL else random.Random(1).sample(points, 2)
    for point, nth in points:
        days.store()
        late = days.chain.start("publish", days.run, env={"SLUICE_FAULT": f"{point}:{nth}:stop"})[0]
        try:
            wait_stopped(late.pid)
            days.store()
            days.chain.retried("publish", days.run)
            days.assert_published(f"{point}:{nth}, asleep")
            os.kill(late.pid, signal.SIGCONT)
            assert finish(late).code in (0, 75), point
        finally:
            kill_group(late)
        days.chain.retried("publish", days.run)
        days.assert_published(f"{point}:{nth}, awake")
    cases(len(points))
