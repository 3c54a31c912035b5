/*
 * Log entries: finding the newest, reading one, linking the next. link(2) decides who wins a
 * number, so two collections never mix and the loser knows that it must look again.
 */
#include "store/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/log_json.h"

#define SNAPSHOT_EVERY 256 /* entries */
#define HEAD_STEP 4096	   /* bytes read at a time when only an entry's head is wanted */
#define HEAD_MAX 65536

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* "17.json" → 17, "snapshot-256.json" → 256 with *snapshot; 0 for any other name. */
static uint64_t name_number(const char *name, bool *snapshot)
{
	struct sl_str s = sl_str_of(name);
	uint64_t n = 0;

	if (!sl_str_ends(s, ".json"))
		return 0;
	s.n -= strlen(".json");
	*snapshot = sl_str_starts(s, "snapshot-");
	if (*snapshot)
		s = sl_str_sub(s, strlen("snapshot-"), s.n);
	return sl_num_u64(s, INT64_MAX, &n) ? n : 0;
}

static void note_number(struct sl_log_numbers *ret, const char *name, uint64_t upto)
{
	bool snapshot = false;
	uint64_t n = name_number(name, &snapshot);

	if (!snapshot && n > ret->entry)
		ret->entry = n;
	if (snapshot && n > ret->snapshot && (upto == 0 || n <= upto))
		ret->snapshot = n;
}

/* One pass over the directory: numbers need no sorting, and there may be thousands. */
bool sl_log_numbers(const struct sl_home *h, const char *source, uint64_t upto,
		    struct sl_log_numbers *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(h, "log/%s", source);
	sl_cleanup(close_dir) DIR *d = opendir(path);
	struct dirent *e;

	*ret = (struct sl_log_numbers){0, 0};
	if (!d)
		return errno == ENOENT ||
		       sl_err_errno(err, SL_ERR_IO, errno, "cannot list \"%s\"", path);
	while ((errno = 0, e = readdir(d)) != NULL)
		note_number(ret, e->d_name, upto);
	return errno == 0 || sl_err_errno(err, SL_ERR_IO, errno, "cannot list \"%s\"", path);
}

bool sl_log_newest(const struct sl_home *h, const char *source, uint64_t *ret, struct sl_err *err)
{
	struct sl_log_numbers found;

	if (!sl_log_numbers(h, source, 0, &found, err))
		return false;
	*ret = found.entry;
	return true;
}

static char *entry_path(const struct sl_home *h, const char *source, uint64_t n)
{
	return sl_home_path(h, "log/%s/%" PRIu64 ".json", source, n);
}

/* Everything but the inputs. */
static bool get_head(const json_t *o, struct sl_arena *arena, struct sl_log_entry *ret)
{
	uint64_t partitions = 0;

	*ret = (struct sl_log_entry){
		.source = sl_log_get_text(o, "source", arena),
		.run = sl_log_get_text(o, "run", arena),
		.from = sl_log_get_text(o, "from", arena),
		.to = sl_log_get_text(o, "to", arena),
		.complete = json_is_true(json_object_get(o, "complete")),
	};
	if (!ret->source || !ret->run || !sl_log_get_u64(o, "n", &ret->n) ||
	    !sl_log_get_u64(o, "partitions", &partitions) || partitions > UINT32_MAX)
		return false;
	ret->partitions = (uint32_t)partitions;
	return true;
}

static bool get_inputs(const json_t *o, struct sl_arena *arena, struct sl_log_entry *ret)
{
	const json_t *inputs = json_object_get(o, "inputs");

	if (!json_is_array(inputs))
		return false;
	ret->n_inputs = json_array_size(inputs);
	ret->inputs = sl_arena_zalloc(arena, ret->n_inputs, sizeof(*ret->inputs));
	for (size_t i = 0; i < ret->n_inputs; i++)
		if (!sl_log_get_input(json_array_get(inputs, i), arena, &ret->inputs[i]))
			return false;
	return true;
}

