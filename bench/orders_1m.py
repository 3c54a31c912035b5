"""1 M order rows, CSV → contract → table, stage by stage, beside psql \\copy and DuckDB's own CSV import.

Cases: `append`; `latest` into an empty table; its exact rerun; `latest` into the filled table, every key with a
newer version. Environment: ROWS (1000000).
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from run import ROOT, Frame, Sample, Table, spread

from tests.lib.services import Postgres, start_postgres

ROWS = int(os.environ.get("ROWS", "1000000"))
STAGES = ("collect", "normalize", "store", "aggregate")
COLUMNS = "order_id, placed_at, customer, email, country, status, quantity, total, shipped_on, note"

PIPELINE = """\
sluice: 1
pipeline: orders
sources:
  drop: {{kind: file, path: "inbox/*.csv", codec: csv}}
contract:
  order_id: {{type: int64, required: true, min: 1}}
  placed_at: {{type: timestamp, zone: UTC, required: true}}
  customer: {{type: text, required: true}}
  email: text
  country: {{type: text, enum: [FR, BE, CH, LU, DE]}}
  status: {{type: text, enum: [new, paid, shipped, returned]}}
  quantity: {{type: int64, min: 1, max: 1000}}
  total: {{type: "decimal(12,2)", min: 0}}
  shipped_on: date
  note: text
store: {store}
models:
  by_country: {{as: table}}
backends:
  embedded: {{bronze: file, store: duckdb}}
  local: {{bronze: file, store: {{postgres: warehouse}}}}
"""
STORES = {
    "append": "{table: orders, mode: append}",
    "latest": "{table: orders, mode: latest, key: order_id, version: placed_at}",
}
MODEL = "select country, count(*) as orders, sum(total) as turnover from orders group by country"

# The peer's table is ours: same columns, hidden ones with a default, same index.
PEER_COLUMNS = """(order_id bigint, placed_at timestamptz, customer text, email text, country text, status text,
 quantity bigint, total numeric(12,2), shipped_on date, note text,
 _sl_input bigint not null default 1, _sl_seq bigint not null default 1, _sl_change bigint not null default 1)"""
PEER_INDEX = {"append": "create index on peer (_sl_input)", "latest": "create unique index on peer (order_id)"}

DUCKDB_READ = """read_csv('{csv}', header = true, timestampformat = '%Y-%m-%dT%H:%M:%SZ', columns = {{
 order_id: 'bigint', placed_at: 'timestamp', customer: 'varchar', email: 'varchar', country: 'varchar',
 status: 'varchar', quantity: 'bigint', total: 'decimal(12,2)', shipped_on: 'date', note: 'varchar'}})"""


def write_orders(path: Path, rows: int, day: int) -> Path:
    """Made-up orders; the same keys whatever the day, in another order."""
    if path.exists():
        return path
    rnd = random.Random(day)
    names = ["Zoé Martin", "Jürgen Weiß", "Anna Kowalska", "Ольга Смирнова", "Li Wei", "Ana Souza"]
    notes = ["", "", "", "leave at the door", '"call first, then ring"', '"says ""urgent"""', "подарок"]
    ids = list(range(1, rows + 1))
    rnd.shuffle(ids)
    part = path.with_suffix(".part")
    with part.open("w") as out:
        out.write(COLUMNS.replace(" ", "") + "\n")
        for i in ids:
            r = rnd.getrandbits(48)
            second = r % 86400
            out.write(
                f"{i},2026-01-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z,"
                f"{names[r % 6]},user{r % 900001}@example.org,{('FR', 'BE', 'CH', 'LU', 'DE')[r % 5]},"
                f"{('new', 'paid', 'shipped', 'returned')[r % 4]},{r % 50 + 1},{r % 90000}.{r % 100:02d},"
                f"{f'2026-02-{r % 28 + 1:02d}' if r % 3 else ''},{notes[r % 7]}\n"
            )
    part.rename(path)
    return path


