/*
 * Field tables written out: rows for --help, a JSON array for --describe and the reference pages.
 */
#include "data/field.h"

static const char *type_word(enum sl_field_type type)
{
	switch (type) {
	case SL_FT_BOOL:
		return "bool";
	case SL_FT_INT:
		return "int";
	case SL_FT_SIZE:
		return "size";
	case SL_FT_DURATION:
		return "duration";
	case SL_FT_TEXT:
		return "text";
	case SL_FT_ENUM:
		return "enum";
	case SL_FT_TEXTS:
		return "texts";
	case SL_FT_PAIRS:
		return "pairs";
	case SL_FT_NODE:
		return "any";
	}
	return "any";
}

static void add_choices(const struct sl_field *f, struct sl_buf *out)
{
	for (size_t i = 0; f->choices && f->choices[i]; i++)
		sl_buf_addf(out, "%s%s", i > 0 ? "|" : "", f->choices[i]);
}

/* "--run-id TEXT": a flag that is a bool takes no value. */
static void add_name(const struct sl_field *f, struct sl_buf *out)
{
	bool flag = f->flags & SL_F_FLAG;
	sl_buf_adds(out, flag ? "--" : "");
	for (const char *c = f->name; *c; c++)
		sl_buf_addc(out, flag && *c == '_' ? '-' : *c);
	if (flag && f->type == SL_FT_BOOL)
		return;
	sl_buf_addc(out, ' ');
	if (f->type == SL_FT_ENUM) {
		add_choices(f, out);
		return;
	}
	for (const char *c = type_word(f->type); *c; c++)
		sl_buf_addc(out, (char)(*c - 'a' + 'A'));
}

static void add_limits(const struct sl_field *f, struct sl_buf *out)
{
	bool limits = f->min != 0 || f->max != 0;
	bool def = f->def && !(f->type == SL_FT_BOOL && strcmp(f->def, "false") == 0);
	const char *open = " (";
	if (f->flags & SL_F_REQUIRED) {
		sl_buf_addf(out, "%srequired", open);
		open = "; ";
	}
	if (def) {
		sl_buf_addf(out, "%sdefault %s", open, f->def);
		open = "; ";
	}
	if (limits) {
		sl_buf_addf(out, "%s%" PRId64 "…%" PRId64, open, f->min, f->max);
		open = "; ";
	}
	if (open[0] == ';')
		sl_buf_addc(out, ')');
}

void sl_fields_help(const struct sl_field *table, struct sl_buf *out)
{
	for (const struct sl_field *f = table; f && f->name; f++) {
		size_t start = out->n;
		sl_buf_adds(out, "  ");
		add_name(f, out);
		size_t width = out->n - start;
		sl_buf_addf(out, "%*s%s", width < 26 ? (int)(26 - width) : 2, "", f->help);
		add_limits(f, out);
		sl_buf_addc(out, '\n');
	}
}

static void add_text_member(struct sl_buf *out, const char *name, const char *value)
{
	sl_buf_addf(out, ",\"%s\":", name);
	sl_buf_add_json(out, sl_str_of(value));
}

static void add_flag_member(struct sl_buf *out, const char *name, bool set)
{
	if (set)
		sl_buf_addf(out, ",\"%s\":true", name);
}

static void describe(const struct sl_field *f, struct sl_buf *out)
{
	sl_buf_adds(out, "{\"name\":");
	sl_buf_add_json(out, sl_str_of(f->name));
	add_text_member(out, "type", type_word(f->type));
	add_flag_member(out, "required", f->flags & SL_F_REQUIRED);
	add_flag_member(out, "identity", f->flags & SL_F_IDENTITY);
	add_flag_member(out, "secret", f->flags & SL_F_SECRET);
	add_flag_member(out, "flag", f->flags & SL_F_FLAG);
	if (f->def)
		add_text_member(out, "default", f->def);
	if (f->min != 0 || f->max != 0)
		sl_buf_addf(out, ",\"min\":%" PRId64 ",\"max\":%" PRId64, f->min, f->max);
	for (size_t i = 0; f->choices && f->choices[i]; i++) {
		sl_buf_adds(out, i == 0 ? ",\"choices\":[" : ",");
		sl_buf_add_json(out, sl_str_of(f->choices[i]));
	}
	sl_buf_adds(out, f->choices ? "]" : "");
	add_text_member(out, "help", f->help);
	sl_buf_addc(out, '}');
}

void sl_fields_describe(const struct sl_field *table, struct sl_buf *out)
{
	sl_buf_addc(out, '[');
	for (const struct sl_field *f = table; f && f->name; f++) {
		if (f != table)
			sl_buf_addc(out, ',');
		describe(f, out);
	}
	sl_buf_addc(out, ']');
}
