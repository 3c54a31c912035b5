/*
 * The same content under two names. A file that is found by another pattern (an absolute path, a
 * path of --set) is another input, and in a table of mode append its rows would stand twice without
 * a word.
 */
#ifndef SL_COLLECT_TWIN_H
#define SL_COLLECT_TWIN_H

#include "tasks/collect/session.h"

/* Warns once when an input that is new in this entry holds just what another one of its source
 * holds. Bytes are compared, of at most a few inputs of equal sizes. */
void sl_collect_warn_twins(struct sl_collect *c);

#endif
