"""A rejected record can be read, judged and, after the rule is mended, brought in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import ALL, CONTRACT, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
BAD = (40, "2026-01-02T00:00:00Z", "7.25", "DE")
LIMIT = "rejects: {limit: 1}"


@pytest.fixture
def shop(make: Make, tmp_path: Path, backend: str) -> Sluice:
    """Two runs; the second one's file holds a record with a country that is not listed."""
    s = make(write_pipeline(tmp_path / "shop", extra=LIMIT), backend)
    write_csv(tmp_path / "shop", "a.csv", rows(1, 3))
    s("run", "--run-id", "r1")
    write_csv(tmp_path / "shop", "b.csv", [*rows(10, 2), BAD, *rows(20, 2)])
    s("run", "--run-id", "r2")
    return s


def test_reject_is_shown_with_file_place_field_rule_and_masked_excerpt(shop: Sluice) -> None:
    file = Path(shop.pipeline).parent / "inbox" / "b.csv"
    (reject,) = shop("rejects", "show", "--format", "json").rows()
    record = ",".join(map(str, BAD))
    assert reject["input"] == "inbox/b.csv"
    at, length = int(reject["offset"]), int(reject["length"])
    assert file.read_text()[at : at + length].strip() == record
    assert reject["line"] == 4, "the header is line 1"
    assert (reject["field"], reject["rule"]) == ("country", "enum")
    assert "FR" not in reject["excerpt"] and "DE" not in reject["excerpt"]
    assert [c for c in reject["excerpt"] if not c.isalnum()] == [c for c in record if not c.isalnum()]


def test_rejects_are_listed_by_field_and_rule_and_can_be_picked(shop: Sluice) -> None:
    (group,) = shop("rejects", "list", "--format", "json").rows()
    assert (group["field"], group["rule"]) == ("country", "enum")
    assert len(shop("rejects", "show", "--run", "r2", "--field", "country", "--format", "json").rows()) == 1
    for other in (("--run", "r1"), ("--field", "total"), ("--rule", "min")):
        assert shop("rejects", "show", *other, "--format", "json").rows() == []


def test_mended_rule_and_its_run_again_bring_the_record_in_and_change_nothing_else(shop: Sluice) -> None:
    before, others = shop.query(ALL), "select id, _sl_seq from shop where id < 10 order by id"
    untouched = shop.query(others)
    write_pipeline(
        Path(shop.pipeline).parent, extra=LIMIT, contract=CONTRACT.replace("[FR, BE, CH]", "[FR, BE, CH, DE]")
    )
    shop("run", "--run-id", "r2")
    after = shop.query(ALL)
    assert [r for r in after if r["id"] == 40 and r["country"] == "DE"] == [r for r in after if r not in before]
    assert [r for r in after if r["id"] != 40] == before
    assert shop.query(others) == untouched
    assert shop("rejects", "show", "--format", "json").rows() == []
    assert "r1" in shop("state").stdout.split("older rules")[1]


def test_line_is_counted_over_parts_and_over_line_breaks_inside_cells(make: Make, tmp_path: Path) -> None:
    """40,000 rows are three parts; every tenth record takes two lines, one bad record stands in each part."""
    contract = "contract:\n  id: {type: int64, required: true}\n  note: text"
    s = make(write_pipeline(tmp_path / "shop", extra="rejects: {limit: 9}", contract=contract), "embedded")
    records = [f'{i},"a\nb"\n' if i % 10 == 0 else f"{i},c\n" for i in range(40_000)]
    bad = [5, 17_001, 39_999]
    for i in bad:
        records[i] = "x,c\n"
    text = "id,note\n" + "".join(records)
    (tmp_path / "shop" / "inbox" / "a.csv").write_text(text)
    s("run")
    shown = s("rejects", "show", "--format", "json").rows()
    assert [r["line"] for r in shown] == [2 + sum(x.count("\n") for x in records[:i]) for i in bad]
    assert [text.encode()[r["offset"] :][:3] for r in shown] == [b"x,c"] * 3


def test_line_is_left_open_where_lines_before_the_header_were_skipped(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path / "shop", extra=LIMIT), "embedded")
    file = Path(s.pipeline)
    file.write_text(file.read_text().replace("codec: csv", "codec: {csv: {skip: 2}}"))
    write_csv(tmp_path / "shop", "a.csv", [BAD])
    inbox = tmp_path / "shop" / "inbox" / "a.csv"
    inbox.write_text("made by hand\n\n" + inbox.read_text())
    s("run")
    assert [r["line"] for r in s("rejects", "show", "--format", "json").rows()] == [None]
