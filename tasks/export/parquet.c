/*
 * Parquet: see export.h. Rows of another engine come as canonical text; they stay text until DuckDB
 * casts them while it writes, because only then every value's digits are known: a numeric without
 * declared scale becomes the decimal that holds all of its values.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "run/help.h"
#include "tasks/export/export.h"

#define ROWS_MAX ((size_t)4096)
#define BATCH_BYTES ((size_t)4 << 20) /* of texts, before they are handed on */
#define DIGITS_MAX 38		      /* of DuckDB's decimals */
#define MEMORY_TABLE "sl_export"

/* A column on its way from text. */
struct column {
	enum sl_kind kind;
	size_t whole, scale; /* decimal: most digits before and behind the point so far */
	bool text;	     /* a value that its type cannot hold: the column is text */
};

/* Rows of another engine into a DuckDB in memory. */
struct load {
	struct sl_export *x;
	const struct sl_engine *duck;
	struct sl_db *db;
	struct sl_arena arena;
	struct sl_schema schema; /* c0, c1, …: text, and lists of text */
	struct column *cols;
	const char **names;
	struct sl_batch batch;
	size_t n;
	int64_t seq;
};

/* --- writing --- */

static char *directory_of(const struct sl_export *x)
{
	const char *slash = strrchr(x->path, '/');

	if (strcmp(x->path, "-") == 0)
		return sl_home_path(&x->run->home, "tmp");
	return slash ? sl_xstrndup(x->path, (size_t)(slash - x->path) + 1) : sl_xstrdup(".");
}

static bool copy_to_stdout(const char *path, struct sl_err *err)
{
	char bytes[1 << 16];
	bool gone = false, ok = true;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot read the result again");
	while (ok && !gone && (n = read(fd, bytes, sizeof(bytes))) > 0)
		ok = sl_stdout_until((struct sl_str){bytes, (size_t)n}, &gone, err);
	if (ok && n < 0)
		ok = sl_err_errno(err, SL_ERR_IO, errno, "cannot read the result again");
	close(fd);
	return ok;
}

/* sql: of the rows; DuckDB writes them under a temporary name. */
static bool copy_out(struct sl_export *x, const struct sl_engine *duck, struct sl_db *db,
		     const char *sql, const char *const *values, size_t n_values,
		     struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = directory_of(x);
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile file = SL_TMPFILE_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf copy = SL_BUF_INIT;

	if (!sl_tmpfile_open(&file, dir, err))
		return false;
	sl_buf_addf(&copy, "copy (%s\n) to ", sql);
	sl_sql_literal(&copy, file.path);
	sl_buf_adds(&copy, " (format parquet, compression zstd, use_tmp_file false)");
	if (!duck->exec(db, sl_buf_z(&copy), values, n_values, &x->rows, err))
		return false;
	if (strcmp(x->path, "-") == 0)
		return copy_to_stdout(file.path, err);
	return sl_tmpfile_rename(&file, x->path, err);
}

/* --- loading --- */

static bool make_table(struct load *l, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	char type[32];

	sl_buf_adds(&sql, "create table " MEMORY_TABLE " (");
	for (size_t i = 0; i < l->n; i++) {
		l->duck->type_name(l->schema.cols[i].type, type);
		sl_buf_addf(&sql, "%s %s, ", l->schema.cols[i].name, type);
	}
	sl_buf_adds(&sql, "_sl_input bigint, _sl_seq bigint)");
	return l->duck->script(l->db, sl_buf_z(&sql), err) &&
	       l->duck->copy_begin(l->db, MEMORY_TABLE, &l->schema, 0, err);
}

static bool take_cols(void *ctx, const struct sl_db_col *cols, size_t n_cols, struct sl_err *err)
{
	struct load *l = ctx;

	l->n = n_cols;
	l->cols = sl_arena_zalloc(&l->arena, n_cols + 1, sizeof(*l->cols));
	l->names = sl_arena_zalloc(&l->arena, n_cols + 1, sizeof(*l->names));
	for (size_t i = 0; i < n_cols; i++) {
		const bool list = cols[i].kind == SL_TEXT_LIST;

		l->cols[i].kind = cols[i].kind;
		l->names[i] = sl_arena_strdup(&l->arena, cols[i].name);
		sl_schema_add(&l->schema, sl_arena_printf(&l->arena, "c%zu", i),
			      (struct sl_type){list ? SL_TEXT_LIST : SL_TEXT, 0, 0});
	}
	sl_batch_init(&l->batch, &l->schema, ROWS_MAX);
	return make_table(l, err);
}

static bool hand_on(struct load *l, struct sl_err *err)
{
	struct sl_copy_extra extra = {.seq = l->seq};
	const bool ok = l->duck->copy_batch(l->db, &l->batch, &extra, err);

	l->seq = extra.seq;
	sl_batch_reset(&l->batch);
	sl_progress(&l->x->progress, "rows=%" PRIu64, l->x->rows);
	return ok;
}

/* Notes what a number needs; NaN and infinities are no decimals. */
static void measure(struct column *c, struct sl_str text)
{
	const size_t sign = text.n && text.p[0] == '-';
	const ptrdiff_t point = sl_str_find(text, '.');
	const size_t whole = (point < 0 ? text.n : (size_t)point) - sign;
	const size_t scale = point < 0 ? 0 : text.n - (size_t)point - 1;

	if (text.n == sign || text.p[sign] < '0' || text.p[sign] > '9')
		c->text = true;
	c->whole = whole > c->whole ? whole : c->whole;
	c->scale = scale > c->scale ? scale : c->scale;
}

