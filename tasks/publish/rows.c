/*
 * What is read of a relation, and what becomes of it: columns and their types as the database knows
 * them, the layout of a document, the statements, a row's key and hash.
 */
#include "base/mem.h"
#include "base/num.h"
#include "tasks/publish/publish.h"

#define COLUMNS_MAX 4096
#define CHANGE "_sl_change"

/* --- columns --- */

struct columns {
	struct sl_arena *arena;
	struct sl_db_col *v;
	size_t n;
};

static bool take_columns(void *ctx, const struct sl_db_col *cols, size_t n, struct sl_err *err)
{
	struct columns *c = ctx;

	(void)err;
	c->v = sl_arena_zalloc(c->arena, n + 1, sizeof(*c->v));
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		c->v[i].name = sl_arena_strdup(c->arena, cols[i].name);
		c->v[i].kind = cols[i].kind;
	}
	return true;
}

static bool ask_columns(struct sl_publish *p, struct columns *c, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_adds(&sql, "select * from ");
	sl_sql_ident(&sql, p->what->from);
	sl_buf_adds(&sql, " limit 0");
	if (p->engine->query(p->db, sl_buf_z(&sql), NULL, 0, take_columns, NULL, c, err))
		return true;
	if (err->kind == SL_ERR_CONFIG || err->kind == SL_ERR_DATA) {
		err->kind = SL_ERR_CONFIG;
		sl_err_prefix(err, "documents \"%s\": cannot read \"%s\"", p->what->name,
			      p->what->from);
		sl_err_hint(err, "a model comes with sluice aggregate");
	}
	return false;
}

static const struct sl_db_col *find(const struct columns *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return &c->v[i];
	return NULL;
}

/* The place of a column among those that are read; added when it is new. */
static bool need(struct sl_publish *p, const struct columns *c, const char *name, size_t *ret,
		 struct sl_err *err)
{
	const struct sl_db_col *col = find(c, name);

	if (!col)
		return sl_err_set(err, SL_ERR_CONFIG,
				  "documents \"%s\": \"%s\" has no column \"%s\"", p->what->name,
				  p->what->from, name);
	for (*ret = 0; *ret < p->n_cols; ++*ret)
		if (strcmp(p->cols[*ret].name, name) == 0)
			return true;
	p->cols[p->n_cols++] = *col;
	return true;
}

/* --- layout --- */

static bool make_key(struct sl_publish *p, const struct columns *c, struct sl_err *err)
{
	const struct sl_texts *key = &p->what->key;
	struct sl_doc_key *v = sl_arena_zalloc(&p->run->arena, key->n, sizeof(*v));

	p->layout.key = v;
	p->layout.n_key = key->n;
	for (size_t i = 0; i < key->n; i++) {
		if (!need(p, c, key->v[i], &v[i].cell, err))
			return false;
		v[i].name = key->v[i];
		v[i].kind = p->cols[v[i].cell].kind;
		if (v[i].kind == SL_FLOAT64 || v[i].kind == SL_DECIMAL || v[i].kind == SL_TEXT_LIST)
			return sl_err_set(err, SL_ERR_CONFIG,
					  "documents \"%s\": key \"%s\" must be text, int64, bool, "
					  "date or timestamp",
					  p->what->name, key->v[i]);
	}
	return true;
}

struct laying {
	struct sl_publish *p;
	const struct columns *c;
	const char *const *path, *const *column;
	bool *done;
	size_t n;
	struct sl_doc_step *steps;
	size_t n_steps;
};

static size_t shared_length(const char *path, const char *prefix)
{
	const size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 ? n : SIZE_MAX;
}

/* Everything below prefix ("prix."), in the file's order; paths that begin alike stand together.
 * As deep as SL_DOC_DEPTH. */
