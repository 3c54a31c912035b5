"""What a table must hold, told from the inputs alone (docs/guarantees.md): the tests' second opinion."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.lib.pipeline import file_source, write
from tests.lib.stage import Sluice

Row = tuple[int, int | None, str]  # id, version, text
SOURCES = ("a", "b")
CONTRACT = "{id: {type: int64, required: true}, v: {type: int64, min: 0}, t: text}"
STORES = {
    "append": "{table: rows, mode: append}",
    "latest": "{table: rows, mode: latest, key: id, version: v}",
}
TABLE = "select id, v, t from rows order by id, v, t"

# Sums that must be zero whatever happened.
AUDIT = """
select (select count(*) from sluice.part where n_in <> ok + bad + dup + filtered) as parts,
       (select count(*) from sluice.applied a left join (select input, sum(n_in) as n_in, sum(ok) as ok,
           sum(bad) as bad, sum(dup) as dup, sum(filtered) as filtered from sluice.part group by input) p
           on p.input = a.input where a.n_in <> a.ok + a.bad + a.dup + a.filtered or a.n_in <> coalesce(p.n_in, 0)
           or a.ok <> coalesce(p.ok, 0) or a.bad <> coalesce(p.bad, 0) or a.dup <> coalesce(p.dup, 0)
           or a.filtered <> coalesce(p.filtered, 0)) as inputs,
       (select count(*) from sluice.entry where n_in <> ok + bad + dup + filtered) as entries,
       (select count(*) from sluice.entry where state = 'stored'
           and ok <> inserted + updated + unchanged + stale + superseded) as outcomes,
       (select coalesce(sum(bad), 0) from sluice.applied) - (select count(*) from sluice.reject r
           where exists (select 1 from sluice.applied a where a.input = r.input and a.edition = r.edition)) as rejects
"""


def csv_text(rows: list[Row]) -> str:
    return "id,v,t\n" + "".join(f"{i},{'' if v is None else v},{t}\n" for i, v, t in rows)


def write_two_sources(folder: Path, mode: str, input_: str = "each", extra: str = "") -> Path:
    """Files inbox/a-* are source a, inbox/b-* are source b; both go into one table."""
    more = f", input: {input_}"
    sources = {name: file_source(f"inbox/{name}-*", "csv", more) for name in SOURCES}
    return write(folder, sources, CONTRACT, STORES[mode], extra)


@dataclass
class Edition:
    number: int
    place: int
    rows: list[Row]


@dataclass
class Inputs:
    """The newest edition of every input, as the log has them."""

    newest: dict[tuple[int, str], Edition] = field(default_factory=dict)
    entries: dict[int, int] = field(default_factory=dict)

    def collected(self, changed: dict[str, list[Row]]) -> None:
        """One collection found these files new or changed."""
        for index, source in enumerate(SOURCES):
            names = sorted(n for n in changed if n.startswith(source))
            if not names:
                continue
            self.entries[index] = number = self.entries.get(index, 0) + 1
            for place, name in enumerate(names):
                self.newest[index, name] = Edition(number, place, changed[name])

    def rows(self, mode: str) -> list[Row]:
        """The table, ordered as TABLE is."""
        best: dict[int, tuple[tuple[int, ...], Row]] = {}
        every: list[Row] = []
        for (index, _), e in self.newest.items():
            for n, row in enumerate(e.rows):
                rank = (-1 if row[1] is None else row[1], index, e.number, e.place, n)
                every.append(row)
                if row[0] not in best or best[row[0]][0] < rank:
                    best[row[0]] = (rank, row)
        rows = every if mode == "append" else [row for _, row in best.values()]
        return sorted(rows, key=lambda r: (r[0], r[1] is None, r[1] or 0, r[2]))


def table(s: Sluice) -> list[Row]:
    found = s.query(TABLE)
    return [(int(r["id"]), None if r["v"] is None else int(r["v"]), r["t"]) for r in found]


def assert_counts(s: Sluice) -> None:
    sums = {name: int(n) for name, n in s.query(AUDIT)[0].items()}
    assert not any(sums.values()), sums
