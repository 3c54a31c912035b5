/*
 * Section sources: for each name a kind with its own fields, a codec with its own, and how the
 * records are grouped into inputs. The order in the file is the "source order" of the design.
 */
#include "data/pipeline_read.h"

struct common {
	const char *kind;
	struct sl_node *codec;
	int input;
	int64_t wait, wait_every;
};

static const char *const input_modes[] = {"each", "whole", NULL};

const struct sl_field sl_source_common_fields[] = {
	SL_F_TEXT(struct common, kind, SL_F_REQUIRED | SL_F_IDENTITY, NULL, "what is read"),
	SL_F_NODE(struct common, codec, 0,
		  "format of the records: \"csv\", or {csv: {its settings}}; sources that write "
		  "records themselves need none"),
	SL_F_ENUM(struct common, input, SL_F_IDENTITY, "each", input_modes,
		  "each file is an input, or the whole source is one"),
	SL_F_DURATION(struct common, wait, 0, "0s", 0, 365 * SL_DAY,
		      "how long a run waits for something new: collect then ends with 75, not with "
		      "99, and asks to be called again"),
	SL_F_DURATION(struct common, wait_every, 0, "5m", SL_SECOND, SL_DAY,
		      "pause between two looks while it waits"),
	SL_F_END,
};

/* The keys of a kind; of all kinds (NULL) when nobody knows which one was meant. */
static const char **kind_keys(const struct sl_source_kind *kind, struct sl_arena *arena)
{
	size_t n = 0;
	for (size_t i = 0; sl_source_kinds[i]; i++)
		for (const struct sl_field *f = sl_source_kinds[i]->params; f->name; f++)
			n++;
	const char **names = sl_arena_zalloc(arena, n + 1, sizeof(*names));
	n = 0;
	for (size_t i = 0; sl_source_kinds[i]; i++)
		for (const struct sl_field *f = sl_source_kinds[i]->params; f->name; f++)
			if (!kind || kind == sl_source_kinds[i])
				names[n++] = f->name;
	return names;
}

/* Tells that word is none of n names. */
static void tell_choice(struct sl_reading *r, struct sl_place at, const char *what,
			const char *word, const char *const *names, size_t n)
{
	sl_cleanup(sl_buf_release) struct sl_buf all = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	for (size_t i = 0; i < n; i++)
		sl_buf_addf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
	sl_suggest(&near, word, names, n);
	sl_diag_add(r->diags, SL_E1007, at, "\"%s\" must be one of %s, not \"%s\"%s", what,
		    sl_buf_z(&all), word, sl_buf_z(&near));
}

static const struct sl_source_kind *find_kind(struct sl_reading *r, const struct sl_node *n)
{
	if (!n || n->kind != SL_NODE_SCALAR || sl_node_is_null(n))
		return NULL; /* told already */
	const struct sl_source_kind *kind = sl_source_find(n->text);
	if (kind || n->bad)
		return kind;
	const char *names[64];
	size_t count = 0;
	for (; count < 64 && sl_source_kinds[count]; count++)
		names[count] = sl_source_kinds[count]->name;
	tell_choice(r, n->at, "kind", n->text, names, count);
	return NULL;
}

static const struct sl_codec *find_codec(struct sl_reading *r, const char *name, struct sl_place at)
{
	const struct sl_codec *codec = sl_codec_find(name);
	if (codec)
		return codec;
	const char *names[64];
	size_t count = 0;
	for (; count < 64 && sl_codecs[count]; count++)
		names[count] = sl_codecs[count]->name;
	tell_choice(r, at, "codec", name, names, count);
	return NULL;
}

static void check_codec(struct sl_reading *r, const struct sl_source *s,
			const struct sl_node *settings, struct sl_place at)
{
	struct sl_err err = SL_ERR_INIT;
	const char *field = "";
	if (!s->codec->check || s->codec->check(s->codec_params, &field, &err))
		return;
	sl_diag_add(r->diags, SL_E1006, settings ? sl_value_place(settings, field, at) : at, "%s",
		    err.msg);
}

