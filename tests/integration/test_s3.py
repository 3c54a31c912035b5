"""Bronze in a bucket: hosts that share nothing but it and the database run one run's stages; the tables are those
of the folder, whatever happens to requests, processes and keys."""

from __future__ import annotations

import base64
import itertools
import os
import random
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.lib.processes import wait_listening, wait_stopped
from tests.lib.s3_proxy import Proxy, every_third
from tests.lib.server import free_port
from tests.lib.services import S3
from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import ROOT, Done, Sluice, finish, kill_group

Make = Callable[..., Sluice]
BIG = 40_000  # records of a file whose chunk goes up in parts


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "shop").parent


@pytest.fixture
def lake(make: Make, shop: Path) -> Sluice:
    """The shop with bronze in a bucket of its own, on PostgreSQL."""
    return make(shop / "pipeline.yaml", "lake")


def bucket_of(sluice: Sluice) -> str:
    return sluice.env["SLUICE_CONN_LAKE"].partition("@/")[2].partition("?")[0]


def host(sluice: Sluice, number: int) -> Sluice:
    """The same pipeline on another machine: a HOME that holds nothing."""
    return replace(sluice, home=sluice.home.parent / f"host{number}", env=dict(sluice.env))


def through(sluice: Sluice, port: int) -> Sluice:
    """The same with requests going to another port."""
    uri = re.sub(r"127\.0\.0\.1%3A\d+", f"127.0.0.1%3A{port}", sluice.env["SLUICE_CONN_LAKE"])
    return replace(sluice, env=sluice.env | {"SLUICE_CONN_LAKE": uri})


def files(home: Path) -> list[str]:
    return sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file())


def write_big(folder: Path) -> None:
    """A column of noise that zstd cannot shrink below three quarters: one chunk of two or three parts."""
    dice = random.Random(1)
    lines = [f"{i},2026-01-01T00:00:00Z,1.00,FR,{base64.b64encode(dice.randbytes(450)).decode()}" for i in range(BIG)]
    (folder / "inbox" / "big.csv").write_text("id,placed,total,country,noise\n" + "\n".join(lines) + "\n")


# --- hosts ---------------------------------------------------------------------------------------------------


def test_stages_of_one_run_on_hosts_that_share_only_bucket_and_database(lake: Sluice, make: Make, shop: Path) -> None:
    for number in range(6):
        write_csv(shop, f"{number}.csv", rows(100 * number, 50 + number))
    hosts = [host(lake, number) for number in range(5)]
    collected = hosts[0]("collect", "--run-id", "r")
    assert collected.result["written"] == 6
    shutil.move(shop / "inbox", shop / "away")  # only the collecting host can see the inputs
    (shop / "inbox").mkdir()
    done = [hosts[k]("normalize", "--run-id", "r", "--partition", f"{k}/2") for k in (1, 2)]
    assert sum(d.result["n_in"] for d in done) == 315 and all(d.result["n_in"] for d in done)
    stored = hosts[3]("store", "--run-id", "r")
    assert stored.result["inserted"] == 315 and "normalizing" not in stored.stderr
    hosts[4]("report", "--run-id", "r")
    noted = hosts[4].query("select stage, host from sluice.stage_run where run = 'r' order by stage")
    assert [n["stage"] for n in noted] == ["collect", "normalize", "normalize", "store"]
    assert "stored" in host(lake, 9)("state").stdout  # marks are everybody's
    for h in hosts:
        assert not (h.home / "shop" / "bronze").exists() and not (h.home / "shop" / "log").exists()
    shutil.rmtree(shop / "inbox")
    shutil.move(shop / "away", shop / "inbox")
    folder = make(shop / "pipeline.yaml", "local")
    folder("run", "--run-id", "r")
    assert lake.table(ALL) == folder.table(ALL)


def test_imo_in_a_bucket_has_the_tables_of_the_folder(make: Make, s3: S3, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ROOT / "pipelines" / "imo", tmp_path / "imo"))
    text = (copy / "pipeline.yaml").read_text()
    assert "\nbackends:\n" in text
    (copy / "pipeline.yaml").write_text(text + "  lake: {bronze: {s3: lake}, store: duckdb}\n")
    folder, lake = make(copy / "pipeline.yaml"), make(copy / "pipeline.yaml")
    lake.backend = "lake"
    lake.env["SLUICE_CONN_LAKE"] = s3.uri(s3.bucket())
    for s in (folder, lake):
        s("run", "--run-id", "r")
    tables = folder.query(
        "select table_schema || '.' || table_name as t from information_schema.tables"
        " where table_schema not in ('sluice', 'information_schema') order by 1"
    )
    assert len(tables) > 5
    for table in (t["t"] for t in tables):
        assert folder.table(f"select * from {table} order by all") == lake.table(
            f"select * from {table} order by all"
        ), table
    counts = "select source, name, edition, place, n_in, ok, bad, dup, filtered from sluice.applied order by all"
    assert folder.query(counts) == lake.query(counts)
    assert {p.split("/")[1] for p in files(lake.home)} <= {"data.db", "documents", "lock", "stored", "swept"}
    assert not s3.client().keys(bucket_of(lake), "imo/clean/")


