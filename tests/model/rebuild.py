"""Rebuild: the table made anew from bronze."""

from __future__ import annotations

from dataclasses import replace

from .store import beyond, note_era
from .switch import Work, locked_state, replace_latest
from .world import Exit, Outcome, State, Steps, World, normalize_part


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
    swap_rows(w, s, beside)
    s.applied, s.limited, s.losers = beside.applied, frozenset(), beside.losers
    s.rejects.update(beside.rejects)
    w.commit(me, s)
    yield "rebuild: swapped"


def swap_rows(w: World, s: State, beside: State) -> None:
    """A row keeps its change number unless it changes; what vanishes, publish finds by itself."""
    before, s.rows = s.rows, {}
    for key, new in beside.rows.items():
        old = before.get(key)
        s.change += old is None or old.row != new.row
        same = old is not None and old.row == new.row
        s.rows[key] = replace(new, change=old.change if same and old else s.change)
