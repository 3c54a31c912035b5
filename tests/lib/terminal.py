"""A terminal of the tests: programs run on a pty as before a person, and what they leave is read off a screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Terminal:
    """Runs argv with the pty as its controlling terminal, so that keys become signals."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], columns: int = 80, cwd: Path | None = None) -> None:
        self.seen = b""
        self.columns = columns
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            argv,
            env={"TERM": "xterm"} | dict(env),
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def read(self, seconds: float) -> bool:
        """Takes in what has come, or comes within that time; False when nobody writes any more."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.ours, 65536)
        except OSError:
            return False
        self.seen += piece
        return bool(piece)

    def wait_for(self, what: Callable[[bytes], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not what(self.seen):
            assert self.read(0.02) and time.monotonic() < deadline, f"does not come: {self.seen[-2000:]!r}"

    def end(self, seconds: float = 20) -> int:
        """Reads to the end; the exit code as a shell has it."""
        deadline = time.monotonic() + seconds
        while self.read(0.05):
            if time.monotonic() > deadline:
                self.close()
                raise AssertionError(f"does not end: {self.seen[-2000:]!r}")
        code = self.process.wait(5)
        os.close(self.ours)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        """Whatever is left of it goes."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)

    def screen(self) -> list[str]:
        """The lines that a person sees, as far as \\r, \\n and "erase to the end" make them; no other code may come."""
        lines, column = [""], 0
        for part in re.findall(r"\x1b\[[0-9;?]*[a-zA-Z]|\r|\n|[^\r\n\x1b]+|\x1b", self.seen.decode()):
            match part:
                case "\r":
                    column = 0
                case "\n":
                    lines.append("")
                case "\x1b[K":
                    lines[-1] = lines[-1][:column]
                case _:
                    assert part[0] != "\x1b", f"the terminal is sent {part!r}"
                    lines[-1] = lines[-1][:column].ljust(column) + part + lines[-1][column + len(part) :]
                    column += len(part)
        return lines
