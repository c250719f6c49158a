#include "base/options_removed.h"

#include <stddef.h>
#include <string.h>

#define RISE \
  "no published experiment uses it; delete it, and begin with a lower rate.first where the first steps are too large"

static const bl_options_removal removals[] = {
    {"critic.spectral_weight", NULL, "0", "December 2026",
     "the penalty made runs slower and not better; delete it, critic.regulariser keeps f smooth, and monitor.critic shows "
     "its singular values"},
    {"critic.spectral_bound", NULL, "1", "December 2026",
     "it went with critic.spectral_weight; delete it, monitor.critic shows the singular values"},
    {"critic.quantise", NULL, "false", "November 2026", "no published experiment uses it; delete it"},
    {"learner.normalise_advantage", NULL, "false", "December 2026",
     "no published experiment uses it; delete it, learner.step_weight: balanced evens out the steps of a chain"},
    {"learner.optimiser.rate.rise", NULL, "0", "December 2026", RISE},
    {"critic.optimiser.rate.rise", NULL, "0", "December 2026", RISE},
    {"value.optimiser.rate.rise", NULL, "0", "December 2026", RISE},
    {"learner.step_weight", "even", NULL, "December 2026",
     "it was worse than balanced, which evens out the spread of advantages too; write balanced, or density"},
};

const bl_options_removal *bl_options_removed(const char *key, const char *value) {
  for (size_t i = 0; i < sizeof removals / sizeof *removals; i++)
    if (strcmp(key, removals[i].key) == 0 &&
        (value == NULL || removals[i].value == NULL ? value == removals[i].value : strcmp(value, removals[i].value) == 0))
      return &removals[i];
  return NULL;
}
