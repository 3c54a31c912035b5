"""One server process of ours: a directory, a port, a log; known by pid and start time, so that nothing else is
ever ended. tests/lib/services.py says what each kind of server needs."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from tests.lib.processes import family, start_time


class ServerError(RuntimeError):
    """A server that does not come up, with the end of its own log."""


def free_port() -> int:
    """Below the range from which the kernel takes ports of outgoing connections: a server that is down for a
    moment would else lose its port to a client."""
    while True:
        port = random.randrange(20000, 32768)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def can_listen(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Server(ABC):
    """In its directory: server.json (port, secrets), pid, log, data. Opening a directory that was used before
    finds the same server again, running or not."""

    name = ""
    within = 30.0  # seconds until it answers
    stop_signal = signal.SIGTERM
    quit_signal = signal.SIGKILL  # its data are thrown away

    def __init__(self, directory: Path, durable: bool = False) -> None:
        """durable: data outlive a power cut, at the price of speed."""
        self.dir = directory
        self.durable = durable
        self._child: subprocess.Popen[bytes] | None = None
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.settings = json.loads((directory / "server.json").read_text())
        except FileNotFoundError:
            self.settings = {"port": free_port()} | self.secrets()
            self._save()

    # --- what a kind of server says about itself --------------------------------------------------------

    @abstractmethod
    def argv(self) -> list[str]: ...

    @abstractmethod
    def ready(self) -> bool:
        """It answers a question, not only a connection. May raise OSError."""

    def secrets(self) -> dict[str, str]:
        return {}

    def environment(self) -> dict[str, str]:
        return {}

    def prepare(self) -> None:
        """Before each start: makes data and configuration where they are missing."""
        return

    # --- verbs ------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return int(self.settings["port"])

    def start(self) -> None:
        """Returns when it answers; where it runs already, wakes it at most. Same port, same data."""
        if self.pid() is not None:
            self.resume()
            return self.wait_ready()
        for left in (2, 1, 0):  # what a killed one held (port, shared memory) may go a moment after it
            self._spawn()
            try:
                return self.wait_ready()
            except ServerError:
                if left == 0 or self.pid() is not None:
                    raise
                time.sleep(1)
        return None

    def stop(self) -> None:
        """The clean way, within 10 s; data stay."""
        if (pid := self.pid()) is None:
            return
        self.resume()
        os.kill(pid, self.stop_signal)
        if not self._gone_within(10):
            self.kill()

    def kill(self) -> None:
        """As a power cut does it, with everything below it; data stay."""
        if (pid := self.pid()) is None:
            return
        for one in family(pid):
            self._signal(one, signal.SIGKILL)
        assert self._gone_within(10), f"{self.name} {pid} outlives SIGKILL"

    def restart(self) -> None:
        self.stop()
        self.start()

    def restart_at_once(self) -> None:
        """Killed, and back."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Keeps its connections and answers nobody until resume()."""
        for one in family(self._must_run()):
            self._signal(one, signal.SIGSTOP)

    def resume(self) -> None:
        for one in family(self._must_run()):
            self._signal(one, signal.SIGCONT)

    def close(self) -> None:
        """Ends it at once and throws its data away."""
        if (pid := self.pid()) is not None:
            self.resume()
            os.kill(pid, self.quit_signal)
            if not self._gone_within(5):
                self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- state ------------------------------------------------------------------------------------------

    def pid(self) -> int | None:
        """Of the running server, else None. A child of ours is gone when it can be waited for: of a killed one
        the first thread may be a zombie while others still hold its port."""
        try:
            pid, started = (self.dir / "pid").read_text().split()
        except (OSError, ValueError):
            return None
        if self._child is not None and self._child.pid == int(pid):
            return None if self._child.poll() is not None else int(pid)
        return int(pid) if start_time(int(pid)) == started else None

    def answers(self) -> bool:
        try:
            return self.ready()
        except OSError:
            return False

    def log_text(self) -> str:
        log = self.dir / "log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-30:]) if log.exists() else ""

    def wait_ready(self) -> None:
        deadline = time.monotonic() + self.within
        while not self.answers():
            if self.pid() is None:
                raise ServerError(f"{self.name} has ended; its log {self.dir / 'log'} closes with\n{self.log_text()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} does not answer within {self.within:g} s\n{self.log_text()}")
            time.sleep(0.02)

    # --- inside -----------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        self._own_port()
        self.prepare()
        with (self.dir / "log").open("ab") as log:
            self._child = subprocess.Popen(
                self.argv(), cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.dir)} | self.environment(),
            )  # fmt: skip
        (self.dir / "pid").write_text(f"{self._child.pid} {start_time(self._child.pid)}\n")

    def _own_port(self) -> None:
        """Another one where somebody has taken ours meanwhile, and does not give it back."""
        deadline = time.monotonic() + 2
        while not can_listen(self.port):
            if time.monotonic() > deadline:
                self.settings["port"] = free_port()
                self._save()
                return
            time.sleep(0.05)

    def _save(self) -> None:
        file = self.dir / "server.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self.settings))

    def _must_run(self) -> int:
        pid = self.pid()
        assert pid is not None, f"{self.name} does not run\n{self.log_text()}"
        return pid

    def _signal(self, pid: int, sig: signal.Signals) -> None:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True
