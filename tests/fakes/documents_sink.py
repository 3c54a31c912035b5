"""A server that acknowledges documents and keeps only their keys (one int64) and hashes: what millions of them cost
the client, where the servers that can be had here take hours. It speaks as much of MongoDB's protocol as one publisher
needs.

usage: documents_sink.py	prints its port; ends with its standard input
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bson

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
HELLO = {
    "ismaster": True, "maxBsonObjectSize": 1 << 24, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000,
    "minWireVersion": 0, "maxWireVersion": 17, "readOnly": False, "ok": 1.0,
}  # fmt: skip
BATCH = 10000
ID_AT = 16  # {q: {_id: int64 …
HASH = b"\x05h\0\x10\0\0\0\0"  # … u: {… _sl: {n, h: 16 bytes}}


class Sink:
    def __init__(self) -> None:
        self.mark: dict[str, Any] = {}
        self.ids = array("q")
        self.hashes = bytearray()
        self.at = 0  # of the cursor

    def take(self, payload: bytes) -> dict[str, Any]:
        """A bulk: all of its documents are new, or all are there."""
        at, n = 0, 0
        first = bool(not self.ids or struct.unpack_from("<q", payload, ID_AT)[0] > self.ids[-1])
        while at < len(payload):
            size = struct.unpack_from("<i", payload, at)[0]
            if first:
                self.ids.append(struct.unpack_from("<q", payload, at + ID_AT)[0])
                h = payload.rindex(HASH, at, at + size) + len(HASH)
                self.hashes += payload[h : h + 16]
            at += size
            n += 1
        upserted = {"upserted": [{"index": i, "_id": 0} for i in range(n)]} if first else {"nModified": n}
        return {"n": n, "ok": 1.0} | upserted

    def batch(self) -> list[dict[str, Any]]:
        end = min(self.at + BATCH, len(self.ids))
        out = [
            {"_id": bson.Int64(self.ids[i]), "_sl": {"n": bson.Int64(1), "h": bytes(self.hashes[16 * i : 16 * i + 16])}}
            for i in range(self.at, end)
        ]
        self.at = end
        return out

    def cursor(self, name: str, word: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
        more = word == "nextBatch" or name != "_sluice"
        number = 1 if more and self.at < len(self.ids) else 0
        return {"cursor": {"id": bson.Int64(number), "ns": f"x.{name}", word: documents}, "ok": 1.0}

    def find(self, name: str) -> dict[str, Any]:
        if name == "_sluice":
            return self.cursor(name, "firstBatch", [self.mark] if self.mark else [])
        self.at = 0
        return self.cursor(name, "firstBatch", self.batch())

    def answer(self, command: dict[str, Any], payload: bytes) -> dict[str, Any]:
        word, value = next(iter(command.items()))
        if word in ("isMaster", "hello"):
            return HELLO
        if word == "find":
            return self.find(value)
        if word == "getMore":
            return self.cursor(command["collection"], "nextBatch", self.batch())
        if word == "aggregate":
            return {"cursor": {"id": 0, "ns": "x.x", "firstBatch": [{"_id": 1, "n": len(self.ids)}]}, "ok": 1.0}
        if word == "update" and payload:
            return self.take(payload)
        if word == "update" and value == "_sluice":
            self.mark |= {"_id": command["updates"][0]["q"]["_id"]} | command["updates"][0]["u"]["$set"]
        return {"n": int(value == "_sluice"), "nModified": 0, "ok": 1.0}

    def serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream:
            while head := stream.read(16):
                size, number, _, kind = struct.unpack("<iiii", head)
                client.sendall(self.reply(kind, number, stream.read(size - 16)))

    def reply(self, kind: int, number: int, body: bytes) -> bytes:
        if kind == OP_QUERY:
            text = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(HELLO)
            return struct.pack("<iiii", 16 + len(text), 1, number, OP_REPLY) + text
        size = struct.unpack_from("<i", body, 5)[0]
        command, rest, payload = bson.decode(body[5 : 5 + size]), body[5 + size :], b""
        if rest:
            payload = rest[rest.index(b"\0", 5) + 1 :]  # kind, size, name
        text = struct.pack("<ib", 0, 0) + bson.encode(self.answer(command, payload))
        return struct.pack("<iiii", 16 + len(text), 1, number, OP_MSG) + text


def accept(listener: socket.socket, sink: Sink) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=sink.serve, args=(client,), daemon=True).start()


@contextmanager
def documents_sink() -> Iterator[int]:
    """Its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener, Sink()), daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def main() -> None:
    with documents_sink() as port:
        print(port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