def test_marks_of_an_embedded_store_stay_beside_its_file(make: Make, s3: S3, shop: Path) -> None:
    """Else a second host, whose file is empty, would pass for one that has stored everything."""
    first = make(shop / "pipeline.yaml")
    first.backend = "lake-duckdb"
    first.env["SLUICE_CONN_LAKE"] = s3.uri(s3.bucket())
    write_csv(shop, "a.csv", rows(1, 5))
    first("run", "--run-id", "r")
    second = host(first, 2)
    assert second("run", "--run-id", "other").result["inserted"] == 5
    assert first.table(ALL) == second.table(ALL)


# --- trouble on the way --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_a_store_that_fails_a_third_of_its_requests(lake: Sluice, s3: S3, make: Make, shop: Path, seed: int) -> None:
    for number in range(4):
        write_csv(shop, f"{number}.csv", rows(100 * number, 50))
    with Proxy(s3.port, every_third(seed)) as proxy:
        s = through(lake, proxy.port)
        s("run", "--run-id", "r")
        assert s("run", "--run-id", "r").result["written"] == 0
        write_csv(shop, "1.csv", rows(100, 40, total="1.00"))
        s("run", "--run-id", "again")
    assert sum(proxy.seen[k] for k in proxy.seen if k) > 20, proxy.seen
    folder = make(shop / "pipeline.yaml", "local")
    folder("run", "--run-id", "r")
    assert lake.table(ALL) == folder.table(ALL)
    assert_one_of_each(s3, bucket_of(lake))


def assert_one_of_each(s3: S3, bucket: str) -> None:
    """No second entry for one collection, nothing left over: of a request that was carried out and whose answer
    was lost, the second try must know its own work."""
    keys = s3.client().keys(bucket)
    assert [k for k in keys if "/log/" in k] == ["shop/log/drop/1.json", "shop/log/drop/2.json"]
    assert not [k for k in keys if "/clean/" in k]


def test_an_answer_that_is_lost_is_no_lost_race(lake: Sluice, s3: S3, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    lost: list[str] = []

    def lose_first_put(_number: int, method: str, path: str) -> str:
        if method == "PUT" and "/log/" in path and not lost:
            lost.append(path)
            return "unanswered"
        return ""

    with Proxy(s3.port, lose_first_put) as proxy:
        done = through(lake, proxy.port)("collect", "--run-id", "r")
    assert lost and done.result["entries"] == 1 and done.result["written"] == 1
    assert "starting over" not in done.stderr


@pytest.mark.parametrize("trouble", ["unanswered", "cut", "busy", "damaged_up", "refused"])
def test_each_request_of_an_upload_in_parts_may_fail_once(lake: Sluice, s3: S3, shop: Path, trouble: str) -> None:
    write_big(shop)
    met: set[str] = set()

    def once(_number: int, method: str, path: str) -> str:
        what = re.sub(r"uploadId=[^&]*", "uploadId", f"{method} {path}")
        if "/bronze/" not in path or what in met:
            return ""
        met.add(what)
        return trouble

    with Proxy(s3.port, once) as proxy:
        done = through(lake, proxy.port)("collect", "--run-id", "r")
    assert done.result["written"] == 1
    assert any("uploads=" in m for m in met) and sum("partNumber=" in m for m in met) == 3
    normalized = lake("normalize", "--run-id", "r")
    assert normalized.result["n_in"] == BIG and normalized.result["rejected"] == 0


def test_a_download_that_is_cut_goes_on_where_it_ended(lake: Sluice, s3: S3, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5000))
    lake("collect", "--run-id", "r")
    with Proxy(
        s3.port, lambda n, method, path: "cut" if method == "GET" and "?" not in path and n % 2 else ""
    ) as proxy:
        assert through(lake, proxy.port)("normalize", "--run-id", "r").result["n_in"] == 5000
    assert proxy.seen["cut"] > 1


