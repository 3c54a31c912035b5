/*
 * Private to common/store: what a kind of depot supplies. Contracts as in depot.h.
 */
#ifndef SL_STORE_DEPOT_PRIVATE_H
#define SL_STORE_DEPOT_PRIVATE_H

#include "store/depot.h"

struct sl_depot_ops {
	void (*close)(struct sl_depot *d);
	char *(*where)(const struct sl_depot *d, const char *name);
	bool (*put)(struct sl_depot *d, const char *name, struct sl_str bytes, enum sl_worth worth,
		    bool *ret_won, struct sl_err *err);
	bool (*replace)(struct sl_depot *d, const char *name, struct sl_str bytes,
			enum sl_worth worth, struct sl_err *err);
	bool (*get)(struct sl_depot *d, const char *name, size_t max, struct sl_buf *out,
		    struct sl_err *err);
	bool (*exist)(struct sl_depot *d, const char *const *names, size_t n, bool *there,
		      struct sl_err *err);
	bool (*secure)(struct sl_depot *d, const char *name, bool *ret_there, struct sl_err *err);
	bool (*remove)(struct sl_depot *d, const char *const *names, size_t n, struct sl_err *err);
	bool (*each)(struct sl_depot *d, const char *dir, sl_time before, sl_depot_fn fn, void *ctx,
		     struct sl_err *err);
	bool (*sweep)(struct sl_depot *d, sl_time before, size_t *ret_n, struct sl_err *err);
	bool (*open)(struct sl_depot *d, const char *name, struct sl_depot_reader **ret,
		     struct sl_err *err);
	bool (*read)(struct sl_depot_reader *r, uint64_t at, size_t n, struct sl_buf *out,
		     struct sl_err *err);
	bool (*again)(struct sl_depot_reader *r);
	void (*reader_close)(struct sl_depot_reader *r);
	bool (*create)(struct sl_depot *d, const char *dir, size_t room,
		       struct sl_depot_writer **ret, struct sl_err *err);
	/* head is in the writer's file already */
	bool (*publish)(struct sl_depot_writer *w, const char *name, bool *ret_won,
			struct sl_err *err);
};

/* First member of each kind's own struct. */
struct sl_depot {
	const struct sl_depot_ops *ops;
};

struct sl_depot_reader {
	const struct sl_depot_ops *ops;
	uint64_t size;
};

/* Bytes gather in a local file first: a chunk's name is known only at its end. */
struct sl_depot_writer {
	const struct sl_depot_ops *ops;
	struct sl_depot *depot;
	struct sl_tmpfile tmp;
	size_t room;
};

/* A writer whose temporary file lies in dir, behind free room. */
SL_NODISCARD bool sl_depot_spool(struct sl_depot *d, const char *dir, size_t room,
				 struct sl_depot_writer **ret, struct sl_err *err);

#endif