bool sl_log_read(const struct sl_home *h, const char *source, uint64_t n, struct sl_arena *arena,
		 struct sl_log_entry *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = entry_path(h, source, n);
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	sl_cleanup(sl_log_decref) json_t *o = NULL;

	if (!sl_file_read(path, SL_LOG_FILE_MAX, &b, err))
		return err->kind == SL_ERR_NO_INPUT ? sl_log_damaged(err, path, "it is missing")
						    : false;
	if (!sl_log_parse(path, sl_buf_str(&b), &o, err))
		return false;
	if (!get_head(o, arena, ret) || !get_inputs(o, arena, ret) || ret->n != n)
		return sl_log_damaged(err, path, "not an entry of this number");
	return true;
}

/* What stands before the inputs, closed to a whole object. A quote inside a text is escaped, so the
 * key cannot be found anywhere else. */
static bool read_head(const char *path, struct sl_buf *b, struct sl_err *err)
{
	static const char key[] = "\"inputs\":[";
	const char *at = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd < 0)
		return sl_log_damaged(err, path, "it is missing");
	while (!at && got > 0 && b->n < HEAD_MAX) {
		got = read(fd, sl_buf_room(b, HEAD_STEP), HEAD_STEP);
		if (got > 0)
			sl_buf_grew(b, (size_t)got);
		at = memmem(b->p, b->n, key, sizeof(key) - 1);
	}
	close(fd);
	if (!at)
		return sl_log_damaged(err, path, "it does not begin as an entry");
	b->n = (size_t)(at - b->p) + sizeof(key) - 1;
	sl_buf_adds(b, "]}");
	return true;
}

bool sl_log_read_head(const struct sl_home *h, const char *source, uint64_t n,
		      struct sl_arena *arena, struct sl_log_entry *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = entry_path(h, source, n);
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	sl_cleanup(sl_log_decref) json_t *o = NULL;

	if (!read_head(path, &b, err) || !sl_log_parse(path, sl_buf_str(&b), &o, err))
		return false;
	if (!get_head(o, arena, ret) || ret->n != n)
		return sl_log_damaged(err, path, "not an entry of this number");
	return true;
}

static void put_entry(struct sl_buf *b, const struct sl_log_entry *e)
{
	sl_buf_adds(b, "{\"sluice\":1,");
	sl_log_put_text(b, "source", e->source);
	sl_buf_addf(b, ",\"n\":%" PRIu64 ",", e->n);
	sl_log_put_text(b, "run", e->run);
	sl_buf_addc(b, ',');
	sl_log_put_text(b, "from", e->from);
	sl_buf_addc(b, ',');
	sl_log_put_text(b, "to", e->to);
	sl_buf_addf(b, ",\"complete\":%s,\"partitions\":%" PRIu32 ",\"inputs\":[",
		    e->complete ? "true" : "false", e->partitions);
	for (size_t i = 0; i < e->n_inputs; i++) {
		sl_buf_adds(b, i ? ",\n{" : "\n{");
		sl_log_put_input(b, &e->inputs[i]);
		sl_buf_addc(b, '}');
	}
	sl_buf_adds(b, "]}\n");
}

bool sl_log_link(const struct sl_home *h, const struct sl_log_entry *entry, bool *ret_won,
		 struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = entry_path(h, entry->source, entry->n);
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	struct sl_err ignored = SL_ERR_INIT;
	bool won = false;

	put_entry(&b, entry);
	SL_FAULT("log.before_link", err);
	if (!sl_file_link(path, b.p, b.n, &won, err))
		return false;
	SL_FAULT("log.after_link", err);
	if (won && entry->n % SNAPSHOT_EVERY == 0 &&
	    !sl_log_snapshot(h, entry->source, entry->n, &ignored))
		sl_err_clear(&ignored); /* readers do without it */
	*ret_won = won;
	return true;
}
