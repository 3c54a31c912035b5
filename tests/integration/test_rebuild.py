"""The documented limit of `latest`, and rebuild, after which the table is again what its inputs say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.expected import Inputs, Row, assert_counts, csv_text, table, write_two_sources
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]


def deliver(s: Sluice, inputs: Inputs, files: dict[str, list[Row]]) -> None:
    for name, rows in files.items():
        (Path(s.pipeline).parent / "inbox" / name).write_text(csv_text(rows))
    inputs.collected(files)
    s("run")


@pytest.fixture
def displaced(make: Make, tmp_path: Path, backend: str) -> tuple[Sluice, Inputs]:
    """Keys 1 and 2: the rows of a-1 have displaced those of b-1. Key 3 is only in a-1."""
    s, inputs = make(write_two_sources(tmp_path / "p", "latest"), backend), Inputs()
    deliver(s, inputs, {"b-1": [(1, 5, "b"), (2, 5, "b")]})
    deliver(s, inputs, {"a-1": [(1, 9, "a"), (2, 9, "a"), (3, 9, "a")]})
    return s, inputs


def test_row_that_lost_its_version_or_is_made_no_more_stands_until_rebuild(displaced: tuple[Sluice, Inputs]) -> None:
    s, inputs = displaced
    deliver(s, inputs, {"a-1": [(1, 1, "lowered")]})
    told = {r["id"]: r["t"] for r in s.query("select id, t from rows")}
    assert told == {1: "lowered", 2: "a", 3: "a"}, "what it had displaced is forgotten, as documented"
    assert s("rebuild").code == 0
    assert table(s) == inputs.rows("latest")
    assert {r["id"]: r["t"] for r in s.query("select id, t from rows")} == {1: "b", 2: "b"}
    assert_counts(s)
    assert s("run").result["written"] == 0


def test_rebuild_of_a_table_that_is_right_changes_nothing(displaced: tuple[Sluice, Inputs]) -> None:
    s, inputs = displaced
    before = s.query("select id, v, t, _sl_change from rows order by id")
    s("rebuild")
    s("rebuild")
    assert s.query("select id, v, t, _sl_change from rows order by id") == before
    assert table(s) == inputs.rows("latest")


def test_other_key_is_refused_until_rebuild(displaced: tuple[Sluice, Inputs]) -> None:
    s, _ = displaced
    file = Path(s.pipeline)
    file.write_text(
        file.read_text()
        .replace("key: id", "key: [id, v]")
        .replace("v: {type: int64", "v: {type: int64, required: true")
    )
    for words in ((), ("--replay",)):
        assert "rebuild" in s("run", *words, code=78).result["hint"]
    s("rebuild")
    assert len(s.query("select id from rows")) == 5
    assert s("run").result["written"] == 0
