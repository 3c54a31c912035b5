/*
 * rev: hash of everything that can change rows. shape: hash of what a filled table cannot change
 * without being rebuilt. Adding something here gives every pipeline a new rev: tests hold both
 * still.
 */
#include "data/pipeline_read.h"

static void hash_type(struct sl_hash *h, struct sl_type type)
{
	char text[32];
	sl_type_text(type, text);
	sl_hash_strz(h, text);
}

static void hash_column(struct sl_hash *h, const struct sl_contract_col *c)
{
	sl_hash_strz(h, c->name);
	hash_type(h, c->type);
	sl_hash_strz(h, c->from);
	sl_hash_u64(h, c->required);
	sl_hash_u64(h, c->computed);
	sl_hash_strz(h, c->min);
	sl_hash_strz(h, c->max);
	sl_hash_u64(h, c->choices.n);
	for (size_t i = 0; i < c->choices.n; i++)
		sl_hash_strz(h, c->choices.v[i]);
	sl_hash_strz(h, c->zone_name);
	sl_hash_u64(h, (uint64_t)c->ambiguous);
}

static void hash_source(struct sl_hash *h, const struct sl_source *s)
{
	sl_hash_strz(h, s->name);
	sl_hash_strz(h, s->kind->name);
	sl_hash_u64(h, (uint64_t)s->input);
	sl_fields_hash(s->kind->params, s->params, h);
	sl_hash_strz(h, s->codec->name);
	sl_hash_u64(h, s->codec->version);
	sl_fields_hash(s->codec->params, s->codec_params, h);
}

static void hash_rule(struct sl_hash *h, const struct sl_rule_use *use)
{
	sl_hash_strz(h, use->rule->name);
	sl_hash_u64(h, use->rule->version);
	sl_fields_hash(use->rule->params, use->params, h);
	if (use->rule->hash)
		use->rule->hash(use->params, h);
}

static void hash_store(struct sl_hash *h, const struct sl_store *s)
{
	sl_hash_u64(h, (uint64_t)s->mode);
	sl_hash_u64(h, s->key.n);
	for (size_t i = 0; i < s->key.n; i++)
		sl_hash_strz(h, s->key.v[i]);
	sl_hash_strz(h, s->version);
}

void sl_pipeline_identify(struct sl_pipeline *p)
{
	struct sl_hash rev, shape;
	sl_hash_init(&rev);
	sl_hash_u64(&rev, SL_ROW_FORMAT);
	sl_hash_u64(&rev, p->contract.n_stored);
	sl_hash_u64(&rev, p->contract.n);
	for (size_t i = 0; i < p->contract.n; i++)
		hash_column(&rev, &p->contract.cols[i]);
	sl_hash_u64(&rev, p->n_sources);
	for (size_t i = 0; i < p->n_sources; i++)
		hash_source(&rev, &p->sources[i]);
	sl_hash_u64(&rev, p->n_rules);
	for (size_t i = 0; i < p->n_rules; i++)
		hash_rule(&rev, &p->rules[i]);
	hash_store(&rev, &p->store);
	if (p->store.evolve != SL_EVOLVE_FAIL)
		sl_hash_u64(&rev, (uint64_t)p->store.evolve);
	sl_hash_hex(&rev, p->rev);

	sl_hash_init(&shape);
	sl_hash_strz(&shape, p->store.table);
	hash_store(&shape, &p->store);
	for (size_t i = 0; i < p->n_sources; i++)
		sl_hash_strz(&shape, p->sources[i].name);
	sl_hash_hex(&shape, p->shape);
}
