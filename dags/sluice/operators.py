"""The operator of a stage: BashOperator for one executable, truthful about its exit code and its log.

Thin on purpose: what a stage does and is called with comes from the plan, what its output means from output.py,
what its exit code means from exit_codes.py. StageTask is what it shares with SluiceDockerOperator (container.py).
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any, ClassVar

from airflow.providers.standard.hooks.subprocess import SubprocessHook, SubprocessResult, working_directory
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import BaseOperator, BaseXCom, Connection, Context, RetryDecision, RetryPolicy
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)
from airflow.serialization.encoders import coerce_to_core_timetable

from sluice import intervals, memory, output
from sluice.exit_codes import Outcome, as_shell, lookup
from sluice.links import links

# What of the worker's environment is no business of a stage: keys, database, other pipelines' connections.
WITHHELD = ("AIRFLOW__", "_AIRFLOW", "__AIRFLOW", "AIRFLOW_CONN_", "AIRFLOW_VAR_")
KILLED = 137
TAKES = ("interval", "run-id")
_SHOWN = ("SLUICE_HOME", "SLUICE_PIPELINES")


class StageFailed(AirflowException):
    """A stage ended with a code that a retry can help; it may have said how long to wait."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RetryWhenTold(RetryPolicy):
    """Waits as long as the stage asked for; else as the task says."""

    def evaluate(self, exception: BaseException, **_: Any) -> RetryDecision:
        wait = getattr(exception, "retry_after_s", None)
        if not wait:
            return RetryDecision.default()
        return RetryDecision.retry(delay=timedelta(seconds=wait), reason=f"the stage asked to wait {wait:g} s")


def log_lines(log: Any, pieces: Iterable[bytes]) -> str:
    """Logs each line of a stage's output at the line's own level; returns the result line, else the last one.

    A container's two outputs come in no order, so that a row or a warning may follow the result line.
    """
    last = ""
    for line in output.lines(pieces):
        log.log(output.level(line), "%s", line)
        if line.startswith(output.RESULT) or not last.startswith(output.RESULT):
            last = line
    return last


class StageHook(SubprocessHook):
    """Runs a command as SubprocessHook does, without stdin, and logs each line at the line's own level."""

    def run_command(
        self,
        command: list[str],
        env: dict[str, str] | None = None,
        output_encoding: str = "utf-8",
        cwd: str | None = None,
    ) -> SubprocessResult:
        with working_directory(cwd) as folder:
            # No "with Popen": on a timeout on_kill() must still find the child able to write (see the base class).
            self.sub_process = Popen(
                command, stdout=PIPE, stderr=STDOUT, cwd=folder, env=env, start_new_session=True, restore_signals=True
            )
            pipe = self.sub_process.stdout
            assert pipe is not None
            last = log_lines(self.log, self._pieces(pipe.fileno()))
            code = self.sub_process.wait()
            pipe.close()
        return SubprocessResult(exit_code=code, output=last)

    @staticmethod
    def _pieces(fd: int) -> Iterator[bytes]:
        while piece := os.read(fd, 1 << 16):
            yield piece


def replays(params: Mapping[str, Any]) -> bool:
    """Whether the run is also to make anew what older rules made."""
    return params.get("rules") == "all"


