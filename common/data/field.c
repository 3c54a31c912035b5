/*
 * Reading values by field table. One function turns text into a value, whether it comes from YAML,
 * argv, --set or the environment; field_doc.c writes the tables out.
 */
#include "data/field.h"

#include "base/num.h"

const char *const sl_fields_any[] = {NULL};

/* One value on its way into its member. */
struct setting {
	const struct sl_field *f;
	void *out; /* the params struct */
	const char *text;
	bool quoted; /* YAML says text: no bool, no number */
	struct sl_place at;
	struct sl_arena *arena;
	struct sl_diags *diags;
};

static void *member(const struct sl_field *f, void *out)
{
	return (char *)out + f->offset;
}

static bool wrong(const struct setting *s, const char *wanted)
{
	sl_diag_add(s->diags, SL_E1005, s->at, "\"%s\" must be %s, not \"%s\"", s->f->name, wanted,
		    s->text);
	return false;
}

static bool has_limits(const struct sl_field *f)
{
	return f->min != 0 || f->max != 0;
}

static bool out_of_range(const struct setting *s, const char *unit)
{
	sl_diag_add(s->diags, SL_E1006, s->at,
		    "\"%s\" must lie between %" PRId64 " and %" PRId64 "%s, not \"%s\"", s->f->name,
		    s->f->min, s->f->max, unit, s->text);
	return false;
}

static bool set_bool(const struct setting *s)
{
	static const char *const yes[] = {"true", "True", "TRUE"};
	static const char *const no[] = {"false", "False", "FALSE"};
	for (size_t i = 0; i < SL_ARRAY_LEN(yes) && !s->quoted; i++) {
		bool is_yes = strcmp(s->text, yes[i]) == 0;
		if (!is_yes && strcmp(s->text, no[i]) != 0)
			continue;
		*(bool *)member(s->f, s->out) = is_yes;
		return true;
	}
	return wrong(s, "true or false");
}

