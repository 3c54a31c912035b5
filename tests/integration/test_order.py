"""A table is a function of what was collected and of today's rules, never of the order in which things ran."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lib.expected import (
    Inputs,
    Row,
    assert_counts,
    csv_text,
    table,
    write_two_sources,
)
from tests.lib.stage import Done, Sluice, finish, kill_group

Make = Callable[..., Sluice]
SHUFFLES = {"embedded": 20, "local": 8}
DAYS = 5


@pytest.fixture(params=["append", "latest"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def day(number: int) -> tuple[str, ...]:
    return (
        "--interval-start",
        f"2026-01-{number:02}T00:00:00Z",
        "--interval-end",
        f"2026-01-{number + 1:02}T00:00:00Z",
    )


def some_rows(dice: random.Random, number: Iterator[int], keys: int = 9) -> list[Row]:
    """Keys and versions that repeat within a file and across files; the text tells every row apart."""
    n = dice.randint(0, 12)
    return [(dice.randrange(keys), dice.choice([None, 1, 2]), f"t{next(number)}") for _ in range(n)]


def put(folder: Path, files: dict[str, list[Row]]) -> None:
    for name, rows in files.items():
        (folder / "inbox" / name).write_text(csv_text(rows))


def reconciled(done: Done) -> Done:
    """What one execution says of itself adds up."""
    r = done.result
    assert r["n_in"] == r["kept"] + r["dup"] + r["filtered"] + r["rejected"], r
    if r["stage"] in ("store", "run") and r["exit"] == 0:
        assert r["kept"] == r["inserted"] + r["updated"] + r["unchanged"] + r["stale"] + r["superseded"], r
    return done


def collect_days(s: Sluice, folder: Path, dice: random.Random) -> Inputs:
    """Interval runs that bring new files and new editions of old ones; nothing is stored yet."""
    inputs, number = Inputs(), iter(range(1_000_000))
    names = ["a-1", "a-2", "a-3", "b-1", "b-2"]
    for i in range(1, DAYS + 1):
        files = {name: some_rows(dice, number) for name in dice.sample(names, dice.randint(1, 3))}
        put(folder, files)
        s("collect", *day(i))
        s("normalize", *day(i))
        inputs.collected(files)
    return inputs


def orders(dice: random.Random, n: int) -> list[list[int]]:
    first = list(range(1, DAYS + 1))
    return [first, first[::-1], *(dice.sample(first, DAYS) for _ in range(n - 2))]


def copy_of(s: Sluice, make: Make) -> Sluice:
    """The same bronze, log and clean parts, before an empty store of its own."""
    other = make(s.pipeline, s.backend)
    shutil.copytree(s.home, other.home)
    return other


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", [1, 2])
def test_intervals_stored_in_any_order_give_the_same_table(
    make: Make, tmp_path: Path, backend: str, mode: str, seed: int
) -> None:
    dice = random.Random(seed)
    s = make(write_two_sources(tmp_path / "p", mode), backend)
    wanted = collect_days(s, tmp_path / "p", dice).rows(mode)
    every = orders(dice, SHUFFLES[backend] // 2)
    copies = [copy_of(s, make) for _ in every]

    def stored(copy: Sluice, order: list[int]) -> None:
        for i in order:
            reconciled(copy("store", *day(i)))
        assert table(copy) == wanted, order
        assert copy("store", *day(order[0])).result["written"] == 0

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(stored, copies, every))
    for copy in (copies[0], copies[-1]):
        assert_counts(copy)


@pytest.mark.usefixtures("quick")
def test_whole_editions_lose_the_keys_that_vanish_in_any_order(
    make: Make, tmp_path: Path, backend: str, mode: str
) -> None:
    folder = tmp_path / "p"
    s = make(write_two_sources(folder, mode, "whole"), backend)
    exports: list[dict[str, list[Row]]] = [
        {"a-1": [(1, 1, "x"), (2, 1, "x")], "b-1": [(11, 1, "x"), (12, 1, "x")]},
        {"a-1": [(2, 2, "y")], "a-2": [(3, 1, "y"), (3, 0, "old")]},
        {"a-1": [(2, 0, "z"), (1, None, "back")], "a-2": [], "b-1": [(12, 1, "x")]},
    ]
    sequence = make(s.pipeline, backend)
    now: dict[str, list[Row]] = {}
    for i, files in enumerate(exports, 1):
        put(folder, files)
        now |= files
        wanted = Inputs()
        wanted.collected({"a": now["a-1"] + now.get("a-2", []), "b": now["b-1"]})
        reconciled(sequence("run", *day(i)))
        assert table(sequence) == wanted.rows(mode)
        assert_counts(sequence)
        s("collect", *day(i))
    for order in ([3, 2, 1], [2, 3, 1], [1, 3, 2]):
        copy = copy_of(s, make)
        for i in order:
            reconciled(copy("store", *day(i)))
        assert table(copy) == table(sequence), order


def test_keys_twice_within_and_across_parts_and_files(make: Make, tmp_path: Path, backend: str, mode: str) -> None:
    """Parts hold at most 16384 records: three of them here, and a second file of the same keys."""
    dice = random.Random(3)
    s = make(write_two_sources(tmp_path / "p", mode), backend)
    files = {
        "a-1": [(i * 7 % 15_000, dice.choice([None, 1, 2, 3]), f"a{i}") for i in range(40_000)],
        "a-2": [(i, dice.choice([None, 2, 3]), f"b{i}") for i in range(0, 20_000, 2)],
    }
    put(tmp_path / "p", files)
    inputs = Inputs()
    inputs.collected(files)
    done = reconciled(s("run"))
    assert done.result["n_in"] == 50_000
    assert table(s) == inputs.rows(mode)
    assert_counts(s)
    files = {"b-1": [(i * 7 % 15_000, 2, f"c{i}") for i in range(30_000)]}
    put(tmp_path / "p", files)
    inputs.collected(files)
    reconciled(s("run"))
    assert table(s) == inputs.rows(mode)
    assert_counts(s)


# --- one step after the other ---


def edited(dice: random.Random, rows: list[Row], number: Iterator[int]) -> list[Row]:
    """The same keys; versions never fall, since what a row had displaced is not remembered (mode latest)."""
    return [(i, None if v is None else v + dice.choice([0, 1]), f"t{next(number)}") for i, v, _ in rows]


@pytest.mark.usefixtures("quick")
def test_counts_reconcile_and_the_table_is_right_after_every_step(
    make: Make, tmp_path: Path, backend: str, mode: str
) -> None:
    dice, number = random.Random(5), iter(range(1_000_000))
    folder = tmp_path / "p"
    s = make(write_two_sources(folder, mode), backend)
    inputs = Inputs()
    files: dict[str, list[Row]] = {}
    for step, event in enumerate(["new", "edit", "refused", "new", "again", "edit", "nothing", "refused", "edit"]):
        changed: dict[str, list[Row]] = {}
        if event in ("new", "refused"):
            changed[f"{dice.choice('ab')}-{step}"] = [*some_rows(dice, number), (step, 1, "new")]
        if event == "edit":
            changed = {name: edited(dice, files[name], number) for name in dice.sample(sorted(files), 1)}
        put(folder, changed)
        if event == "refused":
            name, rows = next(iter(changed.items()))
            put(folder, {name: [*rows, (7, -1, "bad")]})
            reconciled(s("run", "--run-id", f"r{step}", code=65))
            assert table(s) == inputs.rows(mode), event
            assert_counts(s)
            put(folder, changed)
            inputs.collected({name: []})  # the refused edition counts, too
        files |= changed
        inputs.collected(files if event == "again" else changed)
        done = reconciled(s("run", "--run-id", f"r{step}", *(["--again"] if event == "again" else [])))
        assert table(s) == inputs.rows(mode), event
        assert_counts(s)
        assert (done.result["written"] == 0) == (event == "nothing" or (event == "again" and mode == "latest")), event


# --- a file that changes while it is read ---


@contextmanager
def stopped_while_reading(s: Sluice, nth: int = 1) -> Iterator[Any]:
    """A collection that waits in the middle of a file until the block ends."""
    child = s.start("collect", "--run-id", "r1", env={"SLUICE_FAULT": f"collect.while_reading:{nth}:stop"})
    try:
        stat = Path(f"/proc/{child.pid}/stat")
        for _ in range(2000):
            if stat.read_text().rsplit(")", 1)[1].split()[0] == "T":
                break
            assert child.poll() is None, "the fault point is not passed: is this a build with fault points?"
            threading.Event().wait(0.01)
        yield child
        os.kill(child.pid, signal.SIGCONT)
    except BaseException:
        kill_group(child)
        raise


@pytest.fixture(params=["each", "whole"])
def growing(request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> Sluice:
    """A file of several reads."""
    s = make(write_two_sources(tmp_path / "p", "append", str(request.param)))
    put(tmp_path / "p", {"a-1": [(i, 1, "x" * 40) for i in range(20_000)], "b-1": []})
    return s


def ids(s: Sluice) -> tuple[int, int]:
    row = s.query("select count(*) as n, coalesce(max(id), -1) as last from rows")[0]
    return int(row["n"]), int(row["last"])


def store_collected(s: Sluice) -> tuple[int, int]:
    """Number of rows and greatest id of what the collection kept, without looking at the files again."""
    s("normalize", "--run-id", "r1")
    s("store", "--run-id", "r1")
    return ids(s)


@pytest.mark.parametrize("nth", [1, 3])
def test_file_that_grew_while_it_was_read_is_read_again(growing: Sluice, nth: int) -> None:
    inbox = Path(growing.pipeline).parent / "inbox"
    with stopped_while_reading(growing, nth) as child, (inbox / "a-1").open("a") as file:
        file.write("20000,1,late\n")
    assert finish(child).code == 0
    assert store_collected(growing) == (20_001, 20_000)


def test_file_rewritten_in_place_while_it_was_read_is_read_again(growing: Sluice) -> None:
    """Of the same size: without a second reading half of it would be old and half new."""
    file = Path(growing.pipeline).parent / "inbox" / "a-1"
    with stopped_while_reading(growing) as child:
        text = file.read_text()
        with file.open("r+") as out:
            out.write(text.replace("x" * 40, "y" * 40))
    assert finish(child).code == 0
    assert store_collected(growing) == (20_000, 19_999)
    assert growing.query("select distinct t from rows") == [{"t": "y" * 40}]


def test_file_cut_short_while_it_was_read_is_read_again(growing: Sluice) -> None:
    inbox = Path(growing.pipeline).parent / "inbox"
    with stopped_while_reading(growing) as child:
        (inbox / "a-1").write_text(csv_text([(i, 1, "short") for i in range(50)]))
    assert finish(child).code == 0
    assert store_collected(growing) == (50, 49)


def test_file_replaced_while_it_was_read_is_the_old_or_the_new_one(growing: Sluice) -> None:
    inbox = Path(growing.pipeline).parent / "inbox"
    (inbox / "new").write_text(csv_text([(i, 1, "new") for i in range(100)]))
    with stopped_while_reading(growing) as child:
        (inbox / "new").rename(inbox / "a-1")
    assert finish(child).code == 0
    assert store_collected(growing) in ((20_000, 19_999), (100, 99))
    growing("run")
    assert ids(growing) == (100, 99)


def test_file_that_joins_a_whole_export_while_it_is_read_is_in_it(make: Make, tmp_path: Path) -> None:
    s = make(write_two_sources(tmp_path / "p", "append", "whole"))
    put(tmp_path / "p", {"a-1": [(i, 1, "x" * 40) for i in range(20_000)], "b-1": []})
    with stopped_while_reading(s) as child:
        put(tmp_path / "p", {"a-0": [(20_000, 1, "late")]})
    assert finish(child).code == 0
    assert store_collected(s) == (20_001, 20_000)


def test_file_that_never_rests_is_75_or_whole_lines(growing: Sluice) -> None:
    path = Path(growing.pipeline).parent / "inbox" / "a-1"
    rested = threading.Event()

    def append() -> None:
        number = 20_000
        with path.open("a", buffering=1) as file:
            while not rested.is_set():
                file.write(f"{number},1,late\n")
                number += 1

    writer = threading.Thread(target=append)
    writer.start()
    try:
        done = growing("collect", "--run-id", "r1", code=(0, 75))
    finally:
        rested.set()
        writer.join()
    if done.code == 75:
        assert "change" in done.result["error"] and "while" in done.result["error"]
        assert not list((growing.home / "shop" / "log").rglob("*.json"))
    assert growing("run", "--run-id", "r1").result["rejected"] == 0
    n, last = ids(growing)
    assert n == last + 1 == path.read_text().count("\n") - 1


# --- databases and rules that go back ---


class Backup:
    """A copy of the store, taken and brought back behind the program's back."""

    def __init__(self, s: Sluice, postgres: Any) -> None:
        self.s, self.postgres = s, postgres
        self.file = s.home / "shop" / "data.db"
        if postgres:
            self.name = s.env["SLUICE_CONN_WAREHOUSE"].rsplit("/", 1)[1]
            postgres.psql(f"create database {self.name}_old template {self.name}")
        else:
            shutil.copy(self.file, self.file.with_suffix(".old"))

    def restore(self) -> None:
        if self.postgres:
            self.postgres.psql(f"drop database {self.name}")
            self.postgres.psql(f"create database {self.name} template {self.name}_old")
        else:
            self.file.with_name("data.db.wal").unlink(missing_ok=True)
            shutil.copy(self.file.with_suffix(".old"), self.file)


