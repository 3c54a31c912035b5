"""An HTTP server on 127.0.0.1 that does what a test tells it to, also what no server should.

    with HttpServer() as site:
        site.on("/items", Reply.json({"items": []}))
        site.on("/flaky", Reply(503), Reply.json([]))       # the second request gets the second reply
        …
        assert [r.target for r in site.requests] == ["/items?page=1"]

A reply may also be a function of the request. What the server got is in `requests`.
"""

from __future__ import annotations

import gzip
import json
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Body = bytes | Iterator[bytes]


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float  # monotonic, s

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {k: v[-1] for k, v in parse_qs(urlsplit(self.target).query, keep_blank_values=True).items()}


@dataclass
class Reply:
    status: int = 200
    body: Body = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # said in Content-Length, whatever is sent
    cut: int | None = None  # bytes of the body after which the connection is closed
    wait: float = 0  # s before the first byte
    pause: float = 0  # s between two bytes of the body
    raw: bytes | None = None  # the whole answer, as it is; then the connection is closed

    @staticmethod
    def json(value: Any, status: int = 200, **headers: str) -> Reply:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | named)

    @staticmethod
    def redirect(location: str, status: int = 302) -> Reply:
        return Reply(status, headers={"Location": location})

    @staticmethod
    def endless() -> Reply:
        def more() -> Iterator[bytes]:
            yield b"["
            while True:
                yield b" " * 65536

        return Reply(body=more())

    @staticmethod
    def bomb(coding: str, size: int = 64 << 20) -> Reply:
        """size blanks in a few KiB."""
        plain = b"[" + b" " * (size - 2) + b"]"
        packed = gzip.compress(plain) if coding == "gzip" else pack_zstd(plain)
        return Reply(body=packed, headers={"Content-Encoding": coding})

    @staticmethod
    def header_flood(size: int = 1 << 20) -> Reply:
        lines = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(size // 1000))
        return Reply(raw=b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 2\r\n\r\n[]")


Handler = Reply | Callable[[Request], Reply]


def pack_zstd(plain: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=plain, capture_output=True, check=True).stdout


class HttpServer:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._handlers: dict[str, list[Handler]] = {}
        self._lock = threading.Lock()
        self._server = _Server(self, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._scheme = "https" if tls else "http"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def on(self, path: str, *replies: Handler) -> None:
        """The nth request for path gets the nth reply, later ones the last."""
        with self._lock:
            self._handlers[path] = list(replies)

    def asked(self, path: str) -> list[Request]:
        with self._lock:
            return [r for r in self.requests if r.path == path]

    def __enter__(self) -> HttpServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            handlers = self._handlers.get(request.path)
            if not handlers:
                return Reply(404, b"nothing here")
            handler = handlers.pop(0) if len(handlers) > 1 else handlers[0]
        return handler if isinstance(handler, Reply) else handler(request)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, site: HttpServer, tls: ssl.SSLContext | None) -> None:
        self.site = site
        self.tls = tls
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, *_: object) -> None:
        """A client that went away is what the tests are about."""


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def setup(self) -> None:
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def handle(self) -> None:
        while request := self.read():
            if not self.send(request, self.server.site.answer(request)):
                return

    def read(self) -> Request | None:
        line = self.rfile.readline(65537).decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = {}
        while text := self.rfile.readline(65537).decode("latin-1").strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(line[0], line[1], headers, body, time.monotonic())

    def send(self, request: Request, reply: Reply) -> bool:
        """True when the connection may carry another request."""
        time.sleep(reply.wait)
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            return False
        known = isinstance(reply.body, bytes)
        self.wfile.write(self.head(reply, known))
        if request.method == "HEAD" or reply.status in (204, 304):
            return True
        for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
            self.write(piece if reply.cut is None else piece[: reply.cut], reply.pause)
        return known and reply.cut is None and reply.length is None

    def head(self, reply: Reply, known: bool) -> bytes:
        headers = dict(reply.headers)
        headers.setdefault("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()))
        if isinstance(reply.body, bytes):
            headers["Content-Length"] = str(len(reply.body) if reply.length is None else reply.length)
        if not known:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {reply.status} Said", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def write(self, piece: bytes, pause: float) -> None:
        if not pause:
            self.wfile.write(piece)
            return
        for i in range(len(piece)):
            self.wfile.write(piece[i : i + 1])
            time.sleep(pause)


# --- certificates, made by openssl when they are needed ---


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def _own(folder: Path, name: str, *more: str) -> None:
    """A certificate that signs itself."""
    files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    _openssl(folder, "req", "-x509", *NEW_KEY, "-days", "2", "-subj", f"/CN={name}", *more, *files)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own; its certificate is in folder/ca.pem."""

    folder: Path

    @staticmethod
    def make(folder: Path) -> Authority:
        folder.mkdir(parents=True, exist_ok=True)
        _own(folder, "ca")
        return Authority(folder)

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def server(self, name: str = "good", host: str = "IP:127.0.0.1", days: int = 2) -> ssl.SSLContext:
        """A server's context; host as in subjectAltName. days < 0: expired."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={host}\n")
        _openssl(self.folder, "req", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        files = ["-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", f"{name}.ext"]
        sign = ["-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days)]
        _openssl(self.folder, "x509", *sign, *files)
        return self.context(name)

    def self_signed(self, name: str = "own") -> ssl.SSLContext:
        _own(self.folder, name, "-addext", "subjectAltName=IP:127.0.0.1")
        return self.context(name)

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context
