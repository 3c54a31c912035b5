"""Runs workloads side by side with their peers: python3 bench/run.py [--bin DIR] [--rounds N] WORKLOAD…

A workload is a module beside this one with bench(Frame) -> list[Table]. The frame interleaves what is
compared, so that a busy minute hurts everybody alike; a workload compares outputs before it shows times.
CPU-seconds come first: they carry over to another machine, wall-clock time on a shared one does not.
Results: build/bench/WORKLOAD.jsonl (every execution) and WORKLOAD.md (the tables).
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "bench"
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "bench"))


@dataclass(frozen=True)
class Sample:
    """One execution; server: CPU-seconds that it made a server spend."""

    wall: float
    user: float
    sys: float
    peak_kib: int
    exit: int
    server: float = 0.0

    @property
    def cpu(self) -> float:
        return self.user + self.sys + self.server

    @classmethod
    def whole(cls, parts: Iterable[Sample]) -> Sample:
        """One after the other."""
        s = list(parts)
        sums = [sum(x.wall for x in s), sum(x.user for x in s), sum(x.sys for x in s)]
        return cls(*sums, max(x.peak_kib for x in s), 0, sum(x.server for x in s))


@dataclass
class Table:
    title: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", *_aligned([self.head, *self.rows])]
        return "\n".join([*lines, "", *(f"{n}\n" for n in self.notes)])


def _aligned(rows: list[list[str]]) -> list[str]:
    head, *rest = ("| " + " | ".join(r) + " |" for r in rows)
    return [head, "|" + "---|" * len(rows[0]), *rest]


def spread(values: Sequence[float], scale: float = 1.0, digits: int = 2) -> str:
    """Median (min-max)."""
    v = [x * scale for x in values]
    if len(v) == 1:
        return f"{v[0]:.{digits}f}"
    return f"{statistics.median(v):.{digits}f} ({min(v):.{digits}f}-{max(v):.{digits}f})"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def cpu_of_tree(pid: int) -> float:
    """CPU-seconds of a process, of all below it, and of those that it has waited for."""
    ticks, todo = 0, [pid]
    while todo:
        p = todo.pop()
        try:
            words = Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
            todo += [int(c) for c in Path(f"/proc/{p}/task/{p}/children").read_text().split()]
        except OSError:
            continue
        ticks += sum(int(w) for w in words[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


class Frame:
    def __init__(self, name: str, bin_dir: Path, rounds: int) -> None:
        self.name, self.bin, self.rounds = name, bin_dir, rounds
        self.dir = OUT / name
        self.dir.mkdir(parents=True, exist_ok=True)
        self._log = (OUT / f"{name}.jsonl").open("w")
        self._spawn = build_tool("spawn")

    def exe(self, name: str) -> str:
        return str(self.bin / name)

    def sample(
        self, case: str, argv: Sequence[str], env: dict[str, str] | None = None, server: int | None = None
    ) -> Sample:
        """One execution of argv, which must end with 0. server: pid of the server whose CPU counts too."""
        result = self.dir / "spawn.json"
        before = cpu_of_tree(server) if server else 0.0
        done = subprocess.run(
            [str(self._spawn), str(result), *argv],
            env={"PATH": os.environ["PATH"]} | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"exit {done.returncode}: {argv}\n{done.stderr[-3000:]}"
        spent = cpu_of_tree(server) - before if server else 0.0
        sample = Sample(**json.loads(result.read_text()), server=spent)
        self.note(case, sample, argv)
        return sample

    def note(self, case: str, sample: Sample, argv: Sequence[str]) -> None:
        self._log.write(json.dumps({"case": case, **asdict(sample), "argv": list(argv)}) + "\n")
        self._log.flush()

    def interleave(self, cases: dict[str, Callable[[], Sample]], rounds: int | None = None) -> dict[str, list[Sample]]:
        """Every case once a round."""
        out: dict[str, list[Sample]] = {name: [] for name in cases}
        for _ in range(rounds or self.rounds):
            for name, case in cases.items():
                out[name].append(case())
        return out


def get_peers(*names: str) -> None:
    """Installs those of scripts/get-peers that are missing."""
    subprocess.run([str(ROOT / "scripts" / "get-peers"), *names], check=True, stdout=sys.stderr)


def peer_python(name: str) -> str:
    """The Python of a peer, which has the packages of bench/NAME.lock."""
    return str(ROOT / ".venv" / f"bench-{name}" / "bin" / "python")


def build_tool(name: str) -> Path:
    source, target = ROOT / "bench" / f"{name}.c", OUT / name
    OUT.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o", str(target), str(source)], check=True)
    return target


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bin", type=Path, default=ROOT / "build" / "release" / "bin", help="executables to measure")
    options.add_argument("--rounds", type=int, default=5)
    every = "start, orders_1m, load, upsert, csv_reader, listings, parallel, crawl, memory, tickets, publish"
    every += ", airflow_slot, listings_memory"
    options.add_argument("workload", nargs="+", help=every)
    args = options.parse_args()
    for name in args.workload:
        frame = Frame(name, args.bin.resolve(), args.rounds)
        tables = importlib.import_module(name).bench(frame)
        text = "\n".join(t.markdown() for t in tables)
        (OUT / f"{name}.md").write_text(text)
        print(text)


if __name__ == "__main__":
    main()
