"""Troubles that people met in the field with documents, with their inputs: the right answer is known beforehand."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bson.raw_bson import RawBSONDocument

from tests.lib import pipeline
from tests.lib.published import connect, held, write_pipeline
from tests.lib.services import Mongo
from tests.lib.stage import BIN, Sluice

Make = Callable[..., Sluice]


def published(make: Make, folder: Path, server: Mongo, name: str, content: bytes, contract: str, more: str) -> Sluice:
    """A pipeline over one file, whose rows become documents."""
    store = "store: {table: shop, mode: latest, key: [key]}"
    file = write_pipeline(folder, store=store, contract=f"contract: {contract}")
    file.write_text(file.read_text() + more)
    (folder / "inbox" / name).write_bytes(content)
    return connect(make, file, server)


def test_m02_keys_with_dots_and_dollars(make: Make, tmp_path: Path, mongo: Mongo, inputs: Path) -> None:
    """Each is reached by its name, and its document has the contract's names: nothing becomes a sub-document."""
    contract = """{key: {type: text, from: _id}, prix_m2: {type: int64, from: prix.m2}, titre: text,
  comment: {type: text, from: $comment}, urn: {type: text, from: $id}, vide: {type: int64, from: ""},
  a: {type: int64, from: a.}, b: {type: int64, from: .b}, classe: {type: text, from: infos.dpe.classe},
  ref: {type: text, from: infos.$ref}}"""
    content = (inputs / "m02.ndjson").read_bytes()
    sluice = published(make, tmp_path, mongo, "m02.jsonl", content, contract, "")
    wanted = {
        "d1": {"key": "d1", "prix_m2": 9744, "titre": "Studio"},
        "d2": {"key": "d2", "comment": "x", "urn": "urn:x"},
        "d3": {"key": "d3", "vide": 1, "a": 2, "b": 3},
        "d4": {"key": "d4", "classe": "C", "ref": "z"},
    }
    sluice("run")
    assert held(mongo) == wanted
    assert sluice("publish", "--full").result["unchanged"] == 4
    assert held(mongo) == wanted


@pytest.mark.parametrize("name", ["prix.m2", "$comment", "a.", ".b"])
def test_m02_such_a_name_is_refused_for_a_column(make: Make, tmp_path: Path, name: str) -> None:
    contract = f"contract: {{id: text, {json.dumps(name)}: int64}}"
    done = make(write_pipeline(tmp_path, contract=contract))("validate", code=78)
    assert f'column "{name}"' in done.stderr


def fetched(make: Make, folder: Path, server: Mongo, contract: str, backend: str, limit: int = 0) -> Sluice:
    """A pipeline that reads the collection "case" as a whole."""
    source = "{kind: mongo, connection: documents, collection: case, input: whole}"
    file = pipeline.write(folder, {"case": source}, contract, extra=f"rejects: {{limit: {limit}}}")
    sluice = make(file, backend)
    sluice.env["SLUICE_CONN_DOCUMENTS"] = server.uri()
    return sluice


def test_m03_dates_outside_of_the_years_1_to_9999(
    make: Make, tmp_path: Path, java_mongo: Mongo, inputs: Path, backend: str
) -> None:
    """They are rejects that name the field; the others stay, to the millisecond. SecantusDB cannot hold such dates."""
    documents: list[Any] = [RawBSONDocument(raw) for raw in split((inputs / "m03.bson").read_bytes())]
    java_mongo.client()[java_mongo.database]["case"].insert_many(documents)
    contract = "{id: {type: int64, from: _id}, d: timestamp}"
    sluice = fetched(make, tmp_path, java_mongo, contract, backend, limit=3)
    done = sluice("run")
    assert (done.result["n_in"], done.result["kept"], done.result["rejected"]) == (5, 2, 3)
    rows = sluice("query", "--sql", "select id, d from rows order by id", "--format", "csv").stdout.splitlines()
    assert rows[1:] == ["1,2024-06-10T15:04:05.127000Z", "5,1970-01-01T00:00:00Z"]
    assert {r["field"] for r in sluice.query("select field from sluice.reject")} == {"d"}
    sluice("run", "--again", "--set", "rejects.limit=0", code=65)


def split(content: bytes) -> list[bytes]:
    found = []
    while content:
        size = int.from_bytes(content[:4], "little")
        found.append(content[:size])
        content = content[size:]
    return found


def test_m05_a_document_of_more_than_16_mib(make: Make, tmp_path: Path, secantus: Mongo, inputs: Path) -> None:
    """It fits no part, so it is one reject long before anything is sent; the small ones beside it are published."""
    content = gzip.decompress((inputs / "m05.ndjson.gz").read_bytes())
    contract = "{key: {type: int64, from: _id}, t: text}"
    sluice = published(make, tmp_path, secantus, "m05.jsonl", content, contract, "rejects: {limit: 1}\n")
    done = sluice("run")
    assert (done.result["n_in"], done.result["kept"], done.result["rejected"]) == (3, 2, 1)
    assert held(secantus) == {1: {"key": 1, "t": "petit"}, 3: {"key": 3, "t": "apres"}}
    (reject,) = sluice.query("select byte_length, reason from sluice.reject")
    assert reject["byte_length"] > 16 << 20 and "larger than a part" in reject["reason"]


def test_m06_a_field_that_is_null_at_first(make: Make, tmp_path: Path, secantus: Mongo, inputs: Path) -> None:
    """The contract says its type, so the first thousand documents do not."""
    lines = gzip.decompress((inputs / "m06.ndjson.gz").read_bytes()).decode().splitlines()
    secantus.client()[secantus.database]["case"].insert_many([json.loads(line) for line in lines])
    contract = '{id: {type: int64, from: _id}, fin: timestamp, prix: "decimal(12,2)"}'
    sluice = fetched(make, tmp_path, secantus, contract, "embedded")
    assert sluice("run").result["kept"] == 2000
    sql = "select count(*) as n, count(fin) as ends, max(case when id = 1995 then prix end) as price from rows"
    (row,) = sluice.query(sql)
    assert (row["n"], row["ends"], float(row["price"])) == (2000, 500, 1995.5)


def test_m06_the_guess_of_a_contract_looks_at_every_document(tmp_path: Path, inputs: Path) -> None:
    (tmp_path / "six.jsonl").write_bytes(gzip.decompress((inputs / "m06.ndjson.gz").read_bytes()))
    argv = [str(BIN / "sluice"), "init", "six", "--from", "six.jsonl"]
    subprocess.run(argv, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    guessed = (tmp_path / "pipelines" / "six" / "pipeline.yaml").read_text()
    assert "fin: timestamp  # 500 of 2000" in guessed and "promo: text  # 10 of 2000" in guessed
