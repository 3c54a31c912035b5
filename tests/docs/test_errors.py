"""docs/errors.md tells every code as the executables do, and its examples give what it says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.lib.stage import BIN, ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text()
DESCRIBED = json.loads(subprocess.run([BIN / "sluice", "--describe"], capture_output=True, check=True).stdout)
EXITS = [e for e in DESCRIBED["exits"] if e["code"]]
ERRORS = DESCRIBED["errors"]
NO_EXAMPLE = {"E1009"}  # more than a page holds


def section(heading: str) -> str:
    """The text below a heading, to the next one."""
    found = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    assert found, f'docs/errors.md has no section "{heading}"'
    return found.group(1)


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_every_code_has_a_section_and_no_other() -> None:
    wanted = [f"{e['code']} {e['kind']}" for e in EXITS] + [f"{e['code']}: {e['meaning']}" for e in ERRORS]
    assert sorted(re.findall(r"^### (.*)$", PAGE, re.M)) == sorted(wanted)


@pytest.mark.parametrize("exit_code", EXITS, ids=lambda e: e["kind"])
def test_exit_code_is_told_as_the_executables_tell_it(exit_code: dict[str, object]) -> None:
    text = one_line(section(f"{exit_code['code']} {exit_code['kind']}"))
    meaning = str(exit_code["meaning"])
    retry = "yes" if exit_code["retry"] else "no"
    assert text.startswith(f"{meaning[0].upper()}{meaning[1:]}. Retry: {retry}.")
    assert "Cure: " in text
    assert "Example: " in text or f"-eq {exit_code['code']}" in text


def test_driver_explains_every_code() -> None:
    for code in [str(e["code"]) for e in EXITS] + [e["code"] for e in ERRORS]:
        done = subprocess.run([BIN / "sluice", "--explain", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, code
        assert code in done.stdout


def example_file(lines: str) -> str:
    """The page's file with these lines in place of its own of the same keys."""
    base = re.search(r"replace those of this file:\n\n```yaml\n(.*?)```", PAGE, re.S)
    assert base
    keys = set(re.findall(r"^(\w+):", lines, re.M))
    kept = [line for line in base.group(1).splitlines() if line.split(":")[0] not in keys]
    return "\n".join([*kept, lines])


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: e["code"])
def test_example_of_a_pipeline_error_gives_its_message(error: dict[str, str], tmp_path: Path) -> None:
    text = section(f"{error['code']}: {error['meaning']}")
    assert f"To mend it: {error['cure']}." in one_line(text)
    if error["code"] in NO_EXAMPLE:
        return
    lines = re.search(r"```yaml\n(.*?)```", text, re.S)
    message = re.search(r"^    (error\[.*)$", text, re.M)
    assert lines and message
    (tmp_path / "pipeline.yaml").write_text(example_file(lines.group(1)))
    done = subprocess.run([BIN / "sluice", "validate", tmp_path / "pipeline.yaml"], capture_output=True, text=True)
    said = re.findall(r"error\[.*", done.stderr.replace(str(tmp_path), "/pipelines/shop"))
    assert (done.returncode, said) == (78, [message.group(1)])


def test_the_file_that_examples_change_is_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(example_file(""))
    subprocess.run([BIN / "sluice", "validate", tmp_path / "pipeline.yaml"], check=True, capture_output=True)
