"""store: judges and switches, entry by entry; and rebuild, which makes a table anew."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from .world import (
    Applied,
    Clean,
    Contract,
    Entry,
    Exit,
    Input,
    Job,
    Outcome,
    Owner,
    Row,
    State,
    Stored,
    World,
    normalize_part,
)

Steps = Generator[str, None, None]
PATIENCE = 3  # looks at a lock before its holder is terminated


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


def store(w: World, me: int, job: Job) -> Steps:
    """65 when an entry of its own was refused, or it had none and another was; 75 on a loss."""
    a = yield from note_era(w, me)
    own = [e for s in range(len(w.log)) for e in w.own_entries(s, job.run)]
    unmarked = [e for log in w.log for e in log if not is_marked(w, a.g, e)]
    if not w.on.own_marked_too:
        own = [e for e in own if e in unmarked]
    work = own if job.interval else unmarked + [e for e in own if e not in unmarked]
    yield "store: list entries"
    refused: list[Entry] = []
    for e in work:
        if not (yield from store_entry(w, a, e, e.run == job.run)):
            refused.append(e)
    if any(e.run == job.run for e in refused) or (refused and not own):
        raise Exit(65, "beyond the reject limit")


def note_era(w: World, me: int) -> Generator[str, None, Attempt]:
    """Reads rules, notes g and era (a new one for another rev), reads the rules again."""
    rules, epoch = w.contract, w.epoch
    yield "store: read rules"
    g = w.generation
    yield "store: note g"
    if w.db.state.rev != rules.rev:
        yield from lock(w, me)
        s = w.db.state.copy()
        if s.rev != rules.rev:
            s.rev, s.era = rules.rev, w.draw_era()
        w.commit(me, s)
    era = w.db.state.era
    yield "store: note era"
    if w.on.reread_rules:
        if w.contract.rev != rules.rev:
            raise Exit(75, "the rules changed")
        epoch = w.epoch
    yield "store: rules read again"
    return Attempt(me, rules, epoch, g, era)


def store_entry(w: World, a: Attempt, e: Entry, own: bool) -> Generator[str, None, bool]:
    """False: refused. Only inputs at their newest edition are judged and stored."""
    newest = w.inventory(e.source)
    yield f"store: {e.source}/{e.n}: newest editions"
    applied = w.db.state.applied
    if not own and all(edition_of(applied, (e.source, i.name)) >= e.n for i in e.inputs):
        yield from mark(w, a, e)
        return True
    work: list[Work] = []
    for place, i in enumerate(e.inputs):
        if newest[i.name].n == e.n or not w.on.judge_newest:
            cleans = gather(w, a, e, place, i)
            yield f"store: clean parts of {i.name}"
            if cleans is None:
                if own:
                    raise Exit(75, "a clean part is missing")
                return False
            work.append(Work((e.source, i.name), e.n, place, cleans))
    if beyond(work, w.limit):
        yield from refuse(w, a, work)
        return False
    if not w.on.mark_after_commit:
        yield from mark(w, a, e)
    batches = [work] if w.on.one_transaction or not work else [[x] for x in work]
    for batch in batches:
        yield from switch(w, a, e, batch)
    if w.on.mark_after_commit:
        yield from mark(w, a, e)
    return True


def gather(w: World, a: Attempt, e: Entry, place: int, i: Input) -> tuple[Clean, ...] | None:
    """From tickets; what is missing is made by sluice-normalize, which reads the rules itself."""
    usable = {t: x for t, x in w.clean if x.rev == a.rules.rev or not w.on.ticket_rev}
    cleans: list[Clean] = []
    for c, p, part in w.parts(i):
        made = usable.get((e.source, e.n, place, c, p)) or normalize_part(part, w.contract)
        if made.rev != a.rules.rev and w.on.ticket_rev:
            return None
        cleans.append(made)
    return tuple(cleans)


def beyond(work: list[Work], limit: float) -> bool:
    rejected = sum(len(x.rejects) for x in work)
    return rejected > limit * sum(c.n_in for x in work for c in x.cleans)


def edition_of(applied: dict[Owner, Applied], owner: Owner) -> int:
    return applied[owner].edition if owner in applied else 0


# Marks: a cache of `applied`


def is_marked(w: World, g: int, e: Entry) -> bool:
    return ("mark", g, e.source, e.n) in w.store


def mark(w: World, a: Attempt, e: Entry) -> Steps:
    g = a.g if w.on.mark_own_generation else w.generation
    w.link(("mark", g, e.source, e.n), True)
    yield f"store: mark {e.source}/{e.n} in g{g}"


# Transactions


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
    early: list[tuple[str, Work, list[object], dict[object, Stored]]] = []
    if w.setup.mode == "latest":
        work = yield from stage(w, a, e, work)
    elif not w.on.lock_before_copy:
        early = [plan_append(w, a, x, w.db.state) for x in work]
        yield "store: copied without the lock"
    s = yield from locked_state(w, a)
    out = Outcome(ok=sum(len(x.rows) for x in work))
    for k in range(len(work)) if w.on.input_order else reversed(range(len(work))):
        x = work[k]
        if w.setup.mode == "append":
            verdict, _, gone, new = early[k] if early else plan_append(w, a, x, s)
            for row in gone:
                s.rows.pop(row, None)
            s.rows.update(new)
            out = out.plus(inserted=len(new), written=len(new) + len(gone))
        else:
            verdict = verdict_on(w, a, x, s)
            if verdict == "replace":
                out = replace_latest(w, s, x, out)
        if verdict == "same":
            out = out.plus(unchanged=len(x.rows))
        elif verdict == "superseded":
            out = out.plus(superseded=len(x.rows))
        else:
            s.applied[x.owner] = Applied(x.edition, x.place, a.rules.rev, a.epoch)
            s.rejects[x.owner] = (x.edition, a.rules.rev, x.rejects)
            s.refused.pop(x.owner, None)
    yield "store: before commit"
    still_connected(w, a.me)
    if s.applied == w.db.state.applied and (e.source, e.n) in s.outcomes:
        w.db.release(a.me)  # an exact rerun writes nothing
        return
    s.outcomes[(e.source, e.n)] = out
    if e.to is not None:
        s.watermark[e.source] = max(e.to, s.watermark.get(e.source, 0))
    w.commit(a.me, s, e)
    w.clean = [(t, x) for t, x in w.clean if t[:2] != (e.source, e.n)]
    yield f"store: switched {e.source}/{e.n}"


def verdict_on(w: World, a: Attempt, x: Work, s: State) -> str:
    there = s.applied.get(x.owner)
    if there and (there.edition, there.rev) == (x.edition, a.rules.rev):
        return "same"
    if there and there.edition > x.edition and w.on.edition_guard:
        return "superseded"
    return "replace"


def plan_append(
    w: World, a: Attempt, x: Work, s: State
) -> tuple[str, Work, list[object], dict[object, Stored]]:
    """The row ids that a DELETE of the input's rows sees in s, and the rows that COPY adds."""
    verdict = verdict_on(w, a, x, s)
    if verdict != "replace":
        return verdict, x, [], {}
    gone = [rid for rid, row in s.rows.items() if row.owner == x.owner]
    new: dict[object, Stored] = {
        (x.owner, a.me, w.tick, k): Stored(row, x.owner) for k, row in enumerate(x.rows)
    }
    return verdict, x, gone, new


