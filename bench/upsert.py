"""1 M orders into a filled PostgreSQL table, every key with a newer version: sluice (every guarantee on) beside what is
written by hand, which has none: no bronze, no types checked, no rejects, no counts, and the last writer wins.

`copy`, which fills the table; staged by `copy` and put in by INSERT … ON CONFLICT; the same by one UPDATE … FROM, the
least that changes every row (it adds none); psycopg2's execute_values with ON CONFLICT, a thousand rows a statement.
Environment: as in orders_1m.py.
"""

from __future__ import annotations

from orders_1m import COLUMNS, ROWS, Files, Target, deliver, prepare, psql_copy, server, through, write_files
from run import ROOT, Frame, Sample, Table, get_peers, peer_python, spread

NAMES = COLUMNS.split(", ")
STAGE = "begin; create temp table s (like peer); alter table s drop column _sl_input, drop column _sl_seq"
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


def execute_values(target: Target, files: Files) -> Sample:
    psql_copy(target, "latest", files.first)
    assert target.server
    argv = [peer_python("upsert"), str(ROOT / "bench" / "upsert_peer.py")]
    argv += [target.server.uri(target.database), str(files.newer)]
    return target.frame.sample("execute_values", argv, server=target.server.pid())


def one_round(target: Target, files: Files) -> dict[str, Sample]:
    prepare(target, "latest", files.first)
    through(target, "first", "r1")
    deliver(target, files.newer)
    stages = through(target, "filled", "r2")
    again = through(target, "rerun", "r2")
    wanted = target.hash("orders")
    out = {"sluice": Sample.whole(stages[n] for n in OURS), "of it sluice-store": stages["store"]}
    out |= {"sluice, the exact rerun": Sample.whole(again[n] for n in OURS)}
    out |= {"copy, empty table": psql_copy(target, "latest", files.newer)}
    for name in BY_HAND:
        out[f"copy, then {name}"] = by_hand(target, files, name)
        assert target.hash("peer") == wanted
    out["execute_values"] = execute_values(target, files)
    assert target.hash("peer") == wanted
    return out


def bench(frame: Frame) -> list[Table]:
    get_peers("upsert")
    files = write_files(frame.dir)
    with server() as pg:
        target = Target(frame, frame.dir / "local", "local", pg, "bench_upsert")
        rounds = [one_round(target, files) for _ in range(frame.rounds)]
    table = Table(
        f"{ROWS:,} orders newer, into a filled table", ["what", "CPU, s", "of it server, s", "÷ copy", "wall, s"]
    )
    for case in rounds[0]:
        samples = [r[case] for r in rounds]
        ratio = [r[case].cpu / r["copy, empty table"].cpu for r in rounds]
        cpu, busy = spread([s.cpu for s in samples]), spread([s.server for s in samples])
        table.rows.append([case, cpu, busy, spread(ratio), spread([s.wall for s in samples])])
    return [table]
