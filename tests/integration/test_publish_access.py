"""Publishing where the server asks who we are, speaks TLS, fails over, or is another one than we think."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lib.certificates import make_certificates
from tests.lib.published import export, held, rows, write_pipeline
from tests.lib.services import Mongo, start
from tests.lib.stage import Done, Sluice
from tests.lib.wire import Recorder

Make = Callable[..., Sluice]
SECRET = "canary-7f3"  # noqa: S105
BATCH = {"skip": 2}  # what a first publish sends before its documents: the mark, the fence
USERS = {"writer": "readWrite", "reader": "read"}


class GuardedMongo(Mongo):
    """Asks for a login. Its users have rights on the database "test" alone; root may also make it fail."""

    locked = False

    def argv(self) -> list[str]:
        return [*super().argv(), "--enable-test-commands", *(["--auth"] if self.locked else [])]

    def start(self) -> None:
        """Users are made while nobody is asked."""
        super().start()
        if self.locked:
            return
        for user, role in USERS.items():
            self.client()["test"].command("createUser", user, pwd=SECRET, roles=[{"role": role, "db": "test"}])
        self.client()["admin"].command("createUser", "root", pwd=SECRET, roles=["root"])
        self.locked = True
        self.restart()

    def login(self, user: str, database: str = "test") -> str:
        return f"mongodb://{user}:{SECRET}@127.0.0.1:{self.port}/{database}"

    def client(self) -> Any:
        import pymongo

        return pymongo.MongoClient(self.login("root", "admin") if self.locked else self.uri())

    @contextmanager
    def failing(self, mode: Any, **how: Any) -> Iterator[None]:
        """The commands of how["failCommands"] fail, as MongoDB's own fail point "failCommand" says."""
        admin = self.client().admin
        admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": how})
        yield
        admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[GuardedMongo]:
    server: GuardedMongo = start(GuardedMongo)
    yield server
    server.close()


@pytest.fixture
def guarded(guarded_server: GuardedMongo) -> GuardedMongo:
    """Without documents."""
    for name in ("shop", "_sluice"):
        guarded_server.client().test.drop_collection(name)
    return guarded_server


@pytest.fixture
def shop(make: Make, tmp_path: Path) -> Sluice:
    """Two rows are stored and wait to be published."""
    sluice = make(write_pipeline(tmp_path), "embedded")
    export(tmp_path, rows(("a", 1), ("b", 2)))
    for stage in ("collect", "normalize", "store"):
        sluice(stage)
    return sluice


def to(shop: Sluice, uri: str) -> Sluice:
    shop.env["SLUICE_CONN_DOCUMENTS"] = uri
    return shop


