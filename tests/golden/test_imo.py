"""The imo pipeline: made-up listings give known rows, real ones the values that were read by hand."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.lib.stage import Sluice

Make = Callable[..., Sluice]

NUMBERS = ("prix_eur", "pieces", "chambres", "surface_m2", "terrain_m2")
TEXTS = ("transaction", "type_titre", "ville", "code_postal", "dpe_classe", "ges_classe")


@pytest.fixture
def examples(make: Make, backend: str) -> Sluice:
    sluice = make("imo", backend)
    sluice("run")
    return sluice


def test_newest_stated_price_stands_and_a_silent_page_erases_nothing(examples: Sluice) -> None:
    rows = examples.query(
        "select reference, prix_eur, dpe_classe, observations from silver.annonces"
        " where reference in ('9000001', '9000005') order by reference"
    )
    assert [(r["reference"], Decimal(str(r["prix_eur"])), r["dpe_classe"], r["observations"]) for r in rows] == [
        ("9000001", Decimal(239000), "C", 3),
        ("9000005", Decimal(1320000), None, 2),
    ]


def test_fall_of_a_price_is_one_row(examples: Sluice) -> None:
    rows = examples("query", "baisses", "--format", "json").rows()
    assert [(r["reference"], Decimal(str(r["baisse"]))) for r in rows] == [("9000001", Decimal(9000))]


def test_towns_in_capitals_are_one_market(examples: Sluice) -> None:
    rows = examples.query("select ville, sum(annonces) as n from gold.marche group by ville order by ville")
    assert [(r["ville"], int(r["n"])) for r in rows] == [
        ("port-aurel", 3),
        ("saint-aubin-la-roche", 1),
        ("valbrume", 3),
    ]


def test_garage_has_gross_surface_only(examples: Sluice) -> None:
    rows = examples.query(
        "select surface_m2, surface_brute_m2, pieces from silver.annonces where reference = '9000004'"
    )
    assert rows[0]["surface_m2"] is None
    assert rows[0]["pieces"] is None
    assert Decimal(str(rows[0]["surface_brute_m2"])) == 13


def stated_values(shared: Path) -> Iterator[tuple[str, str, str]]:
    """(reference, column, value) of every value that the control file states for detail pages."""
    with (shared / "data/imo/controle/valeurs_attendues.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if "_vente_detail_" in row["fichier"] or "_fiche_" in row["fichier"]:
                yield from ((row["reference"], c, row[c]) for c in NUMBERS + TEXTS if row[c])


def same(column: str, got: Any, want: str) -> bool:
    if column in NUMBERS:
        return got is not None and Decimal(str(got)) == Decimal(want)
    return got == want


def test_real_detail_pages_give_every_value_that_people_read(make: Make, backend: str, shared: Path) -> None:
    sluice = make("imo", backend)
    sluice.sets = [f"fichiers.path={shared}/data/imo/annonces/*_20251112.json"]
    assert sluice("run").result["rejected"] == 0
    rows = {r["reference"]: r for r in sluice.query("select * from silver.annonces")}
    wrong = [
        (reference, column, rows.get(reference, {}).get(column), want)
        for reference, column, want in stated_values(shared)
        if not same(column, rows.get(reference, {}).get(column), want)
    ]
    assert not wrong


def test_real_pages_seen_again_are_observations_of_one_listing(make: Make, backend: str, shared: Path) -> None:
    sluice = make("imo", backend)
    sluice.sets = [f"fichiers.path={shared}/data/imo/annonces/montpellier_vente_detail_20251112.json"]
    sluice("run")
    counts = sluice.query(
        "select (select count(*) from silver.observations) as seen, count(*) as listings from silver.annonces"
    )
    assert (int(counts[0]["seen"]), int(counts[0]["listings"])) == (134, 60)
