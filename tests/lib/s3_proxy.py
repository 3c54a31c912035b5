"""Stands between a client and an S3 server and makes trouble: answers 503, cuts connections before and after the
request was carried out, cuts or damages what is sent either way, sends the whole where a range was asked for.
Which, a seeded die decides."""

from __future__ import annotations

import http.client
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Trouble = str
KINDS: tuple[Trouble, ...] = ("busy", "refused", "unanswered", "cut", "damaged_up", "damaged_down")
BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Proxy:
    """with Proxy(port, choose) as proxy: … proxy.port. choose(number, method, path) names the trouble of a
    request, "" for none."""

    def __init__(self, target: int, choose: Callable[[int, str, str], Trouble]) -> None:
        self.target = target
        self.choose = choose
        self.seen: Counter[Trouble] = Counter()
        self.lines: list[str] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def decide(self, method: str, path: str) -> Trouble:
        with self._lock:
            trouble = self.choose(sum(self.seen.values()), method, path)
            self.seen[trouble] += 1
            self.lines.append(f"{method} {path} {trouble}")
            return trouble


def every_third(seed: int) -> Callable[[int, str, str], Trouble]:
    """A third of all requests meet some trouble."""
    dice = random.Random(seed)
    return lambda _number, _method, _path: dice.choice(KINDS) if dice.random() < 1 / 3 else ""


def flip(body: bytes) -> bytes:
    at = len(body) // 2
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if body else body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = self.proxy.decide(self.command, self.path)
        if trouble == "refused":
            self._drop()
        elif trouble == "busy":
            self._answer(503, [("Retry-After", "0.01")], BUSY)
        else:
            self._forward(flip(body) if trouble == "damaged_up" else body, trouble)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _forward(self, body: bytes, trouble: Trouble) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.target, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            data = answer.read()
        except OSError:  # it refuses in the middle of what we send
            return self._drop()
        finally:
            connection.close()
        headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("transfer-encoding", "connection")]
        if trouble == "unanswered":
            self._drop()
        elif trouble == "damaged_down" and self.command == "GET" and answer.status in (200, 206):
            self._answer(answer.status, headers, flip(data))
        elif trouble == "whole" and answer.status == 206:
            self._answer(200, headers, data + b" " * len(data))
        else:
            self._answer(answer.status, headers, data, cut=trouble == "cut")

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, cut: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = dict((k.lower(), v) for k, v in headers).get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self._drop()

    def _drop(self) -> None:
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        return
