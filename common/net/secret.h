/*
 * struct sl_secret: a password, token or key. It is a struct so that printf's %s does not take it;
 * who must send it writes sl_secret_reveal, which is easy to search for. It never goes to argv,
 * logs, results or files.
 */
#ifndef SL_NET_SECRET_H
#define SL_NET_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct sl_secret {
	const char *hidden; /* NUL-terminated, NULL: none; borrowed from who made it */
};

#define SL_SECRET_NONE ((struct sl_secret){NULL})

static inline bool sl_secret_given(struct sl_secret s)
{
	return s.hidden != NULL;
}

static inline const char *sl_secret_reveal(struct sl_secret s)
{
	return s.hidden;
}

#endif
