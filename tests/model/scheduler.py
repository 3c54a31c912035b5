"""The seeded scheduler: who steps next, who is killed, paused, woken; then the quiet end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from . import actors, invariants
from .publish import publish
from .rules import Rules
from .world import CONTRACTS, Commit, Entry, Job, Steps, Violation, World, must

STEPS = 260  # of a schedule, before the quiet end
HANG = 2_000  # steps of one process that nobody stops
ROUNDS = 8  # of the quiet end
ALIVE = 4  # processes at once
WORST = 16  # of so many seeds one restores the database at the worst moment


@dataclass
class Process:
    id: int
    name: str
    steps: Steps
    paused: bool = False


@dataclass
class Run:
    """One schedule, wholly decided by its seed and by the rules that are on."""

    seed: int
    rules: Rules = field(default_factory=Rules)
    world: World = field(init=False)
    processes: list[Process] = field(default_factory=list)
    started: int = 0

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        setup = actors.some_setup(rng)
        w = self.world = World(setup, self.rules, rng, on_link=linked, on_commit=committed)
        w.files = [{} for _ in setup.kinds]
        w.feed = [[] for _ in setup.kinds]
        w.log = [[] for _ in setup.kinds]
        w.limit = rng.choice((0.0, 0.3, 1.0, 1.0))
        self.trouble = self.choose_trouble()

    def choose_trouble(self) -> list[tuple[float, str, Steps]]:
        """Each seed draws how much of each trouble there is: many schedules lack some wholly."""
        w = self.world
        rng = w.rng
        everybody: list[tuple[tuple[float, ...], str, Steps]] = [
            ((0.4, 0.8), "operator", actors.operator(w, self.spawn)),
            ((0.05, 0.3, 0.8), "inputs", actors.editor_of_inputs(w)),
            ((0, 0, 0.1, 0.3, 0.6), "rules", actors.editor_of_rules(w)),
            ((0, 0.2), "queue", actors.queue_trouble(w)),
            ((0, 0, 0.1, 0.4), "dba", actors.dba(w)),
            ((0, 0.3, 0.8), "killer", self.killer()),
            ((0.1,), "reader", actors.reader(w, self.look)),
        ]
        return [(rng.choice(weights), name, steps) for weights, name, steps in everybody]

    def spawn(self, name: str, start: Callable[[int], Steps]) -> None:
        if len(self.processes) < ALIVE:
            self.started += 1
            self.processes.append(Process(self.started, name, start(self.started)))

    def killer(self) -> Steps:
        """Kills, pauses and wakes; a paused process keeps its locks."""
        while True:
            victim = self.world.rng.choice(self.processes) if self.processes else None
            dice = self.world.rng.random()
            if victim is None:
                yield "nobody to kill"
            elif dice < 0.25:
                victim.steps.close()
                self.processes.remove(victim)
                yield f"kill {victim.name}#{victim.id}"
            else:
                victim.paused = dice < 0.7
                yield f"{'pause' if victim.paused else 'wake'} {victim.name}#{victim.id}"

    def look(self, w: World) -> None:
        invariants.must_be_table_of(w, w.db.state, "table_is_a_function")

    def run(self) -> World:
        """Raises Violation, with the schedule in its notes."""
        try:
            self.noisy()
            self.quiet()
        except Violation as e:
            e.add_note(self.story())
            raise
        finally:
            for p in self.processes:
                p.steps.close()
        return self.world

    def noisy(self) -> None:
        rng = self.world.rng
        weights = [weight for weight, _, _ in self.trouble]
        for _ in range(STEPS):
            awake = [p for p in self.processes if not p.paused]
            everybody = [*self.trouble, *awake]
            one = rng.choices(everybody, weights + [1.5] * len(awake))[0]
            if isinstance(one, Process):
                self.step(one)
                self.restore_at_worst(one)
            else:
                self.note(one[1], next(one[2]))

    def restore_at_worst(self, p: Process) -> None:
        """Between a store's commit and its mark: by chance alone a restore and a rescan never both fall there."""
        w = self.world
        switched = w.trace[-1][2].startswith("store: switched")
        if self.seed % WORST != 7 or not switched or w.db.backup is None or p not in self.processes:
            return
        p.paused = True
        w.db.state = w.db.backup
        actors.rescan(w)
        self.note("dba", f"restore and rescan at the worst moment: g{w.generation}")

    def step(self, p: Process) -> None:
        try:
            self.note(f"{p.name}#{p.id}", next(p.steps))
        except StopIteration:
            self.processes.remove(p)

    def note(self, who: str, what: str) -> None:
        self.world.trace.append((self.world.tick, who, what))
        self.world.tick += 1

    # The quiet end

    def quiet(self) -> None:
        """Lets everybody end, mends what is bad, runs what is not done; then nothing may change."""
        w = self.world
        self.note("quiet", "begins")
        for woken in (False, True):
            for p in self.processes:
                p.paused = p.paused and not woken
            self.let_end([p for p in self.processes if not p.paused])
        if w.db.rescan_due:
            actors.rescan(w)
        self.mend()
        for _ in range(ROUNDS):
            if self.round():
                break
        for invariant in invariants.END:
            invariant(w)
        # A site may hold by now what a run did not find.
        self.rerun(list(w.jobs.values()))
        before, entries = w.db.state, [len(log) for log in w.log]
        self.rerun(list(w.jobs.values()))
        same = w.db.state is before and entries == [len(log) for log in w.log]
        must(same, "rerun_writes_nothing", f"{entries}, now {[len(log) for log in w.log]}")
        if w.setup.mode == "latest":
            self.drive("rebuild", lambda me: actors.rebuilder(w, me))
            must(not w.db.state.limited, "rebuild_is_exact", "the rebuild gave up")
            invariants.must_be_table_of(w, w.db.state, "rebuild_is_exact")
        self.last_publish()

    def last_publish(self) -> None:
        """Its own check is that the collection is the table."""
        w, before = self.world, self.world.published
        self.drive("publish", lambda me: publish(w, me))
        self.drive("publish", lambda me: publish(w, me, full=True))
        must(w.published == before + 2, "documents_are_the_table", "the publish gave up")

    def let_end(self, awake: list[Process]) -> None:
        for _ in range(HANG):
            awake = [p for p in awake if p in self.processes]
            if not awake:
                return
            self.step(self.world.rng.choice(awake))
        raise Violation("everything_ends", [p.name for p in awake])

    def mend(self) -> None:
        """The limit is raised, or the rules are mended, or (files only) the data."""
        w = self.world
        for source, kind in enumerate(w.setup.kinds):
            if kind == "whole" and not w.files[source]:
                w.files[source]["x"] = (w.tick, (actors.some_record(w),))
                actors.note_moment(w, source)
        how = w.rng.choice(("limit", "rules", "data"))
        if how == "data" and set(w.setup.kinds) <= {"file", "whole"} and w.limit < 1:
            self.mend_files()
        elif how == "limit":
            w.limit = 1.0
        else:
            actors.deploy(w, CONTRACTS[0])
        self.note("quiet", f"mend {how}")

    def mend_files(self) -> None:
        """Every input gets a good edition, also those whose file is gone: they are bad for ever."""
        w = self.world
        for source, kind in enumerate(w.setup.kinds):
            names = set(w.inventory(source)) if kind == "file" else set()
            for name in sorted(names | set(w.files[source])):
                w.tick += 1
                records = [actors.some_record(w) for _ in range(3)]
                good = tuple(r for r in records if r.value >= 2)
                w.files[source][name] = (w.tick, good)
            actors.note_moment(w, source)

    def round(self) -> bool:
        """What a scheduler and a person would do: retries, a new run, --replay."""
        w = self.world
        entries = self.repeatable()
        for job in [j for j in w.jobs.values() if j.retried and not j.done]:
            self.drive(job.run, lambda me, j=job: actors.driver(w, me, j))
        fresh = actors.next_job(w) if w.setup.intervals else actors.hash_job(w)
        self.drive(fresh.run, lambda me: actors.driver(w, me, fresh))
        for job in self.older():
            self.drive(job.run, lambda me, j=job: actors.driver(w, me, j))
        new = entries != self.repeatable()
        return fresh.done and not new and not self.older() and not actors.pending(w)

    def repeatable(self) -> list[int]:
        """How far each log came, but for sites without intervals: every run crawls them anew."""
        w = self.world
        return [len(log) for log, kind in zip(w.log, w.setup.kinds, strict=True) if kind != "site" or w.setup.intervals]

    def older(self) -> list[Job]:
        """Runs with inputs at an older rev: what --replay runs again."""
        w = self.world
        runs = {
            w.log[source][a.edition - 1].run: None
            for (source, _), a in w.db.state.applied.items()
            if a.rev != w.contract.rev
        }
        return [w.jobs[run] for run in runs]

    def rerun(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.drive(job.run, lambda me, j=job: actors.driver(self.world, me, j))

    def drive(self, name: str, start: Callable[[int], Steps]) -> None:
        self.started += 1
        who = f"{name}#{self.started}"
        if not actors.run_to_end(self.world, start(self.started), who, HANG):
            raise Violation("everything_ends", who)

    def story(self) -> str:
        w = self.world
        lines = [f"seed {self.seed}, {w.setup}", f"limit {w.limit}, rules {w.contract.rev}"]
        return "\n".join(lines + [f"{t:5} {who:12} {what}" for t, who, what in w.trace])


class PublishRun(Run):
    """Publishing alone, with a table that changes in one step: many more meetings of the few that matter."""

    def choose_trouble(self) -> list[tuple[float, str, Steps]]:
        w = self.world
        everybody: list[tuple[tuple[float, ...], str, Steps]] = [
            ((0.1, 0.4), "editor", actors.editor_of_table(w)),
            ((0.05, 0.2), "publisher", actors.publisher(w, self.spawn)),
            ((0, 0.1, 0.3), "dba", actors.dba(w)),
            ((0, 0.1, 0.3), "document dba", actors.document_dba(w)),
            ((0.1, 0.4), "killer", self.killer()),
        ]
        return [(w.rng.choice(weights), name, steps) for weights, name, steps in everybody]

    def quiet(self) -> None:
        self.note("quiet", "begins")
        for woken in (False, True):
            for p in self.processes:
                p.paused = p.paused and not woken
            self.let_end([p for p in self.processes if not p.paused])
        if self.world.db.rescan_due:
            actors.rescan(self.world)
        self.last_publish()


def linked(w: World, e: Entry) -> None:
    for invariant in invariants.LINK:
        invariant(w, e)


def committed(c: Commit) -> None:
    for invariant in invariants.COMMIT:
        invariant(c)


def search(rules: Rules, seeds: range, kind: type[Run] = Run) -> Violation | None:
    """The first violation that some seed finds; None when every schedule ends well."""
    for seed in seeds:
        try:
            kind(seed, rules).run()
        except Violation as e:
            return e
    return None
