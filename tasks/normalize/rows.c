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
