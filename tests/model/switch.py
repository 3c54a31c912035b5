"""The switch: one transaction an entry, and who replaces whom in it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from .world import (
    Applied,
    Clean,
    Contract,
    Entry,
    Exit,
    Outcome,
    Owner,
    Row,
    State,
    Steps,
    Stored,
    World,
)

PATIENCE = 3  # looks at a lock before its holder is terminated
NEVER = Applied(0, 0, "", 0)
NOBODY: Owner = (-1, "")  # owns the tombstones that a rebuild leaves


@dataclass(frozen=True)
class Attempt:
    """One store process: what it noted at its start."""

    me: int
    rules: Contract
    epoch: int  # ghost
    g: int
    era: int


@dataclass(frozen=True)
class Work:
    """An input of an entry with its clean parts."""

    owner: Owner
    edition: int
    place: int
    cleans: tuple[Clean, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(r for c in self.cleans for r in c.rows)

    @property
    def rejects(self) -> tuple[int, ...]:
        return tuple(r for c in self.cleans for r in c.rejects)


def edition_of(applied: dict[Owner, Applied], owner: Owner) -> int:
    return applied[owner].edition if owner in applied else 0


def lock(w: World, me: int) -> Steps:
    """Locks the pipeline's row; after lock_timeout terminates the backend that blocks."""
    looks = 0
    while w.db.holder not in (None, me):
        looks += 1
        if looks > PATIENCE and w.on.break_blocker:
            assert w.db.holder is not None
            w.db.terminate(w.db.holder)
        yield "store: wait for the lock"
    still_connected(w, me)
    w.db.holder = me


def still_connected(w: World, me: int) -> None:
    if me in w.db.terminated:
        raise Exit(75, "connection lost")


def locked_state(w: World, a: Attempt) -> Generator[str, None, State]:
    yield from lock(w, a.me)
    yield "store: locked"
    still_connected(w, a.me)
    s = w.db.state.copy()
    if w.on.era_fence and s.era != a.era:
        raise Exit(75, "another era")
    return s


def refuse(w: World, a: Attempt, work: list[Work]) -> Steps:
    """Nothing becomes visible but the rejects, apart from those of the rows that stay."""
    s = yield from locked_state(w, a)
    for x in work:
        if edition_of(s.applied, x.owner) <= x.edition:
            refused = (x.edition, a.rules.rev, x.rejects)
            if w.on.refused_apart:
                s.refused[x.owner] = refused
            else:
                s.rejects[x.owner] = refused
    w.commit(a.me, s)
    yield "store: refused"


def switch(w: World, a: Attempt, e: Entry, work: list[Work]) -> Steps:
    """One transaction: era, verdict of every input, rows, counts, rejects, applied, watermark."""
    early: dict[Owner, Plan] = {}
    if w.setup.mode == "latest":
        work = yield from stage(w, e, work)
    elif not w.on.lock_before_copy:
        early = {x.owner: plan(w, a, x, w.db.state) for x in work}
        yield "store: copied without the lock"
    s = yield from locked_state(w, a)
    out = Outcome(ok=sum(len(x.rows) for x in work))
    for x in work if e.n % 2 else reversed(work):  # no rule: rank() is a total order, whoever comes first
        p = early.get(x.owner) or plan(w, a, x, s)
        out = put(w, s, x, p, out)
        if p.verdict == "replace":
            s.applied[x.owner] = Applied(x.edition, x.place, a.rules.rev, a.epoch)
            s.rejects[x.owner] = (x.edition, a.rules.rev, x.rejects)
            s.refused.pop(x.owner, None)
    yield "store: before commit"
    still_connected(w, a.me)
    if s.applied == w.db.state.applied:  # an exact rerun writes nothing
        w.db.release(a.me)
        return
    s.outcomes[(e.source, e.n)] = out
    if e.to is not None:
        s.watermark[e.source] = max(e.to, s.watermark.get(e.source, 0))
    w.commit(a.me, s, e)
    w.clean = [(t, x) for t, x in w.clean if t[:2] != (e.source, e.n)]
    yield f"store: switched {e.source}/{e.n}"


