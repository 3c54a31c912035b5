"""Source sql on a real PostgreSQL: ranges by a watermark, read in steps; whole answers; what goes wrong."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib import pipeline
from tests.lib.feed import Feed, collect_stopped, finish, stopped
from tests.lib.services import Postgres, start
from tests.lib.stage import Sluice

Shop = Callable[..., Feed]
CONTRACT = "{id: {type: int64, required: true}, at: timestamp, name: text}"
LATEST = "{table: rows, mode: latest, key: [id], version: at}"
APPEND = "{table: rows, mode: append}"
TABLE = "create table events (id bigint primary key, at timestamptz, name text)"
STEPS = ["collect.before_step", "collect.before_keep", "collect.after_keep", "sql.before_rows"]
COMMITS = ["bronze.before_link", "bronze.after_link", "log.before_link", "log.after_link"]
_numbers = itertools.count(1)


def source(more: str = "", cursor: str = "watermark: at, key: [id]", what: str = "table: events") -> str:
    return f"{{kind: sql, connection: shop, {what}, {cursor}{more}}}"


@pytest.fixture
def shop(postgres: Postgres, make: Callable[..., Sluice], tmp_path: Path) -> Shop:
    """shop(source): a pipeline that reads table events of a database of its own."""

    def factory(
        src: str = "", store: str = LATEST, table: str = TABLE, contract: str = CONTRACT, extra: str = ""
    ) -> Feed:
        number = next(_numbers)
        file = pipeline.write(tmp_path / f"p{number}", {"shop": src or source()}, contract, store, extra)
        s = make(file)
        name = f"shop{os.getpid()}_{number}"
        postgres.psql(f"create database {name}")
        s.env["SLUICE_CONN_SHOP"] = postgres.uri(name)
        feed = Feed(s, lambda sql: postgres.psql(sql, name))
        feed.execute(table)
        return feed

    return factory


def insert(f: Feed, first: int, last: int, at: str = "2026-11-01T00:00:00Z", apart: str = "1 s") -> None:
    f.execute(
        f"insert into events select i, timestamptz '{at}' + i * interval '{apart}', 'n' || i"
        f" from generate_series({first}, {last}) i"
    )


# --- ranges ---------------------------------------------------------------------------------------------


def test_each_run_reads_what_lies_behind_the_last_one(shop: Shop) -> None:
    f = shop()
    insert(f, 1, 3)
    f.run()
    assert f.ids() == [1, 2, 3]
    insert(f, 4, 5)
    f.run()
    assert f.ids() == [1, 2, 3, 4, 5]
    assert [(e["from"], e["to"]) for e in f.entries()] == [
        (None, "2026-11-01T00:00:03Z"),
        ("2026-11-01T00:00:03Z", "2026-11-01T00:00:05Z"),
    ]
    assert len(f.lines()) == 5
    shown = f.s("runs").stdout
    assert "entry shop/2  stored  after 2026-11-01T00:00:03Z  up to 2026-11-01T00:00:05Z" in shown


def test_nothing_new_is_no_entry(shop: Shop) -> None:
    f = shop()
    f.run()
    assert f.entries() == [] and f.chunks() == []
    insert(f, 1, 1)
    f.run()
    f.run()
    assert len(f.entries()) == 1 and f.ids() == [1]


def test_a_row_that_changes_comes_again(shop: Shop) -> None:
    f = shop()
    insert(f, 1, 3)
    f.run()
    f.execute("update events set name = 'new', at = '2026-11-02' where id = 2")
    f.run()
    assert f.s.query("select name from rows where id = 2") == [{"name": "new"}]
    assert f.ids() == [1, 2, 3]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 6, 7])
def test_pages_of_every_size_give_all_rows_once(shop: Shop, rows: int) -> None:
    """A line is 49 bytes, so a step holds three rows: fewer, exactly, one more."""
    f = shop(source(", step: 147"), store=APPEND)
    insert(f, 1, rows)
    f.run()
    assert f.ids() == list(range(1, rows + 1))
    assert len(f.chunks()) == -(-rows // 3)


def test_ties_at_the_edge_of_a_page_are_read_once(shop: Shop) -> None:
    f = shop(source(", step: 1"), store=APPEND)
    insert(f, 1, 9, apart="0 s")
    assert f.steps("--run-id", "r1") == 9
    assert f.ids() == list(range(1, 10))


def test_ties_are_resumed_by_all_columns_of_the_key(shop: Shop) -> None:
    table = "create table events (id bigint, at timestamptz, name text, primary key (id, name))"
    f = shop(source(", step: 1", "watermark: at, key: [id, name]"), store=APPEND, table=table)
    f.execute(
        "insert into events select i, timestamptz '2026-11-01', n"
        " from generate_series(1, 3) i, unnest('{a,b,c}'::text[]) n"
    )
    f.run("--run-id", "r1", env={"SLUICE_FAULT": "collect.after_keep:5:kill"}, code=137)
    assert f.steps("--run-id", "r1") == 4
    got = f.s.query("select id, name from rows order by id, name")
    assert [(r["id"], r["name"]) for r in got] == [(i, n) for i in (1, 2, 3) for n in "abc"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", ["-5", "9007199254740993", "9223372036854775807"]),
        ("numeric", ["-0.5", "12345678901234567890.123", "99999999999999999999"]),
        ("date", ["1999-12-31", "2026-02-28", "9999-12-31"]),
        ("timestamp", ["2026-01-01 00:00:00", "2026-01-01 00:00:00.000001", "2026-03-29 02:30:00"]),
        ("text", ["Z", "a'b", "é"]),
    ],
)
def test_a_watermark_of_each_type_goes_on_where_it_stood(shop: Shop, kind: str, values: list[str]) -> None:
    table = f'create table events (id bigint primary key, at {kind} collate "C", name text)'
    f = shop(
        table=table if kind == "text" else table.replace(' collate "C"', ""),
        store=APPEND,
        contract="{id: int64, at: text, name: text}",
    )
    for i, value in enumerate(values):
        f.execute(f"insert into events values ({i}, $v${value}$v$, 'n')")
        f.run()
    assert f.ids() == [0, 1, 2]
    assert len(f.entries()) == 3 and len(f.lines()) == 3


def test_rows_without_a_watermark_wait_for_one(shop: Shop) -> None:
    f = shop()
    f.execute("insert into events values (1, null, 'n'), (2, '2026-11-01', 'n')")
    f.run()
    assert f.ids() == [2]
    f.execute("update events set at = '2026-11-02' where id = 1")
    f.run()
    assert f.ids() == [1, 2]


# --- lag ------------------------------------------------------------------------------------------------


def test_lag_finds_rows_that_came_late(shop: Shop) -> None:
    f = shop(source(", lag: 1m"))
    insert(f, 1, 100)
    f.run()
    f.execute("insert into events values (1000, '2026-11-01T00:01:00Z', 'late')")
    f.execute("insert into events values (1001, '2026-11-01T00:00:40Z', 'too late')")
    f.run()
    assert 1000 not in f.ids()  # nothing newer: the range is empty, and the late row waits
    insert(f, 101, 101)
    f.run()
    assert f.ids() == [*range(1, 102), 1000]  # 41 … 100 came again and changed nothing


def test_lag_of_an_integer(shop: Shop) -> None:
    f = shop(source(", lag: 5", "watermark: id, key: [id]"))
    insert(f, 1, 10)
    f.execute("delete from events where id = 7")
    f.run()
    f.execute("insert into events values (7, '2026-11-01', 'late'), (11, '2026-11-01', 'new')")
    f.run()
    assert f.ids() == list(range(1, 12))
    assert len(f.lines()) == 9 + 6


def test_lag_that_does_not_fit_the_watermark(shop: Shop) -> None:
    f = shop(source(", lag: 5"))
    insert(f, 1, 1)
    f.run()
    insert(f, 2, 2)
    done = f.run(code=78)
    assert 'lag "5" cannot be taken from the watermark "2026-11-01T00:00:01Z"' in done.stderr


# --- everything again -----------------------------------------------------------------------------------


def test_a_run_with_an_entry_is_adopted(shop: Shop) -> None:
    f = shop()
    insert(f, 1, 2)
    f.run("--run-id", "r1")
    insert(f, 3, 3)
    assert f.steps("--run-id", "r1") == 0
    assert f.ids() == [1, 2]


def test_again_repeats_the_range_of_the_run(shop: Shop) -> None:
    f = shop()
    insert(f, 1, 2)
    f.run("--run-id", "r1")
    insert(f, 3, 3)
    f.run("--run-id", "r2")
    f.execute("update events set name = 'mended' where id = 1; delete from events where id = 2")
    f.run("--run-id", "r1", "--again")
    assert [e.get("range") for e in f.entries()] == ["cursor", "cursor", "repeat"]
    assert (f.entries()[2]["from"], f.entries()[2]["to"]) == (None, "2026-11-01T00:00:02Z")
    assert f.s.query("select name from rows where id = 1") == [{"name": "mended"}]
    insert(f, 4, 4)
    f.run("--run-id", "r3")
    assert f.entries()[3]["from"] == "2026-11-01T00:00:03Z"


def test_again_that_finds_nothing_withdraws_the_rows(shop: Shop) -> None:
    f = shop(store=APPEND)
    insert(f, 1, 2)
    f.run("--run-id", "r1")
    f.execute("delete from events")
    f.run("--run-id", "r1", "--again")
    assert f.ids() == []


# --- kills ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize("point", [*STEPS, *COMMITS])
def test_a_kill_at_any_step_changes_nothing(shop: Shop, point: str, nth: int) -> None:
    f = shop(source(", step: 100"), store=APPEND)
    insert(f, 1, 8)
    killed = f.s("collect", "--run-id", "r1", env={"SLUICE_FAULT": f"{point}:{nth}:kill"}, code=None)
    assert killed.code in (0, 137) and (killed.code == 137 or nth > 1)
    insert(f, 9, 12)  # behind the range that the first attempt fixed, if it came so far
    f.run("--run-id", "r1")
    f.run("--run-id", "r2")
    assert f.ids() == list(range(1, 13))
    assert sorted(json.loads(line)["id"] for line in f.lines()) == list(range(1, 13))


def test_finished_steps_are_not_read_again(shop: Shop) -> None:
    f = shop(source(", step: 98"), store=APPEND)
    insert(f, 1, 10)
    f.run("--run-id", "r1", env={"SLUICE_FAULT": "collect.after_keep:3:kill"}, code=137)
    f.execute("update events set name = 'changed'")
    assert f.steps("--run-id", "r1") == 2
    names = [r["name"] for r in f.s.query("select name from rows order by id")]
    assert names == [f"n{i}" for i in range(1, 7)] + ["changed"] * 4


def test_rows_that_move_while_they_are_read_come_in_the_next_range(shop: Shop) -> None:
    f = shop(source(", step: 100"))
    insert(f, 1, 8)
    with stopped(collect_stopped(f.s, "collect.before_keep:2", "--run-id", "r1")) as child:
        insert(f, 9, 9)
        f.execute("update events set name = 'moved', at = '2026-11-02' where id in (1, 8)")
    assert finish(child).code == 0
    f.run("--run-id", "r1")
    assert f.ids() == list(range(1, 9))  # one snapshot: 8 as it was
    f.run()
    assert f.ids() == list(range(1, 10))
    assert f.s.query("select count(*) as n from rows where name = 'moved'") == [{"n": 2}]


def test_a_range_is_one_snapshot(shop: Shop) -> None:
    """Between the question for its end and that for its rows."""
    f = shop(store=APPEND)
    insert(f, 1, 4)
    with stopped(collect_stopped(f.s, "sql.before_rows:1", "--run-id", "r1")) as child:
        f.execute("delete from events where id in (2, 4)")
    assert finish(child).code == 0
    f.run("--run-id", "r1")
    assert f.ids() == [1, 2, 3, 4]


def test_a_server_that_restarts_is_75_and_loses_nothing(shop: Shop, postgres: Postgres) -> None:
    f = shop(source(", step: 64KiB"), store=APPEND)
    insert(f, 1, 20000)
    f.execute("update events set name = repeat('x', 2000)")  # more than sockets hold
    with stopped(collect_stopped(f.s, "collect.before_keep:2", "--run-id", "r1")) as child:
        postgres.kill()
        postgres.start()
    assert finish(child).code == 75
    assert f.entries() == []
    f.run("--run-id", "r1")
    assert f.s.query("select count(*) as n, count(distinct id) as ids from rows") == [{"n": 20000, "ids": 20000}]


def test_two_attempts_at_once_make_one_entry(shop: Shop) -> None:
    f = shop(source(", step: 100"), store=APPEND)
    insert(f, 1, 20)
    both = [f.s.start("collect", "--run-id", "r1") for _ in range(2)]
    assert [finish(child).code for child in both] == [0, 0]
    assert len(f.entries()) == 1
    f.run("--run-id", "r1")
    assert f.ids() == list(range(1, 21))


def test_two_runs_at_once_share_no_row(shop: Shop) -> None:
    f = shop(source(", step: 100"), store=APPEND)
    insert(f, 1, 20)
    with stopped(collect_stopped(f.s, "collect.before_keep:2", "--run-id", "r1")) as child:
        f.s("collect", "--run-id", "r2")
        insert(f, 21, 25)
    assert finish(child).code == 0
    assert [e["run"] for e in f.entries()] == ["r2", "r1"]
    f.run()
    assert f.ids() == list(range(1, 26))


# --- values ---------------------------------------------------------------------------------------------


def test_values_are_written_as_they_stand(shop: Shop) -> None:
    f = shop(source(", json: [j]", what='query: "select * from events order by 1"'))
    f.execute(
        "drop table events; create table events as select 1::bigint as id, timestamptz '2026-11-25 17:52:40.5+00' at,"
        " 9007199254740993 as big, 12345678901234567890.1230 as dec, 'NaN'::numeric as dnan, 0.1::float8 as f,"
        " 'NaN'::float8 as fnan, '-Infinity'::float8 as inf, true as b, date '2026-11-25' as d,"
        " 'a\"\\\n\té'::text as t, '\\x00ff'::bytea as bytes, array['a', null, 'b,c'] as list,"
        ' array[[1,2],[3,4]] as deep, null::text as nothing, \'{"x": [1, "\\u00e9"]}\'::json as j,'
        " '1 day'::interval as i, 'infinity'::timestamptz as never"
    )
    f.s("collect")
    (line,) = f.lines()
    assert json.loads(line, parse_int=str, parse_float=str) == {
        "id": "1",
        "at": "2026-11-25T17:52:40.500000Z",
        "big": "9007199254740993",
        "dec": "12345678901234567890.1230",
        "dnan": "NaN",
        "f": "0.1",
        "fnan": "NaN",
        "inf": "-Infinity",
        "b": True,
        "d": "2026-11-25",
        "t": 'a"\\\n\té',
        "bytes": "\\x00ff",
        "list": ["a", None, "b,c"],
        "deep": "{{1,2},{3,4}}",
        "nothing": None,
        "j": {"x": ["1", "é"]},
        "i": "1 day",
        "never": "infinity",
    }


def test_values_arrive_in_the_table_exactly(shop: Shop) -> None:
    f = shop(
        table=TABLE.replace("name text", "name text, total numeric(18,4), list text[]"),
        contract="{id: int64, at: timestamp, name: text, total: 'decimal(18,4)', list: list<text>}",
    )
    f.execute(
        "insert into events values (9007199254740993, '2026-11-25 17:52:40.123456+01', E'a\\tb', 12345678901234.5678,"
        " array['x', 'y z'])"
    )
    f.run()
    assert f.s.query('select id::varchar as id, "at", name, total::varchar as total, list from rows') == [
        {
            "id": "9007199254740993",
            "at": "2026-11-25T16:52:40.123456Z",
            "name": "a\tb",
            "total": "12345678901234.5678",
            "list": ["x", "y z"],
        }
    ]


def test_names_with_quotes_and_blanks(shop: Shop) -> None:
    f = shop(
        source("", "watermark: 'the \"time\"', key: [Id]"),
        table='create table events ("Id" bigint primary key, "the ""time""" timestamptz, name text)',
        contract="{id: {type: int64, from: Id}, name: text}",
        store=APPEND,
    )
    f.execute("insert into events values (1, '2026-11-01', 'n')")
    f.run()
    f.execute("insert into events values (2, '2026-11-02', 'n')")
    f.run()
    assert f.ids() == [1, 2]


