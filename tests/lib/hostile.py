"""Inputs that are wrong or malicious, and what becomes of each: tests/integration/test_hostile.py runs every row,
docs/hostile.md shows them all. To write the page again:

    python3 -m tests.lib.hostile > docs/hostile.md
"""

from __future__ import annotations

import gzip
import lzma
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

GOOD = {"json": b'[{"id":7,"t":"good"}]', "jsonl": b'{"id":7,"t":"good"}\n', "csv": b"id,t\n7,good\n"}

# --- contents: what can be read is kept, the rest are rejects ---


@dataclass(frozen=True)
class Content:
    """Bytes of a file, the records that stay good, and the reject rows as (offset, field, rule, words)."""

    name: str
    codec: str
    what: str
    data: bytes
    good: list[int]
    rejects: list[tuple[int, str, str, str]] = field(default_factory=list)


def deep(inside: bytes, closing: bytes) -> bytes:
    return b'[{"id":1},{"id":2,"x":' + inside * 100_000 + b"1" + closing * 100_000 + b'},{"id":3}]'


def three(middle: bytes) -> bytes:
    return b'[{"id":1},' + middle + b',{"id":3}]'


def broken(words: str, field: str = "") -> list[tuple[int, str, str, str]]:
    """The second record of three, as a whole."""
    return [(10, field, "syntax", words)]


HTML = b"<!DOCTYPE html>\n<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>\n"
NO_JSON = [(0, "", "syntax", "not a JSON object: byte 0"), (16, "", "syntax", "not a JSON object: byte 0")]
KEYS = b",".join(b'"k%d":1' % i for i in range(1_000_000))
GIANT = b"x" * 900_000

