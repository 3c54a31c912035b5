"""How long an executable takes to start, and a stage to do ten records; budgets in docs/performance.md."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from run import ROOT, Frame, Sample, Table, median, spread

STAGES = ["collect", "normalize", "store", "aggregate", "report"]
ROUNDS = 40

PIPELINE = """\
sluice: 1
pipeline: tiny
sources:
  drop: {kind: file, path: "inbox/*.csv", codec: csv}
contract:
  id: {type: int64, required: true}
  placed: {type: timestamp, zone: UTC}
  total: {type: "decimal(12,2)", min: 0}
store: {table: tiny, mode: latest, key: id, version: placed}
models:
  tiny_total: {as: view}
"""


def versions(frame: Frame) -> Table:
    """Each executable --version beside /bin/true."""
    exes = sorted(p for p in frame.bin.iterdir() if p.name.startswith("sluice"))
    cases = {"/bin/true": lambda: frame.sample("true", ["/bin/true"])}
    for exe in exes:
        cases[exe.name] = lambda exe=exe: frame.sample(exe.name, [str(exe), "--version"])
    got = frame.interleave(cases, ROUNDS)
    base = median([s.wall for s in got["/bin/true"]])
    table = Table(
        "Start: --version beside /bin/true",
        ["program", "over /bin/true, ms", "wall, ms", "peak, KiB"],
        notes=["Bars: 3 ms over /bin/true, 6,144 KiB."],
    )
    for name, samples in got.items():
        walls = [s.wall for s in samples]
        over = f"{(median(walls) - base) * 1e3:.2f}"
        table.rows.append([name, over, spread(walls, 1e3), str(max(s.peak_kib for s in samples))])
    return table


def write_tiny(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inbox").mkdir(parents=True)
    (folder / "models").mkdir()
    rows = "".join(f"{i},2026-01-01T00:00:00Z,{i}.50\n" for i in range(10))
    (folder / "inbox" / "a.csv").write_text("id,placed,total\n" + rows)
    (folder / "models" / "tiny_total.sql").write_text("select sum(total) as total from tiny\n")
    (folder / "pipeline.yaml").write_text(PIPELINE)
    return folder / "pipeline.yaml"


def loader(frame: Frame) -> Sample:
    """The engine's part: open DuckDB's library and a database file, close both."""
    library = frame.bin.parent / "lib" / "sluice" / "libduckdb.so"
    probe = frame.dir / "open_duckdb"
    if not probe.exists():
        subprocess.run(["cc", "-O2", "-o", str(probe), str(ROOT / "bench" / "open_duckdb.c"), "-ldl"], check=True)
    return frame.sample("loader", [str(probe), str(library), str(frame.dir / "loader.db")])


def statements(frame: Frame, stage: str, common: list[str]) -> Path:
    """Runs the stage and writes what it asks DuckDB, one statement a line, each parameter NULL."""
    argv = [frame.exe(f"sluice-{stage}"), *common, "--log-level", "debug", "--log-format", "json"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stderr.splitlines()
    asked = [json.loads(line).get("statement") for line in lines if '"message":"sql"' in line]
    assert asked, lines
    file = frame.dir / f"{stage}.statements"
    file.write_text("".join(re.sub(r"\$\d+", "null", sql).replace("\n", " ") + "\n" for sql in asked))
    return file


def engine_share(frame: Frame) -> dict[str, list[Sample]]:
    """DuckDB's share of store and aggregate: their statements, executed by a C program without us."""
    library, probe = frame.bin.parent / "lib" / "sluice" / "libduckdb.so", frame.dir / "open_duckdb"
    home = frame.dir / "home"
    pipeline = write_tiny(frame.dir / "tiny")
    common = ["--pipeline", str(pipeline), "--home", str(home), "--run-id", "r1"]
    got: dict[str, list[Sample]] = {}
    for _ in range(max(frame.rounds, 10)):
        shutil.rmtree(home, ignore_errors=True)
        for stage in ("collect", "normalize"):
            subprocess.run([frame.exe(f"sluice-{stage}"), *common], capture_output=True, check=True)
        for stage in ("store", "aggregate"):
            file, saved = statements(frame, stage, common), frame.dir / "saved.db"
            data = home / "tiny" / "data.db"
            shutil.copy(data, saved)
            if stage == "store":
                data.unlink()
                # The new file is linked under its name between two statements: here it is made by the third.
                text = file.read_text()
                file.write_text("".join(x for x in text.splitlines(True) if "data.db.new-" not in x))
            name = f"DuckDB's share of {stage}"
            got.setdefault(name, []).append(frame.sample(name, [str(probe), str(library), "-", str(file)]))
            shutil.move(saved, data)
    return got


def tasks(frame: Frame) -> Table:
    """A cold run of ten records, stage by stage, embedded; then the whole by sluice run."""
    got: dict[str, list[Sample]] = {s: [] for s in [*STAGES, "sluice run", "DuckDB alone"]}
    for _ in range(max(frame.rounds, 10)):
        pipeline = write_tiny(frame.dir / "tiny")
        shutil.rmtree(frame.dir / "home", ignore_errors=True)
        common = ["--pipeline", str(pipeline), "--home", str(frame.dir / "home"), "--run-id", "r1"]
        for stage in STAGES:
            got[stage].append(frame.sample(stage, [frame.exe(f"sluice-{stage}"), *common]))
        shutil.rmtree(frame.dir / "home")
        argv = [frame.exe("sluice"), "run", str(pipeline), "--home", str(frame.dir / "home")]
        got["sluice run"].append(frame.sample("run", argv))
        got["DuckDB alone"].append(loader(frame))
    check_rows(frame, pipeline)
    got |= engine_share(frame)
    table = Table(
        "A cold task of ten records, embedded",
        ["stage", "CPU, ms", "wall, ms", "peak, KiB"],
        notes=[
            "DuckDB alone: a C program that opens the library and a database file, and closes both.",
            "DuckDB's share: the same program executes the statements that the stage executes.",
        ],
    )
    for name, samples in got.items():
        cpu, wall = spread([s.cpu for s in samples], 1e3, 1), spread([s.wall for s in samples], 1e3, 1)
        table.rows.append([name, cpu, wall, str(max(s.peak_kib for s in samples))])
    return table


def check_rows(frame: Frame, pipeline: Path) -> None:
    argv = [frame.exe("sluice"), "query", str(pipeline), "--home", str(frame.dir / "home"), "--format", "json"]
    done = subprocess.run([*argv, "--sql", "select * from tiny_total"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [{"total": 50.00}], done.stdout


def bench(frame: Frame) -> list[Table]:
    return [versions(frame), tasks(frame)]
