"""Meetings of publishes that are too rare for a search, step by step: each breaks a promise without one rule."""

from __future__ import annotations

from dataclasses import replace

from .actors import rescan
from .publish import publish
from .rules import Rules
from .scheduler import PublishRun
from .switch import NOBODY
from .world import Row, Steps, Stored


class Meeting:
    """A small table, and publishes that go on as far as they are told."""

    def __init__(self, rules: Rules) -> None:
        self.world = PublishRun(0, rules).world
        self.world.setup = replace(self.world.setup, mode="latest")
        self.started = 0

    def store(self, value: int, key: str = "a") -> None:
        s = self.world.db.state.copy()
        s.change += 1
        s.rows[key] = Stored(Row(key, None, value, False), NOBODY, s.change)
        self.world.commit(0, s)

    def publish(self, until: str = "") -> Steps:
        """Begun, and gone on with until the step (or to the end)."""
        self.started += 1
        return self.go_on(publish(self.world, self.started), until)

    def go_on(self, steps: Steps, until: str = "") -> Steps:
        for step in steps:
            if until and step == f"publish: {until}":
                break
        return steps


def fence(rules: Rules) -> None:
    """One that slept through a restore writes what the restored table has not."""
    m = Meeting(rules)
    m.store(1)
    m.publish()
    backup = m.world.db.state
    m.store(2)
    sleeper = m.publish("snapshot")
    m.world.db.state = backup
    rescan(m.world)
    m.publish()
    m.go_on(sleeper)
    m.publish()


def own_mark(rules: Rules) -> None:
    """One looks at the table after another, which has the greater number, did."""
    m = Meeting(rules)
    m.store(1)
    first = m.go_on(m.publish("count"), "the collection's mark is ours")
    second = m.publish("compare a")
    m.store(2)
    m.go_on(first)
    m.go_on(second)


def both(rules: Rules) -> None:
    """The same, and a restore has given the first its place in the database back."""
    m = Meeting(rules)
    m.store(1)
    m.publish()
    backup = m.world.db.state
    first = m.publish("took the collection's mark")
    m.store(2, "b")
    second = m.publish("compare b")
    m.world.db.state = backup
    m.store(3, "b")
    m.go_on(first)
    m.go_on(second)


MEETINGS = {"publish_fence": fence, "publish_own_mark": own_mark, "publish_both": both}
