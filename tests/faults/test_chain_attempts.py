"""The chain on servers: attempts at once, late attempts, tickets twice and shuffled, rules changed in mid-run; and
a secret in every connection that nothing may ever show."""

from __future__ import annotations

import itertools
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import FULL
from tests.lib.chain import PARTITIONS, Chain, Servers
from tests.lib.processes import family, wait_stopped
from tests.lib.resp import Client
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import Done, Sluice, finish, kill_group

Fresh = Callable[..., Chain]
Want = dict[str, str]


def test_eight_identical_runs_at_once(fresh: Fresh, wanted: Want, cases: Callable[[int], None]) -> None:
    """Each ends well or says "try again"; all from one home, or each from a host of its own."""
    rounds = 8 if FULL else 2
    for number in range(rounds):
        chain = fresh()
        chain.s.env["SLUICE_STORE_WAIT"] = "10s"  # on a busy machine eight would else end each other's waits
        homes = [chain if number % 2 else chain.another_home(str(k)) for k in range(8)]
        children = [
            home.s.start("run", "--run-id", "r", "--partitions", str(PARTITIONS)) for home in homes
        ]  # fmt: skip
        done = [finish(child) for child in children]
        assert {d.code for d in done} <= {0, 75}, [d.stderr[-500:] for d in done if d.code not in (0, 75)]
        assert 0 in {d.code for d in done}
        chain.run()
        chain.assert_end(wanted)
    cases(8 * rounds)


def spread(client: Client, dice: random.Random) -> int:
    """Every ticket one to five times more, in any order, into any partition's stream."""
    streams = client.names()
    tickets = [fields for name in streams for _, fields in client("XRANGE", name, "-", "+")]
    copies = [fields for fields in tickets for _ in range(dice.randint(1, 5))]
    dice.shuffle(copies)
    for fields in copies:
        client("XADD", dice.choice(streams), "*", *fields)
    return len(copies)


def test_tickets_come_twice_and_shuffled(
    fresh: Fresh, servers: Servers, wanted: Want, cases: Callable[[int], None]
) -> None:
    dice, copies = random.Random(5), 0
    for _ in range(12 if FULL else 2):
        chain = fresh()
        chain.retried("collect")
        client = Client(servers.redis)
        copies += spread(client, dice)
        chain.retried("normalize")
        copies += spread(client, dice) if client.names() else 0
        client.close()
        for stage in ("normalize", "store", "store"):
            chain.retried(stage)
        chain.run(after="store")
        chain.assert_end(wanted)
    assert copies > 0
    cases(copies)


# --- rules ----------------------------------------------------------------------------------------------------


@pytest.fixture
def own_rules(chain_folder: Path, tmp_path: Path) -> Path:
    """The pipeline's folder again, to be edited."""
    return Path(shutil.copytree(chain_folder, tmp_path / "chain"))


def change_rules(folder: Path, to: str) -> None:
    """to: the smallest total that is no reject."""
    path = folder / "pipeline.yaml"
    new = path.with_suffix(".new")
    new.write_text(path.read_text().replace("min: 0}", "min: NOW}").replace("min: 5}", "min: NOW}").replace("NOW", to))
    new.rename(path)


POINTS = [
    ("collect", "log.before_link"),
    ("normalize", "clean.before_link"),
    ("normalize", "normalize.before_ack"),
    ("store", "store.before_switch"),
    ("store", "switch.before_lock"),
    ("store", "switch.before_commit"),
    ("store", "switch.after_commit"),
    ("aggregate", "aggregate.before_commit"),
]


@pytest.mark.parametrize(("stage", "point"), POINTS if FULL else POINTS[1::3], ids=lambda v: v)
def test_rules_change_in_mid_run_and_back(
    fresh: Fresh, wanted: Want, own_rules: Path, stage: str, point: str, cases: Callable[[int], None]
) -> None:
    """An attempt with the old rules sleeps while the new ones run and the old ones come back."""
    chain = fresh(own_rules)
    chain.s.sets = ["rejects.limit=100%"]
    for earlier in chain.stages()[: chain.stages().index(stage)]:
        chain.retried(earlier)
    late, *others = chain.start(stage, env={"SLUICE_FAULT": f"{point}:1:stop"})
    try:
        wait_stopped(late.pid)
        for child in others:
            finish(child)
        change_rules(own_rules, "5")
        chain.run()
        other = chain.state()
        assert other["rows"] != wanted["rows"] and other["rejects"] != wanted["rejects"]
        os.kill(late.pid, signal.SIGCONT)
        assert finish(late).code in (0, 75, 99)
        chain.run()
        assert chain.state() == other
    finally:
        kill_group(late)
    change_rules(own_rules, "0")
    chain.s("run", "--replay", code=(0, 75))
    chain.run()
    chain.assert_end(wanted)
    cases(2)


# --- the canary ---------------------------------------------------------------------------------------------------


