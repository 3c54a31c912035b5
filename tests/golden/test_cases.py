"""Troubles that people met in the field, with their inputs, end to end: the right answer is known beforehand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.lib.pipeline import file_source, write
from tests.lib.stage import Done, Sluice

Make = Callable[..., Sluice]
Case = Callable[..., Sluice]

CODECS = {".csv": "csv", ".tsv": '{csv: {delimiter: "\\t"}}', ".ndjson": "jsonl"}
REJECTS = "select byte_offset, byte_length, field, rule, reason from sluice.reject order by byte_offset"


@pytest.fixture
def case(make: Make, tmp_path: Path, inputs: Path, backend: str) -> Case:
    """case(input, contract, …): a pipeline over copies of the input files, on one engine."""

    def factory(names: str, contract: str, codec: str = "", limit: int = 0, store: str = "", extra: str = "") -> Sluice:
        suffix = Path(names.split()[0]).suffix
        file = write(
            tmp_path / "case",
            {"drop": file_source(codec=codec or CODECS[suffix])},
            contract,
            store or "{table: rows, mode: append}",
            f"rejects: {{limit: {limit}}}\n{extra}",
        )
        for old in (tmp_path / "case" / "inbox").iterdir():
            old.unlink()
        for name in names.split():
            (tmp_path / "case" / "inbox" / name).write_bytes((inputs / name).read_bytes())
        return make(file, backend)

    return factory


def ran(s: Sluice, kept: int, rejected: int, code: int = 0) -> Done:
    done = s("run", code=code)
    r = done.result
    assert (r["kept"], r["rejected"]) == (kept, rejected)
    assert r["n_in"] == r["kept"] + r["dup"] + r["filtered"] + r["rejected"]
    return done


def by_id(s: Sluice, column: str, key: str = "id") -> dict[Any, Any]:
    return {r[key]: r[column] for r in s.query(f"select {key}, {column} from rows order by {key}")}


def texts(s: Sluice, sql: str) -> list[list[str]]:
    """Rows as they stand in a CSV export."""
    return list(csv.reader(io.StringIO(s("query", "--sql", sql, "--format", "csv").stdout)))[1:]


def money(s: Sluice, column: str) -> dict[int, Decimal]:
    return {k: Decimal(str(v)) for k, v in by_id(s, column).items()}


# --- CSV, JSON and encodings ---


def test_f01_byte_order_mark_before_a_quoted_header(case: Case) -> None:
    s = case("f01.csv", '{interne: {type: text, from: "ref, interne", required: true}, prix: int64}')
    ran(s, 2, 0)
    assert texts(s, "select interne, prix from rows order by 1") == [["1000001", "345000"], ["1000002", "280000"]]


def test_f02_line_break_just_before_the_closing_quote(case: Case) -> None:
    s = case("f02.csv", "{id: int64, note: text, qty: int64}")
    ran(s, 3, 0)
    assert by_id(s, "note") == {1: "ligne un\nvaleur = 2\n", 2: "fin\n", 3: "ok"}
    assert sum(by_id(s, "qty").values()) == 60


def test_f04_leading_zeros_stay(case: Case, inputs: Path) -> None:
    s = case("f04.csv", "{insee: text, cp: text, siret: text}")
    ran(s, 3, 0)
    wanted = sorted(line.split(",") for line in (inputs / "f04.csv").read_text().split()[1:])
    assert texts(s, "select insee, cp, siret from rows order by insee") == wanted


def test_f05_identifiers_beyond_2_to_the_53(case: Case) -> None:
    s = case("f05.ndjson", "{id: int64, id_str: text}")
    ran(s, 3, 0)
    assert s.query("select count(*) as n from rows where cast(id as varchar) = id_str")[0]["n"] == 3
    assert all(str(r["id"]) == r["id_str"] for r in s.query("select id, id_str from rows"))
    assert all(a == b for a, b in texts(s, "select id, id_str from rows"))


def test_f07_escaped_nul_rejects_its_record_only(case: Case) -> None:
    s = case("f07.ndjson", "{id: int64, titre: text}", limit=1)
    ran(s, 2, 1)
    assert by_id(s, "titre") == {1: "Maison", 3: "code \\u0000 litteral"}
    assert [(r["field"], r["rule"]) for r in s.query(REJECTS)] == [("titre", "NUL")]


def test_f08_half_of_a_surrogate_pair_is_no_letter(case: Case) -> None:
    s = case("f08.ndjson", "{id: int64, t: text}", limit=3)
    ran(s, 2, 3)
    assert by_id(s, "t") == {1: "ok", 5: "\N{FIRE}"}
    assert [r["field"] for r in s.query(REJECTS)] == ["t"] * 3


def test_f10_nan_is_no_number(case: Case) -> None:
    s = case("f10.ndjson", "{id: int64, surface: float64}", limit=2)
    ran(s, 1, 2)
    assert by_id(s, "surface") == {3: 42.5}
    assert "NaN" not in s("query", "--sql", "select * from rows", "--format", "json").stdout


@pytest.mark.parametrize(("ragged", "kept", "rejected"), [("strict", 0, 3), ("lenient", 2, 1)])
def test_f11_rows_one_separator_longer_than_the_header(case: Case, ragged: str, kept: int, rejected: int) -> None:
    s = case("f11.csv", "{ref: int64, pieces: int64, prix: int64}", f"{{csv: {{ragged: {ragged}}}}}", limit=3)
    done = ran(s, kept, rejected)
    warnings = [line for line in done.stderr.splitlines() if "number of cells" in line]
    assert len(warnings) == (ragged == "lenient"), done.stderr
    for line in warnings:
        assert line.startswith("WARNING") and "rows=2 cells_dropped=2 rows_filled=0" in line
        assert 'first="inbox/f11.csv, byte 16"' in line
    rows = [["11", "40", "700"], ["12", "50", "800"]][:kept]
    assert texts(s, "select ref, pieces, prix from rows order by ref") == rows
    assert {r["rule"] for r in s.query(REJECTS)} == {"fields"}


def test_f13_quote_that_is_never_closed(case: Case, inputs: Path) -> None:
    s = case("f13.csv", "{id: int64, titre: text, prix: int64}")
    ran(s, 2, 1, code=65)
    data = (inputs / "f13.csv").read_bytes()
    line4 = len(b"".join(data.splitlines(keepends=True)[:3]))
    reject = s.query(REJECTS)
    assert [(r["byte_offset"], r["reason"]) for r in reject] == [(line4, "quote never closed")]
    assert reject[0]["byte_length"] >= len(data) - line4 - 1
    (shown,) = s("rejects", "show", "--format", "json").rows()
    assert (shown["line"], shown["offset"]) == (4, line4)
    ran(case("f13.csv", "{id: int64, titre: text, prix: int64}", limit=1), 2, 1)


def test_f14_utf_16_with_a_byte_order_mark(case: Case) -> None:
    contract = "{ref: int64, ville: {type: text, required: true}, prix: int64}"
    s = case("f14.csv", contract, "{csv: {delimiter: auto}}")
    ran(s, 2, 0)
    assert by_id(s, "ville", "ref")[1] == "Orléans"
    s = case("f14.csv", contract, '{csv: {delimiter: "\\t", encoding: utf-8}}')
    assert "UTF-16" in s("run", code=65).result["error"]


def test_f16_last_record_cut_off(case: Case) -> None:
    s = case("f16.ndjson", "{id: int64, titre: text}")
    done = ran(s, 2, 1, code=65)
    assert done.result["n_in"] == 3
    reject = s.query(REJECTS)[0]
    assert (reject["byte_offset"], reject["byte_length"]) == (50, 23)
    assert reject["reason"] == "input ends inside a record"


def test_f17_two_columns_of_one_name(case: Case) -> None:
    s = case("f17.csv", "{mai: float64, an: int64, juin: float64}")
    done = s("run", code=(65, 78))
    assert 'column "an" stands twice in the header: columns 2 and 4' in done.result["error"]


def test_f19_one_line_from_a_code_page(case: Case, inputs: Path) -> None:
    s = case("f19.csv", "{id: int64, texte: text}", limit=1)
    ran(s, 2, 1)
    assert by_id(s, "texte") == {1: "été", 3: "à louer"}
    data = (inputs / "f19.csv").read_bytes()
    record = data.index(b"2,")
    reject = s.query(REJECTS)[0]
    assert (reject["byte_offset"], reject["field"]) == (record, "texte")
    assert f"byte {data.index(0x92) - record} of the record" in reject["reason"]


def test_f17_two_columns_of_one_name_are_numbered(case: Case) -> None:
    columns = "{mai: float64, an: int64, juin: float64, an_2: int64}"
    s = case("f17.csv", columns, "{csv: {duplicates: suffix}}")
    ran(s, 2, 0)
    assert ["17.2", "2003", "21.5", "1976"] in texts(s, "select mai, an, juin, an_2 from rows")


def test_f19_one_line_read_as_its_code_page(case: Case) -> None:
    s = case("f19.csv", "{id: int64, texte: text}", "{csv: {invalid: windows-1252}}")
    ran(s, 3, 0)
    assert by_id(s, "texte") == {1: "été", 2: "L’été à 10 €", 3: "à louer"}


def test_f20_line_ends_change_no_value(case: Case) -> None:
    tables = set()
    for name in ("f20.lf.csv", "f20.crlf.csv"):
        s = case(name, "{id: int64, t: text}")
        ran(s, 4, 0)
        assert by_id(s, "t") == {1: "a", 2: "b\nb", 3: "c\rc", 4: "d"}
        tables.add(s.table("select id, t from rows order by id"))
    assert len(tables) == 1


# --- numbers and times ---


def test_n01_spaces_between_thousands(case: Case) -> None:
    s = case(
        "n01.csv",
        '{id: int64, prix: "decimal(12,2)"}',
        '{csv: {delimiter: ";"}}',
        limit=1,
        extra="fields: {lu: {type: text, from: prix}}\nrules: [{money: {from: lu, locale: fr, into: prix}}]",
    )
    ran(s, 6, 1)
    wanted = ["29000", "1234567.89", "12500.50", "380000", "345000", "1074"]
    assert money(s, "prix") == dict(enumerate(map(Decimal, wanted), 1))


@pytest.mark.parametrize(("ambiguous", "second"), [("", None), ("earlier", "00:30"), ("later", "01:30")])
def test_n03_hours_that_a_clock_change_skips_or_repeats(case: Case, ambiguous: str, second: str | None) -> None:
    more = f", ambiguous: {ambiguous}" if ambiguous else ""
    s = case("n03.csv", f"{{id: int64, quand: {{type: timestamp, zone: Europe/Paris{more}}}}}", limit=2)
    ran(s, 5 if second else 4, 1 if second else 2)
    wanted = {3: "2025-10-26T01:30", 4: "2025-07-01T10:00", 5: "2025-10-25T23:59", 6: "2025-10-26T02:00"}
    found = {i: t[:16].replace(" ", "T") for i, t in by_id(s, "quand").items()}
    assert found == wanted | ({2: f"2025-10-26T{second}"} if second else {})


def test_n04_codes_that_look_like_powers_of_ten(case: Case, inputs: Path) -> None:
    s = case("n04.tsv", "{jour: date, code: text}")
    ran(s, 7, 0)
    wanted = sorted(line.split("\t")[1] for line in (inputs / "n04.tsv").read_text().splitlines()[1:])
    assert sorted(r[0] for r in texts(s, "select code from rows")) == wanted
    ran(case("n04.tsv", "{jour: date, code: int64}", limit=7), 0, 7)


def test_n06_leap_seconds_true_and_false(case: Case) -> None:
    s = case("n06.csv", "{id: int64, t: {type: timestamp, zone: UTC}}", limit=2)
    s("run")
    found = {i: t[:19].replace(" ", "T") for i, t in by_id(s, "t").items()}
    assert found.pop(6, "2017-01-01T00:00:00") == "2017-01-01T00:00:00"
    assert found == {
        1: "2017-01-01T00:00:00",
        3: "2015-07-01T00:00:00",
        4: "2017-01-01T00:00:00",
        5: "2016-12-31T23:59:59",
    }


def test_n07_milliseconds_that_some_rows_write_as_seconds(case: Case) -> None:
    s = case(
        "n07.ndjson",
        "{id: int64, vu: timestamp}",
        limit=4,
        extra="fields: {lu: {type: text, from: vu}}\n"
        "rules: [{date: {from: lu, into: vu, unit: ms, min: 2000-01-01, max: 2100-01-01}}]",
    )
    ran(s, 2, 4)
    wanted = "2024-06-10T15:04:05.127"
    assert {i: t[:23].replace(" ", "T") for i, t in by_id(s, "vu").items()} == {1: wanted, 3: wanted}


def test_n09_letters_that_grow_in_small_case(case: Case) -> None:
    s = case("n09.csv", "{id: int64, nom: text}", extra="rules: [{case: {from: nom, to: lower}}]")
    ran(s, 7, 0)
    found = by_id(s, "nom")
    assert found.pop(3) == "ⱥ" * 3000
    assert found == {1: "istanbul", 2: "istanbul", 4: "strasse", 5: "straße", 6: "ﬁn", 7: "ß"}


def test_n10_negative_amounts_of_accountants(case: Case) -> None:
    s = case(
        "n10.csv",
        '{id: int64, montant: "decimal(12,2)"}',
        '{csv: {delimiter: ";"}}',
        limit=4,
        extra="fields: {lu: {type: text, from: montant}}\n"
        "rules: [{money: {from: lu, locale: fr, accounting: true, into: montant}}]",
    )
    ran(s, 6, 4)
    wanted = {1: "-1234.56", 2: "-73.40", 3: "-12.50", 6: "-3.10", 7: "4.20", 9: "0.00"}
    assert money(s, "montant") == {k: Decimal(v) for k, v in wanted.items()}
    assert texts(s, "select montant from rows where id = 9") == [["0.00"]]


# --- keys, versions, nulls, names ---


def test_p01_same_key_many_times_in_one_batch(case: Case) -> None:
    s = case("p01.ndjson", "{k: text, v: int64, t: text}", store="{table: rows, mode: latest, key: k, version: v}")
    result = s("run").result
    assert (result["n_in"], result["kept"], result["dup"]) == (5, 2, 3)
    assert texts(s, "select k, v, t from rows order by k") == [["r1", "3", "trois"], ["r2", "1", "autre"]]
    assert s("run").result["written"] == 0


@pytest.mark.parametrize("order", ["p02.1.ndjson p02.2.ndjson", "p02.2.ndjson p02.1.ndjson"])
def test_p02_late_older_version_overwrites_nothing(case: Case, inputs: Path, order: str) -> None:
    contract = "{k: text, maj: {type: timestamp, zone: UTC}, prix: int64}"
    first, second = order.split()
    s = case(first, contract, store="{table: rows, mode: latest, key: k, version: maj}")
    s("run")
    inbox = Path(s.pipeline).parent / "inbox"
    (inbox / second).write_bytes((inputs / second).read_bytes())
    result = s("run").result
    assert by_id(s, "prix", "k") == {"r1": 310000, "r2": 5, "r3": 9}
    if first == "p02.1.ndjson":
        assert (result["stale"], result["unchanged"], result["inserted"], result["updated"]) == (1, 1, 1, 0)


def test_p04_empty_text_and_no_value_differ(case: Case) -> None:
    s = case("p04.csv", "{id: int64, t: text}")
    ran(s, 5, 0)
    assert by_id(s, "t") == {1: None, 2: "", 3: "NULL", 4: "NULL", 5: " "}
    s = case("p04.csv", "{id: int64, t: text}", '{csv: {nulls: ["NULL"]}}')
    ran(s, 5, 0)
    assert by_id(s, "t") == {1: None, 2: "", 3: "NULL", 4: None, 5: " "}
    s = case("p04.csv", "{id: int64, t: {type: text, required: true}}", limit=1)
    ran(s, 4, 1)
    assert by_id(s, "t").keys() == {2, 3, 4, 5}


def test_p05_names_that_a_database_would_cut(case: Case, inputs: Path) -> None:
    names = (inputs / "p05.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    s = case("p05.csv", json.dumps(dict.fromkeys(names, "text"), ensure_ascii=False))
    done = s("run", code=78)
    assert all(name[:40] in done.stderr for name in names)
    assert not (s.home / "shop" / "data.db").exists()
