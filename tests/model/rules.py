"""The rules of docs/delivery.md as switches, so that a test can leave each one out."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Rules:
    """Every rule of docs/delivery.md that can be left out; True is as docs/delivery.md stands."""

    n_first: bool = True  # n is read before the listing or the first request
    greatest_to: bool = True  # the next range begins at the greatest `to`, not at the last one
    continuation: bool = True  # who finds or loses a chunk continues from the winner's
    cursor_end_fixed: bool = True  # a range's end is fixed in its first chunk
    again_keeps_range: bool = True  # --again repeats its own entry's range (our reading)
    stat_twice: bool = True  # stat before and after reading
    start_over: bool = True  # the loser of an entry's link starts over
    ticket_rev: bool = True  # a ticket of another rev is not used
    judge_newest: bool = True  # only inputs at their newest edition are judged and stored
    one_transaction: bool = True  # one transaction an entry
    own_staging: bool = True  # TEMP table of this attempt
    lock_before_copy: bool = True  # append: verdict, delete and COPY after the lock
    edition_guard: bool = True  # a higher edition in `applied` is not replaced
    owner_place: bool = True  # another owner: (version, source, edition, place), not version alone
    owner_replaces: bool = True  # the same owner replaces also with a smaller version
    hidden_tombstones: bool = True  # a tombstone stays as a hidden row
    era_fence: bool = True  # a switch whose era is no longer the pipeline's ends with 75
    random_era: bool = True  # a word that never repeats, not a counter
    reread_rules: bool = True  # rules are read again after noting era
    break_blocker: bool = True  # after lock_timeout the blocking backend is terminated
    mark_after_commit: bool = True  # a mark is linked after the commit
    mark_own_generation: bool = True  # a mark goes into the g noted at the start
    own_marked_too: bool = True  # a run works on its own entries, marked or not
    refused_apart: bool = True  # a refused entry's rejects do not replace the visible rows' ones
    publish_both: bool = True  # before each snapshot the collection's mark is looked at again
    publish_own_mark: bool = True  # each snapshot of a publish holds its own mark
    publish_generation: bool = True  # a number begins with g, which a rescan after a restore raises
    publish_number: bool = True  # greater than the database's and the collection's last one
    publish_match: bool = True  # everything is compared when database and collection disagree
    publish_lost: bool = True  # so does every later one until one has ended well
    publish_fence: bool = True  # then every document's number is raised first
    publish_unfinished: bool = True  # also while an earlier publish has not ended well
    publish_guard: bool = True  # a document is replaced only under a greater number
    publish_tombstone: bool = True  # what the table has no longer becomes a tombstone, it is not deleted
    publish_forget: bool = True  # a tombstone goes when all have ended that could write something older
    publish_count: bool = True  # everything is compared when there are not as many documents as rows
    publish_finish: bool = True  # both marks say when a publish has ended well
    publish_newest: bool = True  # only the newest publish remembers how far it came; others end with 75
    empty_links_no_chunk: bool = True  # steps before the first record are not kept
    limit_covers_lowered: bool = True  # the limit of `latest` covers lowered versions too
    older_too: bool = True  # interval runs: also what was linked before the run began

    def without(self, name: str) -> Rules:
        return replace(self, **{name: False})

    @staticmethod
    def names() -> list[str]:
        return [f.name for f in fields(Rules)]