@dataclass
class Target:
    """A pipeline folder with a HOME, on one backend."""

    frame: Frame
    folder: Path
    backend: str
    server: Postgres | None = None
    database: str = ""

    @property
    def home(self) -> Path:
        return self.folder / f"home-{self.backend}"

    @property
    def env(self) -> dict[str, str]:
        return {"SLUICE_CONN_WAREHOUSE": self.server.uri(self.database)} if self.server else {}

    def common(self) -> list[str]:
        return ["--home", str(self.home), "--backend", self.backend]

    def stage(self, case: str, name: str, run: str) -> Sample:
        argv = [self.frame.exe(f"sluice-{name}"), "--pipeline", str(self.folder / "pipeline.yaml")]
        argv += [*self.common(), "--run-id", run]
        pid = self.server.process.pid if self.server and name in ("store", "aggregate") else None
        return self.frame.sample(f"{self.backend} {case} {name}", argv, self.env, pid)

    def hash(self, table: str) -> tuple[int, str]:
        """Rows and content hash, in the one text form that both engines have."""
        sql = f"select {COLUMNS} from {table} order by order_id"
        argv = [self.frame.exe("sluice"), "query", str(self.folder / "pipeline.yaml"), *self.common()]
        child = subprocess.Popen(
            [*argv, "--sql", sql, "--format", "csv"], env=os.environ | self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        digest, lines = hashlib.sha256(), 0
        assert child.stdout
        while block := child.stdout.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
        assert child.wait() == 0
        return lines - 1, digest.hexdigest()


def prepare(target: Target, mode: str, csv: Path) -> None:
    """A folder with one input, an empty HOME and, on PostgreSQL, a database of its own."""
    shutil.rmtree(target.folder, ignore_errors=True)
    (target.folder / "inbox").mkdir(parents=True)
    (target.folder / "models").mkdir()
    (target.folder / "pipeline.yaml").write_text(PIPELINE.format(store=STORES[mode]))
    (target.folder / "models" / "by_country.sql").write_text(MODEL)
    os.link(csv, target.folder / "inbox" / csv.name)
    if target.server:
        target.server.psql(f"drop database if exists {target.database}")
        target.server.psql(f"create database {target.database}")


def through(target: Target, case: str, run: str) -> dict[str, Sample]:
    return {name: target.stage(case, name, run) for name in STAGES}


def psql_copy(target: Target, mode: str, csv: Path) -> Sample:
    server = target.server
    assert server
    server.psql(f"drop table if exists peer; create table peer {PEER_COLUMNS}; {PEER_INDEX[mode]}", target.database)
    copy = f"\\copy peer ({COLUMNS}) from '{csv}' (format csv, header)"
    argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", server.uri(target.database), "-c", copy]
    return target.frame.sample(f"psql copy {mode}", argv, server=server.process.pid)


def duckdb_import(target: Target, csv: Path) -> Sample:
    """DuckDB's reader into a table of ours' name, so that sluice query reads both alike."""
    home = target.home / "orders"
    shutil.rmtree(target.home, ignore_errors=True)
    home.mkdir(parents=True)
    library = target.frame.bin.parent / "lib" / "sluice" / "libduckdb.so"
    sql = [
        "set memory_limit = '300MB'",
        "set threads = 2",
        "set TimeZone = 'UTC'",
        f"create table peer as select * replace (placed_at::timestamptz as placed_at) "
        f"from {DUCKDB_READ.format(csv=csv)}",
    ]
    script = ROOT / "bench" / "duckdb_sql.py"
    return target.frame.sample("duckdb import", ["python3", str(script), str(library), str(home / "data.db"), *sql])


@contextmanager
def server() -> Iterator[Postgres]:
    s = start_postgres()
    try:
        yield s
    finally:
        s.stop()


def one_round(frame: Frame, backend: str, pg: Postgres | None, first: Path, second: Path) -> dict[str, dict[str, Sample]]:
    """All cases of one backend; outputs are compared here, before any time is shown."""
    out: dict[str, dict[str, Sample]] = {}
    for mode in ("append", "latest"):
        target = Target(frame, frame.dir / f"{backend}-{mode}", backend, pg, f"bench_{mode}")
        prepare(target, mode, first)
        if pg:
            out[f"psql {mode}"] = {"copy": psql_copy(target, mode, first)}
        else:
            peer = Target(frame, frame.dir / "duckdb-peer", backend)
            prepare(peer, mode, first)
            out[f"duckdb {mode}"] = {"import": duckdb_import(peer, first)}
        out[mode] = through(target, mode, "r1")
        wanted = (target if pg else peer).hash("peer")
        got = target.hash("orders")
        assert got == wanted and got[0] == ROWS, (backend, mode, got, wanted)
        if mode == "latest":
            out["rerun"] = through(target, "rerun", "r1")
            assert target.hash("orders") == wanted, "the rerun changed rows"
            os.link(second, target.folder / "inbox" / second.name)
            out["filled"] = through(target, "filled", "r2")
            if pg:
                psql_copy(target, mode, second)
            else:
                duckdb_import(peer, second)
            wanted = (target if pg else peer).hash("peer")
            assert target.hash("orders") == wanted, "newer versions did not win"
    return out


def stage_table(backend: str, rounds: list[dict[str, dict[str, Sample]]]) -> Table:
    table = Table(
        f"{ROWS:,} orders, {backend}, stage by stage",
        ["case", "stage", "CPU, s", "wall, s", "peak, MiB"],
        notes=["CPU counts the server's, too, where there is one. The peak is the client's."],
    )
    for case in rounds[0]:
        for stage in rounds[0][case]:
            samples = [r[case][stage] for r in rounds]
            peak = max(s.peak_kib for s in samples) / 1024
            cpu, wall = spread([s.cpu for s in samples]), spread([s.wall for s in samples])
            table.rows.append([case, stage, cpu, wall, f"{peak:.0f}"])
    return table


def ratio_table(backend: str, peer: str, rounds: list[dict[str, dict[str, Sample]]]) -> Table:
    """collect + normalize + store over the peer's import of the same file, round by round."""
    table = Table(f"{ROWS:,} orders, {backend}, beside {peer}", ["case", "CPU ratio", "wall ratio"])

    def total(r: dict[str, Sample], of: Callable[[Sample], float]) -> float:
        return sum(of(s) for name, s in r.items() if name != "aggregate")

    for case, beside in (("append", "append"), ("latest", "latest"), ("filled", "latest"), ("rerun", "latest")):
        ratios = [
            [total(r[case], of) / total(r[f"{peer} {beside}"], of) for r in rounds]
            for of in (lambda s: s.cpu, lambda s: s.wall)
        ]
        table.rows.append([case, *(spread(v) for v in ratios)])
    return table


def bench(frame: Frame) -> list[Table]:
    first = write_orders(frame.dir / f"orders-{ROWS}-01.csv", ROWS, 1)
    second = write_orders(frame.dir / f"orders-{ROWS}-02.csv", ROWS, 2)
    rounds: dict[str, list[dict[str, dict[str, Sample]]]] = {"embedded": [], "local": []}
    with server() as pg:
        for _ in range(frame.rounds):
            rounds["local"].append(one_round(frame, "local", pg, first, second))
            rounds["embedded"].append(one_round(frame, "embedded", None, first, second))
    return [
        ratio_table("PostgreSQL", "psql", rounds["local"]),
        ratio_table("DuckDB", "duckdb", rounds["embedded"]),
        stage_table("PostgreSQL", rounds["local"]),
        stage_table("DuckDB", rounds["embedded"]),
    ]

