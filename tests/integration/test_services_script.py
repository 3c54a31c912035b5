"""scripts/services: what somebody relies on who develops against it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib.services import Redis
from tests.lib.stage import ROOT, Sluice

Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not in tmp_path, where PostgreSQL's user may not enter."""
    made = Path(tempfile.mkdtemp(prefix="sluice-services-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def services(folder: Path) -> Iterator[Script]:
    def call(*args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(ROOT / "scripts" / "services"), *args], env=os.environ | {"SLUICE_SERVICES_DIR": str(folder)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    yield call
    call("down")


def pids(status: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S+) +answers +pid (\d+)", status, re.M))


def exported(text: str) -> dict[str, str]:
    """What a shell makes of the lines."""
    done = subprocess.run(
        ["bash", "-c", f"{text}\nenv -0"], env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    lines = (line.partition("=") for line in done.stdout.split("\0"))
    return {name: value for name, _, value in lines if name.startswith("SLUICE_CONN_")}


def test_a_pipeline_runs_on_what_up_prints_and_finds_its_table_after_down_and_up(
    services: Script, make: Callable[..., Sluice]
) -> None:
    sluice = make("orders")
    sluice.backend, sluice.env = "local", exported(services("up", "postgres").stdout)
    sluice("run")
    table = sluice.table("select * from orders order by order_id")
    services("down")
    sluice("query", "--sql", "select 1", code=69)
    assert exported(services("up", "postgres").stdout) == sluice.env
    assert sluice.table("select * from orders order by order_id") == table


def test_up_again_starts_only_what_is_missing(services: Script, folder: Path) -> None:
    services("up", "redis", "s3")
    before = pids(services("status").stdout)
    Redis(folder / "redis").kill()
    services("status", code=1)
    services("up", "redis", "s3")
    after = pids(services("status").stdout)
    assert before["s3"] == after["s3"] and before["redis"] != after["redis"]


def test_passwords_are_in_the_output_and_in_files_of_the_owner_alone(services: Script, folder: Path) -> None:
    printed = services("up", "redis").stdout
    assert (folder / "env").read_text() == printed
    password = Redis(folder / "redis").password
    holders = [f for f in folder.rglob("*") if f.is_file() and password.encode() in f.read_bytes()]
    assert holders and all(f.stat().st_mode & 0o077 == 0 for f in holders)
    pid = pids(services("status").stdout)["redis"]
    assert password.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_silent_server_is_not_said_to_answer(services: Script, folder: Path) -> None:
    services("up", "redis")
    server = Redis(folder / "redis")
    server.pause()
    assert "silent" in services("status", code=1).stdout
    services("up", "redis")
    assert server.answers()


def test_down_ends_what_runs_and_says_nothing_where_nothing_does(services: Script) -> None:
    services("up", "redis")
    services("down")
    assert "down" in services("status", code=1).stdout
    services("down")


def test_unknown_server_is_refused_with_the_names_there_are(services: Script) -> None:
    assert "mongo-java" in services("up", "rediss", code=2).stderr
