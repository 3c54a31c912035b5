"""Every rule of docs/delivery.md left out breaks a promise; with all of them none breaks.

A seed decides a whole schedule, so a found one stays found until the model changes. Then the bounded
search finds another: `python3 -m model --off RULE` from tests/ prints it with its schedule.
"""

from __future__ import annotations

import pytest

from .meetings import MEETINGS
from .rules import Rules
from .scheduler import PublishRun, Run, search
from .world import Violation

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
    "ticket_rev": (4, "table_is_a_function"),
    "judge_newest": (300, "rerun_writes_nothing"),
    "one_transaction": (4, "switch_is_whole"),
    "own_staging": (10959, "table_is_a_function"),
    "lock_before_copy": (373, "table_is_a_function"),
    "edition_guard": (111, "old_never_overwrites_new"),
    "owner_place": (1, "table_is_a_function"),
    "owner_replaces": (66, "table_is_a_function"),
    "hidden_tombstones": (16, "table_is_a_function"),
    "era_fence": (54, "old_never_overwrites_new"),
    "random_era": (1074, "old_never_overwrites_new"),
    "reread_rules": (1176, "old_never_overwrites_new"),
    "break_blocker": (22, "everything_ends"),
    "mark_own_generation": (231, "nothing_is_pending"),
    "mark_after_commit": (29, "nothing_is_pending"),
    "own_marked_too": (1, "nothing_is_pending"),
    "refused_apart": (3482, "rejects_are_kept"),
    "limit_covers_lowered": (286, "table_is_a_function"),
    "empty_links_no_chunk": (1086, "log_holds_the_sources"),
    "older_too": (43, "nothing_is_pending"),
}

# The same for publishing, in schedules of its own (PublishRun).
PUBLISHING = {
    "publish_generation": (3550, "documents_are_the_table"),
    "publish_number": (789, "old_documents_never_replace_new"),
    "publish_match": (722, "documents_are_the_table"),
    "publish_lost": (972, "documents_are_the_table"),
    "publish_unfinished": (472, "documents_are_the_table"),
    "publish_guard": (55, "old_documents_never_replace_new"),
    "publish_tombstone": (133, "old_documents_never_replace_new"),
    "publish_forget": (286, "old_documents_never_replace_new"),
    "publish_count": (60, "documents_are_the_table"),
    "publish_finish": (13121, "documents_are_the_table"),
    "publish_newest": (286, "documents_are_the_table"),
}


def test_every_rule_is_tried() -> None:
    assert set(FOUND) | set(PUBLISHING) | set(MEETINGS) == set(Rules.names())


@pytest.mark.parametrize("block", range(9))
def test_everything_on_keeps_every_promise(block: int) -> None:
    size = SEEDS // 9
    assert search(Rules(), range(block * size, (block + 1) * size)) is None
    assert search(Rules(), range(block * size, (block + 1) * size), PublishRun) is None


def kind_of(rule: str) -> type[Run]:
    return PublishRun if rule in PUBLISHING else Run


@pytest.mark.parametrize("rule", sorted(FOUND | PUBLISHING))
def test_switch_off(rule: str) -> None:
    seed, promise = (FOUND | PUBLISHING)[rule]
    off, kind = Rules().without(rule), kind_of(rule)
    known = search(off, range(seed, seed + 1), kind)
    found = known or search(off, range(BOUND), kind)
    assert found is not None, f"without {rule} no schedule breaks a promise"
    assert known is None or known.name == promise


@pytest.mark.parametrize("rule", sorted(FOUND | PUBLISHING))
def test_same_seed_is_fine_with_the_rule(rule: str) -> None:
    kind_of(rule)((FOUND | PUBLISHING)[rule][0]).run()


@pytest.mark.parametrize("rule", MEETINGS)
def test_a_meeting_needs_its_rule(rule: str) -> None:
    MEETINGS[rule](Rules())
    with pytest.raises(Violation, match="documents"):
        MEETINGS[rule](Rules().without(rule))


def test_a_seed_decides_the_whole_schedule() -> None:
    first, second = Run(7), Run(7)
    first.run(), second.run()
    assert first.story() == second.story()


def test_a_violation_carries_its_schedule() -> None:
    seed, promise = FOUND["one_transaction"]
    with pytest.raises(Violation, match=promise) as caught:
        Run(seed, Rules().without("one_transaction")).run()
    assert f"seed {seed}" in caught.value.__notes__[0]
