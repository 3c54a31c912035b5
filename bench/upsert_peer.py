"""A peer of bench/upsert.py: a CSV file into table "peer" by psycopg2's execute_values, as its documentation shows it.

usage: upsert_peer.py URL FILE ROWS-A-STATEMENT
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import psycopg2
from psycopg2.extras import execute_values


def main() -> None:
    url, path, page = sys.argv[1:]
    with Path(path).open(newline="") as file, psycopg2.connect(url) as conn, conn.cursor() as cursor:
        rows = csv.reader(file)
        names = next(rows)
        sets = ", ".join(f"{n} = excluded.{n}" for n in names if n != "order_id")
        sql = f"insert into peer ({', '.join(names)}) values %s on conflict (order_id) do update set {sets}"
        execute_values(cursor, sql, ([cell or None for cell in row] for row in rows), page_size=int(page))


if __name__ == "__main__":
    main()
