"""What killed processes and old rules leave behind is swept, once a day, and nothing that is still needed; and what
waits for a cure is told once, not by every run."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.processes import wait_stopped
from tests.lib.services import S3
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import Done, Sluice, finish

Make = Callable[..., Sluice]
DAY = 86400


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "shop").parent


def age(path: Path, days: float) -> Path:
    old = time.time() - days * DAY
    os.utime(path, (old, old))
    return path


def files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]


def leave(home: Path, name: str, days: float) -> Path:
    path = home / "shop" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    return age(path, days)


def warnings(done: Done, word: str) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("WARNING") and word in line]


# --- sweeping ------------------------------------------------------------------------------------------------


def test_leftovers_go_and_what_is_needed_stays(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    write_csv(shop, "a.csv", rows(1, 5))
    s("run", "--run-id", "first")
    age(s.home / "shop" / "swept", 1.1)
    rev = json.loads(s("plan", "--json").stdout)["rev"]
    gone = [
        leave(s.home, "bronze/drop/.tmp-1-1", 1.1),
        leave(s.home, "log/drop/.tmp-2-0", 9),
        leave(s.home, "runs/first/stages/.tmp-3-0", 1.1),
        leave(s.home, ".tmp-4-0", 1.1),
        leave(s.home, "clean/" + "0" * 64 + "/" + "1" * 64 + "-0", 1.1),
        leave(s.home, f"clean/{rev}/" + "2" * 64 + "-0", 7.1),
    ]
    stays = [
        leave(s.home, "bronze/drop/.tmp-1-2", 0.9),
        leave(s.home, "clean/" + "0" * 64 + "/" + "3" * 64 + "-0", 0.9),
        leave(s.home, f"clean/{rev}/" + "4" * 64 + "-0", 6.9),
        *(age(p, 100) for kind in ("bronze", "log", "stored") for p in files(s.home / "shop" / kind)),
    ]
    if backend == "embedded":
        gone += [leave(s.home, "data.db.new-12345", 0), leave(s.home, "tmp/duckdb_temp_storage-0.tmp", 1.1)]
        stays += [leave(s.home, "tmp/young", 0), s.home / "shop" / "data.db"]
    assert f"files={len(gone)}" in s("store", "--run-id", "first").stderr
    assert [p for p in gone if p.exists()] == [] and [p for p in stays if not p.exists()] == []
    assert s("run", "--run-id", "first").result["written"] == 0


def test_it_is_swept_once_a_day(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    write_csv(shop, "a.csv", rows(1, 5))
    s("run", "--run-id", "r")
    left = leave(s.home, ".tmp-1-1", 2)
    s("run", "--run-id", "r")
    assert left.exists()
    age(s.home / "shop" / "swept", 1.01)
    s("run", "--run-id", "r")
    assert not left.exists()


def test_directories_of_old_rules_go_when_they_are_empty(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    write_csv(shop, "a.csv", rows(1, 5))
    s("run", "--run-id", "r")
    old = leave(s.home, "clean/" + "0" * 64 + "/" + "1" * 64 + "-0", 2).parent
    for _ in range(2):
        age(s.home / "shop" / "swept", 2)
        s("run", "--run-id", "r")
        assert not list(old.iterdir()) if old.exists() else True
        if old.exists():
            age(old, 2)
    assert not old.exists() and (s.home / "shop" / "bronze" / "drop").is_dir()


def test_clean_parts_that_were_swept_are_made_again(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    write_csv(shop, "a.csv", rows(1, 5))
    s("collect", "--run-id", "r")
    s("normalize", "--run-id", "r")
    (part,) = (s.home / "shop" / "clean").rglob("*-0")
    age(part, 8)
    write_csv(shop, "b.csv", rows(10, 5))
    s("collect", "--run-id", "other")
    assert s("store", "--run-id", "r").result["inserted"] == 10  # its own, then the other's, which is made for it
    assert not part.exists()


def test_uploads_that_nobody_finished_are_given_up(make: Make, s3: S3, shop: Path) -> None:
    s = make(shop / "pipeline.yaml", "lake")
    bucket = s.env["SLUICE_CONN_LAKE"].partition("@/")[2].partition("?")[0]
    client = s3.client()
    for key in ("shop/bronze/drop/ab/old.zst", "shop/bronze/drop/ab/young.zst", "other/bronze/old.zst"):
        assert client.call("POST", f"/{bucket}/{key}", query={"uploads": ""}).status == 200
    for path in (s3.dir / "data" / bucket / ".sgwtmp" / "multipart").rglob("*"):
        age(path, 2)
    young = "shop/bronze/drop/ab/young.zst"
    assert client.call("POST", f"/{bucket}/{young}", query={"uploads": ""}).status == 200
    client.put(bucket, "shop/clean/" + "0" * 64 + "/" + "1" * 64 + "-0", b"x")
    for path in (s3.dir / "data" / bucket / "shop" / "clean").rglob("*"):
        age(path, 2)
    write_csv(shop, "a.csv", rows(1, 5))
    s("run")
    left = client.call("GET", f"/{bucket}", query={"uploads": ""}).body.decode()
    assert left.count("<Key>") == 2 and young in left and "other/bronze/old.zst" in left
    assert not client.keys(bucket, "shop/clean/")
    assert client.keys(bucket, "shop/log/") and client.keys(bucket, "shop/bronze/")


# --- told once -----------------------------------------------------------------------------------------------


def test_a_refused_entry_is_a_warning_once_for_each_set_of_rules(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    write_csv(shop, "bad.csv", rows(1, 3, country="XX"))
    assert warnings(s("run", code=65), "refused")
    for number in range(3):
        write_csv(shop, f"{number}.csv", rows(10 * (number + 1), 2))
        done = s("run")
        assert not warnings(done, "refused") and "entry refused" in done.stderr
        assert len(warnings(done, "drop/1")) == 1  # collect's reminder, one line a run
        assert done.result["pending"] == 1
    assert warnings(s("run", "--run-id", "n1", "--set", "rejects.limit=1", code=None), "refused") == []
    text = (shop / "pipeline.yaml").read_text()
    (shop / "pipeline.yaml").write_text(text.replace("enum: [FR, BE, CH]", "enum: [FR, BE, CH, DE]"))
    assert len(warnings(s("run", code=None), "refused")) == 1


def test_an_unreadable_entry_is_told_once_and_stored_when_it_is_back(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    write_csv(shop, "lost.csv", rows(1, 3))
    s("collect", "--run-id", "r")
    bronze = s.home / "shop" / "bronze"
    (chunk,) = bronze.rglob("*.zst")
    shutil.move(chunk, shop / "chunk")
    shutil.move(shop / "inbox" / "lost.csv", shop / "away.csv")
    write_csv(shop, "0.csv", rows(10, 2))
    first = s("run")
    assert first.stderr.count("the file is missing") == 1 and len(warnings(first, "stays pending")) == 1
    for number in range(1, 3):
        write_csv(shop, f"{number}.csv", rows(10 * (number + 1), 2))
        again = s("run")
        assert "the file is missing" not in again.stderr and not warnings(again, "stays pending")
        assert again.result["pending"] == 1 and "stays pending" in again.stderr
    chunk.parent.mkdir(exist_ok=True)
    shutil.move(shop / "chunk", chunk)
    assert s("run").result["inserted"] == 3
    assert len(s.query(ALL)) == 9


# --- one content under two names -----------------------------------------------------------------------------


def test_the_same_file_by_another_path_is_warned_of(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    write_csv(shop, "a.csv", rows(1, 2000))
    write_csv(shop, "other.csv", rows(5000, 2000))
    assert not warnings(s("run"), "two names")
    s.sets = [f"drop.path={shop}/inbox/a.csv"]
    (line,) = warnings(s("run"), "two names")
    assert 'input="' + str(shop) in line and 'other="inbox/a.csv"' in line and "hint=" in line
    assert not warnings(s("run"), "two names")  # known now


def test_a_copy_in_the_same_collection_is_warned_of_once(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    for name in ("a.csv", "b.csv", "c.csv"):
        write_csv(shop, name, rows(1, 5))
    assert len(warnings(s("run"), "two names")) == 1


def test_equal_sizes_are_no_equal_contents(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    for number in range(1, 60):
        write_csv(shop, f"{number:02}.csv", rows(10 + number, 1))
    write_csv(shop, "empty-1.csv", [])
    write_csv(shop, "empty-2.csv", [])
    assert not warnings(s("run"), "two names")


def test_latest_holds_a_key_once_anyway(make: Make, tmp_path: Path) -> None:
    shop = write_pipeline(tmp_path / "shop", mode="latest").parent
    s = make(shop / "pipeline.yaml")
    for name in ("a.csv", "b.csv"):
        write_csv(shop, name, rows(1, 5))
    assert not warnings(s("run"), "two names")


# --- stopped -------------------------------------------------------------------------------------------------


def test_a_stopped_stage_leaves_its_record_in_the_bucket(make: Make, s3: S3, shop: Path) -> None:
    s = make(shop / "pipeline.yaml", "lake")
    bucket = s.env["SLUICE_CONN_LAKE"].partition("@/")[2].partition("?")[0]
    write_csv(shop, "a.csv", rows(1, 5))
    child = s.start("collect", "--run-id", "r", env={"SLUICE_FAULT": "log.before_link:1:stop"})
    wait_stopped(child.pid)
    os.kill(child.pid, 15)
    os.kill(child.pid, 18)
    assert finish(child).code == 143
    (key,) = s3.client().keys(bucket, "shop/runs/r/stages/")
    assert json.loads(s3.client().get(bucket, key))["exit"] == 143
