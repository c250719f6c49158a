#include "programs/describe.h"

#include "parallel/mpi_check.h"

#include <stdio.h>

/* The command line in one string, cut where it is too long. */
static void join_command(char *text, size_t size, int argc, char **argv) {
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < argc && used < size; i++) {
    int written = snprintf(text + used, size - used, "%s%s", i > 0 ? " " : "", argv[i]);
    used += written > 0 ? (size_t)written : 0;
  }
}

bl_status bl_describe(bl_description *description, const bl_invocation *invocation, const char *roles) {
  const bl_options *options = invocation->options;
  int ranks;
  BL_TRY(BL_MPI(MPI_Comm_size(invocation->comm, &ranks)));
  join_command(description->command, sizeof description->command, invocation->argc, invocation->argv);
  description->provenance = (bl_provenance){.title = options->title,
                                            .command = description->command,
                                            .configuration = bl_options_text(options),
                                            .digest = bl_options_digest(options),
                                            .seed = options->seed,
                                            .ranks = ranks,
                                            .roles = roles};
  return BL_OK;
}
