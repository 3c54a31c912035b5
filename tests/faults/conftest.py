"""Fixtures of the whole chain, and the table of faults that the suite prints at its end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib import fault_matrix
from tests.lib.chain import Chain, Servers, write_input
from tests.lib.services import S3, Mongo, Postgres, Redis, roomy_memory

FULL = os.environ.get("SLUICE_FAULTS") == "full"  # scripts/test faults --full


@pytest.fixture(scope="session")
def servers(postgres: Postgres, redis_server: Redis, mongo_server: Mongo, s3_server: S3) -> Servers:
    return Servers(postgres, redis_server, mongo_server, s3_server)


@pytest.fixture(scope="session")
def chain_folder(bin_dir: Path) -> Iterator[Path]:
    """The pipeline with its input and its oracle."""
    with tempfile.TemporaryDirectory(prefix="sluice-chain-", dir=roomy_memory()) as folder:
        write_input(Path(folder) / "chain")
        yield Path(folder) / "chain"


@pytest.fixture(scope="session")
def wanted(servers: Servers, chain_folder: Path) -> dict[str, str]:
    """The end state of a run that nothing disturbs, which is what the oracle says."""
    chain = Chain.fresh(servers, chain_folder, chain_folder.parent)
    chain.run()
    chain.assert_oracle(chain_folder)
    chain.assert_tidy()
    found = chain.state()
    chain.drop()
    return found


@pytest.fixture
def fresh(servers: Servers, chain_folder: Path) -> Iterator[Callable[[], Chain]]:
    """fresh(): a chain that holds nothing. The servers run, and Redis is empty, whatever the test before did."""
    for server in servers.all():
        server.start()
    servers.redis.reset()
    made: list[Chain] = []

    def factory(folder: Path = chain_folder) -> Chain:
        while len(made) > 2:
            made.pop(0).drop()
        made.append(Chain.fresh(servers, folder, chain_folder.parent))
        return made[-1]

    yield factory
    for server in servers.all():
        server.start()
    for chain in made:
        chain.drop()


@pytest.fixture
def cases(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """cases(n): how many faults the test has met; else it counts as one."""
    return lambda n: record_property("cases", n)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the files of other layers that are run for the table, the tests that stand in it."""
    chosen = [i for i in items if "tests/faults/" in i.nodeid or fault_matrix.meets_one(i.nodeid)]
    config.hook.pytest_deselected(items=[i for i in items if i not in chosen])
    items[:] = chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if hasattr(terminalreporter.config, "workerinput"):
        return
    done = [r for word in ("passed", "failed", "error") for r in terminalreporter.stats.get(word, [])]
    lines = fault_matrix.table(
        [(r.nodeid, dict(r.user_properties), r.outcome == "passed") for r in done if hasattr(r, "user_properties")]
    )
    terminalreporter.write_line("")
    for line in lines:
        terminalreporter.write_line(line)
    if target := os.environ.get("SLUICE_FAULTS_TABLE"):
        Path(target).write_text("\n".join(lines) + "\n")
