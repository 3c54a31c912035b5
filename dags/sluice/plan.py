"""Plans of pipelines, as `sluice plan --json` tells them. Reads no YAML and imports no Airflow.

A plan is kept in a file named by the content of all that it was made from, so that parsing a folder of
pipelines again costs one hash each. What the executable refuses (exit 78) becomes a PlanError with its text.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "pipeline.yaml"
TIMEOUT_S = 20
_MADE_FROM = {".yaml", ".yml", ".sql"}


class PlanError(Exception):
    """A pipeline that cannot be planned; the text is the executable's own, with file, line and column."""


@dataclass(frozen=True)
class Schedule:
    cron: str
    timezone: str
    start: str | None
    catchup: bool


@dataclass(frozen=True)
class Tasks:
    """What the pipeline file says of all its tasks."""

    pool: str | None
    retries: int
    retry_delay_s: int


@dataclass(frozen=True)
class Stage:
    name: str
    argv: tuple[str, ...]
    mapped: bool
    connections: tuple[str, ...]
    source: str | None = None  # it works on this one alone
    retries: int = 2
    takes: tuple[str, ...] = ("interval", "run-id")  # what of the run it is told


@dataclass(frozen=True)
class Job:
    """Stages that run by a schedule of their own."""

    name: str
    description: str
    schedule: Schedule | None
    after: tuple[str, ...]
    tasks: Tasks
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Plan:
    pipeline: str
    description: str
    file: str
    rev: str
    backend: str
    store: str
    queue: str
    sources: tuple[str, ...]
    schedule: Schedule | None
    after: tuple[str, ...]
    tasks: Tasks
    stages: tuple[Stage, ...]
    jobs: tuple[Job, ...]


def find(folder: Path) -> list[Path]:
    """The pipeline files of a folder of pipelines, by name."""
    return sorted(folder.glob(f"*/{FILE}"))


def load(file: Path) -> Plan:
    """The plan of one pipeline file; PlanError when there is none."""
    executable = shutil.which("sluice")
    if executable is None:
        raise PlanError(f'cannot plan {file}: there is no executable "sluice" in PATH')
    kept = _kept_file(executable, file)
    with contextlib.suppress(OSError, ValueError):
        return _read(json.loads(kept.read_bytes()))
    text = _execute(executable, file)
    plan = _read(json.loads(text))
    _keep(kept, text)
    return plan


def load_all(folder: Path) -> tuple[dict[str, Plan], list[str]]:
    """Plans by pipeline name, and the text of each pipeline that has none. One never hurts another."""
    plans: dict[str, Plan] = {}
    errors: list[str] = []
    for file in find(folder):
        try:
            plan = load(file)
            if plan.pipeline in plans:
                raise PlanError(f'{file}: pipeline "{plan.pipeline}" is also that of {plans[plan.pipeline].file}')
            plans[plan.pipeline] = plan
        except PlanError as e:
            errors.append(str(e))
    return plans, errors


def _execute(executable: str, file: Path) -> bytes:
    """The pipeline is named, not located: a worker on another host finds its own copy."""
    argv = [executable, "plan", file.parent.name, "--json"]
    env = os.environ | {"SLUICE_PIPELINES": str(file.parent.parent)}
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise PlanError(f"cannot plan {file}: {e}") from e
    if done.returncode != 0:
        raise PlanError(f"{file} (exit {done.returncode}):\n{_without_result(done.stderr.decode(errors='replace'))}")
    return done.stdout


def _without_result(text: str) -> str:
    """The lines for people: the result line says the same once more."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("{")) or text


def _stage(found: dict[str, Any]) -> Stage:
    return Stage(
        name=found["name"],
        argv=tuple(found["argv"]),
        mapped=found["mapped"],
        connections=tuple(found["connections"]),
        source=found["source"],
        retries=found["retries"],
        takes=tuple(found["takes"]),
    )


def _work(found: dict[str, Any]) -> dict[str, Any]:
    """What a pipeline and a job have in common."""
    schedule = found["schedule"]
    return {
        "description": found["description"] or "",
        "schedule": schedule
        and Schedule(schedule["cron"], schedule["timezone"] or "UTC", schedule["start"], schedule["catchup"]),
        "after": tuple(found["after"]),
        "tasks": Tasks(**found["tasks"]),
        "stages": tuple(map(_stage, found["stages"])),
    }


def _read(found: dict[str, Any]) -> Plan:
    return Plan(
        pipeline=found["pipeline"],
        file=found["file"],
        rev=found["rev"],
        backend=found["backend"],
        store=found["store"],
        queue=found["queue"],
        sources=tuple(f"{s['name']} ({s['kind']}, {s['codec']})" for s in found["sources"]),
        jobs=tuple(Job(name=job["name"], **_work(job)) for job in found["jobs"]),
        **_work(found),
    )


def _pieces(executable: str, file: Path) -> Iterator[bytes]:
    """Everything that a plan is made from: the executable, the environment's choices, the folder's files."""
    stat = Path(executable).resolve().stat()
    yield f"{executable} {stat.st_size} {stat.st_mtime_ns} {file.resolve()}".encode()
    for name in sorted(n for n in os.environ if n.startswith("SLUICE_") and not n.startswith("SLUICE_CONN")):
        yield f"{name}={os.environ[name]}".encode()
    for path in sorted(file.parent.rglob("*")):
        if path.suffix in _MADE_FROM and path.is_file():
            yield str(path).encode()
            yield path.read_bytes()


def _kept_file(executable: str, file: Path) -> Path:
    hashed = hashlib.blake2b(digest_size=20)
    for piece in _pieces(executable, file):
        hashed.update(len(piece).to_bytes(8, "big"))
        hashed.update(piece)
    return _cache_folder() / f"{hashed.hexdigest()}.json"


def _cache_folder() -> Path:
    """Only this user's: a plan names what will be executed."""
    if root := os.environ.get("XDG_CACHE_HOME") or os.environ.get("AIRFLOW_HOME"):
        return Path(root) / "sluice-plans"
    return Path.home() / ".cache" / "sluice-plans"


def _keep(kept: Path, text: bytes) -> None:
    """A cache that cannot be written only costs time."""
    with contextlib.suppress(OSError):
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as new:
            new.write(text)
        Path(new.name).replace(kept)
