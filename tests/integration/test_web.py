"""Source web against a served site: what is read, what is asked for, and what every trouble of a site leads to."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.site import Site, card, endless, listings, raw, record, slow, status
from tests.lib.stage import ROOT, Done, Sluice

Make = Callable[..., Sluice]
IMO = ROOT / "pipelines" / "imo" / "pipeline.yaml"
COLUMNS = "select * from silver.observations order by reference"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(listings(25, seed=1)) as served:
        yield served


def crawler(make: Make, site: Site, *sets: str, local: bool = True) -> Sluice:
    s = make(IMO)
    s.sets = [f"site.start={site.start}", "site.delay=0s", *sets]
    if local:
        s.sets.append("site.allow_addresses=127.0.0.0/8")
    return s


def collect(s: Sluice, code: int | tuple[int, ...] | None = 0, **env: str) -> Done:
    return s("collect", "--source", "site", "--run-id", "r1", code=code, env=env)


def run(s: Sluice, code: int = 0) -> Done:
    return s("run", "--source", "site", "--run-id", "r1", code=code)


def rows(s: Sluice) -> list[dict[str, Any]]:
    """What was observed, but for when and by which source."""
    hidden = re.compile(r"^_sl_|^date_extraction$")
    return [{k: v for k, v in r.items() if not hidden.match(k)} for r in s.query(COLUMNS)]


def entries(s: Sluice) -> list[dict[str, Any]]:
    return [json.loads(p.read_text()) for p in sorted((s.home / "imo" / "log" / "site").glob("*.json"))]


def pages(site: Site) -> int:
    return sum(n for target, n in site.requests.items() if target.startswith("/annonces"))


def details(site: Site) -> int:
    return sum(n for target, n in site.requests.items() if target.startswith("/annonce/"))


# --- what is read --------------------------------------------------------------------------------------------


def test_crawled_listings_equal_those_of_a_file(make: Make, site: Site, tmp_path: Path) -> None:
    web = crawler(make, site)
    assert run(web).result["kept"] == 25
    file = tmp_path / "same.json"
    file.write_text(json.dumps([record(x, site.base) | {"date_extraction": "2026-11-25T10:00:00"} for x in site.found]))
    files = make(IMO)
    files.sets = [f"fichiers.path={file}"]
    files("run", "--source", "fichiers")
    wanted, got = rows(files), rows(web)
    assert len(wanted) == 25
    for a, b in zip(wanted, got, strict=True):
        assert a == b


@pytest.mark.parametrize(
    ("charset", "said"), [("windows-1252", None), ("iso-8859-15", "iso-8859-15"), ("utf-8-sig", "iso-8859-1")]
)
def test_pages_are_read_in_their_own_encoding(make: Make, site: Site, charset: str, said: str | None) -> None:
    plain = crawler(make, site)
    run(plain)
    site.charset, site.said_charset = charset, said
    other = crawler(make, site)
    run(other)
    assert rows(other) == rows(plain)


def test_cards_alone_are_records_too(make: Make, site: Site) -> None:
    s = crawler(make, site, "site.details=false")
    assert run(s).result["kept"] == 25
    assert details(site) == 0
    assert {r["code_postal"] for r in rows(s)} == {x.postcode for x in site.found}


# --- what is asked for ---------------------------------------------------------------------------------------


def test_every_page_is_asked_for_once_and_the_pager_ends(make: Make, site: Site) -> None:
    s = crawler(make, site, "site.contact=https://example.org/bot")
    collect(s)
    assert (pages(site), details(site), site.requests["/robots.txt"]) == (3, 25, 1)
    assert set(site.requests.values()) == {1}
    assert all(re.match(r"Sluice/\S+ \(\+?https://example.org/bot\)", a) for a in site.agents)
    assert entries(s)[0]["complete"] is True
    s("collect", "--source", "site", "--run-id", "r1", "--again")
    assert pages(site) == 6


def test_limits_end_a_crawl_which_is_then_not_complete(make: Make, site: Site) -> None:
    s = crawler(make, site, "site.max_pages=2")
    collect(s)
    assert (pages(site), details(site)) == (2, 20)
    assert entries(s)[0]["complete"] is False
    few = crawler(make, site, "site.max_records=7")
    assert run(few).result["kept"] == 7
    assert entries(few)[0]["complete"] is False
    all_of_them = crawler(make, site, "site.max_pages=3", "site.max_records=25")
    collect(all_of_them)
    assert entries(all_of_them)[0]["complete"] is True


@pytest.mark.parametrize(("cards", "code"), [(4095, 0), (4096, 65)])
def test_no_card_of_a_long_page_is_left_out_in_silence(make: Make, site: Site, cards: int, code: int) -> None:
    page = card(site.found[0], site.base).encode() * cards
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
    site.fault("/annonces", raw(head.encode() + page))
    done = collect(crawler(make, site, "site.details=false"), code)
    assert done.result["n_in"] == (cards if code == 0 else 0)
    assert ("4096 records or more" in done.stderr) == (code != 0)


def test_delay_and_crawl_delay_are_kept(make: Make, site: Site) -> None:
    site.found = site.found[:4]
    site.robots = "User-agent: *\nCrawl-delay: 0.3\n"
    collect(crawler(make, site, "site.delay=100ms"))
    gaps = [b - a for a, b in zip(site.times, site.times[1:], strict=False)]
    # Seen from the server: a busy machine may bring one request late, and the next one seems early.
    assert len(gaps) == 4 and sum(gaps) >= 4 * 0.3 * 0.95 and min(gaps) >= 0.2, gaps


def test_robots_txt_is_obeyed(make: Make, site: Site) -> None:
    site.robots = "User-agent: *\nAllow: /annonces\nDisallow: /annonce/terrain-\n"
    s = crawler(make, site)
    done = run(s)
    land = [x for x in site.found if x.kind == "Terrain"]
    assert not any(t.startswith("/annonce/terrain-") for t in site.requests)
    assert f"pages={len(land)}" in next(x for x in done.stderr.splitlines() if "forbidden" in x)
    assert done.result["kept"] == 25  # what the card says is kept
    site.robots = "User-agent: *\nDisallow: /annonces\n"
    refused = collect(crawler(make, site), code=77)
    assert "robots.txt" in refused.result["error"]


# --- trouble -------------------------------------------------------------------------------------------------


def test_a_page_that_is_gone_or_broken_costs_that_page_only(make: Make, site: Site) -> None:
    gone, broken, cut, loop, huge, junk = (x.path for x in site.found[:6])
    site.fault(gone, status(404))
    site.fault(broken, status(500))
    site.fault(cut, raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9999\r\n\r\n<p>short", times=1))
    site.fault(loop, status(302, {"Location": loop}))
    site.fault(huge, endless)
    site.fault(junk, raw(b"\x00\x01 this is no HTTP\r\n\r\n"))
    s = crawler(make, site, "site.attempts=2", "site.retry_for=5s", "site.max_bytes=1MiB")
    done = run(s)
    assert done.result["kept"] == 25
    assert "pages=1" in next(x for x in done.stderr.splitlines() if "pages are gone" in x)
    warned = next(x for x in done.stderr.splitlines() if "could not be read" in x)
    assert "pages=4" in warned
    assert site.requests[cut] == 2  # asked again, and whole then


@pytest.mark.parametrize("first", ["/annonces?page=2", "/annonce/"])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(make: Make, site: Site, first: str) -> None:
    site.fault(first, status(503, {"Retry-After": "1"}, times=2))
    s = crawler(make, site)
    assert run(s).result["kept"] == 25
    assert entries(s)[0]["complete"] is True


def test_a_site_that_stays_away_ends_the_crawl_and_the_next_run_goes_on(make: Make, site: Site) -> None:
    """With a delay every list page is a step of its own."""
    site.fault("/annonces?page=3", status(503))
    s = crawler(make, site, "site.attempts=2", "site.retry_for=1s", "site.delay=60ms")
    assert collect(s, code=(69, 75)).result["kind"] in ("unavailable", "again")
    assert not entries(s)
    before = details(site)
    site.faults.clear()
    site.requests.clear()
    collect(s)
    assert before + details(site) == 25
    assert entries(s)[0]["complete"] is True
    assert run(s).result["kept"] == 25


def test_a_killed_crawl_fetches_no_finished_page_again(make: Make, site: Site) -> None:
    s = crawler(make, site, "site.delay=120ms")
    fault_free = crawler(make, site)
    run(fault_free)
    site.requests.clear()
    child = s.start("collect", "--source", "site", "--run-id", "r1")
    while pages(site) < 3:  # the first two are kept, or about to be
        assert child.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    collect(s)
    assert site.requests["/annonces"] == 1
    assert site.requests["/annonces?page=2"] == 1
    assert max(n for t, n in site.requests.items() if t in {x.path for x in site.found[:20]}) == 1
    run(s)
    assert rows(s) == rows(fault_free)


def test_addresses_of_ones_own_network_are_refused(make: Make, site: Site) -> None:
    done = collect(crawler(make, site, local=False), code=78)
    assert "loopback" in done.result["error"]
    assert not site.requests


def test_without_a_start_nothing_is_fetched(make: Make) -> None:
    s = make(IMO)
    done = s("collect", "--source", "site", code=99)
    assert "no start" in done.stderr


# --- sluice check --------------------------------------------------------------------------------------------


def checked(s: Sluice, code: int = 0) -> str:
    done = s("check", "--source", "site", code=code)
    return next(line for line in done.stdout.splitlines() if "source site" in line)


def test_check_asks_robots_one_list_and_one_record_and_keeps_the_delay(make: Make, site: Site) -> None:
    s = crawler(make, site, "site.delay=1s")
    begun = time.monotonic()
    assert checked(s).startswith("ok") and "answers, with something new" in checked(s)
    assert time.monotonic() - begun >= 4 * 0.95
    assert site.requests["/robots.txt"] == pages(site) == details(site) == 2
    assert not (s.home / "imo" / "bronze" / "site").exists() and entries(s) == []


def test_check_without_a_start_asks_nothing_and_says_so(make: Make) -> None:
    assert checked(make(IMO)).split(maxsplit=3) == ["skipped", "source", "site", "it is given nothing to ask for"]


def test_check_of_a_list_page_without_records_asks_no_further_page(make: Make, site: Site) -> None:
    site.found.clear()
    assert "answers, with nothing new" in checked(crawler(make, site))
    assert pages(site) == 1 and details(site) == 0


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        ("robots", 77, "robots.txt forbids it"),
        ("gone", 66, "status 404"),
        ("busy", 75, "status 503"),
        ("private", 78, "127.0.0.1"),
    ],
)
def test_check_says_what_is_wrong_with_a_site(make: Make, site: Site, fault: str, code: int, says: str) -> None:
    if fault == "robots":
        site.robots = "User-agent: *\nDisallow: /annonces\n"
    elif fault != "private":
        site.fault("/annonces", status(404 if fault == "gone" else 503))
    s = crawler(make, site, "site.attempts=1", local=fault != "private")
    line = checked(s, code)
    assert says in line and line.startswith("failed")
    assert fault != "robots" or pages(site) == 0


def test_a_slow_page_holds_up_only_itself(make: Make, site: Site) -> None:
    site.fault(site.found[0].path, slow(1.0))
    begun = time.monotonic()
    assert collect(crawler(make, site)).result["exit"] == 0
    assert time.monotonic() - begun < 15
    assert details(site) == 25


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("record: 'p >'", "an element is missing"),
        ("colour: red", 'unknown key "colour"'),
        ("key: nobody", '"nobody" is no field'),
        ("fields: {a: {regex: x}}", "neither css nor xpath"),
        ("fields: {a: {css: p, regex: '('}}", "pattern"),
        ("detail: {link: lien, fields: {}}", "must name fields"),
        ("start: [https://a.test/, https://a.test/b c]", 'start "https://a.test/b c" is no address of a page'),
        ("start: www.a.test/list", "begins with http:// or https://"),
    ],
)
def test_a_profile_that_is_wrong_says_where(make: Make, tmp_path: Path, line: str, says: str) -> None:
    profile = tmp_path / "bad.yaml"
    start = "" if line.startswith("fields") else "fields: {lien: {css: a, attribute: href}}\n"
    profile.write_text(start + line + "\n")
    s = make(IMO)
    s.sets = [f"site.profile={profile}"]
    done = s("validate", code=78)
    assert says in done.stderr + done.stdout
    assert "bad.yaml:" in done.stderr + done.stdout


@pytest.mark.parametrize("head", ["record: article\n", ""])
def test_list_pages_of_which_no_field_fits_are_told(make: Make, site: Site, tmp_path: Path, head: str) -> None:
    """A site that renamed its classes: what comes is no record, and silence would pass for an empty site."""
    profile = tmp_path / "renamed.yaml"
    profile.write_text(f"{head}fields: {{reference: .no-such-field}}\n")
    done = collect(crawler(make, site, f"site.profile={profile}"), 99)
    assert "no list page holds a record" in done.stderr
