"""store.evolve: what happens when the contract's columns are no longer those of the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.pipeline import file_source, write
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
OLD = '{id: {type: int64, required: true}, price: "decimal(6,2)", code: int64}'
MORE = '{id: {type: int64, required: true}, price: "decimal(6,2)", code: int64, note: text}'
STORE = {
    "append": "{{table: rows, mode: append, evolve: {}}}",
    "latest": "{{table: rows, mode: latest, key: [id], evolve: {}}}",
}
ALL = "select * from rows order by id"


@pytest.fixture(params=["append", "latest"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Shop:
    def __init__(
        self, make: Make, folder: Path, backend: str, mode: str, evolve: str, rows: str = "1,1.50,7\n2,2.50,8\n"
    ) -> None:
        self.folder, self.mode, self.evolve = folder, mode, evolve
        self.rules(OLD)
        self.s = make(folder / "pipeline.yaml", backend)
        self.add("a.csv", "id,price,code\n" + rows)
        self.s("run", "--run-id", "r1")

    def rules(self, contract: str, evolve: str = "", limit: int = 0) -> None:
        store = STORE[self.mode].format(evolve or self.evolve)
        write(self.folder, {"drop": file_source(codec="csv")}, contract, store, f"rejects: {{limit: {limit}}}")

    def add(self, name: str, text: str) -> None:
        (self.folder / "inbox" / name).write_text(text)

    def rows(self) -> list[dict[str, object]]:
        return [{k: v for k, v in row.items() if not k.startswith("_sl_")} for row in self.s.query(ALL)]


@pytest.fixture
def shop(make: Make, tmp_path: Path, backend: str, mode: str) -> Callable[[str], Shop]:
    return lambda evolve: Shop(make, tmp_path / "shop", backend, mode, evolve)


def test_fail_is_the_default_and_names_the_column(shop: Callable[[str], Shop]) -> None:
    x = shop("fail")
    x.rules(MORE)
    x.add("b.csv", "id,price,code,note\n3,3.50,9,new\n")
    done = x.s("run", "--run-id", "r2", code=78)
    assert 'no column "note"' in done.result["error"] and "evolve" in done.result["hint"]
    assert [r["id"] for r in x.rows()] == [1, 2]
    x.rules('{id: {type: int64, required: true}, price: "decimal(6,2)"}')
    assert 'a column "code" more' in x.s("run", "--run-id", "r2", code=78).result["error"]


def test_add_brings_new_columns_and_wider_types_and_plan_shows_the_sql_first(shop: Callable[[str], Shop]) -> None:
    x = shop("add")
    x.rules('{id: {type: int64, required: true}, price: "decimal(12,4)", code: text, note: text}')
    x.add("b.csv", "id,price,code,note\n3,123456.7891,x9,new\n")
    shown = x.s("plan", "--ddl").stdout
    for part in ('add column if not exists "note"', 'alter column "price" type', 'alter column "code" type'):
        assert part in shown, shown
    assert shown.count(";") == 3
    assert "note" not in x.rows()[0], "shown, not done"
    r = x.s("run", "--run-id", "r2").result
    assert (r["kept"], r["inserted"]) == (1, 1)
    found = {row["id"]: (float(row["price"]), row["code"], row["note"]) for row in x.rows()}
    assert found == {1: (1.5, "7", None), 2: (2.5, "8", None), 3: (123456.7891, "x9", "new")}
    assert x.s("plan", "--ddl").stdout == ""
    assert x.s("run", "--run-id", "r2").result["written"] == 0
    x.add("a.csv", "id,price,code,note\n1,1.50,7,late\n2,2.50,8,\n")
    x.s("run", "--run-id", "r3")
    assert {row["id"]: row["note"] for row in x.rows()} == {1: "late", 2: None, 3: "new"}
    x.s("rebuild")
    assert {row["id"]: row["note"] for row in x.rows()} == {1: "late", 2: None, 3: "new"}


def test_add_keeps_a_column_that_the_contract_lost_and_writes_null_there(shop: Callable[[str], Shop]) -> None:
    x = shop("add")
    x.rules('{id: {type: int64, required: true}, price: "decimal(6,2)"}')
    x.add("b.csv", "id,price\n3,3.50\n")
    x.s("run", "--run-id", "r2")
    assert {row["id"]: row["code"] for row in x.rows()} == {1: 7, 2: 8, 3: None}
    x.add("a.csv", "id,price\n1,9.50\n2,8.50\n")
    x.s("run", "--run-id", "r3")
    assert {row["id"]: row["code"] for row in x.rows()} == {1: None, 2: None, 3: None}
    x.s("rebuild")
    assert "code" not in x.rows()[0]


@pytest.mark.parametrize(
    "contract",
    [
        '{id: {type: int64, required: true}, price: "decimal(5,2)", code: int64}',
        '{id: {type: int64, required: true}, price: "decimal(6,2)", code: date}',
        "{id: {type: int64, required: true}, price: float64, code: int64}",
    ],
)
def test_add_refuses_what_could_lose_a_value(shop: Callable[[str], Shop], contract: str) -> None:
    x = shop("add")
    x.rules(contract)
    x.add("b.csv", "id,price,code\n3,3.50,9\n")
    done = x.s("run", "--run-id", "r2", code=78)
    assert "the contract says" in done.result["error"] and "rebuild" in done.result["hint"]
    assert [r["id"] for r in x.rows()] == [1, 2]


def test_ignore_stores_the_rest_of_the_row(shop: Callable[[str], Shop]) -> None:
    x = shop("ignore")
    x.rules('{note: text, id: {type: int64, required: true}, price: "decimal(6,2)", code: int64}')
    x.add("b.csv", "id,price,code,note\n3,3.50,9,new\n")
    done = x.s("run", "--run-id", "r2")
    assert (done.result["kept"], done.result["rejected"]) == (1, 0)
    warnings = [w for w in done.stderr.splitlines() if w.startswith("WARNING") and "note" in w]
    assert len(warnings) == 1, done.stderr
    assert x.rows()[2] == {"id": 3, "price": 3.5, "code": 9}
    assert x.s("plan", "--ddl").stdout == ""


def test_reject_makes_rejects_of_rows_with_a_value_that_has_no_column(shop: Callable[[str], Shop]) -> None:
    x = shop("reject")
    x.rules('{note: text, id: {type: int64, required: true}, price: "decimal(6,2)", code: int64}', limit=1)
    x.add("b.csv", "id,price,code,note\n3,3.50,9,\n4,4.50,9,new\n5,5.50,9,\n")
    r = x.s("run", "--run-id", "r2").result
    assert (r["n_in"], r["kept"], r["rejected"], r["inserted"]) == (3, 2, 1, 2)
    assert [row["id"] for row in x.rows()] == [1, 2, 3, 5]
    (shown,) = x.s("rejects", "show", "--format", "json").rows()
    assert (shown["line"], shown["field"], shown["rule"]) == (3, "note", "store")
    assert shown["reason"] == "the table has no such column"
    assert x.s("run", "--run-id", "r2").result["written"] == 0
    x.add("c.csv", "id,price,code,note\n6,3.50,9,a\n7,4.50,9,b\n8,4.50,9,\n")
    assert x.s("run", "--run-id", "r3", code=65).result["rejected"] == 2
    assert [row["id"] for row in x.rows()] == [1, 2, 3, 5]
    x.rules(MORE, "add", limit=1)
    x.s("run", "--replay")
    assert {row["id"]: row["note"] for row in x.rows()}[4] == "new"


@pytest.mark.parametrize("twice", ["", "3,7.50,9,\n"], ids=["keys once", "a key twice"])
def test_reject_counts_rows_that_an_empty_table_has_no_column_for(
    make: Make, tmp_path: Path, backend: str, mode: str, twice: str
) -> None:
    x = Shop(make, tmp_path / "shop", backend, mode, "reject", rows="")
    x.rules(MORE, limit=1)
    x.add("b.csv", "id,price,code,note\n3,3.50,9,\n4,4.50,9,new\n" + twice)
    r = x.s("run", "--run-id", "r2").result
    kept = 1 if mode == "latest" or not twice else 2
    assert (r["inserted"], r["rejected"]) == (kept, 1)
    assert [row["id"] for row in x.rows()] == [3] * kept
    assert x.s("run", "--run-id", "r2").result["written"] == 0


def test_the_order_of_columns_does_not_matter(shop: Callable[[str], Shop]) -> None:
    x = shop("fail")
    x.rules('{code: int64, price: "decimal(6,2)", id: {type: int64, required: true}}')
    x.add("b.csv", "id,price,code\n3,3.50,9\n")
    x.s("run", "--run-id", "r2")
    assert x.rows()[2] == {"id": 3, "price": 3.5, "code": 9}


def test_key_cannot_be_left_out(make: Make, tmp_path: Path, backend: str) -> None:
    x = Shop(make, tmp_path / "shop", backend, "latest", "ignore")
    STORE_KEY = "{table: rows, mode: latest, key: [uid], evolve: ignore}"
    contract = "{uid: {type: int64, required: true, from: id}, code: int64}"
    write(x.folder, {"drop": file_source(codec="csv")}, contract, STORE_KEY)
    x.s("run", "--run-id", "r2", code=78)
    assert [r["id"] for r in x.rows()] == [1, 2]


def test_undeclared_incoming_fields_are_not_stored(shop: Callable[[str], Shop]) -> None:
    x = shop("add")
    x.add("b.csv", "id,price,code,promo\n3,3.50,9,yes\n")
    x.s("run", "--run-id", "r2")
    assert x.rows()[2] == {"id": 3, "price": 3.5, "code": 9}