static bool lay(struct laying *l, const char *prefix, struct sl_err *err)
{
	struct sl_arena *arena = &l->p->run->arena;

	for (size_t i = 0; i < l->n; i++) {
		const size_t from = l->done[i] ? SIZE_MAX : shared_length(l->path[i], prefix);

		if (from == SIZE_MAX)
			continue;
		const char *name = l->path[i] + from;
		const size_t length = strcspn(name, ".");

		if (name[length] == '.') {
			l->steps[l->n_steps++] = (struct sl_doc_step){
				SL_DOC_OPEN, sl_arena_printf(arena, "%.*s", (int)length, name), 0,
				SL_TEXT};
			if (!lay(l, sl_arena_printf(arena, "%s%.*s.", prefix, (int)length, name),
				 err))
				return false;
			l->steps[l->n_steps++] =
				(struct sl_doc_step){SL_DOC_CLOSE, NULL, 0, SL_TEXT};
			continue;
		}
		struct sl_doc_step *s = &l->steps[l->n_steps++];

		l->done[i] = true;
		s->what = SL_DOC_FIELD;
		s->name = name;
		if (!need(l->p, l->c, l->column[i], &s->cell, err))
			return false;
		s->kind = l->p->cols[s->cell].kind;
	}
	return true;
}

static bool make_fields(struct sl_publish *p, const struct columns *c, struct sl_err *err)
{
	const struct sl_pairs *f = &p->what->fields;
	struct sl_arena *arena = &p->run->arena;
	const size_t most = f->n ? f->n : c->n;
	const char **names = sl_arena_zalloc(arena, most + 1, sizeof(*names));
	struct laying l = {p, c, f->key, f->value, NULL, f->n, NULL, 0};

	for (size_t i = 0; f->n == 0 && i < c->n; i++)
		if (!sl_str_starts(sl_str_of(c->v[i].name), "_sl_") &&
		    strcmp(c->v[i].name, "_id") != 0)
			names[l.n++] = c->v[i].name;
	if (f->n == 0)
		l.path = l.column = names;
	l.done = sl_arena_zalloc(arena, most + 1, sizeof(*l.done));
	l.steps = sl_arena_zalloc(arena, (most + 1) * (2 * SL_DOC_DEPTH + 1), sizeof(*l.steps));
	p->layout.steps = l.steps;
	if (!lay(&l, "", err))
		return false;
	p->layout.n_steps = l.n_steps;
	return true;
}

/* Everything that makes a document of a row but the row. */
static void make_spec(struct sl_publish *p)
{
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_strz(&h, p->what->from);
	sl_hash_strz(&h, p->what->gone);
	for (size_t i = 0; i < p->layout.n_key; i++) {
		sl_hash_strz(&h, p->layout.key[i].name);
		sl_hash_u64(&h, p->layout.key[i].kind);
	}
	for (size_t i = 0; i < p->layout.n_steps; i++) {
		const struct sl_doc_step *s = &p->layout.steps[i];

		sl_hash_u64(&h, s->what);
		sl_hash_strz(&h, s->name);
		sl_hash_strz(&h, s->what == SL_DOC_FIELD ? p->cols[s->cell].name : NULL);
		sl_hash_u64(&h, s->kind);
	}
	sl_hash_hex(&h, p->spec);
}

bool sl_publish_layout(struct sl_publish *p, struct sl_err *err)
{
	struct columns c = {.arena = &p->run->arena};

	if (!ask_columns(p, &c, err))
		return false;
	p->cols = sl_arena_zalloc(&p->run->arena, c.n + 1, sizeof(*p->cols));
	p->layout.collection = p->what->collection;
	if (!make_key(p, &c, err) || !make_fields(p, &c, err) ||
	    (p->what->gone && !need(p, &c, p->what->gone, &p->gone, err)))
		return false;
	make_spec(p);
	return true;
}

/* --- statements --- */

static void add_live(const struct sl_publish *p, struct sl_buf *sql, const char *word)
{
	if (!p->what->gone)
		return;
	sl_buf_addf(sql, " %s ", word);
	sl_sql_ident(sql, p->what->gone);
	sl_buf_adds(sql, p->cols[p->gone].kind == SL_BOOL ? " is not true" : " is null");
}

static void add_select(const struct sl_publish *p, struct sl_buf *sql)
{
	sl_buf_adds(sql, "select ");
	for (size_t i = 0; i < p->n_cols; i++) {
		sl_buf_adds(sql, i ? ", " : "");
		sl_sql_ident(sql, p->cols[i].name);
	}
	sl_buf_adds(sql, " from ");
	sl_sql_ident(sql, p->what->from);
}

