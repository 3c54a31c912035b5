"""The real Airflow stack of scripts/airflow in a directory of its own, and the few calls that tests need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lib import processes
from tests.lib.stage import BIN, ROOT

VENV_PYTHON = ROOT / ".venv" / "airflow" / "bin" / "python"
SCRIPT = ROOT / "scripts" / "airflow"
DONE = ("success", "failed")
# How long anything is waited for: only a failure takes so long, however busy the machine is.
PATIENCE_S = 240
DASHBOARD = "http://127.0.0.1:9/d/run?pipeline={pipeline}&stage={stage}&run={run}&map={map_index}&try={try_number}"


def venv_python(code: str, *args: str, env: dict[str, str] | None = None) -> Any:
    """Runs code in Airflow's environment, without a stack; returns what it prints last, as JSON."""
    assert VENV_PYTHON.exists(), "Airflow is not installed: run scripts/airflow install"
    with tempfile.TemporaryDirectory(prefix="sluice-airflow-") as home:
        base = {"PATH": os.environ["PATH"], "AIRFLOW_HOME": home, "PYTHONPATH": str(ROOT / "dags"), "HOME": home}
        done = subprocess.run(
            [str(VENV_PYTHON), "-c", code, *args],
            env=base | {"AIRFLOW__CORE__LOAD_EXAMPLES": "False"} | (env or {}),
            cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout.strip().splitlines()[-1])


