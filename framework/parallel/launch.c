#include "parallel/launch.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a variable holds: all programs of the job; those on this node, so at least as many; this one's number among them. */
typedef enum { ALL, LOCAL, NUMBER } sign_meaning;

static const char any_launcher[] = "";
static const char slurm[] = "srun --mpi=pmix where MPI has PMIx (srun --mpi=list tells), or ";
static const char flux[] = "flux run -o pmi=pmix where MPI has PMIx, or ";

/* One sign a row. */
static const struct {
  const char *launcher, *variable, *remedy;
  sign_meaning meaning;
} signs[BL_LAUNCH_SIGNS] = {
    {"Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", any_launcher, ALL},
    {"MVAPICH's launcher", "MV2_COMM_WORLD_SIZE", any_launcher, ALL},
    {"MVAPICH's launcher", "MVP_COMM_WORLD_SIZE", any_launcher, ALL},
    {"IBM's jsrun", "JSM_NAMESPACE_SIZE", any_launcher, ALL},
    {"flux run", "FLUX_JOB_SIZE", flux, ALL},
    {"Slurm's srun", "SLURM_STEP_NUM_TASKS", slurm, ALL},
    {"a launcher with PMI (mpiexec of MPICH or Intel MPI, PALS, srun --mpi=pmi2)", "PMI_SIZE", any_launcher, ALL},
    {"mpiexec of MPICH or Intel MPI", "MPI_LOCALNRANKS", any_launcher, LOCAL},
    {"PALS", "PALS_LOCAL_SIZE", any_launcher, LOCAL},
    {"PALS", "PALS_RANKID", any_launcher, NUMBER},
    {"ALPS", "ALPS_APP_PE", any_launcher, NUMBER},
    {"flux run", "FLUX_TASK_RANK", flux, NUMBER},
    {"a launcher with PMI (mpiexec of MPICH or Intel MPI, PALS, srun --mpi=pmi2)", "PMI_RANK", any_launcher, NUMBER},
    {"a launcher with PMIx", "PMIX_RANK", any_launcher, NUMBER},
};

/* NULL: not set. */
static const char *look_up(char *const *environment, const char *name) {
  const size_t length = strlen(name);
  for (; *environment != NULL; environment++)
    if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
      return *environment + length + 1;
  return NULL;
}

static bool is(char *const *environment, const char *name, const char *value) {
  const char *found = look_up(environment, name);
  return found != NULL && strcmp(found, value) == 0;
}

/* 0 where it says nothing that can be read. */
static long least_of(const char *value, sign_meaning meaning) {
  if (value == NULL || *value == '\0' || strlen(value) > 9 || strspn(value, "0123456789") != strlen(value))
    return 0;
  return strtol(value, NULL, 10) + (meaning == NUMBER);
}

/* Whether a sign is Slurm's own, or that of its helpers with PMI and PMIx. */
static bool is_of_slurm(char *const *environment, const char *variable) {
  const char *space = look_up(environment, "PMIX_NAMESPACE");
  if (strncmp(variable, "PMI_", 4) == 0)
    return look_up(environment, "SLURM_STEP_NUM_TASKS") != NULL && look_up(environment, "PMI_JOBID") != NULL;
  if (strncmp(variable, "PMIX_", 5) == 0)
    return space != NULL && strncmp(space, "slurm.", 6) == 0;
  return strncmp(variable, "SLURM_", 6) == 0;
}

static bool only_slurm(char *const *environment) {
  for (int i = 0; i < BL_LAUNCH_SIGNS; i++)
    if (look_up(environment, signs[i].variable) != NULL && !is_of_slurm(environment, signs[i].variable))
      return false;
  return true;
}

/* A process manager of its own, started by Slurm, that started this one. */
static bool is_managed(char *const *environment) {
  return look_up(environment, "FLUX_URI") != NULL ||
         (look_up(environment, "PMIX_NAMESPACE") != NULL && !is_of_slurm(environment, "PMIX_NAMESPACE"));
}

