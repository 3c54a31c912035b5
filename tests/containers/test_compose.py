"""docker-compose.yml by the real compose: valid, without a default password, its servers healthy on a real engine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib.docker import CLIENT, Engine, wait_until
from tests.lib.stage import ROOT

COMPOSE = "/usr/bin/docker-compose"
SERVERS = {"redis": "SLUICE_REDIS_IMAGE", "postgres": "SLUICE_POSTGRES_IMAGE", "airflow": "SLUICE_AIRFLOW_IMAGE"}
AIRFLOW = ("api-server", "scheduler", "dag-processor", "worker", "worker-2")
PROFILES = ("core", "monitoring", "scale")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's share of it, with an .env of its own."""
    place = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "docker-compose.yml", place)
    for folder in ("deploy", "dags", "pipelines"):
        shutil.copytree(ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "roles", place / "scripts")
    make_env(place)
    return place


def make_env(place: Path) -> None:
    subprocess.run([ROOT / "scripts" / "compose-env", place], check=True, capture_output=True)


def compose(place: Path, *words: str, host: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(place), "DOCKER_HOST": host}
    profiles = [word for name in PROFILES for word in ("--profile", name)]
    argv = [COMPOSE, *profiles, *words]
    done = subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert not check or done.returncode == 0, f"{words}: {done.stdout[-2000:]} {done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="module")
def config(project: Path) -> dict[str, Any]:
    """What the real compose makes of the file, read by Airflow's own YAML library."""
    python = ROOT / ".venv" / "airflow" / "bin" / "python"
    code = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"
    text = compose(project, "config").stdout
    return json.loads(
        subprocess.run([python, "-c", code], input=text, capture_output=True, text=True, check=True).stdout
    )


def test_compose_accepts_the_file_and_refuses_a_bad_key(project: Path, tmp_path: Path) -> None:
    compose(project, "config", "-q")
    shutil.copytree(project, tmp_path / "bad")
    file = tmp_path / "bad" / "docker-compose.yml"
    file.write_text(file.read_text().replace("healthcheck:", "healthchek:", 1))
    assert compose(tmp_path / "bad", "config", "-q", check=False).returncode != 0


def test_there_is_no_default_for_what_the_script_makes(project: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(project, tmp_path / "bare")
    (bare / ".env").unlink()
    assert "is not set" in compose(bare, "config", "-q", check=False).stderr


def test_services_have_health_limits_and_pinned_images(config: dict[str, Any]) -> None:
    once = {"databases", "migrate", "roles"}
    for name, service in config["services"].items():
        assert service.get("mem_limit"), f"{name} has no limit"
        tag = service["image"].rpartition(":")[2]
        assert any(c.isdigit() for c in tag) and "latest" not in tag, f"{name}: {service['image']}"
        if name not in once | {"statsd-exporter"}:  # whose image has no shell
            assert service["healthcheck"]["test"], f"{name} has no health check"
        assert name in once or service["restart"] == "unless-stopped"
        assert "privileged" not in service and "/var/run/docker.sock" not in json.dumps(service)
    for name, service in config["services"].items():
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), f"{name} is open to everybody: {port}"


def test_no_secret_stands_in_env_or_in_the_configuration(project: Path, config: dict[str, Any]) -> None:
    shown = (project / ".env").read_text() + json.dumps(config)
    for file in (project / "secrets").iterdir():
        assert file.read_text().strip() not in shown, file.name
    for service in config["services"].values():
        for key, value in (service.get("environment") or {}).items():
            secret = any(word in key for word in ("PASSWORD", "SECRET", "FERNET", "SQL_ALCHEMY", "BROKER", "RESULT"))
            assert not secret or "/run/secrets/" in value or "_FILE" in key or key.endswith("__BACKEND"), key


def test_made_again_it_changes_no_secret_and_two_places_share_none(project: Path, tmp_path: Path) -> None:
    before = {f.name: f.read_text() for f in (project / "secrets").iterdir()}
    make_env(project)
    assert {f.name: f.read_text() for f in (project / "secrets").iterdir()} == before
    make_env(tmp_path)
    other = {f.name: f.read_text() for f in (tmp_path / "secrets").iterdir()}
    assert not set(other.values()) & set(before.values())
    assert all(len(text) >= 32 for text in other.values())
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


