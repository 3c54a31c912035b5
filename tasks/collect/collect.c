/*
 * One source being collected, as the source sees it: inputs come in as bytes and leave as chunks
 * and a list of inputs for the log.
 */
#include "tasks/collect/collect.h"

#include "base/cancel.h"
#include "base/mem.h"
#include "tasks/collect/session.h"

const struct sl_run *sl_collect_run(const struct sl_collect *c)
{
	return c->run;
}

const struct sl_source *sl_collect_source(const struct sl_collect *c)
{
	return c->source;
}

/* Everything beside the bytes that decides how they are cut and read. */
static void hash_settings(const struct sl_source *s, char out[SL_HASH_HEX])
{
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_strz(&h, s->codec->name);
	sl_hash_u64(&h, s->codec->version);
	sl_fields_hash(s->codec->params, s->codec_params, &h);
	sl_hash_u64(&h, SL_CUT_RULE);
	sl_hash_hex(&h, out);
}

void sl_collect_init(struct sl_collect *c, struct sl_run *run, const struct sl_source *source)
{
	*c = (struct sl_collect){.run = run, .source = source};
	hash_settings(source, c->settings);
	c->pack.home = &run->home;
	c->pack.codec = source->codec;
	c->pack.params = source->codec_params;
	c->pack.arena = &c->arena;
	c->progress = sl_progress_begin("collecting");
}

void sl_collect_release(struct sl_collect *c)
{
	sl_progress_end(&c->progress);
	sl_pack_release(&c->pack);
	sl_seen_release(&c->seen);
	sl_arena_release(&c->arena);
	sl_buf_release(&c->recoded);
	free(c->inputs);
}

bool sl_collect_restart(struct sl_collect *c, uint64_t n, struct sl_err *err)
{
	sl_collect_undo(c);
	sl_arena_reset(&c->arena);
	c->n = n;
	c->n_inputs = 0;
	c->complete = false;
	c->range = SL_RANGE_INTERVAL;
	c->from = c->to = NULL;
	c->inventory = (struct sl_inventory){NULL, 0, 0};
	sl_seen_read(&c->run->home, c->source->name, &c->arena, &c->seen);
	return n == 0 ||
	       sl_log_inventory(&c->run->home, c->source->name, n, &c->arena, &c->inventory, err);
}

static bool is_stat_of(const struct sl_collect *c, const struct sl_edition *e, const char *stat)
{
	return (e->input->stat && strcmp(e->input->stat, stat) == 0) ||
	       sl_seen_holds(&c->seen, e, stat);
}

static bool is_known(const struct sl_collect *c, const char *input, const char *stat)
{
	const struct sl_edition *e = sl_inventory_find(&c->inventory, input);

	return e && stat && !c->run->again && !c->seen.reset &&
	       strcmp(e->input->settings, c->settings) == 0 && is_stat_of(c, e, stat);
}

bool sl_collect_holds(const struct sl_collect *c, const char *input)
{
	for (size_t i = 0; i < c->n_inputs; i++)
		if (strcmp(c->inputs[i].name, input) == 0)
			return true;
	return sl_inventory_find(&c->inventory, input) != NULL;
}

bool sl_collect_only_looks(const struct sl_collect *c)
{
	return c->tap || c->run->dry_run;
}

bool sl_collect_known(struct sl_collect *c, const char *input, const char *stat)
{
	bool known = is_known(c, input, stat);

	if (c->tap)
		return c->tap->skip(c->tap, input, known);
	if (!c->run->dry_run)
		return known;
	printf("%s\t%s\t%s\n", known ? "known" : "read", c->source->name, input);
	return true;
}

static bool whole(const struct sl_collect *c)
{
	return c->source->input == SL_INPUT_WHOLE;
}

void sl_collect_push(struct sl_collect *c, const char *name, const char *stat)
{
	if (c->n_inputs == c->cap_inputs) {
		c->cap_inputs = c->cap_inputs ? 2 * c->cap_inputs : 64;
		c->inputs = sl_xrealloc(c->inputs, c->cap_inputs, sizeof(*c->inputs));
	}
	c->inputs[c->n_inputs++] = (struct sl_log_input){
		.name = name,
		.settings = c->settings,
		.stat = stat,
		.chunks = c->pack.chunks,
		.n_chunks = c->pack.n_chunks,
	};
	c->input = NULL;
}

bool sl_collect_begin(struct sl_collect *c, const char *name, struct sl_err *err)
{
	if (!sl_cancel_check(err))
		return false;
	const struct sl_codec *codec = c->source->codec;
	c->recoder = (struct sl_recoder){0};
	if (codec->encoding)
		c->recoder.encoding = codec->encoding(c->source->codec_params);
	if (c->tap)
		return c->tap->begin(c->tap, name, err);
	c->file = sl_arena_strdup(&c->arena, name);
	c->files++;
	if (c->input) /* one more file of an input that is collected whole */
		return true;
	c->input = whole(c) ? SL_WHOLE : c->file;
	sl_pack_begin(&c->pack, c->source->name, c->input, c->settings);
	return true;
}

