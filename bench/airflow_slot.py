"""What a task costs in Airflow: time from queued to done and of it the stage's own, tasks a second, and the private
memory of a Celery slot with our stage beside a PythonOperator that does the same job with pandas.

The job: a CSV file of orders, checked by a contract of four columns, into a PostgreSQL table in one transaction. Ours
is one fused task (`fuse: true`); pandas' reads the file at once, or 100,000 rows at a time. Tables are compared.
A slot is a process of Celery's pool with all below it. Its private memory (USS) is what nobody else shares, PSS adds
its share of the rest; both are the largest sum seen, looked at every 20 ms.
Environment: ROWS (10000 1000000), BIG (10000000: once, whatever --rounds says; 0: not at all), TASKS (50).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from run import ROOT, Frame, Table, get_peers, peer_python, spread

from tests.lib.airflow_stack import Stack
from tests.lib.processes import children, family, is_gone, kill

ROWS = [int(n) for n in os.environ.get("ROWS", "10000 1000000").split()]
BIG = int(os.environ.get("BIG", "10000000"))
TASKS = int(os.environ.get("TASKS", "50"))
KINDS = {"sluice": "sluice, fused", "pandas": "pandas, at once", "chunks": "pandas, 100,000 rows at a time"}

PIPELINE = """\
sluice: 1
pipeline: sluice_{n}
sources: {{drop: {{kind: file, path: "inbox/*.csv", codec: csv}}}}
contract:
  id: {{type: int64, required: true}}
  placed: {{type: timestamp, zone: UTC}}
  total: {{type: "decimal(12,2)", min: 0}}
  country: {{type: text, enum: [FR, BE, CH]}}
store: {{table: sluice_{n}, mode: append}}
fuse: true
backends: {{local: {{store: {{postgres: warehouse}}}}}}
"""

DAGS = '''
from datetime import datetime, timezone
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Connection
from sluice.operators import SluiceBashOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def load(file, table, rows_at_once):
    """Checked as the contract says; a rerun replaces the table."""
    import io
    import pandas as pd
    import psycopg2

    c = Connection.get("warehouse")
    base = psycopg2.connect(host=c.host, port=c.port, user=c.login, password=c.password, dbname=c.schema)
    dtype = {{"id": "int64", "total": "float64", "country": "str"}}
    read = pd.read_csv(file, dtype=dtype, parse_dates=["placed"], chunksize=rows_at_once)
    with base, base.cursor() as cursor:
        cursor.execute(f"create table if not exists {{table}} (id bigint not null, placed timestamptz,"
                       " total numeric(12,2), country text)")
        cursor.execute(f"truncate {{table}}")
        for frame in [read] if rows_at_once is None else read:
            good = frame[(frame["total"] >= 0) & frame["country"].isin(["FR", "BE", "CH"])]
            out = io.StringIO()
            good.to_csv(out, index=False, header=False, float_format="%.2f")
            out.seek(0)
            cursor.copy_expert(f"copy {{table}} from stdin (format csv)", out)
    base.close()


def nothing():
    return 1


for n in {rows}:
    file = f"{folder}/sluice_{{n}}/inbox/orders.csv"
    for name, at_once in {{"pandas": None, "chunks": 100_000}}.items():
        with DAG(f"{{name}}_{{n}}", schedule=None, start_date=START):
            PythonOperator(task_id="run", python_callable=load, op_args=[file, f"{{name}}_{{n}}", at_once],
                           queue="native")

with DAG("nothing_sluice", schedule=None, start_date=START):
    SluiceBashOperator(task_id="run", argv=["sluice-normalize", "--pipeline", "sluice_{first}"], queue="native")
with DAG("nothing_python", schedule=None, start_date=START):
    PythonOperator(task_id="run", python_callable=nothing, queue="native")
with DAG("many", schedule=None, start_date=START):
    SluiceBashOperator.partial(task_id="run", queue="native").expand(
        argv=[["sluice-normalize", "--pipeline", "sluice_{first}"]] * {tasks})
'''


def write_orders(folder: Path, n: int) -> None:
    inbox = folder / f"sluice_{n}" / "inbox"
    inbox.mkdir(parents=True)
    (inbox.parent / "pipeline.yaml").write_text(PIPELINE.format(n=n))
    with (inbox / "orders.csv").open("w") as out:
        out.write("id,placed,total,country\n")
        for first in range(0, n, 100_000):
            ids = range(first, min(first + 100_000, n))
            out.writelines(order(i) for i in ids)


def order(i: int) -> str:
    country = ("FR", "BE", "CH")[i % 3]
    return f"{i},2026-01-{i % 28 + 1:02d}T{i % 24:02d}:00:00Z,{i % 9973}.{i % 100:02d},{country}\n"


@contextmanager
def stack_of(folder: Path, rows: list[int]) -> Iterator[Stack]:
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    for n in rows:
        write_orders(folder / "pipelines", n)
    text = DAGS.format(rows=rows, folder=folder / "pipelines", first=rows[0], tasks=TASKS)
    (folder / "dags" / "bench.py").write_text(text)
    stack = Stack(folder / "dags", folder / "pipelines")
    (pandas,) = Path(peer_python("pandas")).parents[1].glob("lib/python3*/site-packages")
    stack.env |= {"SLUICE_AIRFLOW_WORKERS": "1", "PYTHONPATH": str(pandas)}
    try:
        stack.up()
        stack.wait_dag("many")
        stack.wait_dag(f"sluice_{rows[-1]}")
        yield stack
    finally:
        stack.down()
        stack.remove()


# --- memory -----------------------------------------------------------------------------------------


def memory(pid: int) -> tuple[int, int]:
    """Private memory and PSS, KiB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return kib["Private_Clean"] + kib["Private_Dirty"], kib["Pss"]


