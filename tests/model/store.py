"""store: notes era, judges entry by entry, marks; the transaction itself is in switch.py."""

from __future__ import annotations

from collections.abc import Generator

from .switch import Attempt, Work, edition_of, lock, refuse, switch
from .world import Clean, Entry, Exit, Input, Job, Steps, World, normalize_part


def store(w: World, me: int, job: Job) -> Steps:
    """65 when an entry of its own was refused, or it had none and another was; 75 on a loss."""
    a = yield from note_era(w, me)
    own = [e for s in range(len(w.log)) for e in w.own_entries(s, job.run)]
    unmarked = [e for log in w.log for e in log if not is_marked(w, a.g, e)]
    if not w.on.own_marked_too:
        own = [e for e in own if e in unmarked]
    others = [e for e in unmarked if e not in own and (not job.interval or is_older(w, job, e))]
    work = others + own
    yield "store: list entries"
    refused: list[Entry] = []
    for e in work:
        if not (yield from store_entry(w, a, e, e.run == job.run)):
            refused.append(e)
    if any(e.run == job.run for e in refused) or (refused and not own and not job.interval):
        raise Exit(65, "beyond the reject limit")


def is_older(w: World, job: Job, e: Entry) -> bool:
    """Linked before the run began: an attempt that nobody waited for may have left it."""
    begin = w.store.get(("begin", job.run, e.source), 0)
    assert isinstance(begin, int)
    return w.on.older_too and e.n <= begin


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


# Marks: a cache of `applied`


def is_marked(w: World, g: int, e: Entry) -> bool:
    return ("mark", g, e.source, e.n) in w.store


def mark(w: World, a: Attempt, e: Entry) -> Steps:
    g = a.g if w.on.mark_own_generation else w.generation
    w.link(("mark", g, e.source, e.n), True)
    yield f"store: mark {e.source}/{e.n} in g{g}"
