"""The private servers of the tests and of scripts/services: what each kind needs to start and to answer.
Where they come from: scripts/get-services."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.lib.s3 import S3Client
from tests.lib.server import Server, free_port

__all__ = ["KINDS", "S3", "JavaMongo", "Mongo", "Postgres", "Redis", "free_port", "start", "start_postgres"]

ROOT = Path(__file__).resolve().parents[2]
PG_BIN = Path("/usr/lib/postgresql/15/bin")
_numbers = itertools.count(1)


def as_postgres(argv: list[str]) -> list[str]:
    """The server refuses to run as root."""
    mortal = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
    return [*mortal, *argv] if os.geteuid() == 0 else argv


class Postgres(Server):
    """durable: with a password, and written to the disk; else trusting everybody on 127.0.0.1."""

    name = "postgres"
    stop_signal = signal.SIGINT
    quit_signal = signal.SIGQUIT  # a kill would leave its segments in /dev/shm

    def secrets(self) -> dict[str, str]:
        names = ("password", "role_password") if self.durable else ()
        return {name: secrets.token_urlsafe(18) for name in names}

    def prepare(self) -> None:
        if (self.dir / "data" / "PG_VERSION").exists():
            return
        shutil.rmtree(self.dir / "data", ignore_errors=True)
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        auth = ["-A", "scram-sha-256", "--pwfile=password"] if self.durable else ["-A", "trust", "--no-sync"]
        word = self.dir / "password"
        word.touch(mode=0o600)
        word.write_text(self.settings.get("password", ""))
        if os.geteuid() == 0:
            shutil.chown(word, "postgres")
        argv = [str(PG_BIN / "initdb"), "-D", "data", "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8", *auth]
        done = subprocess.run(as_postgres(argv), cwd=self.dir, capture_output=True, text=True, check=False)
        word.unlink()
        assert done.returncode == 0, done.stdout + done.stderr

    def argv(self) -> list[str]:
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.dir}"]
        speed = [] if self.durable else ["-c", "fsync=off"]
        return as_postgres([str(PG_BIN / "postgres"), "-D", "data", "-p", str(self.port), *options, *speed])

    def ready(self) -> bool:
        argv = [str(PG_BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(argv, check=False).returncode == 0

    def uri(self, database: str, role: str = "postgres", password: str | None = None) -> str:
        word = self.settings.get("password", "") if password is None else password
        login = f"{role}:{quote(word, safe='')}" if word else role
        return f"postgres://{login}@127.0.0.1:{self.port}/{database}"

    def psql(self, sql: str, database: str = "postgres") -> str:
        argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        env = os.environ | {"PGPASSWORD": self.settings.get("password", "")}
        done = subprocess.run(
            [*argv, "-d", database, "-f", "-"], input=sql, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Redis(Server):
    """With a password, an append-only file, and a limit at which it refuses writes instead of evicting."""

    name = "redis"
    login = ""  # of an ACL user; else the default one

    def secrets(self) -> dict[str, str]:
        return {"password": secrets.token_urlsafe(18)}

    @property
    def password(self) -> str:
        return self.settings["password"]

    def prepare(self) -> None:
        conf = self.dir / "redis.conf"
        conf.touch(mode=0o600)
        conf.write_text(f"requirepass {self.password}\n")

    def argv(self) -> list[str]:
        options = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(self.dir), "save": "", "appendonly": "yes"}
        options |= {"appendfsync": "everysec" if self.durable else "no"}
        options |= {"maxmemory": "256mb", "maxmemory-policy": "noeviction"}
        return ["redis-server", "redis.conf", *(word for k, v in options.items() for word in (f"--{k}", v))]

    def ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
            s.sendall(f"AUTH {self.login} {self.password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\n") < 2 and (more := s.recv(200)):
                answer += more
        return answer == b"+OK\r\n+PONG\r\n"

    def uri(self, db: int = 0) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{db}"

    def reset(self) -> None:
        """Empty, with the settings of its start: also what a test changed by CONFIG SET."""
        self.cli("flushall")
        self.cli("config", "set", "maxmemory", "256mb")

    def cli(self, *args: str) -> str:
        """What redis-cli prints, raw."""
        user = ["--user", self.login] if self.login else []
        argv = ["redis-cli", "--raw", *user, "-h", "127.0.0.1", "-p", str(self.port), *args]
        env = os.environ | {"REDISCLI_AUTH": self.password}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


class Mongo(Server):
    """SecantusDB: MongoDB's wire protocol over WiredTiger; data outlive a kill."""

    name = "mongo"
    outlives_kill = True
    database = "test"
    guarded = False  # asks for a password

    def argv(self) -> list[str]:
        place = ROOT / ".venv" / "secantusdb" / "bin"
        program = [str(place / "python3"), str(place / "secantusd-py")]  # whose first line names where it was made
        listen = ["--host", "127.0.0.1", "--port", str(self.port)]
        guard = ["--auth"] if self.guarded else []
        return [*program, *listen, "--storage-path", "data", "--sync-on-commit", *guard]

    def guard(self, password: str = "") -> None:
        """From now on only the user "guard" is let in; without a password everybody is again."""
        if password:
            self.client().admin.command("createUser", "guard", pwd=password, roles=["root"])
        self.guarded = bool(password)
        self.restart()

    def ready(self) -> bool:
        """{ping: 1, $db: "admin"} as one OP_MSG."""
        body = b"\x10ping\0\1\0\0\0\2$db\0\6\0\0\0admin\0\0"
        document = struct.pack("<i", len(body) + 4) + body
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
            s.sendall(struct.pack("<iiiiIb", 21 + len(document), 1, 0, 2013, 0, 0) + document)
            return len(s.recv(16)) == 16

    def uri(self, database: str = "") -> str:
        return f"mongodb://127.0.0.1:{self.port}/{database or self.database}"

    def client(self) -> Any:
        """pymongo's, which knows nothing of the code under test."""
        import pymongo

        return pymongo.MongoClient(self.uri(), serverSelectionTimeoutMS=5000)


