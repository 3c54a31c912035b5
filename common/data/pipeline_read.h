/*
 * Private to common/data/pipeline*.c: the state of reading one pipeline file, the sections' field
 * tables, and one reader a section. A reader tells its problems to diags and goes on; whether the
 * pipeline may be used is asked once at the end.
 */
#ifndef SL_DATA_PIPELINE_READ_H
#define SL_DATA_PIPELINE_READ_H

#include "data/pipeline.h"

struct sl_reading {
	struct sl_pipeline *p;
	struct sl_node *root;
	struct sl_diags *diags;
	const struct sl_pipeline_opts *opts;
};

extern const struct sl_field sl_pipeline_fields[]; /* the top level */
extern const struct sl_field sl_schedule_fields[];
extern const struct sl_field sl_source_common_fields[];
extern const struct sl_field sl_raw_fields[];
extern const struct sl_field sl_store_fields[];
extern const struct sl_field sl_rejects_fields[];
extern const struct sl_field sl_parallel_fields[];
extern const struct sl_field sl_model_fields[];
extern const struct sl_field sl_query_fields[];
extern const struct sl_field sl_documents_fields[];
extern const struct sl_field sl_job_fields[];
extern const struct sl_field sl_backend_fields[];
extern const struct sl_field sl_queue_fields[];

/* The environment first, then opts->overrides, so that these win. */
void sl_read_overrides(struct sl_reading *r);
/* map: where it stands, or NULL. */
void sl_read_schedule(struct sl_reading *r, const struct sl_node *map, struct sl_schedule *s);
void sl_read_sources(struct sl_reading *r);
void sl_read_rejects(struct sl_reading *r);
void sl_read_parallel(struct sl_reading *r);
void sl_read_contract(struct sl_reading *r); /* contract and fields: the schema's first columns */
void sl_read_rules(struct sl_reading *r);    /* after the contract */
void sl_read_store(struct sl_reading *r);    /* after the contract */
void sl_read_models(struct sl_reading *r);   /* after the store: names must differ */
void sl_read_queries(struct sl_reading *r);
void sl_read_documents(struct sl_reading *r); /* after the store */
void sl_read_jobs(struct sl_reading *r);
void sl_read_backends(struct sl_reading *r);

/* rev and shape of a pipeline without errors. */
void sl_pipeline_identify(struct sl_pipeline *p);

/* A section that maps names to values, or NULL: absent, or no mapping (told). */
const struct sl_node *sl_read_names(struct sl_reading *r, const char *section);

enum { SL_NAME_HYPHEN = 1 << 0, SL_NAME_DOTTED = 1 << 1 };

/* Checks [a-z_][a-z0-9_]{0,62}; dotted: two of them; what: "column". */
bool sl_check_name(struct sl_reading *r, const char *name, struct sl_place at, const char *what,
		   unsigned flags);

/* Where key's value stands in map; fallback when it is not there. */
struct sl_place sl_value_place(const struct sl_node *map, const char *key,
			       struct sl_place fallback);

#endif
