"""Publish killed, stopped and woken late, the server killed under it: the collection ends as the table is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lib.feed import stopped
from tests.lib.published import APPEND, connect, export, held, rows, tombstones, write_pipeline
from tests.lib.services import Mongo
from tests.lib.stage import Sluice, finish, kill_group
from tests.lib.wire import Recorder

Make = Callable[..., Sluice]
ROWS = 2500
POINTS = (
    "publish.before_take", "publish.between_marks", "publish.after_take", "publish.after_fence", "publish.before_batch",
    "publish.after_batch", "publish.before_finish", "publish.between_ends", "publish.after_finish",
    "publish.before_forget",
)  # fmt: skip
MODELS = {"newest": "select id, max(n) as n, count(*) as times from shop group by id"}
MODES = {
    "latest": {},
    "view": {"documents": "documents: {shop: {from: newest, key: id}}", "store": APPEND, "models": MODELS},
}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> dict[str, Any]:
    return MODES[request.param]


def store(sluice: Sluice, folder: Path, content: list[dict[str, Any]]) -> None:
    export(folder, content)
    for stage in ("collect", "normalize", "store", "aggregate"):
        sluice(stage, code=(0, 99))


def first(n: int = ROWS) -> list[dict[str, Any]]:
    return rows(*((f"k{i:05}", i) for i in range(n)))


def second(n: int = ROWS) -> list[dict[str, Any]]:
    """A fifth changed, a fifth gone, a fifth new."""
    kept = [(f"k{i:05}", i + (i % 5 == 0) * 1000000) for i in range(n) if i % 5 != 1]
    return rows(*kept, *((f"n{i:05}", i) for i in range(n // 5)))


def assert_published(sluice: Sluice, server: Mongo, content: list[dict[str, Any]]) -> None:
    assert {k: d["n"] for k, d in held(server).items()} == {row["id"]: row["n"] for row in content}
    done = sluice("publish", "--full")
    assert done.result["unchanged"] == len(content) and done.result["written"] == 0, done.result


def settle(server: Mongo) -> None:
    """Until what a killed client had sent is done: a server goes on with it."""
    deadline, quiet, before = time.monotonic() + 30, time.monotonic(), None
    while time.monotonic() < quiet + 1.5:
        assert time.monotonic() < deadline, "somebody still writes"
        now = sorted((str(d["_id"]), d["_sl"]["n"]) for d in server.client()[server.database].shop.find({}, {"_sl": 1}))
        if now != before:
            quiet, before = time.monotonic(), now
        time.sleep(0.1)


def has_fault_points(sluice: Sluice, trace: Path) -> bool:
    sluice("publish", env={"SLUICE_FAULT_TRACE": str(trace)})
    return trace.exists()


def test_killed_at_every_point_then_run_again(
    make: Make, tmp_path: Path, secantus: Mongo, mode: dict[str, Any]
) -> None:
    """Killed at one, an error of the disk at the next; with the other rows the other way round."""
    sluice = connect(make, write_pipeline(tmp_path, **mode), secantus)
    store(sluice, tmp_path, first(1200))
    if not has_fault_points(sluice, tmp_path / "trace"):
        pytest.skip("skipped: this build has no fault points")
    contents = [second(1200), first(1200)]
    for number, point in enumerate(POINTS, start=bool(mode)):
        store(sluice, tmp_path, contents[number % 2])
        kind, code = (("kill", 137), ("eio", 74))[number % 2]
        sluice("publish", env={"SLUICE_FAULT": f"{point}:1:{kind}"}, code=code)
        sluice("publish")
        live = {k: d["n"] for k, d in held(secantus).items()}
        assert live == {row["id"]: row["n"] for row in contents[number % 2]}, point
    assert tombstones(secantus) == {r["id"] for r in first(1200) + second(1200)} - set(live)
    assert_published(sluice, secantus, contents[number % 2])


def test_random_kills_of_publishers_side_by_side(
    make: Make, tmp_path: Path, mongo: Mongo, mode: dict[str, Any]
) -> None:
    dice = random.Random(str(sorted(mode)))
    sluice = connect(make, write_pipeline(tmp_path, **mode), mongo, "local")
    store(sluice, tmp_path, first())
    for content in (second(), first(), second()):
        store(sluice, tmp_path, content)
        children = [sluice.start("publish") for _ in range(3)]
        for child in children:
            time.sleep(dice.uniform(0, 0.3))
            kill_group(child)
        assert {finish(child).code for child in children} <= {0, 75, 137}
    settle(mongo)
    sluice("publish")
    assert_published(sluice, mongo, second())


@pytest.mark.parametrize("point", ["publish.before_take", "publish.after_take", "publish.before_batch"])
def test_one_that_slept_overwrites_nothing_newer(
    make: Make, tmp_path: Path, mongo: Mongo, mode: dict[str, Any], point: str
) -> None:
    """Stopped with the old rows in its hands; meanwhile the table changes and another publishes."""
    sluice = connect(make, write_pipeline(tmp_path, **mode), mongo, "local")
    store(sluice, tmp_path, first(300))
    if not has_fault_points(sluice, tmp_path / "trace"):
        pytest.skip("skipped: this build has no fault points")
    store(sluice, tmp_path, rows(*((f"k{i:05}", -1) for i in range(300)), ("late", 1)))
    sleeper = sluice.start("publish", env={"SLUICE_FAULT": f"{point}:1:stop"})
    with stopped(sleeper):
        store(sluice, tmp_path, second(300))
        sluice("publish")
    assert finish(sleeper).code == 75
    after = {k: d["n"] for k, d in held(mongo).items()}
    assert {k: n for k, n in after.items() if k != "late"} == {row["id"]: row["n"] for row in second(300)}
    sluice("publish")  # what nobody had, the next one takes away
    assert_published(sluice, mongo, second(300))


def test_one_that_slept_does_not_end_for_one_that_took_the_collection_alone(
    make: Make, tmp_path: Path, mongo: Mongo
) -> None:
    """The newer one was killed between its two marks: the database's is still the sleeper's own."""
    sluice = connect(make, write_pipeline(tmp_path), mongo, "local")
    store(sluice, tmp_path, first(300))
    if not has_fault_points(sluice, tmp_path / "trace"):
        pytest.skip("skipped: this build has no fault points")
    store(sluice, tmp_path, second(300))
    sleeper = sluice.start("publish", env={"SLUICE_FAULT": "publish.before_finish:1:stop"})
    with stopped(sleeper):
        sluice("publish", env={"SLUICE_FAULT": "publish.between_marks:1:kill"}, code=137)
    assert finish(sleeper).code == 75
    sluice("publish")
    assert_published(sluice, mongo, second(300))


def test_a_server_that_is_killed_and_comes_back(make: Make, tmp_path: Path, secantus: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path), secantus)
    store(sluice, tmp_path, first())
    for content in (second(), first()):
        child = sluice.start("publish")
        time.sleep(0.4)
        secantus.kill()
        done = finish(child)
        assert done.code in (0, 69, 75), done.stderr
        assert sluice("publish", code=69).result["kind"] == "unavailable"
        secantus.start()
        sluice.env["SLUICE_CONN_DOCUMENTS"] = secantus.uri()  # the port may be another one
        store(sluice, tmp_path, content)
    sluice("publish")
    assert_published(sluice, secantus, first())


def test_a_server_that_lost_everything_is_filled_again(make: Make, tmp_path: Path, java_mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path), java_mongo)
    store(sluice, tmp_path, first(500))
    sluice("publish")
    java_mongo.restart()
    sluice.env["SLUICE_CONN_DOCUMENTS"] = java_mongo.uri()  # the port may be another one
    assert sluice("publish").result["inserted"] == 500
    assert_published(sluice, java_mongo, first(500))


def test_every_write_is_guarded_unordered_and_safe_at_a_majority(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    """What the client sends, seen on the wire: servers here accept more than a real one honours."""
    sluice = connect(make, write_pipeline(tmp_path, "documents: {shop: {indexes: n}}"), mongo)
    with Recorder(mongo.port) as wire:
        sluice.env["SLUICE_CONN_DOCUMENTS"] = f"mongodb://127.0.0.1:{wire.own_port}/{mongo.database}"
        store(sluice, tmp_path, first())
        sluice("publish")
        store(sluice, tmp_path, second())
        sluice("publish")
    assert_published(sluice, mongo, second())
    writes = [c for c in wire.commands if set(c) & {"update", "insert", "delete", "findAndModify", "createIndexes"}]
    assert writes
    for command in writes:
        concern = command["writeConcern"]
        assert (concern["w"], concern["j"]) == ("majority", True) and concern["wtimeout"] > 0, command
    bulks = [c for c in wire.named("update", "shop") if not c["updates"][0].get("multi")]
    assert sum(len(c["updates"]) for c in bulks) == ROWS + 3 * ROWS // 5
    for command in bulks:
        assert command["ordered"] is False and len(command["updates"]) <= 1000
        for one in command["updates"]:
            number = one["u"]["_sl"]["n"]
            assert one["upsert"] is True and one["q"] == {"_id": one["q"]["_id"], "_sl.n": {"$lt": number}}
