"""Exported files hold what the table holds: other programs read the same rows, from either engine."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
SQL = (
    "select id, cast(total as decimal(12,2)) as total, placed, country,"
    " case when id = 2 then null else 'é\"x,' end as note, id > 1 as late from shop order by id"
)
ROWS: list[dict[str, Any]] = [
    {"id": 1, "total": 9.5, "placed": "2026-01-03T00:00:00Z", "country": "FR", "note": 'é"x,', "late": False},
    {"id": 2, "total": 9.5, "placed": "2026-01-03T00:00:00Z", "country": "FR", "note": None, "late": True},
]


@pytest.fixture
def shop(make: Make, tmp_path: Path, backend: str) -> Sluice:
    s = make(write_pipeline(tmp_path / "shop"), backend)
    write_csv(tmp_path / "shop", "a.csv", rows(1, 2, day=3))
    s("run")
    return s


def exported(shop: Sluice, path: Path, *words: str) -> Path:
    """The file's ending says the format; test_export_types names it."""
    done = shop("export", "-o", str(path), *words)
    assert (done.stdout, done.result["kept"]) == ("", 2)
    return path


def test_csv_json_and_json_lines_give_the_rows(shop: Sluice, tmp_path: Path) -> None:
    with exported(shop, tmp_path / "t.csv", "--sql", SQL).open(newline="", encoding="utf-8") as file:
        assert [r["note"] for r in csv.DictReader(file)] == ['é"x,', ""]
    assert json.loads(exported(shop, tmp_path / "t.json", "--sql", SQL).read_text(encoding="utf-8")) == ROWS
    lines = exported(shop, tmp_path / "t.jsonl", "--sql", SQL).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS


def test_parquet_keeps_values_and_types(make: Make, shop: Sluice, tmp_path: Path) -> None:
    path = exported(shop, tmp_path / "t.parquet", "--sql", SQL)
    assert path.read_bytes()[:4] == path.read_bytes()[-4:] == b"PAR1"
    reader = make(shop.pipeline)
    reader("run")
    read = f"read_parquet('{path}')"
    assert reader.query(f"select id, total, note, late from {read} order by id") == [
        {k: r[k] for k in ("id", "total", "note", "late")} for r in ROWS
    ]
    (types,) = reader.query(f"select typeof(id) as i, typeof(total) as t, typeof(late) as l from {read} limit 1")
    assert (types["i"], types["l"]) == ("BIGINT", "BOOLEAN")
    assert types["t"].startswith("DECIMAL(") and types["t"].endswith(",2)")


def test_the_pipelines_table_is_exported_without_hidden_columns(shop: Sluice, tmp_path: Path) -> None:
    head = exported(shop, tmp_path / "t.csv").read_text().splitlines()[0]
    assert head == "id,placed,total,country"


def test_failed_export_leaves_the_old_file(shop: Sluice, tmp_path: Path) -> None:
    path = exported(shop, tmp_path / "t.csv")
    before = path.read_text()
    for form in ("csv", "parquet"):
        done = shop("export", "-o", str(path), "--format", form, "--sql", "select nothing from shop", code=None)
        assert done.code in (64, 78), done.stderr
        assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith((".", "t."))] == ["t.csv"]
