"""What lasts: sources, bronze, log, marks, queue and database, each as plain data.

Everything here is atomic; only actors (generators) put steps between. Fields called ghost are known
to the invariants alone: no actor decides by them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from .rules import Rules

Steps = Generator[str, None, None]  # a process: one atomic step a yield
Owner = tuple[int, str]  # (source, input's name): the identity of an input
ChunkId = tuple[object, ...]
Rejects = tuple[int, str, tuple[int, ...]]  # edition, rev, places
Ticket = tuple[int, int, int, int, int]  # source, entry, place of input, place of chunk, part


@dataclass(frozen=True)
class Record:
    uid: int  # ghost: one making of a record; an edit makes another
    key: str
    version: int | None
    value: int
    gone: bool  # a tombstone


@dataclass(frozen=True)
class Row:
    key: str
    version: int | None
    value: int
    gone: bool


@dataclass(frozen=True)
class Contract:
    """A pipeline's rules: reject values below least, drop a value, lower versions, scale values."""

    rev: str
    least: int = 0
    drop: int = -1
    lower: int = 0
    scale: int = 1


CONTRACTS = (
    Contract("plain"),
    Contract("strict", least=2),
    Contract("lowering", lower=2, scale=10),
    Contract("dropping", drop=2),
)


@dataclass(frozen=True)
class Clean:
    """What normalize makes of a part: rows, rejects, counts, and the rev that made them."""

    rev: str
    rows: tuple[Row, ...]
    rejects: tuple[int, ...]
    n_in: int
    dup: int
    filtered: int


@lru_cache(maxsize=50_000)
def normalize_part(part: tuple[Record, ...], rules: Contract) -> Clean:
    """A pure function of (part, rev)."""
    rows: list[Row] = []
    rejects: list[int] = []
    dup = filtered = 0
    for at, r in enumerate(part):
        version = None if r.version is None or r.version < rules.lower else r.version - rules.lower
        row = Row(r.key, version, r.value * rules.scale, r.gone)
        if r.value < rules.least:
            rejects.append(at)
        elif r.value == rules.drop:
            filtered += 1
        elif row in rows:
            dup += 1
        else:
            rows.append(row)
    return Clean(rules.rev, tuple(rows), tuple(rejects), len(part), dup, filtered)


@dataclass(frozen=True)
class Chunk:
    id: ChunkId
    parts: tuple[tuple[Record, ...], ...]
    continuation: int | None = None
    end: int | None = None  # of a cursor range
    made_at: int = 0  # ghost: tick of the request


@dataclass(frozen=True)
class Input:
    name: str
    chunks: tuple[ChunkId, ...]
    settings: int = 0
    stat: object = None
    moment: int = 0  # ghost: when the content was the source's


@dataclass(frozen=True)
class Entry:
    source: int
    n: int
    run: str
    inputs: tuple[Input, ...]
    start: int | None = None
    to: int | None = None
    repeat: bool = False


@dataclass(frozen=True)
class Edition:
    n: int
    place: int
    input: Input


@dataclass(frozen=True)
class Applied:
    edition: int
    place: int
    rev: str
    epoch: int  # ghost: how often the rules had changed when this store read them last


@dataclass(frozen=True)
class Stored:
    row: Row
    owner: Owner
    change: int = 0


@dataclass(frozen=True)
class Outcome:
    ok: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    superseded: int = 0

    def plus(self, **more: int) -> Outcome:
        return replace(self, **{k: getattr(self, k) + v for k, v in more.items()})


@dataclass(frozen=True)
class Mark:
    """Who published last: kept in the database and in the collection."""

    n: int = 0
    word: int = 0
    finished: bool = True


@dataclass(frozen=True)
class Published:
    """The database's side."""

    mark: Mark = Mark()
    change: int = 0  # of the newest row that the last finished publish carried over
    trusted: bool = True  # the two sides have agreed ever since


@dataclass(frozen=True)
class Document:
    n: int
    row: Row | None  # None: a tombstone


@dataclass
class State:
    """The database as one committed transaction leaves it; never changed once committed."""

    rev: str = ""
    era: int = 0
    rows: dict[object, Stored] = field(default_factory=dict)  # by row id (append) or key (latest)
    applied: dict[Owner, Applied] = field(default_factory=dict)
    rejects: dict[Owner, Rejects] = field(default_factory=dict)
    refused: dict[Owner, Rejects] = field(default_factory=dict)
    outcomes: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    watermark: dict[int, int] = field(default_factory=dict)
    change: int = 0
    published: Published = Published()
    losers: frozenset[tuple[str, Owner]] = frozenset()  # ghost: who ever lost a key
    limited: frozenset[str] = frozenset()  # ghost: keys under the documented limit of `latest`

    def copy(self) -> State:
        return replace(
            self,
            rows=dict(self.rows),
            applied=dict(self.applied),
            rejects=dict(self.rejects),
            refused=dict(self.refused),
            outcomes=dict(self.outcomes),
            watermark=dict(self.watermark),
        )

    def visible(self) -> Counter[Row]:
        return Counter(s.row for s in self.rows.values() if not s.row.gone)


@dataclass
class Db:
    """One pipeline's row with a lock; committed states; backends that somebody terminated."""

    state: State = field(default_factory=State)
    holder: int | None = None
    terminated: set[int] = field(default_factory=set)
    backup: State | None = None
    rescan_due: bool = False  # restored, and the operator has not said so yet

    def release(self, me: int) -> None:
        if self.holder == me:
            self.holder = None

    def terminate(self, backend: int) -> None:
        self.terminated.add(backend)
        self.release(backend)


@dataclass
class Job:
    """A run somebody asked for; `retried` as a scheduler does, a shell's run is not."""

    run: str
    interval: str | None
    retried: bool
    done: bool = False
    latest: int = 0  # attempt


