"""Tickets through a real Redis: a cache, so whatever it does costs time and at most one warning, never data."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.chaos import ChaosProxy
from tests.lib.pipeline import write
from tests.lib.processes import wait_stopped
from tests.lib.resp import Client
from tests.lib.services import Redis
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Done, Sluice, finish

Make = Callable[..., Sluice]
DB = 3
PARTITIONS = 4
ROWS = 30_000  # a file: two parts, more than 1 MiB


def write_queued(folder: Path, settings: str = "", mode: str = "append") -> Path:
    path = write_pipeline(folder, mode, "parallel: {bytes: 1MiB}")
    queue = f"queue: {{redis: queue{settings}}}"
    text = path.read_text() + f"  queued: {{{queue}}}\n  both: {{{queue}, store: {{postgres: warehouse}}}}\n"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four files of two parts each: four partitions."""
    folder = tmp_path_factory.mktemp("big")
    write_queued(folder)
    for i in range(PARTITIONS):
        write_csv(folder, f"{i}.csv", rows(1 + i * ROWS, ROWS, total=f"{i}.25"))
    return folder


@pytest.fixture(scope="module")
def want(big: Path, tmp_path_factory: pytest.TempPathFactory, bin_dir: Path) -> str:
    """The table without a queue."""
    s = Sluice(str(big / "pipeline.yaml"), tmp_path_factory.mktemp("plain"))
    s("run")
    return s.table(ALL)


@pytest.fixture
def queued(make: Make, big: Path, redis: Redis) -> Sluice:
    return connect(make(big / "pipeline.yaml"), redis)


def connect(s: Sluice, redis: Redis, backend: str = "queued") -> Sluice:
    s.backend = backend
    s.env["SLUICE_CONN_QUEUE"] = redis.uri(DB)
    return s


def partition(s: Sluice, k: int, n: int = PARTITIONS, **kwargs: object) -> Done:
    return s("normalize", "--run-id", "r", "--partition", f"{k}/{n}", **kwargs)  # type: ignore[arg-type]


def finish_run(s: Sluice) -> None:
    for k in range(1, PARTITIONS + 1):
        partition(s, k)
    s("store", "--run-id", "r")


def warnings(done: Done) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("WARNING")]


def told(done: Done, message: str) -> dict[str, int]:
    """The numbers of a log line."""
    (line,) = [line for line in done.stderr.splitlines() if message in line]
    return {k: int(v) for k, v in (word.split("=") for word in line.split() if "=" in word) if v.isdigit()}


def remove_bronze(s: Sluice) -> None:
    for chunk in s.home.glob("shop/bronze/*/*/*.zst"):
        chunk.unlink()


# --- the way of a ticket ------------------------------------------------------------------------------


def test_every_part_rides_to_its_partition_and_nothing_is_left(queued: Sluice, client: Client, want: str) -> None:
    done = queued("collect", "--run-id", "r")
    assert done.result["partitions"] == PARTITIONS
    assert told(done, "told the queue")["with_bytes"] == told(done, "told the queue")["tickets"] == 2 * PARTITIONS
    assert client.names() == [f"sluice:shop:r:drop:{k}-4" for k in range(1, 5)]
    assert all(0 < client("PTTL", key) <= 86_400_000 for key in client.names())
    remove_bronze(queued)  # so that only tickets can bring the bytes
    for k in range(1, PARTITIONS + 1):
        assert told(partition(queued, k), "took tickets") == {"tickets": 2, "with_bytes": 2, "foreign": 0}
    assert client.names() == []
    queued("store", "--run-id", "r")
    assert queued.table(ALL) == want


def test_small_chunks_are_not_read_again_for_their_tickets(queued: Sluice, client: Client, want: str) -> None:
    child = queued.start("collect", "--run-id", "r", env={"SLUICE_FAULT": "collect.while_telling:1:stop"})
    wait_stopped(child.pid)
    remove_bronze(queued)
    child.send_signal(signal.SIGCONT)
    assert told(finish(child), "told the queue")["with_bytes"] == 2 * PARTITIONS
    finish_run(queued)
    assert queued.table(ALL) == want


