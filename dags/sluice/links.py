"""Buttons of a task in the web UI: where its run is told as a whole, and where a dashboard shows it.

A link's address is made on the worker when the task ends, and kept as an XCom; the web server executes none of this.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

REPORT = "report"


class RunLink(BaseOperatorLink):
    """The log of the run's report: a line for each execution, as the ledger (sluice.stage_run) has it."""

    name = "Run"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        base = conf.get("api", "base_url", fallback="http://localhost:8080/").rstrip("/")
        task = REPORT if operator.dag and operator.dag.has_task(REPORT) else ti_key.task_id
        return f"{base}/dags/{ti_key.dag_id}/runs/{quote(ti_key.run_id)}/tasks/{task}"


class DashboardLink(BaseOperatorLink):
    """SLUICE_DASHBOARD_URL with what the ledger's row is known by put in: {pipeline}, {stage}, {run} as the stage told
    them; {dag_id}, {task_id}, {dag_run_id}, {try_number}, {map_index}."""

    name = "Dashboard"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        told = operator.told or {}
        words = {key: told.get(key) for key in ("pipeline", "stage", "run")} | {
            "dag_id": ti_key.dag_id,
            "task_id": ti_key.task_id,
            "dag_run_id": ti_key.run_id,
            "try_number": ti_key.try_number,
            "map_index": ti_key.map_index,
        }
        return fill(os.environ["SLUICE_DASHBOARD_URL"], words)


def fill(template: str, words: dict[str, Any]) -> str:
    """Each {word} replaced, quoted for an address; braces that are none of ours stay."""
    for word, value in words.items():
        template = template.replace("{" + word + "}", quote("" if value is None else str(value), safe=""))
    return template


def links() -> tuple[BaseOperatorLink, ...]:
    """A dashboard has a button only where there is one."""
    return (RunLink(), DashboardLink()) if os.environ.get("SLUICE_DASHBOARD_URL") else (RunLink(),)