/* Digits alone: then it is a number, if too large a one. */
static bool is_whole(const char *text)
{
	if (*text == '-' || *text == '+')
		text++;
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool set_int(const struct setting *s)
{
	int64_t min = has_limits(s->f) ? s->f->min : INT64_MIN;
	int64_t max = has_limits(s->f) ? s->f->max : INT64_MAX;
	int64_t value;
	if (s->quoted || !is_whole(s->text))
		return wrong(s, "a whole number");
	if (!sl_num_i64(sl_str_of(s->text), min, max, &value))
		return out_of_range(s, "");
	*(int64_t *)member(s->f, s->out) = value;
	return true;
}

static bool set_size(const struct setting *s)
{
	uint64_t value;
	if (!sl_num_size(sl_str_of(s->text), &value))
		return wrong(s, "a size such as 64KiB, 10MB or 512");
	if (has_limits(s->f) && (value < (uint64_t)s->f->min || value > (uint64_t)s->f->max))
		return out_of_range(s, " bytes");
	*(uint64_t *)member(s->f, s->out) = value;
	return true;
}

static bool set_duration(const struct setting *s)
{
	int64_t value;
	if (!sl_num_duration(sl_str_of(s->text), &value))
		return wrong(s, "a duration such as 250ms, 30s, 5m, 2h or 1d");
	if (has_limits(s->f) && (value < s->f->min || value > s->f->max))
		return out_of_range(s, " µs");
	*(int64_t *)member(s->f, s->out) = value;
	return true;
}

static bool set_enum(const struct setting *s)
{
	size_t n = 0;
	sl_cleanup(sl_buf_release) struct sl_buf all = SL_BUF_INIT;
	for (; s->f->choices[n]; n++) {
		if (strcmp(s->f->choices[n], s->text) == 0) {
			*(int *)member(s->f, s->out) = (int)n;
			return true;
		}
		sl_buf_addf(&all, "%s%s", n > 0 ? ", " : "", s->f->choices[n]);
	}
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	sl_suggest(&near, s->text, s->f->choices, n);
	sl_diag_add(s->diags, SL_E1007, s->at, "\"%s\" must be one of %s, not \"%s\"%s", s->f->name,
		    sl_buf_z(&all), s->text, sl_buf_z(&near));
	return false;
}

static void set_texts(const struct setting *s)
{
	struct sl_texts *t = member(s->f, s->out);
	t->v = sl_arena_alloc(s->arena, sizeof(*t->v));
	t->at = sl_arena_alloc(s->arena, sizeof(*t->at));
	t->v[0] = sl_arena_strdup(s->arena, s->text);
	t->at[0] = s->at;
	t->n = 1;
}

static bool set_scalar(const struct setting *s)
{
	switch (s->f->type) {
	case SL_FT_BOOL:
		return set_bool(s);
	case SL_FT_INT:
		return set_int(s);
	case SL_FT_SIZE:
		return set_size(s);
	case SL_FT_DURATION:
		return set_duration(s);
	case SL_FT_ENUM:
		return set_enum(s);
	case SL_FT_TEXT:
		*(const char **)member(s->f, s->out) = sl_arena_strdup(s->arena, s->text);
		return true;
	case SL_FT_TEXTS:
		set_texts(s);
		return true;
	case SL_FT_PAIRS:
		return wrong(s, "a mapping of texts");
	case SL_FT_NODE:
		break;
	}
	struct sl_node *n = sl_yaml_value(s->text, s->at, s->arena, s->diags);
	*(struct sl_node **)member(s->f, s->out) = n;
	return n != NULL;
}

static const char *wanted(enum sl_field_type type)
{
	switch (type) {
	case SL_FT_BOOL:
		return "true or false";
	case SL_FT_INT:
		return "a whole number";
	case SL_FT_SIZE:
		return "a size such as 64KiB";
	case SL_FT_DURATION:
		return "a duration such as 30s";
	case SL_FT_TEXT:
		return "a text";
	case SL_FT_ENUM:
		return "one of the choices";
	case SL_FT_TEXTS:
		return "a text or a list of texts";
	case SL_FT_PAIRS:
		return "a mapping of texts";
	case SL_FT_NODE:
		return "a value";
	}
	return "a value";
}

static const char *shape_of(const struct sl_node *n)
{
	if (n->kind == SL_NODE_SEQ)
		return "a list";
	if (n->kind == SL_NODE_MAP)
		return "a mapping";
	return sl_node_is_null(n) ? "empty" : "a single value";
}

static bool wrong_shape(const struct sl_field *f, const struct sl_node *n, struct sl_diags *diags)
{
	if (!n->bad)
		sl_diag_add(diags, SL_E1005, n->at, "\"%s\" must be %s, but is %s", f->name,
			    wanted(f->type), shape_of(n));
	return false;
}

static bool is_text(const struct sl_node *n)
{
	return n->kind == SL_NODE_SCALAR && !n->bad && !sl_node_is_null(n);
}

static bool read_texts(const struct setting *s, const struct sl_node *list)
{
	struct sl_texts *t = member(s->f, s->out);
	bool ok = true;
	t->v = sl_arena_zalloc(s->arena, list->n, sizeof(*t->v));
	t->at = sl_arena_zalloc(s->arena, list->n, sizeof(*t->at));
	for (size_t i = 0; i < list->n; i++) {
		const struct sl_node *n = list->items[i];
		if (!is_text(n)) {
			if (!n->bad)
				sl_diag_add(s->diags, SL_E1005, n->at,
					    "\"%s\" must list texts, but here is %s", s->f->name,
					    n->kind == SL_NODE_SCALAR ? "nothing" : shape_of(n));
			ok = false;
			continue;
		}
		t->v[t->n] = n->text;
		t->at[t->n++] = n->at;
	}
	return ok;
}

static bool read_pairs(const struct setting *s, const struct sl_node *map)
{
	struct sl_pairs *p = member(s->f, s->out);
	bool ok = true;
	p->key = sl_arena_zalloc(s->arena, map->n, sizeof(*p->key));
	p->value = sl_arena_zalloc(s->arena, map->n, sizeof(*p->value));
	p->at = sl_arena_zalloc(s->arena, map->n, sizeof(*p->at));
	for (size_t i = 0; i < map->n; i++) {
		const struct sl_node *n = map->items[i];
		if (!is_text(n)) {
			if (!n->bad)
				sl_diag_add(s->diags, SL_E1005, n->at,
					    "\"%s\" of \"%s\" must be a text, but is %s",
					    map->keys[i]->text, s->f->name, shape_of(n));
			ok = false;
			continue;
		}
		p->key[p->n] = map->keys[i]->text;
		p->value[p->n] = n->text;
		p->at[p->n++] = map->keys[i]->at;
	}
	return ok;
}

static bool refuse_secret(const struct sl_field *f, struct sl_place at, struct sl_diags *diags)
{
	sl_diag_add(diags, SL_E1010, at,
		    "\"%s\" is a secret: name a connection, or set it in the environment", f->name);
	return false;
}

/* `on_error: null` is the choice called so: a word there, no missing value. */
static bool is_choice_null(const struct sl_field *f, const struct sl_node *n)
{
	if (f->type != SL_FT_ENUM || n->kind != SL_NODE_SCALAR)
		return false;
	for (size_t i = 0; f->choices[i]; i++)
		if (strcmp(f->choices[i], n->text) == 0)
			return true;
	return false;
}

static bool read_node(struct setting *s, struct sl_node *n)
{
	if (s->f->flags & SL_F_SECRET)
		return refuse_secret(s->f, n->at, s->diags);
	if (n->bad)
		return false;
	if (s->f->type == SL_FT_NODE) {
		*(struct sl_node **)member(s->f, s->out) = n;
		return true;
	}
	if (s->f->type == SL_FT_TEXTS && n->kind == SL_NODE_SEQ)
		return read_texts(s, n);
	if (s->f->type == SL_FT_PAIRS && n->kind == SL_NODE_MAP)
		return read_pairs(s, n);
	if ((!is_text(n) && !is_choice_null(s->f, n)) || s->f->type == SL_FT_PAIRS)
		return wrong_shape(s->f, n, s->diags);
	s->text = n->text;
	s->quoted = n->quoted;
	s->at = n->at;
	return set_scalar(s);
}

static void set_default(const struct sl_field *f, void *out, struct sl_arena *arena)
{
	struct sl_diags diags = SL_DIAGS_INIT;
	struct setting s = {.f = f, .out = out, .text = f->def, .arena = arena, .diags = &diags};
	if (!set_scalar(&s))
		SL_BUG("default \"%s\" of field \"%s\" is wrong", f->def, f->name);
}

static size_t count_names(const char *const *names)
{
	size_t n = 0;
	while (names && names[n])
		n++;
	return n;
}

static size_t count_fields(const struct sl_field *table)
{
	size_t n = 0;
	while (table[n].name)
		n++;
	return n;
}

static bool is_known(const struct sl_field *table, const char *const *extra, const char *key)
{
	if (sl_field_find(table, key))
		return true;
	for (size_t i = 0; extra && extra[i]; i++)
		if (strcmp(extra[i], key) == 0)
			return true;
	return false;
}

/* {description: first, then second}: the text ends at the comma, and the rest is a lone key. */
static bool looks_cut(const struct sl_node *key, const struct sl_node *value)
{
	return !key->quoted && strchr(key->text, ' ') && sl_node_is_null(value) &&
	       value->text[0] == '\0';
}

static void tell_unknown(const struct sl_field *table, const char *const *extra,
			 const struct sl_node *key, const struct sl_node *value, const char *what,
			 struct sl_arena *arena, struct sl_diags *diags)
{
	size_t n = 0, n_fields = count_fields(table), n_extra = count_names(extra);
	const char **names = sl_arena_zalloc(arena, n_fields + n_extra, sizeof(*names));
	for (; n < n_fields; n++)
		names[n] = table[n].name;
	for (size_t i = 0; i < n_extra; i++)
		names[n++] = extra[i];
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	sl_suggest(&near, key->text, names, n);
	if (looks_cut(key, value))
		sl_buf_adds(&near, ": inside {} quote a text that holds a comma");
	sl_diag_add(diags, SL_E1003, key->at, "unknown key \"%s\" in %s%s", key->text, what,
		    sl_buf_z(&near));
}

bool sl_fields_read(const struct sl_field *table, void *out, size_t params_size,
		    const struct sl_node *map, const char *const *extra, const char *what,
		    struct sl_arena *arena, struct sl_diags *diags)
{
	size_t before = diags->total;
	memset(out, 0, params_size);
	if (map && map->kind != SL_NODE_MAP) {
		if (!map->bad)
			sl_diag_add(diags, SL_E1005, map->at, "%s must be a mapping, but is %s",
				    what, shape_of(map));
		return false;
	}
	for (size_t i = 0; map && extra != sl_fields_any && i < map->n; i++)
		if (!is_known(table, extra, map->keys[i]->text))
			tell_unknown(table, extra, map->keys[i], map->items[i], what, arena, diags);
	bool ok = true;
	for (const struct sl_field *f = table; f->name; f++) {
		struct setting s = {.f = f, .out = out, .arena = arena, .diags = diags};
		struct sl_node *n = sl_node_get(map, f->name);
		if (f->def)
			set_default(f, out, arena);
		if (n)
			ok = read_node(&s, n) && ok;
		else if (f->flags & SL_F_REQUIRED)
			sl_diag_add(diags, SL_E1004, map ? map->owner : (struct sl_place){0},
				    "%s has no \"%s\"", what, f->name);
	}
	return ok && diags->total == before;
}

bool sl_field_set(const struct sl_field *f, void *out, const char *text, struct sl_place at,
		  struct sl_arena *arena, struct sl_diags *diags)
{
	struct setting s = {
		.f = f, .out = out, .text = text, .at = at, .arena = arena, .diags = diags};
	if ((f->flags & SL_F_SECRET) && at.origin && sl_str_starts(sl_str_of(at.origin), "--"))
		return refuse_secret(f, at, diags);
	return set_scalar(&s);
}

const struct sl_field *sl_field_find(const struct sl_field *table, const char *name)
{
	for (const struct sl_field *f = table; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static void hash_texts(const struct sl_texts *t, struct sl_hash *h)
{
	sl_hash_u64(h, t->n);
	for (size_t i = 0; i < t->n; i++)
		sl_hash_strz(h, t->v[i]);
}

static void hash_pairs(const struct sl_pairs *p, struct sl_hash *h)
{
	sl_hash_u64(h, p->n);
	for (size_t i = 0; i < p->n; i++) {
		sl_hash_strz(h, p->key[i]);
		sl_hash_strz(h, p->value[i]);
	}
}

/* Calls itself at most 64 levels deep: the reader refuses deeper trees. */
static void hash_node(const struct sl_node *n, struct sl_hash *h)
{
	sl_hash_u64(h, n ? (uint64_t)n->kind + 1 : 0);
	if (!n)
		return;
	sl_hash_u64(h, n->quoted);
	sl_hash_strz(h, n->text);
	sl_hash_u64(h, n->n);
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == SL_NODE_MAP)
			sl_hash_strz(h, n->keys[i]->text);
		hash_node(n->items[i], h);
	}
}

static void hash_field(const struct sl_field *f, const void *params, struct sl_hash *h)
{
	const void *at = (const char *)params + f->offset;
	sl_hash_strz(h, f->name);
	switch (f->type) {
	case SL_FT_BOOL:
		sl_hash_u64(h, *(const bool *)at);
		break;
	case SL_FT_INT:
	case SL_FT_DURATION:
		sl_hash_u64(h, (uint64_t)*(const int64_t *)at);
		break;
	case SL_FT_SIZE:
		sl_hash_u64(h, *(const uint64_t *)at);
		break;
	case SL_FT_TEXT:
		sl_hash_strz(h, *(const char *const *)at);
		break;
	case SL_FT_ENUM: /* the word, so that the table's order does not matter */
		sl_hash_strz(h, f->choices[*(const int *)at]);
		break;
	case SL_FT_TEXTS:
		hash_texts(at, h);
		break;
	case SL_FT_PAIRS:
		hash_pairs(at, h);
		break;
	case SL_FT_NODE:
		hash_node(*(struct sl_node *const *)at, h);
		break;
	}
}

void sl_fields_hash(const struct sl_field *table, const void *params, struct sl_hash *h)
{
	for (const struct sl_field *f = table; f->name; f++)
		if (f->flags & SL_F_IDENTITY)
			hash_field(f, params, h);
}
