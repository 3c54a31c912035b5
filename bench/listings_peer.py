"""The rules of bench/pipelines/listings as somebody writes them in Python: json and re. Writes JSON lines.

usage: listings_peer.py IN.jsonl OUT.jsonl
"""

import json
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

CODE = re.compile(r"\(([0-9]{5})\)")
TOWN = re.compile(r"^.* à (.*) \(")
ENERGY = re.compile("classe ENERGIE ([A-G])")
LOTS = re.compile("copropriété de ([0-9]+) lots")
COUNTRIES = {"France": "FR", "Belgique": "BE", "Suisse": "CH"}
PARIS = ZoneInfo("Europe/Paris")


def first(pattern: re.Pattern, text: str | None) -> str | None:
    found = pattern.search(text) if text is not None else None
    return found.group(1) if found else None


def amount(text: str, unit: str, scale: str) -> str:
    number = text.removesuffix(unit).rstrip().replace(" ", "").replace("\N{NO-BREAK SPACE}", "").replace(",", ".")
    return str(Decimal(number).quantize(Decimal(scale)))


def convert(record: dict) -> dict:
    title = " ".join(record["title"].split())
    text = record["description"]
    code, town = first(CODE, title), first(TOWN, title)
    seen = datetime.strptime(record["seen"], "%d/%m/%Y %H:%M").replace(tzinfo=PARIS).astimezone(UTC)
    phone = record["phone"]
    return {
        "id": record["id"],
        "title": title,
        "town": town,
        "code": code,
        "country": COUNTRIES[record["address"]["country"]],
        "price": amount(record["price"], "€", "0.01"),
        "surface": amount(record["surface"], "m²", "0.000001"),
        "rooms": record["rooms"],
        "seen": seen.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "energy": first(ENERGY, text),
        "lots": first(LOTS, text),
        "phone": None if phone in ("n/a", "inconnu") else phone,
        "tags": list(dict.fromkeys(record["tags"])),
        "place": " ".join(v for v in (code, town) if v) or None,
    }


def main() -> None:
    with Path(sys.argv[1]).open(encoding="utf-8") as lines, Path(sys.argv[2]).open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(convert(json.loads(line)), ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
