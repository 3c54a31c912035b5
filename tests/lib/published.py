"""A small pipeline whose rows are published, and what a collection holds of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lib.services import Mongo
from tests.lib.stage import Sluice

BACKENDS = """\
backends:
  embedded: {bronze: file, store: duckdb, documents: {mongo: documents}}
  local: {bronze: file, store: {postgres: warehouse}, documents: {mongo: documents}}
  files: {bronze: file, store: {postgres: warehouse}, documents: file}
"""

CONTRACT = """\
contract:
  id: {type: text, required: true}
  n: int64
  note: text
"""
LATEST = "store: {table: shop, mode: latest, key: [id]}"
APPEND = "store: {table: shop, mode: append}"


def write_pipeline(
    folder: Path,
    documents: str = "documents: {shop: {}}",
    store: str = LATEST,
    contract: str = CONTRACT,
    models: dict[str, str] | None = None,
    source: str = "input: whole",
    codec: str = "jsonl",
) -> Path:
    """Writes folder/pipeline.yaml; inputs are folder/inbox/*. With input: whole the last export is the table."""
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    (folder / "models").mkdir(exist_ok=True)
    for name, sql in (models or {}).items():
        (folder / "models" / f"{name}.sql").write_text(sql)
    lines = [
        "sluice: 1",
        "pipeline: shop",
        f'sources: {{drop: {{kind: file, path: "inbox/*", codec: {codec}, {source}}}}}',
        contract,
        store,
        "models: {" + ", ".join(f"{name}: {{as: view}}" for name in models) + "}" if models else "",
        documents,
        BACKENDS,
    ]
    path = folder / "pipeline.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def export(folder: Path, rows: list[dict[str, Any]]) -> None:
    """The whole source anew: what is not in it has no row any more."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    (folder / "inbox" / "all.jsonl").write_text("".join(lines), encoding="utf-8")


def rows(*pairs: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"id": key, "n": n} for key, n in pairs]


def connect(make: Callable[..., Sluice], pipeline: Path, server: Mongo, backend: str = "embedded") -> Sluice:
    sluice = make(pipeline, backend)
    sluice.env["SLUICE_CONN_DOCUMENTS"] = server.uri()
    return sluice


def held(server: Mongo, collection: str = "shop") -> dict[Any, Any]:
    """Live documents by _id, without what Sluice adds."""
    found = server.client()[server.database][collection].find({"_sl.deleted": {"$exists": False}})
    return {freeze(d.pop("_id")): {k: v for k, v in d.items() if k != "_sl"} for d in found}


def freeze(key: Any) -> Any:
    return tuple(key.values()) if isinstance(key, dict) else key


def tombstones(server: Mongo, collection: str = "shop") -> set[Any]:
    found = server.client()[server.database][collection].find({"_sl.deleted": True})
    dead = list(found)
    assert all(set(d) == {"_id", "_sl"} for d in dead), f"a tombstone with content: {dead}"
    return {freeze(d["_id"]) for d in dead}
