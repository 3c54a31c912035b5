"""The listings of pipelines/imo from a table or a collection are the rows that their files give."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lib.services import Mongo, Postgres
from tests.lib.stage import ROOT, Sluice

IMO = ROOT / "pipelines" / "imo"
FILES = r"  fichiers: \{.*\}\n"


def listings() -> list[dict[str, Any]]:
    return [page for file in sorted((IMO / "exemples").glob("*.json")) for page in json.loads(file.read_text())]


def rows(s: Sluice) -> list[str]:
    """Without what says from where a row came."""
    found = s.query("select * from silver.observations")
    return sorted(json.dumps({k: v for k, v in r.items() if not k.startswith("_sl")}, sort_keys=True) for r in found)


@pytest.fixture
def from_files(make: Callable[..., Sluice]) -> list[str]:
    s = make(IMO)
    s("run")
    return rows(s)


@pytest.fixture
def imo(make: Callable[..., Sluice], tmp_path: Path) -> Callable[[str], Sluice]:
    """imo(source): the pipeline with that source instead of its files."""

    def factory(source: str) -> Sluice:
        folder = tmp_path / "imo"
        shutil.copytree(IMO, folder)
        text, n = re.subn(FILES, f"  base: {source}\n", (folder / "pipeline.yaml").read_text())
        assert n == 1
        (folder / "pipeline.yaml").write_text(text)
        return make(folder / "pipeline.yaml")

    return factory


def test_from_a_table_with_a_field_map(imo: Callable[[str], Sluice], from_files: list[str], postgres: Postgres) -> None:
    """A page is one JSON value; the query gives its fields the names that the contract reads."""
    name = f"imo{os.getpid()}"
    postgres.psql(f"create database {name}")
    fields = sorted({field for page in listings() for field in page})
    columns = ", ".join(f"page->'{field}' as \"{field}\"" for field in fields)
    s = imo(
        f"{{kind: sql, connection: annonces, query: 'select id, {columns.replace(chr(39), chr(39) * 2)} from pages',"
        f" json: [{', '.join(fields)}], watermark: id, key: [id], step: 4KiB}}"
    )
    s.env["SLUICE_CONN_ANNONCES"] = postgres.uri(name)
    values = ", ".join(f"($v${json.dumps(page)}$v$)" for page in listings())
    postgres.psql(
        f"create table pages (id bigserial primary key, page jsonb); insert into pages (page) values {values}", name
    )
    s("run")
    assert rows(s) == from_files


def test_from_a_collection(imo: Callable[[str], Sluice], from_files: list[str], mongo: Mongo) -> None:
    s = imo("{kind: mongo, connection: annonces, collection: pages, watermark: _id, step: 4KiB}")
    s.env["SLUICE_CONN_ANNONCES"] = mongo.uri()
    mongo.client()[mongo.database]["pages"].insert_many(listings())
    s("run")
    assert rows(s) == from_files