# --- all at once ----------------------------------------------------------------------------------------


def test_whole_is_the_answer_of_today(shop: Shop) -> None:
    f = shop(source("", "input: whole, key: [id]"), store=APPEND)
    insert(f, 1, 4)
    f.run()
    f.run()
    assert len(f.entries()) == 1  # the same answer
    f.execute("delete from events where id = 2; update events set name = 'x' where id = 3")
    f.run()
    assert f.ids() == [1, 3, 4]
    f.execute("delete from events")
    f.run()
    assert f.ids() == []
    assert [e["complete"] for e in f.entries()] == [True] * 3


# --- what goes wrong ------------------------------------------------------------------------------------


def test_a_key_that_is_null_is_refused(shop: Shop) -> None:
    f = shop(table="create table events (id bigint, at timestamptz, name text)")
    f.execute("insert into events values (null, '2026-11-01', 'n')")
    done = f.run(code=65)
    assert 'a row\'s key "id" is NULL' in done.stderr
    assert f.entries() == []


@pytest.mark.parametrize("value", ["infinity", "0044-03-15 BC"])
def test_a_watermark_that_would_end_all_is_refused(shop: Shop, value: str) -> None:
    f = shop()
    f.execute(f"insert into events values (1, '{value}', 'n')")
    if value == "infinity":
        assert 'the greatest watermark is "infinity"' in f.run(code=65).stderr
    else:
        assert " BC" in f.run(code=65).stderr


