/*
 * Guessing: see infer.h. All columns are read as text first; what each text could be is noted and
 * never taken back.
 */
#include "tasks/sluice/infer.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "base/mem.h"
#include "tasks/collect/file_path.h"
#include "tasks/collect/peek.h"
#include "tasks/collect/scan.h"
#include "tasks/sluice/identifier.h"
#include "tasks/sluice/infer_values.h"

#define MOST_COLUMNS 1000
#define DEPTH 4 /* levels of nested objects that become columns */

struct guesser {
	struct sl_arena *arena;
	const struct sl_source *source;
	struct sl_values *v;
	size_t n, cap;
	struct sl_guess *ret;
	/* the decoder of the columns known now; NULL: to be made */
	void *decoder;
	struct sl_contract contract;
	struct sl_schema schema;
	struct sl_batch batch;
};

/* --- columns --- */

static struct sl_values *add_column(struct guesser *u, struct sl_str from)
{
	if (u->n == u->cap) {
		u->cap = u->cap ? 2 * u->cap : 32;
		u->v = sl_xrealloc(u->v, u->cap, sizeof(*u->v));
	}
	struct sl_values *v = &u->v[u->n++];
	sl_values_init(v);
	v->from = sl_str_of(sl_arena_printf(u->arena, "%.*s", (int)from.n, from.p));
	return v;
}

static struct sl_values *find_column(struct guesser *u, struct sl_str from)
{
	for (size_t i = 0; i < u->n; i++)
		if (sl_str_eq(u->v[i].from, from))
			return &u->v[i];
	return u->n < MOST_COLUMNS ? add_column(u, from) : NULL;
}

static bool take_header(struct guesser *u, struct sl_str header, struct sl_err *err)
{
	const struct sl_codec *codec = u->source->codec;
	struct sl_texts names;

	if (!codec->names(u->source->codec_params, header, u->arena, &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++)
		if (names.v[i][0])
			(void)find_column(u, sl_str_of(names.v[i]));
	return true;
}

static bool all_scalars(const json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item) && !json_is_number(item))
			return false;
	}
	return true;
}

/* The fields of an object become columns; those of objects inside it too. */
static void take_keys(struct guesser *u, const json_t *object, const char *prefix, int depth)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT;

		sl_buf_addf(&path, "%s%s", prefix, key);
		if (json_is_object(value) && depth < DEPTH && json_object_size(value) > 0) {
			sl_buf_addc(&path, '.');
			take_keys(u, value, sl_buf_z(&path), depth + 1);
			continue;
		}
		struct sl_values *v = find_column(u, sl_buf_str(&path));
		if (!v)
			return;
		v->texts |= json_is_string(value);
		v->numbers |= json_is_number(value) || json_is_boolean(value);
		v->lists |= json_is_array(value) && all_scalars(value);
		v->others |= json_is_object(value) || (json_is_array(value) && !all_scalars(value));
	}
}

/* --- parts --- */

static void close_decoder(struct guesser *u)
{
	if (!u->decoder)
		return;
	u->source->codec->close(u->decoder);
	sl_batch_release(&u->batch);
	sl_schema_release(&u->schema);
	free(u->contract.cols);
	u->decoder = NULL;
}

/* All columns known now, as text. */
static bool open_decoder(struct guesser *u, struct sl_str header, struct sl_err *err)
{
	static const struct sl_type text = {.kind = SL_TEXT};

	close_decoder(u);
	u->contract.cols = sl_xcalloc(u->n + 1, sizeof(*u->contract.cols));
	u->contract.n = u->contract.n_stored = u->n;
	u->schema = (struct sl_schema)SL_SCHEMA_INIT;
	for (size_t i = 0; i < u->n; i++) {
		u->contract.cols[i] = (struct sl_contract_col){
			.name = u->v[i].from.p, .from = u->v[i].from.p, .type = text};
		sl_schema_add(&u->schema, u->v[i].from.p, text);
	}
	sl_batch_init(&u->batch, &u->schema, SL_PART_ROWS);
	if (u->source->codec->open(u->source->codec_params, &u->contract, header, &u->decoder, err))
		return true;
	sl_batch_release(&u->batch);
	sl_schema_release(&u->schema);
	free(u->contract.cols);
	u->decoder = NULL;
	return false;
}

static bool decode(struct guesser *u, const struct sl_scan_part *part, struct sl_err *err)
{
	if (!u->decoder && !open_decoder(u, part->header, err))
		return false;
	sl_batch_reset(&u->batch);
	return u->source->codec->decode(u->decoder, part->bytes, part->last, &u->batch, err);
}

