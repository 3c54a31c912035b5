/*
 * A name of the data as a column's name: "Prix unitaire (€)" → "prix_unitaire".
 */
#ifndef SL_SLUICE_IDENTIFIER_H
#define SL_SLUICE_IDENTIFIER_H

#include "base/buf.h"
#include "base/str.h"

/* Appends small letters, digits and _, at most 48, a letter first; "column" when nothing is left.
 * Latin letters lose their accents. */
void sl_identifier_put(struct sl_str from, struct sl_buf *out);

#endif
