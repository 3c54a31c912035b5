"""Every rule of docs/delivery.md left out breaks a promise; with all of them none breaks.

A seed decides a whole schedule, so a found one stays found until the model changes. Then the bounded
search finds another: `python3 -m model --off RULE` from tests/ prints it with its schedule.
"""

from __future__ import annotations

import pytest

from .invariants import Violation
from .rules import Rules
from .scheduler import Run, search

SEEDS = 900  # with everything on
BOUND = 4000  # seeds of a search, where the known one no longer breaks

# rule: (a seed that breaks a promise without it, the promise)
FOUND = {
    "n_first": (9, "editions_do_not_go_back"),
    "greatest_to": (38, "watermark_is_monotone"),
    "continuation": (256, "crawl_is_whole"),
    "cursor_end_fixed": (24, "watermark_is_monotone"),
    "again_keeps_range": (35, "ranges_are_disjoint"),
    "stat_twice": (2, "file_was_like_that"),
    "start_over": (14, "editions_do_not_go_back"),
    "ticket_rev": (1, "rejects_are_kept"),
    "judge_newest": (300, "rerun_writes_nothing"),
    "one_transaction": (4, "switch_is_whole"),
    "own_staging": (10959, "table_is_a_function"),
    "lock_before_copy": (373, "table_is_a_function"),
    "edition_guard": (57, "old_never_overwrites_new"),
    "owner_place": (17, "table_is_a_function"),
    "owner_replaces": (66, "table_is_a_function"),
    "hidden_tombstones": (3, "table_is_a_function"),
    "era_fence": (54, "old_never_overwrites_new"),
    "random_era": (1074, "old_never_overwrites_new"),
    "reread_rules": (1176, "old_never_overwrites_new"),
    "break_blocker": (22, "everything_ends"),
    "mark_own_generation": (231, "nothing_is_pending"),
    "mark_after_commit": (29, "nothing_is_pending"),
    "own_marked_too": (1, "nothing_is_pending"),
    "refused_apart": (1435, "rejects_are_kept"),
    "published_generation": (1819, "documents_are_the_table"),
    "rebuild_tombstones": (232, "documents_are_the_table"),
    "limit_covers_lowered": (302, "table_is_a_function"),
    "empty_links_no_chunk": (1086, "log_holds_the_sources"),
    "older_too": (43, "nothing_is_pending"),
}


def test_every_rule_is_tried() -> None:
    assert set(FOUND) == set(Rules.names())


@pytest.mark.parametrize("block", range(9))
def test_everything_on_keeps_every_promise(block: int) -> None:
    size = SEEDS // 9
    assert search(Rules(), range(block * size, (block + 1) * size)) is None


@pytest.mark.parametrize("rule", sorted(FOUND))
def test_switch_off(rule: str) -> None:
    seed, promise = FOUND[rule]
    off = Rules().without(rule)
    known = search(off, range(seed, seed + 1))
    found = known or search(off, range(BOUND))
    assert found is not None, f"without {rule} no schedule breaks a promise"
    assert known is None or known.name == promise


@pytest.mark.parametrize("rule", sorted(FOUND))
def test_same_seed_is_fine_with_the_rule(rule: str) -> None:
    Run(FOUND[rule][0]).run()


def test_a_seed_decides_the_whole_schedule() -> None:
    first, second = Run(7), Run(7)
    first.run(), second.run()
    assert first.story() == second.story()


def test_a_violation_carries_its_schedule() -> None:
    seed, promise = FOUND["one_transaction"]
    with pytest.raises(Violation, match=promise) as caught:
        Run(seed, Rules().without("one_transaction")).run()
    assert f"seed {seed}" in caught.value.__notes__[0]
