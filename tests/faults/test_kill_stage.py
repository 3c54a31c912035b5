"""SIGKILL at random moments of single stages, as a worker or the kernel does it, then the stage again."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lib.services import Postgres
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import Sluice, finish

Make = Callable[..., Sluice]
STAGES = ("collect", "normalize", "store", "aggregate", "report")
KILLS = 6
STATE = """
select 'row' as part, cast(id as varchar) as a, cast(placed as varchar) as b, cast(total as varchar) as c, country as d
from shop
union all select 'model', country, cast(n as varchar), null, null from totals
union all select 'applied', name, cast(edition as varchar), rev, cast(n_in as varchar) || ' ' || cast(ok as varchar)
from sluice.applied
order by 1, 2, 3, 4, 5
"""


def fill(folder: Path) -> None:
    """Two inputs that share keys, large enough for a stage to be met in the middle of one; a model over them."""
    write_pipeline(folder, "latest", extra="models: {totals: {as: table}}")
    (folder / "models").mkdir()
    (folder / "models" / "totals.sql").write_text("select country, count(*) as n from shop group by country")
    write_csv(folder, "a.csv", rows(1, 9000, total="3.00", day=3))
    write_csv(folder, "b.csv", rows(6000, 9000, total="2.00", day=2))


@dataclass
class Before:
    """Everything up to a stage is done; each attempt gets its own copy."""

    origin: Sluice
    make: Make
    postgres: Postgres | None

    def copy(self) -> Sluice:
        s = self.make(self.origin.pipeline, self.origin.backend)
        shutil.copytree(self.origin.home, s.home)
        if self.postgres:
            base, new = (x.env["SLUICE_CONN_WAREHOUSE"].rpartition("/")[2] for x in (self.origin, s))
            self.postgres.psql(f"drop database {new}")
            self.postgres.psql(f"create database {new} template {base}")
        return s


def prepare(make: Make, folder: Path, backend: str, stage: str, postgres: Postgres | None) -> Before:
    s = make(folder / "pipeline.yaml", backend)
    for earlier in STAGES[: STAGES.index(stage)]:
        s(earlier, "--run-id", "r")
    s.home.mkdir(exist_ok=True)
    return Before(s, make, postgres)


def measured(before: Before, stage: str) -> float:
    s = before.copy()
    begin = time.monotonic()
    s(stage, "--run-id", "r")
    return time.monotonic() - begin


def kill_after(s: Sluice, stage: str, seconds: float) -> bool:
    """True when the kill came before the stage's end."""
    child = s.start(stage, "--run-id", "r")
    time.sleep(seconds)
    child.kill()
    return finish(child).code == 137


def finish_after(s: Sluice, stage: str) -> None:
    """The same stage once more, then those behind it, as Airflow does it."""
    for name in STAGES[STAGES.index(stage) :]:
        s(name, "--run-id", "r")


@pytest.mark.parametrize("stage", STAGES)
def test_stage_killed_at_random_moments_then_again(
    make: Make,
    tmp_path: Path,
    backend: str,
    stage: str,
    request: pytest.FixtureRequest,
    quick: None,
    cases: Callable[[int], None],
) -> None:
    """Every second attempt is killed twice. A kill that comes late narrows the time in which the next may come."""
    dice = random.Random(f"{stage}-{backend}")
    fill(tmp_path / "shop")
    postgres = request.getfixturevalue("postgres") if backend == "local" else None
    before = prepare(make, tmp_path / "shop", backend, stage, postgres)
    whole = measured(before, stage)
    clean = before.copy()
    finish_after(clean, stage)
    wanted, hits, tries = clean.table(STATE), 0, 0
    while hits < KILLS:
        s = before.copy()
        for _ in range(1 + tries % 2):
            hit = kill_after(s, stage, dice.uniform(0, whole))
            whole *= 1.0 if hit else 0.8
            hits += hit
        finish_after(s, stage)
        assert s.table(STATE) == wanted, f"{stage}, after {hits} kills"
        left = [p for p in (s.home / "shop" / "clean").rglob("*") if p.is_file() and not p.name.startswith(".tmp-")]
        assert not left, left[:5]
        tries += 1
        assert tries < 5 * KILLS, f"{stage} ends before the kill comes"
    cases(hits)
