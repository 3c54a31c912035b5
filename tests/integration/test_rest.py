"""A column from "*": what of a JSON record no other column reads, so that a field which turns up is seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.pipeline import write
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]
CONTRACT = '{id: {type: int64, required: true}, dpe: {type: text, from: infos.dpe}, rest: {type: text, from: "*"}}'


def pipeline(folder: Path, codec: str = "jsonl", contract: str = CONTRACT, extra: str = "") -> Path:
    return write(folder, {"drop": f"{{kind: file, path: '*.txt', codec: {codec}}}"}, contract, extra=extra)


def test_a_field_that_turns_up_late_is_in_the_table(make: Make, tmp_path: Path, backend: str) -> None:
    s = make(pipeline(tmp_path / "shop"), backend)
    records = [{"id": n, "infos": {"dpe": "C", "ges": 1}} for n in range(2000)]
    for n in range(1990, 2000):
        records[n] |= {"promo": f"-{n} %", "stock": {"fr": n}}
    (tmp_path / "shop" / "a.txt").write_text("".join(json.dumps(r) + "\n" for r in records))
    s("run")
    found = s.query("select id, rest from rows where rest is not null order by id")
    assert [r["id"] for r in found] == list(range(1990, 2000))
    assert json.loads(found[0]["rest"]) == {"promo": "-1990 %", "stock": {"fr": 1990}}


@pytest.mark.parametrize(
    ("codec", "contract", "told"),
    [
        ("csv", CONTRACT, 'source "drop" are csv'),
        ("jsonl", CONTRACT.replace("rest: {type: text", "rest: {type: int64"), "which is a text"),
        ("jsonl", CONTRACT[:-1] + ', more: {type: text, from: "*"}}', '"rest" gets the rest of a record already'),
    ],
)
def test_where_it_cannot_be_said_what_is_left_the_file_is_refused(
    make: Make, tmp_path: Path, codec: str, contract: str, told: str
) -> None:
    assert told in make(pipeline(tmp_path / "shop", codec, contract))("validate", code=78).stderr


def test_generate_makes_nothing_up_for_it(make: Make, tmp_path: Path) -> None:
    s = make(pipeline(tmp_path / "shop", contract='{id: {type: int64, required: true}, rest: {type: text, from: "*"}}'))
    s("generate", "--rows", "5", "--seed", "1", "-o", str(tmp_path / "made"))
    assert not [p for p in (tmp_path / "made").rglob("*.jsonl") if '"*"' in p.read_text()]
