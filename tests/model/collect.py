"""collect: from a source to chunks and one log entry. Opens no database.

Each `yield` ends an atomic step; what stands between two of them cannot be interrupted.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from .world import Chunk, ChunkId, Entry, Exit, Input, Job, Record, Steps, World

PART = 2  # records
PAGE = 2  # records
STARTS = 6  # of a collection that loses its entry's number to others


@dataclass(frozen=True)
class Found:
    """What one attempt at an entry collected; no inputs: nothing new."""

    inputs: tuple[Input, ...] = ()
    start: int | None = None
    to: int | None = None
    repeat: bool = False  # a range collected again: it is no watermark


@dataclass(frozen=True)
class Task:
    """One collect process, or its next attempt at an entry: n is the newest number it saw."""

    job: Job
    source: int
    again: bool
    settings: int
    n: int = 0


def collect(w: World, job: Job, source: int, again: bool) -> Steps:
    """Links at most one entry. The loser of the link starts over with a new n."""
    task = Task(job, source, again, w.settings)
    yield "collect: read the pipeline file"
    w.link(("begin", job.run, source), w.newest(source))
    yield "collect: link begin.json"
    gather = {"file": each_file, "whole": whole, "site": crawl, "cursor": cursor_range}
    for _ in range(STARTS):
        task = replace(task, n=w.newest(source))
        yield "collect: read n"
        found = yield from gather[w.setup.kinds[source]](w, task)
        if not found.inputs:
            return
        n = task.n if w.on.n_first else w.newest(source)
        while True:
            entry = Entry(source, n + 1, job.run, found.inputs, found.start, found.to, found.repeat)
            linked = w.link_entry(entry)
            yield f"collect: link entry {source}/{n + 1}: {'won' if linked else 'lost'}"
            if linked:
                yield from enqueue(w, entry)
                return
            if w.on.start_over:
                break
            n += 1
    raise Exit(75, "others kept taking the entry's number")


def enqueue(w: World, entry: Entry) -> Steps:
    """One ticket a part, most with bytes; a full queue takes none."""
    for place, i in enumerate(entry.inputs):
        for c, p, part in w.parts(i):
            if w.rng.random() < 0.8:
                carried = part if w.rng.random() < 0.7 else None
                w.raw.append(((entry.source, entry.n, place, c, p), carried))
        yield "collect: enqueue"


# Files


def each_file(w: World, t: Task) -> Generator[str, None, Found]:
    """Every file that is new or changed, each an input. Repeatable: a rerun lists again."""
    known = w.inventory(t.source, t.n)
    listing = {name: stat for name, (stat, _) in sorted(w.files[t.source].items())}
    moment = w.tick
    yield "collect: list"
    changed: list[Input] = []
    for name, stat in listing.items():
        old = known[name].input if name in known else None
        same = old is not None and (old.stat, old.settings) == (stat, t.settings)
        if same and not t.again:
            continue
        content, stat = yield from read_file(w, t.source, name, stat)
        chunks = link_file(w, t, name, content)
        yield f"collect: link chunks of {name}"
        if t.again or (old.chunks != chunks if old else chunks):
            changed.append(Input(name, chunks, t.settings, stat, moment))
    return Found(tuple(changed))


def read_file(w: World, source: int, name: str, listed: int) -> Generator[str, None, tuple[tuple[Record, ...], int]]:
    """Reads in two blocks. A file that moves while it is read is read again, then 75."""
    for _ in range(2):
        before, first = w.files[source].get(name, (-1, ()))
        at = len(first) // 2
        yield f"collect: read {name}, first half"
        after, now = w.files[source].get(name, (-1, ()))
        yield f"collect: read {name}, second half"
        if not w.on.stat_twice:
            return first[:at] + now[at:], listed
        if before == after != -1:
            return now, after
    raise Exit(75, f"{name} moves while it is read")


def whole(w: World, t: Task) -> Generator[str, None, Found]:
    """The entire source as one input: stats before the first and after the last read agree."""
    known = w.inventory(t.source, t.n).get("")
    for _ in range(2):
        before = {name: stat for name, (stat, _) in sorted(w.files[t.source].items())}
        moment = w.tick
        yield "collect: list"
        if not before:
            raise Exit(66, "no file at all")
        stat = tuple(before.items())
        old = known.input if known else None
        if old and (old.stat, old.settings) == (stat, t.settings) and not t.again:
            return Found()
        content: tuple[Record, ...] = ()
        for name in before:
            content += w.files[t.source].get(name, (-1, ()))[1]
            yield f"collect: read {name}"
        after = {name: stat for name, (stat, _) in sorted(w.files[t.source].items())}
        if before == after or not w.on.stat_twice:
            chunks = link_file(w, t, "", content)
            yield "collect: link chunks"
            new = t.again or (old.chunks != chunks if old else bool(chunks))
            return Found((Input("", chunks, t.settings, stat, moment),) if new else ())
    raise Exit(75, "the files move while they are read")


def link_file(w: World, t: Task, name: str, content: tuple[Record, ...]) -> tuple[ChunkId, ...]:
    """Cuts parts, two a chunk; a chunk's name holds its bytes, so the first one is as good."""
    parts = [content[k : k + PART] for k in range(0, len(content), PART)]
    ids: list[ChunkId] = []
    for k in range(0, len(parts), 2):
        some = tuple(parts[k : k + 2])
        cid: ChunkId = ("file", t.source, name, t.settings, some)
        w.link(cid, Chunk(cid, some))
        ids.append(cid)
    return tuple(ids)


