/*
 * The one interface of the SQL engines (PostgreSQL, DuckDB). Everything that decides what a table
 * holds is written once above it, in SQL that both understand (store/switch.c); an engine only
 * executes, copies batches in, and hands rows out in one canonical text form. No stage asks which
 * engine it talks to.
 */
#ifndef SL_STORE_ENGINE_H
#define SL_STORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "data/batch.h"
#include "data/type.h"
#include "net/conn.h"

struct sl_db; /* an open connection, the engine's own */

struct sl_db_conf {
	const char *path;	    /* DuckDB: the database file; NULL: in memory */
	const struct sl_conn *conn; /* PostgreSQL */
	const char *app_name;	    /* "sluice-store orders" */
	bool read_only;
	bool snapshot;	      /* all statements of a transaction see one state */
	int64_t statement_us; /* longest time of a statement; 0: no limit. Servers only */
	int64_t wait_us;      /* how long to wait for a busy file or a lock, then SL_ERR_AGAIN */
	const char *temp_dir; /* where a spill may go */
};

/* A column of a result. kind tells how JSON writes it (numbers and booleans without quotes). */
struct sl_db_col {
	const char *name;
	enum sl_kind kind;
};

/*
 * A value in canonical text: bool true/false; integers; decimals with their scale; doubles as the
 * shortest text that reads back; dates YYYY-MM-DD; timestamps RFC 3339 in UTC with Z; lists as JSON
 * arrays; other types as the engine's own text. text.p == NULL: NULL.
 */
typedef bool (*sl_db_row_fn)(void *ctx, const struct sl_db_col *cols, size_t n_cols,
			     const struct sl_str *cells, struct sl_err *err);

/* Why the engine refused a row: its last failed statement, when the row itself was at fault. */
struct sl_row_fault {
	char sqlstate[6];
	char column[64]; /* when the engine tells, else "" */
	char text[200];	 /* its words, without the row's values */
};

enum sl_relation { SL_RELATION_NONE, SL_RELATION_TABLE, SL_RELATION_VIEW };

/* Hidden columns that a copy adds behind the batch's own, the same for every row but seq. */
struct sl_copy_extra {
	int64_t input;	/* _sl_input: the owner */
	int64_t seq;	/* _sl_seq of the batch's first row, whether that is kept or not */
	int64_t change; /* _sl_change, with SL_COPY_CHANGE */
};

/* How rows are copied. */
enum sl_copy {
	SL_COPY_CHANGE = 1,  /* with _sl_change */
	SL_COPY_BY_NAME = 2, /* wherever the table has these columns, and NULL in its others */
	SL_COPY_FRESH = 4, /* the table was made in this transaction, outside of any savepoint of it
			      * that is still there: what has to be noted at each row's first reader
			      * is noted at once */
};

struct sl_engine {
	const char *name;  /* "pg", "duckdb": also the module's name */
	bool unique_keys;  /* a unique index guards the key, so a copy reports a second row */
	bool shared;	   /* a server: no file lock around it */
	bool rewrites;	   /* an UPDATE keeps every row's old values in memory until the commit:
			   * changed rows are deleted and inserted instead */
	const char *roomy; /* behind CREATE TABLE, of a table whose rows are going to be replaced */
	const char *row_id; /* hidden column: finds a staged row of an input quickest */

	bool (*open)(const struct sl_db_conf *conf, struct sl_db **ret, struct sl_err *err);
	void (*close)(struct sl_db *db);

	/* One statement; $1… are params (text or NULL). affected may be NULL. */
	bool (*exec)(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		     uint64_t *affected, struct sl_err *err);
	/* Several statements without parameters and results (DDL, models). */
	bool (*script)(struct sl_db *db, const char *sql, struct sl_err *err);
	/* One query; row may be NULL. cols are told with the first row; on_cols, if not NULL, is
	 * called once before any row, also when there is none. */
	bool (*query)(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		      bool (*on_cols)(void *ctx, const struct sl_db_col *cols, size_t n_cols,
				      struct sl_err *err),
		      sl_db_row_fn row, void *ctx, struct sl_err *err);

