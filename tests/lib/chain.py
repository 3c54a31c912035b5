"""The whole chain on servers: bronze in a bucket, tickets in Redis, tables in PostgreSQL, documents in a server
that speaks MongoDB's protocol. Four partitions, records of sluice-generate, and what must come of them."""

from __future__ import annotations

import collections
import hashlib
import json
import os
import random
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.lib.services import S3, Mongo, Postgres, Redis
from tests.lib.stage import Done, Sluice, finish

PARTITIONS = 4
BUSY = 4  # the partition that has more than one part
DROPPED = 25  # records of each file that the rule "filter" leaves out
MAY_RETRY = (69, 73, 74, 75, 130, 134, 137, 143)  # Airflow tries these again, and kills

PIPELINE = """\
sluice: 1
pipeline: chain
sources: {drop: {kind: file, path: "inbox/*", codec: csv}}
contract:
  id: {type: int64, required: true, min: 1}
  changed: {type: timestamp, zone: UTC, required: true}
  country: text
  total: {type: "decimal(12,2)", min: 0}
  note: text
rules:
  - filter: {from: country, drop: [left out]}
store: {table: chain, mode: latest, key: id, version: changed}
rejects: {limit: 10%}
models: {totals: {as: table}}
parallel: {bytes: 1MiB}
backends:
  servers: {bronze: {s3: lake}, queue: {redis: queue}, store: {postgres: warehouse}}
"""

MODEL = "select country, count(*) as n, sum(total) as total from chain group by country"

PROFILE = """\
values:
  country: {choose: {FR: 5, BE: 3, CH: 1}, missing: 5%}
  total: {range: {0..99.99: 3, 100..9999.99: 1}, scale: 2, each: version}
  a: {choose: {NOTES}}
  b: {choose: {NOTES}}
record: {id: "{id}", changed: "{time}", country: "{country}", total: "{total}", note: "{a} {b}"}
expect: {id: "{id}", changed: "{time}", country: "{country}", total: "{total}", note: "{a} {b}"}
spoil:
  - {field: id, column: id, rule: required}
  - {field: total, text: "-1", column: total, rule: min}
  - {field: changed, text: "yesterday", column: changed, rule: type}
"""

COLUMNS = ("id", "changed", "country", "total", "note")
STATE = {
    "rows": "select id, changed, country, total, note from chain",
    "model": "select country, n, total from totals",
    "applied": "select source, name, edition, rev, n_in, ok, bad, dup, filtered from sluice.applied",
    "rejects": "select name, chunk, part, byte_offset, byte_length, field, rule from sluice.reject",
    "origin": "select source, entry, digest from sluice.origin",
}
UNBALANCED = {
    "sluice.applied": "n_in <> ok + bad + dup + filtered",
    "sluice.entry": "n_in <> ok + bad + dup + filtered or ok <> inserted + updated + unchanged + stale + superseded",
    "sluice.stage_run": "stage = 'normalize' and exit = 0 and n_in <> kept + rejected + dup + filtered",
}


def write_input(folder: Path, rows: int = 3600) -> None:
    """Pipeline, four files of more than 1 MiB, and the oracle beside them."""
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "totals.sql").write_text(MODEL)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    dice = random.Random(1)
    notes = ("".join(dice.choices("abcdefghij klmnop", k=600)).strip() for _ in range(12))
    (folder / "generate.yaml").write_text(PROFILE.replace("NOTES", ", ".join(f'"{n}": 1' for n in notes)))
    out = folder / "made"
    Sluice(str(folder / "pipeline.yaml"), folder / "home", "servers")(
        "generate", "-o", str(out), "--rows", str(rows), "--seed", "7", "--files", str(PARTITIONS), "--bad", "3",
        "--late", "40", "--versions", "40", "--duplicates", "10",
    )  # fmt: skip
    out.joinpath("oracle").rename(folder / "oracle")
    out.rename(folder / "inbox")
    for file in sorted((folder / "inbox").iterdir()):
        with file.open("a") as f:
            f.writelines(f"{n},2026-01-01T00:00:00Z,left out,1.00,x\n" for n in range(1, DROPPED + 1))


@dataclass
class Servers:
    postgres: Postgres
    redis: Redis
    mongo: Mongo
    s3: S3
    number: int = 0


