"""Kill any stage at any moment, run again: the tables end as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.processes import wait_stopped
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice, finish, kill_group

Make = Callable[..., Sluice]
KILLS = {"embedded": 100, "local": 50}
STATE = "select source, name, edition, rev, n_in, ok, bad from sluice.applied order by source, name"


@pytest.fixture(params=["append", "latest"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fill(folder: Path) -> None:
    """Inputs that overlap in their keys, in versions that disagree with the files' order."""
    write_csv(folder, "a.csv", rows(1, 400, total="3.00", day=3))
    write_csv(folder, "b.csv", rows(200, 400, total="2.00", day=2))
    write_csv(folder, "c.csv", rows(300, 400, total="4.00", day=4))


def end_state(s: Sluice) -> tuple[str, str]:
    return s.table(ALL), s.table(STATE)


@pytest.fixture
def wanted(make: Make, tmp_path: Path, mode: str, backend: str) -> tuple[str, str]:
    """The fault-free end state."""
    folder = tmp_path / "clean"
    s = make(write_pipeline(folder, mode), backend)
    fill(folder)
    s("run")
    return end_state(s)


def assert_tidy(s: Sluice) -> None:
    """No clean part is left after a finished run."""
    clean = [p for p in (s.home / "shop" / "clean").rglob("*") if p.is_file() and not p.name.startswith(".tmp-")]
    assert not clean, clean[:5]


def kill_at_random(s: Sluice, dice: random.Random, within: float, run: str) -> bool:
    """Starts a run and kills it: with its stages, or the driver alone, whose stage must go with it."""
    child = s.start("run", "--run-id", run)
    time.sleep(dice.uniform(0, within))
    if dice.random() < 0.5:
        kill_group(child)
    else:
        child.kill()
    return finish(child).code == 137


def test_random_sigkill_then_rerun_ends_in_the_same_tables(
    make: Make, tmp_path: Path, mode: str, backend: str, wanted: tuple[str, str], cases: Callable[[int], None]
) -> None:
    """Every home is killed once or several times, then run again and compared."""
    dice = random.Random(f"{mode}-{backend}")
    folder = tmp_path / "shop"
    file = write_pipeline(folder, mode)
    fill(folder)
    started = time.monotonic()
    make(file, backend)("run")
    whole = time.monotonic() - started
    killed = tried = 0
    while killed < KILLS[backend] // 2:
        s = make(file, backend)
        for _ in range(dice.randint(1, 3)):
            killed += kill_at_random(s, dice, whole, dice.choice(["r1", "r2"]))
            tried += 1
        s("run", *dice.choice([(), ("--run-id", "r1")]))
        assert end_state(s) == wanted, f"after {killed} kills"
        assert tried < 4 * KILLS[backend], "runs end before the kill comes"
    assert s("run").result["written"] == 0
    cases(killed)


def passed_points(s: Sluice, trace: Path) -> list[str]:
    s("run", "--run-id", "traced", env={"SLUICE_FAULT_TRACE": str(trace)})
    return sorted(set(trace.read_text().split()))


# Each way to fail, where it can differ: SIGKILL everywhere, an error that the code sees on each engine.
WAYS = [
    ("append", "embedded", "kill"),
    ("latest", "embedded", "kill"),
    ("append", "local", "kill"),
    ("latest", "lake", "kill"),
    ("append", "lake", "eio"),
    ("latest", "local", "kill"),
    ("latest", "embedded", "eio"),
    ("append", "local", "eio"),
    ("append", "embedded", "abort"),
]


@pytest.mark.parametrize(("mode", "backend", "kind"), WAYS, ids=["-".join(w) for w in WAYS])
def test_every_fault_point_then_rerun(
    make: Make,
    tmp_path: Path,
    mode: str,
    backend: str,
    kind: str,
    wanted: tuple[str, str],
    cases: Callable[[int], None],
) -> None:
    """Rerun as Airflow would (the same run) and as a person would (a new one), by turns."""
    folder = tmp_path / "shop"
    file = write_pipeline(folder, mode)
    fill(folder)
    points = passed_points(make(file, backend), tmp_path / "trace")
    assert len(points) >= 8, points
    hits = [(point, nth) for point in points for nth in ((1,) if point.startswith("file.") else (1, 2))]
    for turn, (point, nth) in enumerate(hits):
        s = make(file, backend)
        s("run", "--run-id", "hit", code=None, env={"SLUICE_FAULT": f"{point}:{nth}:{kind}"})
        s("run", *(("--run-id", "hit") if turn % 2 else ()))
        assert end_state(s) == wanted, f"{point}:{nth}:{kind}"
        if turn % 2:
            assert_tidy(s)
    cases(len(hits))