@pytest.mark.usefixtures("quick")
def test_rescan_after_an_older_database_was_restored(
    make: Make, tmp_path: Path, backend: str, mode: str, request: pytest.FixtureRequest
) -> None:
    dice, number = random.Random(11), iter(range(1_000_000))
    folder = tmp_path / "p"
    s = make(write_two_sources(folder, mode), backend)
    inputs, files = Inputs(), {}
    backup = None
    for run in range(1, 5):
        changed = {f"{'ab'[run % 2]}-{run}": some_rows(dice, number)}
        if run == 4:
            changed["b-1"] = edited(dice, files["b-1"], number)
        put(folder, changed)
        files |= changed
        inputs.collected(changed)
        s("run", "--run-id", f"r{run}")
        if run == 2:
            backup = Backup(s, request.getfixturevalue("postgres") if backend == "local" else None)
    assert backup
    wanted = inputs.rows(mode)
    assert table(s) == wanted
    for stage, runs in [("run", ["r9"]), ("store", ["r2", "r4", "r3", "r1"])]:
        backup.restore()
        assert table(s) != wanted
        told = s("state", "rescan").stdout.split()
        assert {"r1", "r2", "r3", "r4"} <= set(told)
        for run in runs:
            s(stage, "--run-id", run)
        assert table(s) == wanted, stage
        assert_counts(s)
        assert s("run", "--run-id", "r9").result["written"] == 0


