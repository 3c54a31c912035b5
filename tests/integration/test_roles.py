"""scripts/roles: with four roles that have no more than they need, the pipeline works, and everything else is
refused with a line that says so."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lib.services import Postgres, start
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import BIN, ROOT, Sluice

KINDS = ("owner", "writer", "reader", "grafana")
PASSWORDS = {kind: f"{kind}-s3cret/é%" for kind in KINDS}
_numbers = itertools.count(1)
MODEL = "select country, count(*) as n from {table} group by country"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One that asks for passwords."""
    made: Postgres = start(Postgres, durable=True)
    yield made
    made.close()


@dataclass
class Warehouse:
    server: Postgres
    database: str
    folder: Path
    home: Path

    @property
    def pipeline(self) -> Path:
        return self.folder / "pipeline.yaml"

    def roles(self, *args: str, **more: str) -> str:
        env = {"PATH": f"{BIN}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGPORT": str(self.server.port)}
        env |= {"PGUSER": "postgres", "PGPASSWORD": self.server.settings["password"], "PGDATABASE": self.database}
        env |= {f"SLUICE_{kind.upper()}_PASSWORD": word for kind, word in PASSWORDS.items()}
        done = subprocess.run(
            [str(ROOT / "scripts" / "roles"), "--prefix", self.database, *args, str(self.pipeline)], env=env | more,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def uri(self, kind: str) -> str:
        return self.server.uri(self.database, f"{self.database}_{kind}", PASSWORDS[kind])

    def by(self, kind: str) -> Sluice:
        """The pipeline with this role's connection."""
        return Sluice(str(self.pipeline), self.home, "local", {"SLUICE_CONN_WAREHOUSE": self.uri(kind)})

    def sql(self, kind: str, sql: str) -> str:
        """What psql answers this role, errors included."""
        env = os.environ | {"PGPASSWORD": PASSWORDS[kind]}
        argv = ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", f"{self.database}_{kind}"]
        done = subprocess.run(
            [*argv, "-d", self.database, "-c", sql], env=env, capture_output=True, text=True, check=False
        )
        return (done.stdout + done.stderr).strip()


@pytest.fixture
def mode() -> str:
    """The one that needs more: temporary tables beside the rows."""
    return "latest"


@pytest.fixture
def warehouse(mode: str, server: Postgres, tmp_path: Path) -> Warehouse:
    """A database with nothing in it, and a pipeline with silver and gold."""
    database = f"w{os.getpid()}_{next(_numbers)}"
    server.psql(f"create database {database}")
    folder = tmp_path / "shop"
    models = "models:\n  gold.by_country: {as: view}\n  gold.totals: {as: table}"
    text = write_pipeline(folder, mode, models).read_text().replace("table: shop", "table: silver.shop")
    (folder / "pipeline.yaml").write_text(text)
    (folder / "models").mkdir()
    (folder / "models" / "gold.by_country.sql").write_text(MODEL.format(table="silver.shop"))
    (folder / "models" / "gold.totals.sql").write_text("select cast(sum(n) as bigint) as n from gold.by_country")
    write_csv(folder, "a.csv", rows(1, 5))
    return Warehouse(server, database, folder, tmp_path / "home")


@pytest.fixture
def ready(warehouse: Warehouse) -> Warehouse:
    """As docs/operations.md says: roles, one store by the owner, then everything by the writer."""
    warehouse.roles()
    owner = warehouse.by("owner")
    for stage in ("collect", "normalize", "store"):
        owner(stage, "--run-id", "first")
    warehouse.by("writer")("run")
    return warehouse


SILVER = ALL.replace("from shop", "from silver.shop")


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_writer_runs_the_whole_pipeline_on_what_the_owner_made(ready: Warehouse, mode: str) -> None:
    writer = ready.by("writer")
    write_csv(ready.folder, "a.csv", rows(1, 4, total="1.00", day=2))
    write_csv(ready.folder, "b.csv", rows(10, 3))
    writer("run")
    want = 8 if mode == "latest" else 7  # row 5 of a.csv is no more, but its key was stored
    assert len(writer.query(SILVER)) == want
    assert writer.query("select n from gold.totals") == [{"n": want}]
    assert int(ready.sql("grafana", "select count(*) from sluice.stage_run")) > 5
    assert "fits" in writer("check").stdout


@pytest.mark.parametrize("first", [[], [("x", "2026-01-01T00:00:00Z", "1", "FR")]], ids=["nothing", "refused"])
@pytest.mark.parametrize("mode", ["append", "latest"])
def test_a_first_store_without_rows_leaves_no_work_that_is_the_owners(
    warehouse: Warehouse, mode: str, first: list[tuple[str, str, str, str]]
) -> None:
    """The table has its index, which only its owner can make."""
    warehouse.roles()
    (warehouse.folder / "inbox" / "a.csv").unlink()
    if first:
        write_csv(warehouse.folder, "a.csv", first)
    owner = warehouse.by("owner")
    owner("collect", "--run-id", "first", code=None)
    owner("normalize", "--run-id", "first", code=None)
    owner("store", "--run-id", "first", code=65 if first else 0)
    write_csv(warehouse.folder, "a.csv", rows(1, 5))
    warehouse.by("writer")("run")
    assert len(warehouse.by("reader").query(SILVER)) == 5
    indexes = warehouse.sql("owner", "select count(*) from pg_indexes where schemaname = 'silver'")
    assert indexes == "1", "and only once"


def test_rejects_and_a_refused_entry_are_written_by_the_writer_and_read_by_the_reader(ready: Warehouse) -> None:
    write_csv(ready.folder, "bad.csv", [("x", "2026-01-01T00:00:00Z", "1", "FR")])
    ready.by("writer")("run", code=65)
    told = ready.by("reader")("rejects", "--format", "json").rows()
    assert [(r["rejects"], r["field"]) for r in told] == [(1, "id")]


def test_writer_changes_no_table(ready: Warehouse) -> None:
    for sql in ("drop table silver.shop", "alter table silver.shop add x int", "truncate silver.shop",
                "drop table sluice.applied", "create table sluice.mine (a int)"):  # fmt: skip
        assert "must be owner" in ready.sql("writer", sql) or "permission denied" in ready.sql("writer", sql)
    assert "permission denied" in ready.sql("writer", "create schema mine")


def test_rebuild_is_the_owners(ready: Warehouse) -> None:
    before = ready.by("reader").query(SILVER)
    refused = ready.by("writer")("rebuild", code=77)
    assert "must be owner" in refused.result["error"] or "permission denied" in refused.result["error"]
    ready.by("owner")("rebuild")
    assert ready.by("writer")("run", code=None).code == 77, "the owner's new models are not the writer's yet"
    ready.roles()
    ready.by("writer")("run")
    assert ready.by("reader").query(SILVER) == before


def test_reader_reads_everything_and_writes_nothing(ready: Warehouse) -> None:
    reader = ready.by("reader")
    assert len(reader.query(SILVER)) == 5 and len(reader.query("select * from gold.by_country")) == 1
    assert reader("export", "--sql", SILVER, "--output", "-", "--format", "csv").stdout.count("\n") == 6
    assert reader("state").code == 0 and reader("runs").code == 0
    for sql in ("delete from silver.shop", "update sluice.applied set edition = 9", "create table mine (a int)"):
        assert "permission denied" in ready.sql("reader", sql), sql


def test_run_by_the_reader_ends_with_77_and_says_what_is_denied_and_to_whom(ready: Warehouse) -> None:
    write_csv(ready.folder, "b.csv", rows(10, 3))
    done = ready.by("reader")("run", code=77)
    assert done.result["kind"] == "auth" and "permission denied" in done.result["error"]
    assert "grant" in done.stderr and "_reader" in done.stderr, "the cure names the role"
    assert len(ready.by("reader").query(SILVER)) == 5


def test_grafana_reads_gold_and_the_ledger_and_not_silver(ready: Warehouse) -> None:
    assert ready.sql("grafana", "select n from gold.totals") == "5"
    assert ready.sql("grafana", "select count(*) from sluice.entry") == "1"
    assert "permission denied" in ready.sql("grafana", "select * from silver.shop")
    assert "permission denied" in ready.sql("grafana", "delete from sluice.stage_run")


def test_warehouse_that_one_user_made_is_taken_over(warehouse: Warehouse) -> None:
    alone = warehouse.by("writer")
    alone.env = {"SLUICE_CONN_WAREHOUSE": warehouse.server.uri(warehouse.database)}
    alone("run")
    warehouse.roles()
    warehouse.roles()
    write_csv(warehouse.folder, "b.csv", rows(10, 3))
    warehouse.by("writer")("run")
    assert len(warehouse.by("reader").query(SILVER)) == 8
    assert warehouse.sql("grafana", "select n from gold.totals") == "8"


def test_check_by_the_writer_on_an_empty_database_says_whose_turn_it_is(warehouse: Warehouse) -> None:
    warehouse.roles()
    done = warehouse.by("writer")("check", code=77)
    assert "no table yet" in done.stdout + done.stderr and "owner" in done.stdout + done.stderr


def test_no_password_reaches_argv_or_the_server(warehouse: Warehouse, tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "psql"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/seen\ncat >>{tmp_path}/seen\n')
    fake.chmod(0o755)
    warehouse.roles(PATH=f"{fake.parent}:{BIN}:{os.environ['PATH']}")
    seen = (tmp_path / "seen").read_text()
    assert seen.count("SCRAM-SHA-256$4096:") == 4
    assert not any(word in seen for word in PASSWORDS.values())
    assert "SCRAM" not in warehouse.roles("--print")


def test_password_that_is_not_given_stays(warehouse: Warehouse) -> None:
    warehouse.roles()
    warehouse.roles(SLUICE_READER_PASSWORD="")
    assert warehouse.sql("reader", "select 1") == "1"
