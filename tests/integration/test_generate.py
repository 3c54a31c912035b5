"""sluice-generate: what it says a run must make of its records is what a run makes of them."""

from __future__ import annotations

import collections
import csv
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.machine import small_disk
from tests.lib.shop import write_csv, write_pipeline
from tests.lib.stage import Sluice, finish

Make = Callable[..., Sluice]

EVERYTHING = """\
sluice: 1
pipeline: everything
sources: {drop: {kind: file, path: "in/*", codec: CODEC}}
contract:
  k: {type: "decimal(9,1)", required: true, min: 10}
  part: {type: text, required: true, enum: [a, "b;c", 'd"e']}
  v: {type: int64, min: 5}
  yes: bool
  n: {type: int64, min: -3, max: 3}
  f: float64
  d: {type: "decimal(18,6)", min: 0.5, max: 1}
  t: text
  day: date
  at: {type: timestamp, required: true}
  from_here: {type: date, min: 2026-01-05}
  l: list<text>
store: {table: everything, mode: latest, key: [part, k], version: v}
rejects: {limit: 100%}
backends:
  embedded: {bronze: file, store: duckdb}
  local: {bronze: file, store: {postgres: warehouse}}
"""


def lines(file: Path) -> collections.Counter[str]:
    return collections.Counter(file.read_text().splitlines())


def records(file: Path) -> list[list[str]]:
    """Without the header."""
    with file.open(newline="") as f:
        return list(csv.reader(f))[1:]


def generate(s: Sluice, out: Path, *args: str) -> dict[str, object]:
    """Everything goes into OUT, which the pipeline's only source then reads."""
    result = s("generate", "-o", str(out), *args).result
    source = json.loads(s("plan", "--json").stdout)["sources"][0]["name"]
    s.sets += [f"{source}.path={out}/{source}-*", "rejects.limit=100%"]
    return result


def table(s: Sluice, name: str, like: Path) -> collections.Counter[str]:
    """The table as the oracle writes it."""
    columns = ", ".join(f'"{name}"' for name in json.loads(like.read_text().partition("\n")[0]))
    done = s("query", "--sql", f"select {columns} from {name}", "--format", "jsonl")
    return collections.Counter(done.stdout.splitlines())


def rejects(s: Sluice) -> collections.Counter[str]:
    found = s.query("select name as file, byte_offset, byte_length, field, rule from sluice.reject")
    return collections.Counter(
        json.dumps(r | {"file": Path(r["file"]).name}, separators=(",", ":"), ensure_ascii=False) for r in found
    )


def assert_answers(s: Sluice, out: Path, name: str, answer: str) -> None:
    assert table(s, name, out / "oracle" / f"{answer}.jsonl") == lines(out / "oracle" / f"{answer}.jsonl")
    assert rejects(s) == lines(out / "oracle" / "rejects.jsonl")


def test_orders_become_what_the_oracle_says(make: Make, backend: str, tmp_path: Path) -> None:
    s, out = make("orders", backend), tmp_path / "out"
    result = generate(s, out, "--rows", "3000", "--bad", "5", "--late", "50")
    summary = json.loads((out / "oracle" / "summary.json").read_text())
    assert result["n_in"] == 3000 == summary["rows"] and result["rejected"] == summary["rejects"] > 50
    run = s("run").result
    assert run["n_in"] == 3000 and run["rejected"] == summary["rejects"]
    assert_answers(s, out, "orders", "current")


def test_late_versions_lose_whatever_comes_first(make: Make, tmp_path: Path) -> None:
    """File after file, the newest first: each its own run."""
    s, out = make("orders"), tmp_path / "out"
    generate(s, out, "--rows", "2000", "--files", "5", "--late", "40", "--versions", "60", "--bad", "4")
    for file in sorted(out.glob("drop-*"), reverse=True):
        s("run", "--set", f"drop.path={file}")
    assert_answers(s, out, "orders", "current")


def test_listings_become_what_the_oracle_says(make: Make, backend: str, tmp_path: Path) -> None:
    """By generate.yaml: texts in the site's layout, and what forty rules must read out of them."""
    s, out = make("imo", backend), tmp_path / "out"
    generate(s, out, "--rows", "1500", "--bad", "4")
    s("run")
    assert_answers(s, out, "silver.observations", "accepted")
    found = s.query("select count(*) as n from silver.annonces")
    assert found == [{"n": len(lines(out / "oracle" / "current.jsonl"))}]


