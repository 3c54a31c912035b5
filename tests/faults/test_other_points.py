"""Fault points that the chain does not pass: sources that are read in steps or from a list, uploads in parts,
documents in files, rebuild. The same four ways, the first, second and last time; then as if nothing had been."""

from __future__ import annotations

import base64
import collections
import contextlib
import itertools
import json
import os
import random
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_server import HttpServer, Reply, Request
from tests.fakes.site import Site, listings
from tests.faults.conftest import FULL
from tests.lib import pipeline, published
from tests.lib.chain import Chain, Servers
from tests.lib.processes import wait_stopped
from tests.lib.resp import Client
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import ROOT, Sluice, finish, kill_group

Make = Callable[..., Sluice]
DB = 4
CODES = {"kill": (137,), "abort": (134,), "eio": (0, 73, 74)}
CONTRACT = "{id: {type: int64, required: true}, name: text}"
IDS = "select id, name from rows order by id"
UNBALANCED = (
    "select entry from sluice.entry where n_in <> ok + bad + dup + filtered"
    " or ok <> inserted + updated + unchanged + stale + superseded"
)
ELSEWHERE = {"publish.before_forget"}  # test_publish_kill.py
_numbers = itertools.count(1)


@dataclass
class Work:
    """What a stage is to do, and what is there when it and what follows are done."""

    fresh: Callable[[], Sluice]  # come up to the stage
    state: Callable[[Sluice], Any]
    stage: tuple[str, ...] = ("collect", "--run-id", "r")
    after: tuple[str, ...] = ("run", "--run-id", "r")
    only: str = ""  # what its points begin with, where a child passes others
    alone: bool = False  # a file's lock keeps others out while it sleeps
    points: list[tuple[str, int]] = field(default_factory=list)

    def come(self) -> Sluice:
        s = self.fresh()
        s.env["SLUICE_STORE_WAIT"] = "1s"  # nobody waits long for one that is stopped
        return s

    def finish(self, s: Sluice, code: tuple[int, ...] = (0,)) -> None:
        if s(*self.stage, code=(*code, 99)).code != 75:
            s(*self.after, code=code)

    def end(self, s: Sluice) -> Any:
        assert s.query(UNBALANCED) == []
        return self.state(s)


def asked(sql: str) -> Callable[[Sluice], Any]:
    return lambda s: s.query(sql)


def a_sql_source(request: pytest.FixtureRequest, folder: Path) -> Work:
    make: Make = request.getfixturevalue("make")
    seed = make(pipeline.write(folder / "seed", {"drop": pipeline.file_source(codec="csv")}, CONTRACT))
    lines = "".join(f"{i},n{i}\n" for i in range(1, 11))
    (folder / "seed" / "inbox" / "ids.csv").write_text("id,name\n" + lines)
    seed("run")
    source = "{kind: sql, connection: shop, table: rows, watermark: id, key: [id], step: 100}"
    file = pipeline.write(folder / "sql", {"shop": source}, CONTRACT)
    env = {"SLUICE_CONN_SHOP": f"duckdb://{seed.home}/shop/data.db"}
    return Work(lambda: make(file, env=dict(env)), asked(IDS))


def a_mongo_source(request: pytest.FixtureRequest, folder: Path) -> Work:
    make: Make = request.getfixturevalue("make")
    server = request.getfixturevalue("secantus")
    events = server.client()[server.database]["events"]
    events.insert_many([{"_id": i, "name": f"n{i}"} for i in range(1, 11)])
    source = "{kind: mongo, connection: shop, collection: events, watermark: _id, step: 100}"
    contract = "{id: {type: int64, required: true, from: _id}, name: text}"
    file = pipeline.write(folder / "mongo", {"shop": source}, contract)
    return Work(lambda: make(file, env={"SLUICE_CONN_SHOP": server.uri()}), asked(IDS))


