"""sluice-export: the same rows in every format, whole or not at all, in bounded memory."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.processes import wait_listening
from tests.lib.shop import write_csv, write_pipeline
from tests.lib.stage import Sluice, finish

Make = Callable[..., Sluice]
CONTRACT = """\
contract:
  id: {type: int64, required: true}
  placed: {type: timestamp, zone: UTC}
  day: date
  total: {type: "decimal(12,2)"}
  ratio: float64
  yes: bool
  name: text
  tags: list<text>
"""
RECORDS = [
    {"id": 1, "placed": "2026-01-01T00:00:00Z", "day": "2026-01-01", "total": "12.50", "ratio": 0.1, "yes": True,
     "name": 'a "b", c\nd', "tags": ["x", 'y "z"', "é, [1]"]},
    {"id": 2, "placed": None, "day": None, "total": None, "ratio": None, "yes": None, "name": "", "tags": []},
]  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    path = write_pipeline(folder, contract=CONTRACT, extra="queries: {one: {}}")
    path.write_text(path.read_text().replace("codec: csv", "codec: jsonl"))
    (folder / "queries").mkdir()
    (folder / "queries" / "one.sql").write_text("select name from shop where id = :id::bigint")
    (folder / "inbox" / "a.csv").write_text("".join(json.dumps(r) + "\n" for r in RECORDS))
    return folder


def stored(make: Make, shop: Path, backend: str) -> Sluice:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    return s


WANT = [
    {"id": 1, "placed": "2026-01-01T00:00:00Z", "day": "2026-01-01", "total": 12.5, "ratio": 0.1, "yes": True,
     "name": 'a "b", c\nd', "tags": ["x", 'y "z"', "é, [1]"]},
    {"id": 2, "placed": None, "day": None, "total": None, "ratio": None, "yes": None, "name": "", "tags": []},
]  # fmt: skip


def test_json_and_json_lines_hold_every_type(make: Make, shop: Path, backend: str, tmp_path: Path) -> None:
    s = stored(make, shop, backend)
    by_id = lambda r: r["id"]  # noqa: E731
    assert sorted(json.loads(s("export", "--format", "json", "-o", "-").stdout), key=by_id) == WANT
    out = tmp_path / "rows.jsonl"
    assert s("export", "--format", "jsonl", "-o", str(out)).result["written"] == 2
    assert sorted((json.loads(line) for line in out.read_text().splitlines()), key=by_id) == WANT


def test_csv_tells_empty_text_from_nothing(make: Make, shop: Path, backend: str) -> None:
    s = stored(make, shop, backend)
    text = s("export", "-o", "-", "--sql", "select name, day, total from shop order by id").stdout
    assert text == 'name,day,total\n"a ""b"", c\nd",2026-01-01,12.50\n"",,\n'
    assert list(csv.reader(io.StringIO(text)))[1][0] == 'a "b", c\nd'


def test_parquet_keeps_types_and_values(make: Make, shop: Path, backend: str, tmp_path: Path) -> None:
    """Read back by DuckDB, through a pipeline of our own."""
    s = stored(make, shop, backend)
    reader = make(shop / "pipeline.yaml")
    reader("run")
    out = tmp_path / "it's.parquet"
    assert s("export", "--format", "parquet", "-o", str(out)).result["written"] == 2
    quoted = str(out).replace("'", "''")
    assert sorted(reader.query(f"select * from '{quoted}'"), key=lambda r: r["id"]) == WANT
    types = {r["column_name"]: r["column_type"] for r in reader.query(f"describe select * from '{quoted}'")}
    assert types == {
        "id": "BIGINT", "placed": "TIMESTAMP WITH TIME ZONE", "day": "DATE", "total": "DECIMAL(12,2)",
        "ratio": "DOUBLE", "yes": "BOOLEAN", "name": "VARCHAR", "tags": "VARCHAR[]",
    }  # fmt: skip
    sql = "select sum(total) as s, :k::bigint as k from shop"
    data = subprocess.run(
        s.argv("export", "--sql", sql, "--param", "k=7", "--format", "parquet", "-o", "-"),
        env=s.environment(), capture_output=True, check=True,
    ).stdout  # fmt: skip
    out.write_bytes(data)
    assert reader.query(f"select * from '{quoted}'") == [{"s": 12.5, "k": 7}]
    assert reader.query(f"describe select * from '{quoted}'")[0]["column_type"] == "DECIMAL(38,2)"


def test_parquet_of_no_rows_has_its_columns(make: Make, shop: Path, backend: str, tmp_path: Path) -> None:
    s = stored(make, shop, backend)
    reader = make(shop / "pipeline.yaml")
    reader("run")
    out = tmp_path / "none.parquet"
    s("export", "--format", "parquet", "-o", str(out), "--sql", "select id, total from shop where id < 0")
    assert reader.query(f"select count(*) as n from '{out}'") == [{"n": 0}]
    assert [r["column_name"] for r in reader.query(f"describe select * from '{out}'")] == ["id", "total"]


def test_what_to_export_is_said_once(make: Make, shop: Path, backend: str) -> None:
    s = stored(make, shop, backend)
    assert s("export", "--query", "one", "--param", "id=2", "-o", "-").stdout == 'name\n""\n'
    assert "_sl_" not in s("export", "-o", "-").stdout
    assert s("export", "--table", "sluice.entry", "-o", "-").stdout.startswith("pipeline,source,entry")
    assert "shop" in s("export", "--table", "nowhere", "-o", "-", code=66).result["hint"]
    s("export", code=64)
    s("export", "--table", "shop", "--sql", "select 1", "-o", "-", code=64)
    s("export", "--sql", "delete from shop", "-o", "-", code=64)
    s("export", "--param", "id=1", "-o", "-", code=64)
    assert "one" in s("export", "--query", "two", "-o", "-", code=64).result["hint"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_file_is_there_whole_or_as_it_was(make: Make, shop: Path, backend: str, tmp_path: Path, form: str) -> None:
    s = stored(make, shop, backend)
    out = tmp_path / "out"
    out.mkdir()
    (out / "rows").write_text("as it was")
    divide = "select 1 / (id - 2000000) as x from generate_series(1, 3000000) as t(id)"
    if backend == "embedded":
        divide = (
            "select error('broken') as x from range(3000000) as t(id) where id = 2000000 or id < 2000000 and id < 0"
        )
    assert s("export", "--format", form, "--sql", divide, "-o", str(out / "rows"), code=None).code != 0
    assert [p.name for p in out.iterdir()] == ["rows"] and (out / "rows").read_text() == "as it was"
    slow = "select a.id from generate_series(1, 100000) a(id), generate_series(1, 100000) b(id)"
    child = s.start("export", "--format", form, "--sql", slow.replace("generate_series", "range")
                    if backend == "embedded" else slow, "-o", str(out / "rows"))  # fmt: skip
    wait_listening(child.pid)
    time.sleep(0.5)  # it comes to the rows
    child.send_signal(signal.SIGTERM)
    assert finish(child, 20).code == 143
    assert [p.name for p in out.iterdir()] == ["rows"] and (out / "rows").read_text() == "as it was"


def test_reader_that_goes_away_ends_the_export(make: Make, shop: Path, backend: str) -> None:
    s = stored(make, shop, backend)
    series = "range" if backend == "embedded" else "generate_series"
    rows_sql = f"select * from {series}(1, 3000000)"
    child = subprocess.Popen(
        s.argv("export", "--sql", rows_sql, "-o", "-"),
        env=s.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(60) == 0


def test_embedded_store_is_free_while_a_slow_reader_reads(make: Make, shop: Path) -> None:
    s = stored(make, shop, "embedded")
    child = subprocess.Popen(
        s.argv("export", "--sql", "select * from range(2000000)", "-o", "-"),
        env=s.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout
    child.stdout.readline()
    write_csv(shop, "b.csv", [])
    (shop / "inbox" / "b.csv").write_text(json.dumps(RECORDS[0] | {"id": 9}) + "\n")
    assert s("run").result["inserted"] == 1
    child.stdout.read()
    assert child.wait(60) == 0