@pytest.mark.parametrize(
    "codec", ["csv", "json", "jsonl", "{csv: {delimiter: ';', escape: '\\', skip: 2}}", '{csv: {quote: "\'"}}']
)
def test_every_type_in_every_format(make: Make, backend: str, tmp_path: Path, codec: str) -> None:
    (tmp_path / "pipeline.yaml").write_text(EVERYTHING.replace("CODEC", codec))
    s, out = make(tmp_path / "pipeline.yaml", backend), tmp_path / "out"
    generate(s, out, "--rows", "1200", "--bad", "20")
    s("run")
    assert_answers(s, out, "everything", "current")
    rules = {json.loads(line)["rule"] for line in lines(out / "oracle" / "rejects.jsonl")}
    assert rules == {"required", "type", "enum", "min", "max"}


def test_append_keeps_every_accepted_row(make: Make, tmp_path: Path) -> None:
    s, out = make(write_pipeline(tmp_path / "shop")), tmp_path / "out"
    generate(s, out, "--rows", "500", "--duplicates", "30")
    s("run")
    assert_answers(s, out, "shop", "accepted")
    assert not (out / "oracle" / "current.jsonl").exists()


def test_without_a_version_the_last_one_counts(make: Make, tmp_path: Path) -> None:
    pipeline = write_pipeline(tmp_path / "shop", "latest")
    pipeline.write_text(pipeline.read_text().replace(", version: placed", ""))
    s, out = make(pipeline), tmp_path / "out"
    generate(s, out, "--rows", "800", "--versions", "50", "--duplicates", "20", "--bad", "5")
    s("run")
    assert_answers(s, out, "shop", "current")


def test_same_seed_gives_the_same_bytes_and_another_seed_others(make: Make, tmp_path: Path) -> None:
    s = make("orders")
    read = []
    for number, seed in enumerate(("7", "7", "8")):
        out = tmp_path / str(number)
        s("generate", "--seed", seed, "--rows", "300", "-o", str(out))
        read.append({f.relative_to(out): f.read_bytes() for f in out.rglob("*") if f.is_file()})
    assert read[0] == read[1] and set(read[0]) == set(read[2]) and read[0] != read[2]


@pytest.mark.parametrize("n", [0, 1, 7])
def test_there_are_exactly_as_many_rows_as_asked_for(make: Make, tmp_path: Path, n: int) -> None:
    out = tmp_path / "out"
    result = make("orders")("generate", "--rows", str(n), "--files", "3", "-o", str(out)).result
    assert result["n_in"] == n and result["written"] == 3
    made = [records(f) for f in sorted(out.glob("drop-*"))]
    summary = json.loads((out / "oracle" / "summary.json").read_text())
    assert [f["rows"] for f in summary["files"]] == [len(rows) for rows in made] and sum(map(len, made)) == n


def test_shares_of_0_and_100_are_kept(make: Make, tmp_path: Path) -> None:
    s = make("orders")
    plain = tmp_path / "plain"
    s("generate", "--bad", "0", "--duplicates", "0", "--versions", "0", "-o", str(plain))
    rows = [record for f in plain.glob("drop-*") for record in records(f)]
    assert len(rows) == len({record[0] for record in rows}) == 1000
    result = s("generate", "--bad", "100", "-o", str(tmp_path / "bad")).result
    assert (result["kept"], result["rejected"]) == (0, 1000)


@pytest.mark.usefixtures("quick")
def test_memory_stays_the_same_however_many_rows(make: Make, tmp_path: Path) -> None:
    s = make("imo")
    peak = [s("generate", "--rows", n, "-o", str(tmp_path / n)).result["peak_kib"] for n in ("2000", "60000")]
    assert peak[1] < peak[0] * 1.1 and peak[1] < 16 * 1024


