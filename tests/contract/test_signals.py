"""Signals and parents: a stage that is asked to stop says so, at whatever moment; without its parent it is gone."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib.processes import children, family, is_gone
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import Sluice, finish

Make = Callable[..., Sluice]
STAGES = {
    "collect": (),
    "normalize": (),
    "store": (),
    "aggregate": (),
    "publish": (),
    "report": (),
    "query": ("--sql", "select count(*) as n from shop"),
    "export": ("-o", "-"),
    "check": (),
    "run": (),
    "preview": (),
    "rebuild": (),
}
WITH_RUN = ("collect", "normalize", "store", "aggregate", "publish", "report", "run")
MOMENTS = 3
ROWS = 20000


def words(exe: str, run: str = "r") -> tuple[str, ...]:
    return (("--run-id", run) if exe in WITH_RUN else ()) + STAGES[exe]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline folder and a HOME in which one run is stored: copied by every test."""
    base = tmp_path_factory.mktemp("once")
    folder = base / "shop"
    write_pipeline(folder, extra="models: {totals: {as: view}}\ndocuments: {totals: {from: totals, key: n}}")
    (folder / "models").mkdir()
    (folder / "models" / "totals.sql").write_text("select count(*) as n from shop")
    write_csv(folder, "a.csv", rows(1, ROWS))
    Sluice(str(folder / "pipeline.yaml"), base / "home")("run", "--run-id", "r")
    return base


