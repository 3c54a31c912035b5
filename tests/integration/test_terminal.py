"""Before a person: status lines, keys that stop and hold, completion in real shells. Elsewhere: few plain lines."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib.shop import COUNT, rows, write_csv, write_pipeline
from tests.lib.stage import BIN, Sluice, finish
from tests.lib.terminal import Terminal

Make = Callable[..., Sluice]
# Where each stage is stopped for a while, so that it has something to tell when it goes on.
HELD = {
    "collect": ("collect.after_begin", "collecting"),
    "normalize": ("normalize.before_part", "normalizing"),
    "store": ("store.before_switch", "storing"),
}
LONG = "éé-a-name-longer-than-a-terminal-would-show-" + "é" * 50 + ".csv"


@pytest.fixture
def shop(make: Make, tmp_path: Path) -> Sluice:
    s = make(write_pipeline(tmp_path / "shop"))
    for name in ("a.csv", "b.csv", LONG):
        write_csv(tmp_path / "shop", name, rows(1, 3))
    return s


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*args: object, **kwargs: object) -> Terminal:
        opened.append(Terminal(*args, **kwargs))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for one in opened:
        one.close()


Start = Callable[..., Terminal]


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def ends(pid: int) -> bool:
    """It was killed with its parent; on a busy machine it may still be on its way."""
    deadline = time.monotonic() + 5
    while state_of(pid) not in ("gone", "Z") and time.monotonic() < deadline:
        time.sleep(0.02)
    return state_of(pid) in ("gone", "Z")


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def hold(t: Terminal, stage: str, seconds: float) -> None:
    """Waits until the stage has stopped itself, keeps it so for a while, wakes it."""
    t.wait_for(lambda _: state_of(t.process.pid) in ("T", "Z", "gone"))
    if state_of(t.process.pid) != "T":
        pytest.skip("skipped: this build has no fault points")
    time.sleep(seconds)
    t.process.send_signal(signal.SIGCONT)


def prepared(s: Sluice, stage: str) -> None:
    for earlier in ("collect", "normalize", "store"):
        if earlier == stage:
            break
        s(earlier, "--run-id", "r")


@pytest.mark.parametrize("columns", [80, 24])
@pytest.mark.parametrize("stage", HELD)
def test_status_is_one_line_that_fits_and_goes_away(shop: Sluice, terminal: Start, stage: str, columns: int) -> None:
    prepared(shop, stage)
    point, word = HELD[stage]
    env = shop.environment() | {"SLUICE_FAULT": f"{point}:1:stop"}
    t = terminal(shop.argv(stage, "--run-id", "r"), env, columns)
    hold(t, stage, 1.2)
    assert t.end() == 0, t.seen
    told = [piece for piece in t.seen.decode().split("\r\x1b[K") if piece.startswith(word)]
    assert told and all(len(piece) < columns and "\n" not in piece for piece in told), told
    screen = t.screen()
    assert screen[-1] == "" and not any(line.startswith(word) for line in screen), screen
    assert json.loads(screen[-2])["exit"] == 0


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}], ids=["dumb", "unset"])
def test_terminal_that_cannot_write_over_a_line_gets_plain_lines(
    shop: Sluice, terminal: Start, env: dict[str, str]
) -> None:
    fault = {"SLUICE_FAULT": "collect.after_begin:1:stop"}
    t = terminal(shop.argv("collect", "--run-id", "r"), shop.environment() | fault | env)
    hold(t, "collect", 1.2)
    assert t.end() == 0
    assert b"\x1b" not in t.seen and b"\r" not in t.seen.replace(b"\r\n", b"\n"), t.seen


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=["as_it_is", "no_color"])
def test_there_are_no_colours(shop: Sluice, terminal: Start, tmp_path: Path, env: dict[str, str]) -> None:
    """Warnings, a failure, a summary, an error with its place, help: nothing of it is coloured."""
    write_csv(tmp_path / "shop", "bad.csv", rows(1, 3, total="-1"))
    bad = write_pipeline(tmp_path / "bad", extra="colums: 1")
    for argv in (
        shop.argv("run", "--run-id", "r"),
        [str(BIN / "sluice"), "validate", str(bad)],
        [str(BIN / "sluice"), "run", "--help"],
    ):
        t = terminal(argv, shop.environment() | env)
        t.end()
        t.screen()  # refuses every code but "erase to the end"


def test_long_work_off_a_terminal_is_one_line_in_ten_seconds(shop: Sluice) -> None:
    """Two stages at once, both held for a little more than ten seconds."""
    shop("collect", "--run-id", "n")
    faults = {exe: {"SLUICE_FAULT": f"{HELD[exe][0]}:1:stop"} for exe in ("collect", "normalize")}
    children = {
        "collect": shop.start("collect", "--run-id", "c", env=faults["collect"]),
        "normalize": shop.start("normalize", "--run-id", "n", env=faults["normalize"]),
    }
    deadline = time.monotonic() + 20
    for child in children.values():
        while state_of(child.pid) != "T":
            if child.poll() is not None:
                pytest.skip("skipped: this build has no fault points")
            assert time.monotonic() < deadline, "not stopped"
            time.sleep(0.01)
    time.sleep(10.2)
    for exe, child in children.items():
        child.send_signal(signal.SIGCONT)
        done = finish(child)
        assert done.code == 0
        told = [line for line in done.stderr.splitlines() if f" {HELD[exe][1]} " in line and "seconds=" in line]
        assert len(told) == 1 and told[0].startswith("INFO "), done.stderr
        assert len(done.stderr.splitlines()) < 12 and "\r" not in done.stderr


# --- keys ----------------------------------------------------------------------------------------------------


def run_until_stage_waits(shop: Sluice, terminal: Start, point: str = "store.before_switch") -> tuple[Terminal, int]:
    """A run on the terminal, one of whose stages has stopped itself; and that stage."""
    t = terminal(shop.argv("run", "--run-id", "r"), shop.environment() | {"SLUICE_FAULT": f"{point}:1:stop"})
    stopped: list[int] = []

    def is_there(_: bytes) -> bool:
        stopped[:] = [pid for pid in children_of(t.process.pid) if state_of(pid) == "T"]
        return bool(stopped) or t.process.poll() is not None

    t.wait_for(is_there)
    if not stopped:
        pytest.skip("skipped: this build has no fault points")
    return t, stopped[0]


def test_ctrl_c_ends_with_130_and_a_summary(shop: Sluice, terminal: Start) -> None:
    t, stage = run_until_stage_waits(shop, terminal)
    os.kill(stage, signal.SIGCONT)
    t.type("\x03")
    begun = time.monotonic()
    assert t.end() == 130
    assert time.monotonic() - begun < 3.5
    assert ends(stage)
    screen = t.screen()
    assert any("shop: run r stopped with exit 130" in line for line in screen), "\n".join(screen)
    assert any("sluice run" in line and "nothing is lost" in line for line in screen), screen
    assert not any(line.startswith("sluice-store") for line in screen), "the status line is left behind"
    assert shop("run", "--run-id", "r").result["exit"] == 0
    assert shop.query(COUNT) == [{"n": 9}]


def test_ctrl_c_ends_a_run_whose_stage_hangs(shop: Sluice, terminal: Start) -> None:
    """The stage is stopped and hears nothing; it goes with the driver."""
    t, stage = run_until_stage_waits(shop, terminal)
    t.type("\x03")
    begun = time.monotonic()
    assert t.end() == 130
    assert time.monotonic() - begun < 3.5
    assert ends(stage)
    assert shop("run", "--run-id", "r").result["exit"] == 0


def test_second_ctrl_c_leaves_at_once(shop: Sluice, terminal: Start) -> None:
    t, stage = run_until_stage_waits(shop, terminal)
    t.type("\x03")
    time.sleep(0.3)
    begun = time.monotonic()
    t.type("\x03")
    assert t.end() == 130
    assert time.monotonic() - begun < 1
    assert ends(stage)


@pytest.mark.parametrize("stage", HELD)
def test_ctrl_c_ends_a_stage_with_130_and_a_result(shop: Sluice, terminal: Start, stage: str) -> None:
    prepared(shop, stage)
    env = shop.environment() | {"SLUICE_FAULT": f"{HELD[stage][0]}:1:stop"}
    t = terminal(shop.argv(stage, "--run-id", "r"), env)
    t.wait_for(lambda _: state_of(t.process.pid) in ("T", "Z", "gone"))
    if state_of(t.process.pid) != "T":
        pytest.skip("skipped: this build has no fault points")
    t.type("\x03")
    t.process.send_signal(signal.SIGCONT)
    assert t.end() == 130
    last = json.loads(t.screen()[-2])
    assert (last["exit"], last["kind"]) == (130, "cancelled")


def test_ctrl_z_holds_a_run_and_it_goes_on(shop: Sluice, terminal: Start) -> None:
    t, stage = run_until_stage_waits(shop, terminal)
    os.kill(stage, signal.SIGCONT)
    t.type("\x1a")
    time.sleep(0.2)
    os.killpg(t.process.pid, signal.SIGCONT)
    assert t.end() == 0
    assert shop.query(COUNT) == [{"n": 9}]


def test_closed_window_ends_the_run(shop: Sluice, terminal: Start) -> None:
    t, stage = run_until_stage_waits(shop, terminal)
    os.close(t.ours)
    assert t.process.wait(5) in (129, -signal.SIGHUP)
    assert ends(stage)
    assert shop("run", "--run-id", "r").result["exit"] == 0


# --- completion, in the shells themselves ----------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with pipelines, where the shell stands."""
    home = tmp_path / "home"
    for name in ("orders", "orchids"):
        (home / "pipelines" / name).mkdir(parents=True)
        (home / "pipelines" / name / "pipeline.yaml").touch()
    return home


