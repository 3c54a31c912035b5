"""docs/reference says what the executables say, and the examples in it are good."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib.stage import BIN, ROOT

GENERATE = ROOT / "scripts" / "generate-reference"
DESCRIBED = json.loads(subprocess.run([BIN / "sluice", "--describe"], capture_output=True, check=True).stdout)
RULES = DESCRIBED["pipeline"]["rules"]

# What the examples of rules read.
PIPELINE = """\
sluice: 1
pipeline: examples
sources: {drop: {kind: file, path: "inbox/*.csv", codec: csv}}
contract: {id: int64, price: "decimal(12,2)", rooms: int64, seen: timestamp}
fields: {title: text, town: text, country: text, code: text, price_text: text, surface_text: text,
  seen_text: text, tags: list<text>, clicked_ms: int64}
store: {table: examples}
rules:
"""


def test_pages_are_fresh() -> None:
    done = subprocess.run([sys.executable, GENERATE, "--bin", BIN, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_rule_has_an_example() -> None:
    assert [name for name, rule in RULES.items() if f"- {name}: " not in rule.get("example", "")] == []


@pytest.mark.parametrize("name", RULES)
def test_example_of_a_rule_is_valid(name: str, tmp_path: Path) -> None:
    (tmp_path / "regions.csv").write_text("code,region\n69123,Auvergne-Rhône-Alpes\n")
    lines = "".join(f"  {line}\n" for line in RULES[name]["example"].splitlines())
    (tmp_path / "pipeline.yaml").write_text(PIPELINE + lines)
    done = subprocess.run([BIN / "sluice", "validate", tmp_path / "pipeline.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_field_has_help_and_every_rule_says_what_null_does() -> None:
    for name, rule in RULES.items():
        assert all(f["help"] for f in rule["fields"]), name
        text = " ".join(f["help"] for f in rule["fields"]) + rule["summary"]
        assert "NULL" in text or "without a value" in text, name


def test_manual_pages_name_every_flag(tmp_path: Path) -> None:
    subprocess.run([sys.executable, GENERATE, "--bin", BIN, "--man", tmp_path], check=True)
    for exe in sorted(p for p in BIN.glob("sluice*") if os.access(p, os.X_OK)):
        page = (tmp_path / f"{exe.name}.1").read_text().replace("\\-", "-")
        asked = subprocess.run([exe, "--help"], capture_output=True, text=True, check=True).stdout
        flags = set(re.findall(r"--[a-z][a-z-]+", asked))
        assert flags and all(flag in page for flag in flags), exe.name
        assert page.startswith(f".TH {exe.name.upper()} 1 ")
