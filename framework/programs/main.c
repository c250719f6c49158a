/* The program `beeline`: find the command, read its configuration on all ranks, run it, and say once what failed. */
#include "base/exit_status.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/print.h"
#include "base/status.h"
#include "base/threads.h"
#include "base/version.h"
#include "parallel/agree.h"
#include "parallel/interrupt.h"
#include "parallel/launch.h"
#include "parallel/wait.h"
#include "programs/command_line.h"
#include "programs/identity.h"
#include "programs/program.h"
#include "store/container.h"
#include "store/shared_text.h"

#include <mpi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The commands, in the order of a first use. */
static const bl_program *const programs[] = {&bl_program_import,  &bl_program_pretrain, &bl_program_finetune,
                                             &bl_program_distill, &bl_program_moments,  &bl_program_average,
                                             &bl_program_sample,  &bl_program_evaluate, &bl_program_table,
                                             &bl_program_inspect, &bl_program_watch};

enum { PROGRAMS = sizeof programs / sizeof programs[0] };

static const bl_program *find_program(const char *name) {
  for (int i = 0; i < PROGRAMS; i++)
    if (strcmp(programs[i]->name, name) == 0)
      return programs[i];
  return NULL;
}

static const char exit_statuses[] =
    "Exit status: 0 done; 1 the work failed; 2 the command line, the configuration or an input file is wrong, and\n"
    "nothing was written; 74 a full or lost disk, or the watchdog, ended it, and 75 SIGTERM, SIGUSR1 or Ctrl-C did:\n"
    "--resume goes on. Options of all commands: beeline --help.\n";

/* ---- What needs no MPI ------------------------------------------------------------------------------------------------
 */

static void print_help(void) {
  bl_print_raw(
      "usage: beeline COMMAND [FILE.yaml] [--set KEY=VALUE]... [--roles SPLIT] [--seed N] [--output PATH] [--resume]\n"
      "       beeline average MODEL.nc... --output AVERAGE.nc\n"
      "       beeline inspect [--profile [--batch N]] FILE\n"
      "       beeline watch [--once] RECORD.nc\n"
      "       beeline COMMAND --help | --help | --version | --defaults\n"
      "       mpirun -n RANKS beeline COMMAND ...\n"
      "\n"
      "Beeline fine-tunes diffusion models by policy gradient, so that they draw good samples in few steps.\n"
      "\n"
      "Commands, in the order of a first use:\n");
  for (int i = 0; i < PROGRAMS; i++)
    bl_print("  %-10s %s\n", programs[i]->name, programs[i]->summary);
  bl_print_raw(
      "\n"
      "Options:\n"
      "  --set KEY=VALUE  override one key of the configuration, such as --set learner.rounds=20; may be repeated\n"
      "  --roles SPLIT    G:C:A: so many ranks are generators, critics and aggregators; all; or auto: what is fastest\n"
      "                   (short for --set roles=...)\n"
      "  --seed N         seed of all random draws (short for --set seed=...)\n"
      "  --output PATH    file or folder to write (short for --set output=...)\n"
      "  --resume         continue pretrain, finetune, distill, moments of a head, sample or table after an interruption\n"
      "  --overwrite      replace what an earlier run left in the output; with --resume: only where it is of another run\n"
      "  --once           watch: draw the picture once\n"
      "  --profile        inspect: time each layer of a model beside its roofline\n"
      "  --batch N        inspect --profile: samples of a micro-batch, 16 if not given\n"
      "  --defaults       print every key of the configuration with its default and meaning\n"
      "  --version        print the version and commit\n"
      "  --help           print this, or the help of a command\n"
      "\n"
      "Exit status: 0 done; 1 the work failed; 2 the command line, the configuration or an input is wrong; 74 a disk\n"
      "that is full or lost, a limit of a file's size, or the watchdog ended it; 75 stopped by SIGTERM, SIGUSR1 or Ctrl-C\n"
      "after a step and its checkpoint. After 74 and 75 the same command with --resume goes on.\n");
}

static void print_command_help(const bl_program *program) {
  bl_print_raw(program->help);
  bl_print_raw("\n");
  bl_print_raw(exit_statuses);
}

static void print_defaults(void) {
  char *text = NULL;
  if (bl_options_defaults(&text) == BL_OK)
    bl_print_raw(text);
  free(text);
}

