/*
 * What a source gets from sluice-collect: where to put its inputs. A source lists, reads and hands
 * over bytes; chunks, parts, entries and reruns are not its business.
 *
 * Per attempt (a lost race for the entry's number starts one over), a source that can be read twice:
 *	for each input: sl_collect_known → skip, or sl_collect_begin, _bytes…, _end
 * and one that cannot, or where reading again is dear (a site, an API, a cursor):
 *	sl_steps_begin; until done: sl_step_begin, sl_collect_bytes…, sl_step_end; sl_steps_end
 */
#ifndef SL_COLLECT_COLLECT_H
#define SL_COLLECT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "data/pipeline.h"
#include "run/stage.h"

struct sl_collect;

const struct sl_run *sl_collect_run(const struct sl_collect *c);
const struct sl_source *sl_collect_source(const struct sl_collect *c);

/* True when the log holds this input with the same codec settings and the same trusted fingerprint,
 * so that it need not be read (never with --again). stat: fingerprint or NULL. With --dry-run
 * always true, and the input is listed on stdout. */
bool sl_collect_known(struct sl_collect *c, const char *input, const char *stat);

/* True when the log, or this attempt, holds an input of that name. */
bool sl_collect_holds(const struct sl_collect *c, const char *input);
/* Nothing is to be kept (--dry-run, check, preview): the source may change nothing. */
bool sl_collect_only_looks(const struct sl_collect *c);

/* Begins an input. With input: whole every file is one more piece of the one input SL_WHOLE; name
 * is then the file's, for messages. Bytes are cut into records, parts and chunks as they come. */
#define SL_WHOLE "whole"
SL_NODISCARD bool sl_collect_begin(struct sl_collect *c, const char *name, struct sl_err *err);
SL_NODISCARD bool sl_collect_bytes(struct sl_collect *c, struct sl_str bytes, struct sl_err *err);
/* stat: the fingerprint to remember, NULL when the file may still change within its clock tick.
 * With input: whole the one given last stands for all files. */
SL_NODISCARD bool sl_collect_end(struct sl_collect *c, const char *stat, struct sl_err *err);
/* Forgets what came since begin (the file moved while it was read); with input: whole everything.
 */
void sl_collect_undo(struct sl_collect *c);

/* Says in the result when it may be tried again (retry_after_s); 0 says nothing. */
void sl_collect_retry_after(struct sl_collect *c, int64_t us);

/* The scope was listed whole (then only a complete entry makes something gone). Not for steps. */
void sl_collect_complete(struct sl_collect *c, bool complete);

/*
 * Steps: one input an attempt, read step by step (a page, a list page with its details, a batch of
 * rows). Each step is one immutable chunk, named by source, run, input, the input's edition when
 * the reading began, what is asked, and the step's number; not by its bytes. The first complete
 * version of a step stands, and everybody goes on from where it says that the next one begins: who
 * was killed, who comes again, and who was slower. Finished steps are never asked for twice.
 *
 *	struct sl_steps s;
 *
 *	if (!sl_steps_begin(c, SL_STEPS_INTERVAL, url, &s, err))
 *		return false;
 *	while (!s.done) {
 *		if (!sl_step_begin(c, &s, err))	// again: forgets a step that was read by half
 *			return false;
 *		read what stands at s.at (NULL: the input's begin) → sl_collect_bytes, next
 *		if (!sl_step_end(c, &s, next, err))
 *			return false;
 *	}
 *	return sl_steps_end(c, &s, err);
 *
 * What a source keeps to:
 * - s.at alone (with s.from and s.end) says what a step holds: state lives in the continuation, of
 *   at most SL_CONTINUATION_MAX bytes, UTF-8, and never a secret, for it is kept in bronze.
 * - After sl_step_end, read on at s.at, not at the `next` given: another attempt's step may stand.
 * - A step holds whole records, at most 64 MiB; its end ends a file for the codec (a JSON document,
 *   rows under a header row of their own).
 * - A cursor sets s.end where it is NULL, before the first step ends: the range ends there, also
 *   for whoever finishes it. Its steps bring what lies behind s.from, up to and with s.end. Where
 *   nothing does, it sets s.done before any step: no entry is made, and the cursor stays. No range
 *   ends where it begins.
 */
enum sl_steps_kind {
	SL_STEPS_INTERVAL, /* what an interval of a site or API holds; without one, what a run saw
			    */
	SL_STEPS_CURSOR,   /* what lies behind the greatest end so far */
};

struct sl_steps {
	bool done;	  /* nothing is left to read */
	bool partial;	  /* the source sets it: something of the scope was not seen */
	const char *from; /* cursor: the range's begin, exclusive; NULL: from the first record on */
	const char *end;  /* cursor: the range's end, inclusive; NULL: still to be fixed */
	const char *at;	  /* the continuation that the last step left; NULL: none yet */
	size_t kept;	  /* steps that stand */
	/* private */
	bool adopted;	   /* the run has collected this source: nothing is read again */
	bool repeat;	   /* --again: the range of the run's own entry */
	bool known;	   /* the input has an edition */
	const char *input; /* its name */
	const char *asks;
	uint64_t edition;     /* when the reading began, 0: none */
	char id[SL_HASH_HEX]; /* of the step at hand */
};

/* asks: whatever decides what a step brings (a query, a URL, a page size), as one text; when it
 * changes between two attempts, the reading begins anew. Borrowed until sl_steps_end. Texts in s
 * live as long as the attempt. */
SL_NODISCARD bool sl_steps_begin(struct sl_collect *c, enum sl_steps_kind kind, const char *asks,
				 struct sl_steps *s, struct sl_err *err);
SL_NODISCARD bool sl_step_begin(struct sl_collect *c, struct sl_steps *s, struct sl_err *err);
/* next: the continuation, NULL after the last step. Steps without records before the first record
 * are not kept, so that a run that finds nothing asks anew the next time. SL_ERR_DATA: too large.
 */
SL_NODISCARD bool sl_step_end(struct sl_collect *c, struct sl_steps *s, const char *next,
			      struct sl_err *err);
SL_NODISCARD bool sl_steps_end(struct sl_collect *c, struct sl_steps *s, struct sl_err *err);
/* How many records are wanted, 0: all. A look at the first ones need not ask for more. */
size_t sl_collect_wanted(const struct sl_collect *c);
/* A text that lives as long as the attempt, for s.end. */
const char *sl_collect_text(struct sl_collect *c, struct sl_str text);

#endif
