"""The bad line itself: each fault is what its name says, and without one nothing is changed."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib.chaos import PROGRAM, ChaosProxy
from tests.lib.services import Postgres
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import ROOT, Sluice

BYTES = random.Random(5).randbytes(1 << 20)


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """A server that says everything back, to the end; its port."""
    server = socket.create_server(("127.0.0.1", 0), backlog=128)

    def serve(peer: socket.socket) -> None:
        with peer:
            try:
                while piece := peer.recv(65536):
                    peer.sendall(piece)
                peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture
def line(echo: int) -> Iterator[ChaosProxy]:
    with ChaosProxy(echo) as proxy:
        yield proxy


def connect(line: ChaosProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout=10)


def read(s: socket.socket, n: int = 1 << 30) -> bytes:
    """Up to n bytes, or to the end."""
    got = bytearray()
    while len(got) < n and (piece := s.recv(min(65536, n - len(got)))):
        got += piece
    return bytes(got)


def round_trip(line: ChaosProxy, data: bytes) -> bytes:
    with connect(line) as s:
        sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sender.start()
        got = read(s)
        sender.join()
    return got


def test_without_a_fault_every_byte_comes_through_and_the_end_too(line: ChaosProxy) -> None:
    assert round_trip(line, BYTES) == BYTES
    assert line.stats() == {"connections": 1, "open": 0, "up": len(BYTES), "down": len(BYTES), "hit": 0}


def test_fifty_connections_at_once_do_not_mix(line: ChaosProxy) -> None:
    got: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda n=n: got.__setitem__(n, round_trip(line, bytes([n]) * 50000))) for n in range(50)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got == {n: bytes([n]) * 50000 for n in range(50)}


def test_latency_is_added_in_the_one_direction(line: ChaosProxy) -> None:
    line.say("latency down 150ms")
    with connect(line) as s:
        begun = time.monotonic()
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        assert 0.15 <= time.monotonic() - begun < 1.5


def test_slices_come_one_by_one_and_whole(line: ChaosProxy) -> None:
    line.say("slice down 1")
    with connect(line) as s:
        s.sendall(BYTES[:300])
        pieces = []
        while sum(map(len, pieces)) < 300:
            pieces.append(s.recv(65536))
    assert b"".join(pieces) == BYTES[:300] and len(pieces) > 100


def test_rate_is_kept(line: ChaosProxy) -> None:
    line.say("rate up 100000")
    begun = time.monotonic()
    assert round_trip(line, BYTES[:50000]) == BYTES[:50000]
    assert 0.4 < time.monotonic() - begun < 3


@pytest.mark.parametrize("n", [0, 1, 1000, 70000])
def test_cut_ends_the_stream_after_exactly_so_many_bytes(line: ChaosProxy, n: int) -> None:
    line.say(f"cut down {n}")
    with connect(line) as s:
        s.sendall(BYTES[:100000]) if n else None
        assert read(s) == BYTES[:n]
    assert line.stats()["hit"] == 1


@pytest.mark.parametrize("n", [0, 1, 5000])
def test_reset_comes_after_at_most_so_many_bytes(line: ChaosProxy, n: int) -> None:
    line.say(f"reset down {n}")
    with pytest.raises(ConnectionError), connect(line) as s:
        s.sendall(BYTES[:20000])
        while s.recv(100):
            pass
    assert line.stats()["down"] == n


def test_one_bit_of_one_byte_is_flipped(line: ChaosProxy) -> None:
    line.say("corrupt up 4321")
    got = round_trip(line, BYTES)
    different = [i for i, (a, b) in enumerate(zip(got, BYTES, strict=True)) if a != b]
    assert different == [4321] and got[4321] ^ BYTES[4321] == 1


def test_stall_holds_everything_back_until_it_is_cleared(line: ChaosProxy) -> None:
    line.say("stall down 10")
    with connect(line) as s:
        s.sendall(BYTES[:5000])
        assert read(s, 10) == BYTES[:10]
        s.settimeout(0.2)
        with pytest.raises(TimeoutError):
            s.recv(1)
        s.settimeout(10)
        line.say("clear")
        assert read(s, 4990) == BYTES[10:5000]
    assert line.stats()["hit"] == 1


def test_end_behind_a_stall_is_held_back_too(line: ChaosProxy) -> None:
    line.say("stall up 0")
    with connect(line) as s:
        s.sendall(b"abc")
        s.shutdown(socket.SHUT_WR)
        s.settimeout(0.2)
        with pytest.raises(TimeoutError):
            s.recv(1)
        s.settimeout(10)
        line.say("clear")
        assert read(s) == b"abc"


def test_mood_changes_under_an_open_connection_and_counts_from_then(line: ChaosProxy) -> None:
    with connect(line) as s:
        s.sendall(BYTES[:1000])
        assert read(s, 1000) == BYTES[:1000]
        line.say("cut down 7")
        s.sendall(b"0123456789")
        assert read(s) == b"0123456"


def test_refused_and_closed_are_two_things_and_both_end(line: ChaosProxy) -> None:
    line.say("refuse")
    with pytest.raises(ConnectionError), connect(line) as s:
        s.recv(1)
        raise ConnectionResetError  # a clean end would be the stream's, not a refusal's
    line.say("clear", "closed")
    with pytest.raises(ConnectionRefusedError):
        connect(line)
    line.say("open")
    assert round_trip(line, b"back") == b"back"


def test_nothing_behind_the_line_is_a_reset(echo: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with ChaosProxy(port) as line, pytest.raises(ConnectionError), connect(line) as s:
        if s.recv(1) == b"":
            raise AssertionError("an end, not a reset")


def test_so_many_times_and_then_all_is_well(line: ChaosProxy) -> None:
    line.say("cut down 5", "times 2")
    assert [len(round_trip_or_less(line)) for _ in range(4)] == [5, 5, 1000, 1000]


def round_trip_or_less(line: ChaosProxy) -> bytes:
    with connect(line) as s:
        s.sendall(BYTES[:1000])
        return read(s, 1000)


def test_chance_and_place_depend_on_the_seed_alone(echo: int) -> None:
    def lengths(seed: int) -> list[int]:
        with ChaosProxy(echo, "cut down 1..900", "chance 50", seed=seed) as line:
            return [len(round_trip_or_less(line)) for _ in range(12)]

    first = lengths(7)
    assert first == lengths(7) != lengths(8)
    assert 0 < first.count(1000) < 12 and len(set(first)) > 3


@pytest.mark.parametrize("word", ["", "cutt down 1", "cut sideways 1", "cut down -1", "cut down 5..1", "latency up 5",
                                  "chance 101", "clear all now or never", "slice up 1x"])  # fmt: skip
def test_what_is_no_command_is_told(line: ChaosProxy, word: str) -> None:
    with pytest.raises(AssertionError, match="is no command"):
        line.say(word)
    assert round_trip(line, b"as before") == b"as before"


def test_proxy_is_gone_with_its_test(echo: int) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from tests.lib.chaos import ChaosProxy
print(ChaosProxy({echo})._child.pid, flush=True)
import os; os._exit(0)
"""
    env = os.environ | {"SLUICE_BIN_DIR": str(PROGRAM.parents[1] / "bin")}
    pid = int(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "it outlives its test"
        time.sleep(0.02)


# --- before a real server ------------------------------------------------------------------------------------


@pytest.fixture
def shop(make: Callable[..., Sluice], tmp_path: Path) -> Sluice:
    """Collected and normalized; its store waits on PostgreSQL."""
    pipeline = write_pipeline(tmp_path / "shop", "latest")
    write_csv(tmp_path / "shop", "a.csv", rows(1, 3000))
    s = make(pipeline, "local")
    s("collect", "--run-id", "r")
    s("normalize", "--run-id", "r")
    return s


def through(s: Sluice, postgres: Postgres, line: ChaosProxy) -> dict[str, str]:
    uri = s.env["SLUICE_CONN_WAREHOUSE"].replace(f":{postgres.port}/", f":{line.port}/")
    return {"SLUICE_CONN_WAREHOUSE": uri}


@pytest.mark.parametrize("fault", ["cut down", "reset down", "reset up", "cut up"])
def test_store_over_a_line_that_breaks_is_69_or_75_and_the_next_one_stores(
    shop: Sluice, postgres: Postgres, fault: str
) -> None:
    size = 4000 if fault.endswith("down") else 60000
    codes = set()
    for seed in range(5):
        with ChaosProxy(postgres.port, f"{fault} 1..{size}", seed=seed) as line:
            codes.add(shop("store", "--run-id", "r", env=through(shop, postgres, line), code=(0, 69, 75)).code)
    assert codes & {69, 75}, "no fault hit anything"
    shop("store", "--run-id", "r")
    assert len(shop.query(ALL)) == 3000


def test_store_over_a_line_of_tiny_slow_pieces_stores_all_the_same(shop: Sluice, postgres: Postgres) -> None:
    with ChaosProxy(postgres.port, "slice up 200", "slice down 1", "latency down 1ms") as line:
        shop("store", "--run-id", "r", env=through(shop, postgres, line))
        assert line.stats()["down"] > 500
    assert len(shop.query(ALL)) == 3000