/* True when the command line asked for no more than text. */
static bool print_text(const bl_command_line *line) {
  const bl_program *program = line->command == NULL ? NULL : find_program(line->command);
  if (line->version)
    bl_print("beeline %s (commit %s)\n", bl_version, bl_commit);
  else if (line->help && program != NULL)
    print_command_help(program);
  else if (line->help && line->command == NULL)
    print_help();
  else if (line->defaults)
    print_defaults();
  else
    return false;
  return true;
}

/* ---- A command on all ranks -------------------------------------------------------------------------------------------
 */

static bl_status choose_program(const bl_program **program, const bl_command_line *line) {
  if (line->command == NULL)
    return bl_fail(BL_ERROR_USAGE, "no command is given; beeline --help lists all");
  *program = find_program(line->command);
  if (*program != NULL)
    return BL_OK;
  char names[256] = "";
  for (int i = 0; i < PROGRAMS; i++)
    if (programs[i] != NULL)
      snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] == '\0' ? "" : ", ",
               programs[i]->name);
  return bl_fail(BL_ERROR_USAGE, "there is no command %s, expected one of %s", line->command, names);
}

/* The same on all ranks. \param [in] path  NULL for none. */
static bl_status load_options(bl_options **options, const char *path, const bl_command_line *line, MPI_Comm comm) {
  char *text = NULL;
  size_t size = 0;
  if (path != NULL)
    BL_TRY(bl_shared_text_read(&text, &size, path, comm));
  const bl_status status = bl_options_parse(options, path, text, size, line->set_count, (const char *const *)line->sets);
  bl_free(&text);
  return bl_agree(status, comm);
}

static bl_status run(const bl_program **program, const bl_command_line *line, int argc, char **argv, MPI_Comm comm) {
  BL_TRY(choose_program(program, line));
  const bool inspects = strcmp((*program)->name, "inspect") == 0;
  const bool takes_argument = (*program)->takes_argument;
  if (line->file_count > 1 && !(*program)->takes_many)
    return bl_fail(BL_ERROR_USAGE, "one word too many: %s; expected %s FILE and options", line->files[1], line->command);
  if (takes_argument && line->file_count == 0)
    return bl_fail(BL_ERROR_USAGE, "no file is given, expected beeline %s FILE", (*program)->name);
  if (line->resume && !(*program)->resumes)
    return bl_fail(BL_ERROR_USAGE,
                   "--resume continues pretrain, finetune, distill, sample and table, and moments of a head, nothing else");
  if (line->overwrite && !(*program)->resumes)
    return bl_fail(
        BL_ERROR_USAGE,
        "--overwrite replaces results of pretrain, finetune, distill, sample, and moments of a head, nothing else");
  if ((line->profile && !inspects) || (line->batch > 0 && !line->profile))
    return bl_fail(BL_ERROR_USAGE, "--profile goes with inspect, and --batch with --profile");
  if (line->once && *program != &bl_program_watch)
    return bl_fail(BL_ERROR_USAGE, "--once goes with watch");
  bl_options *options = NULL;
  BL_TRY(load_options(&options, takes_argument ? NULL : line->files[0], line, comm));
  const bl_status same = bl_agree_text("the configuration", bl_options_digest(options), comm);
  if (same != BL_OK) {
    bl_options_destroy(&options);
    return same;
  }
  bl_threads_set(options->compute.threads);
  const bl_status told = bl_identity_tell_machines(comm);
  if (told != BL_OK) {
    bl_options_destroy(&options);
    return told;
  }
  bl_threads_flush_denormals();
  bl_memory_return_large();
  const bl_invocation invocation = {.options = options,
                                    .argument_count = takes_argument ? line->file_count : 0,
                                    .arguments = line->files,
                                    .set_count = line->set_count,
                                    .sets = (const char *const *)line->sets,
                                    .resume = line->resume,
                                    .overwrite = line->overwrite,
                                    .once = line->once,
                                    .profile = line->profile,
                                    .batch = line->batch,
                                    .comm = comm,
                                    .argc = argc,
                                    .argv = argv};
  const bl_status status = bl_agree((*program)->run(&invocation), comm);
  bl_options_destroy(&options);
  return status;
}

/* Programs that each believe to be alone would write over each other. */
static bl_status check_one_job(const bl_launch *launch, MPI_Comm comm) {
  char library[MPI_MAX_LIBRARY_VERSION_STRING] = "MPI";
  int ranks, length;
  MPI_Comm_size(comm, &ranks);
  MPI_Get_library_version(library, &length);
  return bl_agree(bl_launch_check(launch, ranks, library), comm);
}

