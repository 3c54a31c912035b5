"""Lists of messages that other programs push and pop: collected at least once, in effect once; and pushed to."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.pipeline import write
from tests.lib.processes import wait_stopped
from tests.lib.resp import Client
from tests.lib.services import Redis
from tests.lib.stage import ROOT, Sluice, finish

Make = Callable[..., Sluice]
DB = 2
CONTRACT = "{source: text, ville: {type: text, from: data.ville}, t: {type: int64, from: data.t, required: true}}"
TABLE = "select source, ville, t from rows order by t, ville"


@pytest.fixture
def s(make: Make, tmp_path: Path, redis: Redis) -> Sluice:
    source = {"api": "{kind: redis, connection: old, list: queue_api}"}
    path = write(tmp_path / "shop", source, CONTRACT, extra="rejects: {limit: 100%}")
    path.write_text(path.read_text() + "  queued: {queue: {redis: old}}\n")
    sluice = make(path)
    sluice.env["SLUICE_CONN_OLD"] = redis.uri(DB)
    return sluice


def message(t: int, ville: str = "Lyon") -> str:
    """As the Python workers push them."""
    return json.dumps({"source": "api_meteo", "data": {"ville": ville, "t": t}, "type": "meteo"})


def push(client: Client, *messages: str | bytes) -> None:
    client("RPUSH", "queue_api", *messages)


def towns(s: Sluice) -> list[tuple[str, int]]:
    return [(r["ville"], int(r["t"])) for r in s.query(TABLE)]


def test_messages_encoded_once_twice_or_three_times(s: Sluice, client: Client) -> None:
    once = message(1, "Saint-Étienne")
    spaced = json.dumps(json.loads(message(4, "a\nb")), indent=2, ensure_ascii=False)
    push(client, once, json.dumps(message(2)), json.dumps(json.dumps(message(3))), spaced)
    s("run")
    assert towns(s) == [("Saint-Étienne", 1), ("Lyon", 2), ("Lyon", 3), ("a\nb", 4)]
    assert client.names() == []


def test_what_is_no_message_becomes_a_reject_and_nothing_is_lost(s: Sluice, client: Client) -> None:
    junk = ["not json", "", " ", '"a text"', "{\n\n", "[1]", "null", b"\xff\0\xfe", json.dumps("{broken")]
    push(client, message(1), *junk, message(2))
    done = s("collect", "--run-id", "r")
    s("normalize", "--run-id", "r")
    stored = s("store", "--run-id", "r")
    assert done.result["n_in"] == stored.result["n_in"] == len(junk) + 2
    assert stored.result["rejected"] == len(junk)
    assert [t for _, t in towns(s)] == [1, 2]


def test_every_batch_is_an_input_of_its_own_also_when_its_messages_are_the_same(s: Sluice, client: Client) -> None:
    for _ in range(3):
        push(client, message(7), message(7))
        s("run")
    assert [t for _, t in towns(s)] == [7] * 6
    assert s("run").result["note"] == "nothing new"


def test_more_messages_than_are_held_at_once(s: Sluice, client: Client) -> None:
    for first in range(0, 2500, 500):
        push(client, *(message(t, "x" * (t % 300)) for t in range(first, first + 500)))
    s("run")
    assert [t for _, t in towns(s)] == list(range(2500))


def test_large_messages_are_not_held_together(s: Sluice, client: Client) -> None:
    """Eighty MiB in forty messages: what is read at one time follows their size."""
    for t in range(40):
        push(client, message(t, "x" * (2 << 20)))
    done = s("run", code=(0, 65))
    assert done.result["n_in"] == 40  # each is larger than a part, so a reject
    peaks = [json.loads(p.read_text())["peak_kib"] for p in s.home.rglob("stages/collect-*.json")]
    assert max(peaks) < 48 * 1024, peaks


def test_the_documented_rights_are_enough(s: Sluice, redis: Redis, client: Client) -> None:
    rights = [line for line in (ROOT / "docs" / "queue.md").read_text().splitlines() if line.startswith("ACL SETUSER")]
    words = rights[1].split()[3:]
    client("ACL", "SETUSER", "lists", "reset", *(">pw" if w.startswith(">") else w for w in words))
    s.env["SLUICE_CONN_OLD"] = f"redis://lists:pw@127.0.0.1:{redis.port}/{DB}"
    try:
        push(client, message(1))
        s("run")
        s.backend = "queued"
        s("export", "--list", "queue_out")
        assert [e for e in client("ACL", "LOG") if b"lists" in e] == []
    finally:
        client("ACL", "DELUSER", "lists")
    assert client.names() == ["queue_out"]


POINTS = [
    "redis.after_freeze:1",
    "bronze.before_link:1",
    "bronze.after_link:1",
    "log.before_link:1",
    "log.after_link:1",
    "redis.before_forget:1",
]


AFTER_LINK = ("log.after_link:1", "redis.before_forget:1")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("how", ["kill", "eio"])
def test_killed_anywhere_no_message_is_lost_or_stored_twice(s: Sluice, client: Client, point: str, how: str) -> None:
    push(client, *(message(t) for t in range(50)))
    s("collect", "--run-id", "r1", env={"SLUICE_FAULT": f"{point}:{how}"}, code=(137, 74))
    push(client, *(message(t) for t in range(50, 80)))
    second = s("collect", "--run-id", "r2")
    assert second.result["n_in"] == (30 if point in AFTER_LINK else 50)
    assert s("collect", "--run-id", "r3").result["n_in"] == (0 if point in AFTER_LINK else 30)
    for run in ("r1", "r2", "r3"):
        s("normalize", "--run-id", run)
        s("store", "--run-id", run)
    assert [t for _, t in towns(s)] == list(range(80))
    assert client.names() == []


def test_several_collections_at_once_share_the_messages(s: Sluice, client: Client) -> None:
    push(client, *(message(t) for t in range(300)))
    children = [s.start("collect", "--run-id", f"r{i}") for i in range(6)]
    push(client, *(message(t) for t in range(300, 400)))
    for done in [finish(child) for child in children]:
        assert done.code in (0, 75, 99), done.stderr
    s("collect", "--run-id", "last", code=(0, 99))
    s("collect", "--run-id", "last2", code=(0, 99))
    for run in [*(f"r{i}" for i in range(6)), "last", "last2"]:
        s("normalize", "--run-id", run)
    s("store", "--run-id", "last")
    assert [t for _, t in towns(s)] == list(range(400))
    assert client.names() == []


def test_who_wakes_late_takes_nothing_of_the_next_batch_away(s: Sluice, client: Client) -> None:
    push(client, *(message(t) for t in range(10)))
    late = s.start("collect", "--run-id", "r1", env={"SLUICE_FAULT": "redis.before_forget:1:stop"})
    wait_stopped(late.pid)
    push(client, *(message(t) for t in range(10, 20)))
    s("collect", "--run-id", "r2", env={"SLUICE_FAULT": "redis.after_freeze:2:kill"}, code=137)  # the next batch
    late.send_signal(signal.SIGCONT)
    assert finish(late).code == 0
    s("collect", "--run-id", "r3")
    for run in ("r1", "r2", "r3"):
        s("normalize", "--run-id", run)
    s("store", "--run-id", "r3")
    assert [t for _, t in towns(s)] == list(range(20))


def test_a_batch_of_another_list_is_not_taken_for_one_of_this(s: Sluice, client: Client) -> None:
    """The source was given another list while a batch of the first one was in the log and not yet forgotten."""
    push(client, *(message(t) for t in range(3)))
    s("collect", "--run-id", "r1", env={"SLUICE_FAULT": "redis.before_forget:1:kill"}, code=137)
    client("RPUSH", "queue_other", message(3))
    other = ("--set", "api.list=queue_other")
    assert s("collect", "--run-id", "r2", *other).result["n_in"] == 1
    for run in ("r1", "r2"):
        s("normalize", "--run-id", run, *other)
    s("store", "--run-id", "r2", *other)
    assert [t for _, t in towns(s)] == list(range(4))
    s("collect", "--run-id", "r3", code=99)  # back at the first list, which the log knows
    assert client.names() == []


def test_looking_takes_nothing(s: Sluice, client: Client) -> None:
    push(client, message(1), message(2))
    assert "1 input, 1 new" in s("check").stdout
    assert "Lyon" in s("preview").stdout
    assert "queue_api" in s("collect", "--run-id", "r", "--dry-run").stdout
    assert client("LLEN", "queue_api") == 2
    assert client.names() == ["queue_api"]


def test_an_empty_or_missing_list_is_nothing_to_do(s: Sluice, client: Client) -> None:
    s("collect", "--run-id", "r", code=99)
    assert client.names() == []


def test_another_type_of_value_is_78_and_stays(s: Sluice, client: Client) -> None:
    client("SET", "queue_api", "x")
    assert "is a string, not a list" in s("collect", "--run-id", "r", code=78).result["error"]
    assert client("GET", "queue_api") == b"x"


def test_a_server_that_is_down_is_69(s: Sluice, redis: Redis) -> None:
    redis.stop()
    s("collect", "--run-id", "r", code=69)


def test_input_whole_is_refused(s: Sluice, tmp_path: Path) -> None:
    source = {"api": "{kind: redis, connection: old, list: queue_api, input: whole}"}
    s.pipeline = str(write(tmp_path / "other", source, CONTRACT))
    assert "E1011" in s("validate", code=78).stderr


@pytest.mark.parametrize("twice", [(), ("--twice",)])
def test_rows_are_pushed_as_messages_in_their_order(s: Sluice, client: Client, twice: tuple[str, ...]) -> None:
    push(client, *(message(t, f'ville {t} é"\n') for t in range(1500)))
    s("run")
    s.backend = "queued"
    done = s("export", "--sql", TABLE, "--list", "queue_out", *twice)
    texts = client("LRANGE", "queue_out", "0", "-1")
    assert done.result["written"] == len(texts) == 1500
    rows = [json.loads(json.loads(text) if twice else text) for text in texts]
    assert rows == s.query(TABLE)


def test_a_list_needs_a_backend_with_a_queue(s: Sluice, client: Client) -> None:
    push(client, message(1))
    s("run")
    assert "has no queue" in s("export", "--list", "queue_api", code=78).result["error"]
    s("export", "--list", "queue_api", "-o", "x.csv", code=64)
    s("export", "--twice", "-o", "x.csv", code=64)
