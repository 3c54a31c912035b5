"""Shows pipelines that have no DAG as one Airflow import error, with the executable's own text.

Airflow takes every DAG of a file that has an import error out of service, so the error must come from a file
that holds none: this one. Healthy pipelines are those of sluice_pipelines.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk.exceptions import AirflowException

from sluice.plan import load_all

_, errors = load_all(Path(os.environ.get("SLUICE_PIPELINES") or Path(__file__).resolve().parents[1] / "pipelines"))
if errors:
    raise AirflowException("no DAG for these pipelines:\n\n" + "\n\n".join(errors))
