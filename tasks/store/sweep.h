/*
 * Once a day a store takes away what killed processes and old rules left behind: unfinished files
 * and uploads, half-made databases, clean parts that nobody came for. Nothing of it is ever needed:
 * a clean part is made again by whoever misses it.
 */
#ifndef SL_STORE_SWEEP_H
#define SL_STORE_SWEEP_H

#include "run/stage.h"

/* The embedded store's lock is held. What cannot be removed is told in one warning. */
void sl_sweep(const struct sl_run *run);

#endif
