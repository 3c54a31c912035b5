"""Rows that PostgreSQL itself refuses: rejects with their place, judged like all others; the rest is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.services import Postgres
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
IDS = "select id from shop order by id"
CHECK = "alter table shop add constraint cheap check (total < 100)"
TRIGGER = """create function refuse() returns trigger language plpgsql as
    $$begin if new.total >= 100 then raise exception 'too dear'; end if; return new; end$$;
    create trigger refuse before insert or update on shop for each row execute function refuse()"""
AFTER = TRIGGER.replace("before", "after")
DEFERRED = """create function refuse() returns trigger language plpgsql as
    $$begin if new.total >= 100 then raise exception 'too dear'; end if; return null; end$$;
    create constraint trigger refuse after insert or update on shop deferrable initially deferred
    for each row execute function refuse()"""
UNIQUE = "create unique index one_price on shop (total) where total >= 100"


def database(s: Sluice) -> str:
    return s.env["SLUICE_CONN_WAREHOUSE"].rsplit("/", 1)[1]


def shop_with(make: Make, folder: Path, mode: str, limit: str) -> Sluice:
    s = make(write_pipeline(folder, mode, f"rejects: {{limit: {limit}}}"), "local")
    write_csv(folder, "a.csv", rows(1, 3))
    s("run", "--run-id", "r1")
    return s


def dear(folder: Path, ids: list[int], n: int = 40, name: str = "b.csv") -> str:
    """A file of n rows from id 100 on, in which those of ids cost 100 and more."""
    records = [(i, day, f"{100 + i}.00" if i in ids else "9.50", c) for i, day, _, c in rows(100, n)]
    return write_csv(folder, name, records).read_text()


def counts(s: Sluice, run: str) -> dict[str, int]:
    (entry,) = s.query(f"select * from sluice.entry where run = '{run}'")
    assert entry["n_in"] == entry["ok"] + entry["bad"] + entry["dup"] + entry["filtered"]
    return entry


@pytest.mark.parametrize("mode", ["append", "latest"])
@pytest.mark.parametrize(
    ("ddl", "sqlstate"), [(CHECK, "23514"), (TRIGGER, "P0001"), (AFTER, "P0001"), (DEFERRED, "P0001")]
)
def test_refused_rows_are_rejects_with_their_place_and_the_others_are_stored(
    make: Make, tmp_path: Path, postgres: Postgres, mode: str, ddl: str, sqlstate: str
) -> None:
    s = shop_with(make, tmp_path, mode, "3")
    postgres.psql(ddl, database(s))
    text = dear(tmp_path, [100, 117, 139])
    done = s("run", "--run-id", "r2")
    r = done.result
    assert (r["n_in"], r["kept"], r["rejected"], r["inserted"]) == (40, 37, 3, 37)
    assert [x["id"] for x in s.query(IDS)] == [1, 2, 3, *(i for i in range(100, 140) if i not in (100, 117, 139))]
    entry = counts(s, "r2")
    assert (entry["ok"], entry["bad"], entry["inserted"]) == (37, 3, 37)
    assert s.query("select part, n_in, ok, bad from sluice.part where name = 'inbox/b.csv'") == [
        {"part": 0, "n_in": 40, "ok": 37, "bad": 3}
    ]
    shown = s("rejects", "show", "--format", "json").rows()
    assert [text[x["offset"] :][: x["length"]].split(",")[0] for x in shown] == ["100", "117", "139"]
    assert [x["line"] for x in shown] == [2, 19, 41]
    assert {x["rule"] for x in shown} == {"store"}
    assert all(f"SQLSTATE {sqlstate}" in x["reason"] and "217" not in x["reason"] for x in shown)
    assert "217.00" not in done.stderr, "no log shows a row"
    again = s("run", "--run-id", "r2").result
    assert (again["written"], again["kept"], again["rejected"]) == (0, 37, 3)


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_more_than_the_limit_refuses_the_entry_until_the_table_is_mended(
    make: Make, tmp_path: Path, postgres: Postgres, mode: str
) -> None:
    s = shop_with(make, tmp_path, mode, "0")
    postgres.psql(CHECK, database(s))
    dear(tmp_path, [117])
    done = s("run", "--run-id", "r2", code=65)
    assert (done.result["rejected"], done.result["pending"], done.result["written"]) == (1, 1, 0)
    assert [x["id"] for x in s.query(IDS)] == [1, 2, 3]
    (shown,) = s("rejects", "show", "--format", "json").rows()
    assert (shown["line"], shown["entry_is"], shown["rule"]) == (19, "refused", "store")
    assert counts(s, "r2")["bad"] == 1
    postgres.psql("alter table shop drop constraint cheap", database(s))
    assert s("run", "--run-id", "r2").result["inserted"] == 40
    assert s("rejects", "show", "--format", "json").rows() == []
    assert counts(s, "r2")["ok"] == 40


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_a_table_that_refuses_everything_is_not_asked_for_ever(
    make: Make, tmp_path: Path, postgres: Postgres, mode: str
) -> None:
    s = shop_with(make, tmp_path, mode, "10%")
    postgres.psql(CHECK, database(s))
    dear(tmp_path, list(range(100, 4100)), 4000)
    log = "--log-level", "debug", "--log-format", "json"
    done = s("run", "--run-id", "r2", *log, code=65)
    assert done.result["written"] == 0
    assert done.stderr.count("savepoint sl_row") < 4000 * 3
    assert s.query("select count(*) as n from sluice.reject")[0]["n"] == done.result["rejected"] <= 1000
    assert [x["id"] for x in s.query(IDS)] == [1, 2, 3]


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_of_two_rows_that_exclude_each_other_the_first_stays(
    make: Make, tmp_path: Path, postgres: Postgres, mode: str
) -> None:
    s = shop_with(make, tmp_path, mode, "1")
    postgres.psql(UNIQUE, database(s))
    records = [
        (i, f"2026-01-0{1 + i % 5}T00:00:00Z", "100.00" if i in (10, 15) else "9.50", "FR") for i in range(10, 20)
    ]
    write_csv(tmp_path, "b.csv", records)
    assert s("run", "--run-id", "r2").result["rejected"] == 1
    assert [x["id"] for x in s.query(IDS)] == [1, 2, 3, *(i for i in range(10, 20) if i != 15)]


def test_refused_update_leaves_the_older_row(make: Make, tmp_path: Path, postgres: Postgres) -> None:
    s = shop_with(make, tmp_path, "latest", "1")
    postgres.psql(CHECK, database(s))
    write_csv(tmp_path, "b.csv", [*rows(1, 1, "150.00", day=2), *rows(2, 2, "7.25", day=2)])
    r = s("run", "--run-id", "r2").result
    assert (r["kept"], r["rejected"], r["updated"]) == (2, 1, 2)
    found = {x["id"]: str(x["total"]) for x in s.query("select id, total from shop")}
    assert found == {1: "9.5", 2: "7.25", 3: "7.25"}


def test_not_null_that_the_contract_does_not_know_names_its_column(
    make: Make, tmp_path: Path, postgres: Postgres
) -> None:
    s = shop_with(make, tmp_path, "append", "1")
    postgres.psql("alter table shop alter country set not null", database(s))
    write_csv(tmp_path, "b.csv", [*rows(10, 2), (12, "2026-01-01T00:00:00Z", "1.00", "")])
    assert s("run", "--run-id", "r2").result["rejected"] == 1
    (shown,) = s("rejects", "show", "--format", "json").rows()
    assert (shown["field"], shown["line"]) == ("country", 4)


def test_several_inputs_and_parts_each_keep_their_own(make: Make, tmp_path: Path, postgres: Postgres) -> None:
    s = shop_with(make, tmp_path, "append", "4")
    postgres.psql(CHECK, database(s))
    many = [(i, "2026-01-01T00:00:00Z", "500.00" if i in (1_000, 30_000) else "1.00", "FR") for i in range(35_000)]
    write_csv(tmp_path, "b.csv", many)
    dear(tmp_path, [101, 102], name="c.csv")
    r = s("run", "--run-id", "r2").result
    assert (r["kept"], r["rejected"]) == (35_036, 4)
    shown = s("rejects", "show", "--format", "json").rows()
    found = [(x["input"], x["line"]) for x in shown]
    assert found == [("inbox/b.csv", 1_002), ("inbox/b.csv", 30_002), ("inbox/c.csv", 3), ("inbox/c.csv", 4)]
    assert json.dumps(shown).count("SQLSTATE 23514") == 4


def test_a_row_that_goes_makes_room_for_another(make: Make, tmp_path: Path, postgres: Postgres) -> None:
    """A full export: the key that had the only price of its kind is gone, another one has that price."""
    path = write_pipeline(tmp_path, "latest")
    path.write_text(path.read_text().replace("codec: csv}", "codec: csv, input: whole}"))
    s = make(path, "local")
    write_csv(tmp_path, "a.csv", [*rows(1, 3), *rows(9, 1, total="100.00")])
    s("run", "--run-id", "r1")
    postgres.psql(UNIQUE, database(s))
    write_csv(tmp_path, "a.csv", [*rows(1, 3), *rows(10, 1, total="100.00")])
    r = s("run", "--run-id", "r2").result
    assert (r["inserted"], r["unchanged"], r["rejected"], r["written"]) == (1, 3, 0, 2)
    assert [x["id"] for x in s.query(IDS)] == [1, 2, 3, 10]
