"""Listings of about 1 KB through 12 rules, 4 of them regular expressions (pipelines/listings), beside the same rules
in a Python loop of json and re, in polars, in pandas, and in the engine of Redpanda Connect and Bento. All read a file
of JSON lines and write what came out; the rows are compared first.

Environment: ROWS (300000).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from run import ROOT, Frame, Sample, Table, get_peers, peer_python, spread

ROWS = int(os.environ.get("ROWS", "300000"))
WORDS = [
    "séjour",
    "lumineux",
    "cuisine",
    "équipée",
    "terrasse",
    "balcon",
    "parquet",
    "cave",
    "garage",
    "jardin",
    "calme",
    "proche",
    "écoles",
    "commerces",
    "tramway",
    "rénové",
    "double",
    "vitrage",
    "chauffage",
    "collectif",
    "gaz",
    "étage",
    "ascenseur",
    "gardien",
    "digicode",
    "vue",
    "dégagée",
    "sud",
]
TOWNS = ["Lyon", "Sainte-Orée-sur-Lac", "Valbrume", "L'Escale", "Œuvray", "Montclair-lès-Prés"]
KINDS = ["Appartement", "Maison", "Terrain à bâtir", "Studio"]
COLUMNS = "id, title, town, code, country, price, surface, rooms, seen, energy, lots, phone, tags, place"
FRAMES = [peer_python("load"), str(ROOT / "bench" / "frames.py")]
BENTHOS = [str(ROOT / ".cache" / "benthos" / "benthos"), "-c", str(ROOT / "bench" / "listings.benthos.yaml")]
BARS = {"json and re": "10", "benthos": "3"}


def listing(i: int, r: random.Random) -> dict[str, object]:
    words = " ".join(r.choices(WORDS, k=70))
    lots = f" Bien en copropriété de {r.randint(2, 400)} lots." if i % 3 else ""
    energy = f" Affichage : classe ENERGIE {r.choice('ABCDEFG')} indice {r.randint(1, 700)}." if i % 5 else ""
    return {
        "id": i,
        "url": f"https://example.org/annonce/{i}",
        "title": f" {r.choice(KINDS)} à  {r.choice(TOWNS)} ({r.randint(1000, 99999):05d}) ",
        "price": f"{r.randint(20, 999)} {r.randint(0, 999):03d} €",
        "surface": f"{r.randint(9, 300)},{r.randint(0, 99):02d} m²",
        "rooms": r.randint(1, 8),
        "seen": f"{r.randint(1, 28):02d}/{r.choice((1, 2, 11)):02d}/2026 {r.randint(4, 23):02d}:{r.randint(0, 59):02d}",
        "phone": r.choice(["n/a", "inconnu", f"0{r.randint(100000000, 999999999)}"]),
        "address": {"country": r.choice(["France", "Belgique", "Suisse"]), "street": f"{i % 99 + 1} rue des Lilas"},
        "tags": r.choices(["neuf", "vue", "parking", "jardin", "exclusif"], k=4),
        "agent": {"name": "Zoé Martin", "office": {"id": i % 97, "town": r.choice(TOWNS)}},
        "description": words + lots + energy,
    }


def write_listings(path: Path, rows: int = ROWS) -> Path:
    path.parent.mkdir(parents=True)
    r = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        for i in range(1, rows + 1):
            out.write(json.dumps(listing(i, r), ensure_ascii=False) + "\n")
    return path


def same_value(name: str, ours: object, theirs: object) -> bool:
    return float(str(ours)) == float(str(theirs)) if name in ("price", "surface") else ours == theirs


def peers(frame: Frame, source: Path) -> dict[str, Callable[[], Sample]]:
    """Each writes its rows into the frame's folder, under its own name, on one thread where it can have several."""

    def run(name: str, argv: list[str], env: dict[str, str] | None = None) -> Callable[[], Sample]:
        out = frame.dir / f"{name}.jsonl"

        def once() -> Sample:
            out.unlink(missing_ok=True)
            return frame.sample(name, [*argv], (env or {}) | {"IN": str(source), "OUT": str(out)})

        return once

    def files(name: str) -> list[str]:
        return [str(source), str(frame.dir / f"{name}.jsonl")]

    loop = [sys.executable, str(ROOT / "bench" / "listings_peer.py")]
    return {
        "json and re": run("json and re", [*loop, *files("json and re")]),
        "polars": run("polars", [*FRAMES, "polars", "listings", *files("polars")], {"POLARS_MAX_THREADS": "1"}),
        "pandas": run("pandas", [*FRAMES, "pandas", "listings", *files("pandas")]),
        "benthos": run("benthos", BENTHOS, {"GOMAXPROCS": "1", "GOGC": "400"}),
    }


