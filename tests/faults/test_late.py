"""Attempts that come late: a stage stopped anywhere wakes up in a world that has moved on; signals at the very end."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import ALL, CONTRACT, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice, finish, kill_group

Make = Callable[..., Sluice]
LIMIT = "rejects: {limit: 3}"
BAD = (900, "2026-01-02T00:00:00Z", "-1", "FR")
ROWS = "select name, rev, n_in, ok, bad from sluice.applied order by name"
REJECTS = "select name, rev, byte_offset, rule from sluice.reject order by name, byte_offset, rule"
UNBALANCED = (
    "select * from sluice.entry where n_in <> ok + bad + dup + filtered"
    " or ok <> inserted + updated + unchanged + stale + superseded"
)


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


def wait_state(pid: int, wanted: str) -> None:
    deadline = time.monotonic() + 20
    while state_of(pid) not in wanted.split():
        assert time.monotonic() < deadline, f"process {pid} is {state_of(pid)}, wanted {wanted}"
        time.sleep(0.005)


def fill(folder: Path) -> None:
    write_csv(folder, "a.csv", rows(1, 40, total="3.00", day=3))
    write_csv(folder, "b.csv", [*rows(20, 40, total="2.00", day=2), BAD])


def run_again(s: Sluice, folder: Path, mode: str) -> None:
    s("run", "--run-id", "r1", code=(0, 75))


def edit_input(s: Sluice, folder: Path, mode: str) -> None:
    write_csv(folder, "a.csv", [*rows(1, 40, total="5.00", day=3), BAD])
    s("run", code=(0, 75))


def edit_input_in_same_run(s: Sluice, folder: Path, mode: str) -> None:
    write_csv(folder, "a.csv", rows(1, 40, total="5.00", day=3))
    s("run", "--run-id", "r1", code=(0, 75))


def change_rules(s: Sluice, folder: Path, mode: str) -> None:
    write_pipeline(folder, mode, extra=LIMIT, contract=CONTRACT.replace("min: 0", "min: 0, max: 1000"))
    s("run", "--run-id", "r1", code=(0, 75))


def change_rules_and_back(s: Sluice, folder: Path, mode: str) -> None:
    change_rules(s, folder, mode)
    write_pipeline(folder, mode, extra=LIMIT)
    s("run", "--replay", code=(0, 75))


def rescan(s: Sluice, folder: Path, mode: str) -> None:
    s("run", code=(0, 75))
    s("state", "rescan")


def collect_again(s: Sluice, folder: Path, mode: str) -> None:
    s("run", "--run-id", "r1", "--again", code=(0, 75))


EVENTS = [
    run_again,
    edit_input,
    edit_input_in_same_run,
    change_rules,
    change_rules_and_back,
    rescan,
    collect_again,
]


def prepare(make: Make, folder: Path, mode: str, backend: str, stage: str) -> Sluice:
    """A pipeline whose run r1 has come to the given stage."""
    s = make(write_pipeline(folder, mode, extra=LIMIT), backend)
    s.env["SLUICE_STORE_WAIT"] = "1s"
    fill(folder)
    for earlier in ("collect", "normalize", "store"):
        if earlier == stage:
            break
        s(earlier, "--run-id", "r1")
    return s


def holds(s: Sluice) -> tuple[object, ...]:
    return s.query(ALL), s.query(ROWS), s.query(REJECTS)


@pytest.mark.parametrize(
    "mode,stage", [("append", "collect"), ("latest", "normalize"), ("append", "store"), ("latest", "store")]
)
def test_attempt_that_wakes_up_late_changes_nothing(
    make: Make, tmp_path: Path, mode: str, backend: str, stage: str
) -> None:
    dice = random.Random(f"{mode}-{backend}-{stage}")
    traced = prepare(make, tmp_path / "traced", mode, backend, stage)
    trace = tmp_path / "trace"
    traced(stage, "--run-id", "r1", env={"SLUICE_FAULT_TRACE": str(trace)})
    for number, point in enumerate(sorted(set(trace.read_text().split()))):
        event, folder = dice.choice(EVENTS), tmp_path / f"shop{number}"
        s = prepare(make, folder, mode, backend, stage)
        late = s.start(stage, "--run-id", "r1", env={"SLUICE_FAULT": f"{point}:1:stop"})
        try:
            wait_state(late.pid, "T")
            event(s, folder, mode)
            os.kill(late.pid, signal.SIGCONT)
            assert finish(late).code in (0, 75, 99), f"{point} {event.__name__}"
        finally:
            kill_group(late)
        s("run")
        s("run", "--replay")
        fresh = make(folder / "pipeline.yaml", backend)
        fresh("run")
        assert holds(s) == holds(fresh), f"{point} {event.__name__}"
        assert s.query(UNBALANCED) == []


@pytest.mark.parametrize("stage", ["collect", "normalize", "store", "report"])
def test_stop_request_while_the_result_is_written_still_counts(make: Make, tmp_path: Path, stage: str) -> None:
    s = prepare(make, tmp_path / "shop", "append", "embedded", "collect" if stage == "collect" else "store")
    told = tmp_path / "result.json"
    child = s.start(
        stage, "--run-id", "r1", "--result-file", str(told), env={"SLUICE_FAULT": "file.before_rename:1:stop"}
    )
    wait_state(child.pid, "T")
    os.kill(child.pid, signal.SIGTERM)
    os.kill(child.pid, signal.SIGCONT)
    done = finish(child)
    assert (done.code, done.result["exit"], json.loads(told.read_text())["exit"]) == (143, 143, 143)


@pytest.mark.parametrize("ignored", ["", "trap '' HUP; "])
def test_stage_ends_with_its_parent_also_when_stopped(make: Make, tmp_path: Path, ignored: str) -> None:
    """A worker that was started by nohup hands its ignored SIGHUP down."""
    s = prepare(make, tmp_path / "shop", "append", "embedded", "collect")
    words = " ".join(s.argv("collect", "--run-id", "r1"))
    script = f"{ignored}{words} & echo $!; wait"
    environment = s.environment() | {"SLUICE_FAULT": "bronze.before_link:1:stop"}
    shell = subprocess.Popen(
        ["bash", "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert shell.stdout is not None
    stage = int(shell.stdout.readline())
    wait_state(stage, "T")
    shell.kill()
    shell.wait()
    shell.stdout.close()
    wait_state(stage, "gone Z")


def day(n: int) -> tuple[str, ...]:
    return ("--interval-start", f"2026-01-{n:02d}T00:00:00Z", "--interval-end", f"2026-01-{n + 1:02d}T00:00:00Z")


def test_the_next_interval_stores_what_a_forgotten_attempt_left(make: Make, tmp_path: Path, backend: str) -> None:
    """An attempt linked its entry when its run was over, and nobody ever stores for that run again."""
    s = make(write_pipeline(tmp_path / "p"), backend)
    write_csv(tmp_path / "p", "a.csv", rows(1, 40))
    s("collect", *day(1), code=137, env={"SLUICE_FAULT": "log.after_link:1:kill"})
    done = s("run", *day(2))
    assert "entries of other runs wait to be stored" in done.stderr
    assert s.query("select count(*) as n from shop") == [{"n": 40}]
    assert s("run", *day(2)).code == 0


def test_an_interval_leaves_entries_that_came_after_it_to_their_runs(make: Make, tmp_path: Path, backend: str) -> None:
    s = make(write_pipeline(tmp_path / "p"), backend)
    s("collect", *day(1), code=99)
    write_csv(tmp_path / "p", "a.csv", rows(1, 40))
    s("collect", *day(2))
    s("run", *day(1))
    assert s.query("select count(*) as n from shop") == [{"n": 0}]
    s("store", *day(2))
    assert s.query("select count(*) as n from shop") == [{"n": 40}]


def test_an_interval_does_not_fail_for_what_others_left(make: Make, tmp_path: Path, backend: str) -> None:
    s = make(write_pipeline(tmp_path / "p"), backend)
    write_csv(tmp_path / "p", "a.csv", [*rows(1, 4), BAD])
    s("run", *day(1), code=65)
    write_csv(tmp_path / "p", "b.csv", rows(10, 4))
    done = s("run", *day(2))
    assert done.result["pending"] == 1
    assert s.query("select count(*) as n from shop") == [{"n": 4}]


@pytest.mark.parametrize("part", [1, 2])
def test_a_store_whose_clean_parts_another_one_stored_finds_its_work_done(
    make: Make, tmp_path: Path, part: int
) -> None:
    """It sleeps while it reads them; the other one has put the rows into the table and removed the parts."""
    s = make(write_pipeline(tmp_path / "shop", "latest"), "local")
    write_csv(tmp_path / "shop", "a.csv", rows(1, 10))
    s("run")
    write_csv(tmp_path / "shop", "b.csv", rows(5, 20_000, total="1.00", day=2))
    s("collect", "--run-id", "r1")
    s("normalize", "--run-id", "r1")
    late = s.start("store", "--run-id", "r1", env={"SLUICE_FAULT": f"store.before_part:{part}:stop"})
    try:
        wait_state(late.pid, "T")
        assert s("store", "--run-id", "r1").result["inserted"] == 19_994
        before = holds(s)
        os.kill(late.pid, signal.SIGCONT)
        done = finish(late)
    finally:
        kill_group(late)
    assert done.code == 0, done.stderr
    assert {k: done.result[k] for k in ("n_in", "kept", "unchanged", "written", "inserted", "updated")} == {
        "n_in": 20_000, "kept": 20_000, "unchanged": 20_000, "written": 0, "inserted": 0, "updated": 0,
    }  # fmt: skip
    assert holds(s) == before


# --- embedded: whoever has the lock keeps everybody out, also stopped ----------------------------------------

NEW_RULES = CONTRACT.replace("min: 0", "min: 0, max: 1000")
DEAR = (100, "2026-01-02T00:00:00Z", "2000.00", "FR")  # a row for the old rules, a reject for the new ones


def prepare_old(make: Make, folder: Path, stage: str) -> Sluice:
    """Old rules; run r1 has come to the stage. Two rows, one of them for the old rules only."""
    s = make(write_pipeline(folder, extra=LIMIT))
    s.env["SLUICE_STORE_WAIT"] = "1s"
    write_csv(folder, "a.csv", [*rows(1, 1), DEAR])
    for earlier in ("collect", "normalize")[: ("collect", "normalize", "store").index(stage)]:
        s(earlier, "--run-id", "r1")
    return s


def assert_new_rules(s: Sluice) -> None:
    """One row, made by the rules of today, and nothing is left of what others made."""
    assert [r["id"] for r in s.query(ALL)] == [1]
    assert len(s.query("select distinct rev from sluice.applied")) == 1
    assert s("run", "--run-id", "r1").result["written"] == 0


@pytest.mark.parametrize("point", ["normalize.before_part", "clean.before_link", "normalize.after_part"])
def test_embedded_normalize_that_wakes_with_old_rules_made_nothing_that_counts(
    make: Make, tmp_path: Path, point: str
) -> None:
    s = prepare_old(make, tmp_path / "shop", "normalize")
    late = s.start("normalize", "--run-id", "r1", env={"SLUICE_FAULT": f"{point}:1:stop"})
    try:
        wait_state(late.pid, "T")
        write_pipeline(tmp_path / "shop", extra=LIMIT, contract=NEW_RULES)
        s("run", "--run-id", "r1")
        before = holds(s)
        os.kill(late.pid, signal.SIGCONT)
        assert finish(late).code == 0
    finally:
        kill_group(late)
    s("store", "--run-id", "r1")
    assert holds(s) == before
    assert_new_rules(s)


@pytest.mark.parametrize(
    ("point", "code"),
    [
        ("file.before_link", 75),  # it draws its era; the rules are read again after that
        ("file.after_link", 75),
        ("store.before_switch", 0),  # it came first, and was the last with the old rules
        ("switch.after_lock", 0),
        ("switch.before_commit", 0),
        ("switch.after_commit", 0),
    ],
)
def test_embedded_store_stopped_with_the_lock_keeps_new_rules_out_until_it_ends(
    make: Make, tmp_path: Path, point: str, code: int
) -> None:
    s = prepare_old(make, tmp_path / "shop", "store")
    late = s.start("store", "--run-id", "r1", env={"SLUICE_FAULT": f"{point}:1:stop"})
    try:
        wait_state(late.pid, "T")
        write_pipeline(tmp_path / "shop", extra=LIMIT, contract=NEW_RULES)
        assert str(late.pid) in s("store", "--run-id", "r1", code=75).result["error"]
        os.kill(late.pid, signal.SIGCONT)
        done = finish(late)
    finally:
        kill_group(late)
    assert done.code == code and ("rules" in done.stderr) == (code == 75), done.stderr
    s("run", "--run-id", "r1")
    assert_new_rules(s)


def has_open(pid: int, path: Path) -> bool:
    try:
        return any(fd.resolve() == path for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def test_embedded_store_stopped_before_the_lock_wakes_with_old_rules_and_is_75(make: Make, tmp_path: Path) -> None:
    """It has read the rules and waits for the lock; stopped there, it hinders nobody and is told so when it wakes."""
    s = prepare_old(make, tmp_path / "shop", "store")
    lock = s.home / "shop" / "lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        late = s.start("store", "--run-id", "r1", env={"SLUICE_STORE_WAIT": "60s"})
        deadline = time.monotonic() + 20
        while not has_open(late.pid, lock):
            assert time.monotonic() < deadline and late.poll() is None, "the store does not ask for the lock"
            time.sleep(0.005)
        late.send_signal(signal.SIGSTOP)
        wait_state(late.pid, "T")
    try:
        write_pipeline(tmp_path / "shop", extra=LIMIT, contract=NEW_RULES)
        s("run", "--run-id", "r1")
        before = holds(s)
        os.kill(late.pid, signal.SIGCONT)
        done = finish(late)
    finally:
        kill_group(late)
    assert done.code == 75 and "rules" in done.result["error"]
    assert holds(s) == before
    assert_new_rules(s)
