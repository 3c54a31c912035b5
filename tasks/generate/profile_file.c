/*
 * A profile from PIPELINE/generate.yaml: for pipelines whose rules make columns out of texts, and for
 * values that should fall as real ones do (docs/tools.md, "Made-up records").
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "data/diag.h"
#include "data/yaml.h"
#include "run/command.h"
#include "tasks/generate/profile.h"

#define FILE_MAX ((size_t)1 << 20)

/* --- what the file says --- */

struct head {
	const char *key, *version;
	struct sl_node *values, *record, *expect, *spoil;
};

static const struct sl_field head_fields[] = {
	SL_F_TEXT(struct head, key, 0, NULL, "column by which records are versions of one thing"),
	SL_F_TEXT(struct head, version, 0, NULL, "column whose greatest value is the current one"),
	SL_F_NODE(struct head, values, SL_F_REQUIRED, "named values and their distributions"),
	SL_F_NODE(struct head, record, SL_F_REQUIRED, "fields of a record, as templates"),
	SL_F_NODE(struct head, expect, SL_F_REQUIRED, "columns of the contract, as templates"),
	SL_F_NODE(struct head, spoil, 0, "ways to spoil a record, and the reject that follows"),
	SL_F_END,
};

enum { EACH_ENTITY, EACH_VERSION };
static const char *const each_choices[] = {"entity", "version", NULL};

struct value {
	struct sl_pairs choose, range;
	int64_t scale;
	const char *missing;
	int each;
};

static const struct sl_field value_fields[] = {
	SL_F_PAIRS(struct value, choose, 0, "text: weight"),
	SL_F_PAIRS(struct value, range, 0, "FROM..TO: weight, both ends included"),
	SL_F_INT(struct value, scale, 0, "0", 0, 9, "decimal places of a range"),
	SL_F_TEXT(struct value, missing, 0, "0%", "how often there is no value"),
	SL_F_ENUM(struct value, each, 0, "entity", each_choices,
		  "version: drawn anew for each version of an entity"),
	SL_F_END,
};

struct fault {
	const char *field, *text, *column, *rule;
};

static const struct sl_field fault_fields[] = {
	SL_F_TEXT(struct fault, field, SL_F_REQUIRED, NULL, "field of the record"),
	SL_F_TEXT(struct fault, text, 0, NULL, "what stands there; without it nothing does"),
	SL_F_TEXT(struct fault, column, SL_F_REQUIRED, NULL, "field that the reject names"),
	SL_F_TEXT(struct fault, rule, SL_F_REQUIRED, NULL, "rule that the reject names"),
	SL_F_END,
};

struct reader {
	const struct sl_pipeline *p;
	struct sl_arena *arena;
	struct sl_diags *diags;
	struct profile *ret;
};

/* --- values --- */

static void add_built_in(struct profile *ret, const char *name, enum draw_kind kind)
{
	ret->draws[ret->n_draws++] = (struct draw){
		.name = name,
		.kind = kind,
		.each = kind != DRAW_ID,
		.base = kind == DRAW_TIME ? INT64_C(1767225600) * SL_SECOND : 1,
	};
}

/* "7%", "0.5%" → of 10,000. */
static bool read_percent(const char *text, unsigned *ret)
{
	struct sl_str s = sl_str_of(text);
	int64_t hundredths;

	if (!sl_str_ends(s, "%"))
		return false;
	s.n--;
	if (sl_num_decimal(s, 5, 2, &hundredths) != SL_DEC_OK || hundredths < 0 ||
	    hundredths > 10000)
		return false;
	*ret = (unsigned)hundredths;
	return true;
}

static bool read_range(struct draw *d, size_t i, const char *text)
{
	const char *dots = strstr(text, "..");

	if (!dots)
		return false;
	return sl_num_decimal((struct sl_str){text, (size_t)(dots - text)}, 18, d->scale,
			      &d->from[i]) == SL_DEC_OK &&
	       sl_num_decimal(sl_str_of(dots + 2), 18, d->scale, &d->to[i]) == SL_DEC_OK &&
	       d->from[i] <= d->to[i];
}

static void read_weights(const struct reader *r, struct draw *d, const struct sl_pairs *pairs)
{
	uint64_t sum = 0, weight;

	d->n = pairs->n;
	d->upto = sl_arena_zalloc(r->arena, d->n, sizeof(*d->upto));
	d->from = sl_arena_zalloc(r->arena, d->n, sizeof(*d->from));
	d->to = sl_arena_zalloc(r->arena, d->n, sizeof(*d->to));
	d->texts = pairs->key;
	for (size_t i = 0; i < d->n; i++) {
		if (!sl_num_u64(sl_str_of(pairs->value[i]), UINT32_MAX, &weight) || weight == 0)
			sl_diag_add(r->diags, SL_E1005, pairs->at[i],
				    "the weight \"%s\" is no whole number above 0",
				    pairs->value[i]);
		else
			sum += weight;
		d->upto[i] = sum;
		if (d->kind == DRAW_NUMBER && !read_range(d, i, pairs->key[i]))
			sl_diag_add(r->diags, SL_E1005, pairs->at[i], "\"%s\" is no range FROM..TO",
				    pairs->key[i]);
	}
}

