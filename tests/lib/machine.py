"""What a machine may do to a program: a small disk, a disk that is read only, files that may not be read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lib.stage import BIN, ROOT

RELEASE = Path(os.environ.get("SLUICE_RELEASE_DIR", ROOT / "build" / "release"))


def is_sanitized(program: Path) -> bool:
    return b"__asan_init" in program.read_bytes()


def find_plain_bin() -> Path | None:
    folders = [folder for folder in (BIN, RELEASE / "bin") if (folder / "sluice").exists()]
    return next((folder for folder in folders if not is_sanitized(folder / "sluice")), None)


def plain_bin() -> Path:
    """The executables without sanitizers, whose memory is what users see: our own or the release build's."""
    if found := find_plain_bin():
        return found
    pytest.skip(f"skipped: no executables without sanitizers in {RELEASE} (cmake --preset release)")


class Disk:
    """A file system of its own in memory, of so many KiB."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)

    def leave_free(self, kib: int) -> None:
        """Fills the disk but for so much."""
        stat = os.statvfs(self.path)
        fill = stat.f_bavail * stat.f_bsize - kib * 1024
        with (self.path / "fill").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, fill)

    def empty(self) -> None:
        (self.path / "fill").unlink()


@contextmanager
def small_disk(path: Path, kib: int) -> Iterator[Disk]:
    """Mounts a disk at path for the block's time; skips where that is not allowed."""
    path.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0755", "none", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"skipped: a small disk needs root and mount: {made.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def as_mortal(argv: list[str]) -> list[str]:
    """The command without root's right to read everything; as it is for everybody else."""
    if os.geteuid() != 0:
        return argv
    if not shutil.which("setpriv"):
        pytest.skip("skipped: root reads every file, and setpriv is not there to drop that right")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--", *argv]
