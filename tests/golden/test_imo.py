"""The imo pipeline: made-up listings give known rows, real ones the values that were read by hand."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.lib.stage import ROOT, Sluice

Make = Callable[..., Sluice]
Row = dict[str, Any]

TEXTS = {"transaction", "type_titre", "ville", "code_postal", "dpe_classe", "ges_classe", "honoraires_charge"}
# A page states these beside the sentence; where there is no sentence, the page's value stands.
FROM_PAGE = {"dpe_classe", "ges_classe", "copro_lots", "charges_an"}
SITE = "https://annonces.example"


# --- made-up listings ---


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


def card(reference: str, slug: str, titre: str = "Maison à Valbrume (99120)", **fields: Any) -> Row:
    """A record of a result page: what is not stated has no key."""
    record: Row = {
        "reference": reference,
        "titre": titre,
        "prix": "100\u202f000\u00a0€",
        "media_info": {"nombre_photos": 0, "has_video": False, "has_visite_virtuelle": False},
        "lien": f"{SITE}/annonce/{slug}/r{reference}",
        "date_extraction": "2026-03-02T09:00:00",
    }
    return record | fields


def page(reference: str, slug: str, titre: str = "Maison à Valbrume (99120)", **fields: Any) -> Row:
    """A record of a listing's own page: what is not stated is an empty text."""
    empty = dict.fromkeys(("caracteristiques_detaillees", "images", "description", "conseiller_nombre_avis"), "")
    return card(reference, slug, titre, media_info="") | empty | fields


def collected(sluice: Sluice, folder: Path, **files: list[Row]) -> dict[str, Row]:
    """The listings by reference, after these files were collected."""
    folder.mkdir(exist_ok=True)
    for name, records in files.items():
        (folder / f"{name}.json").write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    sluice.sets = [f"fichiers.path={folder}/*.json"]
    assert sluice("run").result["rejected"] == 0
    return {r["reference"]: r for r in sluice.query("select * from silver.annonces")}


def test_cards_give_what_their_address_says(make: Make, tmp_path: Path) -> None:
    rows = collected(
        make("imo"),
        tmp_path / "in",
        cards=[
            card("1", "terrain-vente-saint-orme-1074m2", "Terrain à bâtir à Saint-Orme (99200)", surface="074"),
            card("2", "parking-vente-valbrume-12m2", "Parking à Valbrume (99120)", surface="12", pieces="12"),
            card("3", "maison-vente-5-pieces-py-90m2", "Maison à Sainte-Marie à Py (99210)", surface="90", pieces="3"),
        ],
    )
    got = {
        key: [None if r[c] is None else str(r[c]) for c in ("type_titre", "ville", "pieces", "photos_annoncees")]
        for key, r in rows.items()
    }
    assert got == {
        "1": ["Terrain à bâtir", "Saint-Orme", None, None],
        "2": ["Parking", "Valbrume", None, None],
        "3": ["Maison", "Py", "5", None],
    }
    assert [rows["1"][c] and float(rows["1"][c]) for c in ("terrain_m2", "surface_m2")] == [1074, None]
    assert [rows["2"][c] and float(rows["2"][c]) for c in ("surface_brute_m2", "surface_m2")] == [12, None]


def test_page_and_sentence_that_disagree_are_both_kept(make: Make, tmp_path: Path) -> None:
    sentence = (
        "vise 2 lots situés dans une copropriété de 80 lots au total et ne faisant l’objet d’aucune procédure en"
        " cours. Montant moyen mensuel de charges déclaré par le vendeur : 77.33€ par mois (soit 928 € annuel)."
        " Information : classe ENERGIE D indice 201 et classe CLIMAT B indice 7."
    )
    fields = {
        "dpe_classe_active": "C",
        "ges_classe_active": "B",
        "copropriete_nb_lots": "2",
        "copropriete_charges_previsionnelles": "12\u00a0€ / an",
    }
    rows = collected(
        make("imo"),
        tmp_path / "in",
        pages=[
            page("1", "appartement-vente-3-pieces-valbrume-51m2", description=sentence, **fields),
            page("2", "appartement-vente-3-pieces-valbrume-51m2", description="Beau.", **fields),
        ],
    )
    columns = ("dpe_classe", "dpe_page", "dpe_source", "dpe_conflit", "ges_conflit", "copro_procedure")
    assert [rows["1"][c] for c in columns] == ["D", "C", "phrase", True, False, 0]
    assert [rows["2"][c] for c in columns] == ["C", "C", "page", None, None, None]
    assert [float(rows["1"][c]) for c in ("copro_lots", "copro_lots_page", "charges_an", "charges_an_page")] == [
        80,
        2,
        928,
        12,
    ]
    assert (rows["1"]["charges_an_conflit"], rows["2"]["charges_an_source"]) == (True, "page")


