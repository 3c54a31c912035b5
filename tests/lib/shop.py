"""A small pipeline of the tests: CSV files in a folder, into one table, in either mode."""

from __future__ import annotations

from pathlib import Path

CONTRACT = """\
contract:
  id: {type: int64, required: true}
  placed: {type: timestamp, zone: UTC}
  total: {type: "decimal(12,2)", min: 0}
  country: {type: text, enum: [FR, BE, CH]}
"""

BACKENDS = """\
backends:
  embedded: {bronze: file, store: duckdb}
  local: {bronze: file, store: {postgres: warehouse}}
  lake: {bronze: {s3: lake}, store: {postgres: warehouse}}
  lake-duckdb: {bronze: {s3: lake}, store: duckdb}
"""


def write_pipeline(folder: Path, mode: str = "append", extra: str = "", contract: str = CONTRACT) -> Path:
    """Writes folder/pipeline.yaml; inputs are folder/inbox/*.csv. Returns the file."""
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    store = {
        "append": "store: {table: shop, mode: append}",
        "latest": "store: {table: shop, mode: latest, key: [id], version: placed}",
    }[mode]
    sources = 'sources:\n  drop: {kind: file, path: "inbox/*.csv", codec: csv}'
    text = "\n".join(["sluice: 1", "pipeline: shop", sources, contract, store, extra, BACKENDS])
    path = folder / "pipeline.yaml"
    path.write_text(text)
    return path


def write_csv(folder: Path, name: str, rows: list[tuple[object, ...]]) -> Path:
    """rows of (id, placed, total, country)."""
    path = folder / "inbox" / name
    path.write_text("id,placed,total,country\n" + "".join(",".join(map(str, r)) + "\n" for r in rows))
    return path


def rows(first: int, n: int, total: str = "9.50", day: int = 1, country: str = "FR") -> list[tuple[object, ...]]:
    return [(first + i, f"2026-01-{day:02d}T00:00:00Z", total, country) for i in range(n)]


ALL = "select id, placed, total, country from shop order by id, placed, total, country"
COUNT = "select count(*) as n from shop"
