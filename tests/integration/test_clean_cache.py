"""Clean parts are a cache that is not synced: whatever a power cut leaves of them, store makes the same table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Sluice

Make = Callable[..., Sluice]

DAMAGE: dict[str, Callable[[Path], object]] = {
    "gone": lambda p: p.unlink(),
    "empty": lambda p: p.write_bytes(b""),
    "cut": lambda p: p.write_bytes(p.read_bytes()[:-20]),
    "zeros": lambda p: p.write_bytes(bytes(p.stat().st_size)),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("mode", ["append", "latest"])
def test_damaged_clean_parts_are_made_again(make: Make, tmp_path: Path, backend: str, mode: str, damage: str) -> None:
    pipeline = write_pipeline(tmp_path / "shop", mode)
    write_csv(tmp_path / "shop", "a.csv", rows(1, 40))
    write_csv(tmp_path / "shop", "b.csv", rows(100, 40))
    whole, hurt = make(pipeline, backend), make(pipeline, backend)
    for stage in ("collect", "normalize", "store"):
        whole(stage, "--run-id", "r")
    for stage in ("collect", "normalize"):
        hurt(stage, "--run-id", "r")
    parts = [p for p in hurt.home.glob("shop/clean/*/*") if p.is_file()]
    assert len(parts) == 2
    DAMAGE[damage](parts[0])
    done = hurt("store", "--run-id", "r")
    assert done.result["inserted"] == 80
    assert hurt.table(ALL) == whole.table(ALL)
