"""sluice-publish: rows become documents, once, whatever is killed, restored, or done twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, Int64

from tests.lib.published import (
    APPEND,
    connect,
    export,
    held,
    rows,
    tombstones,
    write_pipeline,
)
from tests.lib.services import Mongo, Postgres, Redis
from tests.lib.stage import Done, Sluice, finish

Make = Callable[..., Sluice]


def counts(done: Done) -> dict[str, int]:
    """What publish did, but for what stayed zero."""
    names = ("inserted", "updated", "unchanged", "removed", "stale", "rejected")
    return {name: done.result[name] for name in names if done.result[name]}


@pytest.mark.parametrize("backend", ["embedded", "local"])
def test_what_changed_is_written_and_what_is_gone_becomes_a_tombstone(
    make: Make, tmp_path: Path, mongo: Mongo, backend: str
) -> None:
    sluice = connect(make, write_pipeline(tmp_path), mongo, backend)
    export(tmp_path, rows(("a", 1), ("b", 2), ("c", 3)))
    sluice("run")
    assert held(mongo) == {k: {"id": k, "n": n} for k, n in (("a", 1), ("b", 2), ("c", 3))}
    assert counts(sluice("publish")) == {}  # by their change numbers nothing is new
    assert counts(sluice("publish", "--full")) == {"unchanged": 3}
    export(tmp_path, rows(("a", 1), ("b", 5), ("d", 4)))
    for stage in ("collect", "normalize", "store"):
        sluice(stage)
    done = sluice("publish")
    assert counts(done) | {"unchanged": 1} == {"inserted": 1, "updated": 1, "removed": 1, "unchanged": 1}
    assert done.result["written"] == 3
    assert held(mongo) == {k: {"id": k, "n": n} for k, n in (("a", 1), ("b", 5), ("d", 4))}
    assert tombstones(mongo) == {"c"}
    assert counts(sluice("publish", "--full")) == {"unchanged": 3}


def test_a_key_that_comes_back_replaces_its_tombstone(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path), mongo)
    for content in (rows(("a", 1), ("b", 1)), rows(("a", 1)), rows(("a", 1), ("b", 2))):
        export(tmp_path, content)
        sluice("run")
    assert held(mongo) == {"a": {"id": "a", "n": 1}, "b": {"id": "b", "n": 2}}
    assert tombstones(mongo) == set()


def test_tombstones_of_a_month_ago_go_with_the_next_that_is_made(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path), mongo)
    collection = mongo.client()[mongo.database].shop
    names = ("a", "b", "c", "d", "e")
    for gone in range(4):  # e stays
        export(tmp_path, rows(*((name, 1) for name in names[max(gone - 1, 0) :])))
        sluice("run")
    assert tombstones(mongo) == {"a", "b"}
    for name, days in (("a", 31), ("b", 29)):
        collection.update_one({"_id": name}, {"$set": {"_sl.at": datetime.now(UTC) - timedelta(days=days)}})
    assert counts(sluice("publish")) == {} and tombstones(mongo) == {"a", "b"}  # nothing new is gone
    export(tmp_path, rows(("d", 1), ("e", 1)))
    sluice("run")
    assert (tombstones(mongo), set(held(mongo))) == ({"b", "c"}, {"d", "e"})
    export(tmp_path, rows(("a", 2), ("e", 1)))
    sluice("run")
    assert (tombstones(mongo), set(held(mongo))) == ({"b", "c", "d"}, {"a", "e"})


def test_rows_of_a_view_are_compared_by_content(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    documents = "documents: {totals: {from: totals, key: [note]}}"
    models = {"totals": "select note, count(*) as n, sum(n) as sum_n from shop group by note"}
    sluice = connect(make, write_pipeline(tmp_path, documents, APPEND, models=models), mongo)
    export(tmp_path, [{"id": "1", "n": 1, "note": "x"}, {"id": "2", "n": 2, "note": "y"}])
    sluice("run")
    assert set(held(mongo, "totals")) == {"x", "y"}
    assert counts(sluice("publish")) == {"unchanged": 2}
    export(tmp_path, [{"id": "1", "n": 1, "note": "x"}, {"id": "2", "n": 3, "note": "z"}])
    for stage in ("collect", "normalize", "store", "aggregate"):
        sluice(stage)
    assert counts(sluice("publish")) == {"inserted": 1, "unchanged": 1, "removed": 1}
    assert set(held(mongo, "totals")) == {"x", "z"}


def test_files_hold_the_same_documents_as_the_server(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    from bson import json_util

    contract = """\
