"""N normalize processes at once, one partition of a run each: how wall-clock time shrinks, and that CPU does not grow.
The run is that of the workload `listings`.

Environment: ROWS (300000).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time

from listings import ROWS, write_listings
from run import ROOT, Frame, Sample, Table, median, spread

WIDTHS = (1, 2, 4)


def normalize(frame: Frame, stage: list[str], n: int) -> Sample:
    """One spawner for all of them: the shell waits for its children."""
    clean = frame.dir / "home" / "listings" / "clean"
    if clean.exists():
        clean.rename(frame.dir / "old" / str(time.monotonic_ns()))
    one = f"{frame.exe('sluice-normalize')} {' '.join(stage)} --partition $k/{n} 2>{frame.dir}/said.$k"
    sample = frame.sample(f"{n} at once", ["sh", "-c", f"for k in $(seq {n}); do {one} & done; wait"])
    said = [(frame.dir / f"said.{k + 1}").read_text().splitlines()[-1] for k in range(n)]
    assert sum(json.loads(line)["kept"] for line in said) == ROWS
    return sample


def bench(frame: Frame) -> list[Table]:
    shutil.rmtree(frame.dir)
    (frame.dir / "old").mkdir(parents=True)
    write_listings(frame.dir / "in" / "listings.jsonl")
    shutil.copy(ROOT / "bench" / "pipelines" / "listings" / "pipeline.yaml", frame.dir)
    stage = ["--pipeline", str(frame.dir / "pipeline.yaml"), "--home", str(frame.dir / "home"), "--run-id", "r"]
    subprocess.run([frame.exe("sluice-collect"), *stage], check=True, capture_output=True)
    done = frame.interleave({str(n): (lambda n=n: normalize(frame, stage, n)) for n in WIDTHS})
    table = Table(f"{ROWS:,} listings, so many processes", ["processes", "CPU, s", "wall, s", "wall, times faster"])
    for n, samples in done.items():
        faster = median([a.wall / b.wall for a, b in zip(done["1"], samples, strict=True)])
        table.rows.append([n, spread([s.cpu for s in samples]), spread([s.wall for s in samples]), f"{faster:.2f}"])
    return [table]