CONTENTS = [
    Content(
        "cut_off",
        "json",
        "cut off inside a record",
        b'[{"id":1},{"id":2,"t":"b',
        [1],
        [(10, "", "syntax", "input ends inside a record")],
    ),
    Content(
        "cut_off_between",
        "json",
        "cut off between two records",
        b'[{"id":1},{"id":2}',
        [1],
        [(10, "", "syntax", "before the array is closed")],
    ),
    Content(
        "cut_off_line",
        "jsonl",
        "cut off inside a line",
        b'{"id":1}\n{"id":2,"t',
        [1],
        [(9, "", "syntax", "input ends inside a record")],
    ),
    Content("html", "json", "an HTML error page", HTML, [], NO_JSON),
    Content("html_lines", "jsonl", "an HTML error page", HTML, [], NO_JSON),
    Content(
        "bad_utf8",
        "json",
        "bytes that are not UTF-8",
        b'[{"id":1},{"id":2,"t":"\xff"},{"id":3}]',
        [1, 3],
        [(10, "", "syntax", "not UTF-8: byte")],
    ),
    Content(
        "nul",
        "json",
        "a NUL byte in a text",
        b'[{"id":1},{"id":2,"t":"\0"}]',
        [1],
        [(10, "", "syntax", "control character")],
    ),
    Content(
        "nul_escape",
        "json",
        "a NUL as an escape",
        b'[{"id":1},{"id":2,"t":"a\\u0000"}]',
        [1],
        [(10, "t", "NUL", "holds a NUL")],
    ),
    Content("bom", "json", "a byte order mark", b'\xef\xbb\xbf[{"id":1}]', [1]),
    Content("bom_line", "jsonl", "a byte order mark", b'\xef\xbb\xbf{"id":1}\n', [1]),
    Content("utf16", "jsonl", "UTF-16", '\ufeff{"id":1}'.encode("utf-16-le"), [1]),
    Content("utf16_csv", "csv", "UTF-16, the other end first", "\ufeffid,t\n1,a\n".encode("utf-16-be"), [1]),
    Content(
        "utf16_cut",
        "csv",
        "UTF-16, cut off inside a letter",
        "\ufeffid,t\n1,a\n2,b\n".encode("utf-16-le")[:-1],
        [1],
        [(9, "t", "UTF-8", "not UTF-8")],
    ),
    Content("empty", "json", "no byte at all", b"", []),
    Content("blank", "jsonl", "blank lines only", b"\n \r\n\n", []),
    Content(
        "deep_lists",
        "json",
        "100,000 lists inside each other",
        deep(b"[", b"]"),
        [1, 3],
        [(10, "", "syntax", "nested more than 64 levels deep")],
    ),
    Content(
        "deep_objects",
        "json",
        "100,000 objects inside each other",
        deep(b'{"a":', b"}"),
        [1, 3],
        [(10, "", "syntax", "nested more than 64 levels deep")],
    ),
    Content(
        "deep_open",
        "json",
        "100,000 lists that are never closed",
        b'[{"id":1},' + b"[" * 100_000,
        [1],
        [(10, "", "syntax", "input ends inside")],
    ),
    Content(
        "many_keys",
        "json",
        "a record of a million keys, 12 MB",
        b'[{"id":1},{' + KEYS + b'},{"id":3}]',
        [1, 3],
        [(9, "", "size", "larger than")],
    ),
    Content(
        "wide",
        "json",
        "a record of 80,000 keys, below 1 MiB",
        b'{"id":1,' + KEYS[:900_000].rpartition(b",")[0] + b"}",
        [1],
    ),
    Content(
        "same_key_twice",
        "json",
        "a key that stands twice",
        b'[{"id":1,"id":2},{"id":3}]',
        [3],
        [(1, "id", "duplicate key", "stands twice")],
    ),
    Content(
        "beyond_int64",
        "json",
        "a number beyond 64 bits",
        b'[{"id":1},{"id":9223372036854775808}]',
        [1],
        [(10, "id", "type", "not fit")],
    ),
    Content(
        "comma_behind", "json", "a comma behind the last value", three(b'{"id":2,}'), [1, 3], broken("a key is missing")
    ),
    Content("comma_twice", "json", "two commas between records", b'[{"id":1},,{"id":3}]', [1, 3], broken("no value")),
    Content("comment", "json", "a comment", three(b'{"id":2/* no */}'), [1, 3], broken("not a JSON number", "id")),
    Content(
        "nan", "json", "NaN, Infinity", three(b'{"id":2,"x":NaN}'), [1, 3], broken("NaN and Infinity are not JSON")
    ),
    Content("single_quotes", "json", "single quotes", three(b"{'id':2}"), [1, 3], broken("a key is missing")),
    Content(
        "leading_zero",
        "json",
        "a number with a leading zero",
        three(b'{"id":02}'),
        [1, 3],
        broken("not a JSON number", "id"),
    ),
    Content("hex", "json", "a hexadecimal number", three(b'{"id":0x2}'), [1, 3], broken("not a JSON number", "id")),
    Content(
        "escape",
        "json",
        "an escape that JSON has not",
        three(b'{"id":2,"t":"\\x41"}'),
        [1, 3],
        broken("a wrong escape", "t"),
    ),
    Content(
        "half_surrogate",
        "json",
        "half of a surrogate pair",
        three(b'{"id":2,"t":"\\ud83d"}'),
        [1, 3],
        [(10, "t", "surrogate", "half of a surrogate pair")],
    ),
    Content(
        "huge_exponent",
        "json",
        "an exponent of a billion, as integer",
        three(b'{"id":1e1000000000}'),
        [1, 3],
        [(10, "id", "type", "not an int64")],
    ),
    Content("giant_text", "json", "a text of 900 kB", b'[{"id":1,"t":"' + GIANT + b'"}]', [1]),
    Content("words", "json", "numbers and words as records", three(b"17"), [1, 3], broken("not a JSON object")),
    Content(
        "bad_utf8_cell",
        "csv",
        "a cell that is not UTF-8",
        b"id,t\n1,a\n2,caf\xe9\n",
        [1],
        [(9, "t", "UTF-8", "not UTF-8: byte 5")],
    ),
    Content(
        "nul_cell", "csv", "a NUL in a cell", b"id,t\n1,a\n2,b\0c\n", [1], [(9, "t", "NUL", "holds a NUL: byte 3")]
    ),
    Content("bom_header", "csv", "a byte order mark before a quoted header", b'\xef\xbb\xbf"id",t\n1,a\n', [1]),
    Content("bom_alone", "csv", "a byte order mark alone", b"\xef\xbb\xbf", []),
    Content("empty_csv", "csv", "no byte at all", b"", []),
    Content(
        "open_quote",
        "csv",
        "a quote that is never closed",
        b'id,t\n1,a\n2,"b\n' + b"x,y\n" * 10,
        [1],
        [(9, "", "syntax", "quote never closed")],
    ),
    Content(
        "long_open_quote",
        "csv",
        "a quote that is never closed, 2.4 MB before the end",
        b'id,t\n1,a\n2,"b\n' + b"x,y\n" * 600_000,
        [1],
        [(9, "", "size", "larger than a part")],
    ),
    Content(
        "long_row",
        "csv",
        "a row with a cell too many",
        b"id,t\n1,a\n2,b,c\n3,d\n",
        [1, 3],
        [(9, "", "fields", "3 fields, 2 expected")],
    ),
    Content(
        "short_row",
        "csv",
        "a row with a cell too few",
        b"id,t\n1,a\n2\n3,d\n",
        [1, 3],
        [(9, "", "fields", "1 fields, 2 expected")],
    ),
    Content("line_ends", "csv", "LF, CRLF and lone CR mixed", b"id,t\n1,a\r\n2,b\r3,c", [1, 2, 3]),
    Content("huge_cell", "csv", "a cell of 900 kB", b"id,t\n1," + GIANT + b"\n2,b\n", [1, 2]),
    Content(
        "many_cells",
        "csv",
        "a row of 16,385 cells",
        b"id,t\n1,a\n2" + b"," * 16384 + b"\n3,d\n",
        [1, 3],
        [(9, "", "fields", "16385 fields, 2 expected")],
    ),
    Content("formula", "csv", "a formula in a cell is a text", b"id,t\n1,=cmd|' /C calc'!A0\n", [1]),
]