def an_http_source(request: pytest.FixtureRequest, folder: Path) -> Work:
    def page(asked_for: Request) -> Reply:
        first = 3 * int(asked_for.query["page"]) - 2
        return Reply.json([{"id": i, "name": f"n{i}"} for i in range(first, min(first + 3, 8))])

    make: Make = request.getfixturevalue("make")
    server = request.getfixturevalue("stack").enter_context(HttpServer())
    server.on("/items", page)
    source = f"{{kind: http, url: '{server.url('/items')}', allow_addresses: [127.0.0.1], paging: page}}"
    file = pipeline.write(folder / "http", {"api": source}, CONTRACT)
    return Work(lambda: make(file), asked(IDS))


def a_site(request: pytest.FixtureRequest, folder: Path) -> Work:
    make: Make = request.getfixturevalue("make")
    site = request.getfixturevalue("stack").enter_context(Site(listings(25, seed=1)))
    sets = [f"site.start={site.start}", "site.delay=0s", "site.allow_addresses=127.0.0.0/8"]
    hidden = re.compile(r"^_sl_|^date_extraction$")

    def state(s: Sluice) -> Any:
        found = s.query("select * from silver.observations order by reference")
        return [{k: v for k, v in row.items() if not hidden.match(k)} for row in found]

    words = ("--source", "site", "--run-id", "r")
    file = ROOT / "pipelines" / "imo" / "pipeline.yaml"
    return Work(lambda: make(file, sets=list(sets)), state, ("collect", *words), ("run", *words))


def a_list(request: pytest.FixtureRequest, folder: Path) -> Work:
    """Its messages are pushed anew for each case."""
    make: Make = request.getfixturevalue("make")
    redis = request.getfixturevalue("redis")
    source = "{kind: redis, connection: old, list: queue_api}"
    file = pipeline.write(folder / "list", {"api": source}, CONTRACT)

    def fresh() -> Sluice:
        with contextlib.closing(Client(redis, DB)) as client:
            client("FLUSHDB")
            client("RPUSH", "queue_api", *(json.dumps({"id": i, "name": f"n{i}"}) for i in range(1, 11)))
        return make(file, env={"SLUICE_CONN_OLD": redis.uri(DB)})

    return Work(fresh, asked(IDS))


def an_upload_in_parts(request: pytest.FixtureRequest, folder: Path) -> Work:
    """Of noise that zstd cannot shrink: more than 16 MiB."""
    make: Make = request.getfixturevalue("make")
    file = write_pipeline(folder / "large")
    dice = random.Random(1)
    noise = [base64.b64encode(dice.randbytes(4500)).decode() for _ in range(4000)]
    lines = "".join(f"{i},2026-01-01T00:00:00Z,1.00,FR,{text}\n" for i, text in enumerate(noise))
    (folder / "large" / "inbox" / "a.csv").write_text("id,placed,total,country,noise\n" + lines)
    return Work(lambda: make(file, "lake"), asked("select count(*) as n, sum(id) as ids from shop"))


def documents_in_a_file(request: pytest.FixtureRequest, folder: Path) -> Work:
    make: Make = request.getfixturevalue("make")
    file = published.write_pipeline(folder / "files")

    def fresh() -> Sluice:
        s = make(file, "files")
        published.export(folder / "files", published.rows(*((f"k{i}", i) for i in range(20))))
        s("run", "--run-id", "before")
        published.export(folder / "files", published.rows(*((f"k{i}", i + 100) for i in range(5, 25))))
        for stage in ("collect", "normalize", "store"):
            s(stage, "--run-id", "r")
        return s

    def state(s: Sluice) -> Any:
        found = (s.home / "shop" / "documents" / "shop.jsonl").read_text().splitlines()
        return sorted((d["_id"], d["n"]) for d in map(json.loads, found))

    return Work(fresh, state, ("publish", "--run-id", "r"), ("publish", "--run-id", "r"), alone=True)


