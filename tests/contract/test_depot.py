"""Whatever a depot of files is made of, it obeys the same rules: the unit test of the folder, on a bucket."""

from __future__ import annotations

import os
import subprocess

from tests.lib.services import S3
from tests.lib.stage import BIN


def test_a_bucket_obeys_the_rules_of_a_depot(s3: S3) -> None:
    program = BIN.parent / "tests" / "test_depot"
    assert program.exists(), "only a build with unit tests has it: preset dev"
    done = subprocess.run(
        [program],
        env={"PATH": os.environ["PATH"], "SLUICE_CONN_TEST_DEPOT": s3.uri(s3.bucket())},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running 10 test(s)" in done.stdout + done.stderr