# --- whole inputs that cannot be read ---


def directory(inbox: Path) -> None:
    (inbox / "a").mkdir()


def fifo(inbox: Path) -> None:
    os.mkfifo(inbox / "a")


def unix_socket(inbox: Path) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(inbox)  # the path of a socket is short
        s.bind("a")


def link_out(inbox: Path) -> None:
    (inbox.parent / "secret").write_bytes(GOOD["csv"])
    (inbox / "a").symlink_to("../secret")


def link_nowhere(inbox: Path) -> None:
    (inbox / "a").symlink_to("nothing")


def link_loop(inbox: Path) -> None:
    (inbox / "a").symlink_to("a")


def content(data: bytes) -> Callable[[Path], None]:
    return lambda inbox: (inbox / "a").write_bytes(data) and None


@dataclass(frozen=True)
class Unreadable:
    what: str
    prepare: Callable[[Path], None]
    code: int
    words: str  # in the error line


PACKED = gzip.compress(b"id,t\n" + b"".join(b"%d,x\n" % i for i in range(5000)))

UNREADABLE = {
    "missing": Unreadable("no such file", lambda _: None, 66, "no such file or directory"),
    "directory": Unreadable("a directory", directory, 66, "it is a directory"),
    "fifo": Unreadable("a FIFO", fifo, 66, "it is a FIFO"),
    "socket": Unreadable("a socket", unix_socket, 66, "it is a socket"),
    "link_out": Unreadable("a link that leaves the pipeline's folder", link_out, 66, "it leads out of"),
    "link_nowhere": Unreadable("a link to nothing", link_nowhere, 66, "no such file or directory"),
    "link_loop": Unreadable("a link to itself", link_loop, 66, "symbolic link that is not followed"),
    "gz_cut_off": Unreadable("gzip, cut off", content(PACKED[:-100]), 65, "gzip data are cut off"),
    "gz_head_only": Unreadable("gzip, its first 5 bytes", content(PACKED[:5]), 65, "gzip data are cut off"),
    "gz_damaged": Unreadable("gzip, wrong checksum", content(PACKED[:-8] + b"\0" * 8), 65, "gzip data are damaged"),
    "gz_followed": Unreadable("gzip, other bytes behind it", content(PACKED + b"junk"), 65, "other bytes follow"),
    "gz_second_cut": Unreadable(
        "gzip of two members, the second cut off", content(PACKED + PACKED[:-9]), 65, "gzip data are cut off"
    ),
    "gz_bomb": Unreadable(
        "gzip, 64 MiB in 64 KiB",
        content(gzip.compress(b"id,t\n" + b"1,a\n" * (16 << 20))),
        65,
        "more than 1000 times its size",
    ),
    "zstd": Unreadable("zstd", content(b"\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00"), 65, "it is packed by zstd"),
    "xz": Unreadable("xz", content(lzma.compress(GOOD["csv"])), 65, "it is packed by xz"),
    "zip": Unreadable("zip", content(b"PK\x03\x04\x14\x00"), 65, "it is packed by zip"),
    "long_header": Unreadable(
        "CSV, a header of more than 1 MiB", content(b"id,t" + b",x" * 600_000), 65, "header row is longer than"
    ),
    "many_columns": Unreadable(
        "CSV, a header of 16,385 columns",
        content(b"id,t," + b",".join(b"c%d" % i for i in range(16_383)) + b"\n1,a\n"),
        65,
        "16384",
    ),
    "nul_in_header": Unreadable(
        "CSV, a NUL in the header", content(b"id,t\0\n1,a\n"), 65, "column 2 in the header holds a NUL"
    ),
    "latin1_header": Unreadable(
        "CSV, a header that is not UTF-8", content(b"id,t,caf\xe9\n1,a,b\n"), 65, "column 3 in the header is not UTF-8"
    ),
    "column_twice": Unreadable("CSV, a column twice", content(b"id,t,id\n1,a,2\n"), 65, "columns 1 and 3"),
    "header_of_html": Unreadable("CSV, an HTML error page", content(HTML), 65, 'no column "id"'),
    "one_line_of_html": Unreadable(
        "CSV, an HTML error page of one line", content(b"<html><h1>502 Bad Gateway</h1></html>"), 65, 'no column "id"'
    ),
}

