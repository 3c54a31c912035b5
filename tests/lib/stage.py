"""Runs the executables as a user or Airflow would, and reads what they answer."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SLUICE_BIN_DIR", ROOT / "build" / "dev" / "bin")).resolve()
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
TIMEOUT = 120.0
# Said to the driver; what is no command of its own becomes the stage of that name.
DRIVER = ("run", "query", "state", "plan", "validate", "preview", "runs", "rejects", "rebuild", "check", "export")
COUNTING = ("run", "normalize", "store")


@dataclass(frozen=True)
class Done:
    """A finished execution: exit code as a shell has it, both streams, the result line."""

    argv: list[str]
    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        lines = self.stderr.strip().splitlines()
        assert lines, f"nothing on stderr of {self.argv}"
        return json.loads(lines[-1])

    def rows(self) -> list[dict[str, Any]]:
        return json.loads(self.stdout)


@dataclass
class Sluice:
    """One pipeline with a HOME of its own, on one backend."""

    pipeline: str
    home: Path
    backend: str = "embedded"
    env: dict[str, str] = field(default_factory=dict)
    sets: list[str] = field(default_factory=list)
    started: dict[int, float] = field(default_factory=dict)  # pid: when

    def environment(self) -> dict[str, str]:
        base = {"PATH": os.environ["PATH"], "LSAN_OPTIONS": "print_suppressions=0"}
        return base | {"SLUICE_HOME": str(self.home)} | self.env

    def argv(self, exe: str, *args: str) -> list[str]:
        """Driver commands take the pipeline as an argument, stages as --pipeline."""
        common = ["--backend", self.backend, *(w for s in self.sets for w in ("--set", s))]
        if exe in DRIVER:
            return [str(BIN / "sluice"), exe, self.pipeline, *common, *args]
        return [str(BIN / f"sluice-{exe}"), "--pipeline", self.pipeline, *common, *args]

    def start(self, exe: str, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            self.argv(exe, *args),
            env=self.environment() | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.started[child.pid] = time.time()
        return child

    def __call__(
        self, exe: str, *args: str, code: int | tuple[int, ...] | None = 0, env: dict[str, str] | None = None
    ) -> Done:
        """code: the exit code (or codes) that must come out; None: any."""
        child = self.start(exe, *args, env=env)
        done = finish(child)
        if code is not None:
            wanted = code if isinstance(code, tuple) else (code,)
            assert done.code in wanted, f"exit {done.code}, wanted {wanted}: {done.argv}\n{done.stderr[-4000:]}"
        if done.code == 0 and exe in COUNTING:
            assert_balanced(done)
        return done

    def query(self, sql: str) -> list[dict[str, Any]]:
        return self("query", "--sql", sql, "--format", "json").rows()

    def table(self, sql: str) -> str:
        """Content hash of a query's rows, order as the query says."""
        done = self("query", "--sql", sql, "--format", "csv")
        return hashlib.sha256(done.stdout.encode()).hexdigest()


def assert_balanced(done: Done) -> None:
    """Of what a stage did, whatever the test is about."""
    line = done.stderr.rstrip("\n").rpartition("\n")[2]
    if line.startswith("{"):
        told = json.loads(line)
        parts = [told[k] for k in ("kept", "dup", "filtered", "rejected")]
        assert told["n_in"] == sum(parts), f"{done.argv}\n{line}"


def finish(child: subprocess.Popen[str], timeout: float = TIMEOUT) -> Done:
    """Waits for a child; one that hangs is killed with its whole group and fails the test."""
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill_group(child)
        out, err = child.communicate()
        raise AssertionError(f"hangs after {timeout} s: {child.args}\n{err[-4000:]}") from None
    code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    return Done([str(a) for a in child.args], code, out, err)


def kill_group(child: subprocess.Popen[str], sig: int = signal.SIGKILL) -> None:
    """Ends a child that we started in its own session, with everything below it."""
    try:
        os.killpg(child.pid, sig)
    except ProcessLookupError:
        pass
