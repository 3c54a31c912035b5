"""Stages as the first process of a real container: a file system that is read-only, nobody's user, no capability."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.docker import Container, Ended, Engine, import_build, wait_until
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import ROOT, Sluice

IMAGE = "sluice-build:test"
USER = 12345
FAULTS = ROOT / "build" / "faults"
POINTS = {"collect": "collect.while_reading", "normalize": "normalize.before_part"}
STAGES = {
    "collect": ("--run-id", "r2"),
    "normalize": ("--run-id", "r2"),
    "store": ("--run-id", "r2"),
    "aggregate": ("--run-id", "r"),
    "publish": ("--run-id", "r"),
    "report": ("--run-id", "r"),
    "query": ("--sql", "select count(*) as n from shop"),
    "export": ("-o", "-"),
    "check": (),
    "run": ("--run-id", "r2"),
    "preview": (),
    "rebuild": (),
}
STORE = ("store", "aggregate", "publish", "report", "query", "export", "check", "run", "rebuild")
DRIVER = ("run", "preview", "rebuild")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    import_build(engine, IMAGE)
    yield engine
    engine("image", "rm", "--force", IMAGE)
    engine.stop()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline and a HOME in which one run is stored and another waits: copied by every test."""
    base = tmp_path_factory.mktemp("once")
    extra = "models: {totals: {as: view}}\ndocuments: {totals: {from: totals, key: n}}"
    write_pipeline(base / "shop", extra=extra)
    (base / "shop" / "models").mkdir()
    (base / "shop" / "models" / "totals.sql").write_text("select count(*) as n from shop")
    write_csv(base / "shop", "a.csv", rows(1, 100))
    Sluice(str(base / "shop" / "pipeline.yaml"), base / "home")("run", "--run-id", "r")
    write_csv(base / "shop", "b.csv", rows(1001, 100))
    Sluice(str(base / "shop" / "pipeline.yaml"), base / "home")("collect", "--run-id", "r2")
    return base


@pytest.fixture
def place(once: Path, tmp_path: Path) -> Path:
    """What containers see as /data; it belongs to the user they run as."""
    place = shutil.copytree(once, tmp_path / "data")
    for path in [place, *place.rglob("*")]:
        os.chown(path, USER, USER)
    return place


def argv(exe: str, *more: str) -> list[str]:
    if exe in DRIVER:
        return ["/sluice/bin/sluice", exe, "/data/shop/pipeline.yaml", *STAGES[exe], *more]
    return [f"/sluice/bin/sluice-{exe}", "--pipeline=/data/shop/pipeline.yaml", *STAGES[exe], *more]


def options(place: Path, *more: str) -> list[str]:
    """The strictest container that there is."""
    strict = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", f"--user={USER}:{USER}"]
    return [*strict, f"--volume={place}:/data", "--env=SLUICE_HOME=/data/home", "--network=host", *more]


def result(ended: Ended) -> dict[str, object]:
    """The last line that the container wrote to stderr."""
    return json.loads(ended.stderr.splitlines()[-1])


@pytest.mark.parametrize("exe", STAGES)
def test_it_works(engine: Engine, place: Path, exe: str) -> None:
    done = engine.run(IMAGE, argv(exe), *options(place))
    assert done.code == 0, done.stderr
    assert result(done)["exit"] == 0
    if exe == "query":
        assert "100" in done.stdout
    if exe == "publish":
        assert result(done)["unchanged"] == 1  # the run before has published the one document


@pytest.mark.parametrize("init", [(), ("--init",)], ids=["first", "behind_an_init"])
def test_its_exit_code_is_the_containers(engine: Engine, place: Path, init: tuple[str, ...]) -> None:
    def code(words: list[str]) -> int:
        return engine.run(IMAGE, words, *options(place, *init)).code

    assert code(argv("run")) == 0
    assert code(argv("collect")[:2]) == 99
    assert code(argv("query", "--colour")) == 64
    assert code(argv("run", "--set=drop.path=missing.csv")) == 66
    assert code(argv("run", "--backend=nosuch")) == 78
    write_csv(place / "shop", "c.csv", rows(1, 5, total="-1"))
    assert code(argv("run", "--set=rejects.limit=0")) == 65


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing: whoever asks the store hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"SLUICE_CONN_WAREHOUSE=postgres://u@127.0.0.1:{listener.getsockname()[1]}/x?connect_timeout=60"


