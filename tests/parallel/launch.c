/* Launchers that started more programs than MPI says are found by what they leave in the environment; what is legitimate
 * passes. */
#include "parallel/launch.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

enum { VARIABLES = 8 };

typedef struct {
  const char *environment[VARIABLES];
  int ranks;
  bool by_hand;
  const char *words; /* in the message; NULL: it passes */
} launch_case;

static const char library[] = "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4";

static const launch_case cases[] = {
    /* By hand, and in allocations. */
    {{"HOME=/root"}, 1, true, NULL},
    {{"HOME=/root"}, 1, false, NULL},
    {{"SLURM_JOB_ID=7", "SLURM_NTASKS=64", "SLURM_NPROCS=64", "SLURM_TASKS_PER_NODE=16(x4)", "SLURM_PROCID=0"},
     1,
     false,
     NULL},
    {{"PBS_JOBID=7.host", "PBS_NP=64", "PBS_NODEFILE=/tmp/nodes", "NCPUS=16"}, 1, false, NULL},
    {{"FLUX_URI=local:///tmp/flux", "FLUX_ENCLOSING_ID=f1", "SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=0"}, 1, false, NULL},
    {{"PALS_NRANKS=4"}, 1, false, NULL}, /* mpiexec's default number, set by a user */
    /* One job of several ranks. */
    {{"OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK=3", "PMIX_RANK=3", "PMIX_NAMESPACE=1234"}, 4, false, NULL},
    {{"PMI_SIZE=4", "PMI_RANK=3", "MPI_LOCALNRANKS=4"}, 4, false, NULL},
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=3", "PMIX_RANK=3", "PMIX_NAMESPACE=slurm.pmix.7.0"}, 4, false, NULL},
    {{"FLUX_JOB_SIZE=4", "FLUX_TASK_RANK=3", "FLUX_URI=local:///tmp/flux", "PMI_SIZE=4"}, 4, false, NULL},
    {{"PALS_RANKID=3", "PALS_LOCAL_SIZE=4", "PMI_SIZE=4", "PMI_RANK=3"}, 4, false, NULL},
    {{"PALS_RANKID=7", "PALS_LOCAL_SIZE=4"}, 8, false, NULL},
    {{"SLURM_STEP_NUM_TASKS=1", "SLURM_NTASKS=1", "SLURM_HET_SIZE=2"}, 4, false, NULL}, /* srun A : B, one world */
    /* One rank. */
    {{"SLURM_STEP_NUM_TASKS=1", "SLURM_PROCID=0", "SLURM_NTASKS=1", "PMI_SIZE=1", "PMI_RANK=0"}, 1, false, NULL},
    {{"FLUX_JOB_SIZE=1", "FLUX_TASK_RANK=0", "PMI_SIZE=1"}, 1, false, NULL},
    {{"PMIX_RANK=0", "PMIX_NAMESPACE=prterun-host-77@1"}, 1, false, NULL},
    /* One rank, or two, in something larger. */
    {{"OMPI_COMM_WORLD_SIZE=1", "SLURM_STEP_NUM_TASKS=3", "SLURM_PROCID=2", "PMIX_NAMESPACE=77"}, 1, false, NULL},
    {{"OMPI_COMM_WORLD_SIZE=2", "SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=2", "PMIX_NAMESPACE=77"}, 2, false, NULL},
    {{"PMI_SIZE=1", "PMI_RANK=0", "SLURM_STEP_NUM_TASKS=8", "PMIX_RANK=5", "PMIX_NAMESPACE=slurm.pmix.7.0"},
     1,
     false,
     NULL},
    {{"FLUX_JOB_SIZE=1", "FLUX_TASK_RANK=0", "SLURM_STEP_NUM_TASKS=4"}, 1, false, NULL},
    {{"PMIX_NAMESPACE=prterun-host-77@1", "PMIX_RANK=0", "SLURM_STEP_NUM_TASKS=7"}, 1, false, NULL}, /* prted by srun */
    {{"PMIX_NAMESPACE=prterun-host-77@1", "PMIX_RANK=1", "SLURM_STEP_NUM_TASKS=7"}, 2, false, NULL},
    /* The shell of srun -n 4 --pty, and a batch job from there. */
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=0", "SLURM_PTY_PORT=20760"}, 1, true, NULL},
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PTY_PORT=20760", "PMI_SIZE=4", "PMI_RANK=0", "PMI_JOBID=7.0"}, 1, true, NULL},
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PTY_PORT=20760", "PMIX_RANK=1", "PMIX_NAMESPACE=slurm.pmix.7.0"}, 1, true, NULL},
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=0", "SLURM_PTY_PORT=20760", "ENVIRONMENT=BATCH"}, 1, false, NULL},
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PTY_PORT=20760", "OMPI_COMM_WORLD_SIZE=4", "PMIX_NAMESPACE=77"}, 4, true, NULL},
    /* Nothing that can be read. */
    {{"PMI_SIZE="}, 1, false, NULL},
    {{"PMI_SIZE=many", "SLURM_STEP_NUM_TASKS=-3", "OMPI_COMM_WORLD_SIZE=99999999999999999999"}, 1, false, NULL},
    {{"PMI_SIZES=4", "XPMI_SIZE=4", "PMI_SIZE"}, 1, false, NULL},

    /* Not one job. */
    {{"PMI_SIZE=2"}, 1, false, "(PMI_SIZE=2), but MPI says 1"},
    {{"PMI_SIZE=2"}, 1, true, "env -u PMI_SIZE beeline"},
    {{"SLURM_STEP_NUM_TASKS=2"}, 1, false, "Slurm's srun started 2 programs (SLURM_STEP_NUM_TASKS=2), but MPI says 1"},
    {{"SLURM_STEP_NUM_TASKS=2"}, 1, false, "srun --mpi=pmix"},
    {{"SLURM_STEP_NUM_TASKS=2"}, 1, false, "the mpirun that belongs to Open MPI v4.1.4, with which"},
    {{"SLURM_STEP_NUM_TASKS=4", "PMIX_RANK=0", "PMIX_NAMESPACE=slurm.pmix.7.0"}, 1, false, "started 4 programs"},
    {{"SLURM_STEP_NUM_TASKS=4", "ENVIRONMENT=BATCH", "SLURM_NTASKS=4"}, 1, false, "started 4 programs"},
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PTY_PORT=20760"}, 1, false, "started 4 programs"}, /* srun -n 4 from such a shell */
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PTY_PORT=20760", "PMI_SIZE=2", "MPI_LOCALNRANKS=2"}, 1, true, "(SLURM_STEP_NUM_"},
    {{"SLURM_STEP_NUM_TASKS=4", "SLURM_PTY_PORT=20760", "OMPI_COMM_WORLD_SIZE=9"}, 1, true, "(OMPI_COMM_WORLD_SIZE=9)"},
    {{"SLURM_STEP_NUM_TASKS=4", "PMI_SIZE=4"}, 1, false, "env -u SLURM_STEP_NUM_TASKS -u PMI_SIZE beeline"},
    {{"OMPI_COMM_WORLD_SIZE=16", "PMIX_NAMESPACE=77", "PMIX_RANK=3"}, 1, false, "Open MPI's mpirun started 16 programs"},
    {{"FLUX_JOB_SIZE=8", "FLUX_TASK_RANK=0", "FLUX_URI=local:///tmp/flux"}, 1, false, "flux run started 8 programs"},
    {{"MV2_COMM_WORLD_SIZE=2"}, 1, false, "(MV2_COMM_WORLD_SIZE=2)"},
    {{"MVP_COMM_WORLD_SIZE=2"}, 1, false, "(MVP_COMM_WORLD_SIZE=2)"},
    {{"MPI_LOCALNRANKS=4"}, 1, false, "at least 4 programs (MPI_LOCALNRANKS=4)"},
    {{"PALS_RANKID=0", "PALS_LOCAL_SIZE=12"}, 1, false, "PALS started at least 12 programs (PALS_LOCAL_SIZE=12)"},
    {{"PALS_RANKID=5"}, 1, false, "PALS started at least 6 programs (PALS_RANKID=5)"},
    {{"PMIX_RANK=1", "PMIX_NAMESPACE=prterun-host-77@1"}, 1, false, "at least 2 programs (PMIX_RANK=1)"},
    {{"SLURM_STEP_NUM_TASKS=4"}, 2, false, "started 4 programs (SLURM_STEP_NUM_TASKS=4), but MPI says 2"},
};

static bl_launch read_case(const launch_case *launched) {
  char *environment[VARIABLES + 1] = {NULL};
  bl_launch launch;
  for (int i = 0; i < VARIABLES; i++)
    environment[i] = (char *)(uintptr_t)launched->environment[i];
  bl_launch_read(&launch, environment, launched->by_hand);
  return launch;
}

static void test_cases(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const bl_launch launch = read_case(&cases[i]);
    bl_status_clear();
    const bl_status status = bl_launch_check(&launch, cases[i].ranks, library);
    const bool right =
        cases[i].words == NULL ? status == BL_OK : status == BL_ERROR_USAGE && strstr(bl_status_message(), cases[i].words);
    if (!right)
      fail_msg("case %zu, %s: status %d, \"%s\", expected \"%s\"", i, cases[i].environment[0], (int)status,
               bl_status_message(), cases[i].words == NULL ? "no refusal" : cases[i].words);
  }
  bl_status_clear();
}

