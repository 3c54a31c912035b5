"""The CSV reader alone, on one core: bytes a CPU-second to an index and to typed columns; DuckDB, polars and
pandas as peers, each on one thread with the same types, its start-up taken off."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from run import ROOT, Frame, Table, get_peers, median, peer_python, spread

ROWS = 500_000
TIMES = 5
TYPES = {
    "order_id": "int64",
    "placed_at": "timestamp",
    "customer": "text",
    "total": "decimal(12,2)",
    "country": "text",
    "quantity": "int64",
    "note": "text",
}
NOTES = ["plain note", '"quoted, with comma"', "", '"say ""hi"""', "a rather longer text that goes on for a while"]


def write_file(path: Path) -> None:
    draw = random.Random(1)
    with path.open("w") as f:
        f.write(",".join(TYPES) + "\n")
        for i in range(ROWS):
            at = f"2026-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}T{draw.randint(10, 23)}:{draw.randint(10, 59)}:00Z"
            total = f"{draw.randint(1, 99999)}.{draw.randint(10, 99)}"
            who = f"customer {draw.randint(1, 99999)}"
            f.write(
                f"{i},{at},{who},{total},{draw.choice(['FR', 'BE', 'CH'])},{draw.randint(1, 20)},{draw.choice(NOTES)}\n"
            )


def ours(frame: Frame, file: Path, what: str) -> tuple[float, int]:
    """GB a CPU-second, and what was found: ends of cells, or rows kept."""
    argv = [str(frame.bin.parent / "bench-csv-codec"), what, str(file), str(TIMES)]
    columns = [f"{name}={kind}" for name, kind in TYPES.items()]
    done = subprocess.run([*argv, *columns], capture_output=True, text=True, check=True)
    got = json.loads(done.stdout)
    return got["bytes"] * got["rounds"] / got["seconds"] / 1e9, got["found"]


def duckdb(frame: Frame, file: Path) -> float:
    """Its reader with the same types on one thread, aggregated so that nothing is stored; start-up taken off."""
    library = frame.bin.parent / "lib" / "sluice" / "libduckdb.so"
    names = {"int64": "BIGINT", "timestamp": "TIMESTAMPTZ", "text": "VARCHAR"}
    columns = ", ".join(f"'{n}': '{names.get(k, k)}'" for n, k in TYPES.items())
    uses = ", ".join(f"max({n})" for n in TYPES)
    how = f"header=true, auto_detect=false, delim=',', quote='\"', columns={{{columns}}}"
    read = f"select count(*), {uses} from read_csv('{file}', {how})"
    argv = [
        sys.executable,
        str(ROOT / "bench" / "duckdb_sql.py"),
        str(library),
        str(frame.dir / "peer.db"),
        "set threads=1",
    ]
    empty = frame.sample("duckdb start", argv)
    full = frame.sample("duckdb read_csv", [*argv, read])
    return file.stat().st_size / (full.cpu - empty.cpu) / 1e9


def frames(frame: Frame, file: Path, library: str) -> float:
    argv = [peer_python("load"), str(ROOT / "bench" / "frames.py"), library]
    env = {"POLARS_MAX_THREADS": "1"}
    empty = frame.sample(f"{library} start", [*argv, "none"], env)
    full = frame.sample(f"{library} read_csv", [*argv, "csv", str(file), str(TIMES), str(ROWS)], env)
    return file.stat().st_size * TIMES / (full.cpu - empty.cpu) / 1e9


def bench(frame: Frame) -> list[Table]:
    build = frame.bin.parent
    subprocess.run(["cmake", "--build", str(build), "--target", "bench-csv-codec"], check=True, capture_output=True)
    get_peers("load")
    file = frame.dir / "orders.csv"
    if not file.exists():
        write_file(file)
    got: dict[str, list[float]] = {"index": [], "columns": [], "DuckDB": [], "polars": [], "pandas": []}
    for _ in range(frame.rounds):
        for what in ("index", "columns"):
            speed, found = ours(frame, file, what)
            assert found == (ROWS * len(TYPES) if what == "index" else ROWS), found
            got[what].append(speed)
        got["DuckDB"].append(duckdb(frame, file))
        for library in ("polars", "pandas"):
            got[library].append(frames(frame, file, library))
        time.sleep(0.2)
    table = Table(f"CSV, {ROWS} rows of {len(TYPES)} columns, one core", ["reader", "GB a CPU-second", "bar"])
    table.rows = [
        ["ours, to an index of cells", spread(got["index"]), "1"],
        ["ours, to typed columns", spread(got["columns"]), "0.5"],
        ["DuckDB read_csv, typed, one thread", spread(got["DuckDB"]), ""],
        ["polars scan_csv, typed, one thread", spread(got["polars"]), ""],
        ["pandas read_csv by Arrow, typed, one thread", spread(got["pandas"]), ""],
    ]
    table.notes.append(f"Typed columns: {median(got['columns']) / median(got['DuckDB']):.1f} x DuckDB's reader.")
    return [table]