static void put_json(json_t **j)
{
	json_decref(*j);
}

/* A list comes as a JSON array of texts. */
static void set_list(struct load *l, size_t row, size_t col, struct sl_str text)
{
	sl_cleanup(put_json) json_t *array = json_loadb(text.p, text.n, 0, NULL);
	struct sl_list *list = &l->batch.cols[col].u.list[row];
	const size_t n = json_array_size(array);

	list->v = sl_arena_zalloc(&l->batch.arena, n + 1, sizeof(*list->v));
	list->n = n;
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(array, i);
		const struct sl_str value = {json_string_value(item), json_string_length(item)};

		list->v[i] = value.p ? sl_arena_str(&l->batch.arena, value) : SL_STR("");
	}
}

static bool take_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct load *l = ctx;
	const size_t row = sl_batch_add_row(&l->batch, (struct sl_pos){0, 0});

	for (size_t i = 0; i < n_cols; i++) {
		if (!cells[i].p)
			continue;
		l->batch.cols[i].valid[row] = 1;
		if (cols[i].kind == SL_DECIMAL)
			measure(&l->cols[i], cells[i]);
		if (cols[i].kind == SL_TEXT_LIST)
			set_list(l, row, i, cells[i]);
		else
			l->batch.cols[i].u.str[row] = sl_arena_str(&l->batch.arena, cells[i]);
	}
	l->x->rows++;
	return (l->batch.rows < ROWS_MAX && l->batch.arena.used < BATCH_BYTES) || hand_on(l, err);
}

/* Digits of a decimal of the pipeline's own table, else those that its values need. */
static struct sl_type decimal_of(const struct load *l, size_t i)
{
	const struct sl_schema *schema = &l->x->run->p->schema;
	const ptrdiff_t at = l->x->own ? sl_schema_find(schema, sl_str_of(l->names[i])) : -1;

	if (at >= 0 && schema->cols[at].type.kind == SL_DECIMAL)
		return schema->cols[at].type;
	return (struct sl_type){SL_DECIMAL, DIGITS_MAX, (uint8_t)l->cols[i].scale};
}

static void add_cast(const struct load *l, size_t i, struct sl_buf *sql)
{
	const struct column *c = &l->cols[i];
	static const char *const types[] = {
		[SL_BOOL] = "boolean",		[SL_INT64] = "bigint",
		[SL_FLOAT64] = "double",	[SL_DATE] = "date",
		[SL_TIMESTAMP] = "timestamptz", [SL_TEXT] = NULL,
		[SL_TEXT_LIST] = NULL,		[SL_DECIMAL] = NULL,
	};

	if (c->kind == SL_DECIMAL && !c->text && c->whole + c->scale <= DIGITS_MAX) {
		const struct sl_type t = decimal_of(l, i);

		sl_buf_addf(sql, "cast(c%zu as decimal(%u,%u))", i, t.precision, t.scale);
	} else if (types[c->kind]) {
		sl_buf_addf(sql, "cast(c%zu as %s)", i, types[c->kind]);
	} else {
		sl_buf_addf(sql, "c%zu", i);
	}
}

static void add_select(const struct load *l, struct sl_buf *sql)
{
	sl_buf_adds(sql, "select ");
	for (size_t i = 0; i < l->n; i++) {
		sl_buf_adds(sql, i ? ", " : "");
		add_cast(l, i, sql);
		sl_buf_adds(sql, " as \"");
		for (const char *p = l->names[i]; *p; p++)
			sl_buf_adds(sql, *p == '"' ? "\"\"" : (char[]){*p, '\0'});
		sl_buf_adds(sql, "\"");
	}
	sl_buf_adds(sql, " from " MEMORY_TABLE);
}

static bool load_rows(struct load *l, struct sl_err *err)
{
	struct sl_export *x = l->x;
	bool duplicate = false;

	if (!x->engine->query(x->db, x->st.sql, x->st.values, x->st.n_values, take_cols, take_row,
			      l, err))
		return false;
	return (l->batch.rows == 0 || hand_on(l, err)) &&
	       l->duck->copy_end(l->db, NULL, &duplicate, err);
}

static bool load_and_write(struct load *l, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *temp = sl_home_path(&l->x->run->home, "tmp");
	const struct sl_db_conf conf = {.app_name = "sluice-export", .temp_dir = temp};
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	if (!sl_engine_get("duckdb", &l->duck, err) || !l->duck->open(&conf, &l->db, err))
		return sl_err_prefix(err, "Parquet is written by DuckDB");
	if (!load_rows(l, err))
		return false;
	add_select(l, &sql);
	return copy_out(l->x, l->duck, l->db, sl_buf_z(&sql), NULL, 0, err);
}

bool sl_export_parquet(struct sl_export *x, struct sl_err *err)
{
	struct load l = {.x = x};

	if (strcmp(x->engine->name, "duckdb") == 0)
		return copy_out(x, x->engine, x->db, x->st.sql, x->st.values, x->st.n_values, err);

	const bool ok = load_and_write(&l, err);

	if (l.db)
		l.duck->close(l.db);
	if (l.n)
		sl_batch_release(&l.batch);
	sl_schema_release(&l.schema);
	sl_arena_release(&l.arena);
	return ok;
}
