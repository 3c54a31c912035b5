"""sluice init --from: a pipeline guessed from data."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.lib.stage import BIN


def sluice(*args: str, cwd: Path, code: int = 0) -> dict[str, Any]:
    env = {"PATH": os.environ["PATH"], "SLUICE_HOME": str(cwd / "home")}
    done = subprocess.run([str(BIN / "sluice"), *args], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stderr.splitlines()[-1])


def guessed(tmp_path: Path, name: str, data: bytes) -> dict[str, str]:
    """Types that init --from gives the columns; the pipeline must run as it stands."""
    (tmp_path / name).write_bytes(data)
    sluice("init", "guess", "--from", name, cwd=tmp_path)
    assert sluice("run", "guess", cwd=tmp_path)["rejected"] == 0
    plan = yaml.safe_load((tmp_path / "pipelines/guess/pipeline.yaml").read_text())
    shutil.rmtree(tmp_path / "pipelines")
    shutil.rmtree(tmp_path / "home")
    return {k: v if isinstance(v, str) else v["type"] for k, v in plan["contract"].items()}


def test_init_from_gives_each_column_the_narrowest_type(tmp_path: Path) -> None:
    header = "id,zip,price,ratio,flag,day,at,local,code,phone,empty,big\n"
    rows = (
        "1,01004,12.50,0.123456,true,2026-01-02,2026-01-02T03:04:05Z,2026-01-02 03:04:05,1E5,+33,,9007199254740993\n"
        "2,75001,7,1.5e3,false,2026-01-03,2026-01-02T03:04:05+02:00,2026-01-02 03:04:06,26,+1,,1\n"
    )
    assert guessed(tmp_path, "a.csv", (header + rows).encode()) == {
        "id": "int64",
        "zip": "text",
        "price": "decimal(12,2)",
        "ratio": "float64",
        "flag": "bool",
        "day": "date",
        "at": "timestamp",
        "local": "timestamp",
        "code": "text",
        "phone": "text",
        "empty": "text",
        "big": "int64",
    }


def test_init_from_finds_delimiter_and_encoding(tmp_path: Path) -> None:
    assert guessed(tmp_path, "a.csv", "réf;Prix (€)\n1;2\n".encode("cp1252")) == {"ref": "int64", "prix": "int64"}
    assert guessed(tmp_path, "a.csv", "a\tb\n1\té\n".encode("utf-16")) == {"a": "int64", "b": "text"}
    assert guessed(tmp_path, "a.csv", b"a,a\n1,x\n") == {"a": "int64", "a_2": "text"}


def test_init_from_names_columns_without_accents(tmp_path: Path) -> None:
    header = "Référence,Œuvre n°1,Straße,Łódź,e\u0301tat,2e prix,€,Ça va ?".encode()
    found = guessed(tmp_path, "a.csv", header + b"\n" + b",".join([b"x"] * 8) + b"\n")
    assert list(found) == ["reference", "oeuvre_n_1", "strasse", "lodz", "etat", "e_prix", "column", "ca_va"]


def test_init_from_reads_numbers_and_dates_as_people_write_them(tmp_path: Path) -> None:
    text = (
        "prix;jour;us;deux;code;mille;entier;allemand\n"
        '"1\u202f234,50";31/12/2026;12/31/2026;01/02/2026;0612;"1,234";12,5;31.12.2026\n'
        "-0,5;01/02/2026;02/01/2026;03/04/2026;12,5;2,345;;01.02.2026\n"
    )
    assert guessed(tmp_path, "a.csv", text.encode()) == {
        "prix": "decimal(12,2)",
        "jour": "date",
        "us": "date",
        "deux": "text",  # day or month first?
        "code": "text",
        "mille": "text",  # a comma between thousands, or before decimals?
        "entier": "decimal(12,1)",
        "allemand": "date",
    }
    (tmp_path / "a.csv").write_text(text)
    sluice("init", "guess", "--from", "a.csv", cwd=tmp_path)
    assert "day or the month" in (tmp_path / "pipelines/guess/pipeline.yaml").read_text()
    sluice("run", "guess", cwd=tmp_path)
    sql = "select prix, jour, us, entier from guess order by prix"
    sluice("query", "guess", "--sql", sql, "--format", "jsonl", "-o", "rows", cwd=tmp_path)
    assert [json.loads(x) for x in (tmp_path / "rows").read_text().splitlines()] == [
        {"prix": -0.5, "jour": "2026-02-01", "us": "2026-02-01", "entier": None},
        {"prix": 1234.5, "jour": "2026-12-31", "us": "2026-12-31", "entier": 12.5},
    ]


def test_init_from_looks_at_every_json_record(tmp_path: Path) -> None:
    lines = [{"id": i, "late": None, "n": i} for i in range(9000)]
    lines += [{"id": 9000, "late": "2026-01-02", "n": 1.5, "rare": ["x"], "in": {"side": "01"}, "ref": "12"}]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    types = {
        "id": "int64",
        "late": "date",
        "n": "decimal(12,1)",
        "rare": "list<text>",
        "in_side": "text",
        "ref": "text",
    }
    assert guessed(tmp_path, "a.jsonl", data) == types
    assert guessed(tmp_path, "a.jsonl.gz", gzip.compress(data)) == types
    assert guessed(tmp_path, "a.json", json.dumps(lines, indent=1).encode()) == types


def test_init_from_leaves_nothing_behind_when_it_cannot_read(tmp_path: Path) -> None:
    sluice("init", "guess", "--from", "none.csv", cwd=tmp_path, code=66)
    (tmp_path / "empty.csv").write_bytes(b"")
    sluice("init", "guess", "--from", "empty.csv", cwd=tmp_path, code=65)
    (tmp_path / "head.csv").write_bytes(b"a,b\n")
    assert "no record" in sluice("init", "guess", "--from", "head.csv", cwd=tmp_path, code=65)["error"]
    assert not (tmp_path / "pipelines").exists()
