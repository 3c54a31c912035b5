/*
 * Fingerprints of inputs that were read again and found unchanged. The log keeps the one that an
 * edition was collected with, or none when the file was too young to be trusted then; without this
 * list such a file, and one that was only touched, would be read by every later run. A cache beside
 * the log: whoever loses it reads the inputs once more.
 *
 *	sl_seen_read, per input: sl_seen_holds or sl_seen_note; sl_seen_write
 */
#ifndef SL_STORE_SEEN_H
#define SL_STORE_SEEN_H

#include "store/log.h"

struct sl_seen_stat {
	const char *name, *stat;
	uint64_t edition; /* whose content the fingerprint stands for */
};

/* Zero-initialise. What is noted borrows its texts until release. */
struct sl_seen {
	struct sl_seen_stat *v;
	size_t n, cap;
	size_t n_sorted; /* the first ones, as read; new names that were noted stand behind */
	bool noted;
	bool reset; /* no fingerprint is trusted, the log's neither: every input is read again */
};

/* Texts go to arena. A missing or damaged list is an empty one. */
void sl_seen_read(const struct sl_home *h, const char *source, struct sl_arena *arena,
		  struct sl_seen *ret);
/* True when the input had this fingerprint with the content of that edition. */
bool sl_seen_holds(const struct sl_seen *seen, const struct sl_edition *e, const char *stat);
void sl_seen_note(struct sl_seen *seen, const struct sl_edition *e, const char *stat);
/* Writes what still stands for an input's newest edition, if anything was noted. It may fail. */
void sl_seen_write(const struct sl_home *h, const char *source, const struct sl_seen *seen,
		   const struct sl_inventory *inventory);
/* Has the next collection of the source read every input again; it ends the reset when it is done. */
SL_NODISCARD bool sl_seen_reset(const struct sl_home *h, const char *source, struct sl_err *err);
void sl_seen_release(struct sl_seen *seen);

#endif
