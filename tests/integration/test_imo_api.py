"""The listings from an API, as the pipeline's README sets it up, are the listings from the files."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_server import HttpServer, Reply, Request
from tests.lib.stage import ROOT, Sluice

IMO = ROOT / "pipelines" / "imo"
DAYS = {"2026-03-02": "valbrume_20260302.json", "2026-03-10": "valbrume_20260310.json"}
TABLES = ("silver.observations", "silver.annonces", "silver.historique", "gold.marche", "gold.v_synthese_generale")
PAGE = 4


def read(day: str) -> list[dict[str, Any]]:
    return json.loads((IMO / "exemples" / DAYS[day]).read_text())


def answer(request: Request) -> Reply:
    if request.headers.get("authorization") != "Bearer J3TON":
        return Reply.json({"erreur": "jeton"}, 401)
    listings = read(request.query["relevees_le"])
    first = int(request.query.get("apres", 0))
    after = first + PAGE
    following = {"suivante": str(after)} if after < len(listings) else {}
    return Reply.json({"annonces": listings[first:after], "page": following})


@pytest.fixture
def site() -> Iterator[HttpServer]:
    with HttpServer() as server:
        server.on("/v1/annonces", answer)
        yield server


@pytest.fixture
def from_api(site: HttpServer, make: Callable[..., Sluice], tmp_path: Path) -> Sluice:
    folder = tmp_path / "imo"
    shutil.copytree(IMO, folder)
    found = re.search(r"^```yaml\n(sources:\n.*?)^```", (folder / "README.md").read_text(), re.M | re.S)
    assert found, "the README sets no API up"
    file = folder / "pipeline.yaml"
    text, n = re.subn(r"^sources:\n(  .*\n)+", found[1], file.read_text(), flags=re.M)
    assert n == 1
    file.write_text(text)
    s = make(file)
    s.env["SLUICE_CONN_IMO_API"] = f"http://:J3TON@127.0.0.1:{site.port}"
    s.sets = ["api.allow_addresses=127.0.0.1", "api.delay=50ms"]
    return s


def rows(s: Sluice, table: str) -> list[str]:
    """Every column but those of our own."""
    return sorted(
        json.dumps({k: v for k, v in row.items() if not k.startswith("_sl_")})
        for row in s.query(f"select * from {table}")
    )


def test_an_api_gives_the_rows_of_the_files(from_api: Sluice, site: HttpServer, make: Callable[..., Sluice]) -> None:
    files = make("imo")
    files("run")
    for day in DAYS:
        from_api("run", "--interval-start", f"{day}T00:00:00Z", "--interval-end", f"{day}T23:59:59Z")
    for table in TABLES:
        assert rows(files, table)
        assert rows(from_api, table) == rows(files, table), table
    pages = sum(-(-len(read(day)) // PAGE) for day in DAYS)
    assert len(site.requests) == pages
    gaps = [b.at - a.at for a, b in itertools.pairwise(site.asked("/v1/annonces"))]
    assert min(gaps) >= 0.03  # seen from the server, which may be woken late


def test_a_wrong_token_is_77(from_api: Sluice) -> None:
    from_api.env["SLUICE_CONN_IMO_API"] = from_api.env["SLUICE_CONN_IMO_API"].replace("J3TON", "FAUX")
    done = from_api(
        "collect", "--interval-start", "2026-03-02T00:00:00Z", "--interval-end", "2026-03-03T00:00:00Z", code=77
    )
    assert "FAUX" not in done.stderr
