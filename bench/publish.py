"""Rows of a PostgreSQL table into MongoDB documents: sluice-publish beside pymongo, against the same server.

Ours reads them from the table, compares with the collection, and keeps the marks; the peer reads a CSV of the same
rows. The server (SecantusDB) is slow and not ours: what counts is the CPU of the client, all of it, per document.
Environment: ROWS (20000).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from orders_1m import PIPELINE, STORES, write_orders
from run import ROOT, Frame, Sample, Table, median, spread

from tests.lib.services import Mongo, Postgres, start, start_postgres

ROWS = int(os.environ.get("ROWS", "20000"))
PEER = ROOT / ".venv" / "secantusdb" / "bin" / "python"
DOCUMENTS = """\
documents: {orders: {}}
backends:
  local: {bronze: file, store: {postgres: warehouse}, documents: {mongo: documents}}
"""


def write_pipeline(folder: Path) -> Path:
    text = PIPELINE.format(input="each", store=STORES["latest"])
    path = folder / "pipeline.yaml"
    (folder / "models").mkdir(exist_ok=True)
    path.write_text(text[: text.index("models:")] + DOCUMENTS)
    return path


def held(mongo: Mongo, database: str) -> list[dict[str, Any]]:
    found = list(mongo.client()[database].orders.find().sort("_id"))
    for one in found:
        del one["_sl"]
    return found


class Bench:
    def __init__(self, frame: Frame, postgres: Postgres, mongo: Mongo) -> None:
        self.frame, self.mongo = frame, mongo
        self.csv = write_orders(frame.dir / "inbox" / f"orders-{ROWS}.csv", ROWS, lambda _: 1)
        self.file = write_pipeline(frame.dir)
        postgres.psql("create database bench")
        self.env = {
            "SLUICE_CONN_WAREHOUSE": postgres.uri("bench"),
            "SLUICE_CONN_DOCUMENTS": mongo.uri("ours"),
            "SLUICE_HOME": str(frame.dir / f"home-{os.getpid()}"),
        }
        for stage in ("collect", "normalize", "store"):
            self.stage(stage)

    def stage(self, name: str, *args: str) -> Sample:
        argv = [self.frame.exe(f"sluice-{name}"), "-p", str(self.file), "--backend", "local", "--run-id", "r", *args]
        return self.frame.sample(name, argv, self.env)

    def ours(self) -> Sample:
        self.mongo.client().drop_database("ours")
        return self.stage("publish")

    def peer(self) -> Sample:
        self.mongo.client().drop_database("peer")
        argv = [str(PEER), str(ROOT / "bench" / "publish_peer.py"), self.mongo.uri("peer"), "peer", str(self.csv)]
        return self.frame.sample("pymongo", argv)

    def same(self) -> None:
        ours, peer = held(self.mongo, "ours"), held(self.mongo, "peer")
        assert len(ours) == ROWS and ours == peer, "the documents differ"


def bench(frame: Frame) -> list[Table]:
    (frame.dir / "inbox").mkdir(exist_ok=True)
    subprocess.run([str(ROOT / "scripts" / "get-services"), "mongo"], check=True, stdout=sys.stderr)
    postgres, mongo = start_postgres(), start(Mongo)
    try:
        b = Bench(frame, postgres, mongo)
        times = frame.interleave({"publish": b.ours, "pymongo": b.peer})
        b.same()
        times |= frame.interleave(
            {"nothing new": lambda: b.stage("publish"), "--full": lambda: b.stage("publish", "--full")}
        )
    finally:
        postgres.close()
        mongo.close()
    table = Table(f"{ROWS} rows to documents", ["what", "CPU, µs a document", "wall, s", "peak, MiB"])
    for name, samples in times.items():
        table.rows.append([
            name, spread([s.user + s.sys for s in samples], 1e6 / ROWS, 1), spread([s.wall for s in samples]),
            spread([s.peak_kib for s in samples], 1 / 1024, 1),
        ])  # fmt: skip
    ratio = median([s.user + s.sys for s in times["pymongo"]]) / median([s.user + s.sys for s in times["publish"]])
    table.notes.append(f"pymongo spends {ratio:.1f} × our CPU; the documents are the same.")
    return [table]
