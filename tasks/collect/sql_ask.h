/*
 * What the sql source asks a server. The user's query is a subquery and stands as it is written;
 * every value goes through a parameter, every name is quoted.
 *
 *	end	select max(W) from (QUERY) as q where W > from
 *	rows	select * from (QUERY) as q where from - lag < W ≤ end, behind (W, KEY…) order by W, KEY…
 *
 * A continuation is the JSON list of the watermark and the keys of the last row that was kept.
 */
#ifndef SL_COLLECT_SQL_ASK_H
#define SL_COLLECT_SQL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "data/field.h"
#include "store/engine.h"
#include "tasks/collect/rows.h"

struct sl_sql_params {
	const char *connection;
	const char *query;
	const char *table;
	const char *watermark;
	struct sl_texts key;
	const char *lag;
	struct sl_texts json;
	uint64_t step;
	int64_t timeout;
	/* made by the check */
	const char *body; /* the query, one statement that reads */
	struct sl_lag back;
};

/* A statement with its parameters; all in the arena that made it. */
struct sl_sql_ask {
	const char *sql;
	const char **params;
	size_t n_params;
};

/* The greatest watermark behind from (NULL: of all). */
struct sl_sql_ask sl_sql_ask_end(const struct sl_sql_params *p, const char *from,
				 struct sl_arena *arena);
/* A range's rows (limit: 0 for all), behind the continuation `at` where it is not NULL. SL_ERR_DATA: from is no value
 * that a lag can be taken from, or `at` is damaged. */
SL_NODISCARD bool sl_sql_ask_rows(const struct sl_sql_params *p, const char *from, const char *end,
				  const char *at, size_t limit, struct sl_arena *arena,
				  struct sl_sql_ask *ret, struct sl_err *err);
/* Everything, in the order of the keys if there are any. */
struct sl_sql_ask sl_sql_ask_whole(const struct sl_sql_params *p, size_t limit,
				   struct sl_arena *arena);

/* Everything that decides what a step brings, for sl_steps_begin. */
const char *sl_sql_asks(const struct sl_sql_params *p, struct sl_arena *arena);

#endif