class JavaMongo(Mongo):
    """mongo-java-server: the same protocol in memory: no sessions, no transactions; a kill loses everything."""

    name = "mongo-java"
    outlives_kill = False

    def argv(self) -> list[str]:
        home = ROOT / ".cache" / "services" / "mongo-java-server"
        lean = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *lean, "-cp", f"{home}/lib/*:{home}", "Main", str(self.port)]


class S3(Server):
    """versitygw over a directory."""

    name = "s3"

    def secrets(self) -> dict[str, str]:
        return {"access": "sluice" + secrets.token_hex(6), "secret": secrets.token_urlsafe(30)}

    @property
    def access(self) -> str:
        return self.settings["access"]

    @property
    def secret(self) -> str:
        return self.settings["secret"]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return {"ROOT_ACCESS_KEY": self.access, "ROOT_SECRET_KEY": self.secret}

    def prepare(self) -> None:
        for part in ("data", "sidecar", "versions"):
            (self.dir / part).mkdir(exist_ok=True)

    def argv(self) -> list[str]:
        (program,) = (ROOT / ".cache" / "services").glob("versitygw-*/versitygw")
        listen = ["--port", f"127.0.0.1:{self.port}", "--region", "us-east-1", "--quiet"]
        sides = ["--sidecar", str(self.dir / "sidecar"), "--versioning-dir", str(self.dir / "versions")]
        return [str(program), *listen, "posix", *sides, str(self.dir / "data")]

    def ready(self) -> bool:
        return self.client().call("GET", "/").status == 200

    def client(self) -> S3Client:
        return S3Client(self.port, self.access, self.secret)

    def bucket(self, name: str = "") -> str:
        """Makes a bucket where it is missing; without a name, one that nobody has. Its name."""
        name = name or f"bucket-{os.getpid()}-{next(_numbers)}"
        assert self.client().call("PUT", f"/{name}").status in (200, 409), f"cannot make the bucket {name}"
        return name

    def uri(self, bucket: str = "") -> str:
        """As Airflow writes a connection of type "aws"."""
        extra = f"endpoint_url={quote(self.endpoint, safe='')}&region_name=us-east-1"
        return f"aws://{self.access}:{quote(self.secret, safe='')}@/{bucket}?{extra}"


KINDS: dict[str, type[Server]] = {kind.name: kind for kind in (Postgres, Redis, Mongo, JavaMongo, S3)}


def roomy_memory() -> str | None:
    """A file system in memory, where there is plenty: a test's database is some MiB of copied files."""
    shm = Path("/dev/shm")
    return str(shm) if shm.is_dir() and shutil.disk_usage(shm).free > 8 << 30 else None


def start(kind: type[Server], durable: bool = False) -> Any:
    """A server for the tests, installed where it is missing, in a directory that close() throws away."""
    subprocess.run([str(ROOT / "scripts" / "get-services"), kind.name], check=True)
    server = kind(Path(tempfile.mkdtemp(prefix=f"sluice-{kind.name}-", dir=roomy_memory())), durable)
    server.start()
    return server


def start_postgres() -> Postgres:
    return start(Postgres)