contract:
  id: {type: int64, required: true}
  price: "decimal(18,4)"
  ratio: float64
  day: date
  at: {type: timestamp, zone: UTC}
  yes: bool
  tags: list<text>
  text: text
"""
    fields = (
        "fields: {text: text, a.price: price, a.b.ratio: ratio, when.at: at, when.day: day, a.yes: yes, tags: tags}"
    )
    row = {
        "id": -7, "price": "-12345678901234.5600", "ratio": 0.1, "day": "1969-12-31", "at": "1969-12-31T23:59:59.9985Z",
        "yes": False, "tags": ["a", "é\"\\\u0001", ""], "text": "𐀀 $x.y \u2028",
    }  # fmt: skip
    export(tmp_path, [row, {"id": 2**63 - 1, "text": ""}, {"id": 3, "ratio": 1e300, "tags": []}])
    file = write_pipeline(tmp_path, f"documents: {{shop: {{{fields}}}}}", contract=contract,
                          store="store: {table: shop, mode: latest, key: [id]}")  # fmt: skip
    server = connect(make, file, mongo, "local")
    server("run")
    files = Sluice(str(file), tmp_path / "files", "files", env=server.env)
    files.home = server.home
    files("publish")
    text = (server.home / "shop" / "documents" / "shop.jsonl").read_text(encoding="utf-8")
    lines = [
        json_util.loads(line, json_options=json_util.JSONOptions(tz_aware=False)) for line in text.split("\n")[:-1]
    ]
    found = held(mongo)
    assert {d.pop("_id"): d for d in lines} == found
    assert found[-7] == {
        "text": "𐀀 $x.y \u2028",
        "a": {"price": Decimal128("-12345678901234.5600"), "b": {"ratio": 0.1}, "yes": False},
        "when": {"at": datetime(1969, 12, 31, 23, 59, 59, 998000), "day": datetime(1969, 12, 31)},
        "tags": ["a", 'é"\\\u0001', ""],
    }
    assert found[3] == {"a": {"b": {"ratio": 1e300}}, "tags": []}  # NULL, and what holds only NULL, is left out
    raw = mongo.client()[mongo.database].shop.find_one({"_id": Int64(2**63 - 1)})
    assert raw["text"] == "" and isinstance(raw["_id"], Int64)


def test_a_key_of_several_columns_is_a_document(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    store = "store: {table: shop, mode: latest, key: [id, n]}"
    sluice = connect(make, write_pipeline(tmp_path, store=store), mongo)
    export(tmp_path, rows(("b", 1), ("a", 2), ("a", 10), ("a", -1)))
    sluice("run")
    assert set(held(mongo)) == {("b", 1), ("a", 2), ("a", 10), ("a", -1)}
    assert counts(sluice("publish", "--full")) == {"unchanged": 4}
    export(tmp_path, rows(("b", 1), ("a", 10)))
    sluice("run")
    assert set(held(mongo)) == {("b", 1), ("a", 10)}


def test_keys_with_dots_dollars_and_all_of_unicode(make: Make, tmp_path: Path, secantus: Mongo) -> None:
    keys = ["$set", "a.b", " ", "", "\u0001", "é", "\uffff", "𐀀", "x" * 900]
    sluice = connect(make, write_pipeline(tmp_path), secantus)
    export(tmp_path, rows(*((key, i) for i, key in enumerate(keys))))
    sluice("run")
    assert {k: d["n"] for k, d in held(secantus).items()} == {k: i for i, k in enumerate(keys)}
    assert counts(sluice("publish", "--full")) == {"unchanged": len(keys)}


def test_a_row_that_says_it_is_gone_is_a_tombstone(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path, "documents: {shop: {gone: note}}"), mongo)
    export(tmp_path, rows(("a", 1), ("b", 2)))
    sluice("run")
    export(tmp_path, [{"id": "a", "n": 1, "note": "sold"}, {"id": "b", "n": 2}])
    sluice("run")
    assert (set(held(mongo)), tombstones(mongo)) == ({"b"}, {"a"})
    assert counts(sluice("publish", "--full")) == {"unchanged": 1}


def test_other_fields_are_published_though_no_row_changed(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path), mongo)
    export(tmp_path, rows(("a", 1), ("b", 2)))
    sluice("run")
    write_pipeline(tmp_path, "documents: {shop: {fields: {x.n: n}}}")
    assert counts(sluice("publish")) == {"updated": 2}
    assert held(mongo) == {"a": {"x": {"n": 1}}, "b": {"x": {"n": 2}}}
    write_pipeline(tmp_path, "documents: {shop: {key: [id, n], fields: {x.n: n}}}")
    assert counts(sluice("publish")) == {"inserted": 2, "removed": 2}
    assert set(held(mongo)) == {("a", 1), ("b", 2)}


def test_indexes_are_made_once(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path, 'documents: {shop: {indexes: [n, "note, -n"]}}'), mongo)
    export(tmp_path, rows(("a", 1)))
    sluice("run")
    sluice("publish")
    found = mongo.client()[mongo.database].shop.index_information()
    assert {name: index["key"] for name, index in found.items()} == {
        "_id_": [("_id", 1)],
        "n_1": [("n", 1)],
        "note_1_n_-1": [("note", 1), ("n", -1)],
    }


def test_a_row_that_was_erased_becomes_a_tombstone(
    make: Make, tmp_path: Path, mongo: Mongo, postgres: Postgres
) -> None:
    sluice = connect(make, write_pipeline(tmp_path), mongo, "local")
    export(tmp_path, rows(("a", 1), ("b", 2)))
    sluice("run")
    postgres.psql("delete from shop where id = 'a'", sluice.env["SLUICE_CONN_WAREHOUSE"].rpartition("/")[2])
    assert counts(sluice("publish")) == {"removed": 1, "unchanged": 1}
    assert (set(held(mongo)), tombstones(mongo)) == ({"b"}, {"a"})


def test_rows_that_a_rebuild_loses_become_tombstones(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path, source="input: each"), mongo)
    export(tmp_path, rows(("a", 1), ("b", 2), ("c", 3)))
    sluice("run")
    file = write_pipeline(tmp_path, source="input: each")
    file.write_text(file.read_text() + "rules:\n  - filter: {from: id, keep: [a, b]}\n")
    sluice("rebuild")
    done = sluice("publish")
    assert (done.result["removed"], set(held(mongo)), tombstones(mongo)) == (1, {"a", "b"}, {"c"})


# What cannot be a document


def test_a_document_of_more_than_16_mib_is_rejected_and_the_others_go_on(
    make: Make, tmp_path: Path, secantus: Mongo
) -> None:
    models = {"big": "select id, case when n = 2 then repeat('x', 16777216) else 'small' end as body from shop"}
    sluice = connect(make, write_pipeline(tmp_path, "documents: {big: {from: big, key: id}}", models=models), secantus)
    export(tmp_path, rows(("a", 1), ("b", 2), ("c", 3)))
    done = sluice("run", code=65)
    assert '{ "_id" : "b" }' in done.result["error"] and "16 MiB" in done.result["error"]
    assert set(held(secantus, "big")) == {"a", "c"}
    again = sluice("publish", code=65)  # never 0 while it stands
    assert counts(again) == {"unchanged": 2, "rejected": 1}


def test_a_row_that_the_server_refuses_is_told_of_until_it_is_mended(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    """Its older document stays, so that documents are as many as rows: counting does not show it."""
    sluice = connect(make, write_pipeline(tmp_path), mongo)
    export(tmp_path, rows(("a", 1), ("b", 2)))
    sluice("run")
    mongo.client()[mongo.database].shop.create_index("n", unique=True)
    export(tmp_path, rows(("a", 1), ("b", 1)))
    sluice("run", code=65)
    assert counts(sluice("publish", code=65))["rejected"] == 1
    assert {k: d["n"] for k, d in held(mongo).items()} == {"a": 1, "b": 2}
    export(tmp_path, rows(("a", 1), ("b", 3)))
    sluice("run")
    assert {k: d["n"] for k, d in held(mongo).items()} == {"a": 1, "b": 3}


def test_a_row_that_is_refused_with_other_fields_is_told_of_though_no_row_changed(
    make: Make, tmp_path: Path, mongo: Mongo
) -> None:
    fields = "documents: {{shop: {{fields: {{id: id, x: {}}}}}}}"
    sluice = connect(make, write_pipeline(tmp_path, fields.format("id")), mongo)
    export(tmp_path, rows(("a", 1), ("b", 1)))
    sluice("run")
    mongo.client()[mongo.database].shop.create_index("x", unique=True)
    write_pipeline(tmp_path, fields.format("n"))
    for _ in range(2):
        assert counts(sluice("publish", code=65))["rejected"] == 1


def test_a_key_twice_or_null_is_rejected_by_name(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    documents = "documents: {notes: {from: notes, key: [note]}}"
    models = {"notes": "select note, n from shop"}
    sluice = connect(make, write_pipeline(tmp_path, documents, models=models), mongo)
    export(tmp_path, [{"id": "1", "note": "x"}, {"id": "2", "note": "x"}, {"id": "3"}, {"id": "4", "note": "y"}])
    sluice("run", code=65)
    done = sluice("publish", code=65)
    assert counts(done) == {"unchanged": 2, "rejected": 2}
    assert '"notes"' in done.result["error"]
    assert set(held(mongo, "notes")) == {"x", "y"}


def test_a_document_that_sluice_has_not_written_is_left_alone(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path), mongo)
    mongo.client()[mongo.database].shop.insert_one({"_id": "a", "mine": True})
    export(tmp_path, rows(("a", 1), ("b", 2)))
    done = sluice("run", code=65)
    assert "Sluice has not written" in done.result["error"]
    collection = mongo.client()[mongo.database].shop
    assert collection.find_one({"_id": "a"}) == {"_id": "a", "mine": True}
    assert collection.find_one({"_id": "b"})["n"] == 2


def test_another_pipeline_s_collection_is_refused(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    first = connect(make, write_pipeline(tmp_path / "1"), mongo)
    export(tmp_path / "1", rows(("a", 1)))
    first("run")
    other = write_pipeline(tmp_path / "2")
    other.write_text(other.read_text().replace("pipeline: shop", "pipeline: other"))
    export(tmp_path / "2", rows(("b", 1)))
    done = connect(make, other, mongo)("run", code=78)
    assert 'published by "shop.shop"' in done.result["error"]
    assert set(held(mongo)) == {"a"}


# Servers that are not there, or not what they should be


@pytest.mark.parametrize(
    ("uri", "code"),
    [("mongodb://127.0.0.1:1/x", 69), ("mongodb://127.0.0.1:1", 78), ("postgres://127.0.0.1:1/x", 78)],
)
def test_a_connection_that_leads_nowhere(make: Make, tmp_path: Path, uri: str, code: int) -> None:
    sluice = make(write_pipeline(tmp_path))
    sluice.env["SLUICE_CONN_DOCUMENTS"] = uri
    export(tmp_path, rows(("a", 1)))
    sluice("run", code=code)


def test_another_kind_of_server_is_76(make: Make, tmp_path: Path, redis: Redis, postgres: Postgres) -> None:
    sluice = make(write_pipeline(tmp_path))
    export(tmp_path, rows(("a", 1)))
    for port in (redis.port, postgres.port):
        sluice.env["SLUICE_CONN_DOCUMENTS"] = f"mongodb://127.0.0.1:{port}/x"
        done = sluice("run", code=76)
        assert "is no MongoDB" in done.result["error"]


def test_a_wrong_password_is_77_at_once(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    sluice = connect(make, write_pipeline(tmp_path), mongo)
    sluice.env["SLUICE_CONN_DOCUMENTS"] = mongo.uri().replace("//", "//somebody:canary-7f3@")
    export(tmp_path, rows(("a", 1)))
    done = sluice("run", code=77)
    assert "canary" not in done.stderr + done.stdout


# Killed, restored, at the same time


def test_both_sides_are_restored_from_backups(make: Make, tmp_path: Path, secantus: Mongo) -> None:
    """Each by itself, and each time the next publish finds everything that differs."""
    sluice = connect(make, write_pipeline(tmp_path), secantus)
    data = sluice.home / "shop" / "data.db"
    collection = secantus.client()[secantus.database].shop
    marks = secantus.client()[secantus.database]["_sluice"]
    export(tmp_path, rows(("a", 1), ("b", 1)))
    sluice("run")
    old_table, old_documents, old_mark = data.read_bytes(), list(collection.find()), list(marks.find())
    export(tmp_path, rows(("a", 2), ("c", 2)))
    sluice("run")

    data.write_bytes(old_table)  # the database
    sluice("publish")
    assert held(secantus) == {"a": {"id": "a", "n": 1}, "b": {"id": "b", "n": 1}}
    sluice("state", "rescan")
    sluice("run")
    assert held(secantus) == {"a": {"id": "a", "n": 2}, "c": {"id": "c", "n": 2}}

    collection.delete_many({}), marks.delete_many({})  # the collection
    collection.insert_many(old_documents), marks.insert_many(old_mark)
    sluice("publish")
    assert held(secantus) == {"a": {"id": "a", "n": 2}, "c": {"id": "c", "n": 2}}

    data.write_bytes(old_table)  # both, to the same moment, and a publish from before writes on
    collection.delete_many({}), marks.delete_many({})
    collection.insert_many(old_documents), marks.insert_many(old_mark)
    newer = Int64(old_mark[0]["n"] + 1000)
    collection.update_one({"_id": "a"}, {"$set": {"n": 7, "_sl.n": newer}})
    sluice("state", "rescan")
    sluice("run")
    assert held(secantus) == {"a": {"id": "a", "n": 2}, "c": {"id": "c", "n": 2}}


def test_publishes_at_once_end_well_or_say_that_another_has_begun(make: Make, tmp_path: Path, mongo: Mongo) -> None:
    """Begun in the same moment, each may take one of the two marks from another: then all are to be tried again."""
    sluice = connect(make, write_pipeline(tmp_path), mongo, "local")
    export(tmp_path, rows(*((f"k{i:04}", i) for i in range(3000))))
    for stage in ("collect", "normalize", "store"):
        sluice(stage)
    codes = {finish(child).code for child in [sluice.start("publish") for _ in range(4)]}
    assert codes <= {0, 75}, codes
    sluice("publish")
    assert {k: d["n"] for k, d in held(mongo).items()} == {f"k{i:04}": i for i in range(3000)}
    assert counts(sluice("publish", "--full")) == {"unchanged": 3000}


def published_file(sluice: Sluice) -> list[dict[str, Any]]:
    path = sluice.home / "shop" / "documents" / "shop.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_failed_is_not_said_to_be_published(make: Make, tmp_path: Path) -> None:
    sluice = make(write_pipeline(tmp_path), "files")
    export(tmp_path, rows(("a", 1)))
    in_the_way = sluice.home / "shop" / "documents" / "shop.jsonl"
    (in_the_way / "x").mkdir(parents=True)
    done = sluice("run", code=(73, 74))
    assert str(in_the_way) in done.result["error"]
    assert "published" not in done.stderr


def test_a_file_is_replaced_as_a_whole_and_only_by_another(make: Make, tmp_path: Path) -> None:
    file = write_pipeline(tmp_path)
    file.write_text(file.read_text().replace("store: duckdb, documents: {mongo: documents}", "store: duckdb"))
    sluice = make(file)
    export(tmp_path, rows(("b", 2), ("a", 1)))
    sluice("run")
    path = sluice.home / "shop" / "documents" / "shop.jsonl"
    assert published_file(sluice) == [{"_id": "a", "id": "a", "n": 1}, {"_id": "b", "id": "b", "n": 2}]
    inode = path.stat().st_ino
    assert counts(sluice("publish")) == {"unchanged": 2}
    assert path.stat().st_ino == inode
    export(tmp_path, [])
    sluice("run")
    assert published_file(sluice) == []
    assert [p.name for p in path.parent.iterdir() if p.name != ".lock"] == ["shop.jsonl"]


# What the file says


@pytest.mark.parametrize(
    ("documents", "code", "words"),
    [
        ("{a: {from: other}}", "E1004", 'need a "key"'),
        ("{a: {key: nope}}", "E1008", 'no column "nope"'),
        ("{a: {fields: {x: nope}}}", "E1008", 'no column "nope"'),
        ("{a: {fields: {x: n, x.y: note}}}", "E1011", "which is a value"),
        ("{a: {fields: {$x: n}}}", "E1005", "cannot be a path"),
        ("{a: {fields: {_id: n}}}", "E1005", "cannot be a path"),
        ("{a: {fields: {x..y: n}}}", "E1005", "cannot be a path"),
        ('{a: {indexes: "n, "}}', "E1005", "cannot be a path"),
        ("{a: {collection: system.x}}", "E1005", "collection"),
        ("{a: {collection: ../x}}", "E1005", "collection"),
        ("{a: {}, b: {collection: a}}", "E1011", "into one collection"),
        ("{a: {key: [id, id]}}", "E1002", "named twice"),
        ("{a: {gone: nope}}", "E1008", 'no column "nope"'),
    ],
)
def test_a_wrong_section_is_told_with_its_place(
    make: Make, tmp_path: Path, documents: str, code: str, words: str
) -> None:
    done = make(write_pipeline(tmp_path, f"documents: {documents}"))("validate", code=78)
    assert f"error[{code}]" in done.stderr and words in done.stderr and "pipeline.yaml:" in done.stderr
