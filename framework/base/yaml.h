/** \file
 * YAML as a stream of libyaml's events, with messages that name the place, what was found and what was expected. Of YAML
 * only plain trees are read: anchors, aliases, tags and second documents are refused, since they would surprise more than
 * serve.
 *
 * A reader asks for the next event (bl_yaml_step) and looks at `event`; a function that reads a value begins at the value's
 * first event and leaves the last one in place. No function here is collective. */
#ifndef BEELINE_BASE_YAML_H
#define BEELINE_BASE_YAML_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

/** Room for a word that is quoted in a message. */
enum { BL_YAML_CLIPPED = 72 };

/** Reads one text. */
typedef struct bl_yaml {
  const char *name;   /**< for messages; borrowed */
  bool is_file;       /**< messages tell the line too */
  const char *text;   /**< after its byte order mark; borrowed */
  size_t size, start; /**< bytes; those of the mark */
  yaml_parser_t parser;
  yaml_event_t event; /**< the present one */
} bl_yaml;

/** Begin to read \a text, which need not end with a zero byte: step to the first event of its document,
 * YAML_STREAM_END_EVENT where there is none. \param [out] yaml  the caller's; bl_yaml_close, after failures too. Returns
 * BL_ERROR_USAGE for other encodings than UTF-8. */
bl_status bl_yaml_open(bl_yaml *yaml, const char *name, bool is_file, const char *text, size_t size);

/** Step past the last value. Returns BL_ERROR_USAGE where a second document follows. */
bl_status bl_yaml_finish(bl_yaml *yaml);

/** Release what bl_yaml_open took; zeros are allowed. */
void bl_yaml_close(bl_yaml *yaml);

/** Go to the next event. Returns BL_ERROR_USAGE for what is no YAML, and for what is not read of it. */
bl_status bl_yaml_step(bl_yaml *yaml);

/** The line of the present event, from 1. */
size_t bl_yaml_line(const bl_yaml *yaml);

/** Refuse the present event: "FILE:LINE: message". Returns BL_ERROR_USAGE. */
bl_status bl_yaml_refuse(const bl_yaml *yaml, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** Refuse the present event as a value of \a key: "learner.rounds is a list, expected an integer". */
bl_status bl_yaml_refuse_value(const bl_yaml *yaml, const char *key, const char *expected);

/** The present event as a person would call it: a word, the text "…", a list. \param [out] found  (size), caller's. */
void bl_yaml_describe(char *found, size_t size, const bl_yaml *yaml);

/** The present event as a plain word; NULL where it is none, is empty or quoted, or has zero bytes. Borrowed. */
const char *bl_yaml_word(const bl_yaml *yaml);

/** Whether \a word is \a expected in one of the three spellings of YAML 1.1: true, True, TRUE. */
bool bl_yaml_is_word(const char *word, const char *expected);

/** The present event as one line of text, "" for ~ and null. \param [out] text  borrowed, until the next step. Returns
 * BL_ERROR_USAGE where it is a list or section, or holds a line break or another control character. */
bl_status bl_yaml_text(const char **text, const bl_yaml *yaml, const char *key);

#endif
