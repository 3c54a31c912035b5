"""A stage's output: bytes into lines, each line's level, the last line's result. Knows nothing of Airflow."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any

LINE_MAX = 64 << 10
RESULT = '{"stage":'
_LEVEL = re.compile(r"(DEBUG|INFO|WARNING|ERROR) \d\d:")
_DIAGNOSTIC = re.compile(r":\d+:\d+: (error|warning)\[E\d+\]: ")


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Whole lines, however the bytes were cut; the last one also when its line end is missing.

    Decoding comes after cutting, so that no letter is torn; what is no UTF-8 is shown as \\x.. .
    A line without an end is handed out in pieces of LINE_MAX.
    """
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield _decode(line)
        while len(rest) > LINE_MAX:
            yield _decode(rest[:LINE_MAX])
            rest = rest[LINE_MAX:]
    if rest:
        yield _decode(rest)


def _decode(line: bytes) -> str:
    return line.decode("utf-8", errors="backslashreplace").rstrip()


def level(line: str) -> int:
    """The line's own level, as the logging module counts it."""
    if found := _LEVEL.match(line):
        return logging.getLevelNamesMapping()[found[1]]
    if found := _DIAGNOSTIC.search(line):
        return logging.ERROR if found[1] == "error" else logging.WARNING
    return logging.INFO


def result(line: str) -> dict[str, Any] | None:
    """The result that a stage's last line holds; None when it is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def partitions(found: dict[str, Any]) -> list[str]:
    """ "1/3", "2/3", "3/3": the words of --partition over which normalize is mapped."""
    n = max(int(found.get("partitions") or 0), 1)
    return [f"{k}/{n}" for k in range(1, n + 1)]