def test_a_watermark_of_no_use_is_refused(shop: Shop) -> None:
    f = shop(table="create table events (id bigint primary key, at float8, name text)")
    f.execute("insert into events values (1, 1, 'n')")
    assert "a watermark is a time, date, integer, decimal or text" in f.run(code=78).stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("alter table events drop column at", 'column "at" does not exist'),
        ("alter table events drop column name", 'column "name" does not exist'),
        ("alter table events drop column id", 'column "id" does not exist'),
        ("drop table events", 'relation "events" does not exist'),
    ],
)
def test_a_column_that_disappeared_is_78(shop: Shop, change: str, says: str) -> None:
    f = shop(source(what='query: "select id, at, name from events"'))
    insert(f, 1, 2)
    f.run()
    f.execute(change)
    assert says in f.run(code=78).stderr
    assert f.ids() == [1, 2]


def test_two_columns_of_one_name_are_refused(shop: Shop) -> None:
    f = shop(source(what="query: \"select e.*, 'x' as name from events e\""))
    insert(f, 1, 1)
    assert 'two columns "name"' in f.run(code=78).stderr


def test_a_statement_that_takes_too_long_is_75(shop: Shop) -> None:
    f = shop(source(", timeout: 1s", what='query: "select e.* from events e, pg_sleep(3)"'))
    insert(f, 1, 1)
    assert "statement timeout" in f.run(code=75).stderr


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("delete from events returning *", 'a source\'s query only reads, \\"delete\\" does not'),
        ("with gone as (delete from events returning *) select * from gone", "data-modifying"),
        ("select id, at, name from events where nextval('s') > 0", "read-only transaction"),
    ],
)
def test_a_query_cannot_write(shop: Shop, query: str, says: str) -> None:
    f = shop(source(what=f'query: "{query}"'), table=TABLE + "; create sequence s")
    insert(f, 1, 1)
    done = f.run(code=78)
    assert says.replace("\\", "") in done.stderr
    assert f.execute("select count(*) from events") == "1"


