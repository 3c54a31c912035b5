"""The sources of one run collected and normalized side by side, as Airflow does it: each has its own partitions,
tickets and exit code, and one store waits for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib.resp import Client
from tests.lib.services import Redis
from tests.lib.shop import ALL, BACKENDS, CONTRACT, rows, write_csv
from tests.lib.stage import Done, Sluice, finish

Make = Callable[..., Sluice]
SOURCES = ("north", "south", "west")
DB = 5
BIG = 30_000  # rows of a file of more than 1 MiB
RUN = ("--run-id", "r")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three sources of two, one and one file; only those of the first are worth more than one partition."""
    folder = tmp_path / "shop"
    (folder / "inbox").mkdir(parents=True)
    sources = "\n".join(f'  {s}: {{kind: file, path: "inbox/{s}-*.csv", codec: csv}}' for s in SOURCES)
    store = "store: {table: shop, mode: latest, key: [id], version: placed}\nparallel: {bytes: 1MiB}"
    queued = "  queued: {queue: {redis: queue}}"
    path = folder / "pipeline.yaml"
    path.write_text("\n".join(["sluice: 1", "pipeline: shop", "sources:", sources, CONTRACT, store, BACKENDS + queued]))
    for i in range(2):
        write_csv(folder, f"north-{i}.csv", rows(1 + i * BIG, BIG, total=f"{i}.25"))
    write_csv(folder, "south-0.csv", rows(1, 50, day=2))  # newer than the north's, of the same keys
    write_csv(folder, "west-0.csv", rows(1, 20, day=2, total="7.00"))  # as new as the south's: the later source wins
    return path


@pytest.fixture
def client(redis: Redis) -> Iterator[Client]:
    c = Client(redis, DB)
    yield c
    c.close()


def at_once(s: Sluice, stage: str, *calls: tuple[str, ...]) -> list[Done]:
    children = [s.start(stage, *RUN, *words) for words in calls]
    return [finish(child) for child in children]


def collect_all(s: Sluice) -> dict[str, Done]:
    return dict(zip(SOURCES, at_once(s, "collect", *(("--source", name) for name in SOURCES)), strict=True))


def normalize_all(s: Sluice, collected: dict[str, Done]) -> list[Done]:
    calls = [
        ("--source", name, "--partition", f"{k}/{n}")
        for name, n in ((name, done.result["partitions"]) for name, done in collected.items() if done.code == 0)
        for k in range(1, n + 1)
    ]
    done = at_once(s, "normalize", *calls)
    assert [d.code for d in done] == [0] * len(calls), [d.stderr for d in done]
    return done


def by_driver(make: Make, shop: Path, backend: str = "embedded") -> Sluice:
    s = make(shop, backend)
    s("run")
    return s


def test_sources_at_once_give_the_table_of_one_after_the_other(make: Make, shop: Path, backend: str) -> None:
    s = make(shop, backend)
    collected = collect_all(s)
    assert {name: (d.code, d.result["partitions"]) for name, d in collected.items()} == {
        "north": (0, 2),
        "south": (0, 1),
        "west": (0, 1),
    }
    assert {name: d.result["n_in"] for name, d in collected.items()} == {"north": 2 * BIG, "south": 50, "west": 20}
    made = normalize_all(s, collected)
    assert sorted(d.result["n_in"] for d in made) == [20, 50, BIG, BIG]
    stored = s("store", *RUN)
    assert (stored.result["entries"], stored.result["kept"]) == (3, 2 * BIG + 70)
    assert "making" not in stored.stderr, "every clean part was there"
    assert s.table(ALL) == by_driver(make, shop, backend).table(ALL)


def test_source_with_nothing_new_says_99_and_holds_up_no_other(make: Make, shop: Path) -> None:
    s = make(shop)
    s("run")
    write_csv(shop.parent, "south-1.csv", rows(900_000, 4))
    collected = collect_all(s)
    assert {name: d.code for name, d in collected.items()} == {"north": 99, "south": 0, "west": 99}
    assert collected["south"].result["entries"] == 1
    normalize_all(s, collected)
    assert s("store", *RUN).result["inserted"] == 4


def test_entry_that_waits_calls_its_own_source_to_work_and_no_other(make: Make, shop: Path) -> None:
    s = make(shop)
    s("run")
    write_csv(shop.parent, "west-1.csv", rows(800_000, 3))
    s("collect", "--run-id", "left", "--source", "west")
    collected = collect_all(s)
    assert {name: (d.code, d.result["pending"]) for name, d in collected.items()} == {
        "north": (99, 0),
        "south": (99, 0),
        "west": (0, 1),
    }
    normalize_all(s, collected)
    assert s("store", *RUN).result["inserted"] == 3


@pytest.mark.parametrize("source", SOURCES)
def test_source_collected_again_after_the_others_changes_nothing(make: Make, shop: Path, source: str) -> None:
    s = make(shop)
    collected = collect_all(s)
    normalize_all(s, collected)
    s("store", *RUN)
    before = s.table(ALL)
    again = s("collect", *RUN, "--source", source).result
    assert (again["written"], again["partitions"]) == (0, collected[source].result["partitions"])
    assert s("store", *RUN).result["written"] == 0
    assert s.table(ALL) == before


