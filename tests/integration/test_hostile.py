"""Inputs and machines that are broken: each ends with its documented code, one clear line, and nothing by halves."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_server import HttpServer, Reply
from tests.lib.hostile import CONTENTS, GOOD, PACKED, PAGES, UNREADABLE, Content, Page
from tests.lib.machine import as_mortal, plain_bin, small_disk
from tests.lib.pipeline import file_source, write
from tests.lib.stage import Done, Sluice, finish

Make = Callable[..., Sluice]

CONTRACT = "{id: int64, t: text}"
REJECTS = "select name, byte_offset, field, rule, reason from sluice.reject order by name, byte_offset, reason"


def lines(done: Done, level: str) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith(level + " ")]


def error_of(done: Done) -> str:
    """The first error line. Each stage says its own once; the driver repeats none of them."""
    stages = [line.split()[2] for line in lines(done, "ERROR")]
    assert len(stages) == len(set(stages)), done.stderr
    assert "run" not in stages or len(stages) == 1, done.stderr
    assert "Traceback" not in done.stderr and "Sanitizer" not in done.stderr, done.stderr
    return lines(done, "ERROR")[0]


def assert_nothing_by_halves(home: Path) -> None:
    left = [p for p in home.rglob("*") if ".tmp-" in p.name or ".new-" in p.name]
    assert not left, left


# --- contents ---


def wanted_rejects(found: list[dict[str, Any]], wanted: list[tuple[int, str, str, str]]) -> None:
    assert [(r["byte_offset"], r["field"], r["rule"]) for r in found] == [w[:3] for w in wanted], found
    for reject, (_, _, _, words) in zip(found, wanted, strict=True):
        assert words in reject["reason"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("case", [c for c in CONTENTS if c.rejects], ids=lambda c: c.name)
def test_broken_content_is_refused_names_its_place_and_is_mended(make: Make, tmp_path: Path, case: Content) -> None:
    s = make(write(tmp_path, {"drop": file_source(codec=case.codec)}, CONTRACT))
    file = tmp_path / "inbox" / "a"
    file.write_bytes(case.data)
    done = s("run", "--run-id", "r1", code=65)
    assert done.result["kind"] == "data"
    assert (done.result["kept"], done.result["rejected"]) == (len(case.good), len(case.rejects))
    assert 'source "drop" has' in error_of(done)
    assert s.query("select id from rows") == []
    wanted_rejects(s.query(REJECTS), case.rejects)
    assert_nothing_by_halves(s.home)
    file.write_bytes(GOOD[case.codec])
    assert s("run", "--run-id", "r1").result["pending"] == 0
    assert s.query("select id from rows") == [{"id": 7}]
    assert s.query(REJECTS) == []


@pytest.mark.parametrize("codec", ["json", "jsonl", "csv"])
def test_one_broken_file_takes_no_good_row_with_it(make: Make, tmp_path: Path, backend: str, codec: str) -> None:
    cases = {c.name: c for c in CONTENTS if c.codec == codec}
    s = make(write(tmp_path, {"drop": file_source(codec=codec)}, CONTRACT, extra="rejects: {limit: 1000}"), backend)
    for name, case in cases.items():
        (tmp_path / "inbox" / name).write_bytes(case.data)
    done = s("run")
    assert not lines(done, "ERROR")
    good = sorted(i for c in cases.values() for i in c.good)
    assert [r["id"] for r in s.query("select id from rows order by id")] == good
    rejects = s.query(REJECTS)
    for name, case in cases.items():
        wanted_rejects([r for r in rejects if r["name"] == f"inbox/{name}"], case.rejects)
    r = done.result
    assert (r["kept"], r["rejected"]) == (len(good), sum(len(c.rejects) for c in cases.values()))
    assert r["n_in"] == r["kept"] + r["dup"] + r["filtered"] + r["rejected"]
    assert s("run").result["written"] == 0


# --- whole inputs that cannot be read ---


@pytest.mark.parametrize("name", UNREADABLE)
def test_input_that_cannot_be_read_is_told_once_and_mended(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = UNREADABLE[name]
    monkeypatch.chdir(tmp_path)
    s = make(
        write(tmp_path / "p", {"drop": file_source("inbox/a", "csv")}, "{id: {type: int64, required: true}, t: text}")
    )
    inbox = tmp_path / "p" / "inbox"
    case.prepare(inbox)
    done = finish(s.start("run", "--run-id", "r1"), timeout=20)
    assert done.code == case.code, done.stderr
    assert case.words in error_of(done)
    assert '"a"' in error_of(done) or '"inbox/a"' in error_of(done), "the file is not named"
    assert done.result["kind"] == {65: "data", 66: "input"}[case.code]
    assert_nothing_by_halves(s.home)
    if (inbox / "a").is_dir():
        (inbox / "a").rmdir()
    (inbox / "a").unlink(missing_ok=True)
    (inbox / "a").write_bytes(GOOD["csv"])
    assert s("run", "--run-id", "r1").result["pending"] == 0
    assert s.query("select id from rows") == [{"id": 7}]


def test_file_that_may_not_be_read_is_66(make: Make, tmp_path: Path) -> None:
    s = make(write(tmp_path / "p", {"drop": file_source("inbox/*", "csv")}, CONTRACT))
    file = tmp_path / "p" / "inbox" / "a"
    file.write_bytes(GOOD["csv"])
    file.chmod(0)
    done = subprocess.run(as_mortal(s.argv("run")), env=s.environment(), capture_output=True, text=True, check=False)
    told = Done(done.args, done.returncode, done.stdout, done.stderr)
    assert told.code == 66, told.stderr
    assert '"a"' in error_of(told) and "permission denied" in error_of(told)
    file.chmod(0o600)
    s("run")
    assert s.query("select id from rows") == [{"id": 7}]


def test_one_unreadable_file_keeps_the_others_out_until_it_is_mended(make: Make, tmp_path: Path) -> None:
    """An entry is linked when the collection is complete, never before."""
    s = make(write(tmp_path / "p", {"drop": file_source(codec="csv")}, CONTRACT))
    inbox = tmp_path / "p" / "inbox"
    (inbox / "a").write_bytes(b"id,t\n1,a\n")
    (inbox / "b").write_bytes(PACKED[:-100])
    s("run", code=65)
    assert not list((s.home / "shop" / "log").rglob("*.json"))
    (inbox / "b").write_bytes(PACKED)
    assert s("run").result["inserted"] == 5001


def test_line_of_a_gibibyte_is_one_reject_and_memory_stays_flat(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.lib.stage.BIN", plain_bin())
    s = make(
        write(tmp_path / "p", {"drop": file_source(codec="jsonl")}, CONTRACT, extra="rejects: {limit: 1}"), "local"
    )
    file = tmp_path / "p" / "inbox" / "a"
    with file.open("wb") as out:
        out.write(b'{"id":1}\n{"id":2,"t":"')
        out.seek(1 << 30, os.SEEK_CUR)
        out.write(b'"}\n{"id":3}\n')
    s("run")
    assert [r["id"] for r in s.query("select id from rows order by id")] == [1, 3]
    reject = s.query("select byte_offset, byte_length, rule from sluice.reject")
    assert reject == [{"byte_offset": 9, "byte_length": (1 << 30) + 16, "rule": "size"}]
    peaks = {r["stage"]: r["peak_kib"] for r in s.query("select stage, peak_kib from sluice.stage_run")}
    assert peaks.keys() >= {"collect", "normalize", "store"}
    assert max(peaks.values()) <= 64 << 10, peaks


PART = 1 << 20  # bytes, line end and all


@pytest.mark.parametrize("over", [-1, 0, 1])
@pytest.mark.parametrize("codec", ["jsonl", "csv"])
def test_a_record_that_just_fits_a_part_and_one_of_a_byte_more(
    make: Make, tmp_path: Path, backend: str, codec: str, over: int
) -> None:
    s = make(write(tmp_path / "p", {"drop": file_source(codec=codec)}, CONTRACT, extra="rejects: {limit: 1}"), backend)
    head, begin, end, last = {
        "jsonl": (b'{"id":1}\n', b'{"id":2,"t":"', b'"}\n', b'{"id":3}\n'),
        "csv": (b"id,t\n1,\n", b"2,", b"\n", b"3,\n"),
    }[codec]
    text = b"x" * (PART + over - len(begin) - len(end))
    (tmp_path / "p" / "inbox" / "a").write_bytes(head + begin + text + end + last)
    told = s("run").result
    assert (told["n_in"], told["kept"], told["rejected"]) == (3, 3 - (over > 0), int(over > 0))
    kept = [{"id": 1, "n": None}, {"id": 2, "n": len(text)}, {"id": 3, "n": None}]
    rows = s.query("select id, length(t) as n from rows order by id")
    assert rows == [row for row in kept if over <= 0 or row["id"] != 2]
    rejects = s.query("select byte_offset, byte_length, rule from sluice.reject")
    whole = {"byte_offset": len(head), "byte_length": PART + over, "rule": "size"}
    assert rejects == ([whole] if over > 0 else [])


# --- pages of a web site ---


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("case", PAGES, ids=lambda p: p.name)
def test_hostile_page_gives_its_rows_or_is_refused(make: Make, tmp_path: Path, case: Page) -> None:
    (tmp_path / "site.yaml").write_text(f"record: .r\nfields: {{id: .i, t: '{case.css}'}}\n")
    with HttpServer() as site:
        site.on("/", Reply(body=case.data, headers={"Content-Type": case.kind}))
        source = f'{{kind: web, profile: site.yaml, start: "{site.url("/")}", delay: 0s, allow_addresses: 127.0.0.1}}'
        s = make(write(tmp_path, {"site": source}, CONTRACT))
        done = s("run", code=case.code)
    assert case.words in (error_of(done) if case.code else done.stderr)
    if not case.code:
        assert [(r["id"], r["t"]) for r in s.query("select id, t from rows order by id")] == case.rows
    assert_nothing_by_halves(s.home)


# --- disks ---


@pytest.fixture
def thousands(tmp_path: Path) -> Path:
    """A pipeline of one file that no codec makes much smaller."""
    path = write(tmp_path / "p", {"drop": file_source(codec="csv")}, CONTRACT)
    dice = random.Random(1)
    rows = "".join(f"{i},{dice.getrandbits(256):x}\n" for i in range(4000))
    (tmp_path / "p" / "inbox" / "a").write_text("id,t\n" + rows)
    return path


COUNT = "select count(*) as n, count(distinct t) as t, sum(id) as sum from rows"
WHOLE = [{"n": 4000, "t": 4000, "sum": 4000 * 3999 // 2}]


def counted(s: Sluice) -> list[dict[str, int]]:
    return [{k: int(v) for k, v in r.items()} for r in s.query(COUNT)]


FREE_KIB = {"embedded": [0, 6, 16, 120, 300, 500], "local": [4, 16, 200]}


@pytest.mark.usefixtures("quick")
def test_full_disk_is_74_at_every_step_and_more_space_completes_the_run(
    make: Make, tmp_path: Path, thousands: Path, backend: str
) -> None:
    stages = set()
    for number, free in enumerate(FREE_KIB[backend]):
        with small_disk(tmp_path / f"disk{number}", 4096) as disk:
            s = make(thousands, backend)
            s.home = disk.path
            disk.leave_free(free)
            done = s("run", "--run-id", "r1", code=(73, 74))
            assert "no space left on device" in error_of(done).lower()
            stages.add(error_of(done).split()[2])
            assert_nothing_by_halves(s.home)
            disk.empty()
            s("run", "--run-id", "r1")
            assert counted(s) == WHOLE, free
            assert s("run", "--run-id", "r1").result["written"] == 0
    assert stages >= {"collect", "normalize"} | ({"store"} if backend == "embedded" else set())


def test_read_only_home_is_told_once_and_can_still_be_queried(make: Make, tmp_path: Path, thousands: Path) -> None:
    with small_disk(tmp_path / "disk", 16 << 10) as disk:
        s = make(thousands)
        s.home = disk.path / "home"
        disk.remount("ro")
        done = s("run", code=(73, 74))
        assert "read-only file system" in error_of(done).lower() and str(s.home) in error_of(done)
        disk.remount("rw")
        s("run")
        disk.remount("ro")
        assert counted(s) == WHOLE
        (tmp_path / "p" / "inbox" / "b").write_bytes(GOOD["csv"])
        error_of(s("run", code=(73, 74)))
        assert counted(s) == WHOLE
        disk.remount("rw")
        assert s("run").result["inserted"] == 1


def test_home_that_is_a_file_is_told(make: Make, tmp_path: Path, thousands: Path) -> None:
    s = make(thousands)
    s.home = tmp_path / "file"
    s.home.write_text("")
    assert str(s.home) in error_of(s("run", code=73))
