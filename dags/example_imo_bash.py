"""Real-estate listings in one task, then a question to the tables: the smallest DAG, without a schedule."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOME = os.path.join(os.environ.get("SLUICE_HOME", "/var/lib/sluice"), "examples")  # noqa: PTH118
SETTINGS = {"env": {"SLUICE_HOME": HOME, "SHLVL": "1"}, "append_env": True, "queue": "native"}

with DAG(
    dag_id="example_imo_bash",
    description="Listings to silver and gold, by BashOperator alone",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")),
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    tags=["sluice", "example"],
):
    # The driver executes the same stages; its result is the last line, and so the XCom.
    run = BashOperator(
        task_id="run",
        bash_command="exec sluice run imo --backend embedded --run-id '{{ run_id }}' </dev/null",
        output_processor=json.loads,
        **SETTINGS,
    )
    # The rows go to stdout (the last one is the number), what the stage says of itself to stderr.
    question = BashOperator(
        task_id="listings",
        bash_command=(
            "sluice query imo --backend embedded --format csv"
            " --sql 'select count(*) as n from silver.annonces' </dev/null 2>/dev/null"
        ),
        output_processor=int,
        **SETTINGS,
    )
    run >> question