static const char *keep(const struct sl_publish *p, struct sl_buf *sql)
{
	const char *text = sl_arena_strdup(&p->run->arena, sl_buf_z(sql));

	sl_buf_release(sql);
	return text;
}

/* By key as a document server orders _id: texts by bytes. */
const char *sl_publish_all_sql(const struct sl_publish *p)
{
	struct sl_buf sql = SL_BUF_INIT;

	add_select(p, &sql);
	add_live(p, &sql, "where");
	sl_buf_adds(&sql, " order by ");
	for (size_t i = 0; i < p->layout.n_key; i++) {
		sl_buf_adds(&sql, i ? ", " : "");
		sl_sql_ident(&sql, p->layout.key[i].name);
		if (p->layout.key[i].kind == SL_TEXT)
			sl_buf_adds(&sql, " collate \"C\"");
	}
	return keep(p, &sql);
}

const char *sl_publish_changed_sql(const struct sl_publish *p)
{
	struct sl_buf sql = SL_BUF_INIT;

	add_select(p, &sql);
	sl_buf_addf(&sql, " where " CHANGE " > %" PRId64, p->before.change);
	return keep(p, &sql);
}

const char *sl_publish_count_sql(const struct sl_publish *p)
{
	struct sl_buf sql = SL_BUF_INIT;

	sl_buf_adds(&sql, "select count(*) from ");
	sl_sql_ident(&sql, p->what->from);
	add_live(p, &sql, "where");
	return keep(p, &sql);
}

/* --- a row --- */

bool sl_publish_is_gone(const struct sl_publish *p, const struct sl_str *cells)
{
	if (!p->what->gone)
		return false;
	return p->cols[p->gone].kind == SL_BOOL ? sl_str_eqz(cells[p->gone], "true")
						: cells[p->gone].p != NULL;
}

void sl_publish_hash(const struct sl_publish *p, const struct sl_str *cells,
		     uint8_t out[SL_DOC_HASH])
{
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_bytes(&h, p->spec, SL_HASH_HEX);
	for (size_t i = 0; i < p->n_cols; i++) {
		sl_hash_u64(&h, cells[i].p != NULL);
		sl_hash_str(&h, cells[i]);
	}
	sl_hash_first(&h, out, SL_DOC_HASH);
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* As the server keeps it: in milliseconds. */
static int64_t read_ms(struct sl_str s)
{
	sl_time t = 0;

	if (sl_time_parse(s, NULL, &t) != SL_TIME_OK)
		return INT64_MIN;
	return t / 1000 - (t % 1000 < 0);
}

static int compare_cells(enum sl_kind kind, struct sl_str a, struct sl_str b)
{
	int64_t x = 0, y = 0;

	if (kind == SL_INT64 && sl_num_i64(a, INT64_MIN, INT64_MAX, &x) &&
	    sl_num_i64(b, INT64_MIN, INT64_MAX, &y))
		return compare_numbers(x, y);
	if (kind == SL_TIMESTAMP)
		return compare_numbers(read_ms(a), read_ms(b));
	return sl_str_cmp(a, b);
}

int sl_publish_order(const struct sl_publish *p, const struct sl_str *a, const struct sl_str *b)
{
	for (size_t i = 0; i < p->layout.n_key; i++) {
		const int order = compare_cells(p->layout.key[i].kind, a[i], b[i]);

		if (order)
			return order;
	}
	return 0;
}

bool sl_publish_key(const struct sl_publish *p, const struct sl_str *cells, struct sl_str *out)
{
	bool whole = true;

	for (size_t i = 0; i < p->layout.n_key; i++) {
		out[i] = cells[p->layout.key[i].cell];
		whole = whole && out[i].p;
	}
	return whole;
}

void sl_publish_reject(struct sl_publish *p, const struct sl_str *key, const char *why)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	if (p->rejected++ > 0)
		return;
	for (size_t i = 0; i < p->layout.n_key; i++) {
		sl_buf_addf(&text, "%s%s=", i ? ", " : "", p->layout.key[i].name);
		if (key[i].p)
			sl_buf_add_escaped(&text, key[i], 80);
		else
			sl_buf_adds(&text, "NULL");
	}
	sl_err_set(&p->first, SL_ERR_DATA, "row %s of \"%s\" %s", sl_buf_z(&text), p->what->from,
		   why);
}
