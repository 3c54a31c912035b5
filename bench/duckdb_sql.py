"""Executes SQL in a DuckDB file through the C API of the library that the stages use: DuckDB as a peer.

usage: duckdb_sql.py LIBRARY FILE STATEMENT…
"""

import ctypes
import sys


def main() -> None:
    library, file, *statements = sys.argv[1:]
    duck = ctypes.CDLL(library)
    database, connection, result = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.create_string_buffer(64)
    assert duck.duckdb_open(file.encode(), ctypes.byref(database)) == 0, file
    assert duck.duckdb_connect(database, ctypes.byref(connection)) == 0
    duck.duckdb_result_error.restype = ctypes.c_char_p
    for sql in statements:
        if duck.duckdb_query(connection, sql.encode(), result) != 0:
            sys.exit(duck.duckdb_result_error(result).decode())
    duck.duckdb_disconnect(ctypes.byref(connection))
    duck.duckdb_close(ctypes.byref(database))


if __name__ == "__main__":
    main()