static void read_value(const struct reader *r, const struct sl_node *key,
		       const struct sl_node *node)
{
	struct draw *d = &r->ret->draws[r->ret->n_draws++];
	struct value v;

	*d = (struct draw){.name = key->text};
	if (!sl_fields_read(value_fields, &v, sizeof(v), node, NULL, "value", r->arena, r->diags))
		return;
	d->kind = v.range.n ? DRAW_NUMBER : DRAW_CHOICE;
	d->each = v.each == EACH_VERSION;
	d->scale = (unsigned)v.scale;
	if (!read_percent(v.missing, &d->missing))
		sl_diag_add(r->diags, SL_E1005, key->at, "missing: \"%s\" is no share such as 5%%",
			    v.missing);
	if ((v.choose.n == 0) == (v.range.n == 0))
		sl_diag_add(r->diags, SL_E1011, key->at,
			    "value \"%s\" needs either choose or range", key->text);
	else
		read_weights(r, d, v.range.n ? &v.range : &v.choose);
}

static bool is_map(const struct reader *r, const struct sl_node *node, const char *what)
{
	if (node && node->kind == SL_NODE_MAP)
		return true;
	if (node)
		sl_diag_add(r->diags, SL_E1005, node->at, "%s is no mapping", what);
	return false;
}

static void read_values(const struct reader *r, const struct sl_node *node)
{
	const size_t n = is_map(r, node, "values") ? node->n : 0;

	r->ret->draws = sl_arena_zalloc(r->arena, n + 3, sizeof(*r->ret->draws));
	add_built_in(r->ret, "id", DRAW_ID);
	add_built_in(r->ret, "version", DRAW_VERSION);
	add_built_in(r->ret, "time", DRAW_TIME);
	for (size_t i = 0; i < n; i++)
		read_value(r, node->keys[i], node->items[i]);
}

/* --- templates --- */

static ptrdiff_t find_draw(const struct profile *p, struct sl_str name)
{
	for (size_t i = 0; i < p->n_draws; i++)
		if (sl_str_eqz(name, p->draws[i].name))
			return (ptrdiff_t)i;
	return -1;
}

static enum piece_form read_form(const struct reader *r, struct sl_str word, struct sl_place at)
{
	if (sl_str_eqz(word, "fr"))
		return PIECE_FRENCH;
	if (!sl_str_eqz(word, "if"))
		sl_diag_add(r->diags, SL_E1013, at,
			    "\"" SL_STR_FMT "\" is no form of a value (fr, if)", SL_STR_ARG(word));
	return PIECE_ONLY_IF;
}

/* What stands between braces: "prix" or "prix:fr". */
static void read_piece(const struct reader *r, struct sl_str inside, struct sl_place at,
		       struct piece *ret)
{
	struct sl_str name = inside;
	const ptrdiff_t colon = sl_str_find(inside, ':');

	if (colon >= 0) {
		name.n = (size_t)colon;
		ret->form = read_form(r, sl_str_sub(inside, name.n + 1, inside.n), at);
	}
	ret->draw = find_draw(r->ret, name);
	if (ret->draw < 0)
		sl_diag_add(r->diags, SL_E1008, at, "there is no value \"" SL_STR_FMT "\"",
			    SL_STR_ARG(name));
}

static struct template read_template(const struct reader *r, const struct sl_node *node)
{
	struct sl_str rest = sl_str_of(node->kind == SL_NODE_SCALAR ? node->text : "");
	struct template t = {NULL, 0};

	if (node->kind != SL_NODE_SCALAR)
		sl_diag_add(r->diags, SL_E1005, node->at, "a template is a text");
	t.v = sl_arena_zalloc(r->arena, rest.n + 1, sizeof(*t.v));
	while (rest.n) {
		struct piece *piece = &t.v[t.n++];
		const ptrdiff_t open = sl_str_find(rest, '{');
		const ptrdiff_t end = sl_str_find(rest, '}');

		*piece = (struct piece){rest, -1, PIECE_PLAIN};
		if (open < 0)
			break;
		piece->literal.n = (size_t)open;
		if (end < open) {
			sl_diag_add(r->diags, SL_E1013, node->at, "a brace has no partner");
			break;
		}
		read_piece(r, sl_str_sub(rest, (size_t)open + 1, (size_t)(end - open - 1)),
			   node->at, piece);
		rest = sl_str_sub(rest, (size_t)end + 1, rest.n);
	}
	return t;
}

static void read_record(const struct reader *r, const struct sl_node *node)
{
	const size_t n = is_map(r, node, "record") ? node->n : 0;

	r->ret->fields = sl_arena_zalloc(r->arena, n + 1, sizeof(*r->ret->fields));
	for (size_t i = 0; i < n; i++) {
		struct record_field *f = &r->ret->fields[r->ret->n_fields++];
		const struct sl_node *item = node->items[i];

		*f = (struct record_field){.name = node->keys[i]->text,
					   .list = item->kind == SL_NODE_SEQ,
					   .n = item->kind == SL_NODE_SEQ ? item->n : 1};
		f->items = sl_arena_zalloc(r->arena, f->n + 1, sizeof(*f->items));
		for (size_t k = 0; k < f->n; k++)
			f->items[k] = read_template(r, f->list ? item->items[k] : item);
	}
}

