"""The CSV codec beside Python's csv module: random tables, every dialect that both know."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.pipeline import file_source, write
from tests.lib.stage import Sluice

LETTERS = [
    "a",
    "é",
    "\U0001f525",
    " ",
    '"',
    "'",
    ",",
    ";",
    "\t",
    "|",
    "\n",
    "\r",
    "\r\n",
    "\\",
    "long enough to cross a block of sixty-four",
]


def table(seed: int, rows: int = 400, columns: int = 5) -> list[list[str]]:
    draw = random.Random(seed)
    cells = ["".join(draw.choices(LETTERS, k=draw.randint(0, 6))) for _ in range(rows * columns)]
    return [[str(i), *cells[i * columns : (i + 1) * columns]] for i in range(rows)]


@pytest.mark.parametrize(
    ("dialect", "codec"),
    [
        ({}, "csv"),
        ({"lineterminator": "\n", "quoting": csv.QUOTE_ALL}, "csv"),
        ({"lineterminator": "\r", "quoting": csv.QUOTE_ALL}, "csv"),
        ({"quoting": csv.QUOTE_ALL}, "csv"),
        ({"delimiter": ";"}, "{csv: {delimiter: auto}}"),
        ({"delimiter": "\t", "quoting": csv.QUOTE_ALL}, "{csv: {delimiter: auto}}"),
        ({"delimiter": "|", "quotechar": "'"}, "{csv: {delimiter: '|', quote: \"'\"}}"),
        ({"doublequote": False, "escapechar": "\\", "quoting": csv.QUOTE_ALL}, "{csv: {escape: '\\'}}"),
    ],
)
def test_what_python_writes_is_what_we_read(
    make: Callable[..., Sluice], tmp_path: Path, dialect: dict, codec: str
) -> None:
    rows = table(len(str(dialect)))
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows([["id", *"abcde"], *rows])
    contract = "{id: int64, " + ", ".join(f"{c}: text" for c in "abcde") + "}"
    pipeline = write(tmp_path / "p", {"drop": file_source(codec=codec)}, contract, "{table: rows, mode: append}")
    for old in (tmp_path / "p" / "inbox").iterdir():
        old.unlink()
    (tmp_path / "p" / "inbox" / "a.csv").write_bytes(text.getvalue().encode())
    s = make(pipeline)
    assert s("run").result["kept"] == len(rows)
    out = tmp_path / "out.csv"
    s("export", "--sql", "select id, a, b, c, d, e from rows order by id", "-o", str(out))
    assert list(csv.reader(io.StringIO(out.read_bytes().decode(), newline="")))[1:] == rows
