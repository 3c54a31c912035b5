"""Every command block of README.md and docs/ runs as it is written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.stage import BIN, ROOT

FENCE = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "pipelines").glob("*/README.md"))]


def blocks() -> list[tuple[str, str]]:
    """(page, all of its commands): blocks of one page share one shell, as a reader's would."""
    found = []
    for page in PAGES:
        if page.name == "adding.md":  # changes the tree: test_adding.py runs it in a copy
            continue
        commands = "\n".join(FENCE.findall(page.read_text()))
        if commands.strip():
            found.append((str(page.relative_to(ROOT)), commands))
    return found


def runnable(commands: str) -> str:
    """The test cannot call itself: the command that runs all tests becomes its own help."""
    return re.sub(r"^scripts/test( .*)?$", "scripts/test --help", commands, flags=re.M)


@pytest.fixture
def services_dir() -> Iterator[Path]:
    """For pages that call scripts/services: not the developer's own ones, and none is left running. Not in
    tmp_path, where PostgreSQL's user may not enter."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-services-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(
        [str(ROOT / "scripts" / "services"), "down"], env=os.environ | {"SLUICE_SERVICES_DIR": str(folder)}, check=True
    )
    shutil.rmtree(folder)


@pytest.mark.parametrize(("page", "commands"), blocks(), ids=[p for p, _ in blocks()])
def test_page_runs_as_written(page: str, commands: str, tmp_path: Path, services_dir: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "AIRFLOW_", "PG"))}
    env |= {"SLUICE_SERVICES_DIR": str(services_dir)}
    env |= {"PATH": f"{BIN}:{env['PATH']}", "SLUICE_HOME": str(tmp_path / "home"), "SCRATCH": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", runnable(commands)],
        cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{page}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, *(ROOT / "docs" / "reference").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