def a_rebuild(request: pytest.FixtureRequest, folder: Path) -> Work:
    """As append so far, as latest from now on."""
    make: Make = request.getfixturevalue("make")

    def fresh() -> Sluice:
        here = folder / f"rebuild{next(_numbers)}"
        file = write_pipeline(here)
        write_csv(here, "a.csv", rows(1, 30, total="1.00"))
        write_csv(here, "b.csv", rows(20, 30, total="2.00", day=2))
        s = make(file, "local")
        s("run", "--run-id", "before")
        write_pipeline(here, "latest")
        return s

    state = asked("select id, total from shop order by id, total")
    return Work(fresh, state, ("store", "--rebuild"), ("run", "--run-id", "r"), "rebuild.")


WORKS = [
    a_sql_source, a_mongo_source, an_http_source, a_site, a_list, an_upload_in_parts, documents_in_a_file, a_rebuild,
]  # fmt: skip


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as held:
        yield held


def traced(work: Work, s: Sluice, trace: Path) -> list[tuple[str, int]]:
    """(fault point, which time) of the stage, for the first, the second and the last one."""
    s(*work.stage, env={"SLUICE_FAULT_TRACE": str(trace)})
    passed = collections.Counter(p for p in trace.read_text().split() if p.startswith(work.only))
    return [(p, n) for p, last in sorted(passed.items()) for n in sorted({1, min(2, last), last})]


@pytest.fixture(params=WORKS, ids=lambda w: w.__name__)
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Work:
    made: Work = request.param(request, tmp_path)
    made.points = traced(made, made.come(), tmp_path / "trace")
    return made


@pytest.mark.parametrize("kind", [*CODES, "stop"])
def test_a_fault_anywhere_then_once_more(work: Work, kind: str, cases: Callable[[int], None]) -> None:
    undisturbed = work.come()
    work.finish(undisturbed)
    wanted = work.end(undisturbed)
    assert wanted
    hits = work.points if FULL else random.Random(f"{work.stage}{kind}").sample(work.points, 1)
    for point, nth in hits:
        s = work.come()
        hit(work, s, f"{point}:{nth}:{kind}", kind)
        work.finish(s)
        assert work.end(s) == wanted, f"{point}:{nth}:{kind}"
    cases(len(hits))


def hit(work: Work, s: Sluice, fault: str, kind: str) -> None:
    """A stage that stops wakes when another attempt is done, or has been told to come again."""
    if kind in CODES:
        s(*work.stage, env={"SLUICE_FAULT": fault}, code=CODES[kind])
        return
    late = s.start(*work.stage, env={"SLUICE_FAULT": fault})
    try:
        wait_stopped(late.pid)
        if not work.alone:
            work.finish(s, (0, 75))
        os.kill(late.pid, signal.SIGCONT)
        assert (done := finish(late)).code in (0, 75, 99), f"{fault}: {done.stderr}"
    finally:
        kill_group(late)


def test_every_fault_point_of_the_sources_is_met(
    request: pytest.FixtureRequest, servers: Servers, chain_folder: Path, tmp_path: Path
) -> None:
    """By the chain, or here."""
    found = [p for folder in ("common", "engines", "tasks") for p in (ROOT / folder).rglob("*.c")]
    named = {name for p in found for name in re.findall(r'SL_FAULT\("([\w.]+)"', p.read_text())}
    met = set(ELSEWHERE)
    for make in WORKS:
        made: Work = make(request, tmp_path)
        met |= {point for point, _ in traced(made, made.come(), tmp_path / make.__name__)}
    chain = Chain.fresh(servers, chain_folder, chain_folder.parent)
    for stage in chain.stages():
        chain.task(stage, env={"SLUICE_FAULT_TRACE": str(tmp_path / stage)})
        met |= set((tmp_path / stage).read_text().split())
    chain.drop()
    assert len(named) > 40 and named - met == set()
