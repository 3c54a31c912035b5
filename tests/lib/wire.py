"""A proxy in front of a MongoDB server that keeps every command the client sends, decoded."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

import bson

OP_MSG = 2013


@dataclass
class Recorder:
    """Commands as documents; a payload of documents stands under its own name, as in the command."""

    port: int
    commands: list[dict[str, Any]] = field(default_factory=list)
    listener: socket.socket = field(init=False)

    def __enter__(self) -> Recorder:
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    @property
    def own_port(self) -> int:
        return int(self.listener.getsockname()[1])

    def named(self, name: str, collection: str) -> list[dict[str, Any]]:
        return [c for c in self.commands if c.get(name) == collection]

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            for source, target, keep in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.carry, args=(source, target, keep), daemon=True).start()

    def carry(self, source: socket.socket, target: socket.socket, keep: bool) -> None:
        kept = b""
        try:
            while data := source.recv(1 << 16):
                if keep:
                    kept = self.take(kept + data)
                target.sendall(data)
        except OSError:
            pass
        target.close()

    def take(self, data: bytes) -> bytes:
        """Decodes whole messages, returns the rest."""
        while len(data) >= 16 and len(data) >= (size := struct.unpack_from("<i", data)[0]):
            if struct.unpack_from("<i", data, 12)[0] == OP_MSG:
                self.commands.append(decode(data[20:size]))
            data = data[size:]
        return data


def decode(sections: bytes) -> dict[str, Any]:
    command: dict[str, Any] = {}
    while len(sections) > 4:  # a checksum is no section
        kind, sections = sections[0], sections[1:]
        size = struct.unpack_from("<i", sections)[0]
        if kind == 0:
            command |= bson.decode(sections[:size])
        else:
            name, _, documents = sections[4:size].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
        sections = sections[size:]
    return command
