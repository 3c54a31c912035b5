"""Fixtures for every layer: a clean environment, a HOME per test, private servers per session."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.lib.chaos import ChaosProxy
from tests.lib.machine import find_plain_bin
from tests.lib.resp import Client
from tests.lib.server import Server
from tests.lib.services import S3, JavaMongo, Mongo, Postgres, Redis, start
from tests.lib.stage import BIN, SHARED, Sluice

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's environment says must not change a test."""
    for name in list(os.environ):
        if name.startswith(("PG", "AIRFLOW_", "SLUICE_CONN", "SLUICE_SET")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def bin_dir() -> Path:
    assert (BIN / "sluice").exists(), f"no executables in {BIN}: run scripts/test, which builds them"
    return BIN


def served(kind: type[Server]) -> Iterator[Any]:
    """A server of the session."""
    server = start(kind)
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from served(Postgres)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    yield from served(Redis)


@pytest.fixture
def redis(redis_server: Redis) -> Iterator[Redis]:
    """Empty, and running, whatever the test before did to it. The verbs: tests/lib/server.py."""
    redis_server.start()
    redis_server.reset()
    yield redis_server
    redis_server.start()


@pytest.fixture
def client(redis: Redis, request: pytest.FixtureRequest) -> Iterator[Client]:
    """Looks into the database that the test's module calls DB, from outside."""
    with contextlib.closing(Client(redis, request.module.DB)) as c:
        yield c


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[Mongo]:
    yield from served(Mongo)


@pytest.fixture(scope="session")
def java_mongo_server() -> Iterator[JavaMongo]:
    yield from served(JavaMongo)


def own_database(server: Mongo) -> Iterator[Any]:
    """Running, with a database that no other test has: server.database, which is also what server.uri() names."""
    server.start()
    server.database = f"t{os.getpid()}_{next(_numbers)}"
    yield server
    server.start()


@pytest.fixture(params=["mongo_server", "java_mongo_server"], ids=["secantus", "java"])
def mongo(request: pytest.FixtureRequest) -> Iterator[Mongo]:
    """Each such test runs on both servers that speak MongoDB's protocol here."""
    yield from own_database(request.getfixturevalue(request.param))


@pytest.fixture
def secantus(mongo_server: Mongo) -> Iterator[Mongo]:
    """The one that keeps data through a kill and knows transactions, alone."""
    yield from own_database(mongo_server)


@pytest.fixture
def java_mongo(java_mongo_server: JavaMongo) -> Iterator[JavaMongo]:
    """The one that forgets everything in a restart, alone."""
    yield from own_database(java_mongo_server)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    yield from served(S3)


@pytest.fixture
def s3(s3_server: S3) -> Iterator[S3]:
    """s3.bucket() makes a bucket that no other test has; s3.client() looks into it from outside."""
    s3_server.start()
    yield s3_server
    s3_server.start()


@pytest.fixture
def chaos(bin_dir: Path) -> Iterator[Callable[..., ChaosProxy]]:
    """chaos(port, "cut down 100", …): a bad line before a server (tests/chaosproxy.c lists the commands)."""
    with contextlib.ExitStack() as lines:
        yield lambda *args, **kwargs: lines.enter_context(ChaosProxy(*args, **kwargs))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data kept outside the project."""
    if not SHARED.is_dir():
        pytest.skip("skipped: ../shared with the real data is absent")
    return SHARED


@pytest.fixture(scope="session")
def inputs(shared: Path) -> Path:
    """Inputs of the field cases."""
    if not (shared / "cases" / "inputs").is_dir():
        pytest.skip("skipped: ../shared/cases is absent")
    return shared / "cases" / "inputs"


@pytest.fixture
def make(tmp_path: Path, bin_dir: Path, request: pytest.FixtureRequest) -> Callable[..., Sluice]:
    """make(pipeline, backend): a Sluice with its own HOME, on PostgreSQL its own database, and on "lake" its own
    bucket."""

    def factory(pipeline: str | Path, backend: str = "embedded", **kwargs: object) -> Sluice:
        number = next(_numbers)
        sluice = Sluice(str(pipeline), tmp_path / f"home{number}", backend, **kwargs)  # type: ignore[arg-type]
        if backend != "embedded":
            server: Postgres = request.getfixturevalue("postgres")
            database = f"t{os.getpid()}_{number}"
            server.psql(f"create database {database}")
            sluice.env["SLUICE_CONN_WAREHOUSE"] = server.uri(database)
        if backend.startswith("lake"):
            s3: S3 = request.getfixturevalue("s3")
            sluice.env["SLUICE_CONN_LAKE"] = s3.uri(s3.bucket())
        return sluice

    return factory


@pytest.fixture(params=["embedded", "local"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each such test runs on DuckDB and on PostgreSQL."""
    return str(request.param)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Executables without sanitizers, where they are built: for tests of very many executions."""
    if found := find_plain_bin():
        monkeypatch.setattr("tests.lib.stage.BIN", found)
