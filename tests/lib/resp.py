"""The few words of Redis's protocol that tests need where redis-cli cannot carry bytes."""

from __future__ import annotations

import socket
from typing import Any

from tests.lib.services import Redis


class Refused(Exception):
    """An error that the server answered."""


class Client:
    def __init__(self, server: Redis, db: int = 0) -> None:
        self._file = socket.create_connection(("127.0.0.1", server.port), timeout=10).makefile("rwb")
        self("AUTH", server.password)
        self("SELECT", str(db))

    def __call__(self, *words: str | bytes) -> Any:
        """Bytes, int, None or a list of such."""
        raw = [w.encode() if isinstance(w, str) else w for w in words]
        self._file.write(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in raw))
        self._file.flush()
        return self._answer()

    def _answer(self) -> Any:
        line = self._file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            n = int(rest)
            return None if n < 0 else self._file.read(n + 2)[:-2]
        if kind == b"*":
            return None if int(rest) < 0 else [self._answer() for _ in range(int(rest))]
        return rest

    def names(self) -> list[str]:
        return sorted(key.decode() for key in self("KEYS", "*"))

    def close(self) -> None:
        self._file.close()
