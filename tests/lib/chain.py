"""The whole chain on servers: bronze in a bucket, tickets in Redis, tables in PostgreSQL, documents in a server
that speaks MongoDB's protocol. Four partitions, records of sluice-generate, and what must come of them."""

from __future__ import annotations

import collections
import hashlib
import json
import os
import random
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.lib.server import Server
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
  gone: bool
  note: text
rules:
  - filter: {from: country, drop: [left out]}
store: {table: chain, mode: latest, key: id, version: changed}
rejects: {limit: 10%}
models: {totals: {as: table}}
documents:
  rows: {from: chain, fields: {id: id, at: changed, sum.total: total, sum.country: country}, indexes: at, gone: gone}
  totals: {from: totals, key: country}
parallel: {bytes: 1MiB}
backends:
  servers: {bronze: {s3: lake}, queue: {redis: queue}, store: {postgres: warehouse}, documents: {mongo: documents}}
"""

MODEL = "select coalesce(country, 'nowhere') as country, count(*) as n, sum(total) as total from chain group by 1"

PROFILE = """\
values:
  country: {choose: {FR: 5, BE: 3, $set: 1, a.b: 1}, missing: 5%}
  total: {range: {0..99.99: 3, 100..9999.99: 1}, scale: 2, each: version}
  gone: {choose: {"true": 8, "false": 1}, each: version}
  a: {choose: {NOTES}}
  b: {choose: {NOTES}}
record: {id: "{id}", changed: "{time}", country: "{country}", total: "{total}", gone: "{gone}", note: "{a} {b}"}
expect: {id: "{id}", changed: "{time}", country: "{country}", total: "{total}", gone: "{gone}", note: "{a} {b}"}
spoil:
  - {field: id, column: id, rule: required}
  - {field: total, text: "-1", column: total, rule: min}
  - {field: changed, text: "yesterday", column: changed, rule: type}