def test_rules_without_a_profile_give_records_and_no_oracle(make: Make, tmp_path: Path) -> None:
    pipeline = write_pipeline(tmp_path / "shop", extra="rules:\n  - filter: {from: country, keep: [FR]}")
    out = tmp_path / "out"
    done = make(pipeline)("generate", "-o", str(out), code=None)
    assert done.code == 0, done.stderr
    assert "generate.yaml" in done.result["note"]
    assert list(out.glob("drop-*")) and not (out / "oracle").exists()


def test_profile_with_errors_is_refused_with_all_places(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path / "shop"))
    (tmp_path / "shop" / "generate.yaml").write_text(
        "values:\n"
        "  a: {choose: {x: 0}}\n"
        "  b: {range: {9..1: 1}}\n"
        "  c: {missing: 5}\n"
        "record: {id: '{nothing}', total: '{a:en}', country: '{a'}\n"
        "expect: {sum: '{a}'}\n"
        "spoil: [{field: none, column: id, rule: type}]\n"
    )
    done = s("generate", "-o", str(tmp_path / "out"), code=78)
    for word in (":2:", ":3:", ":4:", '"nothing"', '"en"', "partner", '"sum"', '"none"'):
        assert word in done.stderr, word
    assert not (tmp_path / "out").exists()


def test_key_that_has_no_room_is_refused_before_anything_is_written(make: Make, tmp_path: Path) -> None:
    contract = "contract:\n  id: {type: int64, required: true, min: 1, max: 100}\n  placed: {type: timestamp}"
    s = make(write_pipeline(tmp_path / "shop", "latest", contract=contract))
    done = s("generate", "--rows", "101", "-o", str(tmp_path / "out"), code=78)
    assert "101" in done.result["error"] and not (tmp_path / "out").exists()
    s("generate", "--rows", "100", "-o", str(tmp_path / "out"))


def test_nowhere_to_write_is_usage_and_a_bad_place_is_73(make: Make, tmp_path: Path) -> None:
    s = make("orders")
    assert "-o" in s("generate", code=64).result["hint"]
    (tmp_path / "file").write_text("")
    s("generate", "-o", str(tmp_path / "file" / "out"), code=73)


def test_full_disk_is_told_and_no_file_has_its_name(make: Make, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 512) as disk:
        done = make("orders")("generate", "--rows", "200000", "-o", str(disk.path / "out"), code=74)
        assert "space" in done.result["error"]
        assert [f.name for f in (disk.path / "out").iterdir() if f.name.startswith("drop")] == []


def test_stop_in_the_middle_leaves_no_file_under_its_name(make: Make, tmp_path: Path) -> None:
    s, out = make("orders"), tmp_path / "out"
    child = s.start("generate", "--rows", "50000000", "-o", str(out))
    deadline = time.monotonic() + 20
    while not any(f.stat().st_size for f in out.glob(".*")) if out.exists() else True:
        assert time.monotonic() < deadline, "nothing is written"
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGTERM)
    done = finish(child, 10)
    assert done.code == 143 and done.result["kind"] == "cancelled"
    assert [f for f in out.rglob("*") if f.is_file()] == []


def test_one_source_of_two_is_written_when_it_is_named(make: Make, tmp_path: Path) -> None:
    pipeline = write_pipeline(tmp_path / "shop", "latest")
    pipeline.write_text(pipeline.read_text().replace(
        "sources:", 'sources:\n  second: {kind: file, path: "x/*.json", codec: json}'))  # fmt: skip
    s = make(pipeline)
    s("generate", "-o", str(tmp_path / "both"))
    assert {f.suffix for f in (tmp_path / "both").iterdir() if f.is_file()} == {".csv", ".json"}
    s("generate", "--source", "second", "-o", str(tmp_path / "one"))
    assert {f.suffix for f in (tmp_path / "one").iterdir() if f.is_file()} == {".json"}
    s.sets = [f"drop.path={tmp_path}/both/drop-*", f"second.path={tmp_path}/both/second-*", "rejects.limit=100%"]
    s("run")
    assert_answers(s, tmp_path / "both", "shop", "current")


def test_the_shops_own_records_are_untouched(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path / "shop"))
    write_csv(tmp_path / "shop", "a.csv", [])
    s("generate", "-o", str(tmp_path / "shop" / "inbox"))
    assert (tmp_path / "shop" / "inbox" / "a.csv").exists()
    assert not s.home.exists(), "it keeps nothing"
