"""Rules over whole runs: what is filtered is counted, what a rule reads beside the records is part of the rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.pipeline import file_source, write
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]

CONTRACT = "{id: {type: int64, required: true}, town: text, region: text, tags: list<text>}"
RULES = """\
fields: {kind: text, tag_text: {type: text, from: tags}}
rules:
  - filter: {from: kind, keep: [sale, rent], ignore_case: true}
  - trim: {from: town, inner: true, empty_as_null: true}
  - set_null: {from: town, values: [n/a]}
  - lookup: {from: town, into: region, file: regions.csv, key: town, value: region}
  - default: {from: region, value: elsewhere}
  - split: {from: tag_text, into: tags, separator: "|"}
  - dedup: {from: tags}
"""
RECORDS = """\
id,kind,town,tags
1,sale,  Lyon ,a|b|a
2,RENT,n/a,
3,swap,Nice,c
4,,Nice,c
5,sale,Nice,|b|
"""


@pytest.fixture
def shop(make: Make, tmp_path: Path, backend: str) -> Sluice:
    file = write(tmp_path / "shop", {"drop": file_source(codec="csv")}, CONTRACT, extra=RULES)
    (file.parent / "inbox" / "a.csv").write_text(RECORDS)
    (file.parent / "regions.csv").write_text("town,region\nLyon,ARA\nNice,PACA\n")
    return make(file, backend)


def regions(s: Sluice) -> list[tuple[int, str]]:
    return [(r["id"], r["region"]) for r in s.query("select id, region from rows order by id")]


def test_filtered_rows_are_counted_and_no_rejects(shop: Sluice) -> None:
    result = shop("run").result
    assert (result["n_in"], result["kept"], result["filtered"], result["rejected"]) == (5, 3, 2, 0)
    assert regions(shop) == [(1, "ARA"), (2, "elsewhere"), (5, "PACA")]
    assert shop.query("select town from rows where town is not null order by id") == [
        {"town": "Lyon"},
        {"town": "Nice"},
    ]
    assert shop.query("select count(*) as n from sluice.reject") == [{"n": 0}]


def test_another_lookup_table_means_other_rules(shop: Sluice) -> None:
    """Its content is part of the rev: inputs are made again, and going back gives the first table."""
    shop("run")
    table = Path(shop.pipeline).parent / "regions.csv"
    before = table.read_text()
    table.write_text(before.replace("ARA", "Auvergne-Rhône-Alpes"))
    shop("run", "--replay")
    assert regions(shop)[0] == (1, "Auvergne-Rhône-Alpes")
    table.write_text(before)
    shop("run", "--replay")
    assert regions(shop) == [(1, "ARA"), (2, "elsewhere"), (5, "PACA")]


def test_a_missing_lookup_table_is_told_at_its_place(shop: Sluice) -> None:
    (Path(shop.pipeline).parent / "regions.csv").unlink()
    done = shop("validate", code=78)
    assert "error[E1012]" in done.stderr and "regions.csv" in done.stderr
