"""dlt as a peer of bench/load.py: orders of a CSV through a contract into PostgreSQL.

usage: load_dlt.py rows|arrow URL FILE
rows:  as its manual shows a contract: csv's rows, a Pydantic model, rows that do not fit are discarded.
arrow: the quickest way found: pyarrow's CSV blocks as text, the contract written by hand in its functions.
Both load CSV by COPY.
dlt counts no rejects and does not say why; what is missing in the table is what was rejected.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from pydantic import BaseModel, Field, field_validator

COUNTRIES = ("FR", "BE", "CH", "LU", "DE")
STATES = ("new", "paid", "shipped", "returned")
PAGE = 5000


class Order(BaseModel):
    order_id: Annotated[int, Field(ge=1)]
    placed_at: datetime
    customer: str
    email: str | None
    country: Literal["FR", "BE", "CH", "LU", "DE"] | None
    status: Literal["new", "paid", "shipped", "returned"] | None
    quantity: Annotated[int, Field(ge=1, le=1000)] | None
    total: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)] | None
    shipped_on: date | None
    note: str | None

    @field_validator("*", mode="before")
    @classmethod
    def nothing(cls, value: Any) -> Any:
        return None if value == "" else value


def rows(path: Path) -> Iterator[list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        page: list[dict[str, str]] = []
        for row in csv.DictReader(file):
            page.append(row)
            if len(page) == PAGE:
                yield page
                page = []
        yield page


def fits(t: pa.Table) -> Any:
    """Which rows keep the contract; a value that is no number or time is told by its form."""

    def form(name: str, pattern: str) -> Any:
        return pc.match_substring_regex(t[name], pattern)

    def absent_or(name: str, ok: Any) -> Any:
        return pc.or_kleene(pc.is_null(t[name]), ok)

    good = pc.and_(form("order_id", r"^[0-9]{1,18}$"), form("placed_at", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"))
    good = pc.and_(good, pc.is_valid(t["customer"]))
    good = pc.and_(good, absent_or("country", pc.is_in(t["country"], pa.array(COUNTRIES))))
    good = pc.and_(good, absent_or("status", pc.is_in(t["status"], pa.array(STATES))))
    good = pc.and_(good, absent_or("quantity", form("quantity", r"^([1-9][0-9]{0,2}|1000)$")))
    good = pc.and_(good, absent_or("total", form("total", r"^[0-9]{1,10}(\.[0-9]{1,2})?$")))
    good = pc.and_(good, absent_or("shipped_on", form("shipped_on", r"^\d{4}-\d\d-\d\d$")))
    return pc.fill_null(good, False)


TYPES = {
    "order_id": pa.int64(),
    "placed_at": pa.timestamp("us", "UTC"),
    "quantity": pa.int64(),
    "total": pa.decimal128(12, 2),
    "shipped_on": pa.date32(),
}


def typed(t: pa.Table) -> pa.Table:
    for i, name in enumerate(t.column_names):
        if name == "placed_at":
            naive = pc.strptime(t[name], format="%Y-%m-%dT%H:%M:%SZ", unit="us")
            t = t.set_column(i, name, pc.assume_timezone(naive, "UTC"))
        elif name in TYPES:
            t = t.set_column(i, name, t[name].cast(TYPES[name]))
    return t


def blocks(path: Path) -> Iterator[pa.Table]:
    names = list(Order.model_fields)
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    for batch in pyarrow.csv.open_csv(path, convert_options=convert):
        t = pa.Table.from_batches([batch])
        yield typed(t.filter(fits(t)))


def resource(way: str, path: Path) -> Any:
    if way == "arrow":
        return dlt.resource(blocks(path), name="orders", write_disposition="append")
    contract = {"tables": "evolve", "columns": "evolve", "data_type": "discard_row"}
    made = dlt.resource(rows(path), name="orders", write_disposition="append", columns=Order, schema_contract=contract)
    made.apply_hints(columns={"total": {"data_type": "decimal", "precision": 12, "scale": 2}})
    return made


def main() -> None:
    way, url, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    pipeline = dlt.pipeline(
        pipeline_name="orders",
        pipelines_dir=os.environ["DLT_DIR"],
        destination=dlt.destinations.postgres(url),
        dataset_name=f"dlt_{way}",
    )
    pipeline.run(resource(way, path), loader_file_format="csv").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
