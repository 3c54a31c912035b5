"""Every exit class that the real thing can bring about: what went wrong decides the code, whoever meets it."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib.machine import is_sanitized
from tests.lib.services import Postgres, free_port
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import Done, Sluice

Make = Callable[..., Sluice]

# Those that talk to the store, and what they need beside the pipeline.
STORE = {
    "store": ("--run-id", "r"),
    "aggregate": ("--run-id", "r"),
    "publish": ("--run-id", "r"),
    "report": ("--run-id", "r"),
    "query": ("--sql", "select 1"),
    "export": ("-o", "-"),
    "check": (),
    "run": (),
    "state": (),
    "runs": (),
    "rejects": (),
    "rebuild": (),
}
store_users = pytest.mark.parametrize("exe", STORE)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    write_pipeline(folder, extra="models: {totals: {as: view}}\ndocuments: {totals: {from: totals, key: n}}")
    (folder / "models").mkdir()
    (folder / "models" / "totals.sql").write_text("select count(*) as n from shop")
    write_csv(folder, "a.csv", rows(1, 3))
    return folder


def local(make: Make, shop: Path, uri: str) -> Sluice:
    """On a PostgreSQL of that URI; something is collected and waits to be stored."""
    s = make(shop / "pipeline.yaml")
    s("collect", "--run-id", "r")
    s.backend = "local"
    s.env["SLUICE_CONN_WAREHOUSE"] = uri
    return s


def assert_kind(s: Sluice, exe: str, code: int, kind: str) -> None:
    done = s(exe, *STORE[exe], code=code)
    assert done.result["exit"] == code and done.result["kind"] == kind, done.result


@store_users
def test_server_that_is_down_is_69(make: Make, shop: Path, exe: str) -> None:
    assert_kind(local(make, shop, f"postgres://u@127.0.0.1:{free_port()}/x"), exe, 69, "unavailable")


@store_users
def test_user_who_is_not_let_in_is_77(make: Make, shop: Path, exe: str, postgres: Postgres) -> None:
    uri = postgres.uri("postgres").replace("//postgres@", "//nobody_here@")
    assert_kind(local(make, shop, uri), exe, 77, "auth")


@store_users
def test_unknown_connection_is_78(make: Make, shop: Path, exe: str) -> None:
    s = local(make, shop, "")
    del s.env["SLUICE_CONN_WAREHOUSE"]
    assert_kind(s, exe, 78, "config")


def test_database_that_is_not_there_is_78(make: Make, shop: Path, postgres: Postgres) -> None:
    assert_kind(local(make, shop, postgres.uri("nowhere")), "store", 78, "config")


def test_user_without_rights_is_77(make: Make, shop: Path, postgres: Postgres) -> None:
    postgres.psql("create role guest_77 login")
    uri = postgres.uri("postgres").replace("//postgres@", "//guest_77@")
    for exe in ("store", "check"):
        assert_kind(local(make, shop, uri), exe, 77, "auth")


def test_too_many_rejects_are_65_for_store_and_for_the_driver(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    write_csv(shop, "bad.csv", rows(1, 2, total="-1.00"))
    assert s("run", "--run-id", "r", code=65).result["kind"] == "data"
    assert s("store", "--run-id", "r", code=65).result["rejected"] == 2


def test_named_file_that_is_missing_is_66(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s.sets.append("drop.path=" + str(shop / "missing.csv"))
    for exe in ("collect", "run", "check", "preview"):
        assert s(exe, code=66).result["kind"] == "input"


def test_home_that_cannot_be_made_is_73(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s.home = Path("/proc/sluice")
    for exe in ("collect", "store", "run", "state", "check"):
        assert s(exe, code=73).result["kind"] == "create"
    out = ["--sql", "select 1", "-o", "/proc/sluice/x.csv"]
    s.home = shop / "home"
    s("run")
    for exe in ("query", "export"):
        assert s(exe, *out, code=73).result["kind"] == "create"


def test_output_that_cannot_be_written_is_74(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s("run")
    for exe in ("query", "export", "check", "preview", "runs", "rejects", "plan", "state"):
        with Path("/dev/full").open("w", encoding="ascii") as full:
            argv = s.argv(exe, *STORE.get(exe, ()))
            done = subprocess.run(
                argv, env=s.environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == 74, done.stderr
        assert '"kind":"io"' in done.stderr.splitlines()[-1], exe


@contextlib.contextmanager
def server_that_says(text: bytes) -> Iterator[str]:
    """Something that is no PostgreSQL listens on a port: it says this to whoever calls, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                caller = listener.accept()[0]
                if text:
                    caller.recv(1000)
                    caller.sendall(text)
                caller.close()

    threading.Thread(target=answer, daemon=True).start()
    yield f"postgres://u@127.0.0.1:{listener.getsockname()[1]}/x"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_server_that_hangs_up_is_told_as_unavailable(make: Make, shop: Path) -> None:
    with server_that_says(b"") as uri:
        assert_kind(local(make, shop, uri), "store", 69, "unavailable")


