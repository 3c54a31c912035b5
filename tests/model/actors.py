"""The other actors: normalize and the driver; and those who make trouble.

A process (driver, rebuild) ends; the environment's actors go on as long as somebody steps them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from random import Random

from .collect import collect
from .publish import publish
from .rebuild import rebuild
from .store import is_marked, store
from .switch import NOBODY
from .world import (
    CONTRACTS,
    Contract,
    Exit,
    Job,
    Record,
    Row,
    Setup,
    Steps,
    Stored,
    Ticket,
    World,
    normalize_part,
)

Spawn = Callable[[str, Callable[[int], Steps]], None]
NAMES = ("x", "y", "z")
KEYS = "abcd"
PARTITIONS = 2


# Processes


def normalize(w: World, job: Job, k: int) -> Steps:
    """Partition k of n of its own run's parts: tickets first, bronze for what none brought."""
    rules = w.contract
    yield f"normalize {k}: read rules"
    own = [e for s in range(len(w.log)) for e in w.own_entries(s, job.run)]
    parts = {
        (e.source, e.n, place, c, p): part
        for e in own
        for place, i in enumerate(e.inputs)
        for c, p, part in w.parts(i)
        if c % PARTITIONS == k
    }
    taken = [(t, part) for t, part in w.raw if t in parts]
    w.raw = [(t, part) for t, part in w.raw if t not in parts]
    yield f"normalize {k}: take tickets"
    made: set[Ticket] = set()
    for t, part in taken + [(t, None) for t in parts]:
        if t in made and part is None:
            continue
        made.add(t)
        w.clean.append((t, normalize_part(part or parts[t], rules)))
        yield f"normalize {k}: part {t}"


def driver(w: World, me: int, job: Job, again: bool = False, only_store: bool = False) -> Steps:
    """`sluice run`, or the tasks of one DAG run (perhaps only its last one was cleared)."""
    job.latest, job.done = me, False
    try:
        if w.setup.embedded:
            yield from take_flock(w, me)
        for source in range(len(w.setup.kinds)) if not only_store else ():
            yield from collect(w, job, source, again)
        for k in range(PARTITIONS) if not only_store else ():
            yield from normalize(w, job, k)
        yield from store(w, me, job)
        job.done = job.latest == me  # a scheduler believes its newest attempt
    except Exit as e:
        yield f"exit {e}"
    finally:
        forget(w, me)


def take_flock(w: World, me: int) -> Steps:
    """Its children inherit it; nobody waits without limit."""
    for _ in range(3):
        if w.flock is None:
            w.flock = me
            return
        yield "driver: wait for the flock"
    raise Exit(75, "another driver runs")


def forget(w: World, me: int) -> None:
    """A process ended: its transaction rolls back, its locks are free."""
    w.db.release(me)
    w.flock = None if w.flock == me else w.flock


def rebuilder(w: World, me: int) -> Steps:
    try:
        if w.setup.embedded:
            yield from take_flock(w, me)
        yield from rebuild(w, me)
    except Exit as e:
        yield f"exit {e}"
    finally:
        forget(w, me)


# Who starts processes


def hash_job(w: World) -> Job:
    """A run without id and interval is named by every source's next number."""
    run = "h" + ".".join(str(w.newest(s) + 1) for s in range(len(w.log)))
    return w.jobs.setdefault(run, Job(run, None, retried=False))


def next_job(w: World) -> Job:
    """Another interval, a run with an id, or one from a shell."""
    if w.setup.intervals:
        day = f"day{sum(j.interval is not None for j in w.jobs.values())}"
        return w.jobs.setdefault(day, Job(day, day, retried=True))
    if w.rng.random() < 0.6:
        return hash_job(w)
    run = f"id{len(w.jobs)}"
    return w.jobs.setdefault(run, Job(run, None, retried=True))