def same_rows(a: Path, b: Path) -> None:
    with a.open(encoding="utf-8") as ours, b.open(encoding="utf-8") as theirs:
        n = 0
        for one, other in zip(ours, theirs, strict=True):
            row, wanted = json.loads(one), json.loads(other)
            assert row.keys() == wanted.keys()
            assert all(same_value(k, row[k], wanted[k]) for k in wanted), (row, wanted)
            n += 1
    assert n == ROWS


def compare_rows(frame: Frame, folder: Path, stage: list[str], peer: Path) -> None:
    """Also through a table and out again: every value of every row."""
    subprocess.run([frame.exe("sluice-store"), *stage], check=True, capture_output=True)
    out, words = folder / "ours.jsonl", [w for w in stage if w not in ("--run-id", "r")]
    sql = f"select {COLUMNS} from listings order by id"
    subprocess.run([frame.exe("sluice-export"), *words, "--sql", sql, "-o", str(out)], check=True, capture_output=True)
    same_rows(out, peer)


def bench(frame: Frame) -> list[Table]:
    get_peers("load", "benthos")
    shutil.rmtree(frame.dir / "pipeline" / "in", ignore_errors=True)
    folder, home = frame.dir / "pipeline", frame.dir / "home"
    source = write_listings(folder / "in" / "listings.jsonl")
    shutil.copy(ROOT / "bench" / "pipelines" / "listings" / "pipeline.yaml", folder)
    shutil.rmtree(home, ignore_errors=True)
    stage = ["--pipeline", str(folder / "pipeline.yaml"), "--home", str(home), "--run-id", "r"]
    frame.sample("collect", [frame.exe("sluice-collect"), *stage])

    def normalize() -> Sample:
        for clean in list(home.rglob("clean")):  # not removed: ext4 looks long for an inode behind many removals
            (home / "old").mkdir(exist_ok=True)
            clean.rename(home / "old" / str(len(list((home / "old").iterdir()))))
        return frame.sample("normalize", [frame.exe("sluice-normalize"), *stage])

    beside = peers(frame, source)
    done = frame.interleave({"normalize": normalize} | beside)
    loop = frame.dir / "json and re.jsonl"
    compare_rows(frame, folder, stage, loop)
    for name in list(beside)[1:]:
        same_rows(frame.dir / f"{name}.jsonl", loop)
    table = Table(
        f"{ROWS:,} listings of {source.stat().st_size / ROWS:.0f} bytes",
        ["case", "thousand records a CPU-second", "normalize is × as fast", "bar", "wall, s", "peak, MiB"],
    )
    for name, samples in done.items():
        times = [b.cpu / a.cpu for a, b in zip(done["normalize"], samples, strict=True)]
        table.rows.append([
            name, spread([ROWS / s.cpu for s in samples], 1e-3, 0), spread(times, digits=1), BARS.get(name, ""),
            spread([s.wall for s in samples]), f"{max(s.peak_kib for s in samples) / 1024:.1f}",
        ])  # fmt: skip
    return [table]
