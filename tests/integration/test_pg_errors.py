"""Every way in which PostgreSQL says no: exit code, what the line says, and that nothing is lost by it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lib.services import Postgres
from tests.lib.shop import COUNT, rows, write_csv, write_pipeline
from tests.lib.stage import Done, Sluice, finish

Make = Callable[..., Sluice]
CONN = "SLUICE_CONN_WAREHOUSE"


@pytest.fixture
def shop(make: Make, tmp_path: Path) -> Sluice:
    s = make(write_pipeline(tmp_path / "shop", "latest"), "local")
    write_csv(tmp_path / "shop", "a.csv", rows(1, 10))
    return s


def database(s: Sluice) -> str:
    return s.env[CONN].rsplit("/", 1)[1]


def as_user(s: Sluice, user: str, more: str = "") -> dict[str, str]:
    return {CONN: s.env[CONN].replace("postgres@", f"{user}@") + more}


def refused(s: Sluice, code: int, says: str, env: dict[str, str] | None = None) -> Done:
    done = s("run", "--run-id", "r", code=code, env=env)
    assert says in done.result["error"], done.result
    if code in (69, 76, 77):
        assert done.stderr.count("ERROR") == 1, "told once"
    return done


def works(s: Sluice, env: dict[str, str] | None = None) -> None:
    done = s("run", "--run-id", "r", env=env)
    assert done.result["kept"] == 10
    assert s.query(COUNT) == [{"n": 10}]


@pytest.fixture
def role(postgres: Postgres, shop: Sluice) -> Iterator[str]:
    """A user with a password and without any right, that the server asks for its password."""
    name = f"role_{database(shop)}"
    hba = postgres.dir / "data" / "pg_hba.conf"
    old = hba.read_text()
    hba.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{old}")
    postgres.psql(f"create role {name} login password 'right'")
    postgres.psql("select pg_reload_conf()")
    yield name
    hba.write_text(old)
    postgres.psql("select pg_reload_conf()")
    for where in (database(shop), "postgres"):
        postgres.psql(f"reassign owned by {name} to postgres; drop owned by {name}", where)
    postgres.psql(f"drop role {name}")


def test_wrong_password_is_asked_once(shop: Sluice, role: str, postgres: Postgres) -> None:
    log = postgres.dir / "log"
    before = log.read_text(errors="replace").count(f'authentication failed for user "{role}"')
    done = refused(shop, 77, "password authentication failed", as_user(shop, f"{role}:wrong"))
    assert "password" in done.result["hint"] and "wrong" not in done.stderr
    assert log.read_text(errors="replace").count(f'authentication failed for user "{role}"') == before + 1


def test_no_password_and_unknown_user(shop: Sluice, role: str) -> None:
    refused(shop, 77, "no password supplied", as_user(shop, role))
    refused(shop, 77, "does not exist", as_user(shop, "nobody_here"))


def test_wrong_database(shop: Sluice) -> None:
    done = refused(shop, 78, "does not exist", {CONN: shop.env[CONN] + "_nowhere"})
    assert "database" in done.result["hint"]


def test_missing_grants_are_named_and_running_them_is_the_cure(shop: Sluice, role: str, postgres: Postgres) -> None:
    env = as_user(shop, f"{role}:right")
    for _ in range(5):
        done = shop("run", "--run-id", "r", code=(0, 77), env=env)
        if done.code == 0:
            break
        assert done.result["hint"].startswith("grant "), done.result
        postgres.psql(done.result["hint"], database(shop))
    works(shop, env)


def test_no_connection_is_left(shop: Sluice, role: str, postgres: Postgres) -> None:
    postgres.psql(f"alter role {role} connection limit 0")
    refused(shop, 75, "too many connections", as_user(shop, f"{role}:right"))


def test_tls_is_asked_of_a_server_without(shop: Sluice) -> None:
    done = refused(shop, 78, "does not support SSL", as_user(shop, "postgres", "?sslmode=require"))
    assert "sslmode" in done.result["hint"]


@contextlib.contextmanager
def speaks(answer: bytes) -> Iterator[int]:
    """A server that gives everybody the same answer; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, contextlib.suppress(OSError):
                        client.recv(64)
                        client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-ERR unknown command\r\n"])
@pytest.mark.parametrize("sslmode", ["prefer", "disable"])
def test_another_service_answers(shop: Sluice, answer: bytes, sslmode: str) -> None:
    with speaks(answer) as port:
        uri = f"postgres://me:secret@127.0.0.1:{port}/db?sslmode={sslmode}"
        done = refused(shop, 76, "cannot connect", {CONN: uri})
    assert "port" in done.result["hint"] and "secret" not in done.stderr


def test_nobody_listens(shop: Sluice) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"postgres://me@127.0.0.1:{free.getsockname()[1]}/db"
        refused(shop, 69, "refused", {CONN: uri})


RAISED = [("40001", 75), ("40P01", 75), ("57P01", 75), ("57P03", 75), ("53200", 75), ("53100", 74), ("08006", 75)]


@pytest.mark.parametrize(("sqlstate", "code"), RAISED)
def test_server_gives_up_in_mid_work(shop: Sluice, postgres: Postgres, sqlstate: str, code: int) -> None:
    """The server's own word, raised where it would be: under the rows."""
    shop("run", "--run-id", "r0")
    postgres.psql(
        f"""create function refuse() returns trigger language plpgsql as
        $$begin raise exception 'as asked' using errcode = '{sqlstate}'; end$$;
        create trigger refuse before insert or update on shop for each row execute function refuse()""",
        database(shop),
    )
    write_csv(Path(shop.pipeline).parent, "b.csv", rows(20, 5))
    refused(shop, code, "as asked")
    assert shop.query(COUNT) == [{"n": 10}]
    postgres.psql("drop trigger refuse on shop", database(shop))
    shop("run", "--run-id", "r")
    assert shop.query(COUNT) == [{"n": 15}]


@pytest.mark.parametrize(
    ("ddl", "names"),
    [
        ("alter table shop drop column total", "total"),
        ("alter table shop alter total type text", "total"),
        ("alter table shop drop column _sl_seq", "_sl_seq"),
    ],
)
def test_table_that_was_changed_by_hand_is_refused_naming_the_column(
    shop: Sluice, postgres: Postgres, ddl: str, names: str
) -> None:
    works(shop)
    postgres.psql(ddl, database(shop))
    write_csv(Path(shop.pipeline).parent, "b.csv", rows(20, 5))
    done = shop("run", "--run-id", "r2", code=78)
    assert re.search(rf'"{names}"', done.result["error"]), done.result
    assert postgres.psql("select count(*) from shop", database(shop)) == "10"
    shop("rebuild")
    shop("run", "--run-id", "r2")
    assert shop.query(COUNT) == [{"n": 15}]


def test_first_stores_at_the_same_time_make_one_state(shop: Sluice, postgres: Postgres) -> None:
    """Four stores into an empty database: one makes the tables, the others find them."""
    for stage in ("collect", "normalize"):
        shop(stage, "--run-id", "r")
    children = [shop.start("store", "--run-id", "r") for _ in range(4)]
    codes = [finish(child).code for child in children]
    assert 0 in codes and set(codes) <= {0, 75}, codes
    works(shop)
    assert postgres.psql("select count(*) from sluice.format", database(shop)) == "1"
