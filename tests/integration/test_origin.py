"""A table and the log that it was made from belong together: another HOME must not pass for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib import pipeline
from tests.lib.services import Postgres
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
LOG = ("log", "seen", "bronze", "clean", "stored", "runs")


def lose_home(s: Sluice) -> None:
    """All but the embedded database."""
    for name in LOG:
        shutil.rmtree(s.home / "shop" / name, ignore_errors=True)


def stored(s: Sluice) -> list[tuple[int, str]]:
    return [(r["id"], str(r["total"])) for r in s.query(ALL)]


def fresh(make: Make, s: Sluice) -> list[tuple[int, str]]:
    other = make(s.pipeline)
    other("run")
    return stored(other)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_csv_of(tmp_path / "shop", "append", 3)
    return tmp_path / "shop"


def write_csv_of(folder: Path, mode: str, n: int) -> None:
    write_pipeline(folder, mode)
    write_csv(folder, "a.csv", rows(1, n))
    write_csv(folder, "b.csv", rows(100, 2))


@pytest.mark.parametrize("mode", ["append", "latest"])
@pytest.mark.parametrize("runs", [1, 3])
def test_lost_home_is_refused_until_the_table_is_adopted(
    make: Make, folder: Path, backend: str, mode: str, runs: int
) -> None:
    write_pipeline(folder, mode)
    s = make(folder / "pipeline.yaml", backend)
    for n in range(runs):
        write_csv(folder, "a.csv", rows(1, 3 + n))
        s("run")
    before = stored(s)
    lose_home(s)
    changed = [*rows(1, 3 + runs, total="7.00", day=2)]
    write_csv(folder, "a.csv", changed)
    for _ in range(runs + 1):
        refused = s("run", code=78).result
        assert "made with another HOME" in refused["error"] and "--adopt" in refused["hint"]
        assert stored(s) == before
    s("store", "--run-id", "take", "--adopt")
    assert stored(s) == fresh(make, s)
    assert s("run").result["written"] == 0
    write_csv(folder, "a.csv", rows(1, 2, total="8.00", day=3))
    s("run")
    if mode == "append":
        assert stored(s) == fresh(make, s)


def test_older_home_that_was_restored_is_refused(make: Make, folder: Path, backend: str, tmp_path: Path) -> None:
    s = make(folder / "pipeline.yaml", backend)
    s("run", "--run-id", "r1")
    backup = tmp_path / "backup"
    shutil.copytree(s.home / "shop", backup, ignore=shutil.ignore_patterns("data.db*"))
    write_csv(folder, "a.csv", rows(1, 4))
    s("run", "--run-id", "r2")
    lose_home(s)
    shutil.copytree(backup, s.home / "shop", dirs_exist_ok=True)
    write_csv(folder, "a.csv", rows(1, 5))
    assert "made with another HOME" in s("run", "--run-id", "r3", code=78).result["error"]
    s("store", "--run-id", "r3", "--adopt")
    assert stored(s) == fresh(make, s)


def test_log_that_grew_alone_is_no_other(make: Make, folder: Path, backend: str) -> None:
    s = make(folder / "pipeline.yaml", backend)
    s("run")
    write_csv(folder, "a.csv", rows(1, 4))
    s("collect", "--run-id", "later")
    s("run")
    assert stored(s) == fresh(make, s)


def test_rows_of_inputs_that_are_gone_stay_when_adopted(make: Make, folder: Path, backend: str) -> None:
    s = make(folder / "pipeline.yaml", backend)
    s("run")
    before = stored(s)
    lose_home(s)
    (folder / "inbox" / "b.csv").unlink()
    s("run", code=78)
    s("store", "--run-id", "take", "--adopt")
    assert stored(s) == before


def test_replay_passes_over_adopted_rows_that_no_entry_of_this_log_made(make: Make, folder: Path, backend: str) -> None:
    s = make(folder / "pipeline.yaml", backend)
    s("run")
    before = stored(s)
    lose_home(s)
    (folder / "inbox" / "b.csv").unlink()
    s("store", "--run-id", "take", "--adopt")
    s("run")
    assert s("store", "--run-id", "all", "--replay").result["written"] == 0
    assert stored(s) == before


def test_homes_whose_steps_are_named_alike_are_told_apart(make: Make, tmp_path: Path, postgres: Postgres) -> None:
    """A step's name does not tell its bytes: the same run and question in another HOME is not the same log."""
    source = "{kind: sql, connection: shop, table: events, watermark: at, key: [id]}"
    file = pipeline.write(tmp_path / "p", {"shop": source}, "{id: int64, at: timestamp}", "{table: rows, mode: append}")
    first, other = make(file, "local"), make(file, "local")
    for s in (first, other):
        s.env["SLUICE_CONN_SHOP"] = s.env["SLUICE_CONN_WAREHOUSE"]
        name = s.env["SLUICE_CONN_SHOP"].rpartition("/")[2]
        postgres.psql("create table events (id bigint primary key, at timestamptz)", name)
        postgres.psql(f"insert into events values ({1 if s is first else 2}, '2026-11-01T00:00:00Z')", name)
    first("run", "--run-id", "r1")
    other.env["SLUICE_CONN_WAREHOUSE"] = first.env["SLUICE_CONN_WAREHOUSE"]
    assert "another HOME" in other("run", "--run-id", "r1", code=78).result["error"]
    assert first.query("select id from rows") == [{"id": 1}]
    other("store", "--run-id", "r1", "--adopt")
    assert {r["id"] for r in first.query("select id from rows")} >= {2}
