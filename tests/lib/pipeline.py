"""A pipeline file of a test, from the few lines that matter to it."""

from __future__ import annotations

from pathlib import Path

from tests.lib.shop import BACKENDS


def write(
    folder: Path,
    sources: dict[str, str],
    contract: str,
    store: str = "{table: rows, mode: append}",
    extra: str = "",
) -> Path:
    """Writes folder/pipeline.yaml, values as YAML flow text; returns the file. Inputs lie in folder/inbox."""
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    lines = ["sluice: 1", "pipeline: shop", "sources:", *(f"  {name}: {text}" for name, text in sources.items())]
    path = folder / "pipeline.yaml"
    path.write_text("\n".join([*lines, f"contract: {contract}", f"store: {store}", extra, BACKENDS]), encoding="utf-8")
    return path


def file_source(path: str = "inbox/*", codec: str = "json", more: str = "") -> str:
    return f'{{kind: file, path: "{path}", codec: {codec}{more}}}'
