"""Files that are not read again: a fingerprint is believed as soon as it can be, whatever came before."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.lib.shop import COUNT, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]


def wait_trusted(file: Path) -> None:
    """A change within the clock's tick leaves no trace, so a young file is always read."""
    deadline = time.monotonic() + 10
    while time.time() - file.stat().st_ctime < 2.1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def plan(s: Sluice) -> str:
    """What collect would do with a.csv: "read" or "known"."""
    return s("collect", "--run-id", "look", "--dry-run").stdout.split("\t")[0]


def test_young_or_touched_file_is_read_once_more_and_no_oftener(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path))
    file = write_csv(tmp_path, "a.csv", rows(1, 3))
    s("run")
    for _ in range(2):
        wait_trusted(file)
        assert plan(s) == "read"
        s("collect", "--run-id", "again", code=99)
        assert plan(s) == "known"
        file.touch()
    wait_trusted(file)
    s("collect", "--run-id", "again", code=99)
    write_csv(tmp_path, "a.csv", rows(1, 4))
    assert plan(s) == "read"
    s("run")
    wait_trusted(file)
    assert plan(s) == "read", "what was seen of the older edition does not count"
    assert s.query(COUNT) == [{"n": 4}]


def test_lost_or_damaged_list_costs_one_reading(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path))
    file = write_csv(tmp_path, "a.csv", rows(1, 3))
    s("run")
    wait_trusted(file)
    s("collect", "--run-id", "again", code=99)
    seen = s.home / "shop" / "seen" / "drop.json"
    assert plan(s) == "known"
    seen.write_text('{"inputs":[{"name":7}')
    assert plan(s) == "read"
    s("collect", "--run-id", "again", code=99)
    assert plan(s) == "known"
