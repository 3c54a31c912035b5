"""What docs/operations.md tells operators to do, done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.services import Redis
from tests.lib.stage import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()


class Guarded(Redis):
    """With the users of the page."""

    login = "sluice"
    password = "CHANGE-ME"  # type: ignore[assignment]  # noqa: S105 - the page's word

    def prepare(self) -> None:
        lines = re.findall(r"^user .*$", PAGE, re.M)
        assert len(lines) == 2
        (self.dir / "users.acl").write_text("\n".join(lines) + "\n")
        (self.dir / "redis.conf").write_text("aclfile users.acl\n")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Redis]:
    server = Guarded(tmp_path / "redis")
    server.start()
    yield server
    server.close()


def test_redis_user_may_do_what_the_queue_does(guarded: Redis) -> None:
    key = "sluice:orders:drop:1"
    assert guarded.cli("xgroup", "create", key, "g", "0", "mkstream") == "OK"
    ticket = guarded.cli("xadd", key, "*", "entry", "1")
    assert ticket in guarded.cli("xreadgroup", "group", "g", "me", "count", "1", "streams", key, ">")
    assert ticket in guarded.cli("xautoclaim", key, "g", "other", "0", "0")
    assert guarded.cli("xack", key, "g", ticket) == "1"
    assert guarded.cli("pexpire", key, "100000") == "1"
    assert guarded.cli("xdel", key, ticket) == "1"
    assert guarded.cli("type", key) == "stream"
    assert "used_memory" in guarded.cli("info", "memory")
    assert guarded.cli("unlink", key) == "1"


@pytest.mark.parametrize(
    "words", ["flushall", "config get requirepass", "keys *", "xadd other * a 1", "get other", "shutdown", "acl list"]
)
def test_redis_user_may_do_nothing_else(guarded: Redis, words: str) -> None:
    assert "NOPERM" in guarded.cli(*words.split())


def test_nobody_comes_in_without_a_name(guarded: Guarded) -> None:
    guarded.login, guarded.password = "default", ""
    assert "NOAUTH" in guarded.cli("xlen", "sluice:x")
