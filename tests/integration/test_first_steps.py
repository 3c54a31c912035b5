"""What somebody meets who is new: the README's example, misspellings, the way on that a run names."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.site import Site, listings, status
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import BIN, ROOT, Sluice

Make = Callable[..., Sluice]
ORDERS = ROOT / "pipelines" / "orders" / "pipeline.yaml"
IMO = ROOT / "pipelines" / "imo"


def test_readme_example_has_as_many_lines_as_it_says_and_runs(make: Make, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    lines, example = re.search(r"^## A pipeline in (\d+) lines\n\n```yaml\n(.*?)^```", text, re.M | re.S).groups()  # type: ignore[union-attr]
    assert len(example.splitlines()) == int(lines)
    folder = tmp_path / "orders"
    shutil.copytree(ORDERS.parent / "inbox", folder / "inbox")
    (folder / "pipeline.yaml").write_text(example)
    s = make(folder / "pipeline.yaml")
    s("run")
    assert {r["country"] for r in s.query("select distinct country from orders")} == {"FR", "BE", "CH", "LU"}


@pytest.mark.parametrize("command", ["run", "query"])
def test_help_of_a_command_is_that_of_its_flag(command: str) -> None:
    said = [
        subprocess.run([BIN / "sluice", *words], capture_output=True, text=True, check=True).stdout
        for words in (["help", command], [command, "--help"])
    ]
    assert said[0] == said[1]
    assert said[0].startswith(f"NAME\n    sluice{'-' if command == 'query' else ' '}{command} - ")


def test_an_unknown_backend_is_answered_with_those_there_are(make: Make, tmp_path: Path) -> None:
    s = make(ORDERS)
    s.backend = "lokal"
    assert "the file has embedded, local" in s("plan", code=78).result["error"]
    file = write_pipeline(tmp_path / "shop")
    file.write_text(file.read_text().partition("backends:")[0])
    s.pipeline = str(file)
    assert 'add others to "backends"' in s("plan", code=78).result["error"]


def test_next_names_the_backend_that_was_named(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path / "shop"))
    write_csv(tmp_path / "shop", "a.csv", rows(1, 2))
    done = s("run")  # with --backend embedded
    assert f"next        sluice query {s.pipeline} --backend embedded --sql" in done.stdout + done.stderr
    told = subprocess.run([BIN / "sluice", "run", s.pipeline], env=s.environment(), capture_output=True, text=True)
    assert f"next        sluice query {s.pipeline} --sql" in told.stdout + told.stderr


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("number: {from: total, into: total}", 'but must be text: read the text in "fields", under another name'),
        ('number: {from: "Prix unitaire", into: total}', 'give the record\'s field a name in "fields"'),
        ("map: {from: country, into: total, values: {a: b}}", r"but must be text$"),
    ],
)
def test_a_rule_over_a_value_that_was_read_already_is_told_the_way(
    make: Make, tmp_path: Path, rule: str, says: str
) -> None:
    write_pipeline(tmp_path / "shop", extra=f"rules:\n  - {rule}")
    done = make(tmp_path / "shop" / "pipeline.yaml")("validate", code=78)
    assert re.search(says, done.stdout + done.stderr, re.M), done.stdout + done.stderr


@pytest.mark.parametrize("words", [("query", "--sql", "select 1"), ("rejects", "show")])
def test_an_empty_store_is_told_with_its_backend(make: Make, words: tuple[str, ...]) -> None:
    assert 'nothing yet on backend "embedded"' in make(ORDERS)(*words, code=66).result["error"]


def test_a_table_of_other_columns_is_told_both_cures(make: Make, tmp_path: Path) -> None:
    file = write_pipeline(tmp_path / "shop")
    s = make(file)
    write_csv(tmp_path / "shop", "a.csv", rows(1, 2))
    s("run")
    file.write_text(file.read_text().replace("  total:", "  note: text\n  total:"))
    hint = s("run", code=78).result["hint"]
    assert "sluice rebuild shop" in hint and "evolve: add" in hint
    s.sets.append("store.evolve=add")
    s("run")


def test_state_before_the_first_run_says_so(make: Make) -> None:
    assert "source drop: nothing collected yet" in make(ORDERS)("state").stdout


def test_plan_explain_names_every_connection_and_stays_in_column(make: Make, tmp_path: Path) -> None:
    file = write_pipeline(tmp_path / "shop", extra="description: été")
    file.write_text(file.read_text() + "  far: {bronze: {s3: lake}, queue: {redis: queue}, store: duckdb}\n")
    s = make(file)
    s.backend = "far"
    s.env |= {"SLUICE_CONN_LAKE": "aws://k:s@/bucket", "SLUICE_CONN_QUEUE": "redis://h:1/0"}
    told = s("plan", "--explain").stdout.splitlines()
    assert {x.split(" = ")[0] for x in told if x.startswith("connection")} == {"connection lake", "connection queue"}
    assert next(x for x in told if x.startswith("description")).index("#") == 50


# --- a profile's first version --------------------------------------------------------------------------------


def crawl(make: Make, tmp_path: Path, profile: str, **faults: int) -> str:
    folder = tmp_path / "imo"
    shutil.copytree(IMO, folder)
    (folder / "sites" / "iad.yaml").write_text(profile)
    s = make(folder / "pipeline.yaml")
    with Site(listings(3, seed=1)) as site:
        for part, code in faults.items():
            site.fault(f"/{part}/", status(code))
        s.sets = [f"site.start={site.start}", "site.delay=0s", "site.allow_addresses=127.0.0.0/8"]
        return s("collect", "--source", "site", "--run-id", "r1", code=(0, 99)).stderr


def test_a_link_is_its_href_without_being_asked(make: Make, tmp_path: Path) -> None:
    profile = (IMO / "sites" / "iad.yaml").read_text()
    said = crawl(make, tmp_path, profile.replace("attribute: href, link: true", "link: true"))
    assert "gone" not in said


def test_a_profile_that_fits_no_page_is_a_warning(make: Make, tmp_path: Path) -> None:
    profile = re.sub(r"^record: .*$", 'record: ".no-such-card"', (IMO / "sites" / "iad.yaml").read_text(), flags=re.M)
    said = crawl(make, tmp_path, profile)
    assert re.search(r'^WARNING .* no list page holds a record.* record="\.no-such-card"', said, re.M), said


def test_pages_that_are_all_gone_are_a_warning(make: Make, tmp_path: Path) -> None:
    said = crawl(make, tmp_path, (IMO / "sites" / "iad.yaml").read_text(), annonce=404)
    assert re.search(r'^WARNING .* pages are gone .*pages=3 first="http.*/annonce/', said, re.M), said


def test_records_without_a_link_to_their_page_are_a_warning(make: Make, tmp_path: Path) -> None:
    profile = (IMO / "sites" / "iad.yaml").read_text()
    said = crawl(make, tmp_path, profile.replace("attribute: href, link", "attribute: hreflang, link"))
    assert re.search(r"^WARNING .* no record has a link to its page.* field=lien", said, re.M), said