@pytest.fixture
def shop(once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(once / "shop", tmp_path / "shop")


@pytest.fixture
def stored(once: Path, make: Make, shop: Path) -> Sluice:
    """One run is stored already."""
    s = make(shop / "pipeline.yaml")
    shutil.copytree(once / "home", s.home)
    return s


@pytest.mark.parametrize("exe", STAGES)
def test_stop_at_any_moment_is_told_and_leaves_nothing_that_hinders(stored: Sluice, shop: Path, exe: str) -> None:
    """Either it ended before the signal, with its own code, or the code is 143; the result line says the same."""
    dice = random.Random(exe)
    for moment in range(MOMENTS):
        if exe in WITH_RUN:
            write_csv(shop, f"b{moment}.csv", rows(100000 + moment, 5000))
        child = stored.start(exe, *words(exe, f"stop{moment}"))
        time.sleep(dice.random() * 0.25)
        child.send_signal(signal.SIGTERM)
        done = finish(child, 20)
        assert done.code in (0, 99, 143), done.stderr
        if done.code == 143 and not done.stderr:
            continue  # before it was anybody's
        assert done.result["exit"] == done.code and (done.code != 143 or done.result["kind"] == "cancelled")
    assert stored("run").result["exit"] == 0
    assert stored.query("select count(*) as n from shop") == [{"n": ROWS + (MOMENTS * 5000 if exe in WITH_RUN else 0)}]


def fault_points(s: Sluice, exe: str, trace: Path) -> list[str]:
    trace.unlink(missing_ok=True)
    s(exe, *words(exe, "trace"), env={"SLUICE_FAULT_TRACE": str(trace)}, code=None)
    return sorted(set(trace.read_text().split())) if trace.exists() else []


def wait_stopped(pid: int) -> bool:
    """Until the process stopped itself; False when it has ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state in "TZ":
            return state == "T"
        time.sleep(0.01)
    raise AssertionError("neither stopped nor ended")


@pytest.mark.parametrize("exe", ["collect", "normalize", "store", "aggregate"])
def test_signal_that_came_is_never_0_or_99(make: Make, shop: Path, tmp_path: Path, exe: str) -> None:
    """Stopped at every fault point, told to end, woken: whatever was still to do, the code is 143."""

    def prepared(number: int) -> Sluice:
        s = make(shop / "pipeline.yaml")
        for stage in ("collect", "normalize", "store")[: ("collect", "normalize", "store", "aggregate").index(exe)]:
            s(stage, "--run-id", f"p{number}")
        return s

    points = fault_points(prepared(0), exe, tmp_path / "trace")
    if not points:
        pytest.skip("skipped: this build has no fault points")
    for number, point in enumerate(points, 1):
        s = prepared(number)
        child = s.start(exe, *words(exe, f"p{number}"), env={"SLUICE_FAULT": f"{point}:1:stop"})
        if wait_stopped(child.pid):
            child.send_signal(signal.SIGTERM)
            child.send_signal(signal.SIGCONT)
            done = finish(child, 20)
            assert done.code == 143 and done.result["exit"] == 143, f"{point}: {done.stderr}"
        else:
            finish(child)


# --- parents -------------------------------------------------------------------------------------------------


@pytest.fixture
def blocked(make: Make, shop: Path) -> Iterator[Sluice]:
    """On PostgreSQL, where another session holds what everybody needs: whoever asks the store hangs."""
    s = make(shop / "pipeline.yaml", "local")
    s("run", "--run-id", "first")
    write_csv(shop, "b.csv", rows(50000, 10))
    s("collect", "--run-id", "r")
    s("normalize", "--run-id", "r")
    host, _, port = s.env["SLUICE_CONN_WAREHOUSE"].split("@")[1].partition("/")[0].partition(":")
    database = s.env["SLUICE_CONN_WAREHOUSE"].rpartition("/")[2]
    holder = subprocess.Popen(
        ["psql", "-XAtq", "-h", host, "-p", port, "-U", "postgres", "-d", database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin and holder.stdout
    holder.stdin.write(
        "begin; lock table shop, sluice.applied, sluice.stage_run in access exclusive mode; select 'held';\n"
    )
    holder.stdin.flush()
    assert holder.stdout.readline() == "held\n"
    yield s
    holder.stdin.close()
    holder.wait(10)


def wait_gone(pid: int, what: str) -> None:
    deadline = time.monotonic() + 5
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"{what} outlives its parent"
        time.sleep(0.02)


def hangs(pid: int) -> bool:
    """It waits for the server: in poll, on a socket."""
    try:
        sockets = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        return any(s.startswith("socket:") for s in sockets)
    except OSError:
        return False


# SIGHUP as a shell leaves it: a driver that was begun by nohup outlives its parent, and these tests may be, too.
PARENT = """
import signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize(
    "exe", ["store", "aggregate", "publish", "report", "query", "export", "check", "run", "rebuild"]
)
def test_stage_is_gone_with_its_parent(blocked: Sluice, exe: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *blocked.argv(exe, *words(exe))],
        env=blocked.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + 20
    while not any(map(hangs, family(child))):  # which of the driver's own does, when it is the driver
        assert not is_gone(child) and time.monotonic() < deadline, f"{exe} does not wait for the server"
        time.sleep(0.02)
    time.sleep(0.3)
    assert not is_gone(child), f"{exe} does not wait for the server"
    below = children(child)
    parent.kill()
    parent.wait()
    wait_gone(child, exe)
    for pid in below:
        wait_gone(pid, f"a child of {exe}")


@pytest.mark.parametrize("exe", ["collect", "normalize"])
def test_stopped_stage_is_gone_with_its_parent(make: Make, shop: Path, tmp_path: Path, exe: str) -> None:
    s = make(shop / "pipeline.yaml")
    s("collect", "--run-id", "r")
    write_csv(shop, "b.csv", rows(70000, 10))
    point = {"collect": "collect.after_begin", "normalize": "normalize.before_part"}[exe]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *s.argv(exe, "--run-id", "r")],
        env=s.environment() | {"SLUICE_FAULT": f"{point}:1:stop"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout
    child = int(parent.stdout.readline())
    if not wait_stopped(child):
        parent.wait()
        pytest.skip("skipped: this build has no fault points")
    parent.kill()
    parent.wait()
    wait_gone(child, exe)


# --- as the first process of a container ---------------------------------------------------------------------


def in_namespace(argv: list[str]) -> list[str]:
    """The program is process 1, its parent is none that it could see."""
    if not shutil.which("unshare"):
        pytest.skip("skipped: unshare is not there")
    if subprocess.run(["unshare", "-fp", "--mount-proc", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("skipped: no process namespaces here (they need root)")
    return ["unshare", "-fp", "--mount-proc", *argv]


@pytest.mark.parametrize("exe", STAGES)
def test_as_process_1_it_works(stored: Sluice, exe: str) -> None:
    argv = in_namespace(stored.argv(exe, *words(exe)))
    done = subprocess.run(
        argv,
        env=stored.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 99), done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["exit"] == done.returncode


def start_as_process_1(s: Sluice, exe: str) -> tuple[subprocess.Popen[str], int]:
    """The outer process, and the stage as everybody outside sees it; the stage waits for the server."""
    outer = subprocess.Popen(
        in_namespace(s.argv(exe, *words(exe))),
        env=s.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        inner = children(outer.pid)
        if inner and hangs(inner[0]):
            time.sleep(0.2)
            return outer, inner[0]
        time.sleep(0.02)
    raise AssertionError("the stage does not wait for the server")


@pytest.mark.parametrize("exe", ["store", "query"])
def test_process_1_obeys_a_stop_request(blocked: Sluice, exe: str) -> None:
    outer, stage = start_as_process_1(blocked, exe)
    begin = time.monotonic()
    os.kill(stage, signal.SIGTERM)
    _, err = outer.communicate(timeout=20)
    assert time.monotonic() - begin < 3.5
    assert json.loads(err.splitlines()[-1])["exit"] == 143 and outer.returncode == 143


@pytest.mark.parametrize("exe", ["store", "query"])
def test_process_1_is_gone_with_its_parent(blocked: Sluice, exe: str) -> None:
    outer, stage = start_as_process_1(blocked, exe)
    outer.kill()
    outer.communicate()
    wait_gone(stage, exe)