def said_once(done: Done) -> str:
    """The one line that says why, without the password."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1, done.stderr
    assert SECRET not in done.stderr + done.stdout
    return errors[0]


# --- who we are -----------------------------------------------------------------------------------------


def test_a_login_with_the_right_to_write_is_enough(shop: Sluice, guarded: GuardedMongo) -> None:
    assert to(shop, guarded.login("writer"))("publish").result["inserted"] == 2
    assert set(held(guarded)) == {"a", "b"}


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("mongodb://reader:{secret}@127.0.0.1:{port}/test", "not authorized"),
        ("mongodb://writer:{secret}@127.0.0.1:{port}/other?authSource=test", "not authorized"),
        ("mongodb://writer:wrong@127.0.0.1:{port}/test", "uthentication failed"),
        ("mongodb://nobody:{secret}@127.0.0.1:{port}/test", "uthentication failed"),
        ("mongodb://writer:{secret}@127.0.0.1:{port}/other", "uthentication failed"),
        ("mongodb://127.0.0.1:{port}/test", "authentication"),
    ],
    ids=["reads_only", "another_database", "wrong_password", "nobody", "another_authsource", "no_login"],
)
def test_a_right_or_a_login_that_is_missing_is_77_at_once(
    shop: Sluice, guarded: GuardedMongo, uri: str, words: str
) -> None:
    begin = time.monotonic()
    with Recorder(guarded.port) as wire:
        done = to(shop, uri.format(secret=SECRET, port=wire.own_port))("publish", code=77)
    assert words in said_once(done) and time.monotonic() - begin < 5
    for name in ("saslStart", "find", "update", "ping"):
        assert sum(name in command for command in wire.commands) <= 1, f"{name} was tried again"
    assert done.result["kind"] == "auth" and not held(guarded)


def test_a_right_that_is_taken_away_in_mid_work_is_77(shop: Sluice, guarded: GuardedMongo) -> None:
    """The mark is written, the documents are refused."""
    to(shop, guarded.login("writer"))
    with guarded.failing(BATCH, failCommands=["update"], errorCode=13):
        assert 'cannot write to collection "shop"' in said_once(shop("publish", code=77))
    assert shop("publish").result["inserted"] == 2


def test_check_names_a_right_that_is_missing(shop: Sluice, guarded: GuardedMongo) -> None:
    to(shop, guarded.login("writer"))("check")
    done = to(shop, guarded.login("reader"))("check", code=77)
    assert "not authorized" in done.stderr and SECRET not in done.stderr + done.stdout


# --- fail-over ------------------------------------------------------------------------------------------

# What a server says while another one becomes the primary: MongoDB's error_codes.yml.
FAILOVER = {
    "HostUnreachable": 6, "HostNotFound": 7, "NetworkTimeout": 89, "ShutdownInProgress": 91,
    "PrimarySteppedDown": 189, "ExceededTimeLimit": 262, "SocketException": 9001, "NotWritablePrimary": 10107,
    "InterruptedAtShutdown": 11600, "InterruptedDueToReplStateChange": 11602, "NotPrimaryNoSecondaryOk": 13435,
    "NotPrimaryOrSecondary": 13436,
}  # fmt: skip


@pytest.mark.parametrize("code", FAILOVER.values(), ids=FAILOVER)
def test_a_failover_in_mid_work_is_75_and_the_next_publish_ends_well(
    shop: Sluice, guarded: GuardedMongo, code: int
) -> None:
    to(shop, guarded.login("writer"))
    with guarded.failing(BATCH, failCommands=["update"], errorCode=code):
        done = shop("publish", code=75)
    assert done.result["kind"] == "again" and not held(guarded)
    said_once(done)
    shop("publish")
    assert set(held(guarded)) == {"a", "b"}


@pytest.mark.parametrize("how", [{"errorCode": 10107}, {"errorCode": 91}, {"closeConnection": True}],
                         ids=["NotWritablePrimary", "ShutdownInProgress", "closed"])  # fmt: skip
def test_what_fails_once_is_tried_once_more_without_a_word(
    shop: Sluice, guarded: GuardedMongo, how: dict[str, Any]
) -> None:
    """A batch of documents, by the library: it does not matter whether the server had carried it out."""
    to(shop, guarded.login("writer"))
    with guarded.failing(BATCH | {"times": 1}, failCommands=["update"], **how):
        done = shop("publish")
    assert done.result["inserted"] == 2 and set(held(guarded)) == {"a", "b"}


@pytest.mark.parametrize("command", ["find", "update", "aggregate"])
def test_a_connection_that_is_closed_each_time_is_75(shop: Sluice, guarded: GuardedMongo, command: str) -> None:
    to(shop, guarded.login("writer"))("publish")
    export(Path(shop.pipeline).parent, rows(("a", 1), ("b", 3)))
    for stage in ("collect", "normalize", "store"):
        shop(stage)
    with guarded.failing("alwaysOn", failCommands=[command], closeConnection=True):
        assert shop("publish", code=75).result["kind"] == "again"
    shop("publish")
    assert held(guarded)["b"]["n"] == 3


def test_what_a_majority_does_not_have_yet_is_75(shop: Sluice, guarded: GuardedMongo) -> None:
    concern = {"code": 64, "errmsg": "waiting for replication timed out"}
    to(shop, guarded.login("writer"))
    with guarded.failing(BATCH, failCommands=["update"], writeConcernError=concern):
        assert "not safe yet" in said_once(shop("publish", code=75))
    shop("publish")
    assert set(held(guarded)) == {"a", "b"}


# --- TLS ------------------------------------------------------------------------------------------------


class TlsMongo(Mongo):
    """Speaks TLS alone, with a certificate of a made-up authority for localhost and 127.0.0.1."""

    certificate = "server"

    def prepare(self) -> None:
        if not (self.dir / "ca.pem").exists():
            make_certificates(self.dir)

    def argv(self) -> list[str]:
        files = ["--tls-cert-file", f"{self.certificate}.pem", "--tls-key-file", f"{self.certificate}.key"]
        return [*super().argv(), *files]

    def ready(self) -> bool:
        return bool(self.client().admin.command("ping")["ok"])

    def client(self) -> Any:
        import pymongo

        return pymongo.MongoClient(self.uri(), tls=True, tlsAllowInvalidCertificates=True)


class MisnamedMongo(TlsMongo):
    """Its certificate is for another host."""

    certificate = "elsewhere"


@pytest.fixture(scope="module")
def tls_server() -> Iterator[TlsMongo]:
    server: TlsMongo = start(TlsMongo)
    yield server
    server.close()


@pytest.fixture(scope="module")
def misnamed_server() -> Iterator[MisnamedMongo]:
    server: MisnamedMongo = start(MisnamedMongo)
    yield server
    server.close()


def test_tls_with_a_known_authority(shop: Sluice, tls_server: TlsMongo) -> None:
    for host in ("127.0.0.1", "localhost"):
        to(shop, f"mongodb://{host}:{tls_server.port}/test?tls=true&tlsCAFile={tls_server.dir}/ca.pem")("publish")
    assert set(held(tls_server)) == {"a", "b"}


@pytest.mark.parametrize("authority", ["other.pem", ""], ids=["another_authority", "unknown_authority"])
def test_a_certificate_of_nobody_we_know_is_76(shop: Sluice, tls_server: TlsMongo, authority: str) -> None:
    extra = f"&tlsCAFile={tls_server.dir}/{authority}" if authority else ""
    done = to(shop, f"mongodb://127.0.0.1:{tls_server.port}/test?tls=true{extra}")("publish", code=76)
    assert "certificate verify failed" in said_once(done)


def test_a_certificate_of_another_host_is_76(shop: Sluice, misnamed_server: MisnamedMongo) -> None:
    options = f"tls=true&tlsCAFile={misnamed_server.dir}/ca.pem"
    done = to(shop, f"mongodb://127.0.0.1:{misnamed_server.port}/test?{options}")("publish", code=76)
    assert "certificate verify failed" in said_once(done)


@pytest.mark.parametrize("weakened", ["tlsAllowInvalidCertificates", "tlsInsecure", "tlsAllowInvalidHostnames"])
def test_nothing_switches_the_look_at_a_certificate_off(shop: Sluice, tls_server: TlsMongo, weakened: str) -> None:
    to(shop, f"mongodb://127.0.0.1:{tls_server.port}/test?tls=true&{weakened}=true")("publish", code=76)


def test_tls_and_plain_mixed_up_say_so(shop: Sluice, tls_server: TlsMongo, secantus: Mongo) -> None:
    done = to(shop, f"mongodb://127.0.0.1:{tls_server.port}/test")("publish", code=76)
    assert "wants TLS" in said_once(done) and "tls=true" in done.stderr
    done = to(shop, f"mongodb://127.0.0.1:{secantus.port}/test?tls=true")("publish", code=76)
    assert "does not speak TLS" in said_once(done)
