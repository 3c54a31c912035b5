"""Every pipeline file, spoiled in two hundred seeded ways: each mistake exits 78 and is told at its place."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lib.stage import ROOT

FILES = sorted((ROOT / "pipelines").glob("*/pipeline.yaml"))
AT_LEAST = 200
PER_KIND = 32
SHOWN = 50  # errors of one file that are told; the others are counted
SEED = 20260112
DEPTH = 64

# Mappings whose keys are names that the user chooses; the keys of all others are fixed.
NAMES = {("sources",), ("fields",), ("contract",), ("models",), ("queries",), ("backends",), ("documents",)}


@dataclass(frozen=True)
class Mutation:
    """A spoiled text, and the "line:column: error[code]" that must be told."""

    kind: str
    text: str
    want: str


@dataclass(frozen=True)
class Entry:
    """A key and its value in some mapping of the file."""

    path: tuple[str, ...]
    parent: yaml.MappingNode
    key: yaml.ScalarNode
    value: yaml.Node
    depth: int  # mappings and lists open around the value
    in_list: bool  # the mapping is an item of a list

    @property
    def fixed(self) -> bool:
        section = self.path[0]
        if section == "documents" and len(self.path) == 4 and self.path[2] == "fields":
            return False  # a document's field is called as the user likes
        return self.path[:-1] not in NAMES and section != "rules" or (section == "rules" and len(self.path) > 2)


def entries(node: yaml.Node, path: tuple[str, ...] = (), depth: int = 0, in_list: bool = False) -> Iterator[Entry]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from entries(item, path, depth + 1, True)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        inner = (*path, key.value)
        yield Entry(inner, node, key, value, depth + 1, in_list)
        yield from entries(value, inner, depth + 1)


def place(mark: yaml.Mark, code: str, lines: int = 0, columns: int = 0) -> str:
    return f"{mark.line + 1 + lines}:{mark.column + 1 + columns}: error[{code}]"


def replaced(text: str, node: yaml.Node, new: str) -> str:
    return text[: node.start_mark.index] + new + text[node.end_mark.index :]


def plain(node: yaml.Node) -> bool:
    """A scalar that stands whole in the file (PyYAML cuts decimal(12,2) in braces, as YAML does)."""
    return isinstance(node, yaml.ScalarNode) and node.value != "" and "(" not in node.value


def unknown_keys(text: str, all_entries: list[Entry]) -> Iterator[Mutation]:
    for e in all_entries:
        engine = e.path[0] == "backends" and len(e.path) == 4
        if not (e.fixed or e.path[0] == "rules") or engine or "values" in e.path or e.key.value.endswith(")"):
            continue
        for key in (e.key.value + "_zz", "zz_" + e.key.value, e.key.value.upper()):
            yield Mutation("unknown key", replaced(text, e.key, key), place(e.key.start_mark, "E1003"))


def wrong_types(text: str, all_entries: list[Entry]) -> Iterator[Mutation]:
    for e in all_entries:
        special = e.path[-1] in ("codec", "sluice", "fields", "values") or e.path[0] == "backends"
        if e.fixed and plain(e.value) and not special and "values" not in e.path:
            yield Mutation("wrong type", replaced(text, e.value, "{zz: 1}"), place(e.value.start_mark, "E1005"))


def references(e: Entry) -> Iterator[yaml.Node]:
    if e.path[0] == "rules" and e.path[-1] == "from" or e.path in {("store", "key"), ("store", "version")}:
        yield from e.value.value if isinstance(e.value, yaml.SequenceNode) else [e.value]
    if e.path[-1] in ("timezone", "zone"):
        yield e.value


def dangling(text: str, all_entries: list[Entry]) -> Iterator[Mutation]:
    for e in all_entries:
        for node in references(e):
            yield Mutation("dangling reference", replaced(text, node, "zz_nowhere"), place(node.start_mark, "E1008"))
        if e.path[:-1] in {("models",), ("queries",)} and isinstance(e.value, yaml.MappingNode):
            if all(key.value != "file" for key, _ in e.value.value):
                spoiled = replaced(text, e.key, "zz_nowhere")
                yield Mutation("dangling reference", spoiled, place(e.key.start_mark, "E1012"))


def duplicates(text: str, all_entries: list[Entry]) -> Iterator[Mutation]:
    for e in all_entries:
        at = e.key.start_mark
        if e.key.value.endswith(")") or e.in_list and not e.parent.flow_style:
            continue
        if e.parent.flow_style:
            more = f"{e.key.value}: zz, "
            spoiled = text[: at.index] + more + text[at.index :]
            yield Mutation("duplicate key", spoiled, place(at, "E1002", columns=len(more)))
        else:
            more = f"{e.key.value}: zz\n{' ' * at.column}"
            spoiled = text[: at.index] + more + text[at.index :]
            yield Mutation("duplicate key", spoiled, place(at, "E1002", lines=1))


def bad_units(text: str, all_entries: list[Entry]) -> Iterator[Mutation]:
    sections = {e.path[0] for e in all_entries}
    for section, field in (("parallel", "bytes"), ("parallel", "max"), ("rejects", "limit")):
        for unit in ("7 parsecs", "64 KiBs", "5 %%", "ten"):
            if section not in sections:
                line = text.count("\n") + 1
                spoiled = f"{text}{section}: {{{field}: {unit}}}\n"
                yield Mutation("bad unit", spoiled, f"{line}:{len(section) + len(field) + 6}: error[E1005]")
    for e in all_entries:
        if e.path in {("rejects", "limit"), ("parallel", "bytes"), ("parallel", "max")}:
            yield Mutation("bad unit", replaced(text, e.value, "7 parsecs"), place(e.value.start_mark, "E1005"))


def tabs(text: str, _: list[Entry]) -> Iterator[Mutation]:
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith(" ") and not line.lstrip().startswith("#") and line.strip():
            spoiled = [*lines[:number], "\t" + line.lstrip(" "), *lines[number + 1 :]]
            yield Mutation("tab indentation", "".join(spoiled), f"{number + 1}:1: error[E1001]: a tab")


def too_deep(text: str, all_entries: list[Entry]) -> Iterator[Mutation]:
    for e in all_entries:
        if plain(e.value):
            spoiled = replaced(text, e.value, "[" * (DEPTH + 6) + "]" * (DEPTH + 6))
            yield Mutation("nesting", spoiled, place(e.value.start_mark, "E1009", columns=DEPTH - e.depth))


KINDS: list[Callable[[str, list[Entry]], Iterator[Mutation]]] = [
    unknown_keys,
    wrong_types,
    dangling,
    duplicates,
    bad_units,
    tabs,
    too_deep,
]


def mutations(text: str, seed: int) -> list[Mutation]:
    """Some of every kind, then any until there are enough."""
    rng = random.Random(seed)
    all_entries = list(entries(yaml.compose(text, Loader=yaml.SafeLoader)))
    chosen: list[Mutation] = []
    rest: list[Mutation] = []
    for kind in KINDS:
        some = list(kind(text, all_entries))
        assert some, f"no mutation of kind {kind.__name__}"
        rng.shuffle(some)
        chosen += some[:PER_KIND]
        rest += some[PER_KIND:]
    rng.shuffle(rest)
    return chosen + rest[: max(0, AT_LEAST - len(chosen))]


def complaint(sluice: Path, file: Path, m: Mutation) -> str:
    """ "" when the mutation is told as it must be."""
    file.write_text(m.text, encoding="utf-8")
    done = subprocess.run([sluice, "validate", file], capture_output=True, text=True, check=False, timeout=30)
    if done.returncode == 78 and f"{file}:{m.want}" in done.stderr:
        return ""
    return f"{m.kind}: want exit 78 and {m.want}, got exit {done.returncode} and\n{done.stderr[:1500]}"


@pytest.mark.parametrize("original", FILES, ids=lambda f: f.parent.name)
def test_every_mistake_is_told_at_its_place(original: Path, tmp_path: Path, bin_dir: Path) -> None:
    folder = tmp_path / original.parent.name
    shutil.copytree(original.parent, folder)
    text = original.read_text(encoding="utf-8")
    file = folder / "pipeline.yaml"
    done = subprocess.run([bin_dir / "sluice", "validate", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    spoiled = mutations(text, SEED)
    assert len(spoiled) >= AT_LEAST
    wrong = [c for c in (complaint(bin_dir / "sluice", file, m) for m in spoiled) if c]
    assert not wrong, f"{len(wrong)} of {len(spoiled)}:\n" + "\n".join(wrong[:5])


def test_all_mistakes_of_a_file_are_told_in_one_pass(tmp_path: Path, bin_dir: Path) -> None:
    """Mistakes of other kinds in every section, in the order of their lines."""
    text = (ROOT / "pipelines/orders/pipeline.yaml").read_text(encoding="utf-8")
    folder = tmp_path / "orders"
    shutil.copytree(ROOT / "pipelines/orders", folder)
    file = folder / "pipeline.yaml"
    wanted = []
    for old, new, code in [
        ("pipeline: orders", "pipelin: orders", "E1003"),
        ("codec: csv", "codec: csw", "E1008"),
        ("type: int64", "type: int46", "E1005"),
        ("zone: Europe/Paris", "zone: Europe/Pari", "E1008"),
        ("version: placed_at", "version: placed", "E1008"),
    ]:
        assert old in text, old
        line = text[: text.index(old)].count("\n") + 1
        text = text.replace(old, new, 1)
        wanted.append((line, code))
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([bin_dir / "sluice", "validate", file], capture_output=True, text=True, check=False)
    assert done.returncode == 78
    told = re.findall(rf"^{re.escape(str(file))}:(\d+):\d+: error\[(E\d+)\]", done.stderr, re.M)
    lines = [int(line) for line, _ in told]
    assert lines == sorted(lines)
    assert {line for line, _ in wanted} <= set(lines), done.stderr
    assert f"{file}: {len(told)} errors" in done.stdout


def test_of_very_many_mistakes_fifty_are_told_and_all_are_counted(tmp_path: Path, bin_dir: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    good = (ROOT / "pipelines/orders/pipeline.yaml").read_text(encoding="utf-8")
    extra = 30
    file.write_text(good.rstrip() + "\n" + "".join(f"zz{i}: 1\n" for i in range(SHOWN + extra)), encoding="utf-8")
    shutil.copytree(ROOT / "pipelines/orders", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.yaml"))
    done = subprocess.run([bin_dir / "sluice", "validate", file], capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert done.stderr.count("error[E1003]") == SHOWN
    assert f"and {extra} more errors" in done.stderr
    assert f"{file}: {SHOWN + extra} errors" in done.stdout