def operator(w: World, spawn: Spawn) -> Steps:
    """Starts runs, second attempts of running ones, reruns, --again, cleared tasks, rebuilds."""
    while True:
        dice = w.rng.random()
        if dice < 0.1 and w.setup.mode == "latest":
            name = "publish" if dice < 0.07 else "rebuild"
            spawn(name, partial(rebuilder if name == "rebuild" else publish, w))
            yield f"start {name}"
            continue
        known = list(w.jobs.values())[-4:]
        job = next_job(w) if not known or dice < 0.45 else w.rng.choice(known)
        how = ""
        if job in known:
            how = " store" if w.rng.random() < w.setup.clearing else w.rng.choice(("", "", " --again"))
        spawn(job.run, partial(driver, w, job=job, again="again" in how, only_store="store" in how))
        yield f"start {job.run}{how}"


def publisher(w: World, spawn: Spawn) -> Steps:
    """Starts publishes, also while others are under way, some with --full."""
    while True:
        spawn("publish", partial(publish, w, full=w.rng.random() < 0.2))
        yield "start publish"


def editor_of_table(w: World) -> Steps:
    """A store's commit in one step: a row comes, changes, is said to be gone, or vanishes."""
    while True:
        s = w.db.state.copy()
        key = w.rng.choice(KEYS[:2])
        s.change += 1
        if w.rng.random() < 0.25:
            s.rows.pop(key, None)
        else:
            row = Row(key, None, w.rng.randrange(3), w.rng.random() < 0.2)
            if key not in s.rows or s.rows[key].row != row:
                s.rows[key] = Stored(row, NOBODY, s.change)
        w.commit(0, s)
        yield f"table: {key}"


# Who changes inputs, rules and the database


def some_record(w: World, key: str | None = None) -> Record:
    w.tick += 1
    version = w.rng.choice((None, 1, 2, 3, 4, 5))
    gone = w.rng.random() < 0.2
    return Record(w.tick, key or w.rng.choice(KEYS), version, w.rng.randrange(4), gone)


def edit_file(w: World, source: int) -> str:
    """Add, edit, grow, empty, touch, remove, rename. Every change moves the stat."""
    files = w.files[source]
    what = w.rng.choice(("add", "edit", "edit", "grow", "grow", "empty", "touch", "remove", "rename"))
    name = w.rng.choice(NAMES) if what == "add" or not files else w.rng.choice(sorted(files))
    stat, content = files.get(name, (0, ()))
    if what in ("remove", "rename"):
        files.pop(name, None)
    if what in ("add", "edit", "empty"):
        size = 0 if what == "empty" else w.rng.randrange(1, 7)
        content = tuple(some_record(w) for _ in range(size))
    if what == "grow":
        content += (some_record(w),)
    w.tick += 1
    if what == "rename":
        name = w.rng.choice(NAMES)
    if what != "remove":
        files[name] = (stat if what == "rename" and stat else w.tick, content)
    note_moment(w, source)
    return f"{what} {source}/{name}"


def note_moment(w: World, source: int) -> None:
    """Ghost: which contents there were at one moment."""
    everything = tuple(r for _, (_, content) in sorted(w.files[source].items()) for r in content)
    w.moments.add((source, "", everything))
    w.moments |= {(source, name, content) for name, (_, content) in w.files[source].items()}


def edit_site(w: World, source: int) -> str:
    """An item appears anywhere, disappears, or is edited: pages shift."""
    day = f"day{w.rng.randrange(3)}"
    items = w.site.setdefault((source, day), {})
    at = w.rng.choice(sorted(items)) if items and w.rng.random() < 0.5 else w.rng.randrange(100)
    w.tick += 1
    if at in items:
        gone = items.pop(at)
        w.spans[(source, day, gone.uid)] = (w.spans[(source, day, gone.uid)][0], w.tick)
    if at not in items and w.rng.random() < 0.8:
        items[at] = some_record(w)
        w.spans[(source, day, items[at].uid)] = (w.tick, 1 << 60)
    return f"edit site {source}/{day} at {at}"


def edit_feed(w: World, source: int) -> str:
    feed = w.feed[source]
    if feed and w.rng.random() < 0.2:
        feed[w.rng.randrange(len(feed))] = some_record(w)
        return f"edit feed {source}"
    feed.append(some_record(w))
    return f"feed {source} grows"