def test_a_chunk_that_is_damaged_on_its_way_is_read_again(lake: Sluice, s3: S3, shop: Path) -> None:
    """A range has no checksum of its own: the chunk's are compared, and other bytes asked for."""
    write_csv(shop, "a.csv", rows(1, 5000))
    lake("collect", "--run-id", "r")
    with Proxy(s3.port, lambda n, _m, path: "damaged_down" if "/bronze/" in path and n % 3 else "") as proxy:
        assert through(lake, proxy.port)("normalize", "--run-id", "r").result["n_in"] == 5000
    assert proxy.seen["damaged_down"] > 0
    for key in s3.client().keys(bucket_of(lake), "shop/clean/"):
        s3.client().delete(bucket_of(lake), key)
    with Proxy(s3.port, lambda _n, _m, path: "damaged_down" if "/bronze/" in path else "") as proxy:
        done = through(lake, proxy.port)("normalize", "--run-id", "r", code=74)
    assert "s3://" in done.result["error"]


def test_what_comes_back_damaged_is_never_used(lake: Sluice, s3: S3, shop: Path) -> None:
    """Every answer to a read is damaged: no rows, no retry without end, and the file is named."""
    write_csv(shop, "a.csv", rows(1, 5))
    lake("collect", "--run-id", "r")
    with Proxy(
        s3.port, lambda _n, method, path: "damaged_down" if method == "GET" and ".json" in path else ""
    ) as proxy:
        done = through(lake, proxy.port)("normalize", "--run-id", "r", code=74)
    assert "not those that were put" in done.result["error"] and "s3://" in done.result["error"]


@pytest.mark.parametrize("passed", [0, 1])
def test_a_store_that_sends_the_whole_for_a_range_is_76(lake: Sluice, s3: S3, shop: Path, passed: int) -> None:
    write_big(shop)
    lake("collect", "--run-id", "r")
    reads = itertools.count()

    def choose(_number: int, method: str, path: str) -> str:
        return "whole" if method == "GET" and "/bronze/" in path and next(reads) >= passed else ""

    with Proxy(s3.port, choose) as proxy:
        done = through(lake, proxy.port)("normalize", "--run-id", "r", code=76)
    assert proxy.seen["whole"] == 1
    assert "the store does not hand out ranges" in done.result["error"] and "s3://" in done.result["error"]
    assert lake("normalize", "--run-id", "r").result["n_in"] == BIG


