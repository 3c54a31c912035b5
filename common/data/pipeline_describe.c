/*
 * Every section's table as JSON, for --describe, the reference pages and editors.
 */
#include "data/pipeline_read.h"

static const struct {
	const char *name;
	const struct sl_field *table;
} sections[] = {
	{"pipeline", sl_pipeline_fields},
	{"schedule", sl_schedule_fields},
	{"sources", sl_source_common_fields},
	{"fields", sl_raw_fields},
	{"contract", sl_contract_fields},
	{"store", sl_store_fields},
	{"rejects", sl_rejects_fields},
	{"models", sl_model_fields},
	{"queries", sl_query_fields},
	{"documents", sl_documents_fields},
	{"jobs", sl_job_fields},
	{"parallel", sl_parallel_fields},
	{"backends", sl_backend_fields},
	{"queue", sl_queue_fields},
};

static void add_item(struct sl_buf *out, bool first, const char *name, const char *summary,
		     const char *example, unsigned version, const struct sl_field *table)
{
	sl_buf_adds(out, first ? "" : ",");
	sl_buf_add_json(out, sl_str_of(name));
	sl_buf_adds(out, ":{\"summary\":");
	sl_buf_add_json(out, sl_str_of(summary));
	if (example) {
		sl_buf_adds(out, ",\"example\":");
		sl_buf_add_json(out, sl_str_of(example));
	}
	if (version > 0)
		sl_buf_addf(out, ",\"version\":%u", version);
	sl_buf_adds(out, ",\"fields\":");
	sl_fields_describe(table, out);
	sl_buf_addc(out, '}');
}

void sl_pipeline_describe(struct sl_buf *out)
{
	sl_buf_adds(out, "{\"sections\":{");
	for (size_t i = 0; i < SL_ARRAY_LEN(sections); i++) {
		sl_buf_addf(out, "%s\"%s\":", i > 0 ? "," : "", sections[i].name);
		sl_fields_describe(sections[i].table, out);
	}
	sl_buf_adds(out, "},\"sources\":{");
	for (size_t i = 0; sl_source_kinds[i]; i++)
		add_item(out, i == 0, sl_source_kinds[i]->name, sl_source_kinds[i]->summary, NULL,
			 0, sl_source_kinds[i]->params);
	sl_buf_adds(out, "},\"codecs\":{");
	for (size_t i = 0; sl_codecs[i]; i++)
		add_item(out, i == 0, sl_codecs[i]->name, sl_codecs[i]->summary, NULL,
			 sl_codecs[i]->version, sl_codecs[i]->params);
	sl_buf_adds(out, "},\"rules\":{");
	for (size_t i = 0; sl_rules[i]; i++)
		add_item(out, i == 0, sl_rules[i]->name, sl_rules[i]->summary, sl_rules[i]->example,
			 sl_rules[i]->version, sl_rules[i]->params);
	sl_buf_adds(out, "}}");
}
