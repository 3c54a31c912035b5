"""What a queue costs and brings: 1 M orders from collect to normalize with their bytes in Redis, with tickets
alone, and without Redis; beside redis-py, which only carries the lines and parses nothing. Then the same for
many small files, and both with bronze in a bucket.

Clean parts must be the same files whatever rode; with bytes, bronze is out of reach while normalize runs.
Environment: ROWS (1000000), FILES (2000).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from orders_1m import ROWS, order_line, write_files
from run import ROOT, Frame, Sample, Table, get_peers, peer_python, spread

from tests.lib.services import S3, Redis, start

FILES = int(os.environ.get("FILES", "2000"))
PIPELINE = """\
sluice: 1
pipeline: orders
sources:
  drop: {{kind: file, path: "{inbox}/*.csv", codec: csv}}
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
store: {{table: orders, mode: append}}
parallel: {{max: 1}}
backends:
  none: {{store: duckdb}}
  alone: {{store: duckdb, queue: {{redis: queue, budget: 0}}}}
  bytes: {{store: duckdb, queue: {{redis: queue, budget: 4GiB, part: 2MiB}}}}
  bucket-none: {{bronze: {{s3: lake}}, store: duckdb}}
  bucket-bytes: {{bronze: {{s3: lake}}, store: duckdb, queue: {{redis: queue, budget: 4GiB, part: 2MiB}}}}