"""

COLUMNS = ("id", "changed", "country", "total", "gone", "note")
STATE = {
    "rows": "select id, changed, country, total, gone, note from chain",
    "model": "select country, n, total from totals",
    "applied": "select source, name, edition, rev, n_in, ok, bad, dup, filtered from sluice.applied",
    "parts": "select source, name, chunk, part, n_in, ok, bad, dup, filtered from sluice.part",
    "rejects": "select name, chunk, part, byte_offset, byte_length, field, rule from sluice.reject",
    "origin": "select source, entry, digest from sluice.origin",
}
UNBALANCED = {
    "sluice.part": "n_in <> ok + bad + dup + filtered or not exists (select 1 from sluice.applied a where"
    " (a.pipeline, a.input) = (x.pipeline, x.input))",
    "sluice.applied": "n_in <> ok + bad + dup + filtered or not exists (select 1 from sluice.part p where"
    " (p.pipeline, p.input) = (x.pipeline, x.input) having (sum(p.n_in), sum(p.ok), sum(p.bad), sum(p.dup),"
    " sum(p.filtered)) = (x.n_in, x.ok, x.bad, x.dup, x.filtered))",
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
            f.writelines(f"{n},2026-01-01T00:00:00Z,left out,1.00,,x\n" for n in range(1, DROPPED + 1))


@dataclass
class Servers:
    postgres: Postgres
    redis: Redis
    mongo: Mongo
    s3: S3
    number: int = 0

    def all(self) -> tuple[Server, ...]:
        return self.postgres, self.redis, self.mongo, self.s3


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

    def through(self, name: str, port: int) -> None:
        """The connection's server is reached through another port."""
        self.s.env[name] = re.sub(r"(127\.0\.0\.1(?::|%3A))\d+", rf"\g<1>{port}", self.s.env[name])

    # --- as Airflow runs it ------------------------------------------------------------------------------

    def stages(self) -> list[str]:
        return ["collect", "normalize", "store", "aggregate", "publish"]

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
        """Content hashes of every table and collection, and counts, which add up; no tombstone where none belongs."""
        found, documents = self.tables(), self.collections()
        assert_tombstones(documents, found.pop("gone").split())
        return found | {f"documents {name}": digest(alive(d)) for name, d in documents.items()}

    def tables(self) -> dict[str, str]:
        """And keys of rows that say they are gone."""
        parts = [
            f"select '{name}' || ' ' || count(*) || ' ' ||"
            f" coalesce(md5(string_agg(t::text, E'\n' order by t::text)), '') from ({sql}) t"
            for name, sql in STATE.items()
        ]
        parts += [f"select 'UNBALANCED {t} ' || x::text from {t} x where {c}" for t, c in UNBALANCED.items()]
        parts += ["select 'gone ' || coalesce(string_agg(id::text, ' '), '') from chain where gone"]
        found = dict(line.split(" ", 1) for line in self.psql(";".join(parts)).splitlines())
        assert "UNBALANCED" not in found, found["UNBALANCED"]
        return found

    def collections(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every document by _id, tombstones, too; without what Sluice keeps for itself."""
        with self.servers.mongo.client() as client:
            db = client[self.database]
            names = [name for name in db.list_collection_names() if not name.startswith("_")]
            return {name: {str(d.pop("_id")): d for d in db[name].find()} for name in sorted(names)}

    def dump_documents(self) -> str:
        with self.servers.mongo.client() as client:
            db = client[self.database]
            return "".join(str(d) for name in db.list_collection_names() for d in db[name].find())

    def physical(self) -> str:
        """Changes whenever a row or a document was written, also with the same values."""
        tables = ("chain", "sluice.applied", "sluice.part", "sluice.reject", "sluice.entry")
        rows = self.psql(";".join(f"select '{t}', xmin, ctid from {t} order by ctid" for t in tables))
        return f"{rows}\n{self.collections()}"

    def keys(self) -> list[str]:
        found = self.servers.redis.cli("--scan", "--pattern", "sluice:*").split()
        return sorted(found)

    # --- what must hold ----------------------------------------------------------------------------------

    def assert_end(self, wanted: dict[str, str], said: str = "") -> None:
        """As if nothing had happened."""
        assert self.state() == wanted, said
        self.assert_tidy()

    def assert_tidy(self) -> None:
        """No ticket, no clean part, no half upload, no spilled row, no shared memory, nobody's transaction."""
        assert self.keys() == []
        objects = self.servers.s3.client().keys(self.bucket)
        assert [k for k in objects if "/clean/" in k or "/tmp/" in k or ".tmp-" in k] == []
        uploads = self.servers.s3.client().call("GET", f"/{self.bucket}", query={"uploads": ""})
        assert b"<Upload>" not in uploads.body
        assert [p for p in self.s.home.rglob("*") if p.is_file() and "/tmp/" in str(p)] == []
        counters = {p: Path(f"/dev/shm/mongoc-{p}") for p in self.s.started}
        assert [p for p, file in counters.items() if file.exists() and file.stat().st_mtime > self.s.started[p]] == []
        open_ = f"select count(*) from pg_stat_activity where datname = '{self.database}' and state like 'idle in%'"
        assert self.servers.postgres.psql(open_) == "0"

    def assert_oracle(self, folder: Path) -> None:
        """Table, documents, rejects and counts are what sluice-generate says."""
        done = self.s("query", "--sql", f"select {', '.join(COLUMNS)} from chain", "--format", "jsonl")
        current = (folder / "oracle" / "current.jsonl").read_text().splitlines()
        assert collections.Counter(done.stdout.splitlines()) == collections.Counter(current)
        self.assert_documents([json.loads(line, parse_float=str) for line in current])
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

    def assert_documents(self, current: list[dict[str, Any]]) -> None:
        found = alive(self.collections()["rows"])
        assert {
            key: (str(d["at"]), d["id"], str(d["sum"]["total"]), d["sum"].get("country")) for key, d in found.items()
        } == {
            str(r["id"]): (r["changed"].replace("T", " ").rstrip("Z"), r["id"], str(r["total"]), r.get("country"))
            for r in current
            if r.get("gone") is not True
        }

    def drop(self) -> None:
        self.servers.postgres.psql(f"drop database {self.database} with (force)")
        with self.servers.mongo.client() as client:
            client.drop_database(self.database)
        subprocess.run(["rm", "-rf", str(self.servers.s3.dir / "data" / self.bucket), str(self.s.home)], check=True)


def assert_tombstones(collections: dict[str, dict[str, dict[str, Any]]], gone: list[str]) -> None:
    """Empty, and only for rows that are no document."""
    for name, found in collections.items():
        dead = {key: d for key, d in found.items() if "deleted" in d["_sl"]}
        assert all(set(d) == {"_sl"} for d in dead.values()), "a tombstone with content"
        assert set(dead) <= set(gone if name == "rows" else []), f"{name}: a tombstone for a row that is there"


def alive(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """As text, without what Sluice adds."""
    live = {key: d for key, d in found.items() if "deleted" not in d["_sl"]}
    return {key: {k: v for k, v in d.items() if k != "_sl"} for key, d in live.items()}


def digest(documents: dict[str, dict[str, Any]]) -> str:
    lines = [json.dumps([key, d], default=str, sort_keys=True) for key, d in sorted(documents.items())]
    return f"{len(lines)} {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
