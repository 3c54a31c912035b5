"""Troubles that people met in the field with Redis' streams, their commands replayed under our own keys: the right
answer is known beforehand. A ticket is a cache, so bronze answers where a queue of messages would republish."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lib.chaos import ChaosProxy
from tests.lib.processes import wait_stopped
from tests.lib.resp import Client, Refused
from tests.lib.services import Redis
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Done, Sluice, finish

Make = Callable[..., Sluice]
DB = 5
STREAM, GROUP = "sluice:shop:r:drop:1-1", "normalize"
BODIES = ("un", "deux", "trois", "quatre")  # the cases' words: a ticket each
FILES = len(BODIES)
RUN = ("--run-id", "r")


@pytest.fixture
def queued(make: Make, tmp_path: Path, redis: Redis) -> Sluice:
    """Four files, a part each, in one partition: collected."""
    path = write_pipeline(tmp_path / "shop")
    path.write_text(path.read_text() + "  queued: {queue: {redis: queue}}\n")
    for n in range(FILES):
        write_csv(path.parent, f"{n}.csv", rows(1 + 10 * n, 10, total=f"{n}.25"))
    s = make(path)
    s.backend = "queued"
    s.env["SLUICE_CONN_QUEUE"] = redis.uri(DB)
    s("collect", *RUN)
    return s


def taken_away(client: Client) -> dict[str, str | bytes]:
    """The stream is gone; the cases' words for what it held."""
    tickets = [entry[1][1] for entry in client("XRANGE", STREAM, "-", "+")]
    client("DEL", STREAM)
    assert len(tickets) == FILES
    return {"s": STREAM, "g": GROUP, "body": "t"} | dict(zip(BODIES, tickets, strict=True))


def replay(client: Client, lines: list[str], words: dict[str, str | bytes]) -> list[Any]:
    """Each command of a case; what it answers, or how it is refused."""
    answers = []
    for line in lines:
        try:
            answers.append(client(*(words.get(word, word) for word in line.split())))
        except Refused as e:
            answers.append(str(e))
    return answers


def took(done: Done) -> tuple[int, int, int]:
    """Tickets, those with bytes, those that are none of ours."""
    (line,) = [line for line in done.stderr.splitlines() if "took tickets" in line]
    found = dict(word.split("=") for word in line.split() if "=" in word)
    return int(found["tickets"]), int(found["with_bytes"]), int(found["foreign"])


def warnings(done: Done) -> int:
    return sum(line.startswith("WARNING") for line in done.stderr.splitlines())


def assert_all_stored_once(s: Sluice, client: Client) -> None:
    """Every part is applied once, nothing pends, a second run writes nothing."""
    assert client.names() == []
    assert s("store", *RUN).result["inserted"] == 10 * FILES
    assert s.query("select count(*) as n, sum(ok) as ok from sluice.part") == [{"n": FILES, "ok": 10 * FILES}]
    assert len(s.query(ALL)) == 10 * FILES
    assert s("run", *RUN).result["written"] == 0


def test_r02_entries_trimmed_while_they_pend(queued: Sluice, client: Client, inputs: Path) -> None:
    lines = (inputs / "r02.redis").read_text().splitlines()
    answers = replay(client, lines[:-1], taken_away(client))  # its last line takes the pending ones: normalize does
    assert answers[-1][0] == 2, "two entries pend, and the stream has them no more"
    done = queued("normalize", *RUN)
    assert (took(done), warnings(done)) == ((2, 2, 0), 0)
    assert_all_stored_once(queued, client)


def test_r03_emptied_in_mid_run_and_the_stream_made_anew_without_its_group(
    queued: Sluice, redis: Redis, client: Client, inputs: Path
) -> None:
    lines = (inputs / "r03.redis").read_text().splitlines()
    words = taken_away(client)
    replay(client, lines[:2], words)
    late = queued.start("normalize", *RUN, env={"SLUICE_FAULT": "normalize.after_take:1:stop"})
    wait_stopped(late.pid)
    replay(client, lines[lines.index("FLUSHALL") :][:2], words)
    redis.cli("config", "resetstat")
    late.send_signal(signal.SIGCONT)
    done = finish(late)
    assert (done.code, took(done)) == (0, (2, 2, 0)), done.stderr
    assert warnings(done) <= 1
    refused = [line for line in redis.cli("info", "errorstats").splitlines() if "NOGROUP" in line]
    assert sum(int(line.partition("count=")[2]) for line in refused) <= 5
    assert_all_stored_once(queued, client)


def test_r03_a_group_that_passes_over_what_is_there(queued: Sluice, client: Client, inputs: Path) -> None:
    """Somebody made it anew at the stream's end, so 2-0 reaches nobody."""
    answers = replay(client, (inputs / "r03.redis").read_text().splitlines(), taken_away(client))
    assert "NOGROUP" in answers[5] and answers[-1] is None
    done = queued("normalize", *RUN)
    assert (took(done), warnings(done)) == ((0, 0, 0), 0)
    assert_all_stored_once(queued, client)


def test_r05_entries_without_their_field_or_cut_short(queued: Sluice, client: Client, inputs: Path) -> None:
    """They are passed over and removed; bronze has what they were to bring, so no row is lost."""
    words = taken_away(client)
    words["trois"] = words["trois"][: len(words["trois"]) // 2]
    answers = replay(client, (inputs / "r05.redis").read_text().splitlines(), words)
    assert "wrong number of arguments" in answers[3]
    done = queued("normalize", *RUN)
    assert (took(done), warnings(done)) == ((4, 2, 2), 0)
    assert_all_stored_once(queued, client)


def test_r06_an_answer_that_comes_after_its_time(
    queued: Sluice, redis: Redis, client: Client, inputs: Path, chaos: Callable[..., ChaosProxy]
) -> None:
    """Twice as late as we wait, as in the case: the connection is closed at once, and nothing more is asked on it."""
    case = json.loads((inputs / "r06.json").read_text())
    late = case["server_script"][1][1] / case["client_timeout_ms"]
    assert late > 1
    words = taken_away(client)
    for n, word in enumerate(BODIES):
        client("XADD", STREAM, f"{n + 1}-0", "t", words[word])
    line = chaos(redis.port)
    queued.env["SLUICE_CONN_QUEUE"] = f"redis://:{redis.password}@127.0.0.1:{line.port}/{DB}"
    child = queued.start("normalize", *RUN, env={"SLUICE_FAULT": "normalize.after_take:1:stop"})
    wait_stopped(child.pid)
    line.say(f"latency down {int(2000 * late)}ms")
    child.send_signal(signal.SIGCONT)
    done = finish(child)
    assert (done.code, warnings(done)) == (0, 1), done.stderr
    assert "no answer in time" in done.stderr
    assert line.stats()["connections"] == 1
    line.say("clear")
    queued("report", *RUN)  # over a new connection
    assert line.stats()["connections"] == 2
    assert_all_stored_once(queued, client)