PROMPT = "ready> "
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"PS1='{PROMPT}'; . <(sluice completion bash)\n"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "sluice completion zsh > _sluice; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D;"
        f" unsetopt beep; PROMPT='{PROMPT}'\n",
    ),
}
TYPED = [
    ("sluice preview", "sluice prev\t"),
    ("sluice preview --limit", "sluice preview --lim\t"),
    ("sluice completion fish", "sluice completion f\t"),
    ("sluice run orders", "sluice run ord\t"),
    ("sluice run --log-format json", "sluice run --log-format js\t"),
    ("sluice-normalize --partition", "sluice-normalize --partit\t"),
]


@pytest.mark.parametrize("shell", START)
def test_tab_completes_in_a_shell(terminal: Start, home: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.fail(f"{shell} is not installed: scripts/packages.test")
    argv, setup = START[shell]
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home), "LC_ALL": "C.UTF-8"}
    t = terminal(argv, env, 200, cwd=home)
    t.type(setup)
    t.wait_for(lambda seen: re.search(rb"ready> (\x1b\[[0-9;?]*[A-Za-z]|\s)*$", seen) is not None, 30)
    for wanted, keys in TYPED:
        t.seen = b""
        t.type(f"{keys}\x01echo '[\x05]'\n")  # what stands on the line then is said by the shell itself
        said = re.compile(rf"\n(\x1b\[\S*?[a-z])?\r?\[{re.escape(wanted)} ?\]\r\n".encode())
        t.wait_for(lambda seen, said=said: said.search(seen) is not None, 10)
    t.type("exit\n")
    t.end()


def test_fish_reads_and_completes(home: Path) -> None:
    if not shutil.which("fish"):
        pytest.fail("fish is not installed: scripts/packages.test")
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home)}

    def complete(line: str) -> list[str]:
        script = f"sluice completion fish 2>/dev/null | source; complete --do-complete '{line}'"
        done = subprocess.run(
            ["fish", "--no-config", "-c", script], env=env, cwd=home, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return [word.split("\t")[0] for word in done.stdout.splitlines()]

    assert complete("sluice prev") == ["preview"]
    assert "orders" in complete("sluice run or") and "orchids" in complete("sluice run or")
    assert complete("sluice preview --lim") == ["--limit"]
    assert complete("sluice run --log-format js") == ["json"]
