"""What people look with: preview, check, runs, state's history, completion, progress. None of it changes a table."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import BIN, Sluice

Make = Callable[..., Sluice]
BAD = (4, "2026-01-02T00:00:00Z", "-1", "FR")


@pytest.fixture
def shop(make: Make, tmp_path: Path, backend: str) -> Sluice:
    s = make(write_pipeline(tmp_path / "shop"), backend)
    write_csv(tmp_path / "shop", "a.csv", [*rows(1, 3), BAD])
    return s


def files(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_preview_shows_what_would_be_kept_and_rejected_and_writes_nothing(shop: Sluice) -> None:
    done = shop("preview", "--limit", "10")
    assert (done.result["n_in"], done.result["kept"], done.result["rejected"]) == (4, 3, 1)
    assert "total" in done.stdout and "min" in done.stdout
    assert files(shop.home) == {}


def test_check_tells_each_thing_on_a_line_and_changes_no_table(shop: Sluice) -> None:
    before = files(shop.home)
    lines = shop("check").stdout.splitlines()
    assert all(line.split()[0] in ("ok", "skipped") for line in lines), lines
    assert {"pipeline", "home", "source", "store"} <= {line.split()[1] for line in lines}
    assert files(shop.home).keys() - before.keys() <= {str(shop.home / "shop" / "data.db")}


def test_check_names_what_is_wrong_and_its_exit_code(shop: Sluice) -> None:
    write_csv(Path(shop.pipeline).parent, "a.csv", rows(1, 3))
    shop("run")
    write_pipeline(Path(shop.pipeline).parent, extra="models: {m: {as: view}}")
    folder = Path(shop.pipeline).parent / "models"
    folder.mkdir()
    (folder / "m.sql").write_text("select nothing from shop\n")
    done = shop("check", code=78)
    (line,) = [line for line in done.stdout.splitlines() if not line.startswith(("ok", "skipped"))]
    assert "nothing" in line or "nothing" in done.stderr


def test_runs_shows_each_stage_of_each_run_with_its_exit(shop: Sluice) -> None:
    shop("run", "--run-id", "first", code=65)
    write_csv(Path(shop.pipeline).parent, "a.csv", rows(1, 3))
    shop("run", "--run-id", "second")
    told = shop("runs").stdout
    assert told.index("second") < told.index("first")
    assert "exit 65" in told[told.index("first") :] and "exit 65" not in told[: told.index("first")]
    only = shop("runs", "--run", "first", "--format", "json").rows()
    assert {r["run"] for r in only} == {"first"}


def test_runs_shows_a_run_that_was_killed_before_anything_ended(shop: Sluice) -> None:
    shop("collect", "--run-id", "cut", env={"SLUICE_FAULT": "log.before_link:1:kill"}, code=137)
    assert shop("runs").stdout.startswith("cut  has begun, nothing of it has ended")
    assert shop("runs", "--format", "json").rows() == [{"run": "cut", "entries": [], "stages": []}]
    shop("run", "--run-id", "cut", code=65)
    assert "nothing of it has ended" not in shop("runs").stdout


def test_changes_by_hand_are_in_the_history_with_who_and_what(shop: Sluice) -> None:
    write_csv(Path(shop.pipeline).parent, "a.csv", rows(1, 3))
    shop("run")
    before = shop.query(ALL)
    shop("state", "rescan")
    shop("rebuild")
    lines = shop("state", "history").stdout.splitlines()
    assert len([line for line in lines if "rescan" in line]) == 1
    assert len([line for line in lines if "rebuild" in line]) == 1
    assert shop.query(ALL) == before


@pytest.mark.parametrize("word", ["run", "--backend", "sluice-"])
def test_completion_of_bash_offers_commands_and_flags(word: str) -> None:
    script = subprocess.run([BIN / "sluice", "completion", "bash"], capture_output=True, text=True, check=True).stdout
    assert word in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_progress_off_a_terminal_is_a_few_log_lines(shop: Sluice) -> None:
    write_csv(Path(shop.pipeline).parent, "a.csv", rows(1, 30_000))
    done = shop("run")
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) < 30


def test_store_out_of_reach_is_told_once_and_costs_nothing(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path / "shop"), "local")
    write_csv(tmp_path / "shop", "a.csv", rows(1, 3))
    there = s.env["SLUICE_CONN_WAREHOUSE"]
    s.env["SLUICE_CONN_WAREHOUSE"] = "postgres://nobody@127.0.0.1:1/nowhere"
    for _ in range(2):
        done = s("run", code=69)
        told = [
            line for line in done.stderr.splitlines() if line.startswith(("ERROR ", "WARNING ")) and "connect" in line
        ]
        assert len(told) == 1 and " store " in told[0], done.stderr
    s.env["SLUICE_CONN_WAREHOUSE"] = there
    assert s("run").result["inserted"] == 3


def test_entry_set_to_stored_is_passed_over_and_set_to_pending_judged_again(shop: Sluice, tmp_path: Path) -> None:
    shop("run", code=65)
    assert "refused" in shop("state").stdout
    shop("state", "set", "drop/1", "stored")
    done = shop("run")
    assert (done.result["pending"], "refused" in done.stderr) == (0, False)
    shop("state", "set", "drop/1", "pending")
    shop("run", code=65)
    write_csv(tmp_path / "shop", "a.csv", rows(1, 3))
    assert shop("run").result["inserted"] == 3
    history = shop("state", "history").stdout.splitlines()
    assert [line.split(" is ")[1].split()[0] for line in history] == ["stored", "pending"], history


@pytest.mark.parametrize("words", [["set", "drop/9", "stored"], ["set", "nil/1", "stored"], ["set", "drop/1", "gone"]])
def test_wrong_words_of_set_change_nothing(make: Make, tmp_path: Path, words: list[str]) -> None:
    s = make(write_pipeline(tmp_path / "shop"))
    write_csv(tmp_path / "shop", "a.csv", rows(1, 3))
    s("run")
    assert s("state", *words, code=64).result["hint" if words[1] != "drop/9" else "error"]
    assert "stored" in s("state").stdout and not (s.home / "shop" / "audit").exists()


def test_reset_reads_every_input_again_once(make: Make, tmp_path: Path) -> None:
    s = make(write_pipeline(tmp_path / "shop"))
    write_csv(tmp_path / "shop", "a.csv", rows(1, 3))
    s("run")
    before = s.table(ALL)
    (chunk,) = (s.home / "shop" / "bronze").rglob("*.zst")
    deadline = time.monotonic() + 20
    while not (s.home / "shop" / "seen" / "drop.json").exists():  # a young file's fingerprint is not trusted
        assert time.monotonic() < deadline, "the file never grows old enough"
        s("run")
    chunk.unlink()
    s("run")
    assert not chunk.exists(), "a known file is not read again"
    s("state", "reset", "--source", "drop")
    s("run")
    assert chunk.exists() and s.table(ALL) == before
    chunk.unlink()
    s("run")
    assert not chunk.exists(), "the reset has ended"
