"""Source mongo on both servers that speak MongoDB's protocol here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lib import pipeline
from tests.lib.feed import Feed, collect_stopped, finish, stopped
from tests.lib.services import Mongo
from tests.lib.stage import Sluice

Shop = Callable[..., Feed]
CONTRACT = "{id: {type: int64, required: true, from: _id}, at: timestamp, name: text}"
LATEST = "{table: rows, mode: latest, key: [id], version: at}"
APPEND = "{table: rows, mode: append}"
START = datetime(2026, 11, 1, tzinfo=UTC)
POINTS = ["collect.before_step", "collect.before_keep", "collect.after_keep", "mongo.before_rows"]
COMMITS = ["bronze.after_link", "log.before_link", "log.after_link"]
_numbers = itertools.count(1)


def source(more: str = "", cursor: str = "watermark: at") -> str:
    return f"{{kind: mongo, connection: shop, collection: events, {cursor}{more}}}"


@pytest.fixture
def events(mongo: Mongo) -> Any:
    """The collection, by pymongo."""
    return mongo.client()[mongo.database]["events"]


@pytest.fixture
def shop(mongo: Mongo, make: Callable[..., Sluice], tmp_path: Path) -> Shop:
    def factory(src: str = "", store: str = LATEST, contract: str = CONTRACT) -> Feed:
        s = make(pipeline.write(tmp_path / f"p{next(_numbers)}", {"shop": src or source()}, contract, store))
        s.env["SLUICE_CONN_SHOP"] = mongo.uri()
        return Feed(s, lambda text: text)

    return factory


def doc(i: int, after: float | None = None, **more: Any) -> dict[str, Any]:
    return {"_id": i, "at": START + timedelta(seconds=i if after is None else after), "name": f"n{i}"} | more


def test_each_run_reads_what_lies_behind_the_last_one(shop: Shop, events: Any) -> None:
    f = shop()
    events.insert_many([doc(i) for i in (1, 2, 3)])
    f.run()
    assert f.ids() == [1, 2, 3]
    f.run()
    assert len(f.entries()) == 1
    events.insert_many([doc(4), doc(5)])
    events.update_one({"_id": 2}, {"$set": {"name": "new", "at": START + timedelta(seconds=6)}})
    f.run()
    assert f.ids() == [1, 2, 3, 4, 5]
    assert f.s.query("select name from rows where id = 2") == [{"name": "new"}]
    assert len(f.lines()) == 6


def test_an_empty_collection_is_no_entry(shop: Shop, events: Any) -> None:
    f = shop()
    f.run()
    assert f.entries() == [] and f.chunks() == []
    events.insert_one({"_id": 1, "name": "without the field"})
    f.run()
    assert f.entries() == []
    events.insert_one(doc(2))
    f.run()
    assert f.ids() == [2]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 6, 7])
def test_pages_of_every_size_give_all_documents_once(shop: Shop, events: Any, rows: int) -> None:
    """A line is 50 bytes, so a step holds three documents: fewer, exactly, one more."""
    f = shop(source(", step: 150"), store=APPEND)
    events.insert_many([doc(i) for i in range(1, rows + 1)])
    f.run()
    assert {len(line) + 1 for line in f.lines()} == {50}
    assert f.ids() == list(range(1, rows + 1))
    assert len(f.chunks()) == -(-rows // 3)


def test_ties_at_the_edge_of_a_page_are_read_once(shop: Shop, events: Any) -> None:
    f = shop(source(", step: 1"), store=APPEND)
    events.insert_many([doc(i, after=0) for i in (3, 1, 4, 2)])
    f.run("--run-id", "r1", env={"SLUICE_FAULT": "collect.after_keep:2:kill"}, code=137)
    assert f.steps("--run-id", "r1") == 2
    assert f.ids() == [1, 2, 3, 4]


def test_the_id_alone_is_a_cursor(shop: Shop, events: Any) -> None:
    f = shop(source(", step: 1", "watermark: _id"), contract="{name: text}", store=APPEND)
    events.insert_many([{"name": f"n{i}"} for i in range(3)])  # ids of the server's kind
    f.run("--run-id", "r1", env={"SLUICE_FAULT": "collect.after_keep:2:kill"}, code=137)
    f.run("--run-id", "r1")
    events.insert_one({"name": "n3"})
    f.run()
    f.run()
    assert [r["name"] for r in f.s.query("select name from rows order by name")] == ["n0", "n1", "n2", "n3"]
    assert len(f.entries()) == 2


def test_filter_and_projection(shop: Shop, events: Any) -> None:
    f = shop(source(""", filter: '{"open": true}', projection: '{"at": 1, "name": 1}'"""))
    events.insert_many([doc(1, open=True, hidden="s"), doc(2, open=False), doc(3, open=True)])
    f.run()
    assert f.ids() == [1, 3]
    assert "hidden" not in "".join(f.lines())


def test_a_projection_without_the_watermark_is_78(shop: Shop, events: Any) -> None:
    f = shop(source(""", projection: '{"name": 1}'"""))
    events.insert_one(doc(1))
    assert 'a document comes without "at"' in f.run(code=78).stderr


def test_lag_finds_documents_that_came_late(shop: Shop, events: Any) -> None:
    f = shop(source(", lag: 1m"))
    events.insert_many([doc(i) for i in range(1, 101)])
    f.run()
    events.insert_many([doc(1000, after=60), doc(1001, after=40), doc(101)])
    f.run()
    assert f.ids() == [*range(1, 102), 1000]


def test_again_repeats_the_range_of_the_run(shop: Shop, events: Any) -> None:
    f = shop(store=APPEND)
    events.insert_many([doc(1), doc(2)])
    f.run("--run-id", "r1")
    events.insert_one(doc(3))
    f.run("--run-id", "r2")
    events.delete_one({"_id": 2})
    f.run("--run-id", "r1", "--again")
    assert f.ids() == [1, 3]
    events.delete_many({})
    f.run("--run-id", "r1", "--again")
    assert f.ids() == [3]


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", [*POINTS, *COMMITS])
def test_a_kill_at_any_step_changes_nothing(shop: Shop, events: Any, point: str, nth: int) -> None:
    f = shop(source(", step: 100"), store=APPEND)
    events.insert_many([doc(i) for i in range(1, 9)])
    killed = f.s("collect", "--run-id", "r1", env={"SLUICE_FAULT": f"{point}:{nth}:kill"}, code=None)
    assert killed.code in (0, 137) and (killed.code == 137 or nth > 1)
    events.insert_many([doc(i) for i in range(9, 13)])
    f.run("--run-id", "r1")
    f.run("--run-id", "r2")
    assert f.ids() == list(range(1, 13))
    assert sorted(json.loads(line)["_id"] for line in f.lines()) == list(range(1, 13))


def test_finished_steps_are_not_read_again(shop: Shop, events: Any) -> None:
    f = shop(source(", step: 100"), store=APPEND)
    events.insert_many([doc(i) for i in range(1, 9)])
    f.run("--run-id", "r1", env={"SLUICE_FAULT": "collect.after_keep:3:kill"}, code=137)
    events.update_many({}, {"$set": {"name": "changed"}})
    assert f.steps("--run-id", "r1") == 1
    names = [r["name"] for r in f.s.query("select name from rows order by id")]
    assert names == [f"n{i}" for i in range(1, 7)] + ["changed"] * 2


def test_documents_that_move_while_they_are_read_come_in_the_next_range(shop: Shop, events: Any) -> None:
    f = shop(source(", step: 100"))
    events.insert_many([doc(i) for i in range(1, 9)])
    with stopped(collect_stopped(f.s, "collect.before_keep:2", "--run-id", "r1")) as child:
        events.insert_one(doc(9))
        events.update_many({"_id": {"$in": [1, 8]}}, {"$set": {"name": "moved", "at": START + timedelta(days=1)}})
    assert finish(child).code == 0
    f.run("--run-id", "r1")
    f.run()
    assert f.ids() == list(range(1, 10))
    assert f.s.query("select count(*) as n from rows where name = 'moved'") == [{"n": 2}]


def test_a_server_that_dies_is_75_and_loses_nothing(shop: Shop, secantus: Mongo) -> None:
    f = shop(source(", step: 64KiB"), store=APPEND)
    f.s.env["SLUICE_CONN_SHOP"] = secantus.uri()
    held = secantus.client()[secantus.database]["events"]
    held.insert_many([doc(i, name="x" * 2000) for i in range(1, 4001)])
    with stopped(collect_stopped(f.s, "collect.before_keep:2", "--run-id", "r1")) as child:
        secantus.kill()
    assert finish(child).code == 75
    assert f.entries() == []
    secantus.start()
    f.run("--run-id", "r1")
    assert f.s.query("select count(*) as n, count(distinct id) as ids from rows") == [{"n": 4000, "ids": 4000}]


def test_two_attempts_at_once_make_one_entry(shop: Shop, events: Any) -> None:
    f = shop(source(", step: 100"), store=APPEND)
    events.insert_many([doc(i) for i in range(1, 21)])
    both = [f.s.start("collect", "--run-id", "r1") for _ in range(2)]
    assert [finish(child).code for child in both] == [0, 0]
    assert len(f.entries()) == 1
    f.run("--run-id", "r1")
    assert f.ids() == list(range(1, 21))


def test_values_are_written_plainly(shop: Shop, events: Any) -> None:
    import bson

    f = shop()
    events.insert_one(
        {
            "_id": bson.Int64(9007199254740993),
            "at": datetime(2026, 11, 25, 17, 52, 40, 500000, tzinfo=UTC),
            "oid": bson.ObjectId("5f" * 12),
            "whole": 5.0,
            "half": 0.5,
            "nan": float("nan"),
            "dec": bson.Decimal128("12345678901234567890.1230"),
            "bytes": b"\x00\xff",
            "list": [1, {"deep": bson.Int64(2)}, None],
            "text": 'a"\\\n\té\u0000',
            "on": True,
        }
    )
    f.s("collect")
    (line,) = f.lines()
    assert json.loads(line, parse_int=str, parse_float=str) == {
        "_id": "9007199254740993",
        "at": "2026-11-25T17:52:40.500000Z",
        "oid": "5f" * 12,
        "whole": "5",
        "half": "0.5",
        "nan": "NaN",
        "dec": "12345678901234567890.1230",
        "bytes": "AP8=",
        "list": ["1", {"deep": "2"}, None],
        "text": 'a"\\\n\té\u0000',
        "on": True,
    }


def test_a_nul_in_a_text_is_a_reject_and_its_neighbours_stay(shop: Shop, events: Any) -> None:
    f = shop()
    events.insert_many([doc(1), doc(2, name="a\u0000b"), doc(3)])
    f.run(code=65)
    f.s.sets.append("rejects.limit=1")
    f.run()
    assert f.ids() == [1, 3]


def test_whole_is_the_collection_of_today(shop: Shop, events: Any) -> None:
    f = shop(source("", "input: whole"), store=APPEND)
    events.insert_many([doc(i) for i in (1, 2, 3)])
    f.run()
    f.run()
    assert len(f.entries()) == 1
    events.delete_one({"_id": 2})
    f.run()
    assert f.ids() == [1, 3]
    events.delete_many({})
    f.run()
    assert f.ids() == []


@pytest.mark.parametrize(
    ("connection", "code", "says"),
    [
        ("", 78, "SLUICE_CONN_SHOP"),
        ("postgres://u@127.0.0.1/x", 78, 'of type "postgres", not mongo'),
        ("mongo://127.0.0.1:1/x", 69, "connection refused"),
        ("mongo://127.0.0.1:1", 78, "names no database"),
    ],
)
def test_a_connection_of_no_use(
    secantus: Mongo, make: Any, tmp_path: Path, connection: str, code: int, says: str
) -> None:
    s = make(pipeline.write(tmp_path / "p", {"shop": source()}, CONTRACT, LATEST))
    if connection:
        s.env["SLUICE_CONN_SHOP"] = connection
    assert says in s("run", code=code).stderr


@pytest.mark.parametrize("part", ["filter", "projection"])
def test_what_is_no_json_is_78(shop: Shop, events: Any, part: str) -> None:
    f = shop(source(f", {part}: '{{open}}'"))
    events.insert_one(doc(1))
    assert f"the {part}" in f.run(code=78).stderr


def test_preview_shows_documents_and_keeps_nothing(shop: Shop, events: Any) -> None:
    f = shop()
    events.insert_many([doc(1), doc(2)])
    assert "n1" in f.s("preview").stdout
    assert not f.chunks()
