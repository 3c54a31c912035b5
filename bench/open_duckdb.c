/*
 * What DuckDB alone costs a process: opens the library and a database file, asks one thing, closes.
 * With statements (a file, one a line) it opens no database and executes them instead: what they
 * cost without us.
 *
 * usage: open_duckdb LIBRARY FILE [STATEMENTS]
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;

static int find(const char *name, void *ret)
{
	void *f = dlsym(library, name);

	memcpy(ret, &f, sizeof(f)); /* ISO C has no cast to a function */
	return f != NULL;
}

static int (*query)(void *, const char *, void *);

/* A statement that fails costs as well: some only ask whether something is there. */
static int execute(void *connection, const char *file)
{
	FILE *f = fopen(file, "r");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return 66;
	while (getline(&line, &size, f) > 0)
		query(connection, line, NULL);
	free(line);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	int (*open_file)(const char *, void **);
	int (*connect)(void *, void **);
	void (*disconnect)(void **);
	void (*close_file)(void **);
	void *database = NULL, *connection = NULL;

	if (argc < 3 || !(library = dlopen(argv[1], RTLD_LAZY | RTLD_LOCAL)))
		return 69;
	if (!find("duckdb_open", &open_file) || !find("duckdb_connect", &connect) ||
	    !find("duckdb_query", &query) || !find("duckdb_disconnect", &disconnect) ||
	    !find("duckdb_close", &close_file))
		return 70;
	if (open_file(argc == 3 ? argv[2] : NULL, &database) != 0 ||
	    connect(database, &connection) != 0)
		return 74;
	if (argc == 3 ? query(connection, "select 1", NULL) : execute(connection, argv[3]))
		return 74;
	disconnect(&connection);
	close_file(&database);
	return 0;
}
