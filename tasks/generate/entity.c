/* The plan of one entity. See entity.h. */
#include "tasks/generate/entity.h"

/* What a throw decides, so that no two decisions share one. */
enum salt { MORE = 101, HOW_MANY, FIRST_FILE, STEP, LATE, LATE_WITH, BAD, WHICH, TWICE, COPY_FILE };

struct planner {
	const struct profile *p;
	const struct shares *shares;
	uint64_t seed, entity;
	size_t n_files;
};

static uint64_t throw(const struct planner *x, uint64_t n, unsigned version, enum salt salt)
{
	return dice_below(n, x->seed, x->entity, version, (uint64_t)salt);
}

static bool happens(const struct planner *x, int64_t share, unsigned version, enum salt salt)
{
	return (int64_t) throw(x, 100, version, salt) < share;
}

/* Files in the order of the versions; a late version changes places with a newer one. */
static void place_versions(const struct planner *x, unsigned n, struct entity_row *rows)
{
	size_t file = throw(x, x->n_files, 0, FIRST_FILE);

	for (unsigned i = 0; i < n; i++) {
		rows[i] = (struct entity_row){.version = i, .file = file};
		file += throw(x, 2, i, STEP);
		file = file < x->n_files ? file : x->n_files - 1;
	}
	for (unsigned i = 0; i + 1 < n; i++) {
		if (!happens(x, x->shares->late, i, LATE))
			continue;

		const unsigned with = i + 1 + (unsigned) throw(x, n - i - 1, i, LATE_WITH);
		const struct entity_row row = rows[i];

		rows[i].version = rows[with].version;
		rows[with].version = row.version;
	}
}

static const struct spoil *choose_spoil(const struct planner *x, unsigned version)
{
	if (x->p->n_spoils == 0 || !happens(x, x->shares->bad, version, BAD))
		return NULL;
	return &x->p->spoils[throw(x, x->p->n_spoils, version, WHICH)];
}

/* A copy stands behind its original: in the same file or a later one. */
static void add_row(const struct planner *x, const struct entity_row *row, struct entity *ret)
{
	ret->v[ret->n] = *row;
	ret->v[ret->n++].spoil = choose_spoil(x, row->version);
	if (!happens(x, x->shares->duplicates, row->version, TWICE))
		return;
	ret->v[ret->n] = ret->v[ret->n - 1];
	ret->v[ret->n].file += throw(x, x->n_files - row->file, row->version, COPY_FILE);
	ret->n++;
}

void entity_plan(const struct profile *p, const struct shares *shares, uint64_t seed,
		 uint64_t entity, size_t n_files, uint64_t most, struct entity *ret)
{
	const struct planner x = {p, shares, seed, entity, n_files};
	struct entity_row rows[ENTITY_VERSIONS];
	unsigned n = 1;

	if (happens(&x, shares->versions, 0, MORE))
		n += 1 + (unsigned) throw(&x, ENTITY_VERSIONS - 1, 0, HOW_MANY);
	place_versions(&x, n, rows);
	ret->n = 0;
	for (unsigned i = 0; i < n; i++)
		add_row(&x, &rows[i], ret);
	if (ret->n > most)
		ret->n = (size_t)most;
}

const struct entity_row *entity_current(const struct profile *p, const struct entity *e)
{
	const struct entity_row *best = NULL;

	for (size_t i = 0; i < e->n; i++) {
		const struct entity_row *row = &e->v[i];

		if (row->spoil)
			continue;
		if (!best ||
		    (p->versioned ? row->version > best->version : row->file >= best->file))
			best = row;
	}
	return best;
}
