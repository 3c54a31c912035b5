/*
 * Section schedule, of the pipeline and of its jobs. cron is checked here in full, because Airflow
 * would only tell when the DAG is parsed, far from the file's line.
 */
#include <strings.h>

#include "base/clock.h"
#include "base/num.h"
#include "data/pipeline_read.h"

const struct sl_field sl_schedule_fields[] = {
	SL_F_TEXT(struct sl_schedule, cron, 0, NULL,
		  "minute hour day month weekday; without it only by hand"),
	SL_F_TEXT(struct sl_schedule, timezone, 0, "UTC", "zone in which cron counts"),
	SL_F_TEXT(struct sl_schedule, start, 0, NULL, "first day (YYYY-MM-DD)"),
	SL_F_BOOL(struct sl_schedule, catchup, 0, "false", "run the intervals since start too"),
	SL_F_TEXTS(struct sl_schedule, after, 0,
		   "pipelines: a run begins when one of them has renewed its tables"),
	SL_F_TEXT(struct sl_schedule, pool, 0, NULL, "Airflow's pool of every task"),
	SL_F_INT(struct sl_schedule, retries, 0, "2", 0, 100, "tries after the first"),
	SL_F_DURATION(struct sl_schedule, retry_delay, 0, "30s", 0, SL_DAY,
		      "pause before a retry, where the stage asks for no other"),
	SL_F_END,
};

static const struct cron_field {
	const char *name;
	int min, max;
	const char *const *words; /* the first stands for min */
} cron_fields[] = {
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day", 1, 31, NULL},
	{"month", 1, 12,
	 (const char *const[]){"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT",
			       "NOV", "DEC", NULL}},
	{"weekday", 0, 7,
	 (const char *const[]){"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL}},
};

static bool cron_value(struct sl_str s, const struct cron_field *f, int64_t *ret)
{
	for (int i = 0; f->words && f->words[i]; i++) {
		if (s.n != 3 || strncasecmp(s.p, f->words[i], 3) != 0)
			continue;
		*ret = f->min + i;
		return true;
	}
	if (s.n == 0 || s.p[0] < '0' || s.p[0] > '9')
		return false;
	return sl_num_i64(s, f->min, f->max, ret);
}

/* "*", "5", "1-5", each perhaps with "/step". */
static bool cron_item(struct sl_str item, const struct cron_field *f)
{
	struct sl_str range = SL_STR_NULL, from = SL_STR_NULL;
	int64_t low, high, step;
	if (!sl_str_next(&item, '/', &range))
		return false;
	if (item.p && !sl_num_i64(item, 1, f->max, &step))
		return false;
	if (sl_str_eqz(range, "*"))
		return true;
	sl_str_next(&range, '-', &from);
	if (!cron_value(from, f, &low))
		return false;
	return !range.p || (cron_value(range, f, &high) && low <= high);
}

static bool cron_field(struct sl_str list, const struct cron_field *f)
{
	struct sl_str item;
	while (sl_str_next(&list, ',', &item))
		if (!cron_item(item, f))
			return false;
	return true;
}

static void check_cron(struct sl_reading *r, const char *cron, struct sl_place at)
{
	struct sl_str rest = sl_str_trim(sl_str_of(cron)), word;
	size_t n = 0;
	while (sl_str_next(&rest, ' ', &word)) {
		if (word.n == 0)
			continue; /* several blanks */
		if (n < SL_ARRAY_LEN(cron_fields) && !cron_field(word, &cron_fields[n])) {
			sl_diag_add(r->diags, SL_E1005, at,
				    "\"cron\" has \"" SL_STR_FMT
				    "\" as %s, which must lie between %d and %d",
				    SL_STR_ARG(word), cron_fields[n].name, cron_fields[n].min,
				    cron_fields[n].max);
			return;
		}
		n++;
	}
	if (n != SL_ARRAY_LEN(cron_fields))
		sl_diag_add(
			r->diags, SL_E1005, at,
			"\"cron\" must have 5 fields (minute hour day month weekday), not \"%s\"",
			cron);
}

static void check_zone(struct sl_reading *r, const char *name, struct sl_place at)
{
	const struct sl_zone *zone;
	struct sl_err err = SL_ERR_INIT;
	if (!sl_zone_get(name, &zone, &err))
		sl_diag_add(r->diags, SL_E1008, at, "there is no time zone \"%s\"", name);
}

void sl_read_schedule(struct sl_reading *r, const struct sl_node *map, struct sl_schedule *s)
{
	int32_t day;
	sl_fields_read(sl_schedule_fields, s, sizeof(*s), map, NULL, "schedule", &r->p->arena,
		       r->diags);
	if (!map)
		return;
	if (s->cron && s->after.n > 0)
		sl_diag_add(r->diags, SL_E1005, sl_value_place(map, "after", map->at),
			    "\"after\" and \"cron\" exclude each other");
	if (s->cron)
		check_cron(r, s->cron, sl_value_place(map, "cron", map->at));
	if (s->timezone)
		check_zone(r, s->timezone, sl_value_place(map, "timezone", map->at));
	if (s->start && !sl_date_parse(sl_str_of(s->start), &day))
		sl_diag_add(r->diags, SL_E1005, sl_value_place(map, "start", map->at),
			    "\"start\" must be a date such as 2026-01-31, not \"%s\"", s->start);
}