@pytest.mark.parametrize(
    ("mode", "settings", "server"),
    [
        ("append", "", False),
        ("latest", "", True),
        ("latest", ", budget: 0", False),
        ("append", ", part: 1KiB", False),
        ("latest", ", prefix: 'other.place'", False),
    ],
)
def test_the_table_is_the_same_whatever_rides(
    make: Make, tmp_path: Path, redis: Redis, mode: str, settings: str, server: bool
) -> None:
    pipeline = write_queued(tmp_path / "shop", settings, mode)
    write_csv(tmp_path / "shop", "a.csv", [*rows(1, 500), ("x", "", "", ""), *rows(10, 20, day=2)])
    write_csv(tmp_path / "shop", "b.csv", rows(100, 500, day=3, total="0.01"))
    plain = make(pipeline, "local" if server else "embedded")
    queue = connect(make(pipeline, "both" if server else "embedded"), redis, "both" if server else "queued")
    for s in (plain, queue):
        s.sets = ["rejects.limit=1"]
        s("run")
        write_csv(tmp_path / "shop", "b.csv", rows(100, 400, day=4, total="0.02"))
        s("run")
        write_csv(tmp_path / "shop", "b.csv", rows(100, 500, day=3, total="0.01"))
    assert queue.table(ALL) == plain.table(ALL)
    assert queue.table(REJECTS) == plain.table(REJECTS)


REJECTS = "select chunk, part, byte_offset, byte_length, field, rule, reason, excerpt from sluice.reject"


def test_the_budget_bounds_what_a_run_carries(make: Make, big: Path, redis: Redis, client: Client) -> None:
    path = write_queued(big.parent / f"budget{time.monotonic_ns()}", ", budget: 200KiB, part: 2MiB")
    s = connect(make(path), redis)
    for i in range(3):
        write_csv(path.parent, f"{i}.csv", [(n, "2026-01-01T00:00:00Z", f"{hash((i, n)) % 10**8}.5", "FR")
                                            for n in range(16_000)])  # fmt: skip
    numbers = told(s("collect", "--run-id", "r"), "told the queue")
    assert 0 < numbers["with_bytes"] < numbers["tickets"]
    assert numbers["kib"] <= 200
    used = sum(int(client("MEMORY", "USAGE", key, "SAMPLES", "0")) for key in client.names())
    assert used < 300 * 1024


def test_collecting_again_tells_again_and_not_twice(queued: Sluice, client: Client) -> None:
    queued("collect", "--run-id", "r")
    queued("collect", "--run-id", "r")
    assert [client("XLEN", key) for key in client.names()] == [2, 2, 2, 2]


def test_store_and_report_remove_what_nobody_took(queued: Sluice, client: Client, want: str) -> None:
    queued("collect", "--run-id", "r")
    queued("store", "--run-id", "r")  # makes the parts itself
    assert client.names() == []
    queued("collect", "--run-id", "r")
    assert client.names()
    queued("report", "--run-id", "r")
    assert client.names() == []
    assert queued.table(ALL) == want


def test_keys_of_others_survive(queued: Sluice, redis: Redis, client: Client) -> None:
    client("LPUSH", "celery", "task")
    client("HSET", "_kombu.binding.celery", "a", "b")
    client("SET", "sluice", "no prefix of ours")
    client("SET", "sluice:shop:r:other:1-4", "another source")
    redis.cli("set", "elsewhere", "database 0")
    before = client.names()
    queued("collect", "--run-id", "r")
    finish_run(queued)
    assert client.names() == before
    assert redis.cli("get", "elsewhere") == "database 0"


def test_another_value_under_our_key_stays(queued: Sluice, client: Client, want: str) -> None:
    client("SET", "sluice:shop:r:drop:1-4", "somebody's")
    assert len(warnings(queued("collect", "--run-id", "r"))) == 1
    finish_run(queued)
    assert client("GET", "sluice:shop:r:drop:1-4") == b"somebody's"
    assert queued.table(ALL) == want


def test_four_partitions_at_once_each_twice_give_the_same_table(queued: Sluice, client: Client, want: str) -> None:
    queued("collect", "--run-id", "r")
    argv = [("--run-id", "r", "--partition", f"{k}/4") for k in range(1, 5)] * 2
    children = [queued.start("normalize", *words) for words in argv]
    assert [finish(child).code for child in children] == [0] * 8
    queued("store", "--run-id", "r")
    assert queued.table(ALL) == want
    assert client.names() == []


def test_another_number_of_partitions_finds_no_tickets_and_reads_bronze(
    queued: Sluice, client: Client, want: str
) -> None:
    queued("collect", "--run-id", "r")
    for k in (1, 2):
        assert told(partition(queued, k, 2), "took tickets")["tickets"] == 0
    queued("store", "--run-id", "r")
    assert queued.table(ALL) == want
    assert client.names() == []


# --- troubles in mid-run --------------------------------------------------------------------------------