@store_users
def test_server_of_another_protocol_is_76(make: Make, shop: Path, exe: str) -> None:
    with server_that_says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as uri:
        assert_kind(local(make, shop, uri), exe, 76, "protocol")


def test_nothing_new_is_99_for_collect_and_0_for_the_driver(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s("run")
    assert s("collect", code=99).result["kind"] == "nothing"
    assert s("run").result["exit"] == 0


# --- 70: a defect, or out of memory --------------------------------------------------------------------------


def assert_told_as_bug(code: int, stderr: str) -> None:
    last = json.loads(stderr.splitlines()[-1])
    assert (code, last["exit"], last["kind"]) == (70, 70, "bug"), stderr


@pytest.mark.parametrize("exe", ["collect", "normalize", "store", "aggregate", "query", "export", "run", "rebuild"])
def test_defect_is_70_and_still_has_a_result(make: Make, shop: Path, exe: str) -> None:
    """A fault point that asks for what there is not breaks a contract of the program, in whatever it just does."""
    words = STORE.get(exe, ("--run-id", "r"))
    out = ("-o", str(shop / "out.csv")) if exe in ("query", "export") else ()

    def call(code: int, **env: str) -> Done:
        s = make(shop / "pipeline.yaml")
        for earlier in ("collect", "normalize", "store"):
            if exe in (earlier, "run"):
                break
            s(earlier, "--run-id", "r")
        return s(exe, *words, *out, code=code, env=env)

    trace = shop / "trace"
    call(0, SLUICE_FAULT_TRACE=str(trace))
    if not trace.exists():
        pytest.skip("skipped: this build has no fault points")
    done = call(70, SLUICE_FAULT=f"{trace.read_text().split()[0]}:1:nonsense")
    if exe == "run":  # it tells what became of its stage
        assert done.result["kind"] == "bug", done.stderr
    else:
        assert_told_as_bug(done.code, done.stderr)


def call_with_memory(s: Sluice, exe: str, words: tuple[str, ...], bytes_: int) -> tuple[int, str]:
    done = subprocess.run(
        s.argv(exe, *words),
        env=s.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_)),
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("exe", ["collect", "normalize", "preview"])
def test_out_of_memory_is_70_wherever_it_comes(make: Make, shop: Path, exe: str, quick: None) -> None:
    """A little more memory each time: first the loader cannot start it, then it ends with 70, then it works."""
    s = make(shop / "pipeline.yaml")
    if is_sanitized(Path(s.argv(exe)[0])):
        pytest.skip("skipped: no executables without sanitizers (cmake --preset release)")
    write_csv(shop, "b.csv", rows(1000, 20000))
    s("collect", "--run-id", "r")
    if exe == "collect":
        write_csv(shop, "b.csv", rows(1000, 20001))
    words = () if exe == "preview" else ("--run-id", "r")
    seen = []
    for step in range(200):
        code, stderr = call_with_memory(s, exe, words, (4 << 20) + step * (256 << 10))
        seen.append(code)
        if code == 0:
            break
        if code != 127 or "shared libraries" not in stderr:
            assert_told_as_bug(code, stderr)
    assert seen[-1] == 0 and seen.count(70) >= 2, seen


def test_more_memory_than_duckdb_may_take_is_70(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    s("run")
    sql = "select length(string_agg(repeat('x', 1000000), '')) from range(1000)"
    done = s("query", "--sql", sql, code=70)
    assert "Out of Memory" in done.result["error"], done.result
