"""Meeting a stage in the middle of its work, and what must be true when the run is over."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lib.airflow_stack import Stack
from tests.lib.processes import has_sigterm, kill
from tests.lib.stage import ROOT

# Every bash of the workers reads this first. A stage that a test waits for is the build with fault points, and stops
# itself at one of them; where it had nothing to do there, the next one of its stage is taken.
GATE = r"""
if [[ ${BASH_EXECUTION_STRING:-} =~ ^exec\ sluice-([a-z]+)\ --pipeline\ ([a-z_0-9]+)\  ]]; then
	gate=${BASH_ENV%/*}/${BASH_REMATCH[2]}.${BASH_REMATCH[1]}
	for set in "$gate".set.*; do
		mv "$set" "$gate.$$" 2>/dev/null || continue
		export SLUICE_FAULT=$(<"$gate.$$"):1:stop PATH=FAULTS:$PATH
		(
			until grep -qs '^State:.[TZ]' /proc/$$/status || [ ! -e /proc/$$ ]; do sleep 0.02; done
			if grep -qs '^State:.T' /proc/$$/status; then
				echo $$ >>"$gate.pids"
			else
				mv "$gate.$$" "$set"
			fi
		) </dev/null >/dev/null 2>&1 &
		break
	done
fi
"""
FAULTS = ROOT / "build" / "faults" / "bin"
# Where each stage holds work that is not done, and has still to look whether it was told to stop.
POINTS = {"collect": "collect.while_reading", "normalize": "normalize.before_part", "store": "store.before_switch"}


def install_gate(stack: Stack, folder: Path) -> None:
    """Before the stack is up."""
    assert (FAULTS / "sluice-store").exists(), "the build with fault points is missing: cmake --build --preset faults"
    folder.mkdir()
    (folder / "gate.sh").write_text(GATE.replace("FAULTS", str(FAULTS)))
    stack.env["BASH_ENV"] = str(folder / "gate.sh")


def gate_of(stack: Stack, pipeline: str, stage: str, end: str) -> Path:
    return Path(stack.env["BASH_ENV"]).with_name(f"{pipeline}.{stage}.{end}")


def set_gates(stack: Stack, pipeline: str, *stages: str, times: int = 1, point: str = "") -> None:
    """The next processes of each stage that have work, as many, will stop in the middle of it. Said before the run
    begins, so that none slips through."""
    for stage in stages:
        gate_of(stack, pipeline, stage, "pids").unlink(missing_ok=True)
        for n in range(times):
            whole = gate_of(stack, pipeline, stage, "whole")
            whole.write_text(point or POINTS[stage])
            whole.rename(gate_of(stack, pipeline, stage, f"set.{n}"))


@contextmanager
def in_mid_work(stack: Stack, pipeline: str, stage: str, nth: int = 0) -> Iterator[int]:
    """A process that a gate has stopped; goes on behind the block."""
    told = gate_of(stack, pipeline, stage, "pids")

    def pids() -> list[str]:
        return told.read_text().split() if told.exists() else []

    pid = int(stack.until(f"{stage} of {pipeline} at work", lambda: pids()[nth : nth + 1])[0])
    try:
        yield pid
    finally:
        kill([pid], signal.SIGCONT)


def is_told_to_stop(pid: int) -> bool:
    """SIGTERM waits for it to be woken."""
    return has_sigterm(pid, "ShdPnd")


def end_well(stack: Stack, dag: str, run: str, wanted: str, pipeline: str = "") -> dict[str, int]:
    """The run succeeds, its table is right and nothing waits. Tries by each word of the tasks' names."""
    pipeline = pipeline or dag
    states = stack.wait(dag, run)
    assert set(states.values()) == {"success"}, states
    assert stack.table(pipeline) == wanted
    assert stack.pending(pipeline) == 0
    session = f"application_name like 'sluice-% {pipeline}'"
    idle = f"select count(*) from pg_stat_activity where {session}"
    stack.until("no session of any try is left", lambda: stack.psql(idle) == "0")
    tries: dict[str, int] = {}
    for (name, _), task in stack.tasks(dag, run).items():
        for word in name.split("."):
            tries[word] = max(tries.get(word, 0), task["try_number"])
    return tries


def instance(stack: Stack, dag: str, run: str, stage: str, pid: int) -> str | list[object]:
    """The task instance of a stage's process, as it is cleared."""
    told = dict(word.split("=", 1) for word in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in word)
    index = told.get("AIRFLOW_CTX_MAP_INDEX", "-1")
    (name,) = [n for n, i in stack.tasks(dag, run) if stage in n.split(".") and str(i) == index]
    return [name, int(index)] if index != "-1" else name