TROUBLES: dict[str, Callable[[Redis, Client], object]] = {
    "flushall": lambda r, c: c("FLUSHALL"),
    "killed": lambda r, c: r.kill(),
    "restarted": lambda r, c: r.restart(),
    "no memory": lambda r, c: c("CONFIG", "SET", "maxmemory", "1"),
    "evicting": lambda r, c: (
        c("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
        c("CONFIG", "SET", "maxmemory", "1"),
    ),
    "another type": lambda r, c: [(c("DEL", key), c("SET", key, "text")) for key in c.names()],
    "no group": lambda r, c: [c("XGROUP", "DESTROY", key, "normalize") for key in c.names()],
    "flushed and filled": lambda r, c: (c("FLUSHALL"), c("XADD", "sluice:shop:r:drop:1-4", "*", "a", "b")),
    "trimmed": lambda r, c: [c("XTRIM", key, "MAXLEN", "0") for key in c.names()],
    "cut": lambda r, c: c("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
    "silent": lambda r, c: r.pause(),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_trouble_while_tickets_are_taken_costs_time_only(
    queued: Sluice, redis: Redis, client: Client, want: str, trouble: str
) -> None:
    queued("collect", "--run-id", "r")
    child = queued.start(
        "normalize", "--run-id", "r", "--partition", "1/4", env={"SLUICE_FAULT": "normalize.after_take:1:stop"}
    )
    wait_stopped(child.pid)
    TROUBLES[trouble](redis, client)
    child.send_signal(signal.SIGCONT)
    done = finish(child, 30)
    assert done.code == 0, done.stderr
    assert len(warnings(done)) <= 1, done.stderr
    if redis.pid():
        redis.resume()
    for k in (2, 3, 4):
        assert len(warnings(partition(queued, k))) <= 1
    queued("store", "--run-id", "r")
    assert queued.table(ALL) == want


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_trouble_while_tickets_are_pushed_costs_time_only(
    queued: Sluice, redis: Redis, client: Client, want: str, trouble: str
) -> None:
    child = queued.start("collect", "--run-id", "r", env={"SLUICE_FAULT": "collect.while_telling:4:stop"})
    wait_stopped(child.pid)
    TROUBLES[trouble](redis, client)
    child.send_signal(signal.SIGCONT)
    done = finish(child, 30)
    assert done.code == 0, done.stderr
    assert len(warnings(done)) <= 1, done.stderr
    if redis.pid():
        redis.resume()
    finish_run(queued)
    assert queued.table(ALL) == want


def test_a_server_that_is_down_is_one_warning(queued: Sluice, redis: Redis, want: str) -> None:
    redis.stop()
    done = queued("collect", "--run-id", "r")
    (line,) = warnings(done)
    assert "no help from the queue" in line and "Connection refused" in line
    finish_run(queued)
    assert queued.table(ALL) == want


def test_what_a_killed_taker_held_is_taken_by_the_next(queued: Sluice, client: Client, want: str) -> None:
    queued("collect", "--run-id", "r")
    partition(queued, 1, env={"SLUICE_FAULT": "normalize.before_ack:2:kill"}, code=137)
    assert client("XPENDING", "sluice:shop:r:drop:1-4", "normalize")[0] == 2
    remove_bronze(queued)
    assert told(partition(queued, 1), "took tickets") == {"tickets": 2, "with_bytes": 2, "foreign": 0}
    for k in (2, 3, 4):
        partition(queued, k)
    queued("store", "--run-id", "r")
    assert queued.table(ALL) == want


@pytest.mark.parametrize("point", ["collect.while_telling:3", "normalize.after_take:1", "normalize.before_ack:1"])
@pytest.mark.parametrize("how", ["kill", "abort"])
def test_killed_anywhere_and_run_again_gives_the_same_table(
    queued: Sluice, client: Client, want: str, point: str, how: str
) -> None:
    stage = point.split(".")[0]
    argv = ("--run-id", "r", "--partition", "1/4") if stage == "normalize" else ("--run-id", "r")
    if stage == "normalize":
        queued("collect", "--run-id", "r")
    queued(stage, *argv, env={"SLUICE_FAULT": f"{point}:{how}"}, code=(134, 137))
    queued("collect", "--run-id", "r")
    finish_run(queued)
    assert queued.table(ALL) == want
    assert client.names() == []


# --- tickets that lie -----------------------------------------------------------------------------------

Bodies = list[bytes]
FORGERIES: dict[str, Callable[[Bodies], Bodies]] = {
    "twice": lambda b: b * 3,
    "reversed": lambda b: b[::-1],
    "one byte": lambda b: [body[:-9] + bytes([body[-9] ^ 1]) + body[-8:] for body in b],
    "head": lambda b: [body.replace(b" 0 ", b" 1 ", 1) for body in b],
    "cut": lambda b: [body[: len(body) // 2] for body in b],
    "empty": lambda b: [b"" for _ in b],
    "text": lambda b: [b"SLT1 drop 1 x", b"\n", b"\0" * 2000, b"SLT1 " + b"9" * 900],
    "swapped bytes": lambda b: [b[0].split(b"\n", 1)[0] + b"\n" + b[1].split(b"\n", 1)[1]],
    "huge": lambda b: [b[0] + b"x" * (3 << 20)],
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_ticket_that_is_not_right_is_passed_over_and_removed(
    queued: Sluice, client: Client, want: str, forgery: str
) -> None:
    queued("collect", "--run-id", "r")
    for key in client.names():
        bodies = [entry[1][1] for entry in client("XRANGE", key, "-", "+")]
        client("XTRIM", key, "MAXLEN", "0")
        client("XADD", key, "*", "field", "of somebody else")
        for body in FORGERIES[forgery](bodies):
            client("XADD", key, "*", "t", body)
    for k in range(1, PARTITIONS + 1):
        done = partition(queued, k)
        assert not warnings(done), done.stderr
        numbers = told(done, "took tickets")
        assert numbers["foreign"] >= 1
        assert numbers["with_bytes"] == {"twice": 6, "reversed": 2}.get(forgery, 0)
    assert client.names() == []
    queued("store", "--run-id", "r")
    assert queued.table(ALL) == want


def test_a_ticket_of_another_home_brings_no_rows(make: Make, tmp_path: Path, redis: Redis, client: Client) -> None:
    """Two installations of one pipeline with one Redis: what they read in steps bears the same names."""
    source = {"shop": "{kind: sql, connection: shop, table: rows, watermark: id, key: [id]}"}
    path = write(tmp_path / "two", source, "{id: int64}")
    path.write_text(path.read_text() + "  queued: {queue: {redis: queue}}\n")
    homes = []
    for ids in ("1,2", "2,3"):
        folder = tmp_path / f"of{ids[0]}"
        seed = make(write(folder, {"drop": "{kind: file, path: ids.csv, codec: csv}"}, "{id: int64}"))
        (folder / "ids.csv").write_text("id\n" + ids.replace(",", "\n") + "\n")
        seed.home = folder / "seed"
        seed("run")
        s = connect(make(path), redis)
        s.home = folder / "home"
        s.env["SLUICE_CONN_SHOP"] = f"duckdb://{seed.home}/shop/data.db"
        homes.append(s)
    one, other = homes
    one("collect", "--run-id", "r")
    other("collect", "--run-id", "r")
    for s, ids in ((one, "1,2"), (other, "2,3")):
        s("normalize", "--run-id", "r")
        s("store", "--run-id", "r")
        assert ",".join(str(r["id"]) for r in s.query("select id from rows order by id")) == ids


def test_tickets_of_another_partition_and_of_other_rules_are_passed_over(
    queued: Sluice, client: Client, want: str
) -> None:
    queued("collect", "--run-id", "r")
    first, second = "sluice:shop:r:drop:1-4", "sluice:shop:r:drop:2-4"
    for entry in client("XRANGE", second, "-", "+"):
        client("XADD", first, "*", "t", entry[1][1])
    assert told(partition(queued, 1), "took tickets") == {"tickets": 4, "with_bytes": 2, "foreign": 2}
    queued.sets = ["contract.total.max=1000"]
    assert told(partition(queued, 3), "took tickets") == {"tickets": 2, "with_bytes": 0, "foreign": 2}
    queued.sets = []
    finish_run(queued)
    assert queued.table(ALL) == want


# --- bad lines ------------------------------------------------------------------------------------------

LINES: dict[str, tuple[str, ...]] = {
    "slices": ("slice down 200", "slice up 300"),
    "late": ("latency down 20ms",),
    "cut in an answer": ("cut down 5000",),
    "reset in a question": ("reset up 5000",),
    "stalled": ("stall down 3000", "times 2"),
    "a byte changed": ("corrupt down 4000",),
}


@pytest.mark.parametrize("line", LINES)
def test_a_bad_line_costs_time_only(queued: Sluice, redis: Redis, client: Client, want: str, line: str) -> None:
    with ChaosProxy(redis.port, *LINES[line]) as proxy:
        queued.env["SLUICE_CONN_QUEUE"] = f"redis://:{redis.password}@127.0.0.1:{proxy.port}/{DB}"
        stages = [queued("collect", "--run-id", "r")]
        stages += [partition(queued, k) for k in range(1, PARTITIONS + 1)]
        stages.append(queued("store", "--run-id", "r"))
        assert all(len(warnings(done)) <= 1 for done in stages)
        assert proxy.stats()["down"] > 0
    assert queued.table(ALL) == want