"""
BACKENDS = {"none": "without Redis", "alone": "tickets alone", "bytes": "tickets with bytes"}
BUCKET = {"bucket-none": "bucket, without Redis", "bucket-bytes": "bucket, tickets with bytes"}


@dataclass(frozen=True)
class Case:
    frame: Frame
    folder: Path
    redis: Redis
    s3: S3
    buckets: dict[str, str] = field(default_factory=dict)  # by backend, a new one each time

    def stage(self, backend: str, name: str) -> Sample:
        argv = [self.frame.exe(f"sluice-{name}"), "--pipeline", str(self.folder / "pipeline.yaml")]
        argv += ["--home", str(self.home(backend)), "--backend", backend, "--run-id", "r"]
        env = {"SLUICE_CONN_QUEUE": self.redis.uri(1), "SLUICE_CONN_LAKE": self.s3.uri(self.buckets.get(backend, ""))}
        return self.frame.sample(f"{self.folder.name} {backend} {name}", argv, env, self.redis.pid())

    def home(self, backend: str) -> Path:
        return self.folder / f"home-{backend}"

    def files(self, backend: str) -> Path:
        """Where bronze and clean parts lie."""
        return self.s3.dir / "data" / self.buckets[backend] if backend in BUCKET else self.home(backend)

    def through(self, backend: str) -> dict[str, Sample]:
        shutil.rmtree(self.home(backend), ignore_errors=True)
        if backend in BUCKET:
            self.buckets[backend] = self.s3.bucket()
        collect = self.stage(backend, "collect")
        if backend.endswith("bytes"):
            (bronze,) = self.files(backend).rglob("bronze")
            bronze.rename(bronze.with_name("away"))
        normalize = self.stage(backend, "normalize")
        assert self.redis.cli("-n", "1", "dbsize") == "0"
        return {"collect": collect, "normalize": normalize}

    def clean_parts(self, backend: str) -> str:
        digest = hashlib.sha256()
        parts = sorted(p for p in self.files(backend).rglob("clean/*/*") if p.is_file())
        assert parts
        for part in parts:
            digest.update(part.name.encode() + part.read_bytes())
        return digest.hexdigest()


def write_case(folder: Path, inbox: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.yaml").write_text(PIPELINE.format(inbox=inbox))


def write_small(folder: Path) -> Path:
    """FILES files of 50 orders each."""
    inbox = folder / f"small-{FILES}"
    if inbox.is_dir():
        return inbox
    new = inbox.with_name("new")
    new.mkdir(parents=True)
    head = "order_id,placed_at,customer,email,country,status,quantity,total,shipped_on,note\n"
    for n in range(FILES):
        lines = (order_line(n * 50 + i + 1, 1, n * 7919 + i * 104729) for i in range(50))
        (new / f"{n}.csv").write_text(head + "".join(lines))
    new.rename(inbox)
    return inbox


def peer(frame: Frame, redis: Redis, kind: str, file: Path, wanted: str) -> dict[str, Sample]:
    argv = [peer_python("tickets"), str(ROOT / "bench" / "redis_peer.py")]
    said = frame.dir / "peer.out"
    out = {"push": frame.sample(f"redis-py push{kind}", [*argv, f"push{kind}", redis.uri(2), str(file)],
                                server=redis.pid())}  # fmt: skip
    taking = ["sh", "-c", f'exec "$0" "$@" >{said}', *argv, f"take{kind}", redis.uri(2), "-"]
    out["take"] = frame.sample(f"redis-py take{kind}", taking, server=redis.pid())
    assert said.read_text().strip() == wanted
    redis.cli("-n", "2", "flushdb")
    return out


Rounds = list[dict[str, dict[str, Sample]]]


def compare(title: str, rounds: Rounds, labels: dict[str, str]) -> Table:
    table = Table(title, ["case", "step", "CPU, s", "of it Redis, s", "wall, s", "peak, MiB"])
    for case, label in labels.items():
        for step in rounds[0][case]:
            s = [r[case][step] for r in rounds]
            peak = max(x.peak_kib for x in s) / 1024
            figures = [spread([x.cpu for x in s]), spread([x.server for x in s]), spread([x.wall for x in s])]
            table.rows.append([label, step, *figures, f"{peak:.0f}"])
    return table


def ratios(rounds: Rounds) -> Table:
    def total(r: dict[str, Sample], field: str) -> float:
        return sum(getattr(s, field) for s in r.values())

    table = Table(
        f"{ROWS:,} orders, redis-py over sluice (collect and normalize, tickets with bytes)",
        ["peer", "CPU", "wall"],
        notes=["The peer carries lines; sluice also keeps, parses and checks them."],
    )
    for name, label in PEERS.items():
        both = [[total(r[name], f) / total(r["bytes"], f) for r in rounds] for f in ("cpu", "wall")]
        table.rows.append([label, *(spread(v, digits=1) for v in both)])
    return table


PEERS = {"": "redis-py, an entry a record", "-blocks": "redis-py, an entry a MiB"}


def bench(frame: Frame) -> list[Table]:
    get_peers("tickets")
    file = write_files(frame.dir).first
    wanted = hashlib.sha256(file.read_bytes()).hexdigest()
    (frame.dir / "large").mkdir(exist_ok=True)
    link = frame.dir / "large" / "orders.csv"
    link.unlink(missing_ok=True)
    link.hardlink_to(file)
    write_case(frame.dir / "one", frame.dir / "large")
    write_case(frame.dir / "many", write_small(frame.dir))
    redis, s3 = start(Redis), start(S3)
    redis.cli("config", "set", "maxmemory", "4gb")
    redis.cli("config", "set", "appendonly", "no")
    large: Rounds = []
    small: Rounds = []
    both = BACKENDS | BUCKET
    try:
        for _ in range(frame.rounds):
            for rounds, folder in ((large, "one"), (small, "many")):
                case = Case(frame, frame.dir / folder, redis, s3)
                rounds.append({backend: case.through(backend) for backend in both})
                assert len({case.clean_parts(backend) for backend in both}) == 1
            large[-1] |= {kind: peer(frame, redis, kind, file, wanted) for kind in PEERS}
    finally:
        redis.close()
        s3.close()
    return [
        ratios(large),
        compare(f"{ROWS:,} orders in one file", large, both | PEERS),
        compare(f"{FILES:,} files of 50 orders", small, both),
    ]