def stage(w: World, a: Attempt, e: Entry, work: list[Work]) -> Generator[str, None, list[Work]]:
    """COPY into a TEMP table before the lock. Left out: one staging table an entry, for all."""
    if w.on.own_staging:
        yield "store: staged"
        return work
    table = w.shared_stage[(e.source, e.n)] = {x.owner: x.cleans for x in work}
    yield "store: staged for all"
    table = w.shared_stage[(e.source, e.n)]
    return [replace(x, cleans=table.get(x.owner, ())) for x in work]


Rank = tuple[bool, int, int, int, int]


def rank(row: Row, owner: Owner, edition: int, place: int) -> Rank:
    """(version, source, edition, place); NULL is the smallest version."""
    return (row.version is not None, row.version or 0, owner[0], edition, place)


def wins(w: World, mine: Rank, theirs: Rank) -> bool:
    return mine > theirs if w.on.owner_place else mine[:2] >= theirs[:2]


def replace_latest(w: World, s: State, x: Work, out: Outcome) -> Outcome:
    """Joins one input's greatest rows with the table; see DESIGN §2 for who replaces whom."""
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
        if smaller and any(k == key and o != x.owner for k, o in s.losers):
            s.limited |= {key}  # what it had displaced stays forgotten
    elif old is not None:
        there = s.applied[old.owner]
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


def rebuild(w: World, me: int) -> Steps:
    """Recomputes the table from bronze beside it at the editions applied, then swaps."""
    a = yield from note_era(w, me)
    base = w.db.state
    beside = State()
    yield "rebuild: read applied"
    order = sorted(base.applied.items(), key=lambda kv: (kv[0][0], kv[1].edition, kv[1].place))
    for owner, there in order:
        i = w.log[owner[0]][there.edition - 1].inputs[there.place]
        cleans = tuple(normalize_part(part, a.rules) for _, _, part in w.parts(i))
        x = Work(owner, there.edition, there.place, cleans)
        if beyond([x], w.limit):
            raise Exit(65, "beyond the reject limit")
        replace_latest(w, beside, x, Outcome())
        beside.applied[owner] = replace(there, rev=a.rules.rev, epoch=a.epoch)
        beside.rejects[owner] = (x.edition, a.rules.rev, x.rejects)
        yield "rebuild: one input"
    s = yield from locked_state(w, a)
    if s.applied != base.applied:
        raise Exit(75, "the table changed meanwhile")
    s.rows = {key: as_before(s, key, new) for key, new in beside.rows.items()}
    s.applied, s.limited = beside.applied, frozenset()
    s.rejects.update(beside.rejects)
    s.losers = beside.losers
    w.commit(me, s)
    yield "rebuild: swapped"


def as_before(s: State, key: object, new: Stored) -> Stored:
    """A row keeps its change number unless it changes; a new number is greater than all."""
    old = s.rows.get(key)
    if old is not None and old.row == new.row:
        return replace(new, change=old.change)
    s.change += 1
    return replace(new, change=s.change)
