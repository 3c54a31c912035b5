/*
 * What a command line's values must look like: no secrets, partitions, intervals.
 */
#include "base/clock.h"
#include "base/num.h"
#include "run/cli.h"

/* "user:secret@" between "://" and the next "/". */
static bool uri_has_password(const char *text)
{
	for (const char *at = strstr(text, "://"); at; at = strstr(at + 3, "://")) {
		const char *host = at + 3;
		const size_t n = strcspn(host, "/?# \t\n");
		const char *end = memrchr(host, '@', n);
		const char *colon = end ? memchr(host, ':', (size_t)(end - host)) : NULL;

		if (colon && colon + 1 < end)
			return true;
	}
	return false;
}

bool sl_cli_looks_secret(const char *text)
{
	static const char *const words[] = {"\"password\"", "password=", "\"secret\"", "\"token\""};

	if (uri_has_password(text))
		return true;
	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
		if (strcasestr(text, words[i]))
			return true;
	}
	return false;
}

bool sl_cli_partition(const char *text, uint32_t *ret_k, uint32_t *ret_n, struct sl_err *err)
{
	struct sl_str n = sl_str_of(text);
	struct sl_str k = SL_STR_NULL;
	uint64_t kv = 0;
	uint64_t nv = 0;

	if (!sl_str_next(&n, '/', &k) || !sl_num_u64(n, UINT16_MAX, &nv) ||
	    !sl_num_u64(k, UINT16_MAX, &kv) || kv < 1 || kv > nv) {
		sl_err_set(err, SL_ERR_USAGE, "--partition \"%s\" is not k/n", text);
		return sl_err_hint(err, "k from 1 to n, for example 2/8");
	}
	*ret_k = (uint32_t)kv;
	*ret_n = (uint32_t)nv;
	return true;
}

static bool parse_end(const char *flag, const char *text, sl_time *ret, struct sl_err *err)
{
	enum sl_time_result got = sl_time_parse(sl_str_of(text), NULL, ret);

	if (got == SL_TIME_OK)
		return true;
	sl_err_set(err, SL_ERR_USAGE, "%s \"%s\" is no time: %s", flag, text,
		   sl_time_result_text(got));
	return sl_err_hint(err, "RFC 3339 with offset, for example 2026-11-25T00:00:00Z");
}

bool sl_cli_interval(const struct sl_cli *cli, struct sl_run *run, struct sl_err *err)
{
	const char *start = cli->interval_start;
	const char *end = cli->interval_end;

	if (!start && !end)
		return true;
	if (!start || !end)
		return sl_err_set(err, SL_ERR_USAGE, "%s is given without %s",
				  start ? "--interval-start" : "--interval-end",
				  start ? "--interval-end" : "--interval-start");
	if (!parse_end("--interval-start", start, &run->interval_start, err) ||
	    !parse_end("--interval-end", end, &run->interval_end, err))
		return false;
	if (run->interval_start >= run->interval_end) {
		sl_err_set(err, SL_ERR_USAGE,
			   run->interval_start == run->interval_end
				   ? "the interval from \"%s\" to \"%s\" has no length"
				   : "the interval ends before it starts: \"%s\" to \"%s\"",
			   start, end);
		return sl_err_hint(err, "Airflow 3 gives such intervals by default for a cron "
					"schedule: use CronDataIntervalTimetable");
	}
	run->has_interval = true;
	return true;
}