static ptrdiff_t find_stored(const struct sl_pipeline *p, const char *name)
{
	for (size_t i = 0; i < p->contract.n_stored; i++)
		if (strcmp(p->contract.cols[i].name, name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

/* A template, or {length: TEMPLATE}. */
static struct expectation read_expectation(const struct reader *r, size_t col,
					   const struct sl_node *node)
{
	const struct sl_node *inside = sl_node_get(node, "length");

	return (struct expectation){col, read_template(r, inside ? inside : node), inside != NULL};
}

static void read_expected(const struct reader *r, const struct sl_node *node)
{
	const size_t n = is_map(r, node, "expect") ? node->n : 0;

	r->ret->expected = sl_arena_zalloc(r->arena, n + 1, sizeof(*r->ret->expected));
	for (size_t i = 0; i < n; i++) {
		const ptrdiff_t col = find_stored(r->p, node->keys[i]->text);

		if (col < 0)
			sl_diag_add(r->diags, SL_E1008, node->keys[i]->at,
				    "the contract has no column \"%s\"", node->keys[i]->text);
		else
			r->ret->expected[r->ret->n_expected++] =
				read_expectation(r, (size_t)col, node->items[i]);
	}
}

static void read_fault(const struct reader *r, const struct sl_node *node)
{
	struct fault f;

	if (!sl_fields_read(fault_fields, &f, sizeof(f), node, NULL, "spoil", r->arena, r->diags))
		return;
	for (size_t i = 0; i < r->ret->n_fields; i++) {
		if (strcmp(r->ret->fields[i].name, f.field) != 0)
			continue;
		r->ret->spoils[r->ret->n_spoils++] = (struct spoil){i, f.text, f.column, f.rule};
		return;
	}
	sl_diag_add(r->diags, SL_E1008, node->at, "the record has no field \"%s\"", f.field);
}

static void read_faults(const struct reader *r, const struct sl_node *node)
{
	const size_t n = node && node->kind == SL_NODE_SEQ ? node->n : 0;

	if (node && node->kind != SL_NODE_SEQ)
		sl_diag_add(r->diags, SL_E1005, node->at, "spoil is no list");
	r->ret->spoils = sl_arena_zalloc(r->arena, n + 1, sizeof(*r->ret->spoils));
	for (size_t i = 0; i < n; i++)
		read_fault(r, node->items[i]);
}

/* Key and version say that rows of one entity compete, and how: the table does where it is latest.
 */
static void read_identity(const struct reader *r, const struct head *h, const struct sl_node *root)
{
	const char *const names[] = {h->key, h->version};

	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++)
		if (names[i] && find_stored(r->p, names[i]) < 0)
			sl_diag_add(r->diags, SL_E1008, root->at,
				    "the contract has no column \"%s\"", names[i]);
	r->ret->keyed = h->key || r->p->store.mode == SL_MODE_LATEST;
	r->ret->versioned = h->version || r->p->store.version_col >= 0;
	r->ret->answers = true;
}

static bool read_profile(const struct reader *r, struct sl_str bytes, const char *file,
			 struct sl_err *err)
{
	struct sl_node *root = sl_yaml_parse(bytes, file, r->arena, r->diags);
	struct head h;

	*r->ret = (struct profile){.draws = NULL};
	if (root && sl_fields_read(head_fields, &h, sizeof(h), root, NULL, "the file", r->arena,
				   r->diags)) {
		read_identity(r, &h, root);
		read_values(r, h.values);
		read_record(r, h.record);
		read_expected(r, h.expect);
		read_faults(r, h.spoil);
	}
	return sl_diags_ok(r->diags, err);
}

bool profile_from_file(const struct sl_pipeline *p, struct sl_arena *arena, struct profile *ret,
		       bool *ret_found, struct sl_err *err)
{
	const char *file = sl_arena_printf(arena, "%s/generate.yaml", p->dir);
	sl_cleanup(sl_buf_release) struct sl_buf bytes = SL_BUF_INIT;
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;
	const struct reader r = {p, arena, &diags, ret};

	*ret_found = sl_file_exists(file);
	if (!*ret_found)
		return true;
	if (!sl_file_read(file, FILE_MAX, &bytes, err))
		return false;
	if (read_profile(&r, sl_arena_str(arena, sl_buf_str(&bytes)), file, err))
		return true;
	sl_print_diags(&diags);
	return false;
}

bool profile_open(const struct sl_pipeline *p, const struct profile_limits *limits,
		  struct sl_arena *arena, struct profile *ret, struct sl_err *err)
{
	bool found = false;

	if (!profile_from_file(p, arena, ret, &found, err))
		return false;
	return found || profile_from_contract(p, limits, arena, ret, err);
}
