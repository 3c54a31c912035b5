"""How much of a page source web reads: all of it, or it says which selector is too much for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_server import HttpServer, Reply
from tests.lib.pipeline import write
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
CONTRACT = "{id: int64, t: text, many: 'list<text>'}"
SIBLINGS = "<b></b>" * 150_000


@pytest.fixture
def site() -> Iterator[HttpServer]:
    with HttpServer() as served:
        yield served


@pytest.fixture
def crawl(make: Make, tmp_path: Path, site: HttpServer) -> Callable[..., Sluice]:
    def of(profile: str) -> Sluice:
        (tmp_path / "site.yaml").write_text(profile)
        source = f'{{kind: web, profile: site.yaml, start: "{site.url("/")}", delay: 0s, allow_addresses: 127.0.0.1}}'
        return make(write(tmp_path, {"site": source}, CONTRACT))

    return of


def page(html: str) -> Reply:
    return Reply(body=html.encode(), headers={"Content-Type": "text/html"})


def rows(s: Sluice, columns: str = "id, t") -> list[dict[str, Any]]:
    return s.query(f"select {columns} from rows order by id")


def test_a_list_of_5000_values_is_whole(site: HttpServer, crawl: Callable[..., Sluice]) -> None:
    site.on("/", page("<i>1</i>" + "".join(f"<b>{i}</b>" for i in range(5000))))
    s = crawl("fields: {id: i, many: {css: b, many: true}}\n")
    s("run")
    assert rows(s, "len(many) as n, many[1] as first, many[5000] as last") == [
        {"n": 5000, "first": "0", "last": "4999"}
    ]


@pytest.mark.parametrize("way", ["css: b", 'xpath: "//b"', "css: b, regex: '.*a'"])
def test_a_value_behind_5000_empty_elements_is_found(site: HttpServer, crawl: Callable[..., Sluice], way: str) -> None:
    site.on("/", page("<i>1</i>" + "<b> </b>" * 5000 + "<b>a</b>"))
    s = crawl("fields: {id: i, t: {" + way + "}}\n")
    s("run")
    assert rows(s) == [{"id": 1, "t": "a"}]


def test_a_pager_of_200_links_back_hides_no_link_on(site: HttpServer, crawl: Callable[..., Sluice]) -> None:
    back = "<a class=n href='/'>1</a>" * 200
    site.on("/", page(f"<p class=r><i>1</i>{back}<a class=n href='/2'>2</a>"))
    site.on("/2", page("<p class=r><i>2</i>" + back))
    s = crawl("next: .n\nrecord: .r\nfields: {id: i}\n")
    s("run")
    assert [r["id"] for r in rows(s)] == [1, 2]


@pytest.mark.parametrize(
    "base", ["", "<head><base target=x><base href='/d/'><base href='/e/'></head>", "<base href='javascript:0'>"]
)
def test_links_count_from_the_base_and_those_to_no_page_are_passed_over(
    site: HttpServer, crawl: Callable[..., Sluice], base: str
) -> None:
    at = "/d/" if "/d/" in base else "/"
    ways = ["javascript:next(2)", "mailto:x@y.test", "https:p2", "p2"]
    links = "".join(f"<a class=n href='{w}'>n</a>" for w in ways)
    site.on("/", page(f"{base}<p class=r><i>1</i><a class=d href='x1'>d</a></p>{links}"))
    site.on(at + "p2", page("<p class=r><i>2</i><a class=d href='javascript:show(2)'>d</a></p>"))
    site.on(at + "x1", page("<title>one</title>"))
    s = crawl(
        "next: .n\nrecord: .r\nfields: {id: i, u: {css: .d, link: true}}\ndetail: {link: u, fields: {t: title}}\n"
    )
    s("run")
    assert rows(s) == [{"id": 1, "t": "one"}, {"id": 2, "t": None}]


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("fields: {t: .t, many: {css: 'u ~ b', many: true}}", 'field "many": css "u ~ b"'),
        ("within: 'b:has(~ u)', fields: {t: .t}", 'within "b:has(~ u)"'),
        ("without: ['u ~ b'], fields: {t: .t}", 'without "u ~ b"'),
        ("fields: {t: .t, many: {xpath: '//b[count(preceding::b) = 1]'}}", 'xpath "//b[count(preceding::b) = 1]"'),
    ],
)
def test_a_record_whose_page_takes_too_many_steps_keeps_what_its_list_page_said(
    site: HttpServer, crawl: Callable[..., Sluice], detail: str, told: str
) -> None:
    site.on("/", page("".join(f"<p class=r><i>{i}</i><s>list</s><a href='/{i}'>x</a>" for i in (1, 2))))
    site.on("/1", page("<p class=t>page</p>" + SIBLINGS))
    site.on("/2", page("<p class=t>page</p><u></u><b></b><u></u>"))
    s = crawl(f"record: .r\nfields: {{id: i, t: s, lien: {{css: a, link: true}}}}\ndetail: {{link: lien, {detail}}}\n")
    done = s("run")
    warned = [line for line in done.stderr.splitlines() if "pages could not be read" in line]
    assert len(warned) == 1 and "pages=1" in warned[0] and told.replace('"', "'") in warned[0]
    assert "the page takes more than 50000000 steps" in warned[0] and "let the selector say more" in warned[0]
    assert rows(s)[0] == {"id": 1, "t": "list"}
    assert rows(s)[1]["t"] == ("page" if "within" not in detail else "list")


def test_a_list_page_that_takes_too_many_steps_is_65_and_what_was_read_before_stays(
    site: HttpServer, crawl: Callable[..., Sluice]
) -> None:
    site.on("/", page("<p class=r><i>1</i><a class=n href='/2'>2</a>"))
    site.on("/2", page("<p class=r><i>2</i></p>" + SIBLINGS), page("<p class=r><i>2</i></p>"))
    s = crawl("next: .n, u ~ b\nrecord: .r\nfields: {id: i}\n")
    done = s("run", "--run-id", "r1", code=65)
    assert 'next ".n, u ~ b": the page takes more than 50000000 steps' in done.stderr
    assert "let the selector say more" in done.stderr
    s("run", "--run-id", "r1")
    assert [r["id"] for r in rows(s)] == [1, 2]


def test_a_regex_that_gives_up_is_told(site: HttpServer, crawl: Callable[..., Sluice]) -> None:
    site.on("/", page("<i>1</i><b>" + "a" * 40 + "!</b>"))
    done = crawl("fields: {id: i, t: {css: b, regex: '(?:a|a(?=a)|a)+$'}}\n")("run", code=65)
    assert 'field "t": regex "(?:a|a(?=a)|a)+$" gave up' in done.stderr
