/** \file
 * Keys and values that earlier versions had. For the reader of options. */
#ifndef BEELINE_BASE_OPTIONS_REMOVED_H
#define BEELINE_BASE_OPTIONS_REMOVED_H

/** A key, or one value of a key that is still there. */
typedef struct bl_options_removal {
  const char *key;
  const char *value;    /**< NULL: the key is gone, whatever its value */
  const char *standard; /**< the default that a key had; a stored configuration that says so computes as if it did not */
  const char *since;    /**< when it went */
  const char *instead;  /**< why, and what to use now */
} bl_options_removal;

/** The row of \a key, or of its \a value where that is not NULL. Not collective. Returns NULL when there is none. */
const bl_options_removal *bl_options_removed(const char *key, const char *value);

#endif
