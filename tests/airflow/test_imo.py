"""The listings, end to end, however their run is begun: in the web UI, by schedule, by CLI, by REST, from a shell."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.lib.airflow_place import by_hand
from tests.lib.airflow_stack import Stack
from tests.lib.browser import browser, click_trigger
from tests.lib.stage import ROOT, SHARED

WAYS = ("ui", "schedule", "cli", "rest")
PICTURES = ROOT / "build" / "airflow-pictures"
CRON = 'schedule: {cron: "0 4 * * *", timezone: Europe/Paris}\n'
RELATIONS = ["silver.observations", *sorted(p.stem for p in (ROOT / "pipelines" / "imo" / "models").glob("*.sql"))]


def listings() -> list[Path]:
    """The real ones where they are kept beside the project, else those of the pipeline."""
    real = sorted((SHARED / "data" / "imo" / "annonces").glob("*.json"))
    return real or sorted((ROOT / "pipelines" / "imo" / "exemples").glob("*.json"))


def write_way(stack: Stack, way: str) -> None:
    """The pipeline of the project under a name and with a database of its own, so that each way begins at nothing."""
    name = f"imo_{way}"
    stack.make_database(name)
    folder = stack.pipelines.parent / name
    shutil.copytree(ROOT / "pipelines" / "imo", folder)
    for file in (folder / "exemples").iterdir():
        file.unlink()
    for file in listings():
        shutil.copy(file, folder / "exemples")
    text = (folder / "pipeline.yaml").read_text(encoding="utf-8")
    text = text.replace("pipeline: imo\n", f"pipeline: {name}\n{CRON if way == 'schedule' else ''}")
    text = text.replace("local: {bronze: file, store: {postgres: warehouse}", f"local: {{store: {{postgres: {name}}}")
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    folder.rename(stack.pipelines / name)


@pytest.fixture(scope="module")
def runs(stack: Stack) -> dict[str, str]:
    """Way: its run, which has ended well."""
    for way in WAYS:
        write_way(stack, way)
    for way in WAYS:
        stack.wait_dag(f"imo_{way}")
    begun = {"rest": stack.trigger("imo_rest")}
    stack.script("cli", "dags", "trigger", "imo_cli")
    begun["cli"] = str(stack.runs("imo_cli")[0]["dag_run_id"])
    begun["ui"] = begin_in_ui(stack)
    found = stack.until("the scheduled run", lambda: stack.runs("imo_schedule"))
    begun["schedule"] = str(found[0]["dag_run_id"])
    for way, run in begun.items():
        states = stack.wait(f"imo_{way}", run)
        assert not {"failed", "upstream_failed"} & set(states.values()), (way, states)
    return begun


def begin_in_ui(stack: Stack) -> str:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with browser(f"http://127.0.0.1:{stack.settings['API_PORT']}") as page:
        page.log_in("admin", stack.settings["ADMIN_PASSWORD"])
        click_trigger(page, "imo_ui")
        run = str(stack.until("the run of the click", lambda: stack.runs("imo_ui"))[0]["dag_run_id"])
        stack.wait("imo_ui", run)
        page.open(f"/dags/imo_ui/runs/{run}")
        page.until("the run is shown as done", lambda: "Success" in page.text())
        page.picture(str(PICTURES / "imo.png"))
        page.open(f"/dags/imo_ui/runs/{run}/tasks/store")
        page.until("the log's result line", lambda: '"stage":"store"' in page.text())
        page.picture(str(PICTURES / "store.png"))
        page.open(stack.links("imo_ui", run, "store")["Run"].removeprefix(page.base))
        page.until("the report's lines", lambda: "executed stage=normalize" in page.text())
    return run


def table(stack: Stack, home: Path, name: str, backend: str, relation: str) -> list[str]:
    file = home / f"{name}-{backend}-{relation}.csv"
    argv = ["sluice", "query", name, "--backend", backend, "--sql", f"select * from {relation}", "--format", "csv"]
    by_hand(stack, *argv, "-o", str(file), home=None if backend == "local" else home, database=name)
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    return [head, *sorted(lines)]


@pytest.fixture(scope="module")
def embedded(stack: Stack, runs: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Relation: its lines, made by a shell on DuckDB."""
    home = tmp_path_factory.mktemp("embedded")
    by_hand(stack, "sluice", "run", "imo_rest", "--backend", "embedded", home=home)
    return {relation: table(stack, home, "imo_rest", "embedded", relation) for relation in RELATIONS}


@pytest.mark.parametrize("way", WAYS)
def test_every_relation_is_that_of_the_embedded_run(
    stack: Stack, runs: dict[str, str], embedded: dict[str, list[str]], tmp_path: Path, way: str
) -> None:
    assert len(embedded["silver.annonces"]) > len(listings())
    for relation in RELATIONS:
        assert table(stack, tmp_path, f"imo_{way}", "local", relation) == embedded[relation], relation


def test_each_run_was_begun_as_it_says(stack: Stack, runs: dict[str, str]) -> None:
    told = {way: {r["dag_run_id"]: r for r in stack.runs(f"imo_{way}")}[run] for way, run in runs.items()}
    assert {way: (r["run_type"], r["triggered_by"]) for way, r in told.items()} == {
        "ui": ("manual", "ui"),
        "schedule": ("scheduled", "timetable"),
        "cli": ("manual", "cli"),
        "rest": ("manual", "rest_api"),
    }
    log = stack.log_text("imo_schedule", runs["schedule"])
    assert re.search(r"--interval-start 20\S+ --interval-end 20\S+", log)
    assert all((PICTURES / name).stat().st_size > 10_000 for name in ("imo.png", "store.png"))