def stage(w: World, e: Entry, work: list[Work]) -> Generator[str, None, list[Work]]:
    """COPY into a TEMP table before the lock. Left out: one staging table an entry, for all."""
    if w.on.own_staging:
        yield "store: staged"
        return work
    table = w.shared_stage[(e.source, e.n)] = {x.owner: x.cleans for x in work}
    yield "store: staged for all"
    table = w.shared_stage[(e.source, e.n)]
    return [replace(x, cleans=table.get(x.owner, ())) for x in work]


@dataclass(frozen=True)
class Plan:
    """What a switch does with one input; gone and new are the row ids of mode append."""

    verdict: str
    gone: tuple[object, ...] = ()
    new: tuple[tuple[object, Stored], ...] = ()


def plan(w: World, a: Attempt, x: Work, s: State) -> Plan:
    """Decides by `applied`; the row ids are those that a DELETE of the input's rows sees in s."""
    there = s.applied.get(x.owner)
    if there and (there.edition, there.rev) == (x.edition, a.rules.rev):
        return Plan("same")
    if there and there.edition > x.edition and w.on.edition_guard:
        return Plan("superseded")
    if w.setup.mode == "latest":
        return Plan("replace")
    gone = tuple(rid for rid, row in s.rows.items() if row.owner == x.owner)
    new = (((x.owner, a.me, w.tick, k), Stored(row, x.owner)) for k, row in enumerate(x.rows))
    return Plan("replace", gone, tuple(new))


def put(w: World, s: State, x: Work, p: Plan, out: Outcome) -> Outcome:
    """Writes one input's rows as planned and counts them."""
    if p.verdict == "same":
        return out.plus(unchanged=len(x.rows))
    if p.verdict == "superseded":
        return out.plus(superseded=len(x.rows))
    if w.setup.mode == "latest":
        return replace_latest(w, s, x, out)
    for rid in p.gone:
        s.rows.pop(rid, None)
    s.rows.update(p.new)
    return out.plus(inserted=len(p.new))


Rank = tuple[bool, int, int, int, int]


def rank(row: Row, owner: Owner, edition: int, place: int) -> Rank:
    """(version, source, edition, place); NULL is the smallest version."""
    return (row.version is not None, row.version or 0, owner[0], edition, place)


def wins(w: World, mine: Rank, theirs: Rank) -> bool:
    return mine > theirs if w.on.owner_place else mine[:2] >= theirs[:2]


def replace_latest(w: World, s: State, x: Work, out: Outcome) -> Outcome:
    """Joins one input's greatest rows with the table; see docs/delivery.md for who replaces whom."""
    best: dict[str, Row] = {}
    for row in x.rows:
        old = best.get(row.key)
        if old is None or rank(row, x.owner, 0, 0) >= rank(old, x.owner, 0, 0):
            best[row.key] = row
    out = out.plus(stale=len(x.rows) - len(best))
    withdrawn = {k for k, t in s.rows.items() if t.owner == x.owner and k not in best}
    s.limited |= {str(k) for k in withdrawn}
    for key, row in best.items():
        out = out.plus(**{upsert(w, s, x, key, row): 1})
    return out


def upsert(w: World, s: State, x: Work, key: str, row: Row) -> str:
    """One key; returns the count it falls under."""
    old = s.rows.get(key)
    mine = rank(row, x.owner, x.edition, x.place)
    if old is not None and old.owner == x.owner:
        if old.row == row:
            return "unchanged"
        smaller = mine[:2] < rank(old.row, x.owner, 0, 0)[:2]
        if smaller and not w.on.owner_replaces:
            return "stale"
        if smaller and w.on.limit_covers_lowered and any(k == key and o != x.owner for k, o in s.losers):
            s.limited |= {key}  # what it had displaced stays forgotten
    elif old is not None:
        there = s.applied.get(old.owner, NEVER)
        if not wins(w, mine, rank(old.row, old.owner, there.edition, there.place)):
            s.losers |= {(key, x.owner)}
            return "stale"
        s.losers |= {(key, old.owner)}
    if row.gone and not w.on.hidden_tombstones:
        s.rows.pop(key, None)
        return "updated"
    if old is not None and old.row == row:
        s.rows[key] = Stored(row, x.owner, old.change)
        return "unchanged"
    s.change += 1
    s.rows[key] = Stored(row, x.owner, s.change)
    return "updated" if old else "inserted"
