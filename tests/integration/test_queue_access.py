"""Who may use the queue and how it is reached: rights, TLS, databases, other servers, and where the password
never shows. What somebody must mend is loud; a server that is merely down is not (test_queue.py)."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_queue import DB, Make, connect, told, warnings, write_queued
from tests.lib.certificates import make_certificates
from tests.lib.resp import Client
from tests.lib.services import Redis, start
from tests.lib.shop import ALL, rows, write_csv
from tests.lib.stage import ROOT, Sluice

CANARY = "c4nary-Xq7w%21~secret"


@pytest.fixture
def shop(make: Make, tmp_path: Path, redis: Redis) -> Sluice:
    pipeline = write_queued(tmp_path / "shop")
    write_csv(tmp_path / "shop", "a.csv", rows(1, 300))
    return connect(make(pipeline), redis)


def uri(redis: Redis, login: str = "", db: str = str(DB), scheme: str = "redis") -> str:
    return f"{scheme}://{login}@127.0.0.1:{redis.port}/{db}"


def whole_run(s: Sluice) -> None:
    collected = s("collect", "--run-id", "r")
    assert told(collected, "told the queue")["with_bytes"] == 1
    assert told(s("normalize", "--run-id", "r"), "took tickets")["with_bytes"] == 1
    assert not warnings(s("store", "--run-id", "r"))
    assert s.query("select count(*) as n from shop") == [{"n": 300}]


# --- rights -------------------------------------------------------------------------------------------


def documented_rights() -> list[str]:
    """The line of docs/queue.md that makes a user."""
    lines = (ROOT / "docs" / "queue.md").read_text().splitlines()
    words = next(line for line in lines if line.startswith("ACL SETUSER")).split()[3:]
    return [f">{CANARY}" if w.startswith(">") else w for w in words]


@pytest.fixture
def user(redis: Redis, client: Client) -> Iterator[str]:
    """A user with the documented rights; its login in a URI."""
    client("ACL", "SETUSER", "sluice", "reset", *documented_rights())
    yield f"sluice:{CANARY.replace('%', '%25')}"
    client("ACL", "DELUSER", "sluice")


def test_the_documented_rights_are_enough(shop: Sluice, redis: Redis, client: Client, user: str) -> None:
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, user)
    assert "redis 7" in shop("check").stdout
    whole_run(shop)
    assert client.names() == []
    assert [e for e in client("ACL", "LOG") if b"sluice" in e] == []  # nothing else was tried


def test_every_documented_right_is_needed(shop: Sluice, redis: Redis, client: Client, user: str) -> None:
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, user)
    for right in [w for w in documented_rights() if w.startswith("+")]:
        client("ACL", "SETUSER", "sluice", f"-{right[1:]}")
        codes = {shop("check", code=None).code}
        for stage in ("collect", "normalize", "store"):
            codes.add(shop(stage, "--run-id", "r", code=None).code)
        shown = "no right to INFO" in shop("check", code=None).stdout
        assert 77 in codes or (right == "+info" and shown), right
        client("ACL", "SETUSER", "sluice", right)
        client("FLUSHDB")


@pytest.mark.parametrize("login", [":wrong", "sluice:wrong", "nobody:x", ""])
@pytest.mark.parametrize("stage", ["collect", "normalize", "check"])
def test_a_wrong_or_missing_password_is_77_at_once(
    shop: Sluice, redis: Redis, client: Client, user: str, stage: str, login: str
) -> None:
    shop("collect", "--run-id", "r")
    before = int(client("INFO", "commandstats").decode().partition("cmdstat_auth:calls=")[2].split(",")[0] or 0)
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, login)
    done = shop(stage, *([] if stage == "check" else ["--run-id", "r"]), code=77)
    after = int(client("INFO", "commandstats").decode().partition("cmdstat_auth:calls=")[2].split(",")[0] or 0)
    assert after - before <= 1, "it tried again"
    assert "queue" in done.result["error"] or "redis://" in done.result["error"]
    assert "wrong" not in done.stderr


def test_a_key_outside_our_prefix_is_77_and_changes_nothing(
    shop: Sluice, redis: Redis, client: Client, user: str
) -> None:
    client("ACL", "SETUSER", "sluice", "resetkeys", "~elsewhere:*")
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, user)
    assert "NOPERM" in shop("collect", "--run-id", "r", code=77).result["error"]
    assert client.names() == []


def test_the_store_does_not_fail_for_the_queue(shop: Sluice, redis: Redis) -> None:
    for stage in ("collect", "normalize"):
        shop(stage, "--run-id", "r")
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, ":wrong")
    (line,) = warnings(shop("store", "--run-id", "r"))
    assert "stay in the queue" in line


# --- wrong places -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "code", "word"),
    [
        ("redis://:{pw}@127.0.0.1:{port}/99", 78, "DB index is out of range"),
        ("redis://:{pw}@127.0.0.1:{port}/celery", 78, "is not a number"),
        ("postgres://:{pw}@127.0.0.1:{port}/3", 78, 'of type \\"postgres\\", not redis'),
        ("rediss://:{pw}@127.0.0.1:{port}/3?ssl_cert_reqs=none", 78, "is not allowed"),
        ("rediss://:{pw}@127.0.0.1:{port}/3?ssl_ca_certs=/nowhere.pem", 78, "cannot read ssl_ca_certs"),
        ("", 78, "unknown connection"),
    ],
)
def test_a_wrong_setting_is_78(shop: Sluice, redis: Redis, value: str, code: int, word: str) -> None:
    shop.env["SLUICE_CONN_QUEUE"] = value.format(pw=redis.password, port=redis.port)
    done = shop("collect", "--run-id", "r", code=code)
    assert word in done.stderr.splitlines()[-1]
    assert redis.password not in done.stderr


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\x01garbage\r\n"])
def test_another_kind_of_server_is_76(shop: Sluice, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        shop.env["SLUICE_CONN_QUEUE"] = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        assert "does not speak Redis" in shop("collect", "--run-id", "r", code=76).result["error"]


def test_airflows_json_form_and_a_database_in_its_extra(shop: Sluice, redis: Redis, client: Client) -> None:
    shop.env["SLUICE_CONN_QUEUE"] = (
        f'{{"conn_type": "redis", "host": "127.0.0.1", "port": {redis.port}, "password": "{redis.password}",'
        f' "extra": {{"db": {DB}}}}}'
    )
    shop("collect", "--run-id", "r")
    assert client.names() == ["sluice:shop:r:drop:1-1"]


# --- TLS ------------------------------------------------------------------------------------------------


class TlsRedis(Redis):
    """On a port of TLS alone, with a certificate of a made-up authority for localhost and 127.0.0.1."""

    def prepare(self) -> None:
        super().prepare()
        make_certificates(self.dir)

    def argv(self) -> list[str]:
        words = super().argv()
        words[words.index("--port") + 1] = "0"
        words.insert(words.index("127.0.0.1") + 1, "127.0.0.2")
        files = ("--tls-cert-file", "server.pem", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.pem")
        return [*words, "--tls-port", str(self.port), *files, "--tls-auth-clients", "optional"]

    def ready(self) -> bool:
        argv = ["redis-cli", "-p", str(self.port), "--tls", "--cacert", "ca.pem", "ping"]
        done = subprocess.run(argv, cwd=self.dir, capture_output=True, text=True, check=False)
        return "PONG" in done.stdout or "NOAUTH" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def tls_server() -> Iterator[TlsRedis]:
    server: TlsRedis = start(TlsRedis)
    yield server
    server.close()


def test_tls_with_a_known_authority(shop: Sluice, tls_server: TlsRedis) -> None:
    for host in ("127.0.0.1", "localhost"):
        shop.env["SLUICE_CONN_QUEUE"] = (
            f"rediss://:{tls_server.password}@{host}:{tls_server.port}/1?ssl_ca_certs={tls_server.dir}/ca.pem"
        )
        assert told(shop("collect", "--run-id", "r"), "told the queue")["with_bytes"] == 1
    whole_run(shop)


@pytest.mark.parametrize(
    ("host", "authority", "why"),
    [
        ("127.0.0.1", "other.pem", "self-signed certificate"),
        ("127.0.0.1", "", "self-signed certificate"),
        ("127.0.0.2", "ca.pem", "IP address mismatch"),
    ],
)
def test_tls_that_cannot_be_trusted_is_76(
    shop: Sluice, tls_server: TlsRedis, host: str, authority: str, why: str
) -> None:
    extra = f"?ssl_ca_certs={tls_server.dir}/{authority}" if authority else ""
    shop.env["SLUICE_CONN_QUEUE"] = f"rediss://:{tls_server.password}@{host}:{tls_server.port}/1{extra}"
    done = shop("collect", "--run-id", "r", code=76)
    assert "cannot trust" in done.result["error"] and why in done.result["error"]


def test_tls_and_plain_mixed_up_say_so(shop: Sluice, redis: Redis, tls_server: TlsRedis) -> None:
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, f":{redis.password}", scheme="rediss")
    done = shop("collect", "--run-id", "r", code=None)
    assert done.code in (0, 76) and "rediss://" in done.stderr
    shop.env["SLUICE_CONN_QUEUE"] = f"redis://:{tls_server.password}@127.0.0.1:{tls_server.port}/1"
    done = shop("collect", "--run-id", "r", code=None)
    assert done.code in (0, 76) and tls_server.password not in done.stderr


# --- the password ---------------------------------------------------------------------------------------


def test_the_password_shows_nowhere(shop: Sluice, redis: Redis, client: Client, user: str) -> None:
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, user)
    said = ""
    for stage in ("check", "collect", "normalize", "store", "report"):
        words = () if stage == "check" else ("--run-id", "r", "--log-level", "debug")
        child = shop.start(stage, *words)
        said += Path(f"/proc/{child.pid}/cmdline").read_text(errors="replace")
        out, err = child.communicate(timeout=60)
        said += out + err
        if stage == "collect":
            for key in client.names():
                said += repr(client("XRANGE", key, "-", "+"))
    shop.env["SLUICE_CONN_QUEUE"] = uri(redis, user, db="99")
    said += shop("collect", "--run-id", "q", code=None).stderr
    files = b"".join(p.read_bytes() for p in shop.home.rglob("*") if p.is_file())
    for form in (CANARY, CANARY.replace("%", "%25"), redis.password):
        assert form not in said
        assert form.encode() not in files
    assert shop.query("select count(*) as n from sluice.stage_run")  # what was searched is there
    assert shop.table(ALL)
