/*
 * A store in a temporary directory for the tests of the switch: a pipeline made by hand with the
 * table t(id, name, version), clean parts written from row lists, and the table read back as one
 * text. The same tests run on DuckDB and, when SLUICE_TEST_PG gives a connection URI, on
 * PostgreSQL.
 */
#ifndef SL_TESTS_STORE_SUPPORT_H
#define SL_TESTS_STORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/module.h"
#include "store/sink.h"

#define NO_VERSION INT64_MIN
#define MAX_INPUTS 16
#define ROWS(...) ((struct row[]){__VA_ARGS__}), SL_ARRAY_LEN(((struct row[]){__VA_ARGS__}))
#define NO_ROWS NULL, 0

struct row {
	int64_t id;
	const char *name;
	int64_t version; /* NO_VERSION: NULL */
};

struct world {
	struct sl_home home;
	struct sl_pipeline p;
	struct sl_source sources[2];
	struct sl_contract_col cols[3];
	size_t key_cols[1];
	const char *key[1];
	/* the entry being put together */
	struct sl_arena arena;
	struct sl_sink_input inputs[MAX_INPUTS];
	size_t n_inputs;
	uint64_t bad; /* rejects of the next input */
	struct sl_outcome out;
	struct sl_err err;
};

static const char *test_engine = "duckdb"; /* which one the group runs on */

