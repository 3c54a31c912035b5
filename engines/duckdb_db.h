/* What the files of the DuckDB module share: an open database and how its values become text. */
#ifndef SL_ENGINES_DUCKDB_DB_H
#define SL_ENGINES_DUCKDB_DB_H

#include "base/buf.h"
#include "engines/duckdb_api.h"
#include "store/engine.h"

struct sl_db {
	duckdb_database database;
	duckdb_connection connection;
	bool in_transaction;
	struct sl_duckdb_copy *copy; /* NULL when none is under way */
};

/* Fills err from DuckDB's own text; returns false. kind: what the failing call means for the
 * operator. */
bool sl_duckdb_fail(struct sl_err *err, enum sl_err_kind kind, const char *text);
enum sl_err_kind sl_duckdb_kind(duckdb_error_type type, const char *text);
/* The same from a result that failed. */
bool sl_duckdb_fail_result(duckdb_result *result, struct sl_err *err);

/* exec and query of struct sl_engine. */
bool sl_duckdb_exec(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		    uint64_t *affected, struct sl_err *err);
bool sl_duckdb_query(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		     bool (*on_cols)(void *, const struct sl_db_col *, size_t, struct sl_err *),
		     sl_db_row_fn row, void *ctx, struct sl_err *err);

/* One column of a result on its way to text. */
struct sl_duckdb_cell {
	duckdb_type type, storage; /* storage: of decimals */
	uint8_t scale;
	duckdb_vector vector;
	void *data;
	uint64_t *validity;
	char small[48];	   /* the text of numbers and times */
	struct sl_buf big; /* the text of lists */
};

/* True when the type needs no cast to varchar in SQL first. */
bool sl_duckdb_readable(duckdb_logical_type type);
void sl_duckdb_cell_init(struct sl_duckdb_cell *c, duckdb_logical_type type,
			 enum sl_kind *ret_kind);
void sl_duckdb_cell_bind(struct sl_duckdb_cell *c, duckdb_vector vector);
/* The canonical text of row, borrowed until the next call on c. */
struct sl_str sl_duckdb_cell_text(struct sl_duckdb_cell *c, idx_t row);

bool sl_duckdb_copy_begin(struct sl_db *db, const char *table, const struct sl_schema *schema,
			  unsigned how, struct sl_err *err);
bool sl_duckdb_copy_batch(struct sl_db *db, const struct sl_batch *b, struct sl_copy_extra *extra,
			  struct sl_err *err);
bool sl_duckdb_copy_end(struct sl_db *db, uint64_t *ret_rows, bool *ret_duplicate,
			struct sl_err *err);
void sl_duckdb_copy_abort(struct sl_db *db, bool *ret_duplicate);

#endif
