"""The image of the Dockerfile, built from the local base, and SluiceDockerOperator in front of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib.airflow_stack import venv_python
from tests.lib.docker import Engine
from tests.lib.shop import rows, write_csv, write_pipeline
from tests.lib.stage import ROOT

IMAGE = "sluice:test"
USER = 10001
SECRET = "canary-7f3a1c"  # noqa: S105


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    for script, *words in (["docker-engine", "base"], ["image", "--prebuilt", IMAGE]):
        done = subprocess.run(
            [ROOT / "scripts" / script, *words],
            env=os.environ | {"DOCKER_HOST": engine.host}, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}: {done.stderr[-3000:]}"
    yield engine
    engine("image", "rm", "--force", IMAGE)
    engine.stop()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A pipeline and an empty HOME that belong to the image's user."""
    tmp_path.chmod(0o755)
    return own(make_place(tmp_path / "place"))


def make_place(place: Path) -> Path:
    write_pipeline(place / "pipelines" / "shop", extra="models: {totals: {as: view}}")
    (place / "pipelines" / "shop" / "models").mkdir()
    (place / "pipelines" / "shop" / "models" / "totals.sql").write_text("select count(*) as n from shop")
    write_csv(place / "pipelines" / "shop", "a.csv", rows(1, 100))
    (place / "home").mkdir()
    return place


def own(place: Path) -> Path:
    for path in [place, *place.rglob("*")]:
        os.chown(path, USER, USER)
    return place


# --- the image --------------------------------------------------------------------------------------


def test_image_is_small_says_what_it_is_and_is_nobodys(engine: Engine) -> None:
    (found,) = json.loads(engine("image", "inspect", IMAGE).stdout)
    assert found["Size"] < 300e6
    assert found["Config"]["User"] == f"{USER}:{USER}"
    labels = {key.rsplit(".", 1)[1] for key in found["Config"]["Labels"]}
    assert labels >= {"title", "description", "version", "revision"}
    assert found["Config"]["Entrypoint"] is None
    assert engine.run(IMAGE, ["sh", "-c", "command -v cc gcc cmake git python3"]).stdout == ""


def test_image_loads_every_engine(engine: Engine) -> None:
    """No library is missing: ldd says so, of executables and modules."""
    done = engine.run(IMAGE, ["sh", "-c", "ldd /usr/local/bin/* /usr/local/lib/sluice/*.so"])
    assert done.code == 0 and "=> /" in done.stdout and "not found" not in done.stdout


def test_stages_run_read_only_without_rights(engine: Engine, place: Path) -> None:
    strict = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none"]
    mounts = [f"--volume={place}/home:/var/lib/sluice", f"--volume={place}/pipelines:/pipelines:ro"]
    options = [*strict, *mounts, "--env=SLUICE_PIPELINES=/pipelines"]
    for stage in ("collect", "normalize", "store", "aggregate", "report"):
        done = engine.run(IMAGE, [f"sluice-{stage}", "--pipeline=shop", "--run-id=r"], *options)
        assert done.code == 0, f"{stage}: {done.stderr}"
    asked = engine.run(IMAGE, ["sluice", "query", "shop", "--sql", "select n from totals", "--format=csv"], *options)
    assert asked.stdout.split() == ["n", "100"]


# --- the operator -----------------------------------------------------------------------------------

