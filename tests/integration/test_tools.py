"""The driver's tools: preview, check, runs, rejects, rebuild, history, plan --explain, init, completion, progress."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.shop import ALL, rows, write_csv, write_pipeline
from tests.lib.stage import BIN, Sluice, finish

Make = Callable[..., Sluice]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    write_pipeline(folder, extra="rejects: {limit: 50%}")
    write_csv(folder, "a.csv", [*rows(1, 3), (4, "2026-01-01T00:00:00Z", "-1.00", "FR"), (5, "never", "1", "FR")])
    return folder


# --- preview -------------------------------------------------------------------------------------------------


def preview(s: Sluice, *args: str) -> dict:
    return json.loads(s("preview", "--format", "json", *args).stdout)


def test_preview_shows_kept_rows_and_rejects_with_their_place(make: Make, shop: Path) -> None:
    seen = preview(make(shop / "pipeline.yaml"))
    assert (seen["records"], seen["kept"], seen["rejected"], seen["new"], seen["whole"]) == (5, 3, 2, True, True)
    assert seen["rows"][0] == {"id": 1, "placed": "2026-01-01T00:00:00Z", "total": 9.5, "country": "FR"}
    raw = (shop / "inbox" / "a.csv").read_bytes()
    for reject, (field, rule) in zip(seen["rejects"], [("placed", "type"), ("total", "min")], strict=True):
        assert (reject["field"], reject["rule"]) == (field, rule) and reject["reason"]
        record = raw[reject["offset"] : reject["offset"] + reject["length"]].decode().strip()
        assert record == reject["excerpt"] and reject["record"] in (4, 5)


def test_preview_writes_nothing_anywhere(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    before = sorted((p, p.stat().st_mtime_ns) for p in shop.rglob("*"))
    s("preview")
    s("preview", env={"SLUICE_HOME": ""})
    assert not s.home.exists() and sorted((p, p.stat().st_mtime_ns) for p in shop.rglob("*")) == before
    s("run")
    kept = sorted((p, p.stat().st_mtime_ns) for p in s.home.rglob("*"))
    s("preview")
    assert sorted((p, p.stat().st_mtime_ns) for p in s.home.rglob("*")) == kept


def test_preview_takes_the_first_new_input_and_stops_at_the_limit(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    time.sleep(2.1)  # before that a file may still change unseen, so it counts as new
    s("run")
    write_csv(shop, "b.csv", rows(100, 50))
    seen = preview(s, "--limit", "7")
    assert (seen["input"], seen["records"], seen["whole"]) == ("inbox/b.csv", 7, False)
    assert [r["id"] for r in seen["rows"]] == list(range(100, 107))
    (shop / "inbox" / "b.csv").unlink()
    shown = s("preview").stdout
    assert "nothing new" in shown and "records 5: kept 3" in shown


def test_preview_cuts_records_as_collect_does(make: Make, shop: Path) -> None:
    """Line ends inside quotes, no line end at the end, and a record larger than a part."""
    (shop / "inbox" / "a.csv").write_bytes(b'id,placed,total,country\r\n1,,,"FR\r\n"\r\n2,,,FR')
    s = make(shop / "pipeline.yaml")
    seen = preview(s)
    assert (seen["records"], seen["kept"]) == (2, 1) and seen["rejects"][0]["field"] == "country"
    (shop / "inbox" / "a.csv").write_text("id,placed,total,country\n" + '1,,,"' + "x" * (1 << 20) + '"\n')
    assert "larger" in s("preview", code=65).result["error"]


def test_preview_without_any_input_says_where_it_looked(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    (shop / "inbox" / "a.csv").unlink()
    assert "drop" in s("preview", code=66).result["hint"]


# --- check ---------------------------------------------------------------------------------------------------


def lines(text: str) -> dict[str, str]:
    """Subject: state, of a check's report."""
    return {m[2].strip(): m[1] for m in re.finditer(r"^(ok|failed|skipped) +(.{28})", text, re.M)}


def use_sql(folder: Path, model: str, query: str = "select * from totals where n > :least::bigint") -> None:
    write_pipeline(folder, extra="models: {totals: {as: view}}\nqueries: {big: {}}")
    for sub in ("models", "queries"):
        (folder / sub).mkdir(exist_ok=True)
    (folder / "models" / "totals.sql").write_text(model)
    (folder / "queries" / "big.sql").write_text(query)


