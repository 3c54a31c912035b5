"""Field cases of the web: ../shared/cases, answers replayed byte for byte; their statements are checked."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fakes.http_server import HttpServer, Reply, Request
from tests.lib.pipeline import write
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as served:
        yield served


@pytest.fixture
def api(make: Make, tmp_path: Path, server: HttpServer) -> Callable[..., Sluice]:
    def of(path: str, more: str = "") -> Sluice:
        source = f'{{kind: http, url: "{server.url(path)}", allow_addresses: ["127.0.0.0/8"], delay: 0s{more}}}'
        return make(write(tmp_path / path.strip("/"), {"api": source}, "{id: int64}"))

    return of


@pytest.fixture
def site(make: Make, tmp_path: Path, server: HttpServer) -> Callable[..., Sluice]:
    def of(profile: str) -> Sluice:
        (tmp_path / "site.yaml").write_text(profile)
        source = (
            f'{{kind: web, profile: site.yaml, start: "{server.url("/")}", delay: 0s, allow_addresses: 127.0.0.0/8}}'
        )
        return make(write(tmp_path, {"site": source}, "{title: text, p: text, lien: text}"))

    return of


def html(text: str) -> Reply:
    return Reply(body=text.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def test_w02_longest_pattern_of_robots_txt_wins(site: Callable[..., Sluice], server: HttpServer, inputs: Path) -> None:
    expect = list(csv.DictReader(io.StringIO((inputs / "w02.expect.tsv").read_text()), delimiter="\t"))
    assert len(expect) == 11
    server.on(
        "/robots.txt", Reply(body=(inputs / "w02.robots.txt").read_bytes(), headers={"Content-Type": "text/plain"})
    )
    server.on("/", html("".join(f'<p class=r><a href="{r["path"]}">x</a></p>' for r in expect)))
    s = site("record: .r\nfields: {lien: {css: a, link: true}}\ndetail: {link: lien, fields: {title: title}}\n")
    s("collect", "--run-id", "r")
    asked = {r.target for r in server.requests} - {"/robots.txt", "/"}
    for row in expect:
        wanted = row["path"].replace("é", "%C3%A9").replace("%c3%a9", "%C3%A9")
        assert (wanted in asked) == (row["allowed"] == "yes"), row


def replay(inputs: Path, name: str) -> Reply:
    return Reply(raw=(inputs / name).read_bytes())


@pytest.mark.parametrize(("name", "least", "most"), [("w03.1", 29, 31.5), ("w03.2", 0.503, 2.5), ("w03.4", 0, 3)])
def test_w03_waits_that_are_no_whole_seconds(
    api: Callable[..., Sluice], server: HttpServer, inputs: Path, name: str, least: float, most: float
) -> None:
    """The answer's own Date counts, not this machine's clock; a wait beyond the budget is told, not taken."""
    server.on("/items", replay(inputs, f"{name}.http"), Reply.json([{"id": 1}]))
    if least > 20:  # the wait is seen in the result: nobody waits half a minute here
        done = api("/items", ", retry_for: 5s")("collect", "--run-id", "r", code=75)
        assert least <= done.result["retry_after_s"] <= most
        assert len(server.requests) == 1
        return
    api("/items")("collect", "--run-id", "r")
    waited = server.requests[1].at - server.requests[0].at
    assert least <= waited <= most and waited > 0


def test_w03_a_wait_of_decades_is_75_at_once(api: Callable[..., Sluice], server: HttpServer, inputs: Path) -> None:
    server.on("/items", replay(inputs, "w03.3.http"))
    begun = time.monotonic()
    done = api("/items")("collect", "--run-id", "r", code=75)
    assert time.monotonic() - begun < 10 and len(server.requests) == 1
    assert "127.0.0.1" in done.result["error"]
    until = parsedate_to_datetime("Fri, 31 Dec 2099 23:59:59 GMT").timestamp()
    assert abs(done.result["retry_after_s"] - (until - time.time())) < 60


@pytest.mark.parametrize(
    ("path", "ids", "most", "warned"), [("/items", [1, 2, 3, 4, 5], 3, True), ("/loop", [1, 2], 3, True)]
)
def test_w05_cursors_that_never_end(
    api: Callable[..., Sluice], server: HttpServer, inputs: Path, path: str, ids: list[int], most: int, warned: bool
) -> None:
    pages = json.loads((inputs / "w05.json").read_text())

    def answer(request: Request) -> Reply:
        return Reply.json(pages[request.target])

    server.on(path, answer)
    done = api(path, ", paging: cursor, page_param: cursor, records: items, next_path: next")("run", "--run-id", "r")
    assert len(server.requests) <= most
    assert done.result["kept"] in (len(ids), len(ids) + 1)
    repeated = [line for line in done.stderr.splitlines() if "WARNING" in line and "cursor" in line]
    assert len(repeated) == warned, done.stderr


def test_w05_a_cursor_without_rows_ends(api: Callable[..., Sluice], server: HttpServer, inputs: Path) -> None:
    pages = json.loads((inputs / "w05.json").read_text())
    server.on("/vide", lambda request: Reply.json(pages.get(request.target, {"items": []})))
    s = api("/vide", ", paging: cursor, page_param: cursor, records: items, next_path: next")
    s("run", "--run-id", "r", code=(0, 99))
    assert len(server.requests) <= 2


def test_w06_an_answer_shorter_than_promised_is_69_and_no_chunk(
    api: Callable[..., Sluice], server: HttpServer, inputs: Path
) -> None:
    server.on("/items", replay(inputs, "w06.http"))
    s = api("/items", ", records: items, attempts: 2, retry_for: 5s")
    done = s("run", "--run-id", "r", code=69)
    assert done.result["kind"] == "unavailable" and len(server.requests) == 2
    assert not list(s.home.rglob("*.zst"))


def read_page(site: Callable[..., Sluice], server: HttpServer, reply: Reply) -> dict[str, Any]:
    server.on("/", reply)
    s = site("fields: {title: title, p: p.d}\n")
    s("run")
    rows = s.query("select title, p from rows")
    assert len(rows) == 1
    return rows[0]


def test_w08_gb2312_is_read_as_gb18030(site: Callable[..., Sluice], server: HttpServer, inputs: Path) -> None:
    row = read_page(site, server, replay(inputs, "w08.http"))
    assert row["title"] == "\u6731\u9555\u57fa"


@pytest.mark.parametrize("name", ["w11.1", "w11.2"])
def test_w11_a_mark_beats_the_header_and_the_header_meta(
    site: Callable[..., Sluice], server: HttpServer, inputs: Path, name: str
) -> None:
    row = read_page(site, server, replay(inputs, f"{name}.http"))
    assert row == {"title": "Châlet", "p": "à louer, 950 €"}


def test_w09_a_secret_header_goes_to_no_other_host(
    make: Make, tmp_path: Path, server: HttpServer, inputs: Path
) -> None:
    """The answer's Location, with another host that answers here."""
    raw = (inputs / "w09.1.http").read_bytes()
    with HttpServer() as other:
        other.on("/data", Reply.json([{"id": 1}]))
        location = other.url("/data", "localhost")
        server.on("/data", Reply(raw=raw.replace(b"http://other.test/data", location.encode())))
        source = (
            f'{{kind: http, url: "{server.url("/data")}", connection: api, auth: header, auth_header: X-Api-Key,'
            ' allow_addresses: ["127.0.0.0/8", "::1"], delay: 0s}'
        )
        s = make(write(tmp_path, {"api": source}, "{id: int64}"))
        parts = urlsplit(server.url())
        env = {"AIRFLOW_CONN_API": f"http://:K3Y@{parts.hostname}:{parts.port}"}
        done = s("collect", "--run-id", "r", code=None, env=env)
        assert done.code in (0, 76, 77)
        assert server.requests[0].headers["x-api-key"] == "K3Y"
        for request in other.requests:
            assert not {"authorization", "x-api-key", "cookie"} & request.headers.keys()
    assert "K3Y" not in done.stderr + done.stdout
    assert not any(b"K3Y" in p.read_bytes() for p in s.home.rglob("*") if p.is_file())