# What cannot be read twice: read in steps, each kept under (run, edition, step)


def crawl(w: World, t: Task) -> Generator[str, None, Found]:
    """One interval of a site (or what one run saw of it), page by page."""
    if w.own_entries(t.source, t.job.run) and not t.again:
        return Found()
    name = t.job.interval or f"run {t.job.run}"
    old = w.inventory(t.source, t.n).get(name)
    token: int | None = None
    ids: list[ChunkId] = []
    while True:
        cid: ChunkId = ("page", t.source, t.job.run, name, old.n if old else 0, len(ids))
        mine: Chunk | None = None
        if cid not in w.store or not w.on.continuation:
            yield f"collect: request page {len(ids)}"
            mine = page(w, t.source, name, token, cid)
            yield f"collect: got page {len(ids)}"
            if keeps(w, mine, ids):
                w.link(cid, mine)
        chunk = mine if mine and not (w.on.continuation and cid in w.store) else w.chunk(cid)
        token = chunk.continuation
        ids += [cid] if cid in w.store else []
        yield f"collect: {len(ids)} pages kept"
        if token is None:
            return crawled(w, Input(name, tuple(ids), moment=chunk.made_at), old is not None)


def crawled(w: World, i: Input, known: bool) -> Found:
    """Nothing found is an edition without rows where there were rows before, else no entry."""
    if not known and not any(w.chunk(c).parts for c in i.chunks):
        return Found()
    return Found((replace(i, moment=w.chunk(i.chunks[0]).made_at) if i.chunks else i,))


def keeps(w: World, mine: Chunk, ids: list[ChunkId]) -> bool:
    """A step before the first record is not kept: a run that found nothing asks anew next time."""
    return bool(mine.parts or ids) or not w.on.empty_links_no_chunk


def place_of(name: str) -> str:
    """Which part of the site an input shows: its interval, or what a run without one looks at."""
    return "day0" if name.startswith("run ") else name


def page(w: World, source: int, name: str, token: int | None, cid: ChunkId) -> Chunk:
    """Sometimes a page is empty and others follow."""
    after = -1 if token is None else token
    if w.rng.random() < 0.1:
        return Chunk(cid, (), after, made_at=w.tick)
    items = w.site.get((source, place_of(name)), {})
    rest = [at for at in sorted(items) if at > after]
    here = rest[:PAGE]
    parts = (tuple(items[at] for at in here),) if here else ()
    return Chunk(cid, parts, here[-1] if len(rest) > PAGE else None, made_at=w.tick)


def cursor_range(w: World, t: Task) -> Generator[str, None, Found]:
    """From the greatest `to` to what was there at the first request; --again repeats its range."""
    own = w.own_entries(t.source, t.job.run)
    if own and not t.again:
        return Found()
    start = next_start(w, t.source, t.n)
    end: int | None = None
    if own and own[0].start is not None:
        start, end = own[0].start, own[0].to if w.on.again_keeps_range else None
    name = f"after {start}"
    old = w.inventory(t.source, t.n).get(name)
    at = start
    ids: list[ChunkId] = []
    while True:
        cid: ChunkId = ("range", t.source, t.job.run, name, old.n if old else 0, len(ids))
        if cid not in w.store:
            yield f"collect: request from {at}"
            fixed = len(w.feed[t.source]) if end is None else end
            some = tuple(w.feed[t.source][at : min(at + PAGE, fixed)])
            if not some and not ids and w.on.empty_links_no_chunk:
                return Found()  # no chunk either, or the end would be fixed for ever
            yield f"collect: got from {at}"
            w.link(cid, Chunk(cid, (some,) if some else (), at + len(some), fixed, w.tick))
        chunk = w.chunk(cid)
        ids.append(cid)
        assert chunk.continuation is not None and chunk.end is not None
        at = chunk.continuation
        if end is None or w.on.cursor_end_fixed:
            end = chunk.end
        if not w.on.cursor_end_fixed:
            end = max(end, len(w.feed[t.source]))
        yield f"collect: range up to {at} kept"
        if at >= end == start:
            return Found()
        if at >= end:
            moment = w.chunk(ids[0]).made_at
            return Found((Input(name, tuple(ids), moment=moment),), start, end, repeat=bool(own))


def next_start(w: World, source: int, upto: int | None = None) -> int:
    """The log is the watermark: the newest `to` is the greatest, but for ranges collected again."""
    for e in reversed(w.log[source][:upto]):
        if e.to is not None and not (e.repeat and w.on.greatest_to):
            return e.to
    return 0
