"""What the ledger says is what the table holds: rejects, entries and counts after refusals, reruns and replays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import ALL, CONTRACT, COUNT, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
BAD = (900, "2026-01-01T00:00:00Z", "-4", "FR")
LIMIT = "rejects: {limit: 1}"
STRICT = CONTRACT.replace("min: 0", "min: 0, max: 10")
REJECTS = "select name, entry, rule, count(*) as n from sluice.reject group by name, entry, rule order by name, rule"
ENTRIES = "select entry, state, n_in, ok, bad, unchanged from sluice.entry order by entry"


def test_rules_that_were_refused_and_taken_back_leave_no_rejects(make: Make, tmp_path: Path, backend: str) -> None:
    s = make(write_pipeline(tmp_path, extra=LIMIT), backend)
    write_csv(tmp_path, "a.csv", [*rows(1, 3, total="50.00"), BAD])
    s("run", "--run-id", "r1")
    table, rejects = s.table(ALL), s.query(REJECTS)
    assert rejects == [{"name": "inbox/a.csv", "entry": 1, "rule": "min", "n": 1}]
    write_pipeline(tmp_path, extra=LIMIT, contract=STRICT)
    refused = s("run", "--run-id", "r1", code=65)
    assert "max" in refused.stdout
    assert [r["rule"] for r in s.query(REJECTS)] == ["max", "min"]
    assert s.query("select count(*) as n from sluice.reject r join sluice.applied a on a.rev = r.rev") == [{"n": 1}]
    write_pipeline(tmp_path, extra=LIMIT)
    s("run", "--run-id", "r1")
    assert (s.table(ALL), s.query(REJECTS)) == (table, rejects)
    assert s.query(ENTRIES) == [{"entry": 1, "state": "stored", "n_in": 4, "ok": 3, "bad": 1, "unchanged": 3}]


def test_refused_entry_is_forgotten_when_its_inputs_come_mended(make: Make, tmp_path: Path, backend: str) -> None:
    s = make(write_pipeline(tmp_path), backend)
    write_csv(tmp_path, "a.csv", [*rows(1, 3), BAD])
    s("run", "--run-id", "r1", code=65)
    write_csv(tmp_path, "a.csv", rows(1, 3))
    assert s("run").result["inserted"] == 3
    assert [(e["entry"], e["state"]) for e in s.query(ENTRIES)] == [(2, "stored")]
    assert s.query(REJECTS) == []
    assert s("run", "--run-id", "r1").result["written"] == 0


def test_rerun_counts_every_row_as_unchanged(make: Make, tmp_path: Path, backend: str) -> None:
    s = make(write_pipeline(tmp_path, extra=LIMIT), backend)
    write_csv(tmp_path, "a.csv", [*rows(1, 3), BAD])
    s("run", "--run-id", "r1")
    for stage in ("run", "store"):
        again = s(stage, "--run-id", "r1").result
        found = {k: again[k] for k in ("n_in", "kept", "rejected", "unchanged", "inserted", "written")}
        assert found == {"n_in": 4, "kept": 3, "rejected": 1, "unchanged": 3, "inserted": 0, "written": 0}, stage


def test_result_names_entries_that_wait(make: Make, tmp_path: Path, backend: str) -> None:
    s = make(write_pipeline(tmp_path), backend)
    write_csv(tmp_path, "a.csv", [*rows(1, 3), BAD])
    s("run", "--run-id", "r1", code=65)
    write_csv(tmp_path, "b.csv", rows(10, 3))
    s("collect", "--run-id", "r2")
    s("normalize", "--run-id", "r2")
    stored = s("store", "--run-id", "r2").result
    assert (stored["pending"], stored["note"], stored["inserted"]) == (1, "pending: drop/1", 3)


@pytest.mark.parametrize("first", ["each", "whole"])
def test_files_and_all_files_as_one_are_not_mixed(make: Make, tmp_path: Path, first: str) -> None:
    file = write_pipeline(tmp_path)
    text = file.read_text()
    write_csv(tmp_path, "a.csv", rows(1, 3))
    s = make(file)
    for kind in (first, "whole" if first == "each" else "each"):
        file.write_text(text.replace("codec: csv}", f"codec: csv, input: {kind}}}"))
        code = 0 if kind == first else 78
        assert ("input: whole" in s("run", code=code).result.get("error", "")) == (kind != first and first == "whole")
    file.write_text(text.replace("codec: csv}", f"codec: csv, input: {first}}}"))
    s("run")
    assert s.query(COUNT) == [{"n": 3}]


def test_replay_of_an_interval_reads_that_interval_again(make: Make, tmp_path: Path, backend: str) -> None:
    file = write_pipeline(tmp_path)
    text = file.read_text().replace("inbox/*.csv", "inbox/{interval_start:%Y-%m-%d}-*.csv")
    file.write_text(text)
    s = make(file, backend)
    for day in (1, 2):
        write_csv(tmp_path, f"2026-01-0{day}-a.csv", rows(10 * day, 3, total=f"{day}.00"))
        s("run", "--interval-start", f"2026-01-0{day}T00:00:00Z", "--interval-end", f"2026-01-0{day + 1}T00:00:00Z")
    before = s.table(ALL)
    file.write_text(text.replace("min: 0", "min: 0, max: 1000"))
    s("run", "--replay")
    assert s.table(ALL) == before
    assert len(s.query("select distinct rev from sluice.applied")) == 1
