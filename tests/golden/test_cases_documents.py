"""Field cases of documents: ../shared/cases, read from a server that speaks MongoDB's protocol and from files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bson.raw_bson import RawBSONDocument

from tests.lib.pipeline import file_source, write
from tests.lib.services import Mongo
from tests.lib.stage import BIN, Sluice

Make = Callable[..., Sluice]


@pytest.fixture
def shop(java_mongo: Mongo, make: Make, tmp_path: Path) -> Callable[..., Sluice]:
    def of(contract: str, extra: str = "") -> Sluice:
        source = "{kind: mongo, connection: shop, collection: events, watermark: _id}"
        s = make(write(tmp_path, {"shop": source}, contract, extra=extra))
        s.env["SLUICE_CONN_SHOP"] = java_mongo.uri()
        return s

    return of


def test_m03_a_date_outside_the_years_1_to_9999_rejects_its_document_only(
    shop: Callable[..., Sluice], java_mongo: Mongo, inputs: Path
) -> None:
    events = java_mongo.client()[java_mongo.database]["events"]  # the other server refuses such dates
    events.insert_many([RawBSONDocument(d) for d in split((inputs / "m03.bson").read_bytes())])
    s = shop("{id: {type: int64, from: _id}, d: timestamp}", "rejects: {limit: 3}")
    done = s("run", "--run-id", "r")
    assert done.result["n_in"] == 5
    kept = {r["id"]: r["d"] for r in s.query("select id, cast(d as varchar) as d from rows order by id")}
    assert kept[1].startswith("2024-06-10 15:04:05.127") and kept[5].startswith("1970-01-01 00:00:00")
    rejects = s.query("select field, reason from sluice.reject")
    assert len(kept) + len(rejects) == 5 and {r["field"] for r in rejects} <= {"d"}
    assert 4 not in kept, "-2^63 ms fits nowhere"


def split(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = int.from_bytes(data[:4], "little")
        found.append(data[:size])
        data = data[size:]
    return found


def test_m06_a_field_that_is_rare_or_null_at_first_is_loaded_and_proposed(
    make: Make, tmp_path: Path, inputs: Path
) -> None:
    contract = "{id: {type: int64, from: _id}, fin: timestamp, prix: 'decimal(12,2)', promo: text}"
    s = make(write(tmp_path / "p", {"drop": file_source(codec="jsonl")}, contract))
    (tmp_path / "p" / "inbox" / "m06.ndjson.gz").write_bytes((inputs / "m06.ndjson.gz").read_bytes())
    assert s("run").result["kept"] == 2000
    counts = "select count(*) filter (fin is null) as no, count(fin) as yes, count(promo) as promo from rows"
    assert s.query(counts) == [{"no": 1500, "yes": 500, "promo": 10}]
    assert s.query("select cast(prix as varchar) as p from rows where id = 1995") == [{"p": "1995.50"}]
    made = tmp_path / "made"
    asked = [str(BIN / "sluice"), "init", str(made), "--from", str(tmp_path / "p" / "inbox" / "*.gz")]
    subprocess.run(asked, check=True, capture_output=True)
    proposed = (made / "pipeline.yaml").read_text()
    assert "fin: timestamp" in proposed and "promo: text  # 10 of 2000 have one" in proposed
