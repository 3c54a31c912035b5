"""What must not depend on size and company: memory of the stages, and several stores of one table at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.documents_sink import documents_sink
from tests.lib.services import Postgres
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice, finish

Make = Callable[..., Sluice]
FEW, MANY = 50_000, 500_000
SLACK_KIB = 4096  # how full the heap is: less than nine bytes for each row more
LIMIT_KIB = 64 * 1024
ORDERS = """\
sluice: 1
pipeline: orders
sources: {drop: {kind: file, path: "made/drop-*", codec: csv}}
contract:
  order_id: {type: int64, required: true, min: 1}
  placed_at: {type: timestamp, required: true}
  country: {type: text, enum: [FR, BE, CH, LU]}
  total: {type: "decimal(12,2)", min: 0}
store: {table: orders, mode: latest, key: order_id, version: placed_at}
rejects: {limit: 100%}
documents: {orders: {}}
backends: {local: {bronze: file, store: {postgres: warehouse}, documents: {mongo: documents}}}
"""


def published(s: Sluice, current: int) -> dict[str, int]:
    """All at first, then every row with every document."""
    with documents_sink() as port:
        s.env["SLUICE_CONN_DOCUMENTS"] = f"mongodb://127.0.0.1:{port}/x"
        first, full = s("publish").result, s("publish", "--full").result
    assert (first["inserted"], full["unchanged"], full["written"]) == (current, current, 0)
    return {"publish": first["peak_kib"], "publish --full": full["peak_kib"]}


def peaks(make: Make, folder: Path, n: int) -> dict[str, int]:
    """Of each stage that opens no DuckDB, in KiB."""
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(ORDERS)
    s = make(folder / "pipeline.yaml", "local")
    out = {"generate": s("generate", "--rows", str(n), "--files", "1", "-o", str(folder / "made")).result["peak_kib"]}
    for name in ("collect", "normalize", "store"):
        out[name] = s(name, "--run-id", "r").result["peak_kib"]
    out["store again"] = s("store", "--run-id", "r", code=(0, 99)).result["peak_kib"]
    out["export"] = s("export", "-o", str(folder / "out.csv")).result["peak_kib"]
    answers = json.loads((folder / "made" / "oracle" / "summary.json").read_text())
    with (folder / "out.csv").open() as file:
        assert sum(1 for _ in file) == answers["current"] + 1
    return out | published(s, answers["current"])


def test_ten_times_the_rows_take_no_more_memory(make: Make, tmp_path: Path, quick: None) -> None:
    few, many = (peaks(make, tmp_path / str(n), n) for n in (FEW, MANY))
    grown = {name: (few[name], many[name]) for name in few if many[name] > few[name] * 1.1 + SLACK_KIB}
    assert not grown, grown
    assert max(many.values()) <= LIMIT_KIB, many


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_four_stores_with_overlapping_keys_never_deadlock(
    make: Make, postgres: Postgres, tmp_path: Path, mode: str
) -> None:
    """Each run brings the same thousand keys in another order; all four are stored at the same moment."""
    s = make(write_pipeline(tmp_path / "shop", mode), "local")
    runs = [f"r{n}" for n in range(4)]
    for n, run in enumerate(runs):
        lines = rows(1, 1000, total=f"{n}.00", day=n + 1)
        write_csv(tmp_path / "shop", f"{n}.csv", lines if n % 2 else lines[::-1])
        s("collect", "--run-id", run)
        s("normalize", "--run-id", run)
    database = s.env["SLUICE_CONN_WAREHOUSE"].rpartition("/")[2]
    done = [finish(child) for child in [s.start("store", "--run-id", run) for run in runs]]
    assert [(d.code, d.stderr) for d in done if d.code not in (0, 99)] == []
    told = postgres.psql(f"select deadlocks from pg_stat_database where datname = '{database}'")
    assert told == "0"
    found = s.query(ALL)
    assert len(found) == (4000 if mode == "append" else 1000)
    assert mode == "append" or {float(r["total"]) for r in found} == {3.0}