/* Ranks of another version, or with other arguments, would compute something else or wait for each other for ever. */
static bl_status check_ranks_alike(int argc, char **argv, MPI_Comm comm) {
  uint64_t sum = BL_HASH_EMPTY;
  char arguments[256] = "", program[256];
  size_t used = 0;
  for (int i = 1; i < argc; i++) {
    sum = bl_hash_text(bl_hash_text(sum, argv[i]), " ");
    if (used < sizeof arguments)
      used += (size_t)snprintf(arguments + used, sizeof arguments - used, "%s%s", i > 1 ? " " : "", argv[i]);
  }
  if (strlen(arguments) > 200) /* the end of a long line counts as well */
    snprintf(arguments + 200, sizeof arguments - 200, "... (%016llx)", (unsigned long long)sum);
  snprintf(program, sizeof program, "beeline %s (commit %s)", bl_version, bl_commit);
  BL_TRY(bl_agree_text("the program", program, comm));
  return bl_agree_text("the command line", arguments, comm);
}

extern char **environ;

static const char answer_to_ctrl_c[] =
    "\nbeeline: finishes this step and keeps it, for --resume; Ctrl-C once more ends at once\n";

static int exit_code(bl_status status) {
  if (status == BL_OK)
    return BL_EXIT_DONE;
  if (status == BL_INTERRUPTED)
    return BL_EXIT_INTERRUPTED;
  if (status == BL_ERROR_STORAGE)
    return BL_EXIT_TRY_AGAIN;
  return status == BL_ERROR_USAGE || status == BL_ERROR_INPUT ? BL_EXIT_REFUSED : BL_EXIT_FAILED;
}

static void complain(const bl_program *program) {
  fprintf(stderr, "beeline%s%s: %s\n", program == NULL ? "" : " ", program == NULL ? "" : program->name,
          bl_status_message());
}

/* Open MPI 4.1 takes 120 MiB of address space when it starts, and hangs where it cannot have them. */
static const size_t mpi_memory = (size_t)256 << 20;

/* What needs no MPI. \param [out] done  whether that was all. */
static bl_status answer(bool *done, const bl_command_line *line) {
  *done = print_text(line);
  return *done ? bl_print_end() : BL_OK;
}

int main(int argc, char **argv) {
  bl_command_line line;
  bool done = false;
  bl_print_begin();
  bl_status status = bl_command_line_read(&line, argc, argv);
  if (status == BL_OK)
    status = answer(&done, &line);
  if (done) {
    if (status != BL_OK)
      complain(NULL);
    bl_command_line_destroy(&line);
    return exit_code(status);
  }

  status = status == BL_OK ? bl_memory_check(mpi_memory, "MPI, to start,") : status;
  if (status == BL_ERROR_SYSTEM) {
    complain(NULL);
    fflush(NULL);
    _exit(exit_code(status)); /* OpenBLAS would wait at exit for threads that it could not start */
  }
  bl_container_without_locks();
  signal(SIGXFSZ, SIG_IGN); /* a limit of a file's size is an error of write(2), with a message */
  const bl_program *caught = line.command == NULL ? NULL : find_program(line.command);
  if (caught != NULL && caught->resumes) /* the others end at once, and have written nothing */
    bl_interrupt_catch(answer_to_ctrl_c);
  bl_launch launch;
  bl_launch_read(&launch, environ, bl_launch_by_hand());
  bl_launch_prepare(&launch);
  MPI_Init(&argc, &argv);
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  bl_log_speak(rank == 0);
  const bl_program *program = NULL;
  const bl_status alike = check_ranks_alike(argc, argv, MPI_COMM_WORLD);
  const bl_status one_job = alike == BL_OK ? check_one_job(&launch, MPI_COMM_WORLD) : alike;
  if (one_job != BL_OK)
    status = one_job;
  if (status == BL_OK)
    status = run(&program, &line, argc, argv, MPI_COMM_WORLD);
  const bl_status printed = bl_print_end();
  status = bl_agree(status == BL_OK ? printed : status, MPI_COMM_WORLD);
  if (status != BL_OK && rank == 0)
    complain(program);
  fflush(stderr);
  bl_command_line_destroy(&line);
  /* A launcher may end the job as soon as one rank leaves with a failure: wait until the message is out. */
  (void)bl_barrier(MPI_COMM_WORLD);
  MPI_Finalize();
  return exit_code(status);
}