@dataclass
class Chain:
    """One home, bucket, database and document database of its own on the common servers."""

    servers: Servers
    s: Sluice
    bucket: str
    database: str

    @classmethod
    def fresh(cls, servers: Servers, folder: Path, home: Path) -> Chain:
        servers.number += 1
        name = f"c{os.getpid()}_{servers.number}"
        servers.postgres.psql(f"create database {name}")
        bucket = servers.s3.bucket()
        s = Sluice(str(folder / "pipeline.yaml"), home / name, "servers")
        s.env |= {
            "SLUICE_CONN_WAREHOUSE": servers.postgres.uri(name),
            "SLUICE_CONN_QUEUE": servers.redis.uri(),
            "SLUICE_CONN_LAKE": servers.s3.uri(bucket),
            "SLUICE_CONN_DOCUMENTS": servers.mongo.uri(name),
            "SLUICE_STORE_WAIT": "1s",
        }
        return cls(servers, s, bucket, name)

    def another_home(self, name: str = "b") -> Chain:
        """The same chain from another host, which shares no file with the first."""
        home = self.s.home.parent / f"{self.s.home.name}-{name}"
        return replace(self, s=replace(self.s, home=home, env=dict(self.s.env)))

    # --- as Airflow runs it ------------------------------------------------------------------------------

    def stages(self) -> list[str]:
        return ["collect", "normalize", "store", "aggregate"]

    def start(self, stage: str, run: str = "r", env: dict[str, str] | None = None) -> list[subprocess.Popen[str]]:
        """A task's process, or those of the mapped ones of normalize; env is the first one's."""
        if stage != "normalize":
            return [self.s.start(stage, "--run-id", run, env=env)]
        return [
            self.s.start(stage, "--run-id", run, "--partition", f"{k}/{PARTITIONS}", env=env if k == BUSY else None)
            for k in (BUSY, *(k for k in range(1, PARTITIONS + 1) if k != BUSY))
        ]

    def task(self, stage: str, run: str = "r", env: dict[str, str] | None = None) -> list[Done]:
        return [finish(child) for child in self.start(stage, run, env)]

    def retried(self, stage: str, run: str = "r", tries: int = 8) -> int:
        """Until it succeeds; what Airflow would not try again fails the test. How often it was tried."""
        for turn in range(1, tries + 1):
            done = self.task(stage, run)
            bad = [d for d in done if d.code not in (0, 99)]
            if not bad:
                return turn
            for d in bad:
                assert d.code in MAY_RETRY, f"{stage} ends with {d.code}:\n{d.stderr[-3000:]}"
        raise AssertionError(f"{stage} still fails after {tries} tries:\n{bad[0].stderr[-3000:]}")

    def run(self, run: str = "r", after: str = "") -> None:
        """Every stage from `after` on."""
        stages = self.stages()
        for stage in stages[stages.index(after) if after else 0 :]:
            self.retried(stage, run)
        self.retried("report", run)

    # --- what is there -----------------------------------------------------------------------------------

    def psql(self, sql: str) -> str:
        return self.servers.postgres.psql(sql, self.database)

    def state(self) -> dict[str, str]:
        """Content hashes of every table and collection, and counts."""
        parts = [
            f"select '{name}' || ' ' || count(*) || ' ' ||"
            f" coalesce(md5(string_agg(t::text, E'\n' order by t::text)), '') from ({sql}) t"
            for name, sql in STATE.items()
        ]
        found = dict(line.split(" ", 1) for line in self.psql(";".join(parts)).splitlines())
        return found | self.documents()

    def documents(self) -> dict[str, str]:
        with self.servers.mongo.client() as client:
            db = client[self.database]
            return {
                f"documents {name}": digest(
                    [
                        {k: v for k, v in d.items() if k != "_sl"}
                        for d in db[name].find({"_sl.deleted": {"$exists": False}})
                    ]
                )
                for name in sorted(db.list_collection_names())
                if not name.startswith(("_", "sluice"))
            }

    def dump_documents(self) -> str:
        with self.servers.mongo.client() as client:
            db = client[self.database]
            return "".join(str(d) for name in db.list_collection_names() for d in db[name].find())

    def physical(self) -> str:
        """Changes whenever a row was written, also with the same values."""
        tables = ("chain", "sluice.applied", "sluice.reject", "sluice.entry")
        return "\n".join(self.psql(f"select '{t}', xmin, ctid from {t} order by ctid") for t in tables)

    def keys(self) -> list[str]:
        found = self.servers.redis.cli("--scan", "--pattern", "sluice:*").split()
        return sorted(found)

    # --- what must hold ----------------------------------------------------------------------------------

    def assert_balanced(self) -> None:
        for table, condition in UNBALANCED.items():
            assert self.psql(f"select * from {table} where {condition}") == "", table

    def assert_tidy(self) -> None:
        """No ticket, no clean part, no half upload, no spilled row, nobody's transaction."""
        assert self.keys() == []
        objects = self.servers.s3.client().keys(self.bucket)
        assert [k for k in objects if "/clean/" in k or "/tmp/" in k or ".tmp-" in k] == []
        uploads = self.servers.s3.client().call("GET", f"/{self.bucket}", query={"uploads": ""})
        assert b"<Upload>" not in uploads.body
        assert [p for p in self.s.home.rglob("*") if p.is_file() and "/tmp/" in str(p)] == []
        open_ = f"select count(*) from pg_stat_activity where datname = '{self.database}' and state like 'idle in%'"
        assert self.servers.postgres.psql(open_) == "0"

    def assert_oracle(self, folder: Path) -> None:
        """Table, rejects and counts are what sluice-generate says."""
        done = self.s("query", "--sql", f"select {', '.join(COLUMNS)} from chain", "--format", "jsonl")
        current = (folder / "oracle" / "current.jsonl").read_text().splitlines()
        assert collections.Counter(done.stdout.splitlines()) == collections.Counter(current)
        made = json.loads((folder / "oracle" / "summary.json").read_text())
        dropped = DROPPED * PARTITIONS
        sums = self.psql("select sum(n_in), sum(ok + dup), sum(bad), sum(filtered) from sluice.applied")
        wanted = (made["rows"] + dropped, made["rows"] - made["rejects"], made["rejects"], dropped)
        assert sums == "|".join(map(str, wanted))
        rejects = [json.loads(line) for line in (folder / "oracle" / "rejects.jsonl").read_text().splitlines()]
        found = self.psql("select name, byte_offset, byte_length, field, rule from sluice.reject").splitlines()
        assert collections.Counter(
            "|".join(str(r[k]) for k in ("file", "byte_offset", "byte_length", "field", "rule")) for r in rejects
        ) == collections.Counter(line.rpartition("/")[2] for line in found)

    def drop(self) -> None:
        self.servers.postgres.psql(f"drop database {self.database} with (force)")
        with self.servers.mongo.client() as client:
            client.drop_database(self.database)
        subprocess.run(["rm", "-rf", str(self.servers.s3.dir / "data" / self.bucket), str(self.s.home)], check=True)


def digest(documents: list[dict[str, Any]]) -> str:
    lines = sorted(json.dumps(d, default=str, sort_keys=True) for d in documents)
    return f"{len(lines)} {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
