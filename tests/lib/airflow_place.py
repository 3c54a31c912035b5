"""What the stack of tests/airflow is given: its pipelines, its DAGs beside those of the pipelines, a person's shell."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.lib import pipeline
from tests.lib.airflow_stack import Stack
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import BIN, ROOT

ROWS = 60_000  # of each of three files: more than a MiB, so that they are three partitions
MANY = 120_000  # as many that each stage has work for a while
DISTURBED = ("cleared", "redelivered", "ended_by_sigkill", "ended_by_sigterm", "unscheduled", "unbrokered")
SAME = ("by_rest", "by_hand", "killed")
CANARY = "no-Such-passw0rd"  # of the connection "denied"
HEAD = """
import os
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG
from sluice.operators import SluiceBashOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SETTINGS = {"retries": 1, "retry_delay": timedelta(seconds=1), "queue": "native"}
"""
PROBE = """
SCRIPT = 'env | cut -d= -f1 | sort | tr "\\n" " "; readlink /proc/self/fd/0; echo "ERROR 12:00:00.000 end"; '
with DAG("probe", schedule=None, start_date=START, default_args=SETTINGS | {"connections": ["warehouse"]}):
    for code in [0, 42, 64, 65, 66, 69, 70, 73, 74, 75, 76, 77, 78, 99, 130, 143]:
        wait = ',"retry_after_s":1' if code == 75 else ""
        result = f'{{"stage":"probe","exit":{code}{wait}}}'
        SluiceBashOperator(task_id=f"exit_{code}", argv=["bash", "-c", f"{SCRIPT} echo '{result}'; exit {code}"],
                           retry_delay=timedelta(seconds=600 if code == 75 else 1))
    SluiceBashOperator(task_id="exit_kill", argv=["bash", "-c", "kill -KILL $$"])
"""
PATHS = """
with DAG("paths", schedule=None, start_date=START, default_args=SETTINGS):
    def path(code, *argv, **more):
        SluiceBashOperator(task_id=f"exit_{code}", argv=argv, **more)
    path(0, "sluice-collect", "--pipeline", "paths_0", splits=True)
    path(99, "sluice-collect", "--pipeline", "paths_99", splits=True)
    path(66, "sluice-collect", "--pipeline", "paths_66", splits=True)
    path(64, "sluice-store", "--pipeline", "paths_0", "--nonsense")
    path(65, "sluice", "run", "refused", connections=["warehouse"])
    path(69, "sluice", "run", "unreachable", connections=["closed"])
    path(77, "sluice", "run", "paths_77", connections=["denied"])
    path(78, "sluice-store", "--pipeline", "nosuch")
    bare = {name: os.environ[name] for name in ("PATH", "SLUICE_HOME", "SLUICE_PIPELINES")}
    BARE = {"env": bare, "append_env": False, "cwd": os.environ["SLUICE_HOME"] + "/../cwd"}
    SluiceBashOperator(task_id="bare", argv=["sluice-collect", "--pipeline", "paths_bare"], **BARE)
    SluiceBashOperator(task_id="environment", argv=["bash", "-c", "env; pwd; echo '{\\"stage\\":\\"x\\"}'"], **BARE)
"""
NIGHTLY = """\
schedule: {cron: "0 2 * * *", timezone: Europe/Paris}
jobs:
  audit:
    schedule: {cron: "0 4 1 * *", timezone: Europe/Paris, retries: 0}
    steps: [check, "export -o all-{interval_start:%Y-%m}.csv"]
"""
TWICE = """
for n in (1, 2):
    with DAG(f"twice_{n}", schedule=None, start_date=START, default_args=SETTINGS | {"retries": 5}):
        def stage(name, **more):
            return dict(task_id=name, argv=[f"sluice-{name}", "--pipeline", "twice"], connections=["warehouse"], **more)
        collect = SluiceBashOperator(**stage("collect", splits=True))
        parts = SluiceBashOperator.partial(**stage("normalize")).expand(partition=collect.output)
        parts >> SluiceBashOperator(**stage("store")) >> SluiceBashOperator(**stage("report"))