def test_sigterm_at_random_moments_exits_143_and_loses_nothing(
    make: Make, tmp_path: Path, mode: str, backend: str, wanted: tuple[str, str]
) -> None:
    dice = random.Random(7)
    folder = tmp_path / "shop"
    s = make(write_pipeline(folder, mode), backend)
    fill(folder)
    codes = set()
    for round_ in range(15):
        child = s.start("run", "--run-id", f"r{round_}")
        time.sleep(dice.uniform(0.0, 0.25))
        begun = time.monotonic()
        os.kill(child.pid, signal.SIGTERM)
        codes.add(finish(child, timeout=10).code)
        assert time.monotonic() - begun < 4
    assert codes <= {0, 143}, codes
    s("run")
    assert end_state(s) == wanted


def test_stopped_store_with_old_rules_wakes_up_and_changes_nothing(
    make: Make, tmp_path: Path, mode: str, backend: str
) -> None:
    folder = tmp_path / "shop"
    file = write_pipeline(folder, mode)
    fill(folder)
    s = make(file, backend)
    s("collect", "--run-id", "r1")
    s("normalize", "--run-id", "r1")
    old = s.start("store", "--run-id", "r1", env={"SLUICE_FAULT": "store.before_switch:1:stop"})
    wait_stopped(old.pid)
    text = file.read_text()
    file.write_text(text.replace("min: 0}", "min: 0, max: 1000}"))
    try:
        if backend == "embedded":  # the stopped process holds the database's file
            os.kill(old.pid, signal.SIGCONT)
            finish(old)
            s("run", "--run-id", "r1")
        else:
            s("run", "--run-id", "r1")
            new = end_state(s)
            os.kill(old.pid, signal.SIGCONT)
            assert finish(old).code == 75
            assert end_state(s) == new
        s("run", "--run-id", "r1")
        assert len(s.query("select distinct rev from sluice.applied")) == 1
    finally:
        kill_group(old)


def test_two_runs_at_once_end_well_or_one_says_75(
    make: Make, tmp_path: Path, mode: str, backend: str, wanted: tuple[str, str]
) -> None:
    folder = tmp_path / "shop"
    s = make(write_pipeline(folder, mode), backend)
    fill(folder)
    for _ in range(5):
        both = [s.start("run", "--run-id", name) for name in ("x", "y")]
        codes = [finish(child).code for child in both]
        assert set(codes) <= {0, 75}, codes
        assert 0 in codes
    s("run")
    assert end_state(s) == wanted


def test_reader_never_sees_half_a_collection(make: Make, tmp_path: Path, mode: str, backend: str) -> None:
    """A collection of two files; whoever looks sees both old or both new."""
    folder = tmp_path / "shop"
    s = make(write_pipeline(folder, mode), backend)
    seen: list[tuple[int, int, int]] = []
    ask = "select count(*) as n, count(distinct total) as t, max(total) as at from shop"
    for number in range(1, 6):
        write_csv(folder, "a.csv", rows(1, 300, total=f"{number}.00", day=number))
        write_csv(folder, "b.csv", rows(1001, 200, total=f"{number}.00", day=number))
        child = s.start("run")
        while child.poll() is None:
            found = s("query", "--sql", ask, "--format", "json", code=None)
            if found.code == 0:
                seen += [(int(r["n"]), int(r["t"]), int(float(r["at"] or 0))) for r in found.rows()]
            else:  # before the first run there is no table; while DuckDB's writer is in, nobody reads
                assert found.code == 75 or number == 1, found.stderr
        assert finish(child).code == 0
    assert {found[:2] for found in seen} <= {(0, 0), (500, 1)}, seen
    assert len({found[2] for found in seen}) >= 2, "nobody looked while the collections changed"
    assert [found[2] for found in seen] == sorted(found[2] for found in seen)
