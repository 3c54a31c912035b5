"""A rebuild that is killed has changed nothing, or everything; one more makes the same table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
POINTS = ["rebuild.before_lock", "rebuild.before_commit", "rebuild.after_commit"]
STATE = "select source, name, edition, rev, ok from sluice.applied order by source, name"


@pytest.fixture
def changed(make: Make, tmp_path: Path, backend: str) -> Sluice:
    """Stored as append with a model over it; the file now says latest."""
    folder = tmp_path / "shop"
    file = write_pipeline(folder, extra="models: {totals: {as: view}}")
    (folder / "models").mkdir()
    (folder / "models" / "totals.sql").write_text("select count(*) as n, sum(total) as total from shop")
    write_csv(folder, "a.csv", rows(1, 300, total="1.00", day=1))
    write_csv(folder, "b.csv", rows(200, 300, total="2.00", day=2))
    s = make(file, backend)
    s("run")
    write_pipeline(folder, "latest", extra="models: {totals: {as: view}}")
    return s


def everything(s: Sluice) -> tuple[str, str, str]:
    return s.table(ALL), s.table(STATE), s.table("select n, total from totals")


@pytest.mark.parametrize("point", POINTS)
def test_killed_rebuild_changed_nothing_or_everything(changed: Sluice, tmp_path: Path, point: str) -> None:
    trace = tmp_path / "trace"
    before = everything(changed)
    done = changed("rebuild", env={"SLUICE_FAULT": f"{point}:1:kill", "SLUICE_FAULT_TRACE": str(trace)}, code=None)
    if not trace.exists():
        pytest.skip("skipped: this build has no fault points")
    assert done.code == 137, done.stderr
    between = everything(changed)
    changed("rebuild")
    after = everything(changed)
    assert between == (after if point == "rebuild.after_commit" else before)
    assert changed.query("select n, total from totals") == [{"n": 499, "total": 199 + 600}]
    assert changed("run").result["written"] == 0 and everything(changed) == after


def test_full_disk_in_the_middle_changes_nothing(changed: Sluice) -> None:
    before = everything(changed)
    done = changed("rebuild", env={"SLUICE_FAULT": "rebuild.before_commit:1:eio"}, code=None)
    if done.code == 0:
        pytest.skip("skipped: this build has no fault points")
    assert done.code == 74 and everything(changed) == before
