/*
 * One order of things for every record: see rows.h.
 */
#include "tasks/normalize/rows.h"

#include "tasks/normalize/dedup.h"

static bool apply_rules(const struct sl_pipeline *p, struct sl_batch *b, struct sl_err *err)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct sl_rule_use *use = &p->rules[i];

		if (!use->rule->apply(use->params, b, err))
			return sl_err_prefix(err, "rule \"%s\" in line %u", use->rule->name,
					     use->at.line);
	}
	return true;
}

static bool is_named(const struct sl_contract *contract, const char *name)
{
	for (size_t i = 0; i < contract->n; i++)
		if (!contract->cols[i].computed && strcmp(contract->cols[i].from, name) == 0)
			return true;
	return *name == '\0'; /* what a delimiter at the header's end leaves */
}

void sl_rows_unread(const struct sl_pipeline *p, const struct sl_source *source,
		    struct sl_str header, struct sl_buf *names)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err ignored = SL_ERR_INIT; /* the decoder has told it */
	struct sl_texts all;

	if (!source->codec->names || header.n == 0 ||
	    !source->codec->names(source->codec_params, header, &arena, &all, &ignored)) {
		sl_err_clear(&ignored);
		return;
	}
	for (size_t i = 0; i < all.n; i++) {
		if (is_named(&p->contract, all.v[i]))
			continue;
		sl_buf_adds(names, names->n > 0 ? ", " : "");
		sl_buf_add_escaped(names, sl_str_of(all.v[i]), 60);
	}
}

bool sl_rows_make(const struct sl_pipeline *p, const struct sl_source *source, void *decoder,
		  struct sl_str bytes, bool last, struct sl_batch *b, struct sl_err *err)
{
	if (!source->codec->decode(decoder, bytes, last, b, err) || !apply_rules(p, b, err))
		return false;
	sl_contract_check(&p->contract, b);
	if (p->store.mode == SL_MODE_LATEST)
		sl_dedup(&p->store, b);
	return true;
}
