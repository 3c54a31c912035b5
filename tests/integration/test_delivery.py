"""Kill or rerun anything, the tables stay the same: what each event does to a table, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.pipeline import file_source, write
from tests.lib.shop import ALL, COUNT, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]


def count(sluice: Sluice) -> int:
    return int(sluice.query(COUNT)[0]["n"])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_pipeline(tmp_path / "shop")
    write_csv(tmp_path / "shop", "a.csv", rows(1, 5))
    write_csv(tmp_path / "shop", "b.csv", rows(100, 3))
    return tmp_path / "shop"


def test_first_run_stores_every_row(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    result = s("run").result
    assert (result["n_in"], result["kept"], result["inserted"]) == (8, 8, 8)
    assert count(s) == 8


def test_rerun_changes_and_writes_nothing(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run", "--run-id", "r1")
    before = s.table(ALL)
    again = s("run", "--run-id", "r1").result
    assert again["written"] == 0
    assert s.table(ALL) == before
    assert s("run").result["written"] == 0


def test_collect_with_nothing_new_exits_99(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s("run")
    assert s("collect", "--run-id", "other", code=99).result["kind"] == "nothing"


def test_added_file_adds_its_rows_only(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    write_csv(shop, "c.csv", rows(200, 4))
    assert s("run").result["inserted"] == 4
    assert count(s) == 12


def test_edited_file_replaces_its_rows(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    write_csv(shop, "a.csv", rows(1, 2, total="1.00"))
    s("run")
    assert count(s) == 5
    assert {r["total"] for r in s.query("select distinct total from shop where id < 100")} in ({1.0}, {"1.00"})


def test_emptied_file_loses_its_rows(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    (shop / "inbox" / "a.csv").write_text("")
    s("run")
    assert count(s) == 3


def test_removed_file_withdraws_nothing_and_renamed_is_new(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    (shop / "inbox" / "a.csv").unlink()
    s("run")
    assert count(s) == 8
    (shop / "inbox" / "b.csv").rename(shop / "inbox" / "b2.csv")
    s("run")
    assert count(s) == 11


def test_touching_a_file_makes_no_entry(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s("run")
    (shop / "inbox" / "a.csv").touch()
    s("collect", "--run-id", "r2", code=99)


def test_again_collects_anew_and_keeps_the_rows(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run", "--run-id", "r1")
    before = s.table(ALL)
    assert s("run", "--run-id", "r1", "--again").result["entries"] >= 1
    assert s.table(ALL) == before


def test_rejects_beyond_the_limit_keep_the_table_until_mended(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    before = s.table(ALL)
    write_csv(shop, "bad.csv", [*rows(300, 2), (302, "2026-01-01T00:00:00Z", "-4", "FR")])
    refused = s("run", "--run-id", "bad", code=65).result
    assert refused["kind"] == "data"
    assert s.table(ALL) == before
    reject = s.query("select field, rule from sluice.reject")
    assert reject == [{"field": "total", "rule": "min"}]
    write_csv(shop, "bad.csv", rows(300, 3))
    s("run", "--run-id", "bad")
    assert count(s) == 11
    assert s.query("select count(*) as n from sluice.reject")[0]["n"] == 0


def test_raised_limit_lets_the_refused_entry_in(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    write_csv(shop, "bad.csv", [*rows(300, 2), (302, "2026-01-01T00:00:00Z", "-4", "FR")])
    s("run", "--run-id", "r1", code=65)
    done = s("run", "--run-id", "r1", "--set", "rejects.limit=1").result
    assert (done["kept"], done["rejected"]) == (10, 1)
    assert count(s) == 10


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_changed_rules_change_exactly_their_rows_and_old_rules_bring_them_back(
    make: Make, tmp_path: Path, backend: str, mode: str
) -> None:
    folder = tmp_path / "shop"
    file = write_pipeline(folder, mode)
    write_csv(folder, "a.csv", [*rows(1, 3), *rows(10, 2, country="BE", day=5)])
    s = make(file, backend)
    s("run", "--run-id", "r1")
    write_csv(folder, "b.csv", [*rows(2, 1, country="BE", day=9), *rows(20, 4)])
    s("run", "--run-id", "r2")
    before, by_id = s.table(ALL), s.query(ALL)
    write_pipeline(folder, mode, extra="rules:\n  - map: {from: country, values: {BE: CH}}")
    moved = {r["id"]: r["_sl_change"] for r in s.query("select id, _sl_change from shop")} if mode == "latest" else {}
    s("run", "--replay")
    changed = [r | {"country": "CH"} if r["country"] == "BE" else r for r in by_id]
    assert s.query(ALL) == changed != by_id
    if mode == "latest":
        now = {r["id"]: r["_sl_change"] for r in s.query("select id, _sl_change from shop")}
        assert {i for i in now if now[i] != moved[i]} == {2, 10, 11}
    write_pipeline(folder, mode)
    s("run", "--replay")
    assert s.table(ALL) == before


def test_latest_keeps_the_greatest_version_in_any_order(make: Make, tmp_path: Path, backend: str) -> None:
    tables = set()
    for number, order in enumerate((["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"])):
        folder = tmp_path / f"shop{number}"
        s = make(write_pipeline(folder, "latest"), backend)
        for name in order:
            day = {"a": 1, "b": 2, "c": 3}[name]
            write_csv(folder, f"{name}.csv", rows(1, 4, total=f"{day}.00", day=day))
            s("run")
        tables.add(s.table(ALL))
        assert {r["total"] for r in s.query("select total from shop")} in ({3.0}, {"3.00"})
    assert len(tables) == 1


def test_embedded_and_postgres_hold_the_same_rows(make: Make, shop: Path) -> None:
    tables = set()
    for backend in ("embedded", "local"):
        s = make(shop / "pipeline.yaml", backend)
        s("run")
        tables.add(s.table(ALL))
    assert len(tables) == 1


def test_store_alone_picks_up_what_a_killed_run_left(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("collect", "--run-id", "dead")
    assert s("run").result["inserted"] == 8
    assert count(s) == 8


def test_column_that_the_header_lacks_is_told(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    assert "header lacks" not in s("run").stderr
    (shop / "inbox" / "c.csv").write_text("id,placed,totals,country\n200,2026-01-01T00:00:00Z,9.50,FR\n")
    warnings = [line for line in s("run").stderr.splitlines() if line.startswith("WARNING") and "lacks" in line]
    assert len(warnings) == 1
    assert 'input="inbox/c.csv" columns="total"' in warnings[0]


def test_columns_that_nothing_reads_are_told_once(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    assert "nothing reads" not in s("run").stderr
    header = "id,promo,placed,total,country,\n"
    for i in range(3):
        (shop / "inbox" / f"c{i}.csv").write_text(header + f"{200 + i},x,2026-01-01T00:00:00Z,9.50,FR,\n")
    warnings = [line for line in s("run").stderr.splitlines() if line.startswith("WARNING") and "reads" in line]
    assert len(warnings) == 1 and 'columns="promo"' in warnings[0]
    named = (shop / "pipeline.yaml").read_text() + "\nfields: {promo: text}\n"
    (shop / "pipeline.yaml").write_text(named)
    (shop / "inbox" / "d.csv").write_text(header + "300,y,2026-01-01T00:00:00Z,9.50,FR,\n")
    assert "nothing reads" not in s("run").stderr


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (b"<html>502 Bad Gateway</html>", "auto", "none of the contract's columns"),
        (b"a;b\n1;2\n", "auto", "none of the contract's columns"),
        ("a,b\n1,é\n".encode("utf-16"), "utf-16be", "UTF-16, little-endian"),
        ("\ufeffa,b\n1,é\n".encode("utf-16-be"), "utf-16le", "UTF-16, big-endian"),
        ("\ufeffa,b\n1,é\n".encode(), "windows-1252", "UTF-8"),
    ],
)
def test_a_file_that_is_another_one_takes_no_row_away(
    make: Make, tmp_path: Path, content: bytes, encoding: str, says: str, whole: bool
) -> None:
    """No column is required: rows of NULLs, or an export without rows, would be all that comes of it."""
    more = ", input: whole" if whole else ""
    codec = f"{{csv: {{encoding: {encoding}}}}}"
    file = write(tmp_path / "p", {"drop": file_source(codec=codec, more=more)}, "{a: text, b: text}")
    good = "a,b\n1,e\n".encode(encoding if encoding.startswith("utf-16") else "ascii")
    (tmp_path / "p" / "inbox" / "a.csv").write_bytes(good)
    s = make(file)
    assert s("run").result["kept"] == 1
    (tmp_path / "p" / "inbox" / "a.csv").write_bytes(content)
    assert says in s("run", code=65).result["error"]
    assert s.query("select a, b from rows") == [{"a": "1", "b": "e"}]


# --- rules changed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_store_makes_anew_what_older_rules_made_when_it_is_told_to(
    make: Make, tmp_path: Path, backend: str, mode: str
) -> None:
    file = write_pipeline(tmp_path / "shop", mode)
    s = make(file, backend)
    for i in range(3):
        write_csv(tmp_path / "shop", f"{i}.csv", rows(1 + i * 5, 10, day=i + 1))  # keys of two files meet
        s("run")
    file.write_text(
        file.read_text().replace("\nstore:", '\nrules: [{set_null: {from: country, values: ["FR"]}}]\nstore:')
    )
    assert s("store", "--run-id", "plain").result["written"] == 0
    told = s("store", "--run-id", "all", "--replay").result
    assert told["entries"] == 3 and told["written"] > 0
    by_driver = make(file, backend)
    by_driver("run")
    assert s.table(ALL) == by_driver.table(ALL)
    assert s.query("select count(*) as n from shop where country is not null") == [{"n": 0}]
    assert s("store", "--run-id", "again", "--replay").result["written"] == 0


def test_replayed_entry_that_the_new_rules_refuse_keeps_its_rows_and_fails(make: Make, shop: Path) -> None:
    file = shop / "pipeline.yaml"
    s = make(file)
    s("run")
    before = s.table(ALL)
    file.write_text(file.read_text().replace("enum: [FR, BE, CH]", "enum: [BE, CH]"))
    assert s("store", "--run-id", "all", "--replay", code=65).result["kind"] == "data"
    assert s.table(ALL) == before


def test_replay_takes_up_what_waits_once(make: Make, shop: Path) -> None:
    file = shop / "pipeline.yaml"
    s = make(file)
    s("run")
    write_csv(shop, "c.csv", rows(200, 4))
    s("collect", "--run-id", "left")
    file.write_text(file.read_text().replace("min: 0", "min: 1"))
    assert s("store", "--run-id", "all", "--replay").result["entries"] == 2
    assert count(s) == 12