@dataclass
class Watch:
    """The largest sums over the slot that is at work."""

    worker: int
    private: int = 0
    pss: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """A slot at work: a process of the pool that has executed a task's runner."""
        pool = Path(f"/proc/{self.worker}/task/{self.worker}/children").read_text().split()
        for slot in map(int, pool):
            if below := children(slot):
                found = [memory(pid) for pid in (slot, *below)]
                self.private = max(self.private, sum(m[0] for m in found))
                self.pss = max(self.pss, sum(m[1] for m in found))

    def __enter__(self) -> Watch:
        def work() -> None:
            while not self._end.wait(0.02):
                try:
                    self.look()
                except OSError:  # a process ended while it was looked at
                    continue

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


# --- runs -------------------------------------------------------------------------------------------


@dataclass
class Run:
    """One task: seconds from queued to done, in its slot, and of the stage itself; memory of its slot, KiB."""

    whole: float
    slot: float
    stage: float
    private: int
    pss: int


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def run_once(stack: Stack, dag: str) -> Run:
    with Watch(stack.pid("worker")) as watch:
        run = stack.trigger(dag)
        stack.wait(dag, run, seconds=1800)
    (task,) = stack.tasks(dag, run).values()
    queued, begun, ended = (moment(task[name]) for name in ("queued_when", "start_date", "end_date"))
    stage = float(stack.xcom(dag, run, "run")["seconds"]) if "sluice" in dag else 0.0
    return Run((ended - queued).total_seconds(), (ended - begun).total_seconds(), stage, watch.private, watch.pss)


def fingerprint(stack: Stack, table: str) -> str:
    text = "concat_ws('|', id, placed, total, country)"
    return stack.psql(f"select count(*), sum(hashtextextended({text}, 0)::numeric) from {table}")


def begin_again(stack: Stack, n: int) -> None:
    """Ours would find that nothing is new."""
    stack.psql(f"drop table if exists sluice_{n}; drop schema if exists sluice cascade")
    shutil.rmtree(stack.home / f"sluice_{n}", ignore_errors=True)