# --- pages of a web site ---


@dataclass(frozen=True)
class Page:
    """A list page, what its Content-Type says, and the rows (id, t) that its records give, or the error's words."""

    name: str
    what: str
    data: bytes
    rows: list[tuple[int, str | None]] = field(default_factory=list)
    words: str = ""  # of the warning or error; the crawl's code is then `code`
    code: int = 0
    kind: str = "text/html; charset=utf-8"
    css: str = ".t"  # of t; id is .i, in each .r


def record(id: int, text: bytes) -> bytes:
    return b"<div class=r><b class=i>%d</b><p class=t>%s</p></div>" % (id, text)


PAGES = [
    Page("unclosed", "tags that are never closed", b"<div class=r><b class=i>1<p class=t>a", [(1, "a")]),
    Page("nul", "a NUL byte in a text", record(1, b"a\0b") + record(2, b"c"), [(1, "a\ufffdb"), (2, "c")]),
    Page(
        "bad_utf8",
        "bytes that are not UTF-8",
        record(1, b"a\xff\xfeb") + record(2, b"c"),
        [(1, "a\ufffd\ufffdb"), (2, "c")],
    ),
    Page("no_charset", "windows-1252, and nothing says so", record(1, b"caf\xe9"), [(1, "café")], kind="Text/HTML"),
    Page(
        "no_charset_fault",
        "UTF-8 with a fault, and nothing says so",
        record(1, "café".encode()) + record(2, b"c\xff"),
        [(1, "café"), (2, "c\ufffd")],
        kind="text/html",
    ),
    Page(
        "meta_in_comment",
        "a charset in a comment and in a description",
        b"<!-- <meta charset=koi8-r> --><meta name=d content='charset=koi8-r'>" + record(1, "é".encode()),
        [(1, "é")],
        kind="text/html",
    ),
    Page("utf7", "UTF-7", record(1, b"+ADw-b+AD4-"), [(1, "+ADw-b+AD4-")], kind="text/html; charset=utf-7"),
    Page(
        "charset_lie",
        "windows-1252 that <meta> calls UTF-8 and Content-Type iso-8859-1",
        b"<meta charset=utf-8>" + record(1, b"caf\xe9 \x80"),
        [(1, "café €")],
        kind="text/html; charset=iso-8859-1",
    ),
    Page(
        "charset_unknown",
        "a charset that nobody knows",
        record(1, "é".encode()),
        [(1, "é")],
        kind="text/html; charset=x-none",
    ),
    Page(
        "utf16",
        "UTF-16 with a byte order mark that Content-Type calls UTF-8",
        ("\ufeff" + record(1, b"a").decode()).encode("utf-16-le"),
        [(1, "a")],
    ),
    Page(
        "attributes",
        "an element with 1,000 attributes",
        b"<p " + b" ".join(b"a%d=1" % i for i in range(1_000)) + b">" + record(1, b"a"),
        [(1, "a")],
    ),
    Page(
        "more_attributes",
        "an element with 20,000 attributes",
        b"<p " + b" ".join(b"a%d=1" % i for i in range(20_000)) + b">" + record(1, b"a"),
        [],
        "more than 1024 attributes",
        65,
    ),
    Page(
        "root_attributes",
        "2,000 `html` tags with an attribute each",
        b"".join(b"<html a%d=1>" % i for i in range(2_000)) + record(1, b"a"),
        [],
        "more than 1024 attributes",
        65,
    ),
    Page(
        "entities",
        "entities of its own that grow (billion laughs)",
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + record(1, b"&b;") + record(2, b"c"),
        [(1, "&b;"), (2, "c")],
    ),
    Page(
        "references",
        "references to no letter",
        record(1, b"a&#0;&#xD800;&#x110000;b"),
        [(1, "ab")],
    ),
    Page("numbers_of_1252", "letters by their number in windows-1252", record(1, b"l&#146;eau"), [(1, "l’eau")]),
    Page("script", "a script inside a text", record(1, b"a<script>document.write('b')</script>"), [(1, "a")]),
    Page("deep", "100,000 elements inside each other", b"<div>" * 100_000 + record(1, b"a"), [], "cannot be read", 65),
    Page(
        "siblings",
        "a megabyte of siblings",
        b"<div class=r><b class=i>1</b>" + b"<b></b>" * 150_000 + b"<p class=t>a</p></div>",
        [(1, "a")],
    ),
    Page(
        "siblings_before",
        "a megabyte of siblings, and `t: u ~ b`",
        b"<div class=r><b class=i>1</b>" + b"<b></b>" * 150_000 + b"</div>",
        [],
        'css "u ~ b": the page takes more than 50000000 steps',
        65,
        css="u ~ b",
    ),
    Page(
        "siblings_after",
        "a megabyte of siblings, and `t: 'b:has(~ u)'`",
        b"<div class=r><b class=i>1</b>" + b"<b></b>" * 150_000 + b"</div>",
        [],
        'css "b:has(~ u)": the page takes more than 50000000 steps',
        65,
        css="b:has(~ u)",
    ),
    Page("large", "more than `max_bytes`", b" " * (8 << 20) + b" ", [], "an answer larger than 8388608 bytes", 76),
    Page("empty", "no byte at all", b"", [], "holds no element", 65),
    Page("json", "JSON instead of HTML", b'{"error":"busy"}', []),
]


