"""Is memory flat over listings? Peaks of collect and normalize over one, ten and a hundred files of the same listings,
each under a name of its own.

Environment: FILE_ROWS (100000): listings a file.
"""

from __future__ import annotations

import os
import shutil

from listings import write_listings
from run import ROOT, Frame, Table

FILE_ROWS = int(os.environ.get("FILE_ROWS", "100000"))
STAGES = ("collect", "normalize")


def bench(frame: Frame) -> list[Table]:
    folder, home = frame.dir / "pipeline", frame.dir / "home"
    for left in (folder, home):
        shutil.rmtree(left, ignore_errors=True)
    source = write_listings(folder / "in" / "0.jsonl", FILE_ROWS)
    shutil.copy(ROOT / "bench" / "pipelines" / "listings" / "pipeline.yaml", folder)
    table = Table("Peak, MiB", ["listings", *STAGES, "normalize: thousand records a CPU-second"])
    files = 1
    for wanted in (1, 10, 100):
        while files < wanted:
            (folder / "in" / f"{files}.jsonl").hardlink_to(source)
            files += 1
        stage = ["--pipeline", str(folder / "pipeline.yaml"), "--home", str(home), "--run-id", "r"]
        done = {name: frame.sample(name, [frame.exe(f"sluice-{name}"), *stage]) for name in STAGES}
        peaks = [f"{done[name].peak_kib / 1024:.1f}" for name in STAGES]
        rows = FILE_ROWS * files
        table.rows.append([f"{rows:,}", *peaks, f"{rows / done['normalize'].cpu / 1000:.0f}"])
        shutil.rmtree(home)
    return [table]
