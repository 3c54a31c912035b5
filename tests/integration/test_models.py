"""Models: made in one transaction, from either form to the other, with their dependants; and queries over them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import BIN, Sluice

Make = Callable[..., Sluice]


def write_model(folder: Path, name: str, sql: str) -> None:
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / f"{name}.sql").write_text(f"-- made by a test: {name};\n{sql};\n")


def use_models(folder: Path, **models: str) -> None:
    """name=form, in order; a dot in a name is written as two underscores."""
    lines = [f"  {name.replace('__', '.')}: {{as: {form}}}" for name, form in models.items()]
    queries = "queries:\n  big: {description: at least so much, file: big.sql}"
    write_pipeline(folder, extra="\n".join(["models:", *lines, queries]))
    (folder / "big.sql").write_text("select id from shop where total >= :least::numeric order by id")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    use_models(folder, gold__per_country="table", totals="view")
    write_csv(folder, "a.csv", rows(1, 3) + rows(10, 2, country="BE", total="1.00"))
    write_model(folder, "gold.per_country", "select country, count(*) as n from shop group by country")
    write_model(folder, "totals", "select sum(n) as n from gold.per_country")
    return folder


def total(sluice: Sluice) -> int:
    return int(sluice.query("select n from totals")[0]["n"])


def test_models_follow_the_table_and_each_other(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    assert total(s) == 5
    write_csv(shop, "b.csv", rows(20, 4, country="CH"))
    s("run")
    assert total(s) == 9
    assert s("aggregate", "--run-id", "again").result["written"] == 2
    assert total(s) == 9


def test_view_whose_columns_changed_is_replaced_with_its_dependants(make: Make, shop: Path, backend: str) -> None:
    use_models(shop, base="view", top="view")
    write_model(shop, "base", "select id, total from shop")
    write_model(shop, "top", "select count(id) as n from base")
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    write_model(shop, "base", "select country, id from shop")
    s("aggregate", "--run-id", "r")
    assert list(s.query("select * from base limit 1")[0]) == ["country", "id"]
    assert s.query("select n from top") == [{"n": 5}]


def test_model_may_become_a_table_and_a_view_again(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    for form in ("view", "table", "table", "view"):
        use_models(shop, gold__per_country=form, totals="view")
        s("run")
        assert total(s) == 5


def test_wrong_model_changes_nothing_and_names_its_file(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    write_model(shop, "gold.per_country", "select country, 7 as n from shop limit 1")
    write_model(shop, "totals", "select nothing from nowhere")
    done = s("aggregate", "--run-id", "r", code=78)
    assert "totals.sql" in done.result["error"] and "nowhere" in done.result["error"]
    assert total(s) == 5


@pytest.mark.parametrize("sql", ["select 1 as a; select 2 as b", "delete from shop", "select 'open"])
def test_model_is_one_select(make: Make, shop: Path, sql: str) -> None:
    s = make(shop / "pipeline.yaml")
    write_model(shop, "totals", sql)
    assert "totals.sql" in s("aggregate", "--run-id", "r", code=78).result["error"]
    assert "totals.sql" in s("validate", code=78).stderr


def test_before_the_first_store_there_is_nothing_to_aggregate(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    assert s("aggregate", "--run-id", "r").result["written"] == 0


def test_named_query_takes_parameters(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    assert f"  next        sluice query {s.pipeline} --backend {backend} big --param least=…\n" in s("run").stdout
    assert [r["id"] for r in s("query", "big", "--param", "least=2", "--format", "json").rows()] == [1, 2, 3]
    assert ":least" in s("query", "big", code=64).result["error"]
    assert ":most" in s("query", "big", "--param", "least=2", "--param", "most=3", code=64).result["error"]
    assert "big" in s("query", "small", code=64).result["hint"]


def test_connection_of_another_kind_is_refused(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s.backend = "local"
    for form in ("mysql://etl:secret@127.0.0.1:1/shop", '{"conn_type": "mysql", "host": "127.0.0.1", "port": 1}'):
        error = s("store", "--run-id", "r", code=78, env={"SLUICE_CONN_WAREHOUSE": form}).result["error"]
        assert error == 'connection "warehouse" is of type "mysql", not postgres'


def test_query_writes_csv_json_table_and_files(make: Make, shop: Path, backend: str, tmp_path: Path) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    sql = """select 1 as "a,b", 'x"y' as t, null as n, '' as e, true as yes, cast(1.50 as decimal(9,2)) as d"""
    assert s("query", "--sql", sql, "--format", "csv").stdout == '"a,b",t,n,e,yes,d\n1,"x""y",,"",true,1.50\n'
    row = s("query", "--sql", sql, "--format", "json").rows()[0]
    assert row == {"a,b": 1, "t": 'x"y', "n": None, "e": "", "yes": True, "d": 1.5}
    assert s("query", "--sql", "select id from shop order by id").stdout.splitlines()[-1] == "(5 rows)"
    out = tmp_path / "rows.json"
    assert s("query", "--sql", sql, "--format", "json", "-o", str(out)).stdout == ""
    assert json.loads(out.read_text()) == [row]
    assert s("query", "--sql", "select 1 as a where 1 = 0", "--format", "json").rows() == []


def test_query_only_reads(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    s("query", "--sql", "delete from shop", code=64)
    s("query", "--sql", "select 1; select 2", code=64)
    s("query", "--sql", "with x as (select 1) select * from nowhere", code=(64, 65, 78))
    assert s.query("select count(*) as n from shop") == [{"n": 5}]


def test_table_is_capped_and_says_so(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    assert "raise --limit" in s("query", "--sql", "select id from shop", "--limit", "2").stdout
    assert "raise --limit" not in s("query", "--sql", "select id from shop", "--limit", "5").stdout
    many = "select a.id from shop a, shop b, shop c, shop d, shop e"
    assert "(1000 rows, there are more" in s("query", "--sql", many).stdout
    assert len(s("query", "--sql", many, "--format", "csv").stdout.splitlines()) == 5**5 + 1


def test_reader_that_goes_away_is_no_error(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s("run")
    sql = "select a.id from shop a, shop b, shop c, shop d, shop e, shop f, shop g"
    argv = [str(BIN / "sluice"), "query", s.pipeline, "--sql", sql, "--format", "csv"]
    child = subprocess.Popen(argv, env=s.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(60) == 0


def test_query_before_the_first_run_says_what_to_do(make: Make, shop: Path) -> None:
    done = make(shop / "pipeline.yaml")("query", "--sql", "select 1", code=66)
    assert "sluice run" in done.result["hint"]


def test_state_names_entries_and_runs_of_older_rules_until_they_are_replayed(
    make: Make, shop: Path, backend: str
) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run", "--run-id", "first")
    write_csv(shop, "b.csv", rows(20, 4))
    s("run", "--run-id", "second")
    assert "older rules" not in s("state").stdout
    text = (shop / "pipeline.yaml").read_text()
    (shop / "pipeline.yaml").write_text(text.replace("min: 0", "min: 0, max: 1000"))
    assert [line.strip() for line in s("state").stdout.splitlines()[-2:]] == ["first", "second"]
    assert "--replay" in s("run").result["note"]
    s("run", "--replay")
    assert "older rules" not in s("state").stdout
    assert len(s.query("select distinct rev from sluice.applied")) == 1


def test_rescan_judges_every_entry_again_and_changes_nothing(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run", "--run-id", "first")
    assert "first" in s("state", "rescan").stdout
    assert "pending" in s("state").stdout
    assert s("run").result["written"] == 0
    assert "pending" not in s("state").stdout


def test_refused_entry_is_shown_with_its_rejects(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    write_csv(shop, "bad.csv", rows(50, 1, total="-1.00") + rows(51, 2, country="XX"))
    done = s("run", "--run-id", "bad", code=65)
    assert done.result["stage"] == "run" and done.result["kind"] == "data" and done.result["rejected"] == 3
    assert "country: enum" in done.stdout and "total: min" in done.stdout
    assert "refused" in s("state").stdout


def test_executions_are_in_the_store_once(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    s("run", "--run-id", "first")
    sql = "select stage, count(*) as n from sluice.stage_run where run = 'first' group by stage order by stage"
    stages = {r["stage"]: r["n"] for r in s.query(sql)}
    assert stages == {"aggregate": 1, "collect": 1, "normalize": 1, "store": 1}
    s("report", "--run-id", "first")
    s("report", "--run-id", "first")
    assert {r["stage"] for r in s.query(sql)} == set(stages) | {"report", "run"}
    assert all(r["n"] == 1 for r in s.query(sql) if r["stage"] != "report")
