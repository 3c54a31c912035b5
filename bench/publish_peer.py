"""The peer of bench/publish.py: rows of a CSV into guarded upserts by pymongo, 1,000 a bulk, unordered.

usage: publish_peer.py URL DATABASE FILE
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pymongo
from bson import Decimal128, Int64
from bson.codec_options import CodecOptions

NUMBER = Int64(1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


TYPES = {
    "order_id": lambda v: Int64(v),
    "placed_at": moment,
    "quantity": lambda v: Int64(v),
    "total": Decimal128,
    "shipped_on": lambda v: datetime.strptime(v, "%Y-%m-%d").replace(tzinfo=UTC),
}


def documents(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield {name: TYPES.get(name, str)(value) for name, value in row.items() if value}


def main() -> None:
    url, database, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    concern = pymongo.WriteConcern(w="majority", j=True, wtimeout=30000)
    client: Any = pymongo.MongoClient(url)
    orders = client.get_database(database, CodecOptions(tz_aware=True), write_concern=concern).orders
    rows = documents(path)
    while batch := list(islice(rows, 1000)):
        orders.bulk_write(
            [
                pymongo.ReplaceOne(
                    {"_id": d["order_id"], "_sl.n": {"$lt": NUMBER}}, d | {"_sl": {"n": NUMBER}}, upsert=True
                )
                for d in batch
            ],
            ordered=False,
        )


if __name__ == "__main__":
    main()