@pytest.fixture(scope="module")
def strict() -> Iterator[Postgres]:
    """A server that asks for passwords."""
    server: Postgres = start(Postgres, durable=True)
    server.psql(f"{TABLE}; insert into events values (1, '2026-11-01', 'n'); create role guest login password 'g'")
    yield server
    server.close()


def test_a_wrong_password_is_77_and_stays_secret(shop: Shop, strict: Postgres) -> None:
    f = shop()
    f.s.env["SLUICE_CONN_SHOP"] = strict.uri("postgres", password="canary-4711")  # noqa: S106
    done = f.run(code=77)
    assert "password authentication failed" in done.stderr and "canary" not in done.stderr


def test_a_missing_permission_is_77(shop: Shop, strict: Postgres) -> None:
    f = shop()
    f.s.env["SLUICE_CONN_SHOP"] = strict.uri("postgres", role="guest", password="g")  # noqa: S106
    assert "permission denied for table events" in f.run(code=77).stderr
    strict.psql("grant select on events to guest")
    f.run()
    assert f.ids() == [1]


@pytest.mark.parametrize(
    ("connection", "code", "says"),
    [
        ("", 78, "SLUICE_CONN_SHOP"),
        ("mysql://u@127.0.0.1/x", 78, 'of type "mysql": no sql source reads it'),
        ("postgres://postgres@127.0.0.1:1/x", 69, "cannot connect"),
    ],
)
def test_a_connection_of_no_use(shop: Shop, connection: str, code: int, says: str) -> None:
    f = shop()
    del f.s.env["SLUICE_CONN_SHOP"]
    if connection:
        f.s.env["SLUICE_CONN_SHOP"] = connection
    assert says in f.run(code=code).stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{kind: sql, connection: shop, watermark: at, key: [id]}", 'either "query" or "table"'),
        (source(', query: "select 1"'), 'either "query" or "table"'),
        (source("", "key: [id]"), 'needs a "watermark", or "input: whole"'),
        (source("", "watermark: at"), 'with "watermark" needs a "key"'),
        (source("", "input: whole, watermark: at"), "there is no watermark"),
        (source(", lag: soon"), "lag is a duration like 15m or a number"),
        (source(what='query: "select 1; select 2"'), "statement"),
        (source(", codec: csv"), 'a source of kind "sql" writes "jsonl"'),
        (source(", codec: jsonl"), None),
    ],
)
def test_the_pipeline_file_is_checked(shop: Shop, text: str, says: str | None) -> None:
    f = shop(text)
    done = f.s("validate", code=0 if says is None else 78)
    assert says is None or says in done.stdout + done.stderr


