"""A real Docker engine (scripts/docker-engine) and an image with nothing in it but the executables of a build."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lib.stage import BIN, ROOT

SCRIPT = ROOT / "scripts" / "docker-engine"
CLIENT = "/usr/bin/docker"


@dataclass(frozen=True)
class Ended:
    """A container that has ended: its exit code, and what it wrote."""

    code: int
    stdout: str
    stderr: str


class Engine:
    """Starts the engine, unless it runs already; then it is left running."""

    def __init__(self) -> None:
        self.was_running = subprocess.run([SCRIPT, "status"], capture_output=True, check=False).returncode == 0
        started = subprocess.run([SCRIPT, "up"], capture_output=True, text=True, check=False)
        if started.returncode == 77:
            pytest.skip(f"skipped: {started.stderr.splitlines()[-1]}")
        assert started.returncode == 0, f"no Docker engine: {started.stderr}"
        self.host = started.stdout.strip()

    def stop(self) -> None:
        if not self.was_running:
            subprocess.run([SCRIPT, "down"], check=True)

    def __call__(self, *words: str, input: bytes | None = None, check: bool = True) -> Ended:
        done = subprocess.run(
            [CLIENT, "--host", self.host, *words], input=input, capture_output=True, timeout=300, check=False
        )
        ended = Ended(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        assert not check or ended.code == 0, f"docker {' '.join(words)}: {ended.stderr}"
        return ended

    def start(self, image: str, argv: Sequence[str], *options: str) -> Container:
        """Begins a container whose first process is argv."""
        return Container(self, self("run", "--detach", *options, image, *argv).stdout.strip())

    def run(self, image: str, argv: Sequence[str], *options: str) -> Ended:
        """A container from its begin to its end."""
        return self("run", "--rm", *options, image, *argv, check=False)


@dataclass(frozen=True)
class Container:
    engine: Engine
    name: str

    def pid(self) -> int:
        """Its first process, as the machine sees it."""
        return int(self.engine("inspect", "--format", "{{.State.Pid}}", self.name).stdout)

    def end(self) -> Ended:
        """Waits for its end, and removes it."""
        code = int(self.engine("wait", self.name).stdout)
        logs = self.engine("logs", self.name)
        self.engine("rm", self.name)
        return Ended(code, logs.stdout, logs.stderr)

    def remove(self) -> None:
        self.engine("rm", "--force", self.name, check=False)


def libraries(files: Sequence[Path]) -> set[str]:
    """The shared libraries that those files load, and the loader itself."""
    said = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=True).stdout
    assert "not found" not in said, said
    return {path for path in re.findall(r"(/\S+\.so\S*) \(0x", said) if not path.startswith(str(ROOT))}


def import_build(engine: Engine, image: str, build: Path = BIN.parent) -> None:
    """Makes an image of a build's executables and the libraries that they need: no shell, no Debian."""
    files = [p for folder in ("bin", "lib") for p in sorted((build / folder).rglob("*")) if p.is_file()]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        for path in files:
            tar.add(path, f"sluice/{path.relative_to(build)}")
        for library in sorted(libraries(files)):
            tar.add(library, library)
    engine("import", "--change", "ENV PATH=/sluice/bin", "-", image, input=packed.getvalue())


def wait_until(what: str, condition: object, seconds: float = 240) -> None:
    """Polls a function of no arguments until it says yes."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} does not come"
        time.sleep(0.005)