def measure(stack: Stack, n: int, rounds: int) -> dict[str, list[Run]]:
    out: dict[str, list[Run]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        begin_again(stack, n)
        for kind in KINDS:
            out[kind].append(run_once(stack, f"{kind}_{n}"))
        tables = {fingerprint(stack, f"{kind}_{n}") for kind in KINDS}
        assert len(tables) == 1, f"the tables differ: {tables}"
    return out


def jobs(stack: Stack, rounds: int) -> Table:
    table = Table(
        "A task that loads orders", ["rows", "by", "in the slot, s", "of it the stage, s", "private, MiB", "PSS, MiB"]
    )
    for n in [*ROWS, *([BIG] if BIG else [])]:
        for kind, runs in measure(stack, n, 1 if n == BIG else rounds).items():
            stage = spread([r.stage for r in runs]) if kind == "sluice" else ""
            sums = [spread([r.private / 1024 for r in runs], 1, 0), spread([r.pss / 1024 for r in runs], 1, 0)]
            table.rows.append([f"{n:,}", KINDS[kind], spread([r.slot for r in runs]), stage, *sums])
    return table


def nothing(stack: Stack, rounds: int) -> Table:
    head = ["a task without work", "queued to done, s", "in the slot, s", "of it ours, ms", "private, MiB", "PSS, MiB"]
    table = Table("What Airflow itself costs", head)
    out: dict[str, list[Run]] = {"sluice": [], "python": []}
    run_once(stack, "nothing_python")  # a worker's first task imports what later ones share
    for _ in range(rounds):
        for kind, runs in out.items():
            runs.append(run_once(stack, f"nothing_{kind}"))
    for kind, label in {
        "sluice": "a stage (`sluice-normalize`, nothing to do)",
        "python": "a PythonOperator without pandas",
    }.items():
        runs = out[kind]
        ours = spread([r.stage for r in runs], 1000, 0) if kind == "sluice" else ""
        sums = [spread([r.private / 1024 for r in runs], 1, 0), spread([r.pss / 1024 for r in runs], 1, 0)]
        times = [spread([r.whole for r in runs]), spread([r.slot for r in runs])]
        table.rows.append([label, *times, ours, *sums])
    return table


def pace(stack: Stack, slots: int, rounds: int) -> list[str]:
    """Mapped tasks without work, from the first one's begin to the last one's end."""
    restart_worker(stack, slots)
    paces, held = [], []
    for _ in range(rounds):
        run = stack.trigger("many")
        stack.wait("many", run, seconds=600)
        spans = [(moment(t["start_date"]), moment(t["end_date"])) for t in stack.tasks("many", run).values()]
        assert len(spans) == TASKS
        paces.append(TASKS / (max(e for _, e in spans) - min(b for b, _ in spans)).total_seconds())
        held += [(e - b).total_seconds() for b, e in spans]
    return [str(slots), spread(paces, 1, 1), spread(held)]


def restart_worker(stack: Stack, slots: int) -> None:
    worker = stack.pid("worker")
    pool = family(worker)
    kill(pool)
    stack.until("the worker is gone", lambda: all(map(is_gone, pool)))
    stack.env["SLUICE_AIRFLOW_CONCURRENCY"] = str(slots)
    stack.up()


def bench(frame: Frame) -> list[Table]:
    get_peers("pandas")
    sizes = [*ROWS, *([BIG] if BIG else [])]
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name, stack_of(Path(name), sizes) as stack:
        Path(name).chmod(0o755)
        tables = [nothing(stack, frame.rounds), jobs(stack, frame.rounds)]
        rate = Table(f"{TASKS} mapped tasks without work", ["slots", "tasks/s", "a slot held, s"])
        rate.rows = [pace(stack, slots, frame.rounds) for slots in (2, 4)]
        return [*tables, rate]
