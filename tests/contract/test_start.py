"""Starting costs next to nothing: a DAG of small tasks starts executables by the hundred.

Measured on the release build (sanitizers and debug builds start slowly); skipped where there is none. Budgets are
those of docs/performance.md, doubled for time, since tests run on busy machines: what grows past them has linked a
large library or works before it knows what it was asked.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

from tests.lib.stage import ROOT

RELEASE = Path(os.environ.get("SLUICE_RELEASE_BIN", ROOT / "build" / "release" / "bin"))
ROUNDS = 40
OVER_TRUE_MS = 6.0
PEAK_KIB = 6 * 1024


def _executables() -> list[str]:
    return sorted(p.name for p in RELEASE.glob("sluice*") if os.access(p, os.X_OK))


needs_release = pytest.mark.skipif(not _executables(), reason=f"skipped: no release build in {RELEASE}")


@pytest.fixture(scope="module")
def spawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small parent, so that a child's peak memory is its own and not Python's."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("skipped: no C compiler for bench/spawn.c")
    target = tmp_path_factory.mktemp("spawn") / "spawn"
    source = ROOT / "bench" / "spawn.c"
    subprocess.run([compiler, "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o", str(target), str(source)], check=True)
    return target


def _run(spawn: Path, argv: list[str]) -> dict[str, float]:
    result = spawn.with_name("result.json")
    done = subprocess.run([str(spawn), str(result), *argv], capture_output=True, check=False)
    assert done.returncode == 0, (argv, done.stderr)
    sample: dict[str, float] = json.loads(result.read_text())
    return sample


@needs_release
@pytest.mark.parametrize("exe", _executables())
def test_version_takes_little_longer_than_true_and_little_memory(exe: str, spawn: Path) -> None:
    argv = [str(RELEASE / exe), "--version"]
    ours, theirs = [], []
    for _ in range(ROUNDS):  # in turns: a busy moment hurts both
        theirs.append(_run(spawn, ["/bin/true"]))
        ours.append(_run(spawn, argv))
    over = (statistics.median(s["wall"] for s in ours) - statistics.median(s["wall"] for s in theirs)) * 1e3
    peak = max(s["peak_kib"] for s in ours)
    assert over <= OVER_TRUE_MS, f"{exe} --version: {over:.2f} ms over /bin/true"
    assert peak <= PEAK_KIB, f"{exe} --version: {peak} KiB"
