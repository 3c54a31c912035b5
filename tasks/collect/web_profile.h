/*
 * The profile of a site: where its lists begin, which elements are records, which part of a page is
 * which field. A YAML file beside the pipeline (sites/NAME.yaml); another site is another profile.
 *
 *	start: ["https://www.example.org/annonces?page=1"]
 *	next: "a[rel=next]"			# the first such link not followed yet
 *	record: "article.card"			# one element a record; without it a page is one
 *	key: reference				# the same key is one record, however often it is listed
 *	fetched: date_extraction		# field that says when the page was sent
 *	constants: {type_transaction: vente}
 *	fields:
 *	  reference: {css: "a[href*='/annonce/']", attribute: href, regex: '/r(\d+)'}
 *	  titre: h2				# short for {css: h2}
 *	  lien: {css: "a[href*='/annonce/']", attribute: href, link: true}
 *	detail:
 *	  link: lien				# field that holds the page's address
 *	  within: main				# the record's own block
 *	  without: ["section.similar", footer]	# what in it is about something else
 *	  fields: {…}				# a value found here replaces the card's
 */
#ifndef SL_COLLECT_WEB_PROFILE_H
#define SL_COLLECT_WEB_PROFILE_H

#include "data/field.h"
#include "data/html.h"
#include "data/pattern.h"

struct sl_web_field {
	const char *name;
	const char *css, *xpath; /* css counts; where it finds nothing, xpath */
	const char *attribute;	 /* its value; NULL: the text */
	const char *regex;	 /* the part of the value that counts; no match: no value */
	const char *strip;	 /* characters taken off both ends, beside blanks */
	bool many;		 /* all elements, as a list; else the first with a value */
	bool link;		 /* an address, made absolute */
	struct sl_place at;
	/* compiled */
	struct sl_selector selector;
	struct sl_pattern pattern;
	struct sl_xpath *compiled_xpath; /* at the first page: its module is opened then */
};

struct sl_web_fields {
	struct sl_web_field *v;
	size_t n;
};

struct sl_web_block {
	const char *css; /* NULL: there is none */
	struct sl_selector selector;
};

struct sl_web_profile {
	struct sl_texts start;
	struct sl_web_block next, record;
	const char *key;     /* NULL: every card is a record */
	const char *fetched; /* NULL: no field says so */
	struct sl_pairs constants;
	struct sl_web_fields fields;
	/* detail; link NULL: cards only */
	const char *link;
	struct sl_web_block within;
	struct sl_web_block *without;
	size_t n_without;
	struct sl_web_fields detail;
	struct sl_str text; /* of the file: what changes it begins a crawl anew */
};

/* Reads and compiles the file. Problems go to diags with their place in it; NULL when there are
 * any. Lives in arena; sl_web_profile_release frees what is compiled. */
struct sl_web_profile *sl_web_profile_read(const char *path, struct sl_place named_at,
					   struct sl_arena *arena, struct sl_diags *diags);
void sl_web_profile_release(struct sl_web_profile *p);

/* The tables, for the reference. */
extern const struct sl_field sl_web_profile_fields[], sl_web_field_fields[], sl_web_detail_fields[];

#endif
