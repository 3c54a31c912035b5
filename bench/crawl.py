"""A served site of PAGES list pages with 40 items each: source `web` beside Scrapy, both without delays, both
following the link to the next page and writing JSON lines. The items are compared first. Ours are also kept step by
step with fsync and named in the log; the server (pages.c) is quick and does not count.

Environment: PAGES (2000).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from run import ROOT, Frame, Sample, Table, build_tool, get_peers, peer_python, spread

PAGES = int(os.environ.get("PAGES", "2000"))
ITEMS = 40
PIPELINE = """\
sluice: 1
pipeline: crawl
sources:
  site: {{kind: web, profile: site.yaml, start: "{start}", delay: 0s, max_pages: 5000, allow_addresses: 127.0.0.0/8}}
contract: {{reference: text}}
store: {{table: cards, mode: append}}
backends: {{embedded: {{bronze: file, store: duckdb}}}}
"""
PROFILE = """\
next: a.next
record: article.card
fields:
  reference: {css: a.link, attribute: href, regex: '/(\\d+)$'}
  titre: a.link h2
  lien: {css: a.link, attribute: href, link: true}
  prix: p.price
  caracteristiques: {css: ul li, many: true}
  texte: p.text
"""


def ours(frame: Frame, folder: Path) -> Sample:
    shutil.rmtree(folder / "home", ignore_errors=True)
    argv = [frame.exe("sluice-collect"), "--pipeline", str(folder / "pipeline.yaml"), "--home", str(folder / "home")]
    return frame.sample("sluice-collect", [*argv, "--run-id", "r"])


def items(lines: str) -> dict[str, dict[str, object]]:
    records = [json.loads(line) for line in lines.splitlines()]
    assert len(records) == PAGES * ITEMS
    return {r["reference"]: r for r in records}


def compare(folder: Path, peer: Path) -> None:
    chunks = sorted(str(p) for p in (folder / "home").rglob("bronze/**/*") if p.is_file())
    lines = subprocess.run(["zstd", "-qdcf", *chunks], check=True, capture_output=True, text=True).stdout
    assert items(lines) == items(peer.read_text())


def bench(frame: Frame) -> list[Table]:
    get_peers("crawl")
    folder, peer = frame.dir, frame.dir / "peer.jsonl"
    site = subprocess.Popen(
        [build_tool("pages"), str(PAGES), str(ITEMS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert site.stdout
    start = f"http://127.0.0.1:{int(site.stdout.readline())}/page/1"
    (folder / "pipeline.yaml").write_text(PIPELINE.format(start=start))
    (folder / "site.yaml").write_text(PROFILE)
    scrapy = [peer_python("crawl"), str(ROOT / "bench" / "crawl_peer.py"), start, str(peer)]
    cases = {"sluice-collect": lambda: ours(frame, folder), "Scrapy": lambda: frame.sample("Scrapy", scrapy)}
    try:
        done = frame.interleave(cases)
        compare(folder, peer)
    finally:
        site.communicate()
    table = Table(f"{PAGES:,} pages, {ITEMS} items each", ["case", "items a CPU-second", "items a second", "peak, MiB"])
    for name, samples in done.items():
        speed = [spread([PAGES * ITEMS / getattr(s, f) for s in samples], digits=0) for f in ("cpu", "wall")]
        table.rows.append([name, *speed, f"{max(s.peak_kib for s in samples) / 1024:.0f}"])
    pairs = list(zip(*done.values(), strict=True))
    ratios = [spread([getattr(b, f) / getattr(a, f) for a, b in pairs], digits=1) for f in ("cpu", "wall")]
    table.notes.append(f"over Scrapy: CPU {ratios[0]}, wall {ratios[1]} (bar: 15)")
    return [table]
