"""One pipeline begins when another one has renewed its tables, by Airflow's assets."""

from __future__ import annotations

from tests.lib.airflow_stack import Stack


def runs_after(stack: Stack, n: int) -> list[str]:
    found = stack.until(f"run {n} of follows", lambda: runs if len(runs := stack.runs("follows")) >= n else None)
    assert {r["run_type"] for r in found} == {"asset_triggered"}
    return sorted(r["dag_run_id"] for r in found)


def test_pipeline_that_comes_after_another_runs_by_its_asset_and_takes_its_rows(stack: Stack) -> None:
    lead = stack.trigger("leads")
    stack.wait("leads", lead)
    (run,) = runs_after(stack, 1)
    assert set(stack.wait("follows", run).values()) == {"success"}
    assert stack.table("follows") == stack.table("leads")
    assert stack.table("follows").startswith("6 ")
    # The same rows once more, and the run of the follower once more.
    before = stack.content("follows")
    stack.clear("leads", lead)
    stack.wait("leads", lead)
    for again in runs_after(stack, 2):
        stack.wait("follows", again)
        stack.clear("follows", again)
        stack.wait("follows", again)
    assert stack.content("follows") == before
    assert stack.pending("follows") == 0