def test_later_card_erases_nothing_of_the_page(make: Make, tmp_path: Path) -> None:
    slug = "maison-vente-4-pieces-valbrume-90m2"
    features = ["4 pièces", "90,5 m²", "Ascenseur"]
    rows = collected(
        make("imo"),
        tmp_path / "in",
        page=[page("1", slug, caracteristiques_detaillees=features)],
        later=[card("1", slug, date_extraction="2026-03-09T09:00:00", prix="90\u202f000\u00a0€")],
    )
    assert [float(rows["1"][c]) for c in ("surface_m2", "ascenseur", "prix_eur")] == [90.5, 1, 90000]
    assert (rows["1"]["surface_source"], rows["1"]["surface_conflit"]) == ("caracteristiques", False)


def test_full_layout_with_empty_lists_and_the_searchs_words(make: Make, tmp_path: Path) -> None:
    rows = collected(
        make("imo"),
        tmp_path / "in",
        pages=[
            page(
                "1",
                "local-commercial-valbrume-47m2",
                "Bureaux à VALBRUME (99120)",
                type_transaction="louer",
                type_bien="ancien",
                caracteristiques_detaillees=["0 pièces", "1\u202f047 m²", "Rez-de-chaussée"],
                images=["https://photos.example/1.jpg?format=auto&width=300"],
                media_info="3 photos • vidéo",
                conseiller_nombre_avis="Nom4,9/5 (31 avis)\n",
                description="Location non meublée Dépôt de garantie : 3389 euros",
            )
        ],
    )
    columns = ("transaction", "pieces", "etage", "rez_de_chaussee", "photos_annoncees", "photos_propres_390", "meuble")
    assert [rows["1"][c] for c in columns] == ["location", 0, 0, 1, 3, 0, 0]
    assert (rows["1"]["video"], rows["1"]["visite_virtuelle"], rows["1"]["nb_avis"]) == (1, 0, 31)
    assert [float(rows["1"][c]) for c in ("surface_m2", "note_conseiller", "depot_garantie")] == [1047, 4.9, 3389]


def test_quality_is_the_share_of_what_a_listing_of_its_kind_can_state(make: Make, tmp_path: Path) -> None:
    slug = "vente-4-pieces-valbrume-90m2"
    rows = collected(
        make("imo"),
        tmp_path / "in",
        cards=[
            card("1", f"maison-{slug}"),
            card("2", "maison-vente-valbrume", prix=""),
            card("3", "parking-vente-valbrume-12m2", "Parking à Valbrume (99120)"),
            card("4", "maison-vente-valbrume", "Maison à Valbrume", prix=""),
        ],
    )
    found = {key: (float(r["score_qualite"]), set((r["champs_manquants"] or "").split())) for key, r in rows.items()}
    assert found == {
        "1": (10, set()),
        "2": (2.5, {"prix", "surface", "pieces"}),
        "3": (10, set()),
        "4": (0, {"prix", "surface", "pieces", "code_postal"}),
    }


def cards(day: int, *references: int) -> list[Row]:
    when = f"2026-03-{day:02}T09:00:00"
    return [card(str(r), "maison-vente-4-pieces-valbrume-90m2", date_extraction=when) for r in references]


def test_only_a_complete_later_collection_makes_gone(make: Make, backend: str, tmp_path: Path) -> None:
    sluice, folder = make("imo", backend), tmp_path / "in"

    def gone(**files: list[Row]) -> set[str]:
        return {key for key, row in collected(sluice, folder, **files).items() if row["gone_at"]}

    assert gone(d02=cards(2, 1, 2, 3, 4)) == set()
    assert gone(d03=cards(3, 1)) == set()
    assert gone(d04=cards(4, 1, 2, 5)) == {"3", "4"}
    assert gone(d05=cards(5, 2, 3, 5)) == {"1", "4"}


def test_order_of_collecting_changes_nothing(make: Make, tmp_path: Path) -> None:
    days = {"d02": cards(2, 1, 2, 3, 4), "d03": cards(3, 1, 2, 5), "d04": cards(4, 1, 2, 3)}
    tables = []
    for order in (["d02 d03 d04"], ["d04 d02", "d03"]):
        sluice = make("imo")
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
        for batch in order:
            collected(sluice, tmp_path / "in", **{name: days[name] for name in batch.split()})
        tables.append(sluice.table("select * from silver.annonces order by reference"))
    assert tables[0] == tables[1]


# --- real listings ---


