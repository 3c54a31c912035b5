"""The servers that other tests stand on: what their verbs promise."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.lib.server import Server, ServerError
from tests.lib.services import S3, Mongo, Postgres, Redis, start


class Deaf(Server):
    """Ends at once with a word."""

    name = "deaf"

    def argv(self) -> list[str]:
        return ["sh", "-c", "echo cannot hear; exit 3"]

    def ready(self) -> bool:
        return False


def test_server_that_ends_tells_its_own_last_words(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="cannot hear"):
        Deaf(tmp_path).start()


def test_redis_keeps_data_and_port_through_stop_and_restart(redis: Redis) -> None:
    redis.cli("set", "a", "é")
    port = redis.port
    redis.restart()
    assert (redis.cli("get", "a"), redis.port) == ("é", port)


def test_redis_that_is_paused_answers_again_after_resume(redis: Redis) -> None:
    redis.pause()
    with pytest.raises(TimeoutError):
        redis.ready()
    redis.resume()
    assert redis.ready()


def test_killed_server_is_gone_and_starts_again(redis: Redis) -> None:
    pid = redis.pid()
    redis.kill()
    assert redis.pid() is None and not redis.answers()
    redis.start()
    assert redis.pid() not in (None, pid)


def test_start_of_a_running_server_changes_nothing(redis: Redis) -> None:
    pid = redis.pid()
    redis.start()
    assert redis.pid() == pid


def test_each_test_finds_redis_empty(redis: Redis) -> None:
    assert redis.cli("dbsize") == "0"


def test_same_directory_is_the_same_server(redis: Redis) -> None:
    again = Redis(redis.dir)
    assert (again.pid(), again.port, again.password) == (redis.pid(), redis.port, redis.password)


def test_server_whose_port_was_taken_meanwhile_comes_up_on_another(tmp_path: Path) -> None:
    server = Redis(tmp_path)
    with socket.create_server(("127.0.0.1", server.port)) as taken:
        server.start()
        assert server.ready() and server.port != taken.getsockname()[1]
    server.close()
    assert not tmp_path.exists()


def test_postgres_comes_back_after_a_kill_with_what_was_committed() -> None:
    server: Postgres = start(Postgres)
    try:
        server.psql("create table t as select 1 as a")
        server.kill()
        server.start()
        assert server.psql("select a from t") == "1"
    finally:
        server.close()


def test_closed_postgres_leaves_nothing_in_shared_memory() -> None:
    server: Postgres = start(Postgres)
    pid = server.pid()
    used = set(re.findall(r"/dev/shm/PostgreSQL\.\d+", Path(f"/proc/{pid}/maps").read_text()))
    assert used
    server.close()
    assert not any(Path(segment).exists() for segment in used)


def test_durable_postgres_asks_for_its_password() -> None:
    server: Postgres = start(Postgres, durable=True)
    try:
        assert server.psql("select 1") == "1"
        server.settings["password"] += "x"
        with pytest.raises(AssertionError, match="password authentication failed"):
            server.psql("select 1")
    finally:
        server.close()


def test_mongo_reads_what_was_written(mongo: Mongo) -> None:
    with mongo.client() as client:
        client[mongo.database].c.insert_one({"_id": 1, "a": "é"})
        assert list(client[mongo.database].c.find()) == [{"_id": 1, "a": "é"}]


def test_each_test_has_an_empty_database(mongo: Mongo) -> None:
    with mongo.client() as client:
        assert client[mongo.database].list_collection_names() == []


def test_mongo_after_a_kill_has_what_it_promises(mongo: Mongo) -> None:
    with mongo.client() as client:
        client[mongo.database].c.insert_one({"_id": 1})
    mongo.kill()
    mongo.start()
    with mongo.client() as client:
        assert client[mongo.database].c.count_documents({}) == (1 if mongo.outlives_kill else 0)


def test_s3_gives_back_what_was_put_also_after_a_kill(s3: S3) -> None:
    bucket, client = s3.bucket(), s3.client()
    client.put(bucket, "a/é b.txt", b"one")
    s3.kill()
    s3.start()
    assert client.get(bucket, "a/é b.txt") == b"one" and client.keys(bucket, "a/") == ["a/é b.txt"]


def test_s3_refuses_a_wrong_secret_and_a_second_create(s3: S3) -> None:
    bucket, client = s3.bucket(), s3.client()
    assert client.call("PUT", f"/{bucket}/k", b"1", if_none_match="*").status == 200
    assert client.call("PUT", f"/{bucket}/k", b"2", if_none_match="*").status == 412
    assert type(client)(s3.port, s3.access, "wrong").call("GET", f"/{bucket}/k").status == 403


def test_buckets_of_two_tests_are_two(s3: S3) -> None:
    assert s3.bucket() != s3.bucket()


def test_s3_lists_more_than_one_page(s3: S3) -> None:
    bucket, client = s3.bucket(), s3.client()
    for number in range(3):
        client.put(bucket, f"k{number}", b"")
    done = client.call("GET", f"/{bucket}", query={"list-type": "2", "max-keys": "2"})
    assert b"<IsTruncated>true" in done.body and client.keys(bucket) == ["k0", "k1", "k2"]
