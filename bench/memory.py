"""Is memory flat? Peak of each stage that opens no DuckDB, at ROWS and ten times as many, from `sluice generate`
into PostgreSQL and out again, as a file and as documents. The documents go to a server that acknowledges them and
keeps keys and hashes alone (tests/fakes/documents_sink.py): none that can be had here holds ten million.

Environment: ROWS (1000000); TIMES (10); MODES (append latest).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from run import ROOT, Frame, Sample, Table

from tests.lib.services import Postgres, start_postgres

ROWS = int(os.environ.get("ROWS", "1000000"))
TIMES = int(os.environ.get("TIMES", "10"))
MODES = os.environ.get("MODES", "append latest").split()
PYTHON = ROOT / ".venv" / "secantusdb" / "bin" / "python"  # has bson
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
{documents}
backends: {{local: {{bronze: file, store: {{postgres: warehouse}}, documents: {{mongo: documents}}}}}}
"""
STORES = {
    "append": "{table: orders, mode: append}",
    "latest": "{table: orders, mode: latest, key: order_id, version: placed_at}",
}
DOCUMENTS = {"append": "", "latest": "documents: {orders: {}}"}
STAGES = ("generate", "collect", "normalize", "store", "store again", "export")
PUBLISHING = {"publish": "inserted", "publish again": "written", "publish --full": "unchanged"}  # all, none, all


@dataclass(frozen=True)
class Servers:
    postgres: Postgres
    sink: int  # its port


@contextmanager
def start_servers() -> Iterator[Servers]:
    subprocess.run([str(ROOT / "scripts" / "get-services"), "mongo"], check=True, stdout=sys.stderr)
    postgres = start_postgres()
    argv = [str(PYTHON), str(ROOT / "tests" / "fakes" / "documents_sink.py")]
    sink = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout
        yield Servers(postgres, int(sink.stdout.readline()))
    finally:
        sink.communicate()
        postgres.close()


def stages(mode: str) -> tuple[str, ...]:
    return (*STAGES, *PUBLISHING) if DOCUMENTS[mode] else STAGES


def stage(frame: Frame, folder: Path, words: str, servers: Servers, rows: int) -> Sample:
    name, _, rest = words.partition(" ")
    argv = [frame.exe(f"sluice-{name}"), "--pipeline", str(folder / "pipeline.yaml"), "--home", str(folder / "home")]
    argv += ["--backend", "local"]
    own = {"generate": ["--rows", str(rows), "-o", str(folder / "made")], "export": ["-o", str(folder / "out.csv")]}
    argv += own.get(name, ["--run-id", "r"])
    if name == "publish":
        argv += ["--result-file", str(folder / f"{words}.json"), *(["--full"] if rest == "--full" else [])]
    env = {
        "SLUICE_CONN_WAREHOUSE": servers.postgres.uri(folder.name),
        "SLUICE_CONN_DOCUMENTS": f"mongodb://127.0.0.1:{servers.sink}/x",
    }
    return frame.sample(f"{folder.name} {words}", argv, env, servers.postgres.pid())


def through(frame: Frame, mode: str, rows: int) -> dict[str, Sample]:
    folder = frame.dir / f"{mode}_{rows}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(PIPELINE.format(store=STORES[mode], documents=DOCUMENTS[mode]))
    with start_servers() as servers:
        servers.postgres.psql(f"create database {folder.name}")
        out = {words: stage(frame, folder, words, servers, rows) for words in stages(mode)}
        answers = json.loads((folder / "made" / "oracle" / "summary.json").read_text())
        wanted = answers["accepted"] if mode == "append" else answers["current"]
        assert servers.postgres.psql("select count(*) from orders", folder.name) == str(wanted)
        for words, word in PUBLISHING.items() if DOCUMENTS[mode] else ():
            result = json.loads((folder / f"{words}.json").read_text())
            assert result[word] == (0 if word == "written" else wanted), (words, result)
    shutil.rmtree(folder)
    return out


def bench(frame: Frame) -> list[Table]:
    table = Table("Peak, MiB", ["stage", f"{ROWS:,}", f"{ROWS * TIMES:,}", "CPU s", "CPU s"])
    for mode in MODES:
        few, many = (through(frame, mode, rows) for rows in (ROWS, ROWS * TIMES))
        for words in stages(mode):
            pair = (few[words], many[words])
            peaks = [f"{s.peak_kib / 1024:.1f}" for s in pair]
            table.rows.append([f"{words}, {mode}", *peaks, *(f"{s.cpu:.2f}" for s in pair)])
    return [table]
