"""What must be true. Each invariant is a function that raises Violation; its name is the promise's.

LINK after a log entry, COMMIT after a transaction, END after the final quiet run.
"""

from __future__ import annotations

from collections import Counter

from .actors import pending
from .collect import next_start, place_of
from .switch import edition_of, rank
from .world import (
    CONTRACTS,
    Commit,
    Contract,
    Edition,
    Entry,
    Record,
    Row,
    State,
    World,
    must,
    normalize_part,
)


def content(w: World, edition: Edition) -> tuple[Record, ...]:
    return tuple(r for _, _, part in w.parts(edition.input) for r in part)


# Of the log


def file_was_like_that(w: World, e: Entry) -> None:
    """Every edition of a file (or whole source) is what it held at one moment."""
    if w.setup.kinds[e.source] in ("file", "whole"):
        for place, i in enumerate(e.inputs):
            seen = (e.source, i.name, content(w, Edition(e.n, place, i)))
            must(seen in w.moments, "file_was_like_that", f"{i.name} in {e.source}/{e.n}")


def editions_do_not_go_back(w: World, e: Entry) -> None:
    """A later edition was never collected before an earlier one."""
    before = w.inventory(e.source, e.n - 1)
    for i in e.inputs:
        old = before.get(i.name)
        must(old is None or old.input.moment <= i.moment, "editions_do_not_go_back", i.name)


def crawl_is_whole(w: World, e: Entry) -> None:
    """What stood on the site during the whole crawl is in the entry exactly once."""
    if w.setup.kinds[e.source] != "site":
        return
    for place, i in enumerate(e.inputs):
        seen = Counter(r.uid for r in content(w, Edition(e.n, place, i)))
        ticks = [w.chunk(c).made_at for c in i.chunks] or [i.moment]
        first, last = ticks[0], ticks[-1]
        for (source, day, uid), (since, until) in w.spans.items():
            if (source, day) == (e.source, place_of(i.name)) and since < first and last < until:
                must(seen[uid] == 1, "crawl_is_whole", f"{seen[uid]} × record {uid} in {e.n}")


def watermark_is_monotone(w: World, e: Entry) -> None:
    """A new range begins where all earlier ones end, and the next start never falls."""
    if w.setup.kinds[e.source] == "cursor":
        ends = [x.to or 0 for x in w.log[e.source][: e.n - 1]]
        fell = next_start(w, e.source) < next_start(w, e.source, e.n - 1)
        must(not fell, "watermark_is_monotone", f"at entry {e.n}")
        again = any(e.start == x.start for x in w.log[e.source][: e.n - 1])
        gap = e.start != max(ends, default=0) and not again
        must(not gap, "watermark_is_monotone", f"entry {e.n} begins at {e.start}, ends: {ends}")


def ranges_are_disjoint(w: World, e: Entry) -> None:
    """Newest editions of a cursor's ranges hold every position up to the watermark once."""
    if w.setup.kinds[e.source] == "cursor":
        newest = w.inventory(e.source, e.n)
        held = sum(len(content(w, x)) for x in newest.values())
        to = max(x.to or 0 for x in w.log[e.source][: e.n])
        must(held == to, "ranges_are_disjoint", f"{held} records up to {to}")


# Of every committed state, so of everything that a reader may see


def counts_reconcile(c: Commit) -> None:
    """Per entry ok = inserted + updated + unchanged + stale + superseded; per part likewise."""
    o = c.after.outcomes[(c.entry.source, c.entry.n)]
    total = o.inserted + o.updated + o.unchanged + o.stale + o.superseded
    must(o.ok == total, "counts_reconcile", o)
    for i in c.entry.inputs:
        for _, _, part in c.world.parts(i):
            clean = normalize_part(part, c.world.contract)
            total = len(clean.rows) + len(clean.rejects) + clean.dup + clean.filtered
            must(clean.n_in == total, "counts_reconcile", clean)


def switch_is_whole(c: Commit) -> None:
    """All inputs of an entry become visible at once, but for those superseded in the log."""
    e, applied = c.entry, c.after.applied
    newest = c.world.inventory(e.source)
    at = {i.name: edition_of(applied, (e.source, i.name)) for i in e.inputs}
    for name, edition in at.items() if e.n in at.values() else ():
        late = edition < e.n and newest[name].n == e.n
        must(not late, "switch_is_whole", f"half of {e.source}/{e.n}: {name} is missing")