@dataclass(frozen=True)
class Setup:
    """What does not change while a schedule runs."""

    kinds: tuple[str, ...]  # of the sources, in the file's order: file, whole, site, cursor
    mode: str  # append, latest
    intervals: bool
    embedded: bool
    lossy: bool  # the bucket sometimes loses the reply of a conditional put
    clearing: float  # share of the reruns that clear only a run's store


@dataclass
class World:
    setup: Setup
    on: Rules
    rng: random.Random
    tick: int = 0
    trace: list[tuple[int, str, str]] = field(default_factory=list)
    on_link: Callable[[World, Entry], None] | None = None
    on_commit: Callable[[Commit], None] | None = None
    # the outside
    files: list[dict[str, tuple[int, tuple[Record, ...]]]] = field(default_factory=list)
    moments: set[tuple[int, str, tuple[Record, ...]]] = field(default_factory=set)  # ghost
    site: dict[tuple[int, str], dict[int, Record]] = field(default_factory=dict)
    spans: dict[tuple[int, str, int], tuple[int, int]] = field(default_factory=dict)  # ghost
    feed: list[list[Record]] = field(default_factory=list)  # of cursor sources
    # the pipeline file
    contract: Contract = CONTRACTS[0]
    epoch: int = 0  # ghost
    limit: float = 1.0
    settings: int = 0
    # immutable files, each linked once
    store: dict[ChunkId, object] = field(default_factory=dict)
    log: list[list[Entry]] = field(default_factory=list)
    generation: int = 1
    # caches
    raw: list[tuple[Ticket, tuple[Record, ...] | None]] = field(default_factory=list)
    clean: list[tuple[Ticket, Clean]] = field(default_factory=list)
    shared_stage: dict[tuple[int, int], dict[Owner, tuple[Clean, ...]]] = field(default_factory=dict)
    # the collection
    documents: dict[str, Document] = field(default_factory=dict)
    mark: Mark = Mark()
    kept: tuple[dict[str, Document], Mark] = field(default_factory=lambda: ({}, Mark()))  # its backup
    carried: dict[str, int] = field(default_factory=dict)  # ghost: per key, the newest snapshot written
    snapshots: int = 0  # ghost: counts them
    words: int = 0  # ghost
    published: int = 0  # ghost: publishes that ended well
    publishers: set[int] = field(default_factory=set)  # ghost: alive
    numbers: dict[int, int] = field(default_factory=dict)  # ghost: of the marks that those alive have taken
    cut: set[int] = field(default_factory=set)  # publishers whose connection to the collection ended
    disturbed: set[int] = field(default_factory=set)  # ghost: those that were not alone
    # processes
    db: Db = field(default_factory=Db)
    flock: int | None = None
    jobs: dict[str, Job] = field(default_factory=dict)

    def link(self, path: ChunkId, what: object) -> bool:
        """link(2) or If-None-Match: *. With a lost reply the winner believes that it lost."""
        if path in self.store:
            return False
        self.store[path] = what
        return not (self.setup.lossy and self.rng.random() < 0.2)

    def link_entry(self, entry: Entry) -> bool:
        if len(self.log[entry.source]) >= entry.n:
            return False
        self.log[entry.source].append(entry)
        if self.on_link:
            self.on_link(self, entry)
        return not (self.setup.lossy and self.rng.random() < 0.2)

    def newest(self, source: int) -> int:
        return len(self.log[source])

    def inventory(self, source: int, upto: int | None = None) -> dict[str, Edition]:
        found: dict[str, Edition] = {}
        for e in self.log[source][:upto]:
            for place, i in enumerate(e.inputs):
                found[i.name] = Edition(e.n, place, i)
        return found

    def own_entries(self, source: int, run: str) -> list[Entry]:
        begin = self.store.get(("begin", run, source))
        assert begin is None or isinstance(begin, int)
        return [] if begin is None else [e for e in self.log[source][begin:] if e.run == run]

    def chunk(self, cid: ChunkId) -> Chunk:
        found = self.store[cid]
        assert isinstance(found, Chunk)
        return found

    def parts(self, i: Input) -> Iterator[tuple[int, int, tuple[Record, ...]]]:
        """(place of the chunk, part, its records) in the input's order."""
        for c, cid in enumerate(i.chunks):
            for p, part in enumerate(self.chunk(cid).parts):
                yield c, p, part

    def rows_of(self, i: Input, rules: Contract) -> tuple[Row, ...]:
        return tuple(r for _, _, part in self.parts(i) for r in normalize_part(part, rules).rows)

    def commit(self, me: int, after: State, entry: Entry | None = None) -> None:
        before, self.db.state = self.db.state, after
        after.published = before.published  # a row of its own
        self.db.release(me)
        if self.on_commit and entry is not None:
            self.on_commit(Commit(self, before, after, entry))

    def note(self, published: Published) -> None:
        self.db.state = replace(self.db.state, published=published)

    def draw_word(self) -> int:
        """A random word that never repeats; without a draw, so that schedules stay what they are."""
        self.words += 1
        return self.words

    def draw_era(self) -> int:
        return self.rng.getrandbits(60) if self.on.random_era else self.db.state.era + 1


@dataclass(frozen=True)
class Commit:
    """A switch of an entry, as the invariants see it."""

    world: World
    before: State
    after: State
    entry: Entry


class Exit(Exception):
    """A stage ends; the code is one of docs/contract.md."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


class Violation(AssertionError):
    """A promise that a schedule broke."""

    def __init__(self, name: str, what: object) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


def must(ok: bool, name: str, what: object) -> None:
    if not ok:
        raise Violation(name, what)
