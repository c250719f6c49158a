#include "parallel/world.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

static int rank, size;

static void expect_split(const char *text, int ranks, int generators, int critics, int aggregators) {
  bl_split split = {0};
  bl_status_clear();
  assert_int_equal(bl_split_parse(&split, text, ranks), BL_OK);
  assert_int_equal(split.generators, generators);
  assert_int_equal(split.critics, critics);
  assert_int_equal(split.aggregators, aggregators);
}

static void expect_refusal(const char *text, int ranks, const char *words) {
  bl_split split = {-7, -7, -7};
  bl_status_clear();
  assert_int_equal(bl_split_parse(&split, text, ranks), BL_ERROR_USAGE);
  assert_int_equal(split.generators, -7);
  if (strstr(bl_status_message(), words) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", bl_status_message(), words);
  bl_status_clear();
}

static void test_parse(void **state) {
  (void)state;
  expect_split("1:1:1", 1, 1, 1, 1);
  expect_split("1:1:1", 3, 1, 1, 1);
  expect_split("2:1:1", 4, 2, 1, 1);
  expect_split("3:1:1", 4, 3, 1, 1);
  expect_split("12:3:1", 16, 12, 3, 1);
  expect_split("2:0:1", 3, 2, 0, 1);
  expect_split("all", 1, 1, 1, 1);
  expect_split("all", 7, 7, 7, 7);
}

static void test_refusals(void **state) {
  (void)state;
  expect_refusal("12:3:1", 4, "12 generators on 4 ranks, expected 1 to 4 (for example 2:1:1 or all)");
  expect_refusal("1:3:1", 2, "3 critics on 2 ranks, expected 0 to 2 (for example 1:1:1 or all)");
  expect_refusal("1:1:2", 1, "2 aggregators on 1 rank, expected 1 to 1 (for example 1:1:1 or all)");
  expect_refusal("0:1:1", 2, "0 generators");
  expect_refusal("1:1:0", 2, "0 aggregators");
  expect_refusal("1:1:1", 5, "leave 2 of 5 ranks without a role");
  expect_refusal("2:0:1", 4, "for example 2:1:1 or all");
  static const char *const nonsense[] = {"",       "1",       "1:1",     "1:1:1:1",        "1:1:1 ",
                                         " 1:1:1", "a:b:c",   "1:1:x",   "-1:1:1",         "+1:1:1",
                                         "1;1;1",  "1::1:1",  "ALL",     "all:1:1",        "1.5:1:1",
                                         ":::",    "1:1:1\n", "0x1:1:1", "2147483648:1:1", "99999999999999999999:1:1"};
  for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
    expect_refusal(nonsense[i], 1, "1:1:1 or all");
}

static void check_group(const bl_world *world, const bl_group *group, int first, int members) {
  assert_int_equal(group->size, members);
  int expected = -1;
  for (int m = 0; m < members; m++) {
    assert_int_equal(bl_group_world_rank(world, group, m), (first + m) % size);
    if ((first + m) % size == rank)
      expected = m;
  }
  assert_int_equal(group->rank, expected);
  assert_int_equal(group->comm != MPI_COMM_NULL, expected >= 0);
  if (group->comm != MPI_COMM_NULL) {
    int group_rank, group_size;
    MPI_Comm_rank(group->comm, &group_rank);
    MPI_Comm_size(group->comm, &group_size);
    assert_int_equal(group_rank, expected);
    assert_int_equal(group_size, members);
    /* Members stand in the communicator in the order of their numbers. */
    int world_rank = rank;
    MPI_Bcast(&world_rank, 1, MPI_INT, members - 1, group->comm);
    assert_int_equal(world_rank, bl_group_world_rank(world, group, members - 1));
  }
}

static void check_all_ranks(const bl_world *world, MPI_Comm comm) {
  int channel_rank, channel_size;
  MPI_Comm_rank(comm, &channel_rank);
  MPI_Comm_size(comm, &channel_size);
  assert_int_equal(channel_rank, world->rank);
  assert_int_equal(channel_size, world->size);
}

/* Every split that fits on these ranks: critics from 0, groups that wrap around and overlap. */
static void test_every_split(void **state) {
  (void)state;
  for (int g = 1; g <= size; g++)
    for (int c = 0; c <= size; c++)
      for (int a = 1; a <= size; a++) {
        if (g + c + a < size)
          continue;
        bl_world world;
        char text[48];
        snprintf(text, sizeof text, "%d:%d:%d", g, c, a);
        expect_split(text, size, g, c, a);
        assert_int_equal(bl_world_create(&world, MPI_COMM_WORLD, (bl_split){g, c, a}), BL_OK);
        assert_int_equal(world.rank, rank);
        assert_int_equal(world.size, size);
        check_group(&world, &world.generators, 0, g);
        check_group(&world, &world.critics, g, c);
        check_group(&world, &world.aggregators, g + c, a);
        assert_true(world.generators.rank >= 0 || world.critics.rank >= 0 || world.aggregators.rank >= 0);
        check_all_ranks(&world, world.trajectory_comm);
        check_all_ranks(&world, world.advantage_comm);
        const bool in_union = world.generators.rank >= 0 || world.aggregators.rank >= 0;
        assert_int_equal(world.gradient_comm != MPI_COMM_NULL, in_union);
        assert_int_equal(world.parameter_comm != MPI_COMM_NULL, in_union);
        if (in_union) {
          int same, members, of_gradients;
          MPI_Comm_compare(world.gradient_comm, world.parameter_comm, &same);
          assert_int_equal(same, MPI_CONGRUENT);
          MPI_Comm_size(world.gradient_comm, &of_gradients);
          const int one = 1;
          MPI_Allreduce(&one, &members, 1, MPI_INT, MPI_SUM, world.parameter_comm);
          assert_int_equal(members, of_gradients);
        }
        bl_world_destroy(&world);
        assert_true(world.comm == MPI_COMM_NULL && world.generators.comm == MPI_COMM_NULL);
        bl_world_destroy(&world);
      }
}

/* Counted over the members of each role by the layout that the header describes. */
static void test_idle_ranks(void **state) {
  (void)state;
  for (int ranks = 1; ranks <= 6; ranks++)
    for (int g = 1; g <= ranks; g++)
      for (int c = 0; c <= ranks; c++)
        for (int micro_batches = 1; micro_batches <= 7; micro_batches++) {
          bool computes[6] = {false}, busy[6] = {false};
          for (int i = 0; i < g + c; i++) {
            const int number = i < g ? i : i - g;
            computes[i % ranks] = true;
            busy[i % ranks] = busy[i % ranks] || number < micro_batches;
          }
          int idle = 0;
          for (int r = 0; r < ranks; r++)
            idle += computes[r] && !busy[r];
          assert_int_equal(bl_split_idle((bl_split){g, c, ranks}, ranks, micro_batches), idle);
        }
  assert_int_equal(bl_split_idle((bl_split){8, 8, 8}, 8, 2), 6);
  assert_int_equal(bl_split_idle((bl_split){2, 1, 1}, 4, 2), 0);
}

static void test_unfit_split_is_refused_by_all(void **state) {
  (void)state;
  bl_world world;
  bl_status_clear();
  assert_int_equal(bl_world_create(&world, MPI_COMM_WORLD, (bl_split){size + 1, 1, 1}), BL_ERROR_USAGE);
  assert_true(world.comm == MPI_COMM_NULL);
  bl_world_destroy(&world);
  bl_status_clear();
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_every_split),
      cmocka_unit_test(test_idle_ranks),
      cmocka_unit_test(test_unfit_split_is_refused_by_all),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
