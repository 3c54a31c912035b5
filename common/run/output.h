/*
 * Rows for people and programs: table, csv (RFC 4180), json (one array, a row a line) and jsonl (an
 * object a line). Towards stdout they are kept, beyond a few MiB in a temporary file, until the
 * caller has closed the database, because a reader keeps the writer out (DuckDB); a server may be
 * read while the reader is slow (stream). A file gets its name when it is whole.
 */
#ifndef SL_RUN_OUTPUT_H
#define SL_RUN_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "store/engine.h"

enum sl_output_format { SL_OUTPUT_TABLE, SL_OUTPUT_CSV, SL_OUTPUT_JSON, SL_OUTPUT_JSONL };

/* Zero-initialise, set the first four, release at the end. */
struct sl_output {
	enum sl_output_format format;
	uint64_t limit;	  /* most rows; 0: all */
	const char *path; /* file to make, NULL or "-": stdout */
	bool stream;	  /* stdout gets the rows as they come; not for tables */
	uint64_t rows;
	bool capped; /* there were more, or nobody reads on */
	struct sl_buf text;
	struct sl_tmpfile spool;
	struct sl_buf head;	/* table: the columns' names */
	struct sl_buf cells;	/* table: length-prefixed cells */
	size_t n_cols, *widths; /* in characters */
	bool *right;
};

/* For sl_engine.query, with the output as ctx. A row beyond the limit sets capped and ends the
 * query with an error that means nothing. */
bool sl_output_cols(void *ctx, const struct sl_db_col *cols, size_t n_cols, struct sl_err *err);
bool sl_output_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		   const struct sl_str *cells, struct sl_err *err);

/* Completes o->text without writing it: for what is put into a larger text. Few rows only. */
void sl_output_end(struct sl_output *o);

/* Writes it all to path or stdout. */
SL_NODISCARD bool sl_output_finish(struct sl_output *o, struct sl_err *err);
void sl_output_release(struct sl_output *o);

#endif
