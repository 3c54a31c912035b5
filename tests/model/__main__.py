"""python3 -m model [--seconds S] [--seed N] [--off RULE] [--trace], from tests/.

Runs schedules from seed N on until the time is over or a promise breaks, and says what it ran.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter

from .rules import Rules
from .scheduler import Run
from .world import Violation


def main() -> int:
    args = arguments()
    rules = Rules().without(args.off) if args.off else Rules()
    over: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: over.append(number))
    signal.alarm(args.seconds)
    ran: Counter[str] = Counter()
    seed = args.seed
    while not over:
        one = Run(seed, rules)
        try:
            w = one.run()
        except Violation as e:
            print(f"seed {seed}: {e}", *e.__notes__ if args.trace else (), sep="\n")
            return 1
        ran.update(schedules=1, steps=len(w.trace), processes=one.started)
        ran.update(entries=sum(map(len, w.log)), **{w.setup.mode: 1})
        ran.update(word for _, _, what in w.trace for word in what.split()[:1] if word in WORDS)
        seed += 1
    print(f"seeds {args.seed}..{seed - 1}: every promise kept")
    print(*(f"{count:9} {what}" for what, count in sorted(ran.items())), sep="\n")
    return 0


WORDS = ("kill", "pause", "wake", "restore", "rescan:", "deploy", "flushed", "exit", "edit", "grow")


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="model", description="random schedules against docs/delivery.md")
    p.add_argument("--seconds", type=int, default=10)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--off", choices=Rules.names(), help="leave one rule out")
    p.add_argument("--trace", action="store_true", help="print the schedule of a violation")
    return p.parse_args()


if __name__ == "__main__":
    sys.exit(main())
