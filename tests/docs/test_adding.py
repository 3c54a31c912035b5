"""docs/adding.md, followed to the letter in a copy of the tree: what it says is what comes out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lib.stage import ROOT

PAGE = (ROOT / "docs" / "adding.md").read_text()
SECTIONS = ["A pipeline", "A query", "A job", "A site", "A rule", "A codec", "A source"]
STEP = re.compile(r"(?:^(Write|Add to) `([^`]+)`:\n\n)?^```(sh|c|text)\n(.*?)^```", re.M | re.S)
COMMANDS = 10  # that a colleague needs for a pipeline
SECONDS = 60  # that a build with one more file may take


@dataclass(frozen=True)
class Step:
    kind: str  # "sh", "write", "append", "output"
    path: str
    text: str


def steps(heading: str) -> list[Step]:
    """heading "": what stands before the first section."""
    body = re.split(r"^## ", PAGE, flags=re.M)[0]
    if heading:
        found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
        assert found, f'docs/adding.md has no section "{heading}"'
        body = found.group(1)
    kinds = {"Write": "write", "Add to": "append", None: ""}
    return [Step(kinds[m[1]] or {"sh": "sh", "text": "output"}[m[3]], m[2] or "", m[4]) for m in STEP.finditer(body)]


def copy_tree(to: Path) -> None:
    """The working tree as it is, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    (to / ".cache").symlink_to(ROOT / ".cache")


class Scratch:
    """A copy of the tree with its release built; what a reader's shell would hold."""

    def __init__(self, root: Path) -> None:
        self.root = root
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "AIRFLOW_", "PG"))}
        self.env = keep | {
            "CMAKE_C_COMPILER_LAUNCHER": "ccache",
            "CMAKE_CXX_COMPILER_LAUNCHER": "ccache",
            "CCACHE_BASEDIR": str(root),
        }

    def sh(self, commands: str) -> str:
        """Runs them in one shell, after what the page says to type first."""
        first = "".join(step.text for step in steps(""))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", first + commands],
            cwd=self.root, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def follow(self, heading: str) -> str:
        """Every step of a section; what all of its commands printed."""
        printed, last = "", ""
        for step in steps(heading):
            path = self.root / step.path
            if step.kind == "write":
                assert not path.exists(), f"{step.path} exists already"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.text)
            elif step.kind == "append":
                path.write_text(path.read_text() + step.text)
            elif step.kind == "sh":
                last = self.sh(step.text)
                printed += last
            else:
                assert last == step.text
        return printed


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    root = tmp_path_factory.mktemp("adding") / "tree"
    copy_tree(root)
    tree = Scratch(root)
    tree.sh("cmake --preset release\ncmake --build --preset release\n")
    return tree


def count_commands(text: str) -> int:
    """Lines that a reader types; a here-document belongs to its command."""
    text = re.sub(r"(<<'END'\n).*?^END\n", r"\1", text, flags=re.M | re.S)
    return len([line for line in text.splitlines() if line.strip() and not line.startswith("#")])


def test_page_has_these_recipes() -> None:
    assert re.findall(r"^## (.*)$", PAGE, re.M) == SECTIONS


def test_pipeline_of_a_colleague_needs_few_commands() -> None:
    typed = "".join(step.text for heading in ("", "A pipeline") for step in steps(heading) if step.kind == "sh")
    assert count_commands(typed) <= COMMANDS


def test_pipeline(scratch: Scratch) -> None:
    """A computed column, a regular expression, a view."""
    scratch.follow("A pipeline")
    text = (scratch.root / "pipelines/books/pipeline.yaml").read_text()
    assert "concat:" in text and "regex_replace:" in text
    view = scratch.sh(
        "sluice query books --sql 'select author, loans, price from by_author order by author' --format csv\n"
    )
    assert view.splitlines() == ["author,loans,price", "Albert Camus,1,9.90", "Émile Zola,2,20.50"]
    rejects = scratch.sh("sluice query books --sql 'select field, rule from sluice.reject' --format csv\n")
    assert rejects.splitlines() == ["field,rule", "lent_text,date"]


def test_query(scratch: Scratch) -> None:
    scratch.follow("A query")


def test_job(scratch: Scratch) -> None:
    scratch.follow("A job")
    plan = scratch.sh("sluice plan books\n")
    assert "sluice-export --pipeline books --query best" in plan


def test_site(scratch: Scratch) -> None:
    """A profile and a pipeline, nothing compiled."""
    assert "Building C object" not in scratch.follow("A site")


@pytest.mark.parametrize(
    ("heading", "compiled"),
    [
        ("A rule", {"rule_mask.c", "rule_table.c"}),
        ("A codec", {"codec_lines.c", "codec_table.c"}),
        ("A source", {"source_literal.c", "source_table.c"}),
    ],
)
def test_one_file_and_one_line(scratch: Scratch, heading: str, compiled: set[str]) -> None:
    """Only the new file and its table are compiled, in a bearable time."""
    added = [step for step in steps(heading) if step.kind == "append"]
    assert len(added) == 1 and len(added[0].text.splitlines()) == 1
    begun = time.monotonic()
    printed = scratch.follow(heading)
    assert time.monotonic() - begun < SECONDS
    assert set(re.findall(r"Building C object \S*/(\w+\.c)\.o", printed)) == compiled


def test_added_files_are_formatted_as_the_rest(scratch: Scratch) -> None:
    for heading in SECTIONS:
        for step in steps(heading):
            if step.kind == "write" and step.path.endswith(".c"):
                path = scratch.root / step.path
                path.write_text(step.text)
                subprocess.run(["clang-format-19", "--dry-run", "--Werror", path], check=True, cwd=scratch.root)