def old_never_overwrites_new(c: Commit) -> None:
    """Neither an older edition nor rows of older rules replace newer ones."""
    for owner, new in c.after.applied.items():
        old = c.before.applied.get(owner, new)
        older_rules = new.epoch < old.epoch and new.rev != old.rev
        fine = new.edition >= old.edition and not older_rules
        must(fine, "old_never_overwrites_new", f"{owner}: {old} by {new}")


def watermark_grows(c: Commit) -> None:
    """The table's watermark never falls."""
    for source, to in c.before.watermark.items():
        must(c.after.watermark[source] >= to, "watermark_grows", source)


def changes_grow(c: Commit) -> None:
    """A key's change number grows whenever its row changes."""
    for key, old in c.before.rows.items() if c.world.setup.mode == "latest" else ():
        new = c.after.rows.get(key, old)
        fine = new.row == old.row or new.change > old.change
        must(fine, "changes_grow", f"{key}: {old} by {new}")


def table_is_a_function(c: Commit) -> None:
    """The rows are the function of the editions and revs that `applied` names."""
    must_be_table_of(c.world, c.after, "table_is_a_function")


def contract_of(rev: str) -> Contract:
    return next(c for c in CONTRACTS if c.rev == rev)


def must_be_table_of(w: World, s: State, name: str) -> None:
    """Compares every key but those under the documented limit of `latest`."""
    want: list[Row] = []
    best: dict[str, tuple[tuple[object, ...], Row]] = {}
    for owner, a in s.applied.items():
        i = w.log[owner[0]][a.edition - 1].inputs[a.place]
        rows = w.rows_of(i, contract_of(a.rev))
        want += rows
        for at, row in enumerate(rows):
            place = (*rank(row, owner, a.edition, a.place), at)
            if row.key not in best or best[row.key][0] < place:
                best[row.key] = (place, row)
    if w.setup.mode == "latest":
        want = [row for _, row in best.values() if row.key not in s.limited]
    expected = Counter(row for row in want if not row.gone)
    got = Counter({r: n for r, n in s.visible().items() if r.key not in s.limited})
    must(got == expected, name, f"more {got - expected}, missing {expected - got}")


# Of the end


def nothing_is_pending(w: World) -> None:
    """Every entry is marked, every input is applied at its newest edition with today's rules."""
    must(not pending(w), "nothing_is_pending", pending(w))
    must(w.db.state.rev == w.contract.rev, "nothing_is_pending", "other rules are deployed")
    for source in range(len(w.log)):
        for name, newest in w.inventory(source).items():
            there = w.db.state.applied.get((source, name))
            is_there = there and (there.edition, there.rev) == (newest.n, w.contract.rev)
            must(bool(is_there), "nothing_is_pending", f"{source}/{name}: {newest.n}, {there}")


def end_is_fault_free(w: World) -> None:
    """The table is the function of (newest editions, today's rules)."""
    must_be_table_of(w, w.db.state, "end_is_fault_free")


def rejects_are_kept(w: World) -> None:
    """Every input's rejects are those of its newest edition, and within the limit."""
    for source in range(len(w.log)):
        for name, newest in w.inventory(source).items():
            cleans = [normalize_part(p, w.contract) for _, _, p in w.parts(newest.input)]
            want = (newest.n, w.contract.rev, tuple(r for c in cleans for r in c.rejects))
            got = w.db.state.rejects.get((source, name))
            must(got == want, "rejects_are_kept", f"{source}/{name}: {got}, not {want}")


def log_holds_the_sources(w: World) -> None:
    """The newest editions are what the files hold now; a feed is read to its end."""
    for source, kind in enumerate(w.setup.kinds):
        newest = w.inventory(source)
        if kind == "file":
            for name, (_, there) in w.files[source].items():
                held = content(w, newest[name]) if name in newest else ()
                must(held == there, "log_holds_the_sources", f"{source}/{name}")
        elif kind == "whole":
            there = tuple(r for _, (_, c) in sorted(w.files[source].items()) for r in c)
            held = content(w, newest[""]) if newest else ()
            must(held == there, "log_holds_the_sources", f"{source}")
        elif kind == "cursor":
            at = next_start(w, source)
            must(at == len(w.feed[source]), "log_holds_the_sources", f"{source} read to {at}")


LINK = (file_was_like_that, editions_do_not_go_back, crawl_is_whole, watermark_is_monotone, ranges_are_disjoint)
COMMIT = (
    counts_reconcile,
    switch_is_whole,
    old_never_overwrites_new,
    watermark_grows,
    changes_grow,
    table_is_a_function,
)
END = (nothing_is_pending, end_is_fault_free, rejects_are_kept, log_holds_the_sources)