# --- the page ---

HEAD = """\
# Hostile inputs

Files and pages come from others: they are cut off, mislabelled, and sometimes made to do harm. Parsers here are
bounded in depth, size and time; what they cannot read is told with its place, and never taken by halves. Every row
below is a test (`tests/integration/test_hostile.py`); this page is made from the same table
(`python3 -m tests.lib.hostile`). Beside them `scripts/fuzz` feeds every parser made-up bytes
([architecture](architecture.md#parsers-of-foreign-bytes)).
"""

RECORDS = """
## Records

A record that cannot be read is a reject: its neighbours are kept, and the run ends with 65 when there are more
rejects than `rejects.limit` (0 unless said otherwise).

| codec | input | becomes | code |
|---|---|---|---|
"""

WHOLE = """
## Inputs as a whole

Nothing of such an input is kept, and nothing of its run's others until it is mended. (In a bucket or on a disk that is
full: [errors](errors.md).)

| input | error | code |
|---|---|---|
"""

HTML_PAGES = """
## HTML

List pages of source `web`; the rows are what their two records give. A page beyond a limit is refused as a whole.

| page | becomes | code |
|---|---|---|
"""


def row(*cells: object) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("<", "&lt;") for c in cells) + " |\n"


def outcome(c: Content) -> str:
    kept = f"{len(c.good)} kept" if c.good else "no row"
    reasons = [f"{rule}: {words}" if words else rule for _, _, rule, words in c.rejects]
    return "; ".join([kept, *dict.fromkeys(reasons)])


def markdown() -> str:
    text = HEAD + RECORDS
    text += "".join(row(c.codec, c.what, outcome(c), 65 if c.rejects else 0) for c in CONTENTS)
    text += WHOLE + "".join(row(u.what, "… " + u.words, u.code) for u in UNREADABLE.values())
    text += HTML_PAGES
    for p in PAGES:
        shown = p.words or "; ".join(f"`{t}`" for _, t in p.rows) or "no record"
        text += row(p.what, shown, p.code)
    return text


if __name__ == "__main__":
    print(markdown(), end="")
