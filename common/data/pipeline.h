/*
 * A pipeline file, read and checked whole: what every stage starts from. Everything lives in the
 * pipeline's own arena until sl_pipeline_close.
 *
 * Keys (docs/reference): sluice, pipeline, description, schedule, sources, fields, contract, rules,
 * store, rejects, models, queries, documents, jobs, parallel, fuse, backends.
 */
#ifndef SL_DATA_PIPELINE_H
#define SL_DATA_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "data/codec.h"
#include "data/contract.h"
#include "data/diag.h"
#include "data/field.h"
#include "data/rule.h"
#include "data/source.h"

enum sl_input_mode { SL_INPUT_EACH, SL_INPUT_WHOLE };

struct sl_source {
	const char *name;
	size_t index; /* place in the file: "source order" of the design */
	const struct sl_source_kind *kind;
	void *params; /* kind's */
	const struct sl_codec *codec;
	void *codec_params;
	int input;		  /* enum sl_input_mode */
	int64_t wait, wait_every; /* µs; wait 0: a run without anything new is over */
	struct sl_place at;
};

enum sl_table_mode { SL_MODE_APPEND, SL_MODE_LATEST };

/* What happens when the contract's columns are no longer those of the table. */
enum sl_evolve { SL_EVOLVE_FAIL, SL_EVOLVE_ADD, SL_EVOLVE_IGNORE, SL_EVOLVE_REJECT };

struct sl_store {
	const char *table;	   /* "orders" or "silver.annonces"; lower-case identifiers */
	const char *schema, *name; /* its two halves; schema NULL when there is none */
	int mode;		   /* enum sl_table_mode */
	struct sl_texts key;	   /* latest */
	const char *version;	   /* latest; NULL: none, later editions win */
	size_t *key_cols;	   /* indexes of key in the contract */
	ptrdiff_t version_col;	   /* or -1 */
	int evolve;		   /* enum sl_evolve */
};

enum sl_limit_unit { SL_LIMIT_ROWS, SL_LIMIT_PERCENT };

enum sl_model_as { SL_MODEL_VIEW, SL_MODEL_TABLE };

struct sl_model {
	const char *name; /* "gold.marche": the relation it makes */
	const char *file; /* absolute path of the .sql */
	int as;		  /* enum sl_model_as */
	struct sl_place at;
};

struct sl_query {
	const char *name;
	const char *file; /* absolute path of the .sql */
	const char *description;
};

#define SL_DOC_DEPTH 16 /* most names in a path */

/* One column of an index; descending where it says so. */
struct sl_doc_index_part {
	const char *path;
	bool descending;
};
struct sl_doc_index {
	const struct sl_doc_index_part *parts;
	size_t n;
};

/* A relation whose rows become documents. */
struct sl_documents {
	const char *name;
	const char *from; /* "silver.annonces" */
	struct sl_texts key;
	const char *collection;
	struct sl_pairs fields; /* path → column; none: every column */
	struct sl_texts indexes;
	const char *gone; /* column, or NULL */
	struct sl_place at;
	struct sl_doc_index *index; /* of indexes */
	bool of_table;		    /* from is the store's own table */
	bool has_change;	    /* and a document one row of it, with its change number */
};

/* The queue's settings: what rides along, where it stands, how long it may stay. */
struct sl_queue_settings {
	const char *prefix; /* of every key */
	uint64_t part;	    /* bytes of a part that its ticket may carry */
	uint64_t budget;    /* bytes that a run's tickets may carry together */
	int64_t ttl;	    /* µs: what nobody takes goes away by itself */
};

/* One backend, resolved: which engine and connection serve which role. */
struct sl_backend {
	const char *name;	/* "embedded" */
	const char *store;	/* module: "duckdb" or "pg" */
	const char *store_conn; /* connection id, NULL for duckdb */
	const char *bronze;	/* "file", "s3" */
	const char *bronze_conn;
	const char *queue; /* "redis", NULL: none */
	const char *queue_conn;
	struct sl_queue_settings queue_settings;
	const char *documents; /* "file", "mongo" */
	const char *documents_conn;
	struct sl_place at;
};

