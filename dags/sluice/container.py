"""A stage in a container: DockerOperator for one executable of the image that scripts/image builds.

The strictest container there is: not root, no capability, a read-only file system, limits, no log file on the host.
Only HOME and the pipelines are mounted, at the paths that the worker knows them by, so argv and log are those of
SluiceBashOperator. A container outlives a worker that was killed: the next try removes what an earlier one left.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import Context
from airflow.sdk.execution_time.context import context_to_airflow_vars
from docker.errors import APIError, NotFound
from docker.types import LogConfig, Mount

from sluice import output
from sluice.operators import WITHHELD, StageTask, context_env, log_lines

CANCELLED = 143
STOP_S = 4  # Airflow ends the task's own process 5 s after it was told to stop
LABEL = "sluice.task"
_HOME = "/var/lib/sluice"
_PIPELINES = "/usr/local/share/sluice/pipelines"


class SluiceDockerOperator(StageTask, DockerOperator):
    """Executes one stage in a container of its own.

    What it shares with SluiceBashOperator, StageTask says.

    :param image: with the executables in its PATH.
    :param environment: added to the worker's SLUICE_*; connections are handed over beside it, never shown.
    :param user: uid:gid; the worker's own by default, the image's where the worker is root. HOME must be theirs.
    :param mem_limit: bytes, or as "512m"; a stage that needs more fails, and its error says so.
    :param cpus: processors, a hard limit.
    :param mounts: default: SLUICE_HOME, and SLUICE_PIPELINES read-only, as the engine's host names them. Where the
        worker itself is in a container, SLUICE_DOCKER_HOME is the host's path, or the volume, of HOME.
    """

    template_fields: Sequence[str] = ("argv", "partition", "image", "environment")
    template_fields_renderers: ClassVar[dict[str, str]] = {"argv": "json", "environment": "json"}
    ui_color = "#d8e2e9"
    told_to_end = False  # Airflow says it once, at any moment, and then lets the task go on

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("mem_limit", "1g")
        kwargs.setdefault("network_mode", os.environ.get("SLUICE_DOCKER_NETWORK") or "bridge")
        super().__init__(auto_remove="force", mount_tmp_dir=False, **kwargs)

    def execute(self, context: Context) -> dict[str, Any] | list[str]:
        argv = self.whole_argv(context)
        env = self.stage_env(context)
        folder = self.start_folder(env)
        self.tell(argv, env, folder)
        self._private_environment = self.secrets()
        code, last = self._run(argv, env, self._name(context), folder)
        return self.conclude(context, code, output.result(last))

    def stage_env(self, context: Context) -> dict[str, str]:
        """The worker's SLUICE_* (not its connections), the task's own, and what run it is."""
        own = {k: v for k, v in os.environ.items() if k.startswith("SLUICE_") and not k.startswith("SLUICE_CONN_")}
        told = context_to_airflow_vars(context, in_env_var_format=True) | context_env(context)
        env = {"SLUICE_HOME": _HOME, "SLUICE_PIPELINES": _PIPELINES} | own | (self.environment or {}) | told
        return {k: v for k, v in env.items() if not k.startswith(WITHHELD)}

    @staticmethod
    def _name(context: Context) -> str:
        ti = context["ti"]
        return f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}"

    def _run(self, argv: list[str], env: dict[str, str], name: str, folder: str | None) -> tuple[int, str]:
        """The container's exit code and last line; it is gone afterwards, whatever happens."""
        self._remove_left(name)
        self.container = self.cli.create_container(
            image=self.image,
            command=argv,
            environment=env | self._private_environment,
            user=self.user or self._user(),
            working_dir=folder or self.working_dir,
            labels={LABEL: name},
            host_config=self.cli.create_host_config(**self._limits(), mounts=self.mounts or self._mounts(env)),
        )
        try:
            # Before the start, so that no line is missed; without an end, since a stage may be silent for hours.
            stream = self.cli.attach(self.container["Id"], stdout=True, stderr=True, stream=True)
            if self.told_to_end:
                return CANCELLED, ""
            self.cli.start(self.container["Id"])
            if self.told_to_end:  # what had not begun could not be stopped
                self._stop()
            last = log_lines(self.log, stream)
            code = self.cli.wait(self.container["Id"])["StatusCode"]
            if self.cli.inspect_container(self.container["Id"])["State"]["OOMKilled"]:
                self.log.error("out of memory: the container's limit is %s (mem_limit)", self.mem_limit)
            return code, last
        finally:
            self._remove(self.container["Id"])

    def _limits(self) -> dict[str, Any]:
        return {
            "read_only": True,
            "tmpfs": {"/tmp": "size=64m,mode=1777"},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "network_mode": self.network_mode,
            "mem_limit": self.mem_limit,
            "memswap_limit": self.mem_limit,
            "nano_cpus": int(self.cpus * 1e9),
            "pids_limit": 256,
            "log_config": LogConfig(type="none"),
        }

    def _mounts(self, env: dict[str, str]) -> list[Mount]:
        """Airflow's worker and the container see HOME and the pipelines at one path each."""
        home = os.environ.get("SLUICE_DOCKER_HOME") or env["SLUICE_HOME"]
        mounts = [Mount(env["SLUICE_HOME"], home, "bind" if home.startswith("/") else "volume")]
        pipelines = env["SLUICE_PIPELINES"]
        if pipelines != _PIPELINES and Path(pipelines).is_dir():
            mounts.append(Mount(pipelines, pipelines, "bind", read_only=True))
        return mounts

    @staticmethod
    def _user() -> str | None:
        return f"{os.getuid()}:{os.getgid()}" if os.getuid() else None

    def _remove_left(self, name: str) -> None:
        for left in self.cli.containers(all=True, filters={"label": f"{LABEL}={name}"}):
            self.log.warning("an earlier try left the container %s: removing it", left["Id"][:12])
            self._remove(left["Id"])

    def _remove(self, container: str) -> None:
        try:
            self.cli.remove_container(container, force=True)
        except NotFound:
            pass
        except APIError as e:  # on_kill() removes it at the same time
            if e.status_code != 409:
                raise

    def on_kill(self) -> None:
        """Asks the stage to end, as a shell's Ctrl-C does; what has not after STOP_S is killed. One that has not begun
        never will."""
        self.told_to_end = True
        if self.container is not None:
            self._stop()

    def _stop(self) -> None:
        self.log.info("stopping the container")
        try:
            self.cli.stop(self.container["Id"], timeout=STOP_S)
        except NotFound:
            return
