"""pandas and polars as peers of bench/listings.py and bench/csv_reader.py, each as its manual would have it.

usage: frames.py polars|pandas listings IN.jsonl OUT.jsonl
       frames.py polars|pandas csv FILE TIMES ROWS
       frames.py polars|pandas none
polars streams and keeps decimals; pandas works in blocks of 20,000 rows and on floating-point numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

CODE, TOWN = r"\(([0-9]{5})\)", r"^.* à (.*) \("
ENERGY, LOTS = "classe ENERGIE ([A-G])", "copropriété de ([0-9]+) lots"
COUNTRIES = {"France": "FR", "Belgique": "BE", "Suisse": "CH"}
NONE = ["n/a", "inconnu"]


def polars_amount(name: str, unit: str, scale: int) -> Any:
    import polars as pl

    text = pl.col(name).str.strip_suffix(unit).str.replace_all("[ \u00a0]", "").str.replace(",", ".", literal=True)
    return text.str.to_decimal(scale=scale).alias(name)


def polars_listings(source: str, target: str) -> None:
    import polars as pl

    text = pl.String
    schema: dict[str, Any] = {
        "id": pl.Int64, "title": text, "price": text, "surface": text, "rooms": pl.Int64, "seen": text, "phone": text,
        "address": pl.Struct({"country": text}), "tags": pl.List(text), "description": text,
    }  # fmt: skip
    title, about = pl.col("title"), pl.col("description")
    seen = pl.col("seen").str.to_datetime("%d/%m/%Y %H:%M").dt.replace_time_zone("Europe/Paris")
    (
        pl.scan_ndjson(source, schema=schema)
        .with_columns(title.str.strip_chars().str.replace_all(r"\s+", " "))
        .with_columns(code=title.str.extract(CODE), town=title.str.extract(TOWN))
        .select(
            "id", "title", "town", "code",
            pl.col("address").struct.field("country").replace_strict(COUNTRIES),
            polars_amount("price", "€", 2), polars_amount("surface", "m²", 6), "rooms",
            seen.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            about.str.extract(ENERGY).alias("energy"), about.str.extract(LOTS).alias("lots"),
            pl.when(~pl.col("phone").is_in(NONE)).then("phone").alias("phone"),
            pl.col("tags").list.unique(maintain_order=True),
            pl.concat_str("code", "town", separator=" ", ignore_nulls=True).replace("", None).alias("place"),
        )
        .sink_ndjson(target)
    )  # fmt: skip


def pandas_amount(texts: Any, unit: str, digits: int) -> Any:
    return texts.str.removesuffix(unit).str.replace("[ \u00a0]", "", regex=True).str.replace(",", ".").astype(
        float
    ).round(digits)  # fmt: skip


def pandas_block(d: Any) -> Any:
    import pandas as pd

    title = d.title.str.strip().str.replace(r"\s+", " ", regex=True)
    code, town = title.str.extract(CODE)[0], title.str.extract(TOWN)[0]
    seen = pd.to_datetime(d.seen, format="%d/%m/%Y %H:%M").dt.tz_localize("Europe/Paris").dt.tz_convert("UTC")
    both = code.notna() & town.notna()
    return pd.DataFrame({
        "id": d.id, "title": title, "town": town, "code": code,
        "country": d.address.str.get("country").map(COUNTRIES),
        "price": pandas_amount(d.price, "€", 2), "surface": pandas_amount(d.surface, "m²", 6), "rooms": d.rooms,
        "seen": seen.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "energy": d.description.str.extract(ENERGY)[0], "lots": d.description.str.extract(LOTS)[0],
        "phone": d.phone.mask(d.phone.isin(NONE)),
        "tags": d.tags.map(lambda v: list(dict.fromkeys(v))),
        "place": (code + " " + town).where(both, code.fillna(town)),
    })  # fmt: skip


def pandas_listings(source: str, target: str) -> None:
    import pandas as pd

    with Path(target).open("w", encoding="utf-8") as out:
        blocks = pd.read_json(source, lines=True, dtype=False, chunksize=20000)
        for block in blocks:
            pandas_block(block).to_json(out, orient="records", lines=True, force_ascii=False)


TYPES = {"order_id": "int64", "placed_at": "time", "customer": "text", "total": "decimal", "country": "text",
         "quantity": "int64", "note": "text"}  # fmt: skip


def polars_csv(path: str) -> int:
    """The reader's own look at times is slow, and so is its cache of them where they are many."""
    import polars as pl

    kinds: dict[str, Any] = {
        "int64": pl.Int64, "time": pl.String, "text": pl.String, "decimal": pl.Decimal(12, 2)
    }  # fmt: skip
    at = pl.col("placed_at").str.strptime(pl.Datetime("us"), "%Y-%m-%dT%H:%M:%SZ", cache=False)
    read = pl.scan_csv(path, schema={n: kinds[k] for n, k in TYPES.items()}).with_columns(at)
    return read.select(pl.len(), *(pl.col(n).max().alias(n) for n in TYPES)).collect(engine="streaming")["len"][0]


def pandas_csv(path: str) -> int:
    """By Arrow's reader and types, eight times as fast as its own."""
    import pandas as pd
    import pyarrow as pa

    pa.set_cpu_count(1)
    dtype = {"total": pd.ArrowDtype(pa.decimal128(12, 2))}
    d = pd.read_csv(path, engine="pyarrow", dtype_backend="pyarrow", dtype=dtype)
    assert str(d.placed_at.dtype).startswith("timestamp"), d.dtypes
    _ = [d[n].dropna().max() for n in TYPES]
    return len(d)


def main() -> None:
    library, what, *rest = sys.argv[1:]
    if what == "none":
        __import__(library)
    elif what == "csv":
        path, times, rows = rest[0], int(rest[1]), int(rest[2])
        for _ in range(times):
            assert {"polars": polars_csv, "pandas": pandas_csv}[library](path) == rows
    else:
        {"polars": polars_listings, "pandas": pandas_listings}[library](*rest)


if __name__ == "__main__":
    main()