/* The version of the library is one line, however it is written, and a long message keeps its end. */
static void test_library(void **state) {
  (void)state;
  bl_launch launch = {.any = true};
  for (int i = 0; i < BL_LAUNCH_SIGNS; i++)
    launch.least[i] = 1000000;
  assert_int_equal(bl_launch_check(&launch, 1, "MPICH Version:\t4.0.2\nMPICH Release date:\tThu"), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "belongs to MPICH Version: 4.0.2, with which"));
  assert_non_null(strstr(bl_status_message(), "-u PMIX_RANK beeline ..."));
  bl_status_clear();
}

static void test_any(void **state) {
  (void)state;
  const launch_case none = {{"SLURM_JOB_ID=7", "SLURM_NTASKS=4", "PBS_NP=4", "FLUX_URI=x"}, 1, false, NULL};
  const launch_case some[] = {{{"PMIX_NAMESPACE=x"}, 1, false, NULL},
                              {{"PMIX_RANK=0"}, 1, false, NULL},
                              {{"OMPI_COMM_WORLD_SIZE=1"}, 1, false, NULL},
                              {{"SLURM_STEP_NUM_TASKS=1"}, 1, false, NULL},
                              {{"PMI_RANK="}, 1, false, NULL}};
  assert_false(read_case(&none).any);
  for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
    assert_true(read_case(&some[i]).any);
}

