"""Which words tell a stage what a DAG run is about: an interval where it has one, else the run's id.

Whoever triggers a run may give the interval himself (the params interval_start and interval_end): it goes first.

Airflow infers the interval of a run made by hand. Around a clock change that interval can be empty, or end
after the moment the run is for; then the last whole interval of the schedule is taken instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.timetables.base import TimeRestriction, Timetable

Interval = tuple[datetime, datetime]
_LOOK_BACK = [timedelta(days=n) for n in (3, 40, 800)]


def words(dag_run: Any, timetable: Timetable | None, params: Mapping[str, Any] | None = None) -> list[str]:
    """--interval-start/--interval-end, or --run-id."""
    interval = told(params or {}) or settle(dag_run, timetable)
    if interval is None:
        return ["--run-id", dag_run.run_id]
    start, end = interval
    return ["--interval-start", start.isoformat(), "--interval-end", end.isoformat()]


def told(params: Mapping[str, Any]) -> Interval | None:
    """The interval that the params give; ValueError when they give half of one."""
    start, end = params.get("interval_start"), params.get("interval_end")
    if not start and not end:
        return None
    if not start or not end:
        raise ValueError("interval_start and interval_end are given together or not at all")
    return datetime.fromisoformat(start), datetime.fromisoformat(end)


def settle(dag_run: Any, timetable: Timetable | None) -> Interval | None:
    """The run's interval, half-open; None when the run has none and works by its id."""
    start, end = dag_run.data_interval_start, dag_run.data_interval_end
    if start is None or end is None:
        return None
    if dag_run.run_type != "manual" or timetable is None:
        return start, end
    moment = _moment(dag_run)
    if start < end <= moment:
        return start, end
    return last_whole(timetable, moment)


def _moment(dag_run: Any) -> datetime:
    """What time a run made by hand is for. One whose logical date is its interval's start was given all
    three in full, as the scheduler does, and may look at all that lies behind it now."""
    if dag_run.logical_date is None or dag_run.logical_date == dag_run.data_interval_start:
        moment: datetime = dag_run.run_after
    else:
        moment = dag_run.logical_date
    return moment


def last_whole(timetable: Timetable, moment: datetime) -> Interval | None:
    """The schedule's last interval that ends by then, as the scheduler itself would cut it."""
    for back in _LOOK_BACK:
        found = None
        for interval in scheduled(timetable, moment - back, moment):
            found = interval
        if found:
            return found
    return None


def scheduled(timetable: Timetable, begin: datetime, until: datetime) -> Iterator[Interval]:
    """The schedule's intervals from begin on that end by until, in order."""
    restriction = TimeRestriction(earliest=pendulum.instance(begin), latest=None, catchup=True)
    last = None
    while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction):
        last = info.data_interval
        if last.end > until:
            return
        yield last.start, last.end
