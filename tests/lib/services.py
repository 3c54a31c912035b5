"""Private servers for the tests: own data directory, own port, ended by pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PG_BIN = Path("/usr/lib/postgresql/15/bin")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def as_postgres(argv: list[str]) -> list[str]:
    """The server refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *argv] if os.geteuid() == 0 else argv


@dataclass
class Postgres:
    dir: Path
    port: int
    process: subprocess.Popen[bytes]

    def uri(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def psql(self, sql: str, database: str = "postgres") -> str:
        argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        done = subprocess.run([*argv, "-d", database, "-c", sql], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stop(self) -> None:
        """At once: the data are thrown away, and runuser would wait before it passes a signal on."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.dir / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def roomy_memory() -> str | None:
    """A file system in memory, where there is plenty: a test's database is some MiB of copied files."""
    shm = Path("/dev/shm")
    return str(shm) if shm.is_dir() and shutil.disk_usage(shm).free > 8 << 30 else None


def start_postgres() -> Postgres:
    """initdb and a server that answers; every failure shows the server's own log."""
    base = Path(tempfile.mkdtemp(prefix="sluice-pg-", dir=roomy_memory()))
    if os.geteuid() == 0:
        shutil.chown(base, "postgres", "postgres")
    data, port = base / "data", free_port()
    subprocess.run(
        as_postgres([str(PG_BIN / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync"]),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    log = (base / "log").open("wb")
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={base}", "-c", "fsync=off"]
    process = subprocess.Popen(
        as_postgres([str(PG_BIN / "postgres"), "-D", str(data), "-p", str(port), *options]), stdout=log, stderr=log
    )
    server = Postgres(base, port, process)
    deadline = time.monotonic() + 30
    ready = [str(PG_BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode != 0:
        assert process.poll() is None and time.monotonic() < deadline, (base / "log").read_text()
        time.sleep(0.05)
    return server
