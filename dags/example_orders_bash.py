"""Orders with nothing but BashOperator: copy this file where the package dags/sluice is not wanted.

What it lacks beside sluice_pipelines.py: docs/airflow.md, "What plain BashOperator loses".
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

# The interval where the run has one, else its id. A plain {{ data_interval_start }} fails runs made by hand.
RUN = (
    "{% if data_interval_start | default(none) %}"
    "--interval-start {{ data_interval_start | ts }} --interval-end {{ data_interval_end | ts }}"
    "{% else %}--run-id '{{ run_id }}'{% endif %}"
)
HOME = os.path.join(os.environ.get("SLUICE_HOME", "/var/lib/sluice"), "examples")  # noqa: PTH118


def stage(name: str, **settings: object) -> BashOperator:
    return BashOperator(
        task_id=name,
        # exec: signals reach the stage. </dev/null: the inherited stdin belongs to Airflow's supervisor.
        bash_command=f"exec sluice-{name} --pipeline orders --backend embedded {RUN} </dev/null",
        env={"SLUICE_HOME": HOME, "SHLVL": "1"},
        append_env=True,
        output_processor=json.loads,
        queue="native",
        **settings,
    )


with DAG(
    dag_id="example_orders_bash",
    description="Orders from the shop's nightly CSV drop, by BashOperator alone",
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="Europe/Paris"),
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Paris")),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    tags=["sluice", "example"],
):
    # As a teardown the report runs whatever happened and does not hide a failure of the run.
    report = stage("report").as_teardown()
    stage("collect") >> stage("normalize") >> stage("store") >> stage("aggregate", trigger_rule="none_failed") >> report
