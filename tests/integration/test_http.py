"""Source http against a server that does what no server should: what comes out, and what is never sent."""

from __future__ import annotations

import itertools
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_server import Authority, HttpServer, Reply, Request
from tests.lib import pipeline
from tests.lib.stage import Sluice

CONTRACT = "{id: {type: int64, required: true}, name: text}"
LATEST = "{table: rows, mode: latest, key: [id]}"
ITEMS = [{"id": i, "name": f"n{i}"} for i in range(1, 8)]
QUICK = "attempts: 2, retry_for: 2s"
_folders = itertools.count(1)


@pytest.fixture
def site() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@pytest.fixture
def api(make: Callable[..., Sluice], tmp_path: Path, site: HttpServer) -> Callable[..., Sluice]:
    """api("paging: page, …"): a pipeline that reads /items of the site."""

    def factory(more: str = "", url: str = "", allow: str = "127.0.0.1", store: str = LATEST, **env: str) -> Sluice:
        source = f"{{kind: http, url: '{url or site.url('/items')}', allow_addresses: [{allow}], {QUICK}, {more}}}"
        folder = tmp_path / f"p{next(_folders)}"
        sluice = make(pipeline.write(folder, {"api": source}, CONTRACT, store))
        sluice.env |= {f"SLUICE_CONN_{k.upper()}": v for k, v in env.items()}
        return sluice

    return factory


def rows(s: Sluice) -> list[dict[str, Any]]:
    return s.query("select id, name from rows order by id")


def chunks(s: Sluice) -> list[Path]:
    return [p for p in s.home.rglob("*") if p.is_file() and "bronze" in p.parts]


def page(request: Request, size: int = 3) -> Reply:
    first = (int(request.query["page"]) - 1) * size
    return Reply.json({"data": {"items": ITEMS[first : first + size]}})


def from_offset(request: Request) -> Reply:
    first, size = int(request.query["from"]), int(request.query["limit"])
    return Reply.json(ITEMS[first : first + size])


def from_cursor(request: Request) -> Reply:
    first = int(request.query.get("after", 0))
    return Reply.json({"items": ITEMS[first : first + 3], "meta": {"next": first + 3 if first + 3 < 7 else None}})


def with_next(request: Request) -> Reply:
    first = int(request.query.get("at", 0))
    more = {"next": f"/items?at={first + 3}"} if first + 3 < 7 else {}
    return Reply.json({"items": ITEMS[first : first + 3]} | more)


def with_link(request: Request) -> Reply:
    first = int(request.query.get("at", 0))
    link = f'</items?x=a,b>; rel="prev", <?at={first + 3}>; rel="next"; title="on"' if first + 3 < 7 else ""
    return Reply.json(ITEMS[first : first + 3], Link=link)


PAGINGS = {
    "page": ("paging: page, records: data.items", page, 4),
    "offset": ("paging: offset, page_param: from, size_param: limit, page_size: 3", from_offset, 4),
    "cursor": ("paging: cursor, page_param: after, records: /items, next_path: /meta/next", from_cursor, 3),
    "next": ("paging: next, records: items, next_path: next", with_next, 3),
    "link": ("paging: link", with_link, 3),
}


@pytest.mark.parametrize("how", PAGINGS)
def test_every_way_of_paging_gives_all_rows_once(how: str, site: HttpServer, api: Callable[..., Sluice]) -> None:
    more, handler, requests = PAGINGS[how]
    site.on("/items", handler)
    s = api(more)
    s("run")
    assert rows(s) == ITEMS
    assert len(site.requests) == requests
    assert all(r.headers["user-agent"].startswith("Sluice/") for r in site.requests)