def control(shared: Path) -> list[dict[str, str]]:
    with (shared / "data/imo/controle/valeurs_attendues.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_of(shared: Path) -> list[Path]:
    return sorted((shared / "data/imo/annonces").glob("*.json"))


def records_of(file: Path) -> list[Row]:
    return json.loads(file.read_text(encoding="utf-8"))


def same(column: str, got: Any, want: str) -> bool:
    if got is None or column in TEXTS:
        return got == want
    return Decimal(str(got)) == Decimal(want)


def differing(rows: dict[str, Row], wanted: list[dict[str, str]]) -> Iterator[tuple[str, str, Any, str]]:
    """(reference, column, got, want) of every cell that people read and that is not what they read."""
    for want in wanted:
        got = rows.get(want["reference"], {})
        for column in want.keys() - {"reference", "fichier"}:
            if want[column] and not same(column, got.get(column), want[column]):
                yield want["reference"], column, got.get(column), want[column]


@pytest.fixture
def alone(make: Make, shared: Path) -> Iterator[tuple[Path, dict[str, Row]]]:
    """Each file in a warehouse of its own, with the listings that it gives."""

    def load(file: Path) -> dict[str, Row]:
        sluice = make("imo")
        sluice.sets = [f"fichiers.path={file}"]
        assert sluice("run").result["rejected"] == 0
        return {r["reference"]: r for r in sluice.query("select * from silver.annonces")}

    yield ((file, load(file)) for file in files_of(shared))


def test_each_file_alone_gives_every_value_that_people_read(
    alone: Iterator[tuple[Path, dict[str, Row]]], shared: Path
) -> None:
    wanted = control(shared)
    checked = 0
    for file, rows in alone:
        own = [w for w in wanted if w["fichier"] == file.stem]
        assert rows.keys() == {r["reference"] for r in records_of(file)}
        assert not list(differing(rows, own)), file.name
        for want in own:
            more = {c for c in want if c != "fichier" and not want[c] and rows[want["reference"]][c] is not None}
            assert more <= FROM_PAGE, (file.name, want["reference"])
        checked += len(own)
    assert checked == len(wanted)


def test_montpellier_file_alone_is_134_observations_of_60_listings(make: Make, shared: Path, backend: str) -> None:
    sluice = make("imo", backend)
    sluice.sets = [f"fichiers.path={shared}/data/imo/annonces/montpellier_vente_detail_20251112.json"]
    done = sluice("run").result
    assert (done["n_in"], done["kept"], done["dup"]) == (134, 134, 0)
    assert sluice.query("select count(*) as n from silver.observations") == [{"n": 134}]
    assert sluice.query("select count(*) as n from silver.annonces") == [{"n": 60}]
    assert sluice("run").result["written"] == 0


@pytest.fixture(scope="module")
def folders(
    request: pytest.FixtureRequest, bin_dir: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Sluice]:
    """All files of the folder, collected once on each backend."""
    path = f"{shared}/data/imo/annonces/*.json"
    return {b: filled(request, "imo", b, path, tmp_path_factory) for b in ("embedded", "local")}


@pytest.fixture(params=["embedded", "local"])
def folder(request: pytest.FixtureRequest, folders: dict[str, Sluice]) -> Sluice:
    return folders[str(request.param)]


def filled(
    request: pytest.FixtureRequest, pipeline: str, backend: str, path: str, tmp: pytest.TempPathFactory
) -> Sluice:
    sluice = Sluice(pipeline, tmp.mktemp("home"), backend, sets=[f"fichiers.path={path}"])
    if backend != "embedded":
        server = request.getfixturevalue("postgres")
        database = f"golden{os.getpid()}_{sluice.home.name}"
        server.psql(f"create database {database}")
        sluice.env["SLUICE_CONN_WAREHOUSE"] = server.uri(database)
    assert sluice("run").result["rejected"] == 0
    return sluice


def listings(sluice: Sluice) -> dict[str, Row]:
    return {r["reference"]: r for r in sluice.query("select * from silver.annonces")}


def test_columns_stand_as_in_the_control(folder: Sluice, shared: Path) -> None:
    head = folder("query", "--sql", "select * from silver.annonces limit 1", "--format", "csv").stdout.split("\n")[0]
    wanted = [c for c in control(shared)[0] if c != "fichier"]
    assert head.split(",")[: len(wanted)] == wanted


def test_whole_folder_differs_only_where_a_later_card_says_other(folder: Sluice, shared: Path) -> None:
    later = {r["reference"]: r for r in records_of(shared / "data/imo/annonces/montpellier_vente_liste_20251120.json")}
    cells = list(differing(listings(folder), control(shared)))
    assert len(cells) == 3
    for reference, column, got, _ in cells:
        said = {
            "prix_eur": re.sub(r"[^0-9]", "", later[reference]["prix"]),
            "code_postal": later[reference]["titre"][-6:-1],
        }
        assert same(column, got, said[column]), (reference, column)


def montpellier(shared: Path) -> tuple[dict[str, Row], dict[str, Row]]:
    """What the page of each listing said on the first day, and its card on the second."""
    first, second = (
        {r["reference"]: r for r in records_of(shared / f"data/imo/annonces/montpellier_vente_{name}.json")}
        for name in ("detail_20251112", "liste_20251120")
    )
    return first, second


def test_two_collections_eight_days_apart_tell_new_gone_and_changed(folder: Sluice, shared: Path) -> None:
    first, second = montpellier(shared)
    rows = listings(folder)
    assert {key for key, r in rows.items() if r["gone_at"]} == first.keys() - second.keys()
    new = {key for key in second if str(rows[key]["first_seen"]) >= "2025-11-20"}
    assert new == second.keys() - first.keys()
    changes = folder.query("select reference, champ from silver.historique where valeur_avant is not null")
    common = first.keys() & second.keys()
    for champ, key in (("prix", "prix"), ("titre", "titre"), ("lieu", "localisation")):
        want = {r for r in common if first[r][key].lower() != second[r][key].lower()}
        assert {c["reference"] for c in changes if c["champ"] == champ} == want
    assert len(folder("query", "disparues", "--format", "json").rows()) == len(first.keys() - second.keys())


def test_repeated_cards_are_one_listing_each(folder: Sluice, shared: Path) -> None:
    counts = {(r["lignes"], r["annonces"]) for r in folder.query("select lignes, annonces from silver.releves")}
    real = set()
    for file in files_of(shared):
        references = Counter(r["reference"] for r in records_of(file))
        real.add((references.total(), len(references)))
    assert {(int(a), int(b)) for a, b in counts} == real
    assert (64, 58) in real


RELATIONS = (
    "silver.releves",
    "silver.annonces",
    "silver.annonces_vue",
    "silver.historique",
    "silver.historique_prix",
    "gold.marche",
    "gold.v_stats_type_bien",
    "gold.v_stats_communes_cheres",
    "gold.v_stats_distribution_surfaces",
    "gold.v_stats_par_pieces",
    "gold.v_stats_performance_energetique",
    "gold.v_stats_annee_construction",
    "gold.v_stats_qualite_annonces",
    "gold.v_synthese_generale",
)
VIEWS = tuple(r for r in RELATIONS if r.startswith("gold.v_"))


def table(sluice: Sluice, relation: str) -> tuple[list[str], list[list[str]]]:
    """Head and sorted rows, as CSV has them."""
    text = sluice("query", "--sql", f"select * from {relation}", "--format", "csv").stdout
    head, *rows = csv.reader(text.splitlines())
    return head, sorted(rows)


def test_both_engines_give_equal_relations(folders: dict[str, Sluice]) -> None:
    for relation in RELATIONS:
        assert table(folders["embedded"], relation) == table(folders["local"], relation), relation


def without_names(relation: str, rows: tuple[list[str], list[list[str]]]) -> tuple[list[str], list[list[str]]]:
    """A collection's number comes from its path, which differs here."""
    head, lines = rows
    return (head[1:], sorted(line[1:] for line in lines)) if relation == "silver.releves" else rows


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_loading_order_gives_equal_relations(
    folder: Sluice, make: Make, shared: Path, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(f"{folder.backend}-{seed}")
    files = dice.sample(files_of(shared), 13)
    cuts = [0, *sorted(dice.sample(range(1, 13), 3)), 13]
    sluice = make("imo", folder.backend)
    sluice.sets = [f"fichiers.path={tmp_path}/*.json"]
    for batch in (files[a:b] for a, b in itertools.pairwise(cuts)):
        for file in batch:
            shutil.copy(file, tmp_path)
        sluice("run")
    for relation in RELATIONS:
        got, want = (without_names(relation, table(s, relation)) for s in (sluice, folder))
        assert got == want, relation


# --- the import rules of the platform whose views are known ---


def plain(value: str) -> str:
    """A time as people of that platform wrote it."""
    return re.sub(r"^(\d{4}-\d\d-\d\d)T([0-9:.]+)Z$", r"\1 \2", value)


@pytest.mark.parametrize("backend", ["embedded", "local"])
def test_import_rules_give_the_views_of_the_first_platform(
    request: pytest.FixtureRequest, bin_dir: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory, backend: str
) -> None:
    pipeline = str(ROOT / "tests/golden/imo_import/pipeline.yaml")
    path = f"{shared}/data/imo/annonces/*_vente_detail_20251112.json"
    sluice = filled(request, pipeline, backend, path, tmp_path_factory)
    for view in VIEWS:
        name = view.removeprefix("gold.")
        with (shared / f"data/imo/reference_upstream/vues_c2/{name}.csv").open(encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        got_head, got = table(sluice, view)
        assert (got_head, sorted([plain(v) for v in r] for r in got)) == (head, sorted(rows)), name