ZONED = """{id: int64, v: {type: timestamp, zone: ZONE}, t: text}"""


@pytest.mark.usefixtures("quick")
def test_replay_of_several_runs_after_lowered_versions_and_back(make: Make, tmp_path: Path, backend: str) -> None:
    """Times without an offset are an hour earlier under the other zone: r1's rows then lose to r2's."""
    folder = tmp_path / "p"
    file = write_two_sources(folder, "latest")
    text = file.read_text()
    at = text.index("contract: ")

    def use(zone: str) -> None:
        file.write_text(text[:at] + f"contract: {ZONED.replace('ZONE', zone)}\n" + text[text.index("store: ") :])

    def times(name: str, keys: range, time: str) -> None:
        (folder / "inbox" / name).write_text("id,v,t\n" + "".join(f"{i},2026-01-05T{time},{name}\n" for i in keys))

    def winners() -> dict[int, str]:
        return {int(r["id"]): r["t"] for r in s.query("select id, t from rows order by id")}

    use("UTC")
    s = make(file, backend)
    for number, (name, keys, time) in enumerate(
        [("a-1", range(10), "10:00:00"), ("b-1", range(5, 15), "09:30:00Z"), ("a-2", range(20, 25), "10:00:00")], 1
    ):
        times(name, keys, time)
        s("run", "--run-id", f"r{number}")
    before = dict.fromkeys(range(10), "a-1") | dict.fromkeys(range(10, 15), "b-1") | dict.fromkeys(range(20, 25), "a-2")
    assert winners() == before
    for zone, wanted in [
        ("Europe/Paris", before | dict.fromkeys(range(5, 10), "b-1")),
        ("UTC", before),
        ("Europe/Paris", before | dict.fromkeys(range(5, 10), "b-1")),
    ]:
        use(zone)
        told = s("state").stdout
        assert all(f"r{n}" in told.split("older rules")[1] for n in (1, 2, 3)), told
        done = s("run", "--replay")
        assert reconciled(done).result["exit"] == 0
        assert winners() == wanted, zone
        assert len(s.query("select distinct rev from sluice.applied")) == 1
        assert_counts(s)
        assert s("run", "--replay").result["written"] == 0