/* Keys of the part's records that are new make new columns. True when there are any. */
static bool find_keys(struct guesser *u)
{
	const size_t before = u->n;

	for (size_t row = 0; row < u->batch.rows; row++) {
		const struct sl_pos at = u->batch.pos[row];
		json_t *record = u->batch.state[row] == SL_ROW_KEPT
					 ? json_loadb(u->batch.bytes.p + at.offset, at.length,
						      JSON_DECODE_INT_AS_REAL, NULL)
					 : NULL;

		if (json_is_object(record))
			take_keys(u, record, "", 1);
		json_decref(record);
	}
	return u->n > before;
}

static void take_rows(struct guesser *u)
{
	const struct sl_batch *b = &u->batch;
	const size_t kept = sl_batch_count(b, SL_ROW_KEPT);

	u->ret->records += kept;
	u->ret->rejects += b->rows - kept;
	if (b->n_rejects > 0 && !u->ret->reject)
		u->ret->reject =
			sl_arena_printf(u->arena, "%s%s%s", b->rejects[0].field,
					b->rejects[0].field[0] ? ": " : "", b->rejects[0].reason);
	for (size_t col = 0; col < u->n; col++)
		for (size_t row = 0; row < b->rows; row++)
			if (b->state[row] == SL_ROW_KEPT && b->cols[col].valid[row])
				sl_values_note(&u->v[col], b->cols[col].u.str[row]);
}

static bool take_part(void *ctx, const struct sl_scan_part *part, struct sl_err *err)
{
	struct guesser *u = ctx;
	const bool json = !u->source->codec->names;

	u->ret->inputs += part->last;
	if (!json) {
		const size_t before = u->n;

		if (!part->header.p)
			return true; /* an empty file */
		if (!take_header(u, part->header, err))
			return sl_err_prefix(err, "cannot read \"%s\"", part->input);
		if (u->n > before)
			close_decoder(u);
	}
	if (!decode(u, part, err))
		return sl_err_prefix(err, "cannot read \"%s\"", part->input);
	if (json && find_keys(u)) {
		close_decoder(u);
		if (!decode(u, part, err))
			return false;
	}
	take_rows(u);
	if (part->last && !json) /* the next file's header may be another */
		close_decoder(u);
	return true;
}

/* --- names --- */

static const char *column_name(struct sl_guess *ret, size_t n, struct sl_str from,
			       struct sl_arena *arena)
{
	sl_cleanup(sl_buf_release) struct sl_buf name = SL_BUF_INIT;

	sl_identifier_put(from, &name);
	const char *base = sl_arena_printf(arena, "%.*s", (int)name.n, name.p), *unlike = base;
	for (unsigned nth = 2;; nth++) {
		size_t i = 0;

		while (i < n && strcmp(ret->cols[i].name, unlike) != 0)
			i++;
		if (i == n)
			return unlike;
		unlike = sl_arena_printf(arena, "%s_%u", base, nth);
	}
}

static bool is_name(const struct sl_guess *ret, const char *name)
{
	for (size_t i = 0; i < ret->n_cols; i++)
		if (strcmp(ret->cols[i].name, name) == 0)
			return true;
	return false;
}

/* Texts that a rule reads; the names of all columns must be known. */
static void tell_rules(const struct guesser *u)
{
	struct sl_guess *ret = u->ret;

	for (size_t i = 0; i < u->n; i++) {
		const struct sl_written *w = &u->v[i].written;
		struct sl_guess_col *c = &ret->cols[i];
		const char *raw = sl_arena_printf(u->arena, "%s_text", c->name);

		if (c->values == 0 || strcmp(c->type, "text") != 0 || is_name(ret, raw))
			continue;
		c->unsure = sl_written_unsure(w);
		if (sl_written_rule(w, raw, c->name, u->arena, &c->rule, c->type))
			c->raw = raw;
	}
}

static void tell_columns(const struct guesser *u)
{
	struct sl_guess *ret = u->ret;

	ret->cols = sl_arena_zalloc(u->arena, u->n + 1, sizeof(*ret->cols));
	for (; ret->n_cols < u->n; ret->n_cols++) {
		const struct sl_values *v = &u->v[ret->n_cols];
		struct sl_guess_col *c = &ret->cols[ret->n_cols];

		c->from = v->from.p;
		c->name = column_name(ret, ret->n_cols, v->from, u->arena);
		c->values = v->values;
		c->unique = v->seen && v->values == ret->records && v->values > 1;
		c->naive = sl_values_type(v, c->type);
	}
	tell_rules(u);
}

/* --- formats --- */

struct attempt {
	const char *codec;
	const char *settings[2][2];
};

/* In the order in which they are tried: what the first bytes make likely, then other encodings. */
static const struct attempt csv_attempts[] = {
	{"csv", {{NULL}}},
	{"csv", {{"invalid", "windows-1252"}, {NULL}}},
	{"csv", {{"encoding", "windows-1252"}, {NULL}}},
	{"csv", {{"duplicates", "suffix"}, {NULL}}},
	{"csv", {{"delimiter", "auto"}, {NULL}}},
	{"csv", {{"delimiter", "auto"}, {"invalid", "windows-1252"}}},
	{"csv", {{"delimiter", "auto"}, {"encoding", "windows-1252"}}},
	{"csv", {{"delimiter", "auto"}, {"duplicates", "suffix"}}},
};