def test_a_store_that_stays_busy_is_75_after_some_tries(lake: Sluice, s3: S3, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    with Proxy(s3.port, lambda *_: "busy") as proxy:
        done = through(lake, proxy.port)("collect", "--run-id", "r", code=75)
    assert "SlowDown" in done.result["error"] and proxy.seen["busy"] > 5
    lake("run", "--run-id", "r")


# --- several at once, and killed -----------------------------------------------------------------------------


def test_of_two_collections_at_once_the_first_complete_one_wins(lake: Sluice, s3: S3, shop: Path) -> None:
    """Both are stopped before the last request of their upload, then woken in turn: one key, one entry."""
    write_big(shop)
    racing = [host(lake, number) for number in (1, 2)]
    late = [h.start("collect", "--run-id", "r", env={"SLUICE_FAULT": "s3.before_complete:1:stop"}) for h in racing]
    for child in late:
        wait_stopped(child.pid)
    done: list[Done] = []
    for child in late:
        os.kill(child.pid, 18)  # SIGCONT
        done.append(finish(child))
    assert [d.code for d in done] == [0, 0]
    keys = s3.client().keys(bucket_of(lake))
    assert sum("/bronze/" in k for k in keys) == 1 and sum("/log/" in k for k in keys) == 1
    assert [d.result["written"] for d in done] == [1, 0]
    assert uploads(s3, bucket_of(lake)) == []
    assert lake("normalize", "--run-id", "r").result["n_in"] == BIG


def uploads(s3: S3, bucket: str) -> list[str]:
    answer = s3.client().call("GET", f"/{bucket}", query={"uploads": ""})
    assert answer.status == 200
    return re.findall(r"<UploadId>([^<]*)</UploadId>", answer.body.decode())


@pytest.mark.parametrize(
    "point", ["s3.before_part:1", "s3.before_part:2", "s3.before_complete:1", "s3.after_complete:1"]
)
def test_killed_in_an_upload_in_parts(lake: Sluice, s3: S3, make: Make, shop: Path, point: str) -> None:
    write_big(shop)
    killed = lake("collect", "--run-id", "r", code=None, env={"SLUICE_FAULT": f"{point}:kill"})
    assert killed.code == 137
    assert [bool(uploads(s3, bucket_of(lake))), "/log/" in str(s3.client().keys(bucket_of(lake)))] == [
        "after" not in point,
        False,
    ]
    done = lake("run", "--run-id", "r")
    assert done.result["inserted"] == BIG
    assert sum("/bronze/" in k for k in s3.client().keys(bucket_of(lake))) == 1


def test_a_failed_upload_in_parts_is_given_up(lake: Sluice, s3: S3, shop: Path) -> None:
    write_big(shop)
    lake("collect", "--run-id", "r", code=74, env={"SLUICE_FAULT": "s3.before_complete:1:eio"})
    assert uploads(s3, bucket_of(lake)) == []


def test_two_pipelines_and_prefixes_share_a_bucket(
    lake: Sluice, s3: S3, make: Make, tmp_path: Path, shop: Path
) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    lake("run", "--run-id", "r")
    other = make(shop / "pipeline.yaml", "lake")
    other.env["SLUICE_CONN_LAKE"] = lake.env["SLUICE_CONN_LAKE"] + "&prefix=team/b"
    assert other("run", "--run-id", "r").result["inserted"] == 5
    keys = s3.client().keys(bucket_of(lake))
    assert sum(k.startswith("shop/") for k in keys) == sum(k.startswith("team/b/shop/") for k in keys) == len(keys) / 2


# --- wrong settings ------------------------------------------------------------------------------------------


def replaced(uri: str, **parts: str) -> str:
    login, secret = uri.removeprefix("aws://").partition("@")[0].split(":")
    uri = uri.replace(login, parts.get("login", login)).replace(secret, parts.get("secret", secret))
    return re.sub(r"@/[^?]*", f"@/{parts['bucket']}", uri) if "bucket" in parts else uri


@pytest.mark.parametrize(
    ("parts", "code", "word"),
    [
        ({"secret": "wrong"}, 77, "SignatureDoesNotMatch"),
        ({"login": "nobody"}, 77, "access key ID"),
        ({"bucket": "no-such-bucket"}, 78, "NoSuchBucket"),
        ({"bucket": ""}, 78, "names no bucket"),
    ],
)
def test_wrong_connection(lake: Sluice, shop: Path, parts: dict[str, str], code: int, word: str) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    lake.env["SLUICE_CONN_LAKE"] = replaced(lake.env["SLUICE_CONN_LAKE"], **parts)
    begin = time.monotonic()
    done = lake("collect", "--run-id", "r", code=code)
    assert word in done.result["error"] and done.result["hint"]
    assert time.monotonic() - begin < 5  # nothing that cannot help is tried again
    assert "failed  bronze s3, lake" in lake("check", code=None).stdout


def test_check_tries_everything_that_a_run_does(lake: Sluice, s3: S3, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    assert re.search(r"ok +bronze s3, lake +s3://\S+/shop/ can be read and written", lake("check").stdout)
    assert s3.client().keys(bucket_of(lake)) == []


def test_nothing_listens(lake: Sluice, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    done = through(lake, free_port())("collect", "--run-id", "r", code=69)
    assert "s3://" in done.result["error"]


@contextmanager
def answering(status: int, headers: dict[str, str], body: bytes) -> Iterator[int]:
    """A server that always says the same; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_HEAD = do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def test_a_wrong_clock_is_told_with_its_difference(lake: Sluice, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    body = b"<Error><Code>RequestTimeTooSkewed</Code><Message>too large</Message></Error>"
    with answering(403, {"Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, body) as port:
        done = through(lake, port)("collect", "--run-id", "r", code=77)
    assert re.search(r"this machine's clock is \d+ s ahead of", done.result["error"]) and "NTP" in done.result["hint"]


@pytest.mark.parametrize("status", [200, 404])
def test_a_server_that_is_no_s3_is_76(lake: Sluice, shop: Path, status: int) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    with answering(status, {"Content-Type": "text/html"}, b"<html><body>It works!</body></html>") as port:
        done = through(lake, port)("collect", "--run-id", "r", code=76)
    assert "S3" in done.result["error"] or "status" in done.result["error"]


def test_the_secret_is_nowhere(lake: Sluice, s3: S3, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    told = "".join(d.stdout + d.stderr for d in [lake("run", "--run-id", "r", "--log-level", "debug"), lake("check")])
    kept = b"".join(s3.client().get(bucket_of(lake), k) for k in s3.client().keys(bucket_of(lake)))
    assert s3.secret not in told and s3.secret.encode() not in kept
    assert not any(s3.secret.encode() in p.read_bytes() for p in lake.home.rglob("*") if p.is_file())


def test_stopping_is_quick_while_the_store_does_not_answer(lake: Sluice, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5))
    child = through(lake, free_port()).start("collect", "--run-id", "r")
    wait_listening(child.pid)
    time.sleep(0.3)  # it comes to the bucket
    begin = time.monotonic()
    kill_group(child, 15)
    assert finish(child).code == 143 and time.monotonic() - begin < 3
