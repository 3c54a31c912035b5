"""Includes point one way: a wrong one is refused with its place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lib.stage import ROOT

WRONG = [
    ("common/base/low.h", "run/stage.h", "upward include"),
    ("common/store/low.c", "run/cli.h", "upward include"),
    ("common/data/low.c", "tasks/collect/collect.h", "common includes"),
    ("tasks/store/low.c", "tasks/normalize/maker.h", "another stage's private header"),
]


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "scripts").mkdir(exist_ok=True)
    script = shutil.copy(ROOT / "scripts" / "check-includes", folder / "scripts")
    return subprocess.run(["python3", script], capture_output=True, text=True, check=False)


def write(folder: Path, file: str, include: str) -> None:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(f'/* A file. */\n#include "{include}"\n')


@pytest.mark.parametrize(("file", "include", "said"), WRONG)
def test_wrong_include_is_refused_with_its_place(tmp_path: Path, file: str, include: str, said: str) -> None:
    write(tmp_path, file, include)
    done = check(tmp_path)
    assert done.returncode == 1
    assert f"{file}:2: {said}" in done.stderr, done.stderr


def test_library_header_belongs_to_its_engine(tmp_path: Path) -> None:
    write(tmp_path, "common/store/low.c", "libpq-fe.h")
    assert "may only be included in engines/" in check(tmp_path).stderr


def test_downward_include_is_fine(tmp_path: Path) -> None:
    write(tmp_path, "common/run/high.c", "base/err.h")
    assert check(tmp_path).returncode == 0