def editor_of_inputs(w: World) -> Steps:
    edits = {"file": edit_file, "whole": edit_file, "site": edit_site, "cursor": edit_feed}
    while True:
        source = w.rng.randrange(len(w.setup.kinds))
        yield edits[w.setup.kinds[source]](w, source)


def editor_of_rules(w: World) -> Steps:
    """Deploys other rules, goes back, moves the limit; seldom the codec's settings."""
    while True:
        dice = w.rng.random()
        if dice < 0.7:
            yield deploy(w, w.rng.choice(CONTRACTS))
        elif dice < 0.9:
            w.limit = w.rng.choice((0.0, 0.3, 1.0))
            yield f"limit {w.limit}"
        else:
            w.settings += 1
            yield "codec settings"


def deploy(w: World, rules: Contract) -> str:
    w.epoch += rules != w.contract
    w.contract = rules
    return f"deploy rules {rules.rev}"


def queue_trouble(w: World) -> Steps:
    """Loses, duplicates, reorders tickets, flushes the queue."""
    while True:
        dice = w.rng.random()
        if dice < 0.4:
            w.raw = [t for t in w.raw if w.rng.random() < 0.5]
            w.clean = [t for t in w.clean if w.rng.random() < 0.5]
        elif dice < 0.8:
            w.raw += w.raw[:3]
            w.clean += w.clean[:3]
            w.rng.shuffle(w.clean)
        else:
            w.raw, w.clean = [], []
        yield "tickets lost" if dice < 0.4 else "tickets doubled" if dice < 0.8 else "flushed"


def dba(w: World) -> Steps:
    """Backs up; restores, and a step later rescans. Connections live on (a logical restore)."""
    while True:
        w.db.backup = w.db.state
        yield "backup"
        for _ in range(w.rng.randrange(1, 4)):
            yield "nothing"
        if w.db.holder is not None:
            w.db.terminate(w.db.holder)
        w.db.state, w.db.rescan_due = w.db.backup, True
        yield "restore"
        rescan(w)
        yield f"rescan: g{w.generation}"


def document_dba(w: World) -> Steps:
    """Backs up and restores the collection, whose connections end with that."""
    while True:
        w.kept = (dict(w.documents), w.mark)
        yield "backup of documents"
        for _ in range(w.rng.randrange(1, 6)):
            yield "nothing"
        w.documents, w.mark = dict(w.kept[0]), w.kept[1]
        w.carried.clear()
        w.cut |= w.publishers
        yield "restore of documents"


def rescan(w: World) -> None:
    """`sluice state rescan`: g+1; an interval pipeline's runs are cleared by its operator."""
    w.generation += 1
    w.db.rescan_due = False
    for job in w.jobs.values():
        job.done = job.done and not job.interval


def reader(w: World, look: Callable[[World], None]) -> Steps:
    while True:
        look(w)
        yield "read the table"


# The start


def some_setup(rng: Random) -> Setup:
    intervals = rng.random() < 0.4
    choice = ("file", "site", "whole", "cursor")
    weights = (0.35, 0.7, 0.8, 1.0) if intervals else (0.4, 0.5, 0.6, 1.0)
    kinds = tuple(
        next(k for k, limit in zip(choice, weights, strict=True) if dice <= limit)
        for dice in (rng.random(), rng.random())
    )
    mode = rng.choice(("append", "latest"))
    embedded, lossy = rng.random() < 0.15, rng.random() < 0.3
    return Setup(kinds, mode, intervals, embedded, lossy, clearing=rng.choice((0.1, 0.8)))


def pending(w: World) -> list[str]:
    return [f"{e.source}/{e.n}" for log in w.log for e in log if not is_marked(w, w.generation, e)]


def run_to_end(w: World, steps: Generator[str, None, None], who: str, limit: int) -> bool:
    """False when it does not end within the limit."""
    for _ in range(limit):
        try:
            w.trace.append((w.tick, who, next(steps)))
            w.tick += 1
        except StopIteration:
            return True
    return False
