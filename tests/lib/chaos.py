"""A bad line before a server: the wrapper of tests/chaosproxy.c, whose head lists the commands. And trouble beside."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from tests.lib.stage import BIN

PROGRAM = BIN.parent / "tests" / "chaosproxy"


class ChaosProxy:
    """with ChaosProxy(server.port, "cut down 100", "times 1") as line: … line.port, line.say("clear")"""

    def __init__(self, target: int, *commands: str, seed: int = 1) -> None:
        assert PROGRAM.exists(), f"no {PROGRAM}: it is built with the presets dev and faults"
        self._child = subprocess.Popen(
            [str(PROGRAM), str(target), "--seed", str(seed), *commands],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        first = self._answer()
        assert first.startswith("listening "), f"no command of the proxy's: {commands}"
        self.port = int(first.split()[1])

    def say(self, *commands: str) -> None:
        """Each holds for open connections, too, from the moment when this returns."""
        for command in commands:
            answer = self._ask(command)
            assert answer == "ok", answer

    def stats(self) -> dict[str, int]:
        """connections, open, up, down (bytes so far), hit (faults so far)."""
        return {k: int(v) for k, _, v in (word.partition("=") for word in self._ask("stats").split()[1:])}

    def close(self) -> None:
        if self._child.poll() is None:
            assert self._child.stdin and self._child.stdout
            self._child.stdin.close()
            self._child.wait(10)
            self._child.stdout.close()

    def _ask(self, command: str) -> str:
        assert self._child.stdin
        self._child.stdin.write(command + "\n")
        self._child.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._child.stdout
        return self._child.stdout.readline().rstrip("\n")

    def __enter__(self) -> ChaosProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


@contextmanager
def again_and_again(trouble: Callable[[], None], pause: float, most: int = 1_000_000) -> Iterator[list[int]]:
    """Beside the block: trouble every `pause` seconds, at most so often. The list grows by one each time."""
    over, done = threading.Event(), []
    failed: list[BaseException] = []

    def loop() -> None:
        try:
            while len(done) < most and not over.wait(pause):
                trouble()
                done.append(1)
        except BaseException as e:  # told by the test's own thread
            failed.append(e)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()
    assert not failed, failed
