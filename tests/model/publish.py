"""publish: the table's rows into a collection that other publishers, old ones too, may be writing to.

A number orders publishes as their snapshots are ordered; a document is replaced only under a greater one.
What the database and the collection each remember of the last publish tells whether either was restored.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace

from .world import Document, Exit, Mark, Published, Row, State, Steps, World, must

GENERATION = 1000  # numbers of a generation


@dataclass
class Publish:
    """One publish process: what it noted when it began."""

    me: int
    g: int
    mark: Mark
    before: Published
    trusted: bool  # what the last one carried over is in the collection
    unsafe: bool  # somebody older may still write
    rows: dict[str, tuple[Row, int]] = field(default_factory=dict)  # of the snapshot, with change numbers
    change: int = 0  # of the newest row in it
    order: int = 0  # ghost
    fenced: bool = False
    n: int = 0  # of the documents it writes: the mark's, one more in a comparison


def publish(w: World, me: int, full: bool = False) -> Steps:
    """Ends with 75 when it is no longer the newest: what it wrote late, the next one finds."""
    join(w, me)
    try:
        p = yield from begin(w, me)
        yield from snapshot(w, p)
        if p.unsafe:
            yield from fence(w, p)
        changes = w.setup.mode == "latest" and p.trusted and not full
        if changes:
            for key, (row, change) in sorted(p.rows.items()):
                if change > p.before.change:
                    yield from write(w, p, key, row)
        counted = live(w) == sum(not row.gone for row, _ in p.rows.values())
        yield "publish: count"
        if not changes or (not counted and w.on.publish_count):
            yield from snapshot(w, p)  # later than what was just written
            p.n += 1
            yield from compare(w, p)
        yield from finish(w, p)
        yield from forget(w, p)
    except Exit as e:
        yield f"exit {e}"
    finally:
        w.publishers.discard(me)
        w.numbers.pop(me, None)
        w.disturbed.discard(me)


def join(w: World, me: int) -> None:
    """Ghost: who publishes at the same time as another."""
    if w.publishers:
        w.disturbed |= {me} | w.publishers
    w.publishers.add(me)


def connected(w: World, me: int) -> None:
    if me in w.cut:
        raise Exit(75, "connection to the collection lost")


def begin(w: World, me: int) -> Generator[str, None, Publish]:
    """Takes both marks, each if it is still as it was read."""
    g = w.generation
    least = g * GENERATION if w.on.publish_generation else 0
    yield "publish: note g"
    old = w.mark
    yield "publish: read the collection's mark"
    before = w.db.state.published
    yield "publish: read the database's mark"
    agree = (before.mark == old and before.mark.n >= least) or not w.on.publish_match
    n = max(before.mark.n, old.n, least) if w.on.publish_number else max(before.mark.n, least)
    mark = Mark(n + 3, w.draw_word(), finished=False)
    connected(w, me)
    if w.mark != old:
        raise Exit(75, "another publish has begun")
    w.mark, w.numbers[me] = mark, mark.n
    yield "publish: took the collection's mark"
    if w.db.state.published.mark != before.mark:
        raise Exit(75, "another publish has begun")
    trusted = agree and before.trusted
    w.note(replace(before, mark=mark, trusted=trusted or not w.on.publish_lost))
    yield "publish: took the database's mark"
    unsafe = (not agree and w.on.publish_fence) or (not before.mark.finished and w.on.publish_unfinished)
    return Publish(me, g, mark, before, trusted, unsafe, n=mark.n)


def snapshot(w: World, p: Publish) -> Steps:
    """Both marks must be ours: then nobody has taken a greater number, and nothing was restored."""
    if w.mark != p.mark and w.on.publish_both:
        raise Exit(75, "another publish has begun")
    yield "publish: the collection's mark is ours"
    s = w.db.state
    if s.published.mark != p.mark and w.on.publish_own_mark:
        raise Exit(75, "another publish has begun, or the database was restored")
    w.snapshots += 1
    p.rows, p.change, p.order = relation(w, s), s.change, w.snapshots
    yield "publish: snapshot"


def relation(w: World, s: State) -> dict[str, tuple[Row, int]]:
    """latest: the table. append: a model over it, one row a key, without change numbers."""
    if w.setup.mode == "latest":
        return {str(key): (stored.row, stored.change) for key, stored in s.rows.items()}
    rows: dict[str, tuple[Row, int]] = {}
    for row in sorted(s.visible(), key=lambda r: (r.key, r.version or 0, r.value)):
        rows[row.key] = (row, 0)
    return rows


def live(w: World) -> int:
    return sum(d.row is not None for d in w.documents.values())


def fence(w: World, p: Publish) -> Steps:
    """Nobody older changes a document any more, nor a tombstone."""
    p.fenced = True
    for key in sorted(w.documents):
        connected(w, p.me)
        if d := w.documents.get(key):
            w.documents[key] = replace(d, n=max(d.n, p.mark.n - 1))
        yield "publish: fence"


def write(w: World, p: Publish, key: str, row: Row | None) -> Steps:
    """Replaces an older document. A row that is gone becomes a tombstone, as does one that is missing."""
    connected(w, p.me)
    row = None if row is None or row.gone else row
    there = w.documents.get(key)
    if there is None or there.n < p.n or not w.on.publish_guard:
        same = (there.row if there else None) == row
        late = w.carried.get(key, 0) > p.order and not same
        must(not late, "old_documents_never_replace_new", f"{key}: {there} by {row}")
        if row is None and not w.on.publish_tombstone:
            w.documents.pop(key, None)
        else:
            w.documents[key] = Document(p.n, row)
        w.carried[key] = max(p.order, w.carried.get(key, 0))
    yield f"publish: {key}"


def compare(w: World, p: Publish) -> Steps:
    """Every live document with every row."""
    differ: dict[str, Row | None] = {}
    for key in sorted(p.rows.keys() | w.documents.keys()):
        row = p.rows[key][0] if key in p.rows and not p.rows[key][0].gone else None
        d = w.documents.get(key)
        if (d.row if d else None) != row:
            differ[key] = row
        elif p.fenced and d:
            w.carried[key] = max(p.order, w.carried.get(key, 0))
        yield f"publish: compare {key}"
    for key, row in differ.items():
        yield from write(w, p, key, row)


def finish(w: World, p: Publish) -> Steps:
    """Both marks say so, and the database how far it came, if nobody has begun since."""
    connected(w, p.me)
    if w.mark != p.mark and w.on.publish_newest:
        raise Exit(75, "another publish has begun")
    exact(w, p)
    done = replace(p.mark, finished=True)
    if w.on.publish_finish:
        w.mark = done
    yield "publish: finished in the collection"
    if w.db.state.published.mark != p.mark and w.on.publish_newest:
        raise Exit(75, "another publish has begun")
    w.published += 1
    w.note(Published(done if w.on.publish_finish else p.mark, p.change))
    yield "publish: finished"


def forget(w: World, p: Publish) -> Steps:
    """Tombstones go when whoever could write something older has ended: 30 days are taken for that."""
    least = min(w.numbers.values()) if w.on.publish_forget else p.n + 1
    for key, d in sorted(w.documents.items()):
        if d.row is None and d.n < least:
            connected(w, p.me)
            w.documents.pop(key, None)
            yield f"publish: forget {key}"


def exact(w: World, p: Publish) -> None:
    """Without another publisher the collection is now what the table was when this one looked. Between a
    restore of the database and its rescan nothing is said."""
    if p.me in w.disturbed or w.db.rescan_due or p.g != w.generation:
        return
    held = {key: d.row for key, d in w.documents.items() if d.row is not None}
    there = {key: row for key, (row, _) in p.rows.items() if not row.gone}
    must(held == there, "documents_are_the_table", f"held {held}, there {there}")