OPERATE = """
import json, logging, os, sys, threading
from datetime import datetime, timezone
from types import SimpleNamespace
from airflow.sdk import DAG
from sluice.container import SluiceDockerOperator

image, cases = sys.argv[1], json.loads(sys.argv[2])
dag = DAG("probe", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc))


class Kept(logging.Handler):
    def emit(self, record):
        seen.append([record.levelname, record.getMessage()])
        if record.getMessage() == "ready":
            threading.Thread(target=ready).start()


class Probe(SluiceDockerOperator):
    log = logging.getLogger("probe")  # Airflow's own goes to its supervisor


Probe.log.addHandler(Kept())
Probe.log.setLevel(logging.DEBUG)
Probe.log.propagate = False


def operate(task_id, case):
    pushed = {}
    ti = SimpleNamespace(dag_id="probe", run_id="r", task_id=task_id, map_index=-1, try_number=1,
                         xcom_push=lambda key, value: pushed.update({key: value}))
    run = SimpleNamespace(run_id="r", run_type="manual", logical_date=None, data_interval_start=None,
                          data_interval_end=None, run_after=None, conf={})
    task = Probe(task_id=task_id, dag=dag, image=image, **case.get("settings", {}), argv=case["argv"])
    global ready
    ready = task.on_kill
    if case.get("kill") == "created":
        kept = task._remove_left
        task._remove_left = lambda name: (kept(name), task.on_kill())
    if case.get("kill") == "started":
        kept = task.cli.start
        task.cli.start = lambda container: (task.on_kill(), kept(container))
    try:
        context = {"dag": dag, "dag_run": run, "ti": ti, "task_instance": ti, "task": task, "params": {}}
        returned, raised = task.execute(context), None
    except Exception as e:
        returned, raised = None, [type(e).__name__, str(e)]
    fields = {name: getattr(task, name) for name in task.template_fields}
    return {"returned": returned, "raised": raised, "pushed": pushed, "log": seen, "fields": fields}


out = {}
for task_id, case in cases.items():
    seen = []
    out[task_id] = operate(task_id, case)
print(json.dumps(out))
"""


def shell(text: str) -> list[str]:
    return ["sh", "-c", text]


ECHO = """echo '{"stage":"probe","exit":%d}'; exit %d"""
CASES: dict[str, dict[str, Any]] = {
    "collect": {"argv": ["sluice-collect", "--pipeline", "shop"], "settings": {"splits": True}},
    "store": {"argv": ["sluice-store", "--pipeline", "shop"]},
    "wrong": {"argv": ["sluice-store", "--pipeline", "nosuch"]},
    "skip": {"argv": shell(ECHO % (99, 99))},
    "data": {"argv": shell(ECHO % (65, 65))},
    "again": {"argv": shell("""echo '{"stage":"probe","exit":75,"retry_after_s":7}'; exit 75""")},
    "levels": {"argv": shell(f"echo 'WARNING 12:00:00.000 hm'; echo 'ERROR 12:00:00.000 oh' >&2; {ECHO % (0, 0)}")},
    "inside": {
        "argv": shell(
            "id -u; env | cut -d= -f1 | tr '\\n' ' '; echo; touch /usr/x; cat /sys/fs/cgroup/memory.max"
            " /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; grep CapBnd /proc/self/status;"
            f' case $AIRFLOW_CONN_CANARY in *{SECRET}*) echo has-it;; esac; {ECHO % (0, 0)}'
        ),
        "settings": {"connections": ["canary"], "mem_limit": "96m"},
    },
    "memory": {"argv": shell("tail /dev/zero"), "settings": {"mem_limit": "24m"}},
    "killed": {"argv": shell("trap 'exit 143' TERM; echo ready; while :; do sleep 0.1; done")},
    "deaf": {"argv": shell("trap '' TERM; echo ready; while :; do sleep 0.1; done")},
    "killed_before_created": {"argv": shell("echo begun"), "kill": "created"},
    "killed_before_started": {"argv": shell("echo begun; exec sleep 600"), "kill": "started"},
}  # fmt: skip