def test_check_says_ok_before_and_after_the_first_run(make: Make, shop: Path, backend: str) -> None:
    use_sql(shop, "select count(*) as n from shop")
    write_csv(shop, "a.csv", rows(1, 3))
    s = make(shop / "pipeline.yaml", backend)
    first = s("check").stdout
    assert set(lines(first).values()) <= {"ok", "skipped"} and "1 input, 1 new" in first
    s("run")
    kept = s.table(ALL)
    again = s("check")
    assert set(lines(again.stdout).values()) == {"ok"} and "fits" in again.stdout
    assert again.result["n_in"] == again.result["kept"] == len(lines(again.stdout))
    assert s.table(ALL) == kept and not (s.home / "shop" / "runs" / "check").exists()


@pytest.mark.parametrize(
    ("model", "query", "subject"),
    [("select nothing from shop", "select 1", "model"), ("select 1 as n", "select nothing from totals", "query big")],
    ids=["model", "query"],
)
def test_check_plans_the_sql(make: Make, shop: Path, backend: str, model: str, query: str, subject: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    use_sql(shop, "select count(*) as n from shop", "select 1")
    write_csv(shop, "a.csv", rows(1, 3))
    s("run")
    use_sql(shop, model, query)
    if subject != "model":
        s("aggregate", "--run-id", "r")
    done = s("check", code=78)
    failed = [name for name, state in lines(done.stdout).items() if state == "failed"]
    assert len(failed) == 1 and failed[0].startswith(subject), done.stdout
    assert "nothing" in done.result["error"] and "cure:" in done.stdout


def test_check_tells_everything_that_fails_and_the_first_decides(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml", sets=[f"drop.path={shop}/missing/*.csv"])
    s.backend = "local"
    done = s("check", code=66)
    states = lines(done.stdout)
    assert states["source drop"] == "failed" and states["store pg, warehouse"] == "failed" and states["home"] == "ok"
    assert done.result["rejected"] == 2 and "SLUICE_CONN_WAREHOUSE" in done.stdout


# --- runs and rejects ----------------------------------------------------------------------------------------


def test_runs_tell_entries_stages_and_exits(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    assert "no run" in s("runs").stdout
    s("run", "--run-id", "first")
    write_csv(shop, "b.csv", rows(10, 4, country="XX"))
    s("run", "--run-id", "second", code=65)
    second, first = json.loads(s("runs", "--format", "json").stdout)
    assert (second["run"], second["exit"], first["run"], first["exit"]) == ("second", 65, "first", 0)
    assert first["entries"] == [{"source": "drop", "entry": 1, "state": "stored"}]
    assert second["entries"] == [{"source": "drop", "entry": 2, "state": "refused"}]
    stages = {e["stage"]: e["exit"] for e in second["stages"]}
    assert stages["collect"] == 0 and stages["store"] == 65 and stages["run"] == 65
    assert all(e["started"] <= e["finished"] and e["seconds"] >= 0 for e in second["stages"])
    text = s("runs", "--run", "first").stdout
    assert "entry drop/1  stored" in text and "second" not in text
    assert "1 older" in s("runs", "--limit", "1").stdout


def test_rejects_by_rule_and_one_by_one(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    assert "sluice run" in s("rejects", code=66).result["hint"]
    s("run", "--run-id", "first")
    write_csv(shop, "b.csv", rows(10, 4, country="XX"))
    s("run", "--run-id", "second", code=65)
    counts = s("rejects", "list", "--format", "json").rows()
    assert [(r["rejects"], r["field"], r["rule"]) for r in counts] == [
        (4, "country", "enum"),
        (1, "placed", "type"),
        (1, "total", "min"),
    ]
    assert len(s("rejects", "show", "--run", "first", "--format", "json").rows()) == 2
    shown = s("rejects", "show", "--field", "country", "--rule", "enum", "--format", "json").rows()
    assert {r["entry_is"] for r in shown} == {"refused"} and len(shown) == 4
    raw = (shop / "inbox" / "b.csv").read_bytes()
    for r in shown:
        record = raw[r["offset"] : r["offset"] + r["length"]].decode().strip()
        masked = re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"[0-9]", "9", record)))
        assert r["input"] == "inbox/b.csv" and r["excerpt"].strip() == masked and "XX" not in r["excerpt"]
    assert s("rejects", "show", "--limit", "2").stdout.count("inbox/") == 2
    assert "list" in s("rejects", "nonsense", code=64).result["hint"]


# --- rebuild -------------------------------------------------------------------------------------------------


def test_rebuild_follows_a_new_mode_key_and_columns(make: Make, shop: Path, backend: str) -> None:
    use_sql(shop, "select count(*) as n from shop", "select 1")
    write_csv(shop, "a.csv", [*rows(1, 3), *rows(1, 2, total="2.00", day=2)])
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    assert s.query("select n from totals") == [{"n": 5}]
    text = (shop / "pipeline.yaml").read_text()
    latest = text.replace("mode: append", "mode: latest, key: [id], version: placed")
    (shop / "pipeline.yaml").write_text(latest)
    assert "sluice rebuild shop" in s("store", "--run-id", "r", code=78).result["hint"]
    assert s.query("select n from totals") == [{"n": 5}]
    done = s("rebuild")
    assert (done.result["written"], done.result["stale"], done.result["n_in"]) == (3, 0, 5)
    assert s.query("select n from totals") == [{"n": 3}]
    assert s.query("select id, total from shop order by id") == [
        {"id": 1, "total": 2.0},
        {"id": 2, "total": 2.0},
        {"id": 3, "total": 9.5},
    ]
    (shop / "pipeline.yaml").write_text(latest.replace("  country: {type", "  land: {from: country, type"))
    s("rebuild", "shop")
    assert s.query("select distinct land from shop") == [{"land": "FR"}]
    assert s("run").result["written"] == 0
    write_csv(shop, "b.csv", rows(50, 2))
    assert s("run").result["inserted"] == 2
    assert s("rebuild", "other", code=64).result["hint"] == 'its table is "shop"'


def test_rebuild_is_the_table_that_a_first_load_would_make(make: Make, shop: Path, backend: str) -> None:
    """The documented limit of mode latest: what no edition makes any more stays, until a rebuild."""
    write_pipeline(shop, mode="latest")
    write_csv(shop, "a.csv", rows(1, 4, total="1.00", day=1))
    write_csv(shop, "b.csv", rows(2, 4, total="2.00", day=2))
    s = make(shop / "pipeline.yaml", backend)
    s("run", "--run-id", "first")
    write_csv(shop, "b.csv", rows(3, 1, total="3.00", day=3))
    s("run", "--run-id", "second")
    assert [r["id"] for r in s.query("select id from shop order by id")] == [1, 2, 3, 4, 5]
    changes = "select id, _sl_change from shop order by id"
    before = {r["id"]: r["_sl_change"] for r in s.query(changes)}
    s("rebuild")
    fresh = make(shop / "pipeline.yaml", backend)
    fresh("run")
    assert s.table(ALL) == fresh.table(ALL)
    after = {r["id"]: r["_sl_change"] for r in s.query(changes)}
    assert after[1] == before[1] and after[3] == before[3], "an unchanged row keeps its change number"
    assert after[2] > max(before.values()), "a row that changed has a greater one"
    s("run", "--run-id", "second")
    assert s.table(ALL) == fresh.table(ALL)
    counts = s.query(
        "select sum(ok) as ok, sum(inserted + updated + unchanged + stale + superseded) as seen from sluice.entry"
    )
    assert counts[0]["ok"] == counts[0]["seen"]


def test_rebuild_beyond_the_reject_limit_changes_nothing(make: Make, shop: Path, backend: str) -> None:
    write_csv(shop, "a.csv", rows(1, 3))
    s = make(shop / "pipeline.yaml", backend)
    s("run")
    before = s.table(ALL)
    (shop / "pipeline.yaml").write_text((shop / "pipeline.yaml").read_text().replace("min: 0", "min: 100"))
    assert s("rebuild", code=65).result["rejected"] == 3
    assert s.table(ALL) == before and "older rules" in s("state").stdout


def test_rebuild_leaves_tables_alone_that_are_not_its_own(make: Make, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 3))
    s = make(shop / "pipeline.yaml", "local")
    s("run")
    host, _, rest = s.env["SLUICE_CONN_WAREHOUSE"].partition("@")[2].partition(":")
    port, _, database = rest.partition("/")
    psql = ["psql", "-XAtqc", "create table mine (x int); insert into mine values (7)"]
    subprocess.run([*psql, "-h", host, "-p", port, "-U", "postgres", "-d", database], check=True)
    (shop / "pipeline.yaml").write_text((shop / "pipeline.yaml").read_text().replace("table: shop", "table: mine"))
    assert "mine" in s("rebuild", code=78).result["error"]
    assert s.query("select x from mine") == [{"x": 7}]
    (shop / "pipeline.yaml").write_text((shop / "pipeline.yaml").read_text().replace("table: mine", "table: new.shop"))
    s("rebuild")
    assert len(s.query("select id from new.shop")) == 3 and len(s.query("select id from shop")) == 3


def test_rebuild_with_another_home_is_refused(make: Make, shop: Path, tmp_path: Path) -> None:
    """Editions count in the log of the HOME that the table was made with."""
    write_csv(shop, "a.csv", rows(1, 3))
    s = make(shop / "pipeline.yaml", "local")
    s("run")
    s.home = tmp_path / "other"
    assert "HOME" in s("rebuild", code=78).result["error"]
    write_csv(shop, "b.csv", rows(10, 3))
    (shop / "inbox" / "a.csv").unlink()
    s("collect", "--run-id", "r")
    s("store", "--run-id", "r", "--adopt")
    assert "another HOME" in s("rebuild", code=78).result["error"]
    assert len(s.query("select id from shop")) == 6


def test_rebuild_of_nothing_and_of_refused_entries(make: Make, shop: Path, backend: str) -> None:
    s = make(shop / "pipeline.yaml", backend)
    assert "nothing is stored yet" in s("rebuild").stdout
    s("run", "--run-id", "first")
    write_csv(shop, "b.csv", rows(10, 4, country="XX"))
    s("run", "--run-id", "second", code=65)
    s("rebuild")
    assert "refused" in s("state").stdout and len(s("rejects", "show", "--format", "json").rows()) == 6
    assert len(s.query("select id from shop")) == 3


def test_changes_by_hand_are_noted(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    assert "nothing was changed" in s("state", "history").stdout
    s("run")
    s("state", "rescan", env={"USER": "ann"})
    s("rebuild")
    noted = [json.loads(f.read_text()) for f in sorted((s.home / "shop" / "audit").iterdir())]
    assert [n["change"] for n in noted] == ["rescan", "rebuild"] and noted[0]["user"] == "ann"
    assert all(n["time"] and n["host"] and n["pid"] and n["what"] for n in noted)
    shown = s("state", "history").stdout.splitlines()
    assert "rescan" in shown[0] and "ann" in shown[0] and "rebuild" in shown[1]
    assert len(s("state", "history", "--entries", "1").stdout.splitlines()) == 1


# --- plan --explain ------------------------------------------------------------------------------------------


def test_plan_explains_every_section_and_hides_secrets(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml", sets=["rejects.limit=3"])
    s.env |= {"SLUICE_CONN_WAREHOUSE": "postgres://me:hush@db:5433/x", "SLUICE_PARALLEL_MAX": "4"}
    s.backend = "local"
    out = s("plan", "--explain").stdout
    told = {m[1]: (m[2], m[3]) for m in re.finditer(r"^(.+?) = (.*?) +# (.*)$", out, re.M)}
    assert told["rejects.limit"] == ("3", "--set") and told["parallel.max"] == ("4", "SLUICE_PARALLEL_MAX")
    assert told["parallel.bytes"] == ("64MiB", "default") and told["schedule.timezone"] == ("UTC", "default")
    assert told["sources.drop.codec.csv.delimiter"] == (",", "default")
    assert told["contract.country.required"] == ("false", "default") and told["contract.id.from"] == ("id", "default")
    assert told["backend"] == ("local", "--backend") and told["home"] == (str(s.home), "SLUICE_HOME")
    assert told["connection warehouse"] == ("postgres://me@db:5433/x", "SLUICE_CONN_WAREHOUSE")
    assert re.fullmatch(rf"{re.escape(s.pipeline)}:\d+:\d+", told["store.table"][1]) and "hush" not in out
    write_pipeline(shop, extra='description: "postgres://me:hush@db/x"')
    assert "hush" not in s("plan", "--explain").stdout


def test_plan_names_the_engine_of_each_role_with_its_connection(make: Make, shop: Path) -> None:
    s = make(shop / "pipeline.yaml")
    file = shop / "pipeline.yaml"
    far = "  far: {bronze: {s3: lake}, queue: {redis: tickets}, store: {postgres: warehouse}}\n"
    file.write_text(re.sub(r"(?m)^backends:\n", f"backends:\n{far}", file.read_text()))
    (here,) = [line for line in s("plan").stdout.splitlines() if line.startswith("  backend")]
    assert here == "  backend   embedded: bronze file, store duckdb"
    s.backend = "far"
    (there,) = [line for line in s("plan").stdout.splitlines() if line.startswith("  backend")]
    assert there == "  backend   far: bronze s3 (lake), queue redis (tickets), store pg (warehouse)"


# --- init and completion -------------------------------------------------------------------------------------


def sluice(*args: str, cwd: Path, code: int = 0) -> str:
    env = {"PATH": os.environ["PATH"], "SLUICE_HOME": str(cwd / "home")}
    done = subprocess.run([str(BIN / "sluice"), *args], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["shop", "my-shop"])
def test_new_pipeline_runs_as_it_is(tmp_path: Path, name: str) -> None:
    assert f"sluice run {name}" in sluice("init", name, cwd=tmp_path)
    folder = tmp_path / "pipelines" / name
    assert {p.name for p in folder.iterdir()} == {"pipeline.yaml", "inbox", "models", "queries", "README.md"}
    for command in ("validate", "check", "preview", "run"):
        sluice(command, name, cwd=tmp_path)
    assert json.loads(sluice("query", name, "since", "--param", "day=2026-01-06", "--format", "json", cwd=tmp_path))
    table = name.replace("-", "_")
    assert json.loads(sluice("query", name, "--sql", f"select * from {table}_by_day", "--format", "json", cwd=tmp_path))


def test_init_writes_over_nothing(tmp_path: Path) -> None:
    sluice("init", "some/where/shop", cwd=tmp_path)
    before = (tmp_path / "some" / "where" / "shop" / "pipeline.yaml").read_text()
    sluice("init", "some/where/shop", cwd=tmp_path, code=64)
    assert (tmp_path / "some" / "where" / "shop" / "pipeline.yaml").read_text() == before
    for bad in ("Shop", "1shop", "a b", ""):
        sluice("init", bad, cwd=tmp_path, code=64)
    assert not (tmp_path / "pipelines").exists()


COMPLETE = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_bash_completes_commands_flags_choices_and_pipelines(tmp_path: Path) -> None:
    sluice("init", "shop", cwd=tmp_path)
    (tmp_path / "bash").write_text(sluice("completion", "bash", cwd=tmp_path))

    def complete(*words: str) -> list[str]:
        argv = ["bash", "--norc", "-c", COMPLETE, "bash", str(tmp_path / "bash"), *words]
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()

    assert complete("sluice", "pre") == ["preview"] and set(complete("sluice", "re")) == {
        "rejects",
        "rebuild",
        "report",
    }
    assert complete("sluice", "preview", "--lim") == ["--limit"]
    assert complete("sluice", "export", "shop", "--format", "") == ["auto", "csv", "json", "jsonl", "parquet"]
    assert complete("sluice-normalize", "--part") == ["--parts", "--partition"] and "shop" in complete(
        "sluice", "run", "s"
    )
    assert complete("sluice", "completion", "f") == ["fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_command_and_flag(tmp_path: Path, shell: str) -> None:
    text = sluice("completion", shell, cwd=tmp_path)
    described = json.loads(sluice("--describe", cwd=tmp_path))
    for command in described["commands"]:
        assert re.search(rf"\b{command['name']}\b", text), command["name"]
        for field in [*command["flags"], *command["params"]]:
            assert field["name"].replace("_", "-") in text
    for exe in BIN.glob("sluice-*"):
        assert exe.name in text
    sluice("completion", "tcsh", cwd=tmp_path, code=64)


# --- progress ------------------------------------------------------------------------------------------------


def test_terminal_shows_one_line_that_goes_away(make: Make, shop: Path) -> None:
    """A run that waits for a busy child shows how long, on one line; a file or pipe gets none of it."""
    s = make(shop / "pipeline.yaml")
    fault = {"SLUICE_FAULT": "store.before_switch:1:stop", "TERM": "xterm"}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    child = subprocess.Popen(
        s.argv("run", "--run-id", "r"),
        env=s.environment() | fault, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while b" 3 s" not in seen:
            seen += os.read(ours, 4096)
    except OSError:
        pytest.skip("skipped: this build has no fault points")
    finally:
        child.terminate()
        child.wait(20)
    rest = b""
    try:
        while piece := os.read(ours, 4096):
            rest += piece
    except OSError:
        pass
    os.close(ours)
    status = [line for line in re.split(rb"\r\x1b\[K", seen + rest) if line.startswith(b"sluice-store")]
    assert len(status) >= 3 and all(b"\n" not in line for line in status) and all(len(line) < 60 for line in status)
    assert (seen + rest).rpartition(b"\r\x1b[K")[2].find(b"sluice-store") < 0, "the line is left behind"


def test_pipe_gets_no_terminal_codes(make: Make, shop: Path) -> None:
    done = make(shop / "pipeline.yaml")("run")
    assert "\x1b" not in done.stderr + done.stdout and "\r" not in done.stderr


def test_two_rebuilds_at_once_give_one_table(make: Make, shop: Path) -> None:
    write_csv(shop, "a.csv", rows(1, 5000))
    s = make(shop / "pipeline.yaml", "local")
    s("run")
    before = s.table(ALL)
    children = [s.start("rebuild") for _ in range(3)]
    codes = {finish(child).code for child in children}
    assert 0 in codes and codes <= {0, 75}, codes
    assert s.table(ALL) == before