struct sl_schedule {
	const char *cron; /* NULL: only by hand */
	const char *timezone;
	const char *start; /* RFC 3339 date */
	bool catchup;
	struct sl_texts after; /* pipelines whose new tables begin a run */
	const char *pool;      /* Airflow's, of every task; NULL: its default one */
	int64_t retries;
	int64_t retry_delay; /* µs */
};

/* A stage and its words, but for what the run is about. */
struct sl_job_step {
	const char *stage;
	struct sl_texts words;
	struct sl_place at;
};

struct sl_job {
	const char *name, *description;
	struct sl_schedule schedule;
	struct sl_job_step *steps;
	size_t n_steps;
	struct sl_place at;
};

struct sl_pipeline {
	struct sl_arena arena;
	const char *file; /* as given by the user, for messages */
	const char *path; /* absolute */
	const char *dir;  /* absolute, holds models/ and queries/ */
	const char *name;
	const char *description;
	struct sl_schedule schedule;
	struct sl_source *sources;
	size_t n_sources;
	struct sl_contract contract;
	struct sl_schema schema; /* contract columns, raw fields, rule columns */
	struct sl_rule_use *rules;
	size_t n_rules;
	struct sl_store store;
	int64_t reject_limit; /* rows, or hundredths of a percent */
	int reject_unit;      /* enum sl_limit_unit */
	struct sl_model *models;
	size_t n_models;
	struct sl_query *queries;
	size_t n_queries;
	struct sl_documents *documents;
	size_t n_documents;
	struct sl_job *jobs;
	size_t n_jobs;
	bool fuse;		   /* one Airflow task for collect, normalize and store */
	int64_t partitions_max;	   /* most mapped normalize tasks */
	uint64_t partition_bytes;  /* raw bytes that make one more of them worth while */
	struct sl_backend backend; /* the one chosen */
	struct sl_texts backend_names;
	struct sl_node *root;	 /* the tree, for plan and --explain */
	char rev[SL_HASH_HEX];	 /* rules in force (docs/delivery.md: rev) */
	char shape[SL_HASH_HEX]; /* table, mode, key, version, source order: 78 when it changes */
};

/* One override of the tree: from --set or a flag. path as typed: "drop.path" (the leading
 * "sources." may be left out), "store.mode". The environment (SLUICE_DROP_PATH) is read by
 * sl_pipeline_open itself, since only the tree tells which names there are; overrides win over it.
 */
struct sl_override {
	const char *path, *value, *origin; /* origin: "--set" */
};

struct sl_pipeline_opts {
	const char *backend;		     /* NULL: embedded */
	const struct sl_override *overrides; /* later ones win */
	size_t n_overrides;
	bool store_needed; /* the stage will open the store (all backends are checked anyway) */
};

/*
 * Finds NAME (in $SLUICE_PIPELINES, ./pipelines, <exe>/../share/sluice/pipelines,
 * <exe>/../pipelines) or FILE, reads, checks all. All problems go to diags, in one pass. Returns
 * NULL when there is any (SL_ERR_CONFIG; SL_ERR_CONFIG also when it does not exist). Relative paths
 * in the file count from the file's directory, those of --set and the environment from the current
 * one.
 */
struct sl_pipeline *sl_pipeline_open(const char *name_or_file, const struct sl_pipeline_opts *opts,
				     struct sl_diags *diags, struct sl_err *err);
void sl_pipeline_close(struct sl_pipeline *p);

const struct sl_source *sl_pipeline_source(const struct sl_pipeline *p, const char *name);

/* Tells every field that the file (and what is laid over it) leaves out and that has a default:
 * its path ("sources.drop.max_bytes") and that default as text. */
void sl_pipeline_defaults(const struct sl_pipeline *p,
			  void (*tell)(void *ctx, const char *path, const char *value), void *ctx);

/* The keys and tables of every section, for --describe and docs/reference. */
void sl_pipeline_describe(struct sl_buf *out);

#endif
