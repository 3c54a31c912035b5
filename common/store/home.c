/*
 * Where a pipeline's files lie: finding HOME, building paths below it, and run ids as directory
 * names.
 */
#include "store/home.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#define RUN_DIR_MAX 200

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* HOME without the pipeline's name; returns owned, NULL when nothing says where. */
static char *find_root(const char *flag)
{
	const char *v = flag && *flag ? flag : env("SLUICE_HOME");

	if (v)
		return sl_xstrdup(v);
	v = env("XDG_STATE_HOME");
	if (v && *v == '/') /* the XDG base directory specification: relative ones are invalid */
		return sl_xasprintf("%s/sluice", v);
	v = env("HOME");
	return v ? sl_xasprintf("%s/.local/state/sluice", v) : NULL;
}

bool sl_home_open(struct sl_home *h, const char *flag, const char *pipeline, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *root = find_root(flag);

	if (!root) {
		sl_err_set(err, SL_ERR_CONFIG, "no home directory: where may files be kept?");
		return sl_err_hint(err, "pass --home or set SLUICE_HOME");
	}
	sl_cleanup(sl_freep) char *dir = sl_xasprintf("%s/%s", root, pipeline);
	if (!sl_dir_make(dir, err))
		return false;
	char *whole = realpath(dir, NULL);
	if (!whole)
		return sl_err_errno(err, SL_ERR_CREATE, errno, "cannot use \"%s\"", dir);
	sl_home_at(h, whole);
	return true;
}

void sl_home_find(struct sl_home *h, const char *flag, const char *pipeline)
{
	sl_cleanup(sl_freep) char *root = find_root(flag);
	sl_cleanup(sl_freep) char *dir = root ? sl_xasprintf("%s/%s", root, pipeline) : NULL;

	char *whole = dir ? realpath(dir, NULL) : NULL;

	if (whole)
		sl_home_at(h, whole);
}

void sl_home_at(struct sl_home *h, char *dir)
{
	h->dir = dir;
	h->local = h->shared = sl_depot_folder(dir);
}

void sl_home_share(struct sl_home *h, const struct sl_pipeline *p)
{
	if (p->backend.bronze_conn)
		h->shared = sl_depot_s3(p->backend.bronze_conn, p->name, h->dir);
}

void sl_home_release(struct sl_home *h)
{
	if (h->shared != h->local)
		sl_depot_close(h->shared);
	sl_depot_close(h->local);
	free(h->dir);
	*h = (struct sl_home)SL_HOME_INIT;
}

char *sl_home_path(const struct sl_home *h, const char *fmt, ...)
{
	struct sl_buf b = SL_BUF_INIT;
	va_list ap;

	sl_buf_adds(&b, h->dir);
	sl_buf_addc(&b, '/');
	va_start(ap, fmt);
	sl_buf_vaddf(&b, fmt, ap);
	va_end(ap);
	return sl_buf_detach(&b);
}

/* --- the key --- */

#define KEY "key"

static bool draw_key(const struct sl_home *h, struct sl_err *err)
{
	unsigned char bytes[(SL_HASH_HEX - 1) / 2];
	char hex[SL_HASH_HEX];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return sl_err_set(err, SL_ERR_BUG, "the system gives no random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return sl_depot_put(h->shared, KEY, sl_str_of(hex), SL_DURABLE, NULL, err);
}

/* *ret_found = false: there is none yet. */
static bool read_key(const struct sl_home *h, char ret[SL_HASH_HEX], bool *ret_found,
		     struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	*ret_found = sl_depot_get(h->shared, KEY, SL_HASH_HEX - 1, &text, err);
	if (!*ret_found) {
		if (err->kind != SL_ERR_NO_INPUT)
			return false;
		sl_err_clear(err);
		return true;
	}
	if (text.n == SL_HASH_HEX - 1 &&
	    strspn(sl_buf_z(&text), "0123456789abcdef") == SL_HASH_HEX - 1) {
		memcpy(ret, text.p, SL_HASH_HEX);
		return true;
	}
	sl_cleanup(sl_freep) char *where = sl_depot_where(h->shared, KEY);
	sl_err_set(err, SL_ERR_IO, "\"%s\" is damaged", where);
	return sl_err_hint(err, "remove that file: another key is drawn");
}

bool sl_home_key(const struct sl_home *h, char ret[SL_HASH_HEX], struct sl_err *err)
{
	bool found = false;

	if (!read_key(h, ret, &found, err) || (!found && !draw_key(h, err)))
		return false;
	/* Another one may have drawn it first. */
	return found || (read_key(h, ret, &found, err) &&
			 (found || sl_err_set(err, SL_ERR_AGAIN, "HOME's key went away")));
}

/* --- names --- */

static bool plain(char c, bool first)
{
	if (c == '.' && first) /* "." and ".." are directories already, ".x" is hidden */
		return false;
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '+' || c == '-';
}

/* Too long for a file name: the begin for people, a hash for identity. */
static void shorten(struct sl_buf *b, const char *run_id)
{
	struct sl_hash h;
	char hex[SL_HASH_HEX];

	sl_hash_init(&h);
	sl_hash_strz(&h, run_id);
	sl_hash_hex(&h, hex);
	b->n = RUN_DIR_MAX - SL_HASH_HEX;
	sl_buf_addf(b, "-%s", hex);
}

char *sl_home_run_dir(const char *run_id)
{
	struct sl_buf b = SL_BUF_INIT;

	for (const char *c = run_id; *c; c++) {
		if (plain(*c, c == run_id))
			sl_buf_addc(&b, *c);
		else
			sl_buf_addf(&b, "%%%02X", (unsigned char)*c);
	}
	if (b.n == 0)
		sl_buf_addc(&b, '%');
	if (b.n > RUN_DIR_MAX)
		shorten(&b, run_id);
	return sl_buf_detach(&b);
}
