"""What the ledger says is what the table holds: rejects, entries and counts after refusals, reruns and replays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.feed import stopped
from tests.lib.services import Postgres
from tests.lib.shop import ALL, CONTRACT, COUNT, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice, finish

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


PARTS = "select name, part, n_in, ok, bad, dup, filtered from sluice.part order by name, chunk, part"
PART_ROWS = 16384


def part(name: str, number: int, n_in: int, bad: int = 0, filtered: int = 0) -> dict[str, object]:
    ok = n_in - bad - filtered
    return {"name": name, "part": number, "n_in": n_in, "ok": ok, "bad": bad, "dup": 0, "filtered": filtered}


@pytest.mark.parametrize("mode", ["append", "latest"])
def test_each_part_has_its_counts(make: Make, tmp_path: Path, backend: str, mode: str) -> None:
    """Of what the table holds of its input: after another edition, a rerun and a rebuild, too."""
    extra = "rejects: {limit: 5}\nrules:\n  - filter: {from: country, drop: [BE]}"
    s = make(write_pipeline(tmp_path, mode, extra), backend)
    left_out = (901, "2026-01-01T00:00:00Z", "1.00", "BE")
    write_csv(tmp_path, "a.csv", [BAD, *rows(1000, PART_ROWS), left_out, BAD])
    write_csv(tmp_path, "b.csv", [left_out])
    write_csv(tmp_path, "c.csv", [])
    s("run")
    first = [part("inbox/a.csv", 0, PART_ROWS, bad=1), part("inbox/a.csv", 1, 3, bad=1, filtered=1)]
    assert s.query(PARTS) == [*first, part("inbox/b.csv", 0, 1, filtered=1)]
    write_csv(tmp_path, "b.csv", [*rows(1, 2), BAD])
    for command in (["run"], ["run", "--run-id", "again"], ["rebuild"]):
        s(*command)
        assert s.query(PARTS) == [*first, part("inbox/b.csv", 0, 3, bad=1)], command


def test_what_another_store_made_visible_meanwhile_is_not_told_of(
    make: Make, tmp_path: Path, postgres: Postgres
) -> None:
    """One of two inputs is overtaken when its rows are staged: its rejects and parts are not written either."""
    s = make(write_pipeline(tmp_path, "latest", LIMIT.replace("1", "9")), "local")
    for day in (1, 2):
        for first, name in ((1, "a.csv"), (10, "b.csv")):
            write_csv(tmp_path, name, [*rows(first, 3, day=day), *[BAD] * day])
        if day == 1:
            s("run", "--run-id", "r1")
    before = s.query(REJECTS), s.query(PARTS)
    for stage in ("collect", "normalize"):
        s(stage, "--run-id", "r2")
    child = s.start("store", "--run-id", "r2", env={"SLUICE_FAULT": "switch.before_lock:1:stop"})
    with stopped(child):
        postgres.psql(
            "update sluice.applied set edition = 3 where name = 'inbox/b.csv'",
            s.env["SLUICE_CONN_WAREHOUSE"].rsplit("/", 1)[1],
        )
    assert finish(child).code == 0
    rejects, parts = s.query(REJECTS), s.query(PARTS)
    assert [(r["name"], r["entry"], r["n"]) for r in rejects] == [("inbox/a.csv", 2, 2), ("inbox/b.csv", 1, 1)]
    assert parts == [part("inbox/a.csv", 0, 5, bad=2), part("inbox/b.csv", 0, 4, bad=1)]
    assert before[1] == [part(f"inbox/{n}.csv", 0, 4, bad=1) for n in "ab"]
