"""docs/hostile.md shows the inputs that the tests run."""

from __future__ import annotations

from tests.lib.hostile import markdown
from tests.lib.stage import ROOT


def test_page_is_fresh() -> None:
    assert (ROOT / "docs" / "hostile.md").read_text() == markdown(), "python3 -m tests.lib.hostile > docs/hostile.md"