"""


def shop(
    folder: Path, name: str, extra: str = "", backend: str = "{postgres: warehouse}", n: int = 2, files: int = 3
) -> Path:
    """A pipeline NAME with a table of that name, in the folder of pipelines; n rows a file, and a day."""
    file = write_pipeline(folder / name, "append", extra)
    text = file.read_text().replace("pipeline: shop", f"pipeline: {name}").replace("table: shop", f"table: {name}")
    file.write_text(text.replace("store: {postgres: warehouse}", f"store: {backend}"))
    for i in range(files):
        write_rows(folder, name, i, n)
    return file


def write_rows(folder: Path, name: str, i: int, n: int) -> None:
    """File number i of shop(); the same ones are made once."""
    made = folder / ".made" / f"{n}-{i}.csv"
    if not made.exists():
        (folder / ".made" / "inbox").mkdir(parents=True, exist_ok=True)
        write_csv(folder / ".made", "new", rows(i * n + 1, n, day=i + 1)).rename(made)
    shutil.copyfile(made, folder / name / "inbox" / f"{i}.csv")


def add_sources(file: Path, *names: str) -> Path:
    """Further sources beside "drop": the CSV files of a folder of their names."""
    for name in names:
        (file.parent / name).mkdir()
        more = f'  {name}: {{kind: file, path: "{name}/*.csv", codec: csv}}\n'
        file.write_text(file.read_text().replace("contract:\n", f"{more}contract:\n"))
    return file


def table_of(n: int, files: int = 3) -> str:
    """What Stack.table() says of shop(n, files) when every row is there once."""
    placed = [f"2026-01-{i + 1:02d} 00:00:00+00" for i in range(files)]
    lines = sorted(f"{i * n + k}|{placed[i]}|9.50|FR" for i in range(files) for k in range(1, n + 1))
    return f"{len(lines)} {hashlib.md5(','.join(lines).encode(), usedforsecurity=False).hexdigest()}"


def whole(folder: Path, name: str) -> None:
    """Every kind of stage: two sources, three partitions of one, a model, documents."""
    extra = [
        "parallel: {max: 3, bytes: 1MiB}",
        f"models: {{{name}_by_country: {{as: table}}}}",
        f"documents: {{{name}_by_country: {{from: {name}_by_country, key: country}}}}",
    ]
    add_sources(shop(folder, name, "\n".join(extra), n=ROWS), "till")
    shutil.copy(folder / name / "inbox" / "0.csv", folder / name / "till" / "0.csv")
    (folder / name / "models").mkdir()
    sql = f"select country, count(*) as n, sum(total) as total, max(placed) as newest from {name} group by country"
    (folder / name / "models" / f"{name}_by_country.sql").write_text(sql)


def hostile(folder: Path, name: str) -> None:
    """Takes whatever lies in its inbox; everything may be rejected."""
    sources = {"drop": pipeline.file_source(codec="jsonl")}
    file = pipeline.write(
        folder / name, sources, "{id: int64, t: text}", f"{{table: {name}, mode: append}}", "rejects: {limit: 100%}"
    )
    file.write_text(file.read_text().replace("pipeline: shop", f"pipeline: {name}"))


def daily(folder: Path, name: str, url: str, more: str = "retry_for: 60s", fuse: bool = False) -> None:
    """Asks an API for the orders of its interval, a day."""
    extra = "fuse: true" if fuse else ""
    file = shop(folder, name, f"schedule: {{cron: '0 0 * * *', start: 2026-01-01}}\n{extra}", files=0)
    query = '{day: "{interval_start:%Y-%m-%d}"}'
    source = f'{{kind: http, url: "{url}", allow_addresses: [127.0.0.1], query: {query}, {more}}}'
    file.write_text(file.read_text().replace('{kind: file, path: "inbox/*.csv", codec: csv}', source))


def follow(folder: Path, name: str, leader: str) -> None:
    """Reads the table of another pipeline, each time that one has renewed it."""
    file = shop(folder, name, f"schedule: {{after: {leader}}}")
    source = f"{{kind: sql, connection: warehouse, table: {leader}, watermark: id, key: [id]}}"
    file.write_text(file.read_text().replace('{kind: file, path: "inbox/*.csv", codec: csv}', source))


def write_pipelines(folder: Path) -> None:
    for name in SAME:
        shop(folder, name, "parallel: {max: 3, bytes: 1MiB}", n=ROWS)
    for name in DISTURBED:
        shop(folder, name, "parallel: {max: 3, bytes: 1MiB}", n=MANY)
    shop(folder, "ticketed", "parallel: {max: 3, bytes: 1MiB}", "{postgres: warehouse}, queue: {redis: queue}", n=MANY)
    shop(folder, "twice", "parallel: {max: 3, bytes: 1MiB}", n=ROWS)
    for name in ("spread", "spread_killed"):
        shop(folder, name, "parallel: {max: 8, bytes: 1MiB}", n=ROWS, files=8)
    shop(folder, "contained", "parallel: {max: 3, bytes: 1MiB}", n=MANY)
    whole(folder, "whole")
    shop(folder, "leads")
    follow(folder, "follows", "leads")
    shop(folder, "refused")
    write_csv(folder / "refused", "0.csv", [(1, "2026-01-01T00:00:00Z", "-4", "FR")])
    shop(folder, "unreachable", backend="{postgres: closed}")
    shop(folder, "unknown", backend="{postgres: nowhere}")
    for name in ("paths_0", "paths_bare", "trapped", "tried"):
        shop(folder, name)
    shop(folder, "paths_77", backend="{postgres: denied}")
    shop(folder, "paths_99", files=0)
    missing = shop(folder, "paths_66", files=0)
    missing.write_text(missing.read_text().replace("inbox/*.csv", "inbox/missing.csv"))
    hostile(folder, "hostile")
    shop(folder, "nightly", NIGHTLY)
    shop(folder, "fused", "fuse: true")
    shop(folder, "ruled")
    add_sources(shop(folder, "many"), "till", "web")
    file = add_sources(shop(folder, "half"), "till")
    file.write_text(file.read_text().replace("till/*.csv", "till/0.csv"))
    file = shop(folder, "awaited")
    file.write_text(file.read_text().replace('inbox/*.csv",', 'late/*.csv", wait: 1h, wait_every: 2s,'))
    for name in ("imo", "orders"):
        shutil.copytree(ROOT / "pipelines" / name, folder / name)


def write_dags(folder: Path) -> None:
    for name, text in {"probe": PROBE, "paths": PATHS, "twice": TWICE}.items():
        (folder / f"{name}.py").write_text(HEAD + text)


def by_hand(
    stack: Stack,
    *argv: str,
    home: Path | None = None,
    database: str = "warehouse",
    codes: tuple[int, ...] = (0,),
    **more: str,
) -> str:
    """A person's shell: the connection, called as its database, comes from the environment. Returns stderr."""
    env = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "SLUICE_HOME": str(home or stack.home),
        "SLUICE_PIPELINES": str(stack.pipelines),
        "SLUICE_BACKEND": "local",
        f"SLUICE_CONN_{database.upper()}": stack.uri(database),
    }
    done = subprocess.run(argv, env=env | more, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode in codes, done.stderr
    return done.stderr
