"""How often a small run asks its store: most of what a tiny task costs is the engine, so each question is counted.

The bars are today's numbers: who needs one more statement in a run raises them and says why.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lib.services import Postgres
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

FIRST_STORE = {"embedded": 34, "local": 40}
RERUN = {"embedded": 11, "local": 9}
AGGREGATE = 9


def asked(sluice: Sluice, exe: str, *args: str) -> list[str]:
    done = sluice(exe, "--run-id", "r", "--log-level", "debug", "--log-format", "json", *args)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    return [line["statement"] for line in lines if line.get("message") == "sql"]


@pytest.fixture
def shop(tmp_path: Path, make, backend: str) -> Sluice:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "per_country.sql").write_text("select country, count(*) as n from shop group by country")
    path = write_pipeline(tmp_path, "latest", "models:\n  per_country: {as: view}")
    write_csv(tmp_path, "a.csv", rows(1, 10))
    sluice = make(path, backend)
    sluice("collect", "--run-id", "r")
    sluice("normalize", "--run-id", "r")
    return sluice


def test_first_store_opens_once_and_asks_little(shop: Sluice, backend: str) -> None:
    first = asked(shop, "store")
    assert len(first) <= FIRST_STORE[backend], "\n".join(first)
    assert sum("create table" in sql and "sluice.applied" in sql for sql in first) == 1
    if backend == "embedded":
        assert sum("data.db'" in sql for sql in first) == 1, "the file is opened once"
        assert sum(sql.startswith("attach") for sql in first) == 2, "once more to make it"
    assert not [sql for sql in first if "information_schema" in sql], "slow on both engines"


def test_exact_rerun_asks_only_what_is_there(shop: Sluice, backend: str) -> None:
    shop("store", "--run-id", "r")
    again = asked(shop, "store")
    assert len(again) <= RERUN[backend], "\n".join(again)
    assert not [sql for sql in again if sql.split()[0] in {"begin", "insert", "update", "delete", "create"}]


INDEXES = "select count(*) from pg_index where indrelid = 'shop'::regclass"


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_a_new_table_gets_its_index_behind_its_first_rows(make, postgres: Postgres, tmp_path: Path, mode: str) -> None:
    """Also one whose first store was killed before, which left it empty and without."""
    shop = make(write_pipeline(tmp_path, mode), "local")
    database = shop.env["SLUICE_CONN_WAREHOUSE"].rpartition("/")[2]
    write_csv(tmp_path, "a.csv", rows(1, 10))
    for name in ("collect", "normalize"):
        shop(name, "--run-id", "r")
    made = [sql for sql in asked(shop, "store") if '"shop"' in sql and sql.startswith("create")]
    assert [" index on " in sql for sql in made] == [False, True], made
    assert postgres.psql(INDEXES, database) == "1"
    postgres.psql("do $$ begin execute 'drop index ' || (select indexrelid::regclass from pg_index"
                  " where indrelid = 'shop'::regclass); end $$", database)  # fmt: skip
    write_csv(tmp_path, "b.csv", rows(11, 10))
    shop("run", "--run-id", "second")
    assert postgres.psql(INDEXES, database) == "1"
    write_csv(tmp_path, "c.csv", rows(21, 10))
    shop("run", "--run-id", "third")
    assert postgres.psql(INDEXES, database) == "1"


def test_every_key_newer_is_one_update_within_its_pages(make, postgres: Postgres, tmp_path: Path) -> None:
    """Neither verdicts nor entries in the index: what such a night costs is the UPDATE."""
    shop = make(write_pipeline(tmp_path, "latest"), "local")
    write_csv(tmp_path, "a.csv", rows(1, 5000))
    shop("run", "--run-id", "first")
    write_csv(tmp_path, "b.csv", rows(1, 5000, day=2))
    shop("collect", "--run-id", "r")
    shop("normalize", "--run-id", "r")
    made = asked(shop, "store")
    assert sum(sql.startswith('update "shop"') for sql in made) == 1, "\n".join(made)
    assert not [sql for sql in made if "_sl_verdict" in sql]
    database = shop.env["SLUICE_CONN_WAREHOUSE"].rpartition("/")[2]
    told = "select pg_stat_force_next_flush(); select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables"
    updated, within = map(int, postgres.psql(f"{told} where relname = 'shop'", database).split("|"))
    assert updated == 5000
    assert within >= 4500


def test_aggregate_asks_little(shop: Sluice, backend: str) -> None:
    shop("store", "--run-id", "r")
    made = asked(shop, "aggregate")
    assert len(made) <= AGGREGATE, "\n".join(made)