/* The packer does not know the file's name. */
static bool name_file(const struct sl_collect *c, struct sl_err *err)
{
	if (err->kind == SL_ERR_DATA)
		sl_err_prefix(err, "cannot collect \"%s\"", c->file);
	return false;
}

/* Bytes on to who takes them, in UTF-8. last: the file has no more. */
static bool feed(struct sl_collect *c, struct sl_str bytes, bool last, struct sl_err *err)
{
	const struct sl_str text = sl_recode(&c->recoder, bytes, last, &c->recoded);

	if (text.n == 0)
		return true;
	if (c->tap)
		return c->tap->bytes(c->tap, text, err);
	return sl_pack_bytes(&c->pack, text, err) || name_file(c, err);
}

bool sl_collect_bytes(struct sl_collect *c, struct sl_str bytes, struct sl_err *err)
{
	if (!sl_cancel_check(err))
		return false;
	if (!c->tap) {
		c->bytes += bytes.n;
		sl_progress(&c->progress, "source=%s file=\"%s\" files=%zu mib=%" PRIu64,
			    c->source->name, c->file, c->files, c->bytes >> 20);
	}
	return feed(c, bytes, false, err);
}

/* A header without records is in no part, so normalize never sees it: an error page of one line
 * would be an export without rows. */
static bool check_lone_header(const struct sl_collect *c, struct sl_err *err)
{
	const struct sl_codec *codec = c->source->codec;
	void *decoder = NULL;

	if (!sl_pack_is_lone_header(&c->pack))
		return true;
	if (!codec->open(c->source->codec_params, &c->run->p->contract, sl_buf_str(&c->pack.header),
			 &decoder, err))
		return name_file(c, err);
	codec->close(decoder);
	return true;
}

bool sl_collect_end(struct sl_collect *c, const char *stat, struct sl_err *err)
{
	const char *kept = stat ? sl_arena_strdup(&c->arena, stat) : NULL;

	if (!feed(c, SL_STR(""), true, err))
		return false;
	if (c->tap)
		return c->tap->end(c->tap, err);
	if (!sl_pack_file_end(&c->pack, err))
		return name_file(c, err);
	if (!check_lone_header(c, err))
		return false;
	if (whole(c)) {
		c->stat = kept;
		return true;
	}
	if (!sl_pack_finish(&c->pack, err))
		return false;
	sl_collect_push(c, c->input, kept);
	return true;
}

void sl_collect_undo(struct sl_collect *c)
{
	if (c->tap)
		c->tap->undo(c->tap);
	sl_pack_abandon(&c->pack);
	c->input = c->file = c->stat = NULL;
}

size_t sl_collect_wanted(const struct sl_collect *c)
{
	return c->tap ? c->tap->limit : 0;
}

const char *sl_collect_text(struct sl_collect *c, struct sl_str text)
{
	return sl_arena_str(&c->arena, text).p;
}

void sl_collect_retry_after(struct sl_collect *c, int64_t us)
{
	if (us > 0)
		c->run->result.retry_after_us = us;
}

void sl_collect_complete(struct sl_collect *c, bool complete)
{
	c->complete = complete;
}

bool sl_collect_close(struct sl_collect *c, struct sl_err *err)
{
	if (!c->input)
		return true;
	if (!sl_pack_finish(&c->pack, err))
		return false;
	sl_collect_push(c, c->input, c->stat);
	return true;
}

static bool same_chunks(const struct sl_log_input *a, const struct sl_log_input *b)
{
	if (a->n_chunks != b->n_chunks)
		return false;
	for (size_t i = 0; i < a->n_chunks; i++)
		if (strcmp(a->chunks[i].id, b->chunks[i].id) != 0)
			return false;
	return true;
}

static bool changed(const struct sl_collect *c, const struct sl_log_input *in,
		    const struct sl_edition *e)
{
	return c->run->again || !e || strcmp(e->input->settings, in->settings) != 0 ||
	       !same_chunks(e->input, in);
}

static int by_name(const void *a, const void *b)
{
	const struct sl_log_input *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void sl_collect_keep_changed(struct sl_collect *c)
{
	size_t k = 0;

	for (size_t i = 0; i < c->n_inputs; i++) {
		const struct sl_log_input in = c->inputs[i];
		const struct sl_edition *e = sl_inventory_find(&c->inventory, in.name);

		if (changed(c, &in, e))
			c->inputs[k++] = in;
		else if (in.stat)
			sl_seen_note(&c->seen, e, in.stat);
	}
	c->n_inputs = k;
	if (k)
		qsort(c->inputs, k, sizeof(*c->inputs), by_name);
}