class Watch:
    """Reads the command line of every process below a child, over and over."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._roots: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def add(self, pid: int) -> None:
        self._roots.append(pid)

    def _look(self) -> None:
        while not self._over.is_set():
            for root in list(self._roots):
                for pid in family(root):
                    try:
                        self.seen.add(Path(f"/proc/{pid}/cmdline").read_bytes())
                    except OSError:
                        continue
            time.sleep(0.001)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


CANARY = "c4naryXyZ"


def everywhere(chain: Chain, servers: Servers, told: list[Done]) -> dict[str, bytes]:
    """Whatever a run leaves behind, by the name of the place."""
    s3 = servers.s3.client()
    found = {
        "logs": "".join(d.stdout + d.stderr for d in told).encode(),
        "bronze": b"".join(s3.get(chain.bucket, key) + key.encode() for key in s3.keys(chain.bucket)),
        "home": b"".join(p.read_bytes() for p in chain.s.home.rglob("*") if p.is_file()),
        "redis": b"".join(f.read_bytes() for f in (servers.redis.dir / "appendonlydir").iterdir()),
        "documents": chain.dump_documents().encode(),
    }
    tables = chain.psql("select table_schema || '.' || table_name from information_schema.tables"
                        " where table_schema in ('sluice', 'public')").splitlines()  # fmt: skip
    assert len(tables) > 5
    return found | {t: chain.psql(f"select * from {t}").encode() for t in tables}


def unwell(chain: Chain) -> list[dict[str, str]]:
    """Nothing wrong; then wrong passwords, which must show no more than right ones, and a server that is away."""
    env = chain.s.env
    found = [
        {},
        {"SLUICE_CONN_QUEUE": env["SLUICE_CONN_QUEUE"].replace(CANARY, f"wrong-{CANARY}")},
        {"SLUICE_CONN_WAREHOUSE": re.sub(r":\d+/", ":1/", env["SLUICE_CONN_WAREHOUSE"])},
    ]
    wrong = re.sub(r"(aws://\w+:)[^@]+", rf"\g<1>{CANARY}", env["SLUICE_CONN_LAKE"])
    strange = env["SLUICE_CONN_DOCUMENTS"].replace(CANARY, f"wrong-{CANARY}")
    return [*found, {"SLUICE_CONN_LAKE": wrong}, {"SLUICE_CONN_DOCUMENTS": strange}]


def test_a_secret_in_every_connection_is_nowhere(fresh: Fresh, servers: Servers, cases: Callable[[int], None]) -> None:
    """Each command with every log line, while all is well and while a server refuses it or is away."""
    servers.redis.cli("config", "set", "requirepass", CANARY)
    chain = fresh()
    env = chain.s.env
    env["SLUICE_CONN_QUEUE"] = f"redis://:{CANARY}@127.0.0.1:{servers.redis.port}/0"
    env["SLUICE_CONN_WAREHOUSE"] = env["SLUICE_CONN_WAREHOUSE"].replace("postgres@", f"postgres:{CANARY}@")
    documents = env["SLUICE_CONN_DOCUMENTS"].replace("//", f"//guard:{CANARY}@") + "?authSource=admin"
    env["SLUICE_CONN_DOCUMENTS"] = documents
    told: list[Done] = []
    try:
        servers.mongo.guard(CANARY)
        with Watch() as watch:
            for number, words in itertools.product(range(5), (["run"], ["check"], ["state"], ["plan", "--explain"])):
                child = chain.s.start(
                    *words, "--log-level", "debug", "--result-file", str(chain.s.home / f"{words[0]}{number}.json"),
                    env=unwell(chain)[number],
                )  # fmt: skip
                watch.add(child.pid)
                told.append(finish(child))
    finally:
        servers.redis.restart()
        servers.mongo.guard()
    assert told[0].code == 0, told[0].stderr
    assert {d.code for d in told} >= {0, 69, 77}, [d.code for d in told]
    assert any(b"sluice-store" in line for line in watch.seen), "the command lines were not read"
    places = everywhere(chain, servers, told) | {"command lines": b"\n".join(watch.seen)}
    searched = ("logs", "bronze", "home", "redis", "documents", "sluice.stage_run", "command lines")
    assert [name for name in searched if b"chain" not in places[name]] == []
    secrets = [CANARY.encode(), servers.s3.secret.encode()]
    assert [name for name, content in places.items() if any(s in content for s in secrets)] == []
    cases(len(places))


def cores(folder: Path, argv: list[str], env: dict[str, str]) -> list[Path]:
    """What a process that aborts leaves there, when nobody limits its core."""
    folder.mkdir()
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    done = subprocess.run(
        argv, cwd=folder, env=env, capture_output=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited),
    )  # fmt: skip
    assert done.returncode == -signal.SIGABRT, done.stderr
    return list(folder.iterdir())


def test_a_stage_that_aborts_leaves_no_core_with_its_secrets(make: Callable[..., Sluice], tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY and os.geteuid() != 0:
        pytest.skip("skipped: this user may not ask for core files")
    if not cores(tmp_path / "control", ["sh", "-c", "kill -ABRT $$"], {"PATH": os.environ["PATH"]}):
        pytest.skip("skipped: this machine writes core files elsewhere")
    s = make(write_pipeline(tmp_path / "shop"))
    write_csv(tmp_path / "shop", "a.csv", rows(1, 5))
    env = s.environment() | {"SLUICE_CONN_WAREHOUSE": f"postgres://u:{CANARY}@127.0.0.1/d"}
    fault = {"SLUICE_FAULT": "log.before_link:1:abort"}
    assert cores(tmp_path / "stage", s.argv("collect", "--run-id", "r"), env | fault) == []
