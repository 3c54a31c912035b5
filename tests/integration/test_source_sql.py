"""Source sql: ranges by a watermark, read in steps, and whole answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib import pipeline
from tests.lib.services import Postgres
from tests.lib.stage import Sluice

CONTRACT = "{id: {type: int64, required: true}, at: timestamp, name: text}"
LATEST = "{table: rows, mode: latest, key: [id], version: at}"
TABLE = "create table events (id bigint primary key, at timestamptz, name text)"


def sql_source(more: str = "", cursor: str = "watermark: at, key: [id]") -> str:
    return f"{{kind: sql, connection: shop, table: events, {cursor}{more}}}"


@pytest.fixture
def shop(postgres: Postgres, make: Callable[..., Sluice], tmp_path: Path) -> Callable[..., Sluice]:
    """A pipeline that reads table events of a database of its own."""

    def factory(source: str = "", store: str = LATEST, table: str = TABLE, **kwargs: str) -> Sluice:
        file = pipeline.write(tmp_path / "p", {"shop": source or sql_source()}, CONTRACT, store, **kwargs)
        sluice = make(file)
        name = f"shop_{tmp_path.name}".replace("-", "_").lower()[:50] + str(len(list(tmp_path.iterdir())))
        postgres.psql(f"create database {name}")
        sluice.env["SLUICE_CONN_SHOP"] = postgres.uri(name)
        sluice.psql = lambda sql: postgres.psql(sql, name)  # type: ignore[attr-defined]
        sluice.psql(table)
        return sluice

    return factory


def insert(s: Sluice, first: int, last: int, at: str = "2026-11-01T00:00:00Z") -> None:
    s.psql(
        f"insert into events select i, timestamptz '{at}' + i * interval '1 s', 'n' || i"
        f" from generate_series({first}, {last}) i"
    )


def ids(s: Sluice) -> list[int]:
    return [r["id"] for r in s.query("select id from rows order by id")]


def test_each_run_reads_what_lies_behind_the_last_one(shop: Callable[..., Sluice]) -> None:
    s = shop()
    insert(s, 1, 3)
    s("run")
    assert ids(s) == [1, 2, 3]
    s("run", code=0)
    insert(s, 4, 5)
    s("run")
    assert ids(s) == [1, 2, 3, 4, 5]