def test_records_keep_every_byte_and_query_and_headers_are_sent(site: HttpServer, api: Callable[..., Sluice]) -> None:
    text = '{ "a": [1, {"b": "]}\\""}], "rows" : [ {"id": 9007199254740993, "name": 1.10} ,{"id":2,"name":"é\\u00e9"}]}'
    site.on("/items", Reply(body=text.encode()))
    s = api(
        "records: rows, query: {q: 'a b&c', day: '{interval_start:%Y-%m-%d}/{interval_end:%d}'}, headers: {X-V: '2'}"
    )
    s("run", "--interval-start", "2026-11-01T00:00:00Z", "--interval-end", "2026-11-02T00:00:00Z")
    assert rows(s) == [{"id": 2, "name": "éé"}, {"id": 9007199254740993, "name": "1.10"}]
    assert site.requests[0].query == {"q": "a b&c", "day": "2026-11-01/02"}
    assert site.requests[0].headers["x-v"] == "2"


def test_one_object_and_no_content(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", Reply.json({"id": 1, "name": "one"}))
    s = api()
    s("run")
    assert rows(s) == [{"id": 1, "name": "one"}]
    site.on("/items", Reply(204))
    api()("collect", code=99)


# --- who we are ---


def test_credentials_are_sent_and_written_nowhere(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", Reply.json(ITEMS))
    cases = {
        "basic": ("auth: basic", "http://u:S3%2FCRET@127.0.0.1", "authorization", "Basic dTpTMy9DUkVU"),
        "bearer": ("auth: bearer", "http://:S3%2FCRET@127.0.0.1", "authorization", "Bearer S3/CRET"),
        "header": ("auth: header, auth_header: X-Key", "http://:S3%2FCRET@127.0.0.1", "x-key", "S3/CRET"),
    }
    for more, conn, name, value in cases.values():
        s = api(f"connection: shop, {more}", shop=conn)
        done = s("run")
        assert site.requests[-1].headers[name] == value
        assert "S3/CRET" not in done.stderr + done.stdout
        for file in (p for p in s.home.rglob("*") if p.is_file()):
            assert b"S3/CRET" not in file.read_bytes(), file


def test_oauth_token_is_fetched_once_and_again_when_it_is_refused(site: HttpServer, api: Callable[..., Sluice]) -> None:
    def token(request: Request) -> Reply:
        return Reply.json({"access_token": f"t{len(site.asked('/token'))}", "token_type": "Bearer"})

    def items(request: Request) -> Reply:
        stale = request.headers["authorization"] == "Bearer t1" and request.query.get("page") == "2"
        return Reply(401) if stale else page(request)

    site.on("/token", token)
    site.on("/items", items)
    s = api(
        f"connection: shop, auth: oauth2, token_url: '{site.url('/token')}', scope: 'a b', "
        "paging: page, records: data.items",
        shop="http://c%3Ad:p%2Fw@127.0.0.1",
    )
    s("run")
    assert rows(s) == ITEMS
    asked = site.asked("/token")
    assert [r.body for r in asked] == [b"grant_type=client_credentials&scope=a%20b"] * 2
    assert asked[0].headers["authorization"] == "Basic YyUzQWQ6cCUyRnc="
    assert [r.headers["authorization"] for r in site.asked("/items")] == ["Bearer t1"] * 2 + ["Bearer t2"] * 3
    assert "t2" not in s("state").stdout


def test_a_refused_client_is_77_and_says_so(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/token", Reply.json({"error": "invalid_client"}, 400))
    s = api(f"connection: shop, auth: oauth2, token_url: '{site.url('/token')}'", shop="http://c:pw@127.0.0.1")
    done = s("collect", code=77)
    assert "invalid_client" in done.stderr
    api("connection: shop, auth: basic", shop="http://127.0.0.1")("collect", code=78)


def test_the_connection_gives_the_host(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", Reply.json(ITEMS))
    for conn in (f"http://127.0.0.1:{site.port}", json.dumps({"conn_type": "http", "host": site.url()})):
        s = api("connection: shop", url="/items", shop=conn)
        s("run")
        assert rows(s) == ITEMS


def test_credentials_do_not_follow_to_another_host(site: HttpServer, api: Callable[..., Sluice]) -> None:
    with HttpServer() as other:
        other.on("/data", Reply.json(ITEMS))
        site.on("/items", Reply.redirect(other.url("/data")))
        s = api("connection: shop, auth: header", shop="http://:K3Y@127.0.0.1")
        done = s("run")
        assert rows(s) == ITEMS
        assert site.requests[0].headers["x-api-key"] == "K3Y"
        assert "x-api-key" not in other.requests[0].headers
        assert "K3Y" not in done.stderr
        # and no page of another site is asked for at all
        site.on("/items", Reply.json({"items": ITEMS, "next": other.url("/more")}))
        s = api("connection: shop, auth: header, paging: next, records: items, next_path: next", shop="http://:K3Y@h")
        assert "another site" in s("collect", code=76).stderr
        assert other.asked("/more") == []


# --- what may not be connected to ---


def test_local_addresses_are_refused_unless_allowed(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", Reply.redirect("http://127.0.0.2:9/x"))
    done = api(allow="10.0.0.0/8")("collect", code=78)
    assert "its address is loopback" in done.stderr
    assert "allow_addresses" in done.stderr
    assert site.requests == []
    for spelling in ("localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"):
        api(url=site.url("/items", spelling), allow="10.0.0.0/8")("collect", code=78)
    assert site.requests == []
    assert "127.0.0.2" in api()("collect", code=78).stderr


# --- what goes wrong ---

FAULTS: dict[str, tuple[list[Any], int]] = {
    "refused": ([Reply(raw=b"")], 69),
    "cut": ([Reply(body=b'[{"id":1}]', length=400, cut=10)], 69),
    "shorter than promised": ([Reply(body=b'[{"id":1}]', length=11, cut=10)], 69),
    "cut in a chunk": ([Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n[{")], 69),
    "no answer": ([Reply(wait=3)], 69),
    "drop by drop": ([Reply(body=b" " * 100 + b"[]", pause=0.1)], 69),
    "500": ([Reply(500)], 69),
    "503": ([Reply(503)], 75),
    "408": ([Reply(408)], 75),
    "no HTTP": ([Reply(raw=b"SSH-2.0-x\r\n")], 76),
    "no JSON": ([Reply(body=b"<html>")], 76),
    "half a JSON": ([Reply(body=b'[{"id":1}')], 76),
    "two JSONs": ([Reply(body=b"[] []")], 76),
    "empty": ([Reply(body=b"")], 76),
    "deep": ([Reply(body=b"[" * 65 + b"]" * 65)], 76),
    "a scalar": ([Reply(body=b"7")], 76),
    "endless": ([Reply.endless()], 76),
    "gzip bomb": ([Reply.bomb("gzip")], 76),
    "zstd bomb": ([Reply.bomb("zstd")], 76),
    "gzip bomb within the limit": ([Reply.bomb("gzip", 3 << 20)], 76),
    "no gzip": ([Reply(body=b"[]", headers={"Content-Encoding": "gzip"})], 76),
    "header flood": ([Reply.header_flood()], 76),
    "not modified, of what": ([Reply(304)], 76),
    "a part of it": ([Reply(206, b'[{"id":9}]')], 76),
    "a redirect to itself": ([Reply.redirect("/items")], 76),
    "a redirect to a file": ([Reply.redirect("file:///etc/passwd")], 76),
    "401": ([Reply(401)], 77),
    "403": ([Reply(403)], 77),
    "404": ([Reply(404)], 66),
    "418": ([Reply(418)], 76),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_exit_code_and_keeps_nothing(
    fault: str, site: HttpServer, api: Callable[..., Sluice]
) -> None:
    replies, code = FAULTS[fault]
    site.on("/items", *replies)
    s = api("timeout: 1s, max_bytes: 4MiB")
    done = s("collect", code=code)
    assert done.result["exit"] == code
    assert "/items" in done.stderr or f":{site.port}" in done.stderr
    assert chunks(s) == []
    # the cure is seen by the next run
    site.on("/items", Reply.json(ITEMS))
    s("run")
    assert rows(s) == ITEMS
    assert len(chunks(s)) == 1


def test_what_fails_once_is_tried_again(site: HttpServer, api: Callable[..., Sluice]) -> None:
    for bad in (Reply(500), Reply(503), Reply(429, headers={"Retry-After": "-5"}), Reply(body=b"[", length=9, cut=1)):
        site.on("/items", bad, Reply.json(ITEMS))
        s = api()
        s("run")
        assert rows(s) == ITEMS


def test_a_wait_that_is_asked_for_is_kept(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", Reply(429, headers={"Retry-After": "1"}), Reply.json(ITEMS))
    api()("collect")
    assert 1.0 <= site.requests[1].at - site.requests[0].at < 2.0


def test_a_wait_beyond_the_budget_is_75_at_once_and_told(site: HttpServer, api: Callable[..., Sluice]) -> None:
    soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
    site.on("/items", Reply(429, headers={"Retry-After": soon}))
    begun = time.monotonic()
    done = api()("collect", code=75)
    assert time.monotonic() - begun < 10
    assert 3590 <= done.result["retry_after_s"] <= 3600
    assert len(site.requests) == 1


def test_the_delay_between_two_requests_is_kept(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", page)
    api("paging: page, records: data.items, delay: 300ms")("collect")
    gaps = [b.at - a.at for a, b in itertools.pairwise(site.requests)]
    # Seen from the server: a busy machine may bring one request late, and the next one seems early.
    assert len(gaps) == 3 and sum(gaps) >= 3 * 0.29 and min(gaps) >= 0.2, gaps


# --- TLS ---


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("ca"))


def old_tls(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


WEAK = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""

CERTIFICATES: dict[str, tuple[Callable[[Authority], ssl.SSLContext], int]] = {
    "good": (lambda a: a.server("good"), 0),
    "another host's": (lambda a: a.server("other", "DNS:other.test"), 76),
    "expired": (lambda a: a.server("expired", days=-1), 76),
    "self-signed": (lambda a: a.self_signed(), 76),
    "TLS 1.1": (lambda a: old_tls(a.server("old")), 76),
}


@pytest.mark.parametrize("which", CERTIFICATES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_certificates_are_verified(which: str, authority: Authority, api: Callable[..., Sluice]) -> None:
    context, code = CERTIFICATES[which]
    with HttpServer(context(authority)) as server:
        server.on("/items", Reply.json(ITEMS))
        known = json.dumps({"conn_type": "http", "host": "h", "extra": {"ca_file": str(authority.file)}})
        s = api("connection: shop", url=server.url("/items"), shop=known)
        (authority.folder / "openssl.cnf").write_text(WEAK)  # not the machine's strictness, but ours
        s("collect", code=code, env={"OPENSSL_CONF": str(authority.folder / "openssl.cnf")})
        assert len(server.requests) == (code == 0)
        # the system does not know this authority
        assert "ca_file" in api(url=server.url("/items"))("collect", code=76).stderr or which == "TLS 1.1"


def test_a_redirect_from_https_to_http_is_refused(
    authority: Authority, site: HttpServer, api: Callable[..., Sluice]
) -> None:
    with HttpServer(authority.server("down")) as server:
        server.on("/items", Reply.redirect(site.url("/items")))
        known = json.dumps({"conn_type": "http", "host": "h", "extra": {"ca_file": str(authority.file)}})
        done = api("connection: shop", url=server.url("/items"), shop=known)("collect", code=76)
        assert "https to http" in done.stderr
        assert site.requests == []


# --- pages that never end ---


def test_pages_that_never_end_do(site: HttpServer, api: Callable[..., Sluice]) -> None:
    def same_cursor(request: Request) -> Reply:
        after = request.query.get("cursor", "")
        items = {"": [1, 2], "c2": [3, 4], "c3": [5]}[after]
        return Reply.json({"items": [{"id": i} for i in items], "next": "c2" if not after else "c3"})

    def in_a_circle(request: Request) -> Reply:
        after = request.query.get("cursor", "")
        return Reply.json({"items": [{"id": 2 if after == "b" else 1}], "next": "a" if after == "b" else "b"})

    def always_empty(request: Request) -> Reply:
        return Reply.json({"items": [], "next": str(len(site.requests))})

    for handler, requests, ids in ((same_cursor, 3, [1, 2, 3, 4, 5]), (in_a_circle, 3, [1, 2]), (always_empty, 2, [])):
        site.requests.clear()
        site.on("/items", handler)
        s = api("paging: cursor, records: items, next_path: next")
        done = s("collect", code=0 if ids else 99)
        assert done.stderr.count("WARNING") == 1
        assert len(site.requests) == requests
        if ids:
            s("run")
            assert [r["id"] for r in rows(s)] == ids


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("paging", ["page", "offset"])
@pytest.mark.parametrize(("last", "requests"), [(1, 2), (3, 4)])
def test_a_page_that_comes_again_past_the_end_ends_the_pages(
    site: HttpServer, api: Callable[..., Sluice], paging: str, last: int, requests: int, whole: bool
) -> None:
    """Servers that give the last page again, and (last 1) those that take no notice of the number."""

    def clamped(request: Request) -> Reply:
        at = int(request.query[paging])
        number = min(last, at if paging == "page" else at // 2 + 1)
        items = [{"id": 2 * number}, {"id": 2 * number + 1}]
        return Reply.json({"asked": len(site.requests), "items": items})

    site.on("/items", clamped)
    done = (s := api(f"paging: {paging}, records: items" + (", input: whole" if whole else "")))("collect")
    assert done.stderr.count("WARNING") == 1 and "page repeated" in done.stderr
    assert len(site.requests) == requests
    s("run")
    assert [r["id"] for r in rows(s)] == list(range(2, 2 * last + 2))


@pytest.mark.parametrize(
    ("value", "says"), [({"href": "/items?page=2"}, "an object"), (["x"], "a list"), (True, "true")]
)
def test_a_next_path_that_holds_no_cursor_is_no_end(
    site: HttpServer, api: Callable[..., Sluice], value: Any, says: str
) -> None:
    site.on("/items", Reply.json({"items": [{"id": 1}], "next": value}))
    s = api("paging: cursor, records: items, next_path: next")
    assert says in s("collect", code=76).result["error"]
    site.on("/items", Reply.json({"items": [{"id": 1}], "next": []}))  # an empty list is none
    s("collect")


def test_keys_are_compared_as_letters(site: HttpServer, api: Callable[..., Sluice]) -> None:
    """Python's json.dumps writes them as escapes."""
    site.on("/items", lambda r: Reply.json({"données": [{"id": len(r.query) + 1}], "clé": None if r.query else "x"}))
    s = api("paging: cursor, records: données, next_path: clé")
    s("run")
    assert [r["id"] for r in rows(s)] == [1, 2]


@pytest.mark.parametrize("paging", ["link", "next, records: items, next_path: next"])
def test_a_link_counts_from_where_a_redirect_ended(site: HttpServer, api: Callable[..., Sluice], paging: str) -> None:
    site.on("/items", Reply.redirect("/v2/items/"))
    link = paging == "link"
    first, second = [{"id": 1}], [{"id": 2}]
    site.on(
        "/v2/items/",
        Reply.json(first, Link="<more>; rel=next") if link else Reply.json({"items": first, "next": "more"}),
    )
    site.on("/v2/items/more", Reply.json(second if link else {"items": second}))
    s = api(f"paging: {paging}")
    s("run")
    assert [r["id"] for r in rows(s)] == [1, 2]


def test_more_pages_than_allowed_are_65_and_nothing_is_stored(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", page)
    s = api("paging: page, records: data.items, max_pages: 2")
    assert "max_pages" in s("collect", code=65).stderr
    s.sets.append("api.max_pages=100")
    s("run")
    assert rows(s) == ITEMS


# --- killed, repeated, behind a time ---


def test_who_comes_again_goes_on_where_the_killed_one_stopped(site: HttpServer, api: Callable[..., Sluice]) -> None:
    for more, handler, requests in (PAGINGS["page"], PAGINGS["cursor"]):
        site.requests.clear()
        site.on("/items", handler)
        s = api(more)
        s("collect", "--run-id", "r1", code=137, env={"SLUICE_FAULT": "http.after_page:3:kill"})
        s("collect", "--run-id", "r1")
        targets = [r.target for r in site.requests]
        assert len(targets) == requests + 1, targets
        assert targets[2] == targets[3]  # the page that was read and not kept
        s("run", "--run-id", "r1")
        assert rows(s) == ITEMS
        assert len(site.requests) == requests + 1


def test_a_cursor_asks_for_what_changed_since_the_last_range(site: HttpServer, api: Callable[..., Sluice]) -> None:
    def dated(text: str, items: list[dict[str, Any]]) -> Reply:
        return Reply.json(items, Date=text)

    site.on("/items", dated("Wed, 25 Nov 2026 10:00:00 GMT", ITEMS[:2]))
    s = api("since_param: changed_since, lag: 15m, query: {sort: id}")
    s("run")
    assert site.requests[-1].query == {"sort": "id"}
    site.on("/items", dated("Wed, 25 Nov 2026 11:00:00 GMT", [{"id": 2, "name": "new"}, ITEMS[2]]))
    s("run")
    assert site.requests[-1].query == {"sort": "id", "changed_since": "2026-11-25T09:45:00Z"}
    assert rows(s) == [ITEMS[0], {"id": 2, "name": "new"}, ITEMS[2]]
    # nothing new: the cursor stays where it is
    site.on("/items", dated("Wed, 25 Nov 2026 12:00:00 GMT", []))
    s("collect", code=99)
    s("collect", code=99)
    assert site.requests[-1].query["changed_since"] == "2026-11-25T10:45:00Z"
    # a clock that stands still, or went back, makes no range
    site.on("/items", dated("Wed, 25 Nov 2026 10:59:59 GMT", ITEMS[3:]))
    s("collect", code=99)
    for form, want in (("unix", "1795603500"), ("unix_ms", "1795603500000"), ("date", "2026-11-25")):
        s.sets = [f"api.since_format={form}"]
        s("collect", code=99)
        assert site.requests[-1].query["changed_since"] == want


def test_an_api_collected_whole_replaces_what_is_no_longer_there(site: HttpServer, api: Callable[..., Sluice]) -> None:
    site.on("/items", page)
    s = api("input: whole, paging: page, records: data.items", store="{table: rows, mode: append}")
    s("run")
    assert rows(s) == ITEMS
    site.on("/items", Reply.json({"data": {"items": ITEMS[:2]}}), Reply.json({"data": {"items": []}}))
    s("run")
    assert rows(s) == ITEMS[:2]


# --- what the file says ---

MISTAKES = {
    "url: 'ftp://h/x'": "url is a URL of http or https",
    "url: 'http://u:p@h/x'": "credentials belong to the connection",
    "url: 'http://h/a b'": "may not stand in a URI's path",
    "url: /items": 'a path needs a "connection"',
    "url: 'http://h/', auth: basic": 'needs a "connection"',
    "url: 'http://h/', connection: c, auth: oauth2": 'needs "token_url"',
    "url: 'http://h/', paging: cursor": 'needs "next_path"',
    "url: 'http://h/', next_path: a": "belongs to paging",
    "url: 'http://h/', page_size: 10": "belong together",
    "url: 'http://h/', lag: 1m": "belongs to since_param",
    "url: 'http://h/', allow_addresses: [localhost]": "is no address",
    "url: 'http://h/', headers: {X-A: \"a\\nb\"}": "one line",
    "url: 'http://h/', query: {a: '{interval_start:%Q}'}": "%Q",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_the_file_are_found_before_anything_is_asked(
    mistake: str, make: Callable[..., Sluice], tmp_path: Path
) -> None:
    s = make(pipeline.write(tmp_path / "p", {"api": f"{{kind: http, {mistake}}}"}, CONTRACT, LATEST))
    assert MISTAKES[mistake] in s("validate", code=78).stderr
