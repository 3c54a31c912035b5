/*
 * Telemetry on its way into SQL: one JSON object an execution (run/telemetry.h) becomes one row of
 * sluice.stage_run. Folding the same object twice gives one row.
 */
#include <jansson.h>

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

static void put_json(json_t **j)
{
	json_decref(*j);
}

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

static void add_insert(struct sl_buf *sql)
{
	sl_buf_adds(sql, "insert into sluice.stage_run (");
	for (size_t i = 0; i < N_MEMBERS; i++)
		sl_buf_addf(sql, "%s%s", i ? ", " : "", members[i].column);
	sl_buf_adds(sql, ") values (");
	for (size_t i = 0; i < N_MEMBERS; i++)
		sl_buf_addf(sql, "%scast($%zu as %s)", i ? ", " : "", i + 1,
			    members[i].type ? members[i].type : "text");
	sl_buf_adds(sql, ")");
}

/* Broken telemetry is no reason to fail anything: such an object is left out. */
static bool fold(struct sl_sink *s, const char *insert, struct sl_str text, struct sl_err *err)
{
	static const char seen[] = "select 1 from sluice.stage_run "
				   "where pipeline = $1 and run = $2 and id = $3";
	sl_cleanup(put_json) json_t *object = json_loadb(text.p, text.n, 0, NULL);
	char numbers[N_MEMBERS][32];
	const char *params[N_MEMBERS];
	struct sl_str cell;
	bool found;

	if (!json_is_object(object))
		return true;
	for (size_t i = 0; i < N_MEMBERS; i++)
		params[i] = member_text(object, members[i].column, numbers[i]);
	const char *key[] = {params[1], params[4], params[0]};
	if (!key[0] || !key[1] || !key[2])
		return true;
	if (!sl_sink_row(s, seen, key, 3, &s->arena, &cell, 1, &found, err))
		return false;
	return found || sl_sink_exec(s, insert, params, N_MEMBERS, NULL, err);
}

static bool fold_all(struct sl_sink *s, const struct sl_str *json, size_t n, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf insert = SL_BUF_INIT;

	add_insert(&insert);
	if (!s->eng->lock(s->db, s->p->name, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!fold(s, sl_buf_z(&insert), json[i], err))
			return false;
	return s->eng->commit(s->db, err);
}

bool sl_sink_stage_runs(struct sl_sink *s, const struct sl_str *json, size_t n, struct sl_err *err)
{
	if (!n || (s->eng->begin(s->db, err) && fold_all(s, json, n, err)))
		return true;
	s->eng->rollback(s->db);
	return false;
}
