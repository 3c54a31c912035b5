/*
 * Entries that a store could not store: refused, because too many of their records are rejects, or
 * unreadable for now. They are counted and named in the result; each is a warning the first time
 * that these rules find it so, later runs only mention it.
 */
#ifndef SL_STORE_WAITING_H
#define SL_STORE_WAITING_H

#include "base/buf.h"
#include "run/stage.h"
#include "store/clean.h"
#include "store/log.h"

struct sl_waiting {
	struct sl_run *run;
	const char *sink; /* sl_sink_name */
	bool own_refused, other_refused;
	struct sl_err refusal; /* of the first entry refused */
	struct sl_buf names;   /* for the result */
};

/* own: of this run, whose warnings never become quieter. */
void sl_waiting_refused(struct sl_waiting *w, const struct sl_log_entry *e, bool own,
			const struct sl_counts *c);
bool sl_waiting_was_refused(const struct sl_waiting *w, const struct sl_log_entry *e,
			    const struct sl_counts *c);

/* Of another run. */
void sl_waiting_unreadable(struct sl_waiting *w, const struct sl_log_entry *e);
bool sl_waiting_was_unreadable(const struct sl_waiting *w, const struct sl_log_entry *e);

#endif
