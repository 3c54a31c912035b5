"""CSV of orders through a contract into PostgreSQL, beside dlt and sling: from a file to a table, all of it.

One file has a row in 200 spoiled (enum, min, max, required, a time that is none): ours and dlt must keep the same
rows. The other is clean, because sling checks nothing without a paid token: it only gives the columns their types.
Ours is collect, normalize and store, mode append. What each table holds is compared first.
Environment: ROWS (1000000).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from orders_1m import COLUMNS, ROWS, Target, prepare, server, write_orders
from run import ROOT, Frame, Sample, Table, get_peers, peer_python, spread

from tests.lib.services import Postgres

STAGES = ("collect", "normalize", "store")
FAULTS = [(4, "XX"), (6, "0"), (7, "-1.00"), (2, ""), (1, "yesterday"), (6, "1001")]  # column, value
EVERY = 200
SLING = """\
source: LOCAL
target: WAREHOUSE
defaults: {{mode: full-refresh}}
streams:
  "file://{csv}":
    object: public.orders
    source_options: {{format: csv, header: true, empty_as_null: true}}
    columns:
      order_id: bigint
      placed_at: timestampz
      customer: text
      email: text
      country: text
      status: text
      quantity: bigint
      total: decimal(12,2)
      shipped_on: date
      note: text
"""
LABELS = {
    "ours, spoiled": "sluice, contract, rejects judged",
    "dlt rows": "dlt, Pydantic model",
    "dlt arrow": "dlt, Arrow blocks, contract by hand",
    "ours, clean": "sluice, the clean file",
    "sling": "sling, types only, the clean file",
}


def spoil(source: Path) -> Path:
    path = source.with_name(f"spoiled-{source.name}")
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with source.open(encoding="utf-8") as lines, part.open("w", encoding="utf-8") as out:
        out.write(next(lines))
        for n, line in enumerate(lines, 1):
            cells = line.split(",", 9)
            if n % EVERY == 0:
                column, value = FAULTS[n // EVERY % len(FAULTS)]
                cells[column] = value
            out.write(",".join(cells))
    part.rename(path)
    return path


def held(pg: Postgres, database: str, table: str) -> tuple[int, str]:
    """Rows and content, in PostgreSQL's own text."""
    sql = f"copy (select {COLUMNS} from {table} order by order_id) to stdout (format csv)"
    argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, pg.uri(database)]
    env = os.environ | {"PGTZ": "UTC"}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE) as child:
        digest, lines = hashlib.sha256(), 0
        assert child.stdout
        while block := child.stdout.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
    assert child.returncode == 0
    return lines, digest.hexdigest()


class Load:
    def __init__(self, frame: Frame, pg: Postgres) -> None:
        self.frame, self.pg = frame, pg
        self.clean = write_orders(frame.dir / f"orders-{ROWS}.csv", ROWS, lambda _: 1)
        self.spoiled = spoil(self.clean)
        self.last: dict[str, tuple[int, str]] = {}

    def database(self, name: str) -> str:
        self.pg.psql(f"drop database if exists {name}")
        self.pg.psql(f"create database {name}")
        return name

    def ours(self, case: str, csv: Path) -> Sample:
        target = Target(self.frame, self.frame.dir / case.replace(", ", "-"), "local", self.pg, "bench_load")
        prepare(target, "append", csv)
        with (target.folder / "pipeline.yaml").open("a") as pipeline:
            pipeline.write("rejects: {limit: 5%}\n")
        parts = [target.stage(case, name, "r") for name in STAGES]
        self.last[case] = held(self.pg, "bench_load", "orders")
        return Sample.whole(parts)

    def dlt(self, way: str) -> Sample:
        own = self.frame.dir / "dlt"
        shutil.rmtree(own, ignore_errors=True)
        uri = self.pg.uri(self.database("bench_dlt")).replace("postgres@", "postgres:none@")  # it insists on one
        argv = [peer_python("load"), str(ROOT / "bench" / "load_dlt.py"), way, uri]
        env = {"DLT_DIR": str(own), "HOME": str(own)}
        sample = self.frame.sample(f"dlt {way}", [*argv, str(self.spoiled)], env, self.pg.pid())
        self.last[f"dlt {way}"] = held(self.pg, "bench_dlt", f"dlt_{way}.orders")
        return sample

    def sling(self) -> Sample:
        (program,) = (
            Path(peer_python("load"))
            .parents[1]
            .glob("lib/python3*/site-packages/sling_linux_amd64/bin/sling-linux-amd64")
        )
        file = self.frame.dir / "sling.yaml"
        file.write_text(SLING.format(csv=self.clean))
        home = self.frame.dir / "sling"
        home.mkdir(exist_ok=True)
        uri = self.pg.uri(self.database("bench_sling"))
        env = {"SLING_HOME_DIR": str(home), "HOME": str(home), "SLING_DISABLE_TELEMETRY": "true",
               "WAREHOUSE": f"{uri}?sslmode=disable"}  # fmt: skip
        sample = self.frame.sample("sling", [str(program), "run", "-r", str(file)], env, self.pg.pid())
        self.last["sling"] = held(self.pg, "bench_sling", "orders")
        return sample

    def compare(self) -> None:
        kept = ROWS - ROWS // EVERY
        assert self.last["ours, spoiled"] == self.last["dlt rows"] == self.last["dlt arrow"], self.last
        assert self.last["ours, clean"] == self.last["sling"], self.last
        assert (self.last["ours, spoiled"][0], self.last["sling"][0]) == (kept, ROWS), self.last


def ratio(done: dict[str, list[Sample]], peer: str, ours: str, of: Callable[[Sample], float]) -> str:
    return spread([of(a) / of(b) for a, b in zip(done[peer], done[ours], strict=True)], digits=1)


def bench(frame: Frame) -> list[Table]:
    get_peers("load")
    with server() as pg:
        load = Load(frame, pg)
        done = frame.interleave({
            "ours, spoiled": lambda: load.ours("ours, spoiled", load.spoiled),
            "dlt rows": lambda: load.dlt("rows"),
            "dlt arrow": lambda: load.dlt("arrow"),
            "ours, clean": lambda: load.ours("ours, clean", load.clean),
            "sling": load.sling,
        })  # fmt: skip
    load.compare()
    table = Table(
        f"{ROWS:,} orders, CSV to PostgreSQL",
        ["what", "CPU, s", "of it the server, s", "wall, s", "peak, MiB", "× our CPU", "× our wall"],
        notes=["The tables are equal. The peak is the largest process' of the client side."],
    )
    for name, samples in done.items():
        ours = "ours, clean" if name in ("ours, clean", "sling") else "ours, spoiled"
        table.rows.append([
            LABELS[name], spread([s.cpu for s in samples]), spread([s.server for s in samples]),
            spread([s.wall for s in samples]), f"{max(s.peak_kib for s in samples) / 1024:.0f}",
            ratio(done, name, ours, lambda s: s.cpu), ratio(done, name, ours, lambda s: s.wall),
        ])  # fmt: skip
    return [table]
