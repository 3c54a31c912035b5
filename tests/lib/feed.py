"""A pipeline whose source is a cursor, and what may be asked of one at rest or stopped at a step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lib.processes import wait_stopped
from tests.lib.stage import Done, Sluice, finish, kill_group


@dataclass
class Feed:
    s: Sluice
    execute: Callable[[str], str]  # a statement for the source's server

    def run(self, *args: str, **kwargs: Any) -> Done:
        return self.s("run", *args, **kwargs)

    def ids(self) -> list[int]:
        return [r["id"] for r in self.s.query("select id from rows order by id")]

    def entries(self, source: str = "shop") -> list[dict[str, Any]]:
        folder = self.s.home / "shop" / "log" / source
        found = sorted(folder.glob("[0-9]*.json"), key=lambda p: int(p.stem))
        return [json.loads(p.read_text()) for p in found]

    def chunks(self) -> list[Path]:
        """Of all sources, oldest first."""
        found = (self.s.home / "shop" / "bronze").rglob("*.zst")
        return sorted(found, key=lambda p: p.stat().st_mtime_ns)

    def lines(self) -> list[str]:
        """Every record that bronze holds."""
        out = [subprocess.run(["zstd", "-dcq", p], capture_output=True, check=True).stdout for p in self.chunks()]
        return b"".join(out).decode().splitlines()

    def steps(self, *args: str, **kwargs: Any) -> int:
        """Runs, and counts the steps that were asked for."""
        trace = self.s.home / "trace"
        trace.unlink(missing_ok=True)
        self.run(*args, env={"SLUICE_FAULT_TRACE": str(trace)}, **kwargs)
        return trace.read_text().split().count("collect.before_step")


@contextmanager
def stopped(child: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A stage that a fault point stops (…:stop): there inside the block, going on behind it."""
    try:
        wait_stopped(child.pid)
        yield child
        os.kill(child.pid, signal.SIGCONT)
    except BaseException:
        kill_group(child)
        raise


def collect_stopped(s: Sluice, point: str, *args: str) -> subprocess.Popen[str]:
    return s.start("collect", *args, env={"SLUICE_FAULT": f"{point}:stop"})


__all__ = ["Feed", "collect_stopped", "finish", "stopped"]