void bl_launch_read(bl_launch *launch, char *const *environment, bool by_hand) {
  const bool from_pty = look_up(environment, "SLURM_PTY_PORT") != NULL && only_slurm(environment);
  const bool in_batch = from_pty && is(environment, "ENVIRONMENT", "BATCH"), managed = is_managed(environment);
  *launch = (bl_launch){.any = look_up(environment, "PMIX_NAMESPACE") != NULL, .in_shell = from_pty && by_hand};
  for (int i = 0; i < BL_LAUNCH_SIGNS; i++) {
    const char *value = look_up(environment, signs[i].variable);
    const bool steps = strcmp(signs[i].variable, "SLURM_STEP_NUM_TASKS") == 0;
    launch->any = launch->any || value != NULL;
    launch->least[i] = launch->in_shell || in_batch || (managed && steps) ? 0 : least_of(value, signs[i].meaning);
  }
}

extern char **environ;

/* All variables that begin so. */
static void forget(const char *beginning) {
  char name[128];
  for (char **at = environ; *at != NULL;) {
    const size_t length = strcspn(*at, "=");
    if (strncmp(*at, beginning, strlen(beginning)) == 0 && length < sizeof name) {
      snprintf(name, sizeof name, "%.*s", (int)length, *at);
      unsetenv(name);
      at = environ;
    } else {
      at++;
    }
  }
}

void bl_launch_prepare(const bl_launch *launch) {
  if (launch->in_shell) {
    forget("SLURM_STEP");
    forget("PMI_");
    forget("PMIX_");
  }
  if (launch->in_shell || !launch->any)
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
}

bool bl_launch_by_hand(void) {
  const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0)
    close(terminal);
  return terminal >= 0 && getpgrp() != getsid(0);
}

/* "Open MPI v4.1.4" of "Open MPI v4.1.4, package: …", "MPICH Version: 4.0.2" of its first line. */
static void first_words(char *text, size_t size, const char *library) {
  size_t used = 0;
  for (const char *c = library; *c != '\0' && *c != ',' && *c != '\n' && used + 1 < size; c++)
    if (!isspace((unsigned char)*c))
      text[used++] = *c;
    else if (used > 0 && text[used - 1] != ' ')
      text[used++] = ' ';
  text[used] = '\0';
}

/* All that say something: "-u PMI_SIZE -u SLURM_STEP_NUM_TASKS". */
static void list_variables(char *text, size_t size, const bl_launch *launch) {
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < BL_LAUNCH_SIGNS && used < size; i++)
    if (launch->least[i] > 0)
      used += (size_t)snprintf(text + used, size - used, "%s-u %s", used > 0 ? " " : "", signs[i].variable);
}

static bl_status refuse(const bl_launch *launch, int sign, int ranks, const char *library) {
  char version[64], variables[384];
  const long least = launch->least[sign];
  first_words(version, sizeof version, library);
  list_variables(variables, sizeof variables, launch);
  return bl_fail(
      BL_ERROR_USAGE,
      "%s started %s%ld programs (%s=%ld), but MPI says %d: they are not ranks of one job, and would write over "
      "each other. Start them by %sthe mpirun that belongs to %s, with which Beeline is built; if each is meant to "
      "run alone, in a folder of its own: env %s beeline ...",
      signs[sign].launcher, signs[sign].meaning == ALL ? "" : "at least ", least, signs[sign].variable,
      least - (signs[sign].meaning == NUMBER), ranks, signs[sign].remedy, version, variables);
}

bl_status bl_launch_check(const bl_launch *launch, int ranks, const char *library) {
  int most = 0;
  for (int i = 0; i < BL_LAUNCH_SIGNS; i++) {
    if (signs[i].meaning == ALL && launch->least[i] == ranks)
      return BL_OK;
    if (launch->least[i] > launch->least[most])
      most = i;
  }
  return launch->least[most] > ranks ? refuse(launch, most, ranks, library) : BL_OK;
}
