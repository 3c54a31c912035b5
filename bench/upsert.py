"""1 M orders into an empty PostgreSQL table, then every key with a newer version: sluice (every guarantee on) beside
what is written by hand, which has none: no bronze, no types checked, no rejects, no counts, and the last writer wins.

`copy`, which fills the table; staged by `copy` and put in by INSERT … ON CONFLICT; the same by one UPDATE … FROM, the
least that changes every row (it adds none); psycopg2's execute_values with ON CONFLICT, a hundred rows a statement,
which is its own choice, or a thousand.
Environment: as in orders_1m.py.
"""

from __future__ import annotations

from pathlib import Path

from orders_1m import COLUMNS, ROWS, Files, Target, deliver, prepare, psql_copy, server, through, write_files
from run import ROOT, Frame, Sample, Table, get_peers, peer_python, spread

Round = dict[str, Sample]
NAMES = COLUMNS.split(", ")
STAGE = "begin; create temp table s (like peer); alter table s drop column _sl_input, drop column _sl_seq"
PAGES = (100, 1000)  # the first is execute_values' own
OURS = ("collect", "normalize", "store")


def sets(row: str) -> str:
    return ", ".join(f"{n} = {row}.{n}" for n in NAMES if n != "order_id")


BY_HAND = {
    "ON CONFLICT": f"insert into peer ({COLUMNS}) select {COLUMNS} from s on conflict (order_id) do update set "
    + sets("excluded"),
    "UPDATE FROM": f"update peer t set {sets('s')} from s where t.order_id = s.order_id",
}


def by_hand(target: Target, files: Files, name: str) -> Sample:
    psql_copy(target, "latest", files.first)
    assert target.server
    target.server.psql("vacuum analyze peer; checkpoint", target.database)
    steps = [
        f"{STAGE}, drop column _sl_change",
        f"\\copy s ({COLUMNS}) from '{files.newer}' (format csv, header)",
        "analyze s (order_id)",
        BY_HAND[name],
        "commit",
    ]
    argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", target.server.uri(target.database)]
    argv += [word for step in steps for word in ("-c", step)]
    return target.frame.sample(f"by hand, {name}", argv, server=target.server.pid())


def execute_values(target: Target, csv: Path, page: int) -> Sample:
    assert target.server
    argv = [peer_python("upsert"), str(ROOT / "bench" / "upsert_peer.py")]
    argv += [target.server.uri(target.database), str(csv), str(page)]
    return target.frame.sample(f"execute_values, {page}", argv, server=target.server.pid())


def whole(stages: dict[str, Sample]) -> Sample:
    return Sample.whole(stages[n] for n in OURS)


def by_peers(target: Target, files: Files) -> Round:
    wanted = target.hash("orders")
    out = {"copy, empty table": psql_copy(target, "latest", files.newer)}
    for name in BY_HAND:
        out[f"copy, then {name}"] = by_hand(target, files, name)
        assert target.hash("peer") == wanted
    for page in PAGES:
        psql_copy(target, "latest", files.first)
        out[f"execute_values, {page} rows a statement"] = execute_values(target, files.newer, page)
        assert target.hash("peer") == wanted
    assert target.server
    target.server.psql("truncate peer", target.database)
    out["execute_values, empty table"] = execute_values(target, files.newer, PAGES[0])
    assert target.hash("peer") == wanted
    return out


def one_round(target: Target, files: Files) -> Round:
    prepare(target, "latest", files.first)
    out = {"sluice, empty table": whole(through(target, "first", "r1"))}
    deliver(target, files.newer)
    stages = through(target, "filled", "r2")
    out |= {"sluice": whole(stages), "of it sluice-store": stages["store"]}
    out |= {"sluice, the exact rerun": whole(through(target, "rerun", "r2"))}
    return out | by_peers(target, files)


def bench(frame: Frame) -> list[Table]:
    get_peers("upsert")
    files = write_files(frame.dir)
    with server() as pg:
        target = Target(frame, frame.dir / "local", "local", pg, "bench_upsert")
        rounds = [one_round(target, files) for _ in range(frame.rounds)]
    table = Table(
        f"{ROWS:,} orders, every key newer, into a filled table, except where said",
        ["what", "CPU, s", "of it server, s", "÷ copy", "wall, s"],
    )
    for case in rounds[0]:
        samples = [r[case] for r in rounds]
        ratio = [r[case].cpu / r["copy, empty table"].cpu for r in rounds]
        cpu, busy = spread([s.cpu for s in samples]), spread([s.server for s in samples])
        table.rows.append([case, cpu, busy, spread(ratio), spread([s.wall for s in samples])])
    return [table]
