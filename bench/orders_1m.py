"""1 M order rows, CSV → contract → table, stage by stage, beside psql \\copy and DuckDB's own CSV import.

Cases: `append`; `latest` into an empty table; its exact rerun; `filled`: `latest` into the filled table, every key
with a newer version; `nightly`: `input: whole`, the next full export in place of the one before, one key in twenty
with a newer version and one in twenty new.
Environment: ROWS (1000000); ORDER (export: keys ascend, neighbours out of order; random: in no order at all).
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from run import ROOT, Frame, Sample, Table, spread

from tests.lib.services import Postgres, start_postgres

ROWS = int(os.environ.get("ROWS", "1000000"))
ORDER = os.environ.get("ORDER", "export")
NAMES = ["Zoé Martin", "Jürgen Weiß", "Anna Kowalska", "Ольга Смирнова", "Li Wei", "Ana Souza"]
NOTES = ["", "", "", "leave at the door", '"call first, then ring"', '"says ""urgent"""', "подарок"]
STAGES = ("collect", "normalize", "store", "aggregate")
COLUMNS = "order_id, placed_at, customer, email, country, status, quantity, total, shipped_on, note"

PIPELINE = """\
sluice: 1
pipeline: orders
sources:
  drop: {{kind: file, path: "inbox/*.csv", codec: csv, input: {input}}}
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
    "whole": "{table: orders, mode: latest, key: order_id, version: placed_at}",
}
MODEL = "select country, count(*) as orders, sum(total) as turnover from orders group by country"

# The peer's table is ours: same columns, hidden ones with a default, same index.
PEER_COLUMNS = """(order_id bigint, placed_at timestamptz, customer text, email text, country text, status text,
 quantity bigint, total numeric(12,2), shipped_on date, note text,
 _sl_input bigint not null default 1, _sl_seq bigint not null default 1, _sl_change bigint not null default 1)"""
PEER_INDEX = {
    "append": "create index on peer (_sl_input)",
    "latest": "create unique index on peer (order_id)",
    "whole": "create unique index on peer (order_id)",
}

DUCKDB_READ = """read_csv('{csv}', header = true, timestampformat = '%Y-%m-%dT%H:%M:%SZ', columns = {{
 order_id: 'bigint', placed_at: 'timestamp', customer: 'varchar', email: 'varchar', country: 'varchar',
 status: 'varchar', quantity: 'bigint', total: 'decimal(12,2)', shipped_on: 'date', note: 'varchar'}})"""


def order_ids(rows: int, rnd: random.Random) -> list[int]:
    """As an export by time has them: ascending, with neighbours out of order; or in no order at all."""
    if ORDER == "random":
        ids = list(range(1, rows + 1))
        rnd.shuffle(ids)
        return ids
    return sorted(range(1, rows + 1), key=lambda i: i + rnd.random() * 50)


def order_line(i: int, day: int, r: int) -> str:
    """An order as a pure function of (id, day, random bits)."""
    second = r % 86400
    return (
        f"{i},2026-01-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z,"
        f"{NAMES[r % 6]},user{r % 900001}@example.org,{('FR', 'BE', 'CH', 'LU', 'DE')[r % 5]},"
        f"{('new', 'paid', 'shipped', 'returned')[r % 4]},{r % 50 + 1},{r % 90000}.{r % 100:02d},"
        f"{f'2026-02-{r % 28 + 1:02d}' if r % 3 else ''},{NOTES[r % 7]}\n"
    )


def write_orders(path: Path, rows: int, day: Callable[[int], int]) -> Path:
    """Made-up orders 1 to rows; day(id) gives each one's version."""
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with part.open("w") as out:
        out.write(COLUMNS.replace(" ", "") + "\n")
        for i in order_ids(rows, random.Random(1)):
            d = day(i)
            out.write(order_line(i, d, random.Random(i * 100 + d).getrandbits(48)))
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
        pid = self.server.pid() if self.server and name in ("store", "aggregate") else None
        return self.frame.sample(f"{self.backend} {case} {name}", argv, self.env, pid)

    def hash(self, table: str) -> tuple[int, str]:
        """Rows and content hash, in the one text form that both engines have."""
        sql = f"select {COLUMNS} from {table} order by order_id"
        argv = [self.frame.exe("sluice"), "query", str(self.folder / "pipeline.yaml"), *self.common()]
        child = subprocess.Popen(
            [*argv, "--sql", sql, "--format", "csv"],
            env=os.environ | self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        digest, lines = hashlib.sha256(), 0
        assert child.stdout
        while block := child.stdout.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
        assert child.wait() == 0
        return lines - 1, digest.hexdigest()


def deliver(target: Target, csv: Path) -> None:
    """A copy, not a hard link, which would touch the inode of a file that was collected before. A file is only
    taken for unchanged without reading it when it was 2 s old at its first collection."""
    shutil.copyfile(csv, target.folder / "inbox" / csv.name)
    time.sleep(2.1)


def prepare(target: Target, mode: str, csv: Path) -> None:
    """A folder with one input, an empty HOME and, on PostgreSQL, a database of its own."""
    shutil.rmtree(target.folder, ignore_errors=True)
    (target.folder / "inbox").mkdir(parents=True)
    (target.folder / "models").mkdir()
    whole = "whole" if mode == "whole" else "each"
    (target.folder / "pipeline.yaml").write_text(PIPELINE.format(store=STORES[mode], input=whole))
    (target.folder / "models" / "by_country.sql").write_text(MODEL)
    deliver(target, csv)
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
    return target.frame.sample(f"psql copy {mode}", argv, server=server.pid())


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
        s.close()


@dataclass(frozen=True)
class Files:
    first: Path
    newer: Path  # every key again, with a newer version
    nightly: Path  # every key again: 1 in 20 newer; and 1 in 20 more


def write_files(folder: Path) -> Files:
    def name(what: str) -> Path:
        return folder / f"orders-{ORDER}-{ROWS}-{what}.csv"

    return Files(
        write_orders(name("1"), ROWS, lambda _: 1),
        write_orders(name("2"), ROWS, lambda _: 2),
        write_orders(name("3"), ROWS + ROWS // 20, lambda i: 3 if i % 20 == 0 else 2),
    )


Round = dict[str, dict[str, Sample]]


def peer_of(target: Target, mode: str, csv: Path) -> tuple[Sample, Target]:
    """The peer's import of csv; where its table "peer" is."""
    if target.server:
        return psql_copy(target, mode, csv), target
    peer = Target(target.frame, target.frame.dir / "duckdb-peer", target.backend)
    prepare(peer, mode, csv)
    return duckdb_import(peer, csv), peer


def compare(target: Target, mode: str, csv: Path, rows: int) -> Sample:
    """Ours must be what the peer makes of csv alone."""
    sample, peer = peer_of(target, mode, csv)
    wanted, got = peer.hash("peer"), target.hash("orders")
    assert got == wanted and got[0] == rows, (target.folder, got, wanted)
    return sample


def one_round(frame: Frame, backend: str, pg: Postgres | None, files: Files) -> Round:
    """All cases of one backend; outputs are compared here, before any time is shown."""
    out: Round = {}
    for mode in ("append", "latest"):
        target = Target(frame, frame.dir / f"{backend}-{mode}", backend, pg, f"bench_{mode}")
        prepare(target, mode, files.first)
        out[mode] = through(target, mode, "r1")
        out[f"peer, {mode}"] = {"import": compare(target, mode, files.first, ROWS)}
    out["rerun"] = through(target, "rerun", "r1")
    compare(target, mode, files.first, ROWS)
    deliver(target, files.newer)
    out["filled"] = through(target, "filled", "r2")
    compare(target, mode, files.newer, ROWS)
    if pg:  # its dead rows would be vacuumed at the cost of the next case
        for mode in ("append", "latest"):
            pg.psql(f"drop database bench_{mode}")
    out["nightly"] = nightly(frame, backend, pg, files)
    return out


def nightly(frame: Frame, backend: str, pg: Postgres | None, files: Files) -> dict[str, Sample]:
    target = Target(frame, frame.dir / f"{backend}-whole", backend, pg, "bench_whole")
    prepare(target, "whole", files.newer)
    through(target, "whole", "r1")
    (target.folder / "inbox" / files.newer.name).unlink()
    deliver(target, files.nightly)
    out = through(target, "nightly", "r2")
    compare(target, "whole", files.nightly, ROWS + ROWS // 20)
    return out


def stage_table(backend: str, rounds: list[Round]) -> Table:
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


def ratio_table(backend: str, peer: str, rounds: list[Round]) -> Table:
    """collect + normalize + store over the peer's import of the first file, round by round."""
    table = Table(f"{ROWS:,} orders, {backend}, over {peer} of the same table", ["case", "CPU", "wall"])

    def total(r: dict[str, Sample], of: Callable[[Sample], float]) -> float:
        return sum(of(s) for name, s in r.items() if name != "aggregate")

    for case in ("append", "latest", "rerun", "nightly", "filled"):
        beside = "peer, append" if case == "append" else "peer, latest"
        ratios = [
            [total(r[case], of) / total(r[beside], of) for r in rounds] for of in (lambda s: s.cpu, lambda s: s.wall)
        ]
        table.rows.append([case, *(spread(v) for v in ratios)])
    return table


def bench(frame: Frame) -> list[Table]:
    files = write_files(frame.dir)
    local, embedded = [], []
    with server() as pg:
        for _ in range(frame.rounds):
            local.append(one_round(frame, "local", pg, files))
            embedded.append(one_round(frame, "embedded", None, files))
    return [
        ratio_table("PostgreSQL", "psql \\copy", local),
        ratio_table("DuckDB", "its own CSV import", embedded),
        stage_table("PostgreSQL", local),
        stage_table("DuckDB", embedded),
    ]
