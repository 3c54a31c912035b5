"""A crawl whose list pages fail, whose robots.txt changes, whose pager goes round: its code, and nothing lost."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_server import HttpServer, Reply
from tests.fakes.site import Fault, Site, endless, listings, raw, slow, status
from tests.lib.pipeline import write
from tests.lib.stage import ROOT, Sluice

Make = Callable[..., Sluice]
IMO = ROOT / "pipelines" / "imo" / "pipeline.yaml"
SECOND = "/annonces?page=2"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(listings(25, seed=1)) as served:
        yield served


def crawler(make: Make, site: Site, *sets: str) -> Sluice:
    s = make(IMO)
    s.sets = [f"site.start={site.start}", "site.allow_addresses=127.0.0.0/8", "site.delay=0s", *sets]
    return s


def rows(s: Sluice) -> list[dict[str, Any]]:
    hidden = re.compile(r"^_sl_|^date_extraction$")
    found = s.query("select * from silver.observations order by reference")
    return [{k: v for k, v in r.items() if not hidden.match(k)} for r in found]


def collect(s: Sluice, code: int | tuple[int, ...] = 0) -> str:
    return s("collect", "--source", "site", "--run-id", "r1", code=code).stderr


def stored(s: Sluice) -> list[dict[str, Any]]:
    s("run", "--source", "site", "--run-id", "r1")
    return rows(s)


@pytest.fixture
def fault_free(make: Make, site: Site) -> list[dict[str, Any]]:
    found = stored(crawler(make, site))
    assert len(found) == 25
    site.requests.clear()
    return found


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
FAULTS: dict[str, tuple[Fault, int]] = {
    "500": (status(500), 69),
    "503": (status(503), 75),
    "429": (status(429), 75),
    "403": (status(403), 77),
    "cut": (raw(HTML + b"Content-Length: 9999\r\n\r\n<p>short"), 69),
    "slow": (slow(3), 69),
    "endless": (endless, 76),
    "redirect loop": (status(302, {"Location": SECOND}), 76),
    "redirect to a file": (status(302, {"Location": "file:///etc/passwd"}), 76),
    "redirect to metadata": (status(302, {"Location": "http://169.254.169.254/latest/meta-data/"}), 78),
    "no HTTP": (raw(b"\x00\x01 this is no HTTP\r\n\r\n"), 76),
    "no HTML": (raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 4\r\n\r\n%PDF"), 65),
    "deep": (raw(HTML + b"Connection: close\r\n\r\n" + b"<div>" * 100_000), 65),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_list_page_that_fails_ends_the_crawl_which_goes_on_there(
    make: Make, site: Site, fault_free: list[dict[str, Any]], name: str
) -> None:
    fault, code = FAULTS[name]
    site.fault(SECOND, fault)
    s = crawler(make, site, "site.attempts=2", "site.retry_for=2s", "site.timeout=1s", "site.max_bytes=1MiB")
    told = collect(s, code)
    assert len([line for line in told.splitlines() if line.startswith("ERROR")]) == 1
    assert not list((s.home / "imo" / "log" / "site").glob("*.json"))
    site.faults.clear()
    assert stored(s) == fault_free
    once = {x.path for x in site.found[:10]} | {"/annonces"}
    assert {t: n for t, n in site.requests.items() if t in once and n > 1} == {}, "a finished page was fetched again"


def test_robots_txt_that_changes_between_two_attempts_is_obeyed_and_nothing_is_lost(
    make: Make, site: Site, fault_free: list[dict[str, Any]]
) -> None:
    site.fault(SECOND, status(503))
    s = crawler(make, site, "site.attempts=1")
    collect(s, 75)
    site.faults.clear()
    site.robots = "User-agent: *\nDisallow: /annonces?page=\n"
    asked = site.requests[SECOND]
    assert "robots.txt forbids it" in collect(s, 77)
    assert site.requests[SECOND] == asked
    site.robots = ""
    assert stored(s) == fault_free
    assert site.requests["/annonces"] == 1 and site.requests["/robots.txt"] == 3


def test_robots_txt_that_changes_in_mid_crawl_holds_for_the_next_attempt(make: Make, site: Site) -> None:
    """It is asked for once a day (RFC 9309 §2.4): a crawl keeps to the one that it began with."""

    def closes(handler: Any) -> bool:
        site.robots = "User-agent: *\nDisallow: /\n"
        return False

    site.fault(SECOND, closes)
    s = crawler(make, site)
    collect(s)
    assert site.requests["/robots.txt"] == 1 and site.requests["/annonces?page=3"] == 1
    assert "robots.txt forbids it" in s("collect", "--source", "site", "--run-id", "r2", code=77).stderr


def page(body: str) -> Reply:
    return Reply(body=body.encode(), headers={"Content-Type": "text/html"})


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_next_links_that_go_round_end(make: Make, tmp_path: Path, pages: int) -> None:
    (tmp_path / "site.yaml").write_text("next: .n\nrecord: .r\nfields: {id: i}\n")
    with HttpServer() as served:
        for k in range(pages):
            served.on(f"/{k}", page(f"<p class=r><i>{k}</i><a class=n href='/{(k + 1) % pages}#x'>next</a>"))
        source = (
            f'{{kind: web, profile: site.yaml, start: "{served.url("/0")}", delay: 0s, allow_addresses: 127.0.0.1}}'
        )
        s = make(write(tmp_path, {"site": source}, "{id: int64}"))
        s("run")
        assert len(served.requests) == pages + 1  # and robots.txt
    assert [r["id"] for r in s.query("select id from rows order by id")] == list(range(pages))


def test_the_delay_is_kept_to_5_percent_with_many_pages_under_way(make: Make, site: Site) -> None:
    site.found = site.found[:8]
    s = crawler(make, site, "site.delay=250ms", "site.in_flight=8")
    site.fault("/annonce/", slow(0.4))
    collect(s)
    gaps = len(site.times) - 1
    assert gaps == 8
    assert site.times[-1] - site.times[0] >= gaps * 0.25 * 0.95


# --- addresses that may not be connected to ---

INNER = {
    "loopback": "http://127.0.0.2:{port}/",
    "a name of loopback": "http://localhost:{port}/",
    "this host": "http://0.0.0.0:{port}/",
    "decimal": "http://2130706434:{port}/",
    "octal": "http://0177.0.0.2:{port}/",
    "hexadecimal": "http://0x7f000002:{port}/",
    "short": "http://127.2:{port}/",
    "private": "http://10.0.0.1:{port}/",
    "private, class C": "http://192.168.1.1/",
    "link-local": "http://169.254.1.1/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata, decimal": "http://2852039166/latest/meta-data/",
    "IPv6 loopback": "http://[::1]:{port}/",
    "IPv6 mapped": "http://[::ffff:127.0.0.2]:{port}/",
    "IPv6 mapped, hexadecimal": "http://[::ffff:7f00:2]:{port}/",
    "IPv6 private": "http://[fd00:ec2::254]/",
    "IPv6 link-local": "http://[fe80::1]/",
    "IPv6 translated": "http://[64:ff9b::7f00:2]:{port}/",
    "6to4": "http://[2002:7f00:2::]:{port}/",
}


@pytest.mark.parametrize("name", INNER)
def test_inner_addresses_are_refused_as_a_start_behind_a_redirect_and_as_a_link(
    make: Make, tmp_path: Path, name: str
) -> None:
    """Only the site's own address is allowed."""
    (tmp_path / "site.yaml").write_text(
        "record: .r\nfields: {id: i, lien: {css: a, link: true}}\ndetail: {link: lien, fields: {t: p}}\n"
    )
    with HttpServer() as served:
        inner = INNER[name].format(port=served.port)
        served.on("/to", Reply.redirect(inner))
        served.on("/list", page(f"<p class=r><i>1</i><a href='{inner}'>x</a>"))
        served.on("/robots.txt", Reply(404))

        def crawl(start: str, code: int) -> str:
            source = f'{{kind: web, profile: site.yaml, start: "{start}", delay: 0s, allow_addresses: 127.0.0.1}}'
            pipeline = write(tmp_path, {"site": source}, "{id: int64, t: text}")
            if name == "a name of loopback":  # allowed: 127.0.0.1
                pipeline.write_text(
                    pipeline.read_text().replace("allow_addresses: 127.0.0.1", "allow_addresses: 127.0.0.3")
                )
            return make(pipeline)("collect", "--run-id", "r", code=code).stderr

        for start in (inner, served.url("/to"), served.url("/list")):
            told = crawl(start, 78)
            assert "its address is" in told and "allow_addresses" in told, told
        assert {r.path for r in served.requests} <= {"/robots.txt", "/to", "/list"}
        assert all(r.headers["host"].startswith("127.0.0.1:") for r in served.requests)


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """A file that the program takes for /etc/hosts."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    return file


def test_a_name_that_changes_its_mind_is_refused_by_its_address(make: Make, tmp_path: Path, hosts: Path) -> None:
    """First the name is an allowed address, then an inner one, then both."""
    with HttpServer() as served:
        served.on("/items", Reply.json([{"id": 1}]))
        url = served.url("/items", "rebind.test")
        source = f'{{kind: http, url: "{url}", allow_addresses: [127.0.0.1], delay: 0s, attempts: 1}}'
        s = make(write(tmp_path, {"api": source}, "{id: int64}"))

        def collect_as(addresses: str, run: str) -> subprocess.CompletedProcess[str]:
            hosts.write_text("".join(f"{a} rebind.test\n" for a in addresses.split()))
            script = 'mount --bind "$0" /etc/hosts && exec "$@"'
            argv = ["unshare", "--mount", "sh", "-c", script, str(hosts), *s.argv("collect", "--run-id", run)]
            return subprocess.run(argv, env=s.environment(), capture_output=True, text=True, timeout=60, check=False)

        first = collect_as("127.0.0.1", "r1")
        assert first.returncode == 0, first.stderr
        changed = collect_as("127.0.0.2", "r2")
        assert changed.returncode == 78 and "its address is loopback" in changed.stderr, changed.stderr
        both = collect_as("127.0.0.2 127.0.0.1", "r3")
        assert both.returncode in (0, 78), both.stderr
        assert len(served.requests) == 1 + (both.returncode == 0)
