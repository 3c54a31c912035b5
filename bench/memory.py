"""Is memory flat? Peak of each stage that opens no DuckDB, at ROWS and ten times as many, from `sluice generate`
into PostgreSQL and out again.

Environment: ROWS (1000000); TIMES (10).
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from run import Frame, Sample, Table

from tests.lib.services import Postgres, start_postgres

ROWS = int(os.environ.get("ROWS", "1000000"))
TIMES = int(os.environ.get("TIMES", "10"))
PIPELINE = """\
sluice: 1
pipeline: orders
sources: {{drop: {{kind: file, path: "made/drop-*", codec: csv}}}}
contract:
  order_id: {{type: int64, required: true, min: 1}}
  placed_at: {{type: timestamp, required: true}}
  customer: text
  country: {{type: text, enum: [FR, BE, CH, LU]}}
  total: {{type: "decimal(12,2)", min: 0}}
store: {store}
rejects: {{limit: 5%}}
backends: {{local: {{bronze: file, store: {{postgres: warehouse}}}}}}
"""
STORES = {
    "append": "{table: orders, mode: append}",
    "latest": "{table: orders, mode: latest, key: order_id, version: placed_at}",
}
STAGES = ("generate", "collect", "normalize", "store", "store again", "export")


def stage(frame: Frame, folder: Path, words: str, server: Postgres, rows: int) -> Sample:
    name = words.partition(" ")[0]
    argv = [frame.exe(f"sluice-{name}"), "--pipeline", str(folder / "pipeline.yaml"), "--home", str(folder / "home")]
    argv += ["--backend", "local"]
    own = {"generate": ["--rows", str(rows), "-o", str(folder / "made")], "export": ["-o", str(folder / "out.csv")]}
    argv += own.get(name, ["--run-id", "r"])
    env = {"SLUICE_CONN_WAREHOUSE": server.uri(folder.name)}
    return frame.sample(f"{folder.name} {words}", argv, env, server.pid())


def through(frame: Frame, mode: str, rows: int, server: Postgres) -> dict[str, Sample]:
    folder = frame.dir / f"{mode}_{rows}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(PIPELINE.format(store=STORES[mode]))
    server.psql(f"drop database if exists {folder.name}")
    server.psql(f"create database {folder.name}")
    out = {words: stage(frame, folder, words, server, rows) for words in STAGES}
    answers = json.loads((folder / "made" / "oracle" / "summary.json").read_text())
    wanted = answers["accepted"] if mode == "append" else answers["current"]
    assert server.psql("select count(*) from orders", folder.name) == str(wanted)
    shutil.rmtree(folder)
    return out


def bench(frame: Frame) -> list[Table]:
    server = start_postgres()
    table = Table("Peak, MiB", ["stage", f"{ROWS:,}", f"{ROWS * TIMES:,}", "CPU s", "CPU s"])
    try:
        for mode in STORES:
            few, many = (through(frame, mode, rows, server) for rows in (ROWS, ROWS * TIMES))
            for words in STAGES:
                pair = (few[words], many[words])
                peaks = [f"{s.peak_kib / 1024:.1f}" for s in pair]
                table.rows.append([f"{words}, {mode}", *peaks, *(f"{s.cpu:.2f}" for s in pair)])
    finally:
        server.close()
    return [table]