	bool (*begin)(struct sl_db *db, struct sl_err *err);
	/* Begins a transaction that only reads: all its queries see the state of the first one. */
	bool (*snapshot)(struct sl_db *db, struct sl_err *err);
	/* Outcome unknown (connection lost in COMMIT) is SL_ERR_AGAIN: `applied` tells at the
	 * rerun. */
	bool (*commit)(struct sl_db *db, struct sl_err *err);
	void (*rollback)(struct sl_db *db); /* also after a failed begin: harmless */

	/* Copies the kept rows of batches into table ("schema.name", already checked identifiers),
	 * in the order of schema's columns then _sl_input, _sl_seq[, _sl_change]; how: of enum
	 * sl_copy. *ret_duplicate: a unique key refused a second row (SL_ERR_DATA; the transaction
	 * is then to be rolled back to its savepoint). Who gives up, or is told false by copy_batch,
	 * calls copy_abort. */
	bool (*copy_begin)(struct sl_db *db, const char *table, const struct sl_schema *schema,
			   unsigned how, struct sl_err *err);
	bool (*copy_batch)(struct sl_db *db, const struct sl_batch *b, struct sl_copy_extra *extra,
			   struct sl_err *err); /* extra->seq moves on by all rows of b */
	bool (*copy_end)(struct sl_db *db, uint64_t *ret_rows, bool *ret_duplicate,
			 struct sl_err *err);
	void (*copy_abort)(struct sl_db *db, bool *ret_duplicate);

	/* Whether the last failure was a row's own fault (a constraint, a trigger, a value out of
	 * range): then savepoints find which one. NULL: the engine has no savepoints. */
	bool (*row_fault)(struct sl_db *db, struct sl_row_fault *ret);

	/* Takes the pipeline's row for this transaction, or with NULL the right to make the state
	 * tables. After the wait it ends the backend that blocked all the time (same application
	 * name, same backend start) and tries once more, then SL_ERR_AGAIN. */
	bool (*lock)(struct sl_db *db, const char *pipeline, struct sl_err *err);

	void (*type_name)(struct sl_type t, char out[32]); /* in CREATE TABLE */

	/* What the engine's own catalogue says of schema.name (schema NULL: the current one), since
	 * information_schema takes ten times as long. columns: each as (name, type in lower case),
	 * in order; no row when there is no such relation. */
	bool (*relation)(struct sl_db *db, const char *schema, const char *name,
			 enum sl_relation *ret, struct sl_err *err);
	bool (*columns)(struct sl_db *db, const char *schema, const char *name, sl_db_row_fn row,
			void *ctx, struct sl_err *err);
	/* Whether it has an index that begins with column, a unique one if so asked. NULL: the
	 * engine's tables have none. */
	bool (*indexed)(struct sl_db *db, const char *schema, const char *name, const char *column,
			bool unique, bool *ret, struct sl_err *err);
};

/* A sl_db_row_fn that only sees that there is a row; ctx: bool *. */
bool sl_db_any(void *ctx, const struct sl_db_col *cols, size_t n_cols, const struct sl_str *cells,
	       struct sl_err *err);

/* Opens module `name` and checks that it is an engine. */
SL_NODISCARD bool sl_engine_get(const char *name, const struct sl_engine **ret, struct sl_err *err);

/* A debug line for one call of an engine: how often and with what it is asked. Without parameters:
 * they are data. */
void sl_sql_trace(const char *engine, const char *sql);

/* The columns of a copy by name: schema's and the hidden ones, quoted, with commas. */
void sl_sql_copy_columns(struct sl_buf *out, const struct sl_schema *schema, bool with_change);

/* "name" or "schema.name", each half quoted. */
void sl_sql_ident(struct sl_buf *out, const char *name);
/* A text literal, only for generated names and constants, never for data. */
void sl_sql_literal(struct sl_buf *out, const char *text);

#endif