# --- on a real engine -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def up(project: Path) -> Iterator[tuple[Engine, Path]]:
    """Servers whose images can be built here, then the containers that run once."""
    engine = Engine()
    env = os.environ | {"DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": "1"}
    subprocess.run([ROOT / "scripts" / "docker-engine", "base"], check=True, capture_output=True)
    subprocess.run([ROOT / "scripts" / "image", "--prebuilt", "sluice:test"], env=env, check=True, capture_output=True)
    folder = str(ROOT / "tests" / "containers")
    (modules,) = map(str, (ROOT / ".venv" / "airflow" / "lib").glob("python3*/site-packages"))
    lines = (project / ".env").read_text().splitlines()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = [f"SLUICE_UI_PORT={port}" if line.startswith("SLUICE_UI_PORT=") else line for line in lines]
    for target, variable in SERVERS.items():
        context = modules if target == "airflow" else folder
        tag = f"sluice-{target}-test:1"
        built = subprocess.run(
            [CLIENT, "build", "-q", "--network=host", f"--target={target}", f"--tag={tag}",
             f"--file={folder}/servers.Dockerfile", context],
            env=env, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert built.returncode == 0, built.stderr[-3000:]
        lines = [f"{variable}={tag}" if line.startswith(f"{variable}=") else line for line in lines]
    (project / ".env").write_text("\n".join([*lines, ""]))
    try:
        compose(project, "up", "-d", "redis", "postgres", "databases", "roles", host=engine.host)
        yield engine, project
    finally:
        compose(project, "down", "--volumes", "--timeout", "5", host=engine.host, check=False)
        engine.stop()


def state(up: tuple[Engine, Path], service: str) -> dict[str, Any]:
    engine, project = up
    name = compose(project, "ps", "-q", service, host=engine.host).stdout.strip()
    return json.loads(engine("inspect", name).stdout)[0]


def test_servers_come_up_healthy_within_their_limits(up: tuple[Engine, Path]) -> None:
    for service, limit in (("redis", 512 << 20), ("postgres", 2 << 30)):
        wait_until(f"{service} healthy", lambda s=service: state(up, s)["State"]["Health"]["Status"] == "healthy")
        found = state(up, service)
        assert found["HostConfig"]["Memory"] == limit
        secret = (up[1] / "secrets" / service).read_text()
        assert secret not in json.dumps(found), "a password in what inspect shows"


def test_databases_and_roles_are_made_and_can_be_made_again(up: tuple[Engine, Path]) -> None:
    engine, project = up
    for service in ("databases", "roles"):
        wait_until(f"{service}'s end", lambda s=service: state(up, s)["State"]["Status"] == "exited")
        logs = compose(project, "logs", service, host=engine.host).stdout
        assert state(up, service)["State"]["ExitCode"] == 0, logs
        again = compose(project, "run", "--rm", service, host=engine.host, check=False)
        assert again.returncode == 0, again.stderr


def test_owner_may_log_in_and_a_wrong_password_may_not(up: tuple[Engine, Path]) -> None:
    engine, project = up
    wait_until("roles' end", lambda: state(up, "roles")["State"]["Status"] == "exited")
    owner = (project / "secrets" / "owner").read_text()
    ask = ["psql", "-XAtc", "select count(*) from pg_namespace where nspname = 'sluice'"]

    def login(password: str) -> subprocess.CompletedProcess[str]:
        words = ["-e", f"PGPASSWORD={password}", "-e", "PGUSER=sluice_owner", "roles", *ask]
        return compose(project, "run", "--rm", *words, host=engine.host, check=False)

    assert login(owner).stdout.strip() == "1"
    assert login("wrong").returncode != 0


def test_airflow_runs_a_pipeline_into_the_warehouse_and_its_services_are_healthy(up: tuple[Engine, Path]) -> None:
    """Its image is one of ours: the services, their settings, secrets, limits and volumes are those of the file."""
    engine, project = up
    begun = compose(project, "up", "-d", *AIRFLOW, host=engine.host, check=False)
    logs = "" if begun.returncode == 0 else compose(project, "logs", "--tail=25", *AIRFLOW, host=engine.host).stdout
    assert begun.returncode == 0, f"{begun.stderr[-1000:]}\n{logs[-8000:]}"

    def cli(*words: str) -> str:
        return compose(project, "exec", "-T", "scheduler", "airflow", *words, host=engine.host).stdout

    wait_until("the DAG", lambda: '"orders"' in cli("dags", "list", "-o", "json"))
    cli("dags", "unpause", "orders")
    wait_until("its run's end", lambda: '"success"' in cli("dags", "list-runs", "orders", "-o", "json"))
    owner = (project / "secrets" / "owner").read_text()
    words = ["-e", f"PGPASSWORD={owner}", "-e", "PGUSER=sluice_owner", "roles"]
    ask = ["psql", "-XAtc", "select count(*) from orders"]
    assert int(compose(project, "run", "--rm", *words, *ask, host=engine.host).stdout) > 0

    hidden = [file.read_text().strip() for file in (project / "secrets").iterdir()]
    for service in AIRFLOW:
        wait_until(f"{service} healthy", lambda s=service: state(up, s)["State"]["Health"]["Status"] == "healthy")
        found = state(up, service)
        assert found["Config"]["User"] == "airflow" and found["HostConfig"]["CapDrop"] == ["ALL"]
        assert [secret for secret in hidden if secret in json.dumps(found)] == []
