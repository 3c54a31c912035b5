"""Exit codes of every stage and what Airflow does about them. A test compares this with common/base/err.h."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    SUCCESS = "success"
    SKIP = "skip"
    RETRY = "retry"
    FAIL = "fail without retry"


@dataclass(frozen=True)
class ExitCode:
    kind: str
    outcome: Outcome
    meaning: str


CODES = {
    0: ExitCode("none", Outcome.SUCCESS, "no error"),
    64: ExitCode("usage", Outcome.FAIL, "the command line is wrong: see --help"),
    65: ExitCode("data", Outcome.FAIL, "the data break the contract beyond the reject limit"),
    66: ExitCode("input", Outcome.FAIL, "an input is missing or is not a plain readable file"),
    69: ExitCode("unavailable", Outcome.RETRY, "a server or service does not answer"),
    70: ExitCode("bug", Outcome.FAIL, "a defect of this program, or out of memory"),
    73: ExitCode("create", Outcome.RETRY, "an output cannot be created"),
    74: ExitCode("io", Outcome.RETRY, "reading or writing failed: disk full, I/O error"),
    75: ExitCode("again", Outcome.RETRY, "busy or changed meanwhile: the same call can succeed later"),
    76: ExitCode("protocol", Outcome.FAIL, "the other side speaks something else than expected"),
    77: ExitCode("auth", Outcome.FAIL, "access refused: user, password, or rights"),
    78: ExitCode("config", Outcome.FAIL, "the pipeline file or a setting is wrong"),
    99: ExitCode("nothing", Outcome.SKIP, "nothing to do: no new input"),
    143: ExitCode("cancelled", Outcome.RETRY, "stopped by a signal"),
}

_UNKNOWN = ExitCode("unknown", Outcome.RETRY, "no code of ours: the program was not found, or the system ended it")


def as_shell(returncode: int) -> int:
    """A process that a signal ended, as a shell tells it: 128 + signal."""
    return 128 - returncode if returncode < 0 else returncode


def lookup(code: int) -> ExitCode:
    """What an exit code (as a shell has it) means; every signal is as SIGTERM, kills included."""
    if code > 128:
        return CODES[143]
    return CODES.get(code, _UNKNOWN)
