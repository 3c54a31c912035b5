/*
 * HOME/<pipeline>/: everything that a pipeline keeps without a server. With bronze on S3, all
 * but the last three lines lies there, where every host sees it.
 *
 *	bronze/<source>/<ab>/<chunk>.zst		chunks, immutable
 *	log/<source>/<n>.json				one entry a complete collection
 *	seen/<source>.json				fingerprints of inputs found unchanged
 *	runs/<run>/<source>/begin.json			newest number when the run began
 *	runs/<run>/stages/<stage>-….json		one execution each (telemetry)
 *	clean/<rev>/<chunk>-<part>			normalized parts, removed once stored
 *	stored/<sink>/<g>/<source>/<n>			marks: a cache of `applied`
 *	told/<sink>/<source>/<n>			what was said of an entry that waits
 *	key						tells this HOME's tickets from others'
 *	audit/<time>-<host>-<pid>.json			changes by hand
 *	data.db						DuckDB, when the store is embedded
 *	lock						flock of the embedded store
 *	stored/duckdb/…					marks of that DuckDB
 */
#ifndef SL_STORE_HOME_H
#define SL_STORE_HOME_H

#include "base/compiler.h"
#include "base/err.h"
#include "base/hash.h"
#include "data/pipeline.h"
#include "store/depot.h"

struct sl_home {
	char *dir;		 /* absolute: HOME/<pipeline> */
	struct sl_depot *local;	 /* that directory */
	struct sl_depot *shared; /* where the files lie that every host must see; may be local */
};

#define SL_HOME_INIT {NULL, NULL, NULL}

/* flag (--home), $SLUICE_HOME, $XDG_STATE_HOME/sluice, $HOME/.local/state/sluice; none:
 * SL_ERR_CONFIG. Makes the directory. */
SL_NODISCARD bool sl_home_open(struct sl_home *h, const char *flag, const char *pipeline,
			       struct sl_err *err);
/* The same, but makes nothing: h->dir stays NULL where there is no such directory yet, or nothing
 * says where it would be. */
void sl_home_find(struct sl_home *h, const char *flag, const char *pipeline);
/* A home in a directory that is there; takes dir. */
void sl_home_at(struct sl_home *h, char *dir);
/* Puts what every host must see where the pipeline's backend says; h may be one that was not found.
 */
void sl_home_share(struct sl_home *h, const struct sl_pipeline *p);
void sl_home_release(struct sl_home *h);

/* HOME/<pipeline>/ + printf; returns owned. */
char *sl_home_path(const struct sl_home *h, const char *fmt, ...) SL_PRINTF(2, 3);

/* 64 hex digits that no other HOME has, drawn by whoever asks first. */
SL_NODISCARD bool sl_home_key(const struct sl_home *h, char ret[SL_HASH_HEX], struct sl_err *err);

/* A run id as a directory name: bytes other than [A-Za-z0-9._+-] as %XX, at most 200 bytes (longer
 * ones end in a hash). Returns owned. */
char *sl_home_run_dir(const char *run_id);

#endif
