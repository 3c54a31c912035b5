"""What `cmake --install` leaves behind works alone: moved, read only, without build, sources and environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.machine import plain_bin
from tests.lib.services import Postgres
from tests.lib.stage import ROOT, Done

Alone = Callable[..., Done]

# In a name space of its own: the sources and the build are gone, the installed tree cannot be written.
HIDE = """
mount -t tmpfs none "$1"
[ ! -e "$1/CMakeLists.txt" ]
mount --bind "$2" "$2"
mount -o remount,bind,ro "$2"
shift 2
exec "$@"
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed tree, not where it was installed to."""
    base = tmp_path_factory.mktemp("install")
    argv = ["cmake", "--install", str(plain_bin().parent), "--prefix", str(base / "first")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (base / "first").rename(base / "moved")


@pytest.fixture
def alone(prefix: Path, tmp_path: Path) -> Alone:
    hidden = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    if os.geteuid() != 0 or not hidden:
        pytest.skip("skipped: hiding the build tree needs root and unshare")

    def execute(program: str, *args: str, env: str = "A=b") -> Done:
        argv = ["unshare", "-m", "sh", "-ec", HIDE, "sh", str(ROOT), str(prefix)]
        argv += ["env", "-i", "PATH=/usr/bin:/bin", env, str(prefix / "bin" / program), *args]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        return Done(argv, done.returncode, done.stdout, done.stderr)

    return execute


def test_installed_pipelines_run_alone(alone: Alone, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    done = alone("sluice", "run", "orders", "--home", home)
    assert done.code == 0, done.stderr
    assert done.result["inserted"] > 0
    assert str(ROOT) not in done.stdout + done.stderr
    found = alone("sluice", "query", "orders", "--home", home, "by_country", "--format", "json")
    assert found.code == 0, found.stderr
    assert len(found.rows()) > 1
    assert alone("sluice", "run", "orders", "--home", home).result["written"] == 0
    assert alone("sluice", "run", "imo", "--home", home).code == 0


def test_installed_pipeline_runs_on_postgres(alone: Alone, tmp_path: Path, postgres: Postgres) -> None:
    postgres.psql("create database installed")
    done = alone(
        "sluice",
        *("run", "orders", "--backend", "local", "--home", str(tmp_path / "home")),
        env="SLUICE_CONN_WAREHOUSE=" + postgres.uri("installed"),
    )
    assert done.code == 0, done.stderr
    assert int(postgres.psql("select count(*) from orders", "installed")) == done.result["inserted"]


def test_installed_stages_run_one_by_one(alone: Alone, tmp_path: Path) -> None:
    flags = ("--pipeline", "orders", "--home", str(tmp_path / "home"), "--run-id", "r1")
    for stage in ("collect", "normalize", "store", "aggregate", "report"):
        done = alone(f"sluice-{stage}", *flags)
        assert done.code == 0, done.stderr
    assert json.loads(alone("sluice", "plan", "orders", "--json").stdout)["pipeline"] == "orders"


def test_every_executable_is_installed_and_starts(alone: Alone, prefix: Path) -> None:
    built = {p.name for p in plain_bin().iterdir() if p.is_file() and os.access(p, os.X_OK)}
    installed = {p.name for p in (prefix / "bin").iterdir()}
    assert installed == built
    for name in sorted(installed):
        assert alone(name, "--version").code == 0, name


def test_nothing_of_the_build_tree_is_named_in_the_installed_files(prefix: Path) -> None:
    ours = [p for p in prefix.rglob("*") if p.is_file() and p.name != "libduckdb.so"]
    assert len(ours) > 10
    named = [p.name for p in ours if str(ROOT).encode() in p.read_bytes()]
    assert not named


def test_every_executable_has_its_manual_page(alone: Alone, prefix: Path) -> None:
    pages = {p.stem for p in (prefix / "share" / "man" / "man1").glob("*.1")}
    assert pages == {p.name for p in (prefix / "bin").iterdir()}
    told = (prefix / "share" / "man" / "man1" / "sluice-collect.1").read_text().replace("\\-", "-")
    flags = set(re.findall(r"--[a-z][a-z-]+", alone("sluice-collect", "--help").stdout))
    assert flags and all(flag in told for flag in flags)