@dataclass
class Stack:
    dags: Path
    pipelines: Path
    dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sluice-airflow-")))
    env: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def __post_init__(self) -> None:
        self.dir.chmod(0o755)  # PostgreSQL runs as another user
        base = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8"}
        self.env = base | {
            "SLUICE_AIRFLOW_DIR": str(self.dir),
            "SLUICE_DAGS": str(self.dags),
            "SLUICE_PIPELINES": str(self.pipelines),
            "SLUICE_RETRY_DELAY_S": "2",
            "SLUICE_DASHBOARD_URL": DASHBOARD,
            "SLUICE_AIRFLOW_WORKERS": "2",
            "SLUICE_AIRFLOW_CONCURRENCY": "2",
            # A message that the broker lost is sent again after this, not after ten minutes; longer than a busy
            # machine lets one wait for a slot, which may happen all the same and is no failure.
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "40",
            "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "10",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
        }

    @property
    def home(self) -> Path:
        """SLUICE_HOME of the workers."""
        return self.dir / "sluice"

    def script(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(SCRIPT), *args], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=3 * PATIENCE_S, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{args}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        return done

    def up(self) -> subprocess.CompletedProcess[str]:
        done = self.script("up")
        lines = (self.dir / "env").read_text().splitlines()
        self.settings = dict(line.split("=", 1) for line in lines)
        body = {"username": "admin", "password": self.settings["ADMIN_PASSWORD"]}
        self.token = self.call("POST", "/auth/token", body)["access_token"]
        return done

    def down(self) -> None:
        self.script("down", check=False)

    def remove(self) -> None:
        shutil.rmtree(self.dir, ignore_errors=True)

    def pid(self, part: str) -> int:
        return int((self.dir / "run" / part).read_text().split()[0])

    def uri(self, database: str) -> str:
        """A database of the stack's PostgreSQL, for whom no Airflow tells it."""
        return f"postgres://warehouse:{self.settings['WAREHOUSE_PASSWORD']}@127.0.0.1:{self.settings['PG_PORT']}/{database}"

    def worker_of(self, stage: int) -> list[int]:
        """The worker that executes a stage, and all below it."""
        for part in ("worker", "worker-2"):
            family = processes.family(self.pid(part))
            if stage in family:
                return family
        raise AssertionError(f"no worker executes {stage}")

    # --- REST ---------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: object = None) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.settings['API_PORT']}{path}",
            json.dumps(body).encode() if body is not None else None,
            headers,
            method=method,
        )
        try:
            with opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{method} {path}: {e.code} {e.read().decode()[:2000]}") from e

    def trigger(self, dag: str, **body: object) -> str:
        return self.call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "conf": {}} | body)["dag_run_id"]

    def state(self, dag: str, run: str) -> str:
        return self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"]

    def runs(self, dag: str) -> list[dict[str, Any]]:
        return self.call("GET", f"/api/v2/dags/{dag}/dagRuns")["dag_runs"]

    def tasks(self, dag: str, run: str) -> dict[tuple[str, int], dict[str, Any]]:
        """Task instances by (task, map index); -1 where it is not mapped."""
        found = self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {(t["task_id"], t["map_index"]): t for t in found}

    def states(self, dag: str, run: str) -> dict[str, str]:
        """Task states by "task" or "task[i]"."""
        found = self.tasks(dag, run)
        return {name if i < 0 else f"{name}[{i}]": t["state"] for (name, i), t in found.items()}

    def clear(self, dag: str, run: str, *tasks: str | list[object]) -> None:
        """Each task: a name, or [name, map index]; none: the whole run."""
        body: dict[str, object] = {"dry_run": False, "only_failed": False, "dag_run_id": run, "reset_dag_runs": True}
        if tasks:
            body["task_ids"] = list(tasks)
        cleared = self.call("POST", f"/api/v2/dags/{dag}/clearTaskInstances", body)
        assert cleared["task_instances"], f"nothing to clear: {tasks}"

    def xcom(self, dag: str, run: str, task: str, key: str = "return_value") -> Any:
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}?deserialize=true"
        return self.call("GET", path)["value"]

    def links(self, dag: str, run: str, task: str, index: int = -1) -> dict[str, str]:
        """The addresses of a task's buttons."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/links?map_index={index}"
        return dict(self.call("GET", path)["extra_links"])

    # --- waiting ------------------------------------------------------------------------------------

    def until(self, what: str, condition: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
            time.sleep(0.2)
        return found

    def wait(self, dag: str, run: str, want: str = "success", seconds: float = PATIENCE_S) -> dict[str, str]:
        """Until the run is over; its task states."""
        self.until(f"{dag} {run} is over", lambda: self.state(dag, run) in DONE, seconds)
        states = self.states(dag, run)
        assert self.state(dag, run) == want, f"{dag} {run}: {states}\n{self.log_text(dag, run)[-6000:]}"
        return states

    def wait_dag(self, dag: str) -> None:
        def known() -> bool:
            return any(d["dag_id"] == dag for d in self.call("GET", "/api/v2/dags?limit=100")["dags"])

        self.until(f"DAG {dag} is known", known)

    # --- logs and tables ----------------------------------------------------------------------------

    def log_files(self, dag: str, run: str, task: str = "*", index: int = -1) -> list[Path]:
        mapped = f"map_index={index}/" if index >= 0 else ""
        folder = self.dir / "logs" / "tasks" / f"dag_id={dag}" / f"run_id={run}"
        return sorted(folder.glob(f"task_id={task}/{mapped}attempt=*.log"))

    def events(self, file: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in file.read_text().splitlines()]

    def log_text(self, dag: str, run: str, task: str = "", index: int = -1) -> str:
        """Of one task, or of all."""
        folder = self.dir / "logs" / "tasks" / f"dag_id={dag}" / f"run_id={run}"
        files = self.log_files(dag, run, task, index) if task else sorted(folder.rglob("attempt=*.log"))
        return "\n".join(f"== {f}\n{f.read_text()}" for f in files)

    def psql(self, sql: str, user: str = "warehouse", database: str = "warehouse") -> str:
        """user: warehouse, or postgres, who may do everything."""
        argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.settings["PG_PORT"]]
        word = self.settings["WAREHOUSE_PASSWORD" if user == "warehouse" else "PG_PASSWORD"]
        env = {"PATH": os.environ["PATH"], "PGTZ": "UTC", "PGPASSWORD": word}
        argv += ["-U", user, "-d", database, "-c", sql]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def make_database(self, name: str) -> None:
        """A database, and the connection of that name in Airflow."""
        self.psql(f"create database {name} owner warehouse", user="postgres", database="postgres")
        self.connect(name, schema=name)

    def connect(self, name: str, **more: object) -> None:
        """A connection in Airflow: the warehouse's, but for what is said."""
        body = {"connection_id": name, "conn_type": "postgres", "host": "127.0.0.1", "schema": "warehouse"}
        body |= {"port": int(self.settings["PG_PORT"]), "login": "warehouse"}
        self.call("POST", "/api/v2/connections", body | {"password": self.settings["WAREHOUSE_PASSWORD"]} | more)

    def table(self, name: str) -> str:
        """Rows and content hash of a table of (id, placed, total, country)."""
        text = "concat_ws('|', id, placed, total, country)"
        return self.psql(
            f"select count(*) || ' ' || coalesce(md5(string_agg({text}, ',' order by {text})), '') from {name}"
        )

    def broker(self, *words: str) -> str:
        """Said to Celery's Redis."""
        env = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": self.settings["REDIS_PASSWORD"]}
        argv = ["redis-cli", "--no-auth-warning", "-h", "127.0.0.1", "-p", self.settings["REDIS_PORT"], *words]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.strip()

    def content(self, dag: str) -> str:
        """What a pipeline has made: rows, model, documents, and the counts of its inputs, which must balance."""
        applied = "select source, name, edition, rev, n_in, ok, bad, dup, filtered from sluice.applied"
        found = [self.table(dag), self.psql(f"{applied} where pipeline = '{dag}' order by 1, 2")]
        bad = "n_in <> ok + bad + dup + filtered or ok <> inserted + updated + unchanged + stale + superseded"
        assert self.psql(f"select * from sluice.entry where pipeline = '{dag}' and ({bad})") == ""
        if model := self.psql(f"select to_regclass('{dag}_by_country')"):
            found.append(self.psql(f"select * from {model} order by 1"))
        found += [file.read_text() for file in sorted((self.home / dag / "documents").glob("*.jsonl"))]
        return "\n".join(found)

    def pending(self, dag: str) -> int:
        """Entries that wait to be stored."""
        env = {"PATH": f"{BIN}:{os.environ['PATH']}", "SLUICE_PIPELINES": str(self.pipelines)}
        env |= {"SLUICE_HOME": str(self.home), "SLUICE_CONN_WAREHOUSE": self.uri("warehouse")}
        argv = ["sluice", "state", dag, "--backend", "local"]
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stderr.splitlines()[-1])["pending"])
