/*
 * What DuckDB alone costs a process: opens the library and a database file, asks one thing, closes.
 *
 * usage: open_duckdb LIBRARY FILE
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void *library;

static int find(const char *name, void *ret)
{
	void *f = dlsym(library, name);

	memcpy(ret, &f, sizeof(f)); /* ISO C has no cast to a function */
	return f != NULL;
}

int main(int argc, char **argv)
{
	int (*open_file)(const char *, void **);
	int (*connect)(void *, void **);
	int (*query)(void *, const char *, void *);
	void (*disconnect)(void **);
	void (*close_file)(void **);
	void *database = NULL, *connection = NULL;

	if (argc != 3 || !(library = dlopen(argv[1], RTLD_LAZY | RTLD_LOCAL)))
		return 69;
	if (!find("duckdb_open", &open_file) || !find("duckdb_connect", &connect) ||
	    !find("duckdb_query", &query) || !find("duckdb_disconnect", &disconnect) ||
	    !find("duckdb_close", &close_file))
		return 70;
	if (open_file(argv[2], &database) != 0 || connect(database, &connection) != 0 ||
	    query(connection, "select 1", NULL) != 0)
		return 74;
	disconnect(&connection);
	close_file(&database);
	return 0;
}
