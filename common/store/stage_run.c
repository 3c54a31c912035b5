/*
 * Telemetry on its way into SQL: one JSON object an execution (run/telemetry.h) becomes one row of
 * sluice.stage_run. Folding the same object twice gives one row.
 */
#include <jansson.h>

#include "base/mem.h"
#include "base/num.h"
#include "store/sink_private.h"

/* The columns of state.c in order, each with the key of the object. */
static const struct {
	const char *column, *type; /* type: NULL for text */
} members[] = {
	{"id", NULL},
	{"pipeline", NULL},
	{"stage", NULL},
	{"source", NULL},
	{"run", NULL},
	{"partition", "bigint"},
	{"started", "timestamptz"},
	{"finished", "timestamptz"},
	{"seconds", "double precision"},
	{"peak_kib", "bigint"},
	{"exit", "bigint"},
	{"kind", NULL},
	{"error", NULL},
	{"host", NULL},
	{"dag_id", NULL},
	{"task_id", NULL},
	{"dag_run_id", NULL},
	{"try_number", "bigint"},
	{"map_index", "bigint"},
	{"entries", "bigint"},
	{"n_in", "bigint"},
	{"kept", "bigint"},
	{"dup", "bigint"},
	{"filtered", "bigint"},
	{"rejected", "bigint"},
	{"inserted", "bigint"},
	{"updated", "bigint"},
	{"unchanged", "bigint"},
	{"stale", "bigint"},
	{"superseded", "bigint"},
	{"written", "bigint"},
	{"pending", "bigint"},
};

#define N_MEMBERS SL_ARRAY_LEN(members)
#define FOLD_MAX 64 /* objects a statement: PostgreSQL takes 65,535 parameters */

/* A member as text, or NULL; numbers are written into number. */
static const char *member_text(const json_t *object, const char *key, char number[32])
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value)) {
		snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return number;
	}
	if (json_is_real(value)) {
		number[sl_num_f64_text(json_real_value(value), number)] = '\0';
		return number;
	}
	return json_string_value(value);
}

static void add_columns(struct sl_buf *sql)
{
	for (size_t i = 0; i < N_MEMBERS; i++)
		sl_buf_addf(sql, "%s%s", i ? ", " : "", members[i].column);
}

/* One statement for n objects: most of its cost is to prepare it. */
static void add_insert(struct sl_buf *sql, size_t n)
{
	sl_buf_adds(sql, "insert into sluice.stage_run (");
	add_columns(sql);
	sl_buf_adds(sql, ") select * from (values ");
	for (size_t k = 0; k < n; k++) {
		sl_buf_adds(sql, k ? ", (" : "(");
		for (size_t i = 0; i < N_MEMBERS; i++)
			sl_buf_addf(sql, "%scast($%zu as %s)", i ? ", " : "", k * N_MEMBERS + i + 1,
				    members[i].type ? members[i].type : "text");
		sl_buf_adds(sql, ")");
	}
	sl_buf_adds(sql, ") v (");
	add_columns(sql);
	sl_buf_adds(sql, ") where not exists (select 1 from sluice.stage_run s where s.pipeline = "
			 "v.pipeline and s.run = v.run and s.id = v.id)");
}

/* Objects on their way into one statement. */
struct fold {
	json_t *objects[FOLD_MAX];
	char numbers[FOLD_MAX][N_MEMBERS][32];
	const char *params[FOLD_MAX * N_MEMBERS];
	size_t n;
};

static void put_fold(struct fold **f)
{
	for (size_t i = 0; i < (*f)->n; i++)
		json_decref((*f)->objects[i]);
	free(*f);
}

static bool is_taken(const struct fold *f, const char *const *params)
{
	for (size_t i = 0; i < f->n; i++) {
		const char *const *other = f->params + i * N_MEMBERS;
		if (strcmp(other[0], params[0]) == 0 && strcmp(other[1], params[1]) == 0 &&
		    strcmp(other[4], params[4]) == 0)
			return true;
	}
	return false;
}

/* Broken telemetry is no reason to fail anything: such an object is left out, as is a copy. */
static void take_object(struct fold *f, struct sl_str text)
{
	json_t *object = json_loadb(text.p, text.n, 0, NULL);
	const char **params = f->params + f->n * N_MEMBERS;

	for (size_t i = 0; json_is_object(object) && i < N_MEMBERS; i++)
		params[i] = member_text(object, members[i].column, f->numbers[f->n][i]);
	if (!json_is_object(object) || !params[0] || !params[1] || !params[4] ||
	    is_taken(f, params)) {
		json_decref(object);
		return;
	}
	f->objects[f->n++] = object; /* its texts are the parameters */
}

static bool fold_some(const struct sl_engine *eng, struct sl_db *db, const struct sl_str *json,
		      size_t n, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf insert = SL_BUF_INIT;
	sl_cleanup(put_fold) struct fold *f = sl_xcalloc(1, sizeof(*f));

	for (size_t i = 0; i < n; i++)
		take_object(f, json[i]);
	if (f->n == 0)
		return true;
	add_insert(&insert, f->n);
	return eng->exec(db, sl_buf_z(&insert), f->params, f->n * N_MEMBERS, NULL, err);
}

static bool fold_all(const struct sl_engine *eng, struct sl_db *db, const char *pipeline,
		     const struct sl_str *json, size_t n, struct sl_err *err)
{
	if (!eng->lock(db, pipeline, err))
		return false;
	for (size_t i = 0; i < n; i += FOLD_MAX)
		if (!fold_some(eng, db, json + i, n - i < FOLD_MAX ? n - i : FOLD_MAX, err))
			return false;
	return eng->commit(db, err);
}

bool sl_stage_runs_fold(const struct sl_engine *eng, struct sl_db *db, const char *pipeline,
			const struct sl_str *json, size_t n, struct sl_err *err)
{
	if (!n || (eng->begin(db, err) && fold_all(eng, db, pipeline, json, n, err)))
		return true;
	eng->rollback(db);
	return false;
}