#define assert_ok(w, call)                                                                         \
	do {                                                                                       \
		if (!(call))                                                                       \
			fail_msg("%s: %s", #call, (w)->err.msg);                                   \
	} while (0)

#define assert_fails(w, want, call)                                                                \
	do {                                                                                       \
		sl_err_clear(&(w)->err);                                                           \
		assert_false(call);                                                                \
		if ((w)->err.kind != (want))                                                       \
			fail_msg("%s: \"%s\"", sl_err_kind_name((w)->err.kind), (w)->err.msg);     \
	} while (0)

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline bool on_pg(void)
{
	return strcmp(test_engine, "pg") == 0;
}

static inline bool duckdb_is_here(void)
{
	sl_cleanup(sl_freep) char *path =
		sl_xasprintf("%s/../lib/sluice/libduckdb.so", sl_exe_dir());

	return sl_file_exists(path);
}

/* Rules' name: the world's rev becomes hash-like text of it. */
static inline void set_rev(struct world *w, const char *rev)
{
	snprintf(w->p.rev, sizeof(w->p.rev), "%s", rev);
}

static inline void set_mode(struct world *w, enum sl_table_mode mode)
{
	w->p.store.mode = mode;
	w->p.store.key.n = mode == SL_MODE_LATEST ? 1 : 0;
	w->p.store.version = mode == SL_MODE_LATEST ? "version" : NULL;
	w->p.store.version_col = mode == SL_MODE_LATEST ? 2 : -1;
}

static inline void make_pipeline(struct world *w)
{
	static const struct {
		const char *name;
		enum sl_kind kind;
	} cols[] = {{"id", SL_INT64}, {"name", SL_TEXT}, {"version", SL_INT64}};
	struct sl_pipeline *p = &w->p;

	for (size_t i = 0; i < SL_ARRAY_LEN(cols); i++) {
		w->cols[i].name = cols[i].name;
		w->cols[i].type.kind = cols[i].kind;
		w->cols[i].required = i == 0;
		sl_schema_add(&p->schema, cols[i].name, w->cols[i].type);
	}
	w->key[0] = "id";
	w->sources[0].name = "a";
	w->sources[1] = (struct sl_source){.name = "b", .index = 1};
	p->name = "test";
	p->sources = w->sources;
	p->n_sources = 2;
	p->contract = (struct sl_contract){w->cols, 3, 3};
	p->store = (struct sl_store){.table = "silver.t", .schema = "silver", .name = "t"};
	p->store.key.v = w->key;
	p->store.key_cols = w->key_cols;
	p->backend.store = test_engine;
	p->backend.store_conn = on_pg() ? "sluice_test" : NULL;
	snprintf(p->shape, sizeof(p->shape), "shape1");
	set_rev(w, "rev1");
}

static inline void drop_all(struct world *w)
{
	const struct sl_engine *eng;
	struct sl_db *db;

	assert_ok(w, sl_store_connect(&w->p, &w->home, false, 1000000, &eng, &db, &w->err));
	assert_ok(w, eng->script(db,
				 "drop schema if exists sluice cascade; "
				 "drop schema if exists silver cascade",
				 &w->err));
	eng->close(db);
}

static inline int world_setup(void **state)
{
	struct world *w = sl_xcalloc(1, sizeof(*w));
	char dir[] = "/tmp/sluice-switch-XXXXXX";

	sl_home_at(&w->home, sl_xstrdup(mkdtemp(dir)));
	make_pipeline(w);
	set_mode(w, SL_MODE_LATEST);
	if (on_pg()) {
		setenv("SLUICE_CONN_SLUICE_TEST", getenv("SLUICE_TEST_PG"), 1);
		drop_all(w);
	}
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	nftw(w->home.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	sl_schema_release(&w->p.schema);
	sl_arena_release(&w->arena);
	sl_home_release(&w->home);
	free(w);
	return 0;
}

static inline void fill_row(struct sl_batch *b, const struct row *r)
{
	size_t row = sl_batch_add_row(b, (struct sl_pos){0, 1});

	b->cols[0].valid[row] = 1;
	b->cols[0].u.i64[row] = r->id;
	b->cols[1].valid[row] = r->name != NULL;
	b->cols[1].u.str[row] = sl_str_of(r->name);
	b->cols[2].valid[row] = r->version != NO_VERSION;
	b->cols[2].u.i64[row] = r->version;
}

/* Adds an input to the entry: its clean part is made under the world's rev. */
static inline void put_input(struct world *w, size_t source, const char *name, uint64_t edition,
			     const struct row *rows, size_t n)
{
	struct sl_sink_input *in = &w->inputs[w->n_inputs];
	struct sl_log_chunk *chunk = sl_arena_zalloc(&w->arena, 1, sizeof(*chunk));
	struct sl_batch b;

	chunk->id = sl_arena_printf(&w->arena, "%zu-%s-%" PRIu64, source, name, edition);
	chunk->parts = 1;
	*in = (struct sl_sink_input){.source = w->sources[source].name,
				     .source_index = source,
				     .name = sl_arena_strdup(&w->arena, name),
				     .edition = edition,
				     .place = w->n_inputs,
				     .chunks = chunk,
				     .n_chunks = 1};
	sl_batch_init(&b, &w->p.schema, n + w->bad + 1);
	for (size_t i = 0; i < n; i++)
		fill_row(&b, &rows[i]);
	for (size_t i = 0; i < w->bad; i++)
		sl_batch_reject(&b, sl_batch_add_row(&b, (struct sl_pos){0, 1}), "name", "required",
				"is missing");
	in->counts = (struct sl_counts){.n_in = n + w->bad, .ok = n, .bad = w->bad};
	const struct sl_clean_id id = {w->p.rev, chunk->id, 0};
	assert_ok(w, sl_clean_remove(&w->home, &id, 1, &w->err));
	struct sl_clean_writer *writer = sl_clean_writer_new();
	assert_ok(w, sl_clean_write(writer, &w->home, &id, &b, 3, SL_STR("x"), 0, &in->counts,
				    &w->err));
	sl_clean_writer_free(writer);
	sl_batch_release(&b);
	w->n_inputs++;
	w->bad = 0;
}

static inline bool feed_part(void *ctx, const struct sl_log_chunk *chunk, uint32_t part,
			     struct sl_clean_reader **ret, struct sl_err *err)
{
	struct world *w = ctx;
	const struct sl_clean_id id = {w->p.rev, chunk->id, part};

	return sl_clean_open(&w->home, &id, ret, err);
}

/* Switches what was put together as one entry of its edition. */
static inline bool try_switch(struct world *w, struct sl_sink *s)
{
	const struct sl_part_feed feed = {.ctx = w, .part = feed_part};
	size_t n = w->n_inputs;

	w->n_inputs = 0;
	w->out = (struct sl_outcome){0};
	return sl_sink_switch(s, "run1", n ? w->inputs[0].edition : 1, w->inputs, n, &feed, &w->out,
			      &w->err);
}

static inline bool try_refuse(struct world *w, struct sl_sink *s)
{
	const struct sl_part_feed feed = {.ctx = w, .part = feed_part};
	size_t n = w->n_inputs;

	w->n_inputs = 0;
	return sl_sink_refuse(s, "run1", w->inputs[0].edition, w->inputs, n, &feed, &w->err);
}

static inline struct sl_sink *open_sink(struct world *w)
{
	struct sl_sink *s = NULL;

	assert_ok(w, sl_sink_open(&w->p, &w->home, &s, &w->err));
	return s;
}

/* Open, switch, close: what one execution of the stage does. */
static inline void store(struct world *w)
{
	struct sl_sink *s = open_sink(w);

	assert_ok(w, try_switch(w, s));
	sl_sink_close(s);
}

static inline bool add_row_text(void *ctx, const struct sl_db_col *cols, size_t n,
				const struct sl_str *cells, struct sl_err *err)
{
	struct sl_buf *out = ctx;

	(void)cols, (void)err;
	sl_buf_adds(out, out->n ? "; " : "");
	for (size_t i = 0; i < n; i++) {
		sl_buf_adds(out, i ? " " : "");
		sl_buf_addstr(out, cells[i].p ? cells[i] : SL_STR("-"));
	}
	return true;
}

/* A query's rows as "1 a 5; 2 b -", owned by the world. */
static inline const char *ask(struct world *w, const char *sql)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	const struct sl_engine *eng;
	struct sl_db *db;

	assert_ok(w, sl_store_connect(&w->p, &w->home, true, 3000000, &eng, &db, &w->err));
	assert_ok(w, eng->query(db, sql, NULL, 0, NULL, add_row_text, &out, &w->err));
	eng->close(db);
	return sl_arena_strdup(&w->arena, sl_buf_z(&out));
}

static inline const char *table(struct world *w)
{
	return ask(w, "select id, name, version from silver.t order by id, name, version");
}

static inline void assert_out(const struct world *w, struct sl_outcome want)
{
	const struct sl_outcome *o = &w->out;

	if (memcmp(o, &want, sizeof(want)) != 0)
		fail_msg("inserted %" PRIu64 " updated %" PRIu64 " unchanged %" PRIu64
			 " stale %" PRIu64 " superseded %" PRIu64 " written %" PRIu64,
			 o->inserted, o->updated, o->unchanged, o->stale, o->superseded,
			 o->written);
}

#endif
