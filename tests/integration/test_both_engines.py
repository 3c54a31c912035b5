"""Random rounds of files, reruns and changed rules: after each, both engines hold the same rows with the same owners
and change numbers, the same counts and the same rejects, and every stage has said the same."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.lib.shop import BACKENDS
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
Row = tuple[object, ...]
SEEDS = int(os.environ.get("SLUICE_SEEDS", "4"))
ROUNDS = 5
SOURCES = ("one", "two")
TOLD = ("n_in", "kept", "dup", "filtered", "rejected", "inserted", "updated", "unchanged", "stale", "superseded",
        "written", "pending")  # fmt: skip
ROWS = "select id, k2, v, a, b, _sl_input, _sl_seq, {change} as change from shop order by id, k2, _sl_input, _sl_seq"
EACH_TIME = {
    "entry": "select source, entry, state, n_in, ok, bad, dup, filtered, inserted, updated, unchanged, stale,"
    " superseded, written from sluice.entry order by source, entry",
    "reject": "select source, name, entry, byte_offset, byte_length, field, rule, reason from sluice.reject"
    " order by 1, 2, 3, 4, 6",
    "unbalanced": "select entry from sluice.entry where n_in <> ok + bad + dup + filtered"
    " or (state = 'stored' and ok <> inserted + updated + unchanged + stale + superseded)",
}
AT_LAST = {
    "applied": "select source, name, edition, n_in, ok, bad, dup, filtered from sluice.applied order by source, name",
    "part": "select source, name, chunk, part, n_in, ok, bad, dup, filtered from sluice.part order by 1, 2, 3, 4",
}


@dataclass(frozen=True)
class Shape:
    """A pipeline's settings, which stay."""

    latest: bool
    whole: bool
    version: bool
    two: bool

    def yaml(self, greatest: int) -> str:
        """greatest: the largest v that is no reject."""
        whole = ", input: whole" if self.whole else ""
        sources = "".join(
            f'  {s}: {{kind: file, path: "inbox/{s}/*.csv", codec: csv{whole}}}\n' for s in SOURCES[: 1 + self.two]
        )
        contract = f"""contract:
  id: {{type: int64, required: true}}
  k2: {{type: text, required: true}}
  v: {{type: int64, max: {greatest}}}
  a: text
  b: "decimal(6,2)"
rules: [{{filter: {{from: a, drop: [none]}}}}]
rejects: {{limit: 40%}}
"""
        version = ", version: v" if self.version else ""
        mode = f"latest, key: [id, k2]{version}" if self.latest else "append"
        return (
            f"sluice: 1\npipeline: shop\nsources:\n{sources}{contract}store: {{table: shop, mode: {mode}}}\n{BACKENDS}"
        )


@dataclass(frozen=True)
class Round:
    """What is new, the rules of the day, and what is said to the driver."""

    greatest: int
    words: tuple[str, ...]
    files: dict[str, list[Row]] = field(default_factory=dict)


def draw_rows(dice: random.Random) -> list[Row]:
    pools = (
        [1, 2, 3, 4],
        ["x", "y"],
        ["", 1, 2, 3, 9],
        ["", "p", "q", "none"],
        ["", "1.50", "0.1", "2", "2", "2", "x"],
    )
    return [tuple(dice.choice(pool) for pool in pools) for _ in range(dice.randint(0, 8))]


def draw_round(dice: random.Random, number: int, two: bool) -> Round:
    """Most bring files; some run again what was run before, or make all anew under other rules."""
    run = ("--run-id", f"r{dice.choice([number, number, number, max(0, number - 1)])}")
    more = dice.choice([(), (), ("--again",), ("--replay",) if number else ()])
    words = more if more == ("--replay",) else (*run, *more)
    if number and dice.random() < 0.2:
        return Round(dice.choice([8, 9]), words)
    names = [f"inbox/{s}/{f}.csv" for s in SOURCES[: 1 + two] for f in dice.sample("abc", dice.randint(1, 3))]
    return Round(dice.choice([9, 9, 8]), words, {name: draw_rows(dice) for name in names})


def write_round(folder: Path, shape: Shape, now: Round) -> None:
    (folder / "pipeline.yaml").write_text(shape.yaml(now.greatest))
    for name, rows in now.files.items():
        lines = ["id,k2,v,a,b", *(",".join(map(str, row)) for row in rows)]
        (folder / name).write_text("\n".join(lines) + "\n")


def asked(s: Sluice, sql: str) -> str:
    """66: nothing is stored yet."""
    done = s("query", "--sql", sql, "--format", "csv", code=(0, 66))
    return done.stdout if done.code == 0 else "nothing"


def played(make: Make, folder: Path, backend: str, shape: Shape, rounds: list[Round]) -> list[dict[str, Any]]:
    """For each round what the run says, and what is there behind it."""
    for source in SOURCES:
        (folder / "inbox" / source).mkdir(parents=True)
    s = make(folder / "pipeline.yaml", backend)
    table = {"rows": ROWS.format(change="_sl_change" if shape.latest else "0")}
    found = []
    for now in rounds:
        write_round(folder, shape, now)
        done = s("run", *now.words, code=(0, 65, 66))
        told = {"exit": done.code} | {k: done.result.get(k) for k in TOLD}
        questions = table | EACH_TIME | (AT_LAST if now is rounds[-1] else {})
        found.append({"told": told} | {name: asked(s, sql) for name, sql in questions.items()})
        assert found[-1]["unbalanced"] in ("nothing", "entry\n"), found[-1]
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_both_engines_are_the_same_after_every_round(make: Make, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    shape = Shape(seed % 3 > 0, dice.random() < 0.4, dice.random() < 0.7, dice.random() < 0.5)
    rounds = [draw_round(dice, n, shape.two) for n in range(ROUNDS)]
    embedded, local = (played(make, tmp_path / b, b, shape, rounds) for b in ("embedded", "local"))
    for number, (one, other) in enumerate(zip(embedded, local, strict=True)):
        for what, content in one.items():
            assert content == other[what], f"seed {seed}, round {number}, {what}: {shape} {rounds[: number + 1]}"
    assert any(found["rows"].count("\n") > 1 for found in embedded), "no round stored a row"
