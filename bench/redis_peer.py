"""A peer of bench/tickets.py: lines of a file through a Redis stream by redis-py, as its documentation shows it.

usage: redis_peer.py push|take URL FILE|-        one entry a record, 500 commands a pipeline
       redis_peer.py push-blocks|take-blocks …   one entry a MiB of whole lines
take prints the sha256 of what it got.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import redis

KEY, GROUP, AT_ONCE = "peer:records", "peer", 500


def blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block + file.readline()


def push(r: redis.Redis, path: Path) -> None:
    with path.open("rb") as file:
        pipe = r.pipeline(transaction=False)
        for n, line in enumerate(file, 1):
            pipe.xadd(KEY, {"r": line})
            if n % AT_ONCE == 0:
                pipe.execute()
        pipe.execute()


def push_blocks(r: redis.Redis, path: Path) -> None:
    pipe = r.pipeline(transaction=False)
    for n, block in enumerate(blocks(path), 1):
        pipe.xadd(KEY, {"r": block})
        if n % 8 == 0:
            pipe.execute()
    pipe.execute()


def take(r: redis.Redis, at_once: int) -> str:
    digest = hashlib.sha256()
    r.xgroup_create(KEY, GROUP, "0")
    while found := r.xreadgroup(GROUP, "me", {KEY: ">"}, count=at_once):
        entries = found[0][1]
        for _, fields in entries:
            digest.update(fields[b"r"])
        ids = [i for i, _ in entries]
        pipe = r.pipeline(transaction=False)
        pipe.xack(KEY, GROUP, *ids)
        pipe.xdel(KEY, *ids)
        pipe.execute()
    return digest.hexdigest()


def main() -> None:
    verb, url, path = sys.argv[1:]
    r = redis.Redis.from_url(url)
    if verb == "push":
        push(r, Path(path))
    elif verb == "push-blocks":
        push_blocks(r, Path(path))
    else:
        print(take(r, AT_ONCE if verb == "take" else 8))


if __name__ == "__main__":
    main()
