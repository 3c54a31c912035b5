"""The market and the eight views over the real listings, computed a second time here from silver.annonces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from tests.golden.test_imo import filled
from tests.lib.stage import Sluice

Row = dict[str, Any]
Key = Any
PENNY = 0.0101  # means are rounded once more on the way
PERIODS = [(1900, "Avant 1900"), (1946, "1900-1945"), (1971, "1946-1970"), (1991, "1971-1990"), (2011, "1991-2010")]


@pytest.fixture(scope="module")
def imo(
    request: pytest.FixtureRequest, bin_dir: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Sluice:
    return filled(request, "imo", "embedded", f"{shared}/data/imo/annonces/*.json", tmp_path_factory)


@pytest.fixture(scope="module")
def listings(imo: Sluice) -> list[Row]:
    rows = imo.query("select * from silver.annonces")
    for r in rows:
        surface = r["surface_m2"] if r["surface_m2"] is not None else r["surface_brute_m2"]
        r["prix"] = None if r["prix_eur"] is None else float(r["prix_eur"])
        r["surface"] = None if surface is None else float(surface)
        r["m2"] = round(r["prix"] / r["surface"], 2) if r["prix"] is not None and r["surface"] else None
    return rows


@pytest.fixture(scope="module")
def sales(listings: list[Row]) -> list[Row]:
    return [r for r in listings if r["transaction"] == "vente"]


def stated(rows: Iterable[Row], column: str) -> list[float]:
    return [float(r[column]) for r in rows if r[column] is not None]


def average(rows: Iterable[Row], column: str) -> float | None:
    values = stated(rows, column)
    return mean(values) if values else None


def groups(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    found = defaultdict(list)
    for r in rows:
        found[key(r)].append(r)
    return found


def assert_rows(got: list[Row], want: dict[Key, dict[str, Any]], *keys: str) -> None:
    """Rows by their keys; numbers to the penny."""
    assert {tuple(r[k] for k in keys) for r in got} == set(want)
    assert len(got) == len(want) > 0
    for r in got:
        for column, value in want[tuple(r[k] for k in keys)].items():
            if isinstance(value, int | float | Decimal):
                assert float(r[column]) == pytest.approx(float(value), abs=PENNY), (r, column)
            else:
                assert r[column] == value, (r, column)


def view(imo: Sluice, name: str) -> list[Row]:
    return imo.query(f"select * from gold.{name}")


def means(rows: list[Row], count: str, *, surface: bool = True) -> dict[str, Any]:
    found = {count: len(rows), "prix_moyen": average(rows, "prix"), "prix_m2_moyen": average(rows, "m2")}
    return found | ({"surface_moyenne": average(rows, "surface")} if surface else {})


def test_kinds_of_property(imo: Sluice, sales: list[Row]) -> None:
    whole = [r for r in sales if r["prix"] is not None and r["surface"] is not None]
    want = {
        (kind,): means(rows, "nombre_annonces")
        | {"prix_min": min(stated(rows, "prix")), "prix_max": max(stated(rows, "prix"))}
        for kind, rows in groups(whole, lambda r: r["type_titre"]).items()
    }
    assert_rows(view(imo, "v_stats_type_bien"), want, "type_bien")


def test_dearest_places(imo: Sluice, sales: list[Row]) -> None:
    known = [r for r in sales if r["prix"] is not None and r["localisation"]]
    places = [rows for rows in groups(known, lambda r: r["localisation"].lower()).values() if len(rows) >= 5]
    places.sort(key=lambda rows: -(average(rows, "m2") or 0))
    got = view(imo, "v_stats_communes_cheres")
    for r in got:
        r["place"] = r["localisation"].lower()
    assert_rows(got, {(p[0]["localisation"].lower(),): means(p, "nombre_annonces") for p in places[:10]}, "place")


def test_surfaces(imo: Sluice, sales: list[Row]) -> None:
    want = {}
    for kind, rows in groups([r for r in sales if (r["surface"] or 0) > 0], lambda r: r["type_titre"]).items():
        s = stated(rows, "surface")
        want[(kind,)] = {
            "total": len(s),
            "moyenne": mean(s),
            "minimum": min(s),
            "maximum": max(s),
            "mediane": median(s),
        }
    assert_rows(view(imo, "v_stats_distribution_surfaces"), want, "type_bien")


def test_rooms_and_energy_classes(imo: Sluice, sales: list[Row]) -> None:
    rooms = groups([r for r in sales if (r["pieces"] or 0) > 0], lambda r: (r["pieces"],))
    want = {k: means(rows, "nombre_annonces") for k, rows in rooms.items() if len(rows) >= 3}
    assert_rows(view(imo, "v_stats_par_pieces"), want, "pieces")
    classes = groups([r for r in sales if r["dpe_classe"]], lambda r: (r["dpe_classe"],))
    want = {k: means(rows, "nombre_biens") for k, rows in classes.items()}
    assert_rows(view(imo, "v_stats_performance_energetique"), want, "classe_energie")


def period(row: Row) -> str:
    if row["annee"] is None:
        return "Non renseigné"
    return next((name for before, name in PERIODS if row["annee"] < before), "Après 2010")


def test_periods_of_construction(imo: Sluice, sales: list[Row]) -> None:
    found = groups([r for r in sales if r["prix"] is not None], lambda r: (period(r),))
    want = {k: means(rows, "nombre_biens", surface=False) for k, rows in found.items()}
    assert_rows(view(imo, "v_stats_annee_construction"), want, "periode_construction")


def test_photos_and_descriptions(imo: Sluice, sales: list[Row]) -> None:
    def kind(r: Row) -> tuple[str, str]:
        n, length = r["photos_annoncees"], r["description_longueur"]
        photos = "Non renseigné" if n is None else "Aucune photo" if n == 0 else ""
        photos = photos or ("1-5 photos" if n <= 5 else "6-10 photos" if n <= 10 else "Plus de 10 photos")
        if length is None:
            return photos, "Pas de description"
        size = "courte" if length < 100 else "moyenne" if length <= 500 else "détaillée"
        return photos, f"Description {size}"

    want = {
        k: {"nombre_annonces": len(rows), "prix_moyen": average(rows, "prix")}
        for k, rows in groups(sales, kind).items()
    }
    assert_rows(view(imo, "v_stats_qualite_annonces"), want, "nb_photos", "longueur_description")


def test_overview(imo: Sluice, listings: list[Row], sales: list[Row]) -> None:
    want = {
        "total_annonces": len(listings),
        "communes_couvertes": len({r["localisation"].lower() for r in listings if r["localisation"]}),
        "prix_moyen_general": average(sales, "prix"),
        "prix_m2_moyen_general": average(sales, "m2"),
        "surface_moyenne_generale": average(sales, "surface"),
        "total_photos": sum(stated(listings, "photos_propres_390")),
        "derniere_mise_a_jour": max(r["last_seen"] for r in listings),
    }
    assert_rows(view(imo, "v_synthese_generale"), {(): want})


def test_market_and_the_level_that_answers(imo: Sluice, listings: list[Row]) -> None:
    """A cell of five prices per m² or more speaks for itself; its reference is then its own median."""
    priced = [r for r in listings if r["prix"] is not None]
    cells = groups(priced, lambda r: (r["transaction"], r["type_titre"], r["ville"] and r["ville"].lower()))
    want = {
        key: {
            "annonces": len(rows),
            "prix_moyen": average(rows, "prix"),
            "prix_median": median(stated(rows, "prix")),
            "annonces_avec_surface": len(stated(rows, "m2")),
        }
        for key, rows in cells.items()
    }
    got = view(imo, "marche")
    assert_rows(got, want, "transaction", "type_titre", "ville")
    for r in got:
        own = stated(cells[r["transaction"], r["type_titre"], r["ville"]], "m2")
        assert (r["reference_niveau"] == "type et ville") == (len(own) >= 5), r
        if len(own) >= 5:
            away = median(abs(v - median(own)) for v in own)
            assert float(r["reference_prix_m2"]) == pytest.approx(median(own), abs=PENNY)
            assert float(r["reference_ecart"]) == pytest.approx(away, abs=PENNY)
        else:
            assert r["reference_niveau"] == "famille" or r["reference_annonces"] >= 5
    assert {r["reference_niveau"] for r in got} == {"type et ville", "famille et ville", "famille"}