@pytest.fixture(scope="module")
def operated(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    base = tmp_path_factory.mktemp("operated")
    for path in (base, *base.parents[:2]):
        path.chmod(0o755)
    place = own(make_place(base / "place"))
    left = engine("run", "--detach", "--label=sluice.task=probe/r/store/-1", IMAGE, "sleep", "600").stdout.strip()
    env = {
        "DOCKER_HOST": engine.host,
        "PATH": os.environ["PATH"],
        "SLUICE_HOME": str(place / "home"),
        "SLUICE_PIPELINES": str(place / "pipelines"),
        "AIRFLOW_CONN_CANARY": f"postgres://u:{SECRET}@h/d",
        "SLUICE_CONN_OTHER": "postgres://u:other@h/d",
        "AIRFLOW__CORE__FERNET_KEY": "",
    }
    found = venv_python(OPERATE, IMAGE, json.dumps(CASES), env=env)
    assert engine("ps", "-aq", "--filter", "label=sluice.task").stdout == "", "a container is left"
    found["left"] = left
    return found


def log(one: dict[str, Any]) -> str:
    return "\n".join(text for _, text in one["log"])


def test_stage_in_a_container_gives_its_result(operated: dict[str, Any]) -> None:
    assert operated["collect"]["raised"] is None, log(operated["collect"])
    assert operated["collect"]["returned"] == ["1/1"]
    assert operated["collect"]["pushed"]["result"]["partitions"] == 1
    assert operated["store"]["returned"]["kept"] == 100
    assert "Command: SLUICE_HOME=" in log(operated["store"]) and "--run-id r" in log(operated["store"])


@pytest.mark.parametrize(
    ("case", "raised", "code"),
    [("wrong", "AirflowFailException", 78), ("skip", "AirflowSkipException", 99), ("data", "AirflowFailException", 65),
     ("again", "StageFailed", 75)],
)  # fmt: skip
def test_exit_code_is_the_tasks_state_and_its_result_an_xcom(
    operated: dict[str, Any], case: str, raised: str, code: int
) -> None:
    one = operated[case]
    assert one["raised"][0] == raised and f"exit code {code}" in one["raised"][1], one
    assert one["pushed"]["return_value"]["exit"] == code


def test_lines_have_their_own_level(operated: dict[str, Any]) -> None:
    levels = {text: level for level, text in operated["levels"]["log"]}
    assert levels["WARNING 12:00:00.000 hm"] == "WARNING" and levels["ERROR 12:00:00.000 oh"] == "ERROR"


def test_inside_there_are_few_rights_and_one_connection(operated: dict[str, Any]) -> None:
    text = log(operated["inside"])
    assert operated["inside"]["raised"] is None, text
    assert f"\n{USER}\n" in text, "not the image's user"
    assert "Read-only file system" in text
    assert str(96 << 20) in text
    assert "CapBnd:\t0000000000000000" in text
    names = next(line for line in text.splitlines() if "SLUICE_HOME" in line and "AIRFLOW_CTX" in line).split()
    assert {"SLUICE_PIPELINES", "AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_TRY_NUMBER"} <= set(names)
    assert [n for n in names if n.startswith(("AIRFLOW_CONN", "SLUICE_CONN", "AIRFLOW__"))] == ["AIRFLOW_CONN_CANARY"]


def test_secret_reaches_the_stage_and_nothing_else(operated: dict[str, Any]) -> None:
    assert "has-it" in log(operated["inside"])
    shown = {k: v for k, v in operated["inside"].items() if k != "log"}
    assert SECRET not in json.dumps(shown).replace(json.dumps(shown["fields"]["argv"]), "")
    assert not [t for _, t in operated["inside"]["log"] if SECRET in t and not t.startswith("Command: ")]


def test_stage_that_needs_too_much_memory_is_told_so(operated: dict[str, Any]) -> None:
    assert operated["memory"]["raised"][0] == "StageFailed" and "137" in operated["memory"]["raised"][1]
    assert "out of memory: the container's limit is 24m" in log(operated["memory"])


@pytest.mark.parametrize(("case", "code"), [("killed", 143), ("deaf", 137)])
def test_killed_task_ends_its_container(operated: dict[str, Any], case: str, code: int) -> None:
    assert operated[case]["raised"][0] == "StageFailed" and str(code) in operated[case]["raised"][1]


@pytest.mark.parametrize("case", ["killed_before_created", "killed_before_started"])
def test_killed_before_its_container_runs_it_does_no_work(operated: dict[str, Any], case: str) -> None:
    """Airflow tells it once, whatever it is at, and does not stop it itself."""
    assert operated[case]["raised"][0] == "StageFailed", operated[case]
    assert re.match(r"exit code (143|137) \(cancelled\)", operated[case]["raised"][1])
    assert case != "killed_before_created" or ["INFO", "begun"] not in operated[case]["log"]


def test_container_of_an_earlier_try_is_removed(engine: Engine, operated: dict[str, Any]) -> None:
    assert f"an earlier try left the container {operated['left'][:12]}" in log(operated["store"])
    assert engine("inspect", operated["left"], check=False).code != 0