/* Alone: Open MPI is told, but what the user says stays; with a launcher it is not. */
static void test_prepare(void **state) {
  (void)state;
  static const char variable[] = "OMPI_MCA_ess_singleton_isolated";
  const bl_launch alone = {.any = false}, launched = {.any = true};
  unsetenv(variable);
  bl_launch_prepare(&launched);
  assert_null(getenv(variable));
  bl_launch_prepare(&alone);
  assert_string_equal(getenv(variable), "1");
  setenv(variable, "0", 1);
  bl_launch_prepare(&alone);
  assert_string_equal(getenv(variable), "0");
}

/* In the shell of srun --pty the step is forgotten; a rank of mpirun that was started there keeps all. */
static void test_shell(void **state) {
  (void)state;
  const launch_case shell = {
      {"SLURM_PTY_PORT=1", "SLURM_STEP_NUM_TASKS=1", "PMIX_NAMESPACE=slurm.pmix.7.0"}, 1, true, NULL};
  const launch_case rank = {{"SLURM_PTY_PORT=1", "SLURM_STEP_NUM_TASKS=1", "OMPI_COMM_WORLD_SIZE=1"}, 1, true, NULL};
  const launch_case task = {{"SLURM_PTY_PORT=1", "SLURM_STEP_NUM_TASKS=1", "PMIX_RANK=0"}, 1, false, NULL};
  assert_false(read_case(&rank).in_shell);
  assert_false(read_case(&task).in_shell);
  const bl_launch launch = read_case(&shell);
  assert_true(launch.in_shell);
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_JOB_ID", "7", 1);
  setenv("PMIX_RANK", "0", 1);
  setenv("PMI_FD", "7", 1);
  bl_launch_prepare(&launch);
  assert_null(getenv("SLURM_STEP_ID"));
  assert_null(getenv("PMIX_RANK"));
  assert_null(getenv("PMI_FD"));
  assert_string_equal(getenv("SLURM_JOB_ID"), "7");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_library),
                                     cmocka_unit_test(test_any), cmocka_unit_test(test_prepare),
                                     cmocka_unit_test(test_shell)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