static void read_codec(struct sl_reading *r, struct sl_source *s, const struct sl_node *n)
{
	struct sl_arena *arena = &r->p->arena;
	const struct sl_node *settings = NULL;
	const char *name = n->text;
	struct sl_place at = n->at;
	if (n->kind == SL_NODE_MAP && n->n == 1) {
		name = n->keys[0]->text;
		at = n->keys[0]->at;
		settings = n->items[0];
	} else if (n->kind != SL_NODE_SCALAR || sl_node_is_null(n)) {
		sl_diag_add(r->diags, SL_E1005, at,
			    "\"codec\" must be a name, or one name with its settings");
		return;
	}
	s->codec = find_codec(r, name, at);
	if (!s->codec)
		return;
	s->codec_params = sl_arena_zalloc(arena, 1, s->codec->params_size);
	if (sl_fields_read(s->codec->params, s->codec_params, s->codec->params_size, settings, NULL,
			   sl_arena_printf(arena, "codec \"%s\"", name), arena, r->diags))
		check_codec(r, s, settings, at);
}

/* Records that the source writes have one format; all others must be told. */
static bool fixed_codec(struct sl_reading *r, struct sl_source *s, const struct sl_node *map,
			const char *what)
{
	const char *fixed = s->kind ? s->kind->codec : NULL;

	if (!fixed && s->kind && !sl_node_get(map, "codec"))
		sl_diag_add(r->diags, SL_E1004, map->owner, "%s has no \"codec\"", what);
	if (!fixed || sl_node_get(map, "codec"))
		return false;
	s->codec = sl_codec_find(fixed);
	s->codec_params = sl_arena_zalloc(&r->p->arena, 1, s->codec->params_size);
	return sl_fields_read(s->codec->params, s->codec_params, s->codec->params_size, NULL, NULL,
			      fixed, &r->p->arena, r->diags);
}

static void read_params(struct sl_reading *r, struct sl_source *s, const struct sl_node *map,
			const char *what)
{
	static const char *const common_names[] = {"kind", "codec", "input", NULL};
	struct sl_arena *arena = &r->p->arena;
	s->params = sl_arena_zalloc(arena, 1, s->kind->params_size);
	/* Keys were compared with both tables before: here all others pass. */
	if (sl_fields_read(s->kind->params, s->params, s->kind->params_size, map, sl_fields_any,
			   what, arena, r->diags) &&
	    s->kind->check)
		s->kind->check(s->params, map, r->p->dir, arena, r->diags);
	for (size_t i = 0; common_names[i]; i++)
		SL_ASSERT(!sl_field_find(s->kind->params, common_names[i]));
}

static void read_source(struct sl_reading *r, struct sl_source *s, const struct sl_node *map)
{
	struct sl_arena *arena = &r->p->arena;
	const char *what = sl_arena_printf(arena, "source \"%s\"", s->name);
	struct common common;
	s->kind = find_kind(r, sl_node_get(map, "kind"));
	sl_fields_read(sl_source_common_fields, &common, sizeof(common), map,
		       kind_keys(s->kind, arena), what, arena, r->diags);
	s->input = common.input;
	s->wait = common.wait;
	s->wait_every = common.wait_every;
	if (map->kind != SL_NODE_MAP)
		return;
	if (s->kind)
		read_params(r, s, map, what);
	if (fixed_codec(r, s, map, what) || !common.codec)
		return;
	read_codec(r, s, common.codec);
	if (s->codec && s->kind && s->kind->codec && strcmp(s->kind->codec, s->codec->name) != 0)
		sl_diag_add(r->diags, SL_E1011, common.codec->at,
			    "a source of kind \"%s\" writes \"%s\"", s->kind->name, s->kind->codec);
}

static void check_source_name(struct sl_reading *r, const struct sl_node *key)
{
	sl_check_name(r, key->text, key->at, "source", 0);
	if (sl_field_find(sl_pipeline_fields, key->text))
		sl_diag_add(r->diags, SL_E1011, key->at,
			    "source \"%s\" has the name of a section: --set could not tell them "
			    "apart",
			    key->text);
}

void sl_read_sources(struct sl_reading *r)
{
	const struct sl_node *map = sl_read_names(r, "sources");
	struct sl_pipeline *p = r->p;
	if (!map)
		return;
	if (map->n == 0)
		sl_diag_add(r->diags, SL_E1004, map->owner, "\"sources\" names no source");
	p->sources = sl_arena_zalloc(&p->arena, map->n, sizeof(*p->sources));
	p->n_sources = map->n;
	for (size_t i = 0; i < map->n; i++) {
		struct sl_source *s = &p->sources[i];
		s->name = map->keys[i]->text;
		s->index = i;
		s->at = map->keys[i]->at;
		check_source_name(r, map->keys[i]);
		read_source(r, s, map->items[i]);
	}
}
