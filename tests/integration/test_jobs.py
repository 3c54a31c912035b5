"""Jobs: stages that run by a schedule of their own, with the interval of that schedule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import write_csv, write_pipeline
from tests.lib.stage import ROOT, Sluice

Make = Callable[..., Sluice]
MARCH = ("--interval-start", "2026-03-01T00:00:00Z", "--interval-end", "2026-04-01T00:00:00Z")
SQL = """\
select id from shop
where placed >= :interval_start::timestamptz and placed < :interval_end::timestamptz order by id
"""
JOB = """\
queries: {{month: {{}}}}
jobs:
  audit:
    description: The month's orders
    schedule: {{cron: "0 4 1 * *", timezone: Europe/Paris, retries: 1}}
    steps: [{steps}]
"""


def write(folder: Path, *steps: str) -> Path:
    path = write_pipeline(folder / "shop", extra=JOB.format(steps=", ".join(json.dumps(s) for s in steps)))
    (folder / "shop" / "queries").mkdir(exist_ok=True)
    (folder / "shop" / "queries" / "month.sql").write_text(SQL)
    return path


def job(s: Sluice) -> dict[str, object]:
    (found,) = json.loads(s("plan", "--json").stdout)["jobs"]
    return dict(found)


def test_plan_has_the_jobs_steps_with_their_words_and_a_report_behind_them(make: Make, tmp_path: Path) -> None:
    s = make(write(tmp_path, "check", "export  --query month -o month.csv", "export -o all.csv"))
    found = job(s)
    assert (found["name"], found["description"]) == ("audit", "The month's orders")
    assert found["schedule"] == {"cron": "0 4 1 * *", "timezone": "Europe/Paris", "start": None, "catchup": False}
    stages = found["stages"]
    assert isinstance(stages, list)
    told = [(st["name"], st["argv"][0], st["argv"][4:], st["takes"], st["retries"]) for st in stages]
    both = ["interval", "run-id"]
    assert told == [
        ("check", "sluice-check", [], ["interval"], 1),
        ("export", "sluice-export", ["--query", "month", "-o", "month.csv"], both, 1),
        ("export_2", "sluice-export", ["-o", "all.csv"], both, 1),
        ("report", "sluice-report", ["--show"], both, 1),
    ]
    assert "job       audit: 0 4 1 * * Europe/Paris" in s("plan").stdout


def test_step_that_this_version_cannot_do_is_told_with_its_place(make: Make, tmp_path: Path) -> None:
    path = write(tmp_path, "check", "clairvoyance", "export --qery month", "check --interval-starts=1")
    s = make(path)
    for command in ("plan", "validate"):
        done = s(command, code=78)
        line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "steps:" in text)
        places = [text.split(" error")[0] for text in done.stderr.splitlines() if ": error[E1008]" in text]
        assert len(places) == 3 and all(f"pipeline.yaml:{line}:" in place for place in places)
        for word in ('no stage "clairvoyance"', 'no flag "--qery"', 'no flag "--interval-starts"'):
            assert word in done.stderr


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], "E1004"),
        ([" "], "E1005"),
        (["Check"], "E1005"),
        (["check --run-id x"], "E1005"),
        (["check --pipeline=other"], "E1005"),
        (["export --sql 'select 1' -o x"], "E1005"),
    ],
)
def test_steps_that_cannot_be_read_are_refused(make: Make, tmp_path: Path, steps: list[str], code: str) -> None:
    done = make(write(tmp_path, *steps))("validate", code=78)
    assert f"error[{code}]" in done.stderr, done.stderr


def test_schedule_of_a_job_is_checked_as_that_of_the_pipeline(make: Make, tmp_path: Path) -> None:
    path = write(tmp_path, "check")
    path.write_text(path.read_text().replace("0 4 1 * *", "0 4 1 * * *").replace("Europe/Paris", "Europe/Pari"))
    done = make(path)("validate", code=78)
    assert "error[E1005]" in done.stderr and "error[E1008]" in done.stderr


def test_a_job_changes_no_rows_and_so_no_rev(make: Make, tmp_path: Path) -> None:
    path = write(tmp_path, "check")
    s = make(path)
    rev = json.loads(s("plan", "--json").stdout)["rev"]
    path.write_text(path.read_text().split("jobs:")[0] + "backends:" + path.read_text().split("backends:")[1])
    found = json.loads(s("plan", "--json").stdout)
    assert (found["jobs"], found["rev"]) == ([], rev)


def test_export_and_query_know_the_interval_of_the_run(make: Make, tmp_path: Path, backend: str) -> None:
    path = write(tmp_path, "check")
    write_csv(path.parent, "0.csv", [(1, "2026-02-28T23:59:59Z", "1", "FR"), (2, "2026-03-01T00:00:00Z", "1", "FR")])
    write_csv(path.parent, "1.csv", [(3, "2026-03-31T23:59:59Z", "1", "FR"), (4, "2026-04-01T00:00:00Z", "1", "FR")])
    s = make(path, backend)
    s("run")
    s("export", "--query", "month", "-o", str(tmp_path / "{interval_start:%Y-%m}.csv"), *MARCH)
    assert (tmp_path / "2026-03.csv").read_text().split() == ["id", "2", "3"]
    told = ("--param", "interval_end=2026-03-02")
    assert s("query", "month", "--format", "csv", *MARCH, *told).stdout.split() == ["id", "2"]
    assert "interval_start" in s("query", "month", code=64).stderr
    refused = s("export", "-o", str(tmp_path / "{interval_end:%Y}.csv"), code=64)
    assert "needs an interval" in refused.stderr


def test_imo_lists_what_is_older_than_it_may_be(make: Make, tmp_path: Path) -> None:
    s = make(ROOT / "pipelines" / "imo" / "pipeline.yaml")
    s("run")
    found = {}
    for year in (2026, 2030):
        month = ("--interval-start", f"{year}-01-01T00:00:00Z", "--interval-end", f"{year}-02-01T00:00:00Z")
        found[year] = len(s("query", "conservation", "--format", "csv", *month).stdout.splitlines()) - 1
    assert found[2026] == 0 and found[2030] > 0