static const struct attempt json_attempts[] = {{"jsonl", {{NULL}}}, {"json", {{NULL}}}};

static bool set_codec(const struct attempt *a, struct sl_source *s, struct sl_arena *arena)
{
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;

	s->codec = sl_codec_find(a->codec);
	s->codec_params = sl_arena_zalloc(arena, 1, s->codec->params_size + 1);
	bool ok = sl_fields_read(s->codec->params, s->codec_params, s->codec->params_size, NULL,
				 NULL, "codec", arena, &diags);
	for (size_t i = 0; i < 2 && a->settings[i][0]; i++)
		ok &= sl_field_set(sl_field_find(s->codec->params, a->settings[i][0]),
				   s->codec_params, a->settings[i][1],
				   (struct sl_place){.origin = "--from"}, arena, &diags);
	return ok;
}

static bool attempt(struct sl_run *run, const struct attempt *a, struct sl_source *source,
		    struct sl_arena *arena, struct sl_guess *ret, struct sl_err *err)
{
	struct guesser u = {.arena = arena, .source = source, .ret = ret};

	SL_ASSERT(set_codec(a, source, arena));
	*ret = (struct sl_guess){.codec = a->codec};
	memcpy(ret->settings, a->settings, sizeof(ret->settings));
	const bool ok = sl_scan(run, source, take_part, &u, err);
	close_decoder(&u);
	if (ok)
		tell_columns(&u);
	for (size_t i = 0; i < u.n; i++)
		sl_values_release(&u.v[i]);
	free(u.v);
	return ok;
}

/* The first byte of the first file that is no blank. */
static bool first_byte(struct sl_run *run, struct sl_source *source, struct sl_arena *arena,
		       char *ret_first, struct sl_err *err)
{
	static const struct attempt lines = {"jsonl", {{NULL}}};
	sl_cleanup(sl_peek_release) struct sl_peek peek = {.last = false};
	bool found;

	SL_ASSERT(set_codec(&lines, source, arena));
	if (!sl_peek_first(run, source, 1, true, &peek, &found, err))
		return false;
	const struct sl_str text = sl_str_trim(sl_buf_str(&peek.bytes));
	*ret_first = text.n ? text.p[0] : '\0';
	return true;
}

static bool found_none(const struct sl_guess *g, const char *path, struct sl_err *err)
{
	if (g->inputs == 0)
		return sl_err_set(err, SL_ERR_NO_INPUT, "no file matches \"%s\"", path);
	if (g->records > 0 && g->n_cols > 0)
		return true;
	return sl_err_set(err, SL_ERR_DATA, "\"%s\" has no record that can be read%s%s", path,
			  g->reject ? ": " : "", g->reject ? g->reject : "");
}

/* The attempt that finds most columns, then the one with fewest rejects. False: none could read it
 * at all; err is the last one's. */
static bool best_of(const struct attempt *attempts, size_t n, struct sl_run *run,
		    struct sl_source *source, struct sl_arena *arena, struct sl_guess *ret,
		    struct sl_err *err)
{
	bool ok = false;

	for (size_t i = 0; i < n && !(ok && ret->n_cols > 1 && ret->rejects == 0); i++) {
		struct sl_guess guess;

		sl_err_clear(err);
		if (!attempt(run, &attempts[i], source, arena, &guess, err))
			continue;
		if (!ok || guess.n_cols > ret->n_cols ||
		    (guess.n_cols == ret->n_cols && guess.rejects < ret->rejects))
			*ret = guess;
		ok = true;
	}
	if (ok)
		sl_err_clear(err);
	return ok;
}

bool sl_guess_contract(struct sl_run *run, const char *path, struct sl_arena *arena,
		       struct sl_guess *ret, struct sl_err *err)
{
	struct sl_file_params params = {.path = path, .max_bytes = INT64_MAX};
	struct sl_source source = {.name = "drop", .kind = sl_source_find("file")};
	char here[4096], first;

	*ret = (struct sl_guess){.codec = NULL};
	if (!getcwd(here, sizeof(here)))
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot tell the current directory");
	params.base = here;
	source.params = &params;
	if (!first_byte(run, &source, arena, &first, err))
		return false;
	const bool json = first == '[' || first == '{';
	const struct attempt *attempts = json ? json_attempts : csv_attempts;
	const size_t n = json ? SL_ARRAY_LEN(json_attempts) : SL_ARRAY_LEN(csv_attempts);
	return best_of(attempts, n, run, &source, arena, ret, err) && found_none(ret, path, err);
}