def test_tickets_of_sources_told_at_once_all_arrive(make: Make, shop: Path, redis: Redis, client: Client) -> None:
    want = by_driver(make, shop).table(ALL)
    s = make(shop)
    s.backend = "queued"
    s.env["SLUICE_CONN_QUEUE"] = redis.uri(DB)
    collected = collect_all(s)
    streams = ["north:1-2", "north:2-2", "south:1-1", "west:1-1"]
    assert client.names() == [f"sluice:shop:r:{name}" for name in streams]
    s("collect", *RUN, "--source", "south")  # told again: its own streams alone are made anew
    assert client.names() == [f"sluice:shop:r:{name}" for name in streams]
    for chunk in s.home.glob("shop/bronze/*/*/*.zst"):  # so that only tickets can bring the bytes
        chunk.unlink()
    normalize_all(s, collected)
    assert client.names() == []
    s("store", *RUN)
    assert s.table(ALL) == want


def test_run_of_which_one_source_failed_has_failed_until_that_source_is_collected(make: Make, shop: Path) -> None:
    s = make(shop)
    denied = shop.parent / "inbox" / "north-0.csv"
    text = denied.read_text()
    denied.unlink()
    denied.mkdir()  # not a plain file
    failed = collect_all(s)["north"]
    assert failed.code not in (0, 99), failed.stderr
    (run,) = json.loads(s("runs", "--format", "json").stdout)
    assert run["exit"] == failed.code
    assert sorted(stage["source"] for stage in run["stages"]) == sorted(SOURCES)
    denied.rmdir()
    denied.write_text(text)
    s("collect", *RUN, "--source", "north")
    (run,) = json.loads(s("runs", "--format", "json").stdout)
    assert run["exit"] == 0


def test_plan_names_each_source_where_there_are_several(make: Make, shop: Path) -> None:
    s = make(shop)
    steps = s("plan").stdout.split("stages\n")[1].splitlines()
    assert [line.strip().replace(str(shop), "P") for line in steps[:6]] == [
        *(f"sluice-collect --pipeline P --source {name}" for name in SOURCES),
        *(f"sluice-normalize --pipeline P --source {name} --partition k/n" for name in SOURCES),
    ]


# --- waiting for what has not come yet ----------------------------------------------------------------


@pytest.fixture
def awaited(shop: Path) -> Path:
    """The west's file is waited for."""
    (shop.parent / "inbox" / "west-0.csv").unlink()
    shop.write_text(shop.read_text().replace('west-*.csv",', 'west-*.csv", wait: 1h, wait_every: 7m,'))
    return shop


def test_source_that_is_waited_for_asks_to_be_called_again(make: Make, awaited: Path) -> None:
    s = make(awaited)
    found = s("collect", *RUN, "--source", "west", code=75).result
    assert (found["kind"], found["retry_after_s"]) == ("again", 420)
    s("collect", *RUN, "--source", "south")  # others are not held up
    write_csv(awaited.parent, "west-0.csv", rows(1, 20))
    found = s("collect", *RUN, "--source", "west").result
    assert found["n_in"] == 20 and "retry_after_s" not in found


def test_wait_is_over_for_the_run_that_got_it_and_begins_anew_for_the_next(make: Make, awaited: Path) -> None:
    s = make(awaited)
    write_csv(awaited.parent, "west-0.csv", rows(1, 20))
    s("run", *RUN)
    assert s("collect", *RUN, "--source", "west").result["written"] == 0  # a rerun finds the run's own entry
    s("collect", "--run-id", "next", "--source", "west", code=75)


def test_entry_of_another_run_is_not_what_a_run_waits_for(make: Make, awaited: Path) -> None:
    s = make(awaited)
    write_csv(awaited.parent, "west-0.csv", rows(1, 20))
    s("collect", "--run-id", "left", "--source", "west")
    s("collect", *RUN, "--source", "west", code=75)


@pytest.mark.parametrize("more", ["", ", input: whole"])
def test_folder_that_is_not_there_yet_is_waited_for_too(make: Make, awaited: Path, more: str) -> None:
    awaited.write_text(awaited.read_text().replace('inbox/west-*.csv",', f'late/*.csv"{more},'))
    s = make(awaited)
    found = s("collect", *RUN, "--source", "west", code=75).result
    assert found["retry_after_s"] == 420 and "late" in found["error"]
    (awaited.parent / "late").mkdir()
    s("collect", *RUN, "--source", "west", code=75)
    write_csv(awaited.parent, "../late/0.csv", rows(1, 20))
    assert s("collect", *RUN, "--source", "west").result["n_in"] == 20


def test_run_by_hand_says_that_it_waits(make: Make, awaited: Path) -> None:
    assert make(awaited)("run", code=75).result["retry_after_s"] == 420
