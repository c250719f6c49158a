#include "learner/supervised.h"

#include <string.h>

static const bl_supervised *const table[] = {&bl_supervised_denoise, &bl_supervised_classify};

const bl_supervised *bl_supervised_find(const char *name) {
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (strcmp(name, table[i]->name) == 0)
      return table[i];
  return NULL;
}

const char *bl_supervised_names(void) {
  return "denoise, classify";
}
