"""The chain on servers whose servers fail: flushed, full, restarted, killed, silent, busy, gone and back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import FULL
from tests.lib.chain import Chain, Servers
from tests.lib.chaos import ChaosProxy, again_and_again
from tests.lib.s3_proxy import Proxy, every_third

Fresh = Callable[[], Chain]
Want = dict[str, str]


# --- Redis -----------------------------------------------------------------------------------------------


def flush(servers: Servers) -> None:
    servers.redis.cli("flushall")


def fill(servers: Servers) -> None:
    servers.redis.cli("config", "set", "maxmemory", "1mb")


def restart(servers: Servers) -> None:
    servers.redis.restart()


def lose(servers: Servers) -> None:
    """Killed, and its append-only file is gone."""
    servers.redis.kill()
    for file in (servers.redis.dir / "appendonlydir").iterdir():
        file.unlink()
    servers.redis.start()


def stay_away(servers: Servers) -> None:
    servers.redis.kill()


REDIS = [flush, fill, restart, lose, stay_away]


EVERYWHERE = [(t, stage) for t in REDIS for stage in ("collect", "normalize", "store")]
LOSSES = EVERYWHERE if FULL else [(fill, "collect"), (lose, "normalize"), (stay_away, "normalize")]


@pytest.mark.parametrize(("trouble", "before"), LOSSES, ids=[f"{t.__name__}-{stage}" for t, stage in LOSSES])
def test_redis_loses_what_it_had_between_two_stages(
    fresh: Fresh, servers: Servers, wanted: Want, trouble: Callable[[Servers], None], before: str
) -> None:
    chain = fresh()
    for stage in chain.stages():
        if stage == before:
            trouble(servers)
        done = chain.task(stage)
        assert [d.code for d in done if d.code] == [], done[0].stderr
    chain.retried("report")
    servers.redis.start()
    chain.s("report", "--run-id", "r")
    chain.assert_end(wanted)


@pytest.mark.parametrize("trouble", [flush, restart, fill], ids=["flush", "restart", "fill"])
def test_redis_in_trouble_all_the_time(
    fresh: Fresh, servers: Servers, wanted: Want, cases: Callable[[int], None], trouble: Callable[[Servers], None]
) -> None:
    """Nothing fails for it: no stage is tried twice."""
    met = 0
    for _ in range(5 if FULL else 1):
        chain = fresh()
        with again_and_again(lambda: trouble(servers), 0.02) as done:
            for stage in (*chain.stages(), "report"):
                assert all(d.code == 0 for d in chain.task(stage)), stage
        met += len(done)
        servers.redis.reset()
        chain.s("report", "--run-id", "r")
        chain.assert_end(wanted)
    assert met > 0
    cases(met)


def test_redis_behind_a_bad_line(
    fresh: Fresh, servers: Servers, wanted: Want, chaos: Callable[..., ChaosProxy], cases: Callable[[int], None]
) -> None:
    """Cut, reset, damaged at any byte, and silent: the tickets are missing, the tables are not."""
    bad = ["cut down 0..20000", "reset up 0..60000", "corrupt down 0..20000", "corrupt up 200..60000", "slice down 1"]
    hits = 0
    for number in range(30 if FULL else 2):
        chain = fresh()
        line = chaos(servers.redis.port, bad[number % len(bad)], seed=number)
        chain.through("SLUICE_CONN_QUEUE", line.port)
        for stage in (*chain.stages(), "report"):
            for done in chain.task(stage):
                assert done.code in (0, 75, 76, 77), f"{stage} {bad[number % len(bad)]} seed {number}\n{done.stderr}"
        hits += line.stats()["hit"]
        chain.through("SLUICE_CONN_QUEUE", servers.redis.port)
        chain.run()
        chain.assert_end(wanted)
    cases(hits)


# --- PostgreSQL ------------------------------------------------------------------------------------------


def restart_at_once(servers: Servers) -> None:
    """As pg_ctl restart -m immediate: every backend is gone in mid-work, then recovery from the log."""
    pid = servers.postgres.pid()
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + 20
    while servers.postgres.pid() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    servers.postgres.start()


def test_postgres_restarts_in_a_loop(
    fresh: Fresh, servers: Servers, wanted: Want, cases: Callable[[int], None]
) -> None:
    met = 0
    for number in range(30 if FULL else 2):
        chain = fresh()
        for stage in ("collect", "normalize"):
            assert all(d.code == 0 for d in chain.task(stage))
        with again_and_again(lambda: restart_at_once(servers), 0.03 + 0.02 * (number % 8), most=4) as done:
            chain.retried("store", tries=60)
            chain.retried("aggregate", tries=60)
        met += len(done)
        chain.run()
        chain.assert_end(wanted)
    assert met > 0
    cases(met)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_line_to_postgres_is_cut_at_any_byte(
    fresh: Fresh, servers: Servers, wanted: Want, chaos: Callable[..., ChaosProxy], cases: Callable[[int], None],
    direction: str,
) -> None:  # fmt: skip
    """Also between COMMIT and its answer: whether it held, the next attempt reads in the tables."""
    chain = fresh()
    for stage in ("collect", "normalize"):
        chain.task(stage)
    with ChaosProxy(servers.postgres.port) as line:
        chain.through("SLUICE_CONN_WAREHOUSE", line.port)
        assert chain.task("store")[0].code == 0
        whole = line.stats()[direction]
    hits = 0
    for number in range(20 if FULL else 3):
        chain = fresh()
        for stage in ("collect", "normalize"):
            chain.task(stage)
        at = whole - number * 14 if number % 2 else 1 + whole * number // (20 if FULL else 3)
        line = chaos(servers.postgres.port, f"{'cut' if number % 3 else 'reset'} {direction} {at}", "times 1")
        chain.through("SLUICE_CONN_WAREHOUSE", line.port)
        assert chain.task("store")[0].code in (0, 69, 75), at
        hits += line.stats()["hit"]
        chain.run(after="store")
        chain.assert_end(wanted)
    assert hits > 0
    cases(hits)


# --- the bucket ------------------------------------------------------------------------------------------


def test_a_bucket_that_fails_a_third_of_its_requests(
    fresh: Fresh, servers: Servers, wanted: Want, cases: Callable[[int], None]
) -> None:
    met = 0
    for seed in range(10 if FULL else 1):
        chain = fresh()
        with Proxy(servers.s3.port, every_third(seed)) as proxy:
            chain.through("SLUICE_CONN_LAKE", proxy.port)
            for stage in (*chain.stages(), "report"):
                chain.retried(stage, tries=20)
        met += sum(n for trouble, n in proxy.seen.items() if trouble)
        chain.assert_end(wanted)
    cases(met)