def is_connected(pid: int) -> bool:
    """The process or a child of it holds a socket."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        links = [str(fd.readlink()) for p in (pid, *children) for fd in Path(f"/proc/{p}/fd").iterdir()]
    except OSError:
        return False
    return any(link.startswith("socket:") for link in links)


@pytest.fixture
def hang(engine: Engine, place: Path, silent: str) -> Iterator[object]:
    """hang(exe): a container whose first process waits for the store."""
    begun: list[Container] = []

    def start(exe: str, *more: str) -> Container:
        container = engine.start(IMAGE, argv(exe, "--backend=local"), *options(place, f"--env={silent}", *more))
        begun.append(container)
        pid = container.pid()
        wait_until(f"{exe}'s connection", lambda: is_connected(pid))
        time.sleep(0.1)
        return container

    yield start
    for container in begun:
        container.remove()


def stop(engine: Engine, container: Container) -> Ended:
    """As Docker stops a container that has four seconds; what needs more it kills, which is 137."""
    engine("stop", "--time", "4", container.name)
    return container.end()


@pytest.mark.parametrize("exe", STORE)
def test_stop_request_is_obeyed(engine: Engine, hang: object, exe: str) -> None:
    assert callable(hang)
    done = stop(engine, hang(exe))
    assert (done.code, result(done)["exit"], result(done)["kind"]) == (143, 143, "cancelled")


def test_stop_request_through_an_init_is_obeyed(engine: Engine, hang: object) -> None:
    assert callable(hang)
    done = stop(engine, hang("store", "--init"))
    assert (done.code, result(done)["exit"]) == (143, 143)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def faults(engine: Engine) -> Iterator[str]:
    """The image of the build with fault points."""
    image = "sluice-faults:test"
    assert (FAULTS / "bin").exists(), "the build with fault points is missing: cmake --build --preset faults"
    import_build(engine, image, FAULTS)
    yield image
    engine("image", "rm", "--force", image)


def freeze_at_work(engine: Engine, image: str, place: Path, exe: str) -> tuple[Container, int]:
    """A stage that waits in mid-work, and whose process is stopped from outside: the first one of a container cannot
    stop itself."""
    trace = place / "home" / "trace"
    more = [f"--env=SLUICE_FAULT={POINTS[exe]}:1:wait", "--env=SLUICE_FAULT_TRACE=/data/home/trace"]
    container = engine.start(image, argv(exe), *options(place, *more))
    wait_until(f"{exe} in mid-work", lambda: trace.exists() and POINTS[exe] in trace.read_text().split())
    pid = container.pid()
    os.kill(pid, signal.SIGSTOP)
    return container, pid


@pytest.mark.parametrize("exe", ["collect", "normalize"])
@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGTERM, signal.SIGINT]], ids=["once", "twice"])
def test_stop_requests_in_mid_work(engine: Engine, faults: str, place: Path, exe: str, signals: list[int]) -> None:
    """One: it ends in order. Two before it could look: it leaves at once, without another word."""
    write_csv(place / "shop", "big.csv", rows(10**6, 10))
    if exe == "normalize":
        engine.run(IMAGE, argv("collect"), *options(place))
    container, pid = freeze_at_work(engine, faults, place, exe)
    for sig in signals:
        os.kill(pid, sig)
    os.kill(pid, signal.SIGCONT)
    done = container.end()
    if len(signals) == 1:
        assert (done.code, result(done)["exit"]) == (143, 143)
    else:
        assert done.code in (130, 143) and '"exit"' not in done.stderr


def states(pid: int) -> list[str]:
    """Every process of the container with that first process: name and state."""
    space = Path(f"/proc/{pid}/ns/pid").readlink()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "ns" / "pid").readlink() == space or process.name == str(pid):
                name, _, rest = (process / "stat").read_text().partition(") ")
                found.append(f"{name.partition('(')[2]} {rest[0]}")
        except OSError:
            continue
    return found


def only_child(pid: int) -> int:
    found: list[str] = []

    def has_one() -> bool:
        found[:] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return len(found) == 1 and is_connected(int(found[0]))

    wait_until("a child that asks the store", has_one)
    return int(found[0])


def test_no_zombie_is_left_by_a_run(engine: Engine, hang: object) -> None:
    """Those that ended are gone while the next one runs, also one that was killed."""
    assert callable(hang)
    container = hang("run")
    pid = container.pid()
    store = only_child(pid)
    assert len(states(pid)) == 2 and not any(s.endswith("Z") for s in states(pid)), states(pid)
    os.kill(store, signal.SIGKILL)
    wait_until("the store's end", lambda: not is_there(store))
    assert only_child(pid) != store
    assert len(states(pid)) == 2 and not any(s.endswith("Z") for s in states(pid)), states(pid)
    done = stop(engine, container)
    assert (done.code, result(done)["exit"]) == (143, 143)


def test_executed_into_a_running_container_it_works(engine: Engine, hang: object) -> None:
    """Its parent is none that it could see, and somebody else is the first process."""
    assert callable(hang)
    done = engine("exec", hang("query").name, *argv("collect"), check=False)
    assert done.code == 0 and result(done)["exit"] == 0


def test_image_holds_nothing_but_the_build(engine: Engine) -> None:
    assert engine.run(IMAGE, ["/bin/sh", "-c", "true"]).code == 127
    assert engine.run(IMAGE, ["/sluice/bin/sluice", "--version"]).code == 0