# --- looking --------------------------------------------------------------------------------------------


def test_preview_shows_the_next_rows_and_keeps_nothing(shop: Shop) -> None:
    f = shop()
    insert(f, 1, 3)
    assert "n1" in f.s("preview").stdout
    assert not f.chunks()
    f.run()
    assert "n1" in f.s("preview").stdout  # nothing is new: from the beginning
    insert(f, 4, 4)
    shown = f.s("preview").stdout
    assert "n4" in shown and "n1" not in shown


def test_memory_stays_flat(shop: Shop, quick: None) -> None:
    peaks = []
    for rows in (5_000, 300_000):
        f = shop(source(", step: 1MiB"))
        insert(f, 1, rows)
        done = f.s("collect").result
        assert done["n_in"] == rows
        peaks.append(done["peak_kib"])
    assert peaks[1] < peaks[0] * 1.1 + 2048, peaks


def test_a_dry_run_asks_for_nothing(shop: Shop) -> None:
    f = shop()
    del f.s.env["SLUICE_CONN_SHOP"]
    assert "read\tshop\tbegin" in f.s("collect", "--dry-run").stdout


def test_check_asks_the_server(shop: Shop) -> None:
    f = shop()
    assert "answers, with nothing new" in f.s("check").stdout
    insert(f, 1, 3)
    assert "answers, with something new" in f.s("check").stdout
    f.execute("alter table events drop column id")
    assert 'column "id" does not exist' in f.s("check", code=78).stdout
    assert f.entries() == [] and f.chunks() == []


def test_plan_names_the_source(shop: Shop) -> None:
    (found,) = json.loads(shop().s("plan", "--json").stdout)["sources"]
    assert (found["name"], found["kind"], found["codec"]) == ("shop", "sql", "jsonl")


# --- from a DuckDB file ---------------------------------------------------------------------------------


def test_a_duckdb_file_is_read_the_same_way(shop: Shop, tmp_path: Path) -> None:
    first = shop(source(", step: 100"), store=APPEND)
    insert(first, 1, 8)
    first.run()
    f = shop(source(", step: 100", "watermark: at, key: [id]", "table: rows"), store=APPEND)
    f.s.env["SLUICE_CONN_SHOP"] = f"duckdb://{first.s.home}/shop/data.db"
    f.run("--run-id", "r1", env={"SLUICE_FAULT": "collect.after_keep:2:kill"}, code=137)
    f.run("--run-id", "r1")
    assert f.ids() == list(range(1, 9))