class StageTask(BaseOperator):
    """What a task of a stage is told and what it tells, wherever its process runs.

    :param argv: the executable and its words; what the run is about (interval or run id) is added. (templated)
    :param partition: "k/n", for mapped stages. (templated)
    :param connections: ids that the worker resolves and hands to the child as AIRFLOW_CONN_<ID>; a missing one is
        left to the stage, which names it.
    :param splits: the stage says into how many partitions the work falls (collect). Airflow maps over return values
        alone, so the list of partitions is the return value then, and the result lies under the key "result".
    :param takes: what of the run the stage is told: "interval", "run-id".
    :param folder: below SLUICE_HOME; the stage starts there, and its relative paths lie there.

    XCom: the result line as a dict, also when the stage failed.
    """

    told: dict[str, Any] | None = None  # the stage's result, once it has ended
    operator_extra_links = links()

    def __init__(
        self,
        *,
        argv: Sequence[str],
        partition: str | None = None,
        connections: Sequence[str] = (),
        splits: bool = False,
        takes: Sequence[str] = TAKES,
        folder: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retry_policy", RetryWhenTold())
        super().__init__(**kwargs)
        self.argv = argv
        self.partition = partition
        self.connections = connections
        self.splits = splits
        self.takes = takes
        self.folder = folder

    @property
    def collects(self) -> bool:
        """It reads the sources, alone or, fused, as the first of its stages."""
        return self.argv[0] == "sluice-collect" or list(self.argv[:2]) == ["sluice", "run"]

    def whole_argv(self, context: Context) -> list[str]:
        timetable = coerce_to_core_timetable(context["dag"].timetable)
        params = context["params"]
        try:
            run = intervals.words(context["dag_run"], timetable, params)
        except ValueError as e:
            raise AirflowFailException(str(e)) from e
        if ("run-id" if run[0] == "--run-id" else "interval") not in self.takes:
            run = []
        partition = ["--partition", self.partition] if self.partition else []
        again = ["--again"] if self.collects and params.get("again") else []
        if replays(params) and self.argv[0] == "sluice":
            return [*self.argv, "--replay"]  # the driver does one or the other
        replay = ["--replay"] if replays(params) and self.argv[0] == "sluice-store" else []
        return [*self.argv, *run, *partition, *again, *replay]

    def start_folder(self, env: dict[str, str]) -> str | None:
        """Where the stage starts, made where it is missing; None: wherever."""
        if not self.folder or "SLUICE_HOME" not in env:
            return None
        folder = Path(env["SLUICE_HOME"]) / self.folder
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def secrets(self) -> dict[str, str]:
        """Connections as the stage reads them; for the child's environment alone."""
        found = {}
        for conn_id in self.connections:
            try:
                found[f"AIRFLOW_CONN_{conn_id.upper()}"] = Connection.get(conn_id).as_json()
            except AirflowNotFoundException:
                self.log.warning('Airflow has no connection "%s"', conn_id)
        return found

    def tell(self, argv: Sequence[str], env: dict[str, str], folder: str | None) -> None:
        """The very command, to be copied into a shell; connections are named, never shown."""
        move = f"cd {shlex.quote(folder)} && " if folder else ""
        shown = [f"{name}={shlex.quote(env[name])}" for name in _SHOWN if name in env]
        needed = ", ".join(f"SLUICE_CONN_{c.upper()}" for c in self.connections)
        self.log.info(
            "Command: %s%s%s", move, " ".join([*shown, shlex.join(argv)]), f"  # needs {needed}" if needed else ""
        )

    def conclude(self, context: Context, code: int, result: dict[str, Any] | None) -> dict[str, Any] | list[str]:
        """Pushes what the stage told, then says success, skip, retry or fail."""
        self.told = result
        key = "result" if self.splits else BaseXCom.XCOM_RETURN_KEY
        if result and (code != 0 or self.splits):
            context["ti"].xcom_push(key=key, value=result)
        if lookup(code).outcome is Outcome.SKIP and self.splits and replays(context["params"]):
            self.log.info("nothing new, but store is to make anew what older rules made")
            return output.partitions({})
        if code == 0 and result:
            return output.partitions(result) if self.splits else result
        raise _refusal(code, result)


def context_env(context: Context) -> dict[str, str]:
    """What of the run Airflow itself does not tell a process."""
    index = context["ti"].map_index
    return {"AIRFLOW_CTX_MAP_INDEX": str(index)} if index is not None and index >= 0 else {}


class SluiceBashOperator(StageTask, BashOperator):
    """Executes one stage in a process of the worker."""

    template_fields: Sequence[str] = ("argv", "partition", "env", "cwd")
    template_fields_renderers: ClassVar[dict[str, str]] = {"argv": "json", "env": "json"}
    ui_color = "#dbe9d8"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("append_env", True)
        super().__init__(bash_command="", **kwargs)

    @cached_property
    def subprocess_hook(self) -> StageHook:
        return StageHook()

    def execute(self, context: Context) -> dict[str, Any] | list[str]:
        argv = self.whole_argv(context)
        env = self.get_env(context)
        folder = self.start_folder(env)
        self.tell(argv, env, folder)
        command = [shutil.which("bash") or "bash", "-c", f"exec {shlex.join(argv)} </dev/null"]
        killed = memory.kills()
        done = self.subprocess_hook.run_command(command, env=env, cwd=folder or self.cwd)
        code = as_shell(done.exit_code)
        if code == KILLED and memory.kills() > killed:
            self.log.error("out of memory: the kernel killed it, %s", memory.told())
        return self.conclude(context, code, output.result(done.output))

    def get_env(self, context: Context) -> dict[str, str]:
        """A copy: self.env is shown as a rendered field, and connections must not be."""
        inherited = super().get_env(context)
        env = {name: value for name, value in inherited.items() if not name.startswith(WITHHELD)}
        # SHLVL: else bash takes its standard input for a network's and reads ~/.bashrc.
        return env | {"SHLVL": "1"} | context_env(context) | self.secrets()


def _refusal(code: int, result: dict[str, Any] | None) -> AirflowException:
    if code == 0:
        return AirflowFailException("exit code 0, but the last line is no result: this is no stage of Sluice")
    known = lookup(code)
    text = f"exit code {code} ({known.kind}): {(result or {}).get('error') or known.meaning}"
    if hint := (result or {}).get("hint"):
        text = f"{text} ({hint})"
    if known.outcome is Outcome.SKIP:
        return AirflowSkipException(text)
    if known.outcome is Outcome.FAIL:
        return AirflowFailException(text)
    return StageFailed(text, (result or {}).get("retry_after_s"))
