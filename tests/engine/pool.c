/* Graphs that share memory: the same bits as with memory of their own, in any order of turns, and no turn that another has
 * overwritten. */
#include "engine/pool.h"

#include "base/memory.h"
#include "base/random.h"
#include "engine/node.h"
#include "network/network.h"
#include "support/cmocka.h"

#include <string.h>

enum { BATCH = 4, PIXELS = 64, ELEMENTS = BATCH * PIXELS };

static const bl_network_shape unet = {.kind = BL_NETWORK_UNET,
                                      .channels = 1,
                                      .height = 8,
                                      .width = 8,
                                      .base_channels = 32,
                                      .multiplier_count = 2,
                                      .multipliers = {1, 2},
                                      .blocks = 1,
                                      .attention_count = 1,
                                      .attention = {4}};
static const bl_network_shape critic = {
    .kind = BL_NETWORK_CRITIC, .channels = 1, .height = 8, .width = 8, .width_count = 1, .widths = {16}};

/* A graph with values and what came out. */
typedef struct player {
  bl_graph *graph;
  float *values, *d_values;
  float x[ELEMENTS], y[ELEMENTS];
  size_t outputs;
} player;

static void create(player *p, const bl_network_shape *shape, bl_graph_mode mode, bl_pool *pool, uint64_t seed) {
  *p = (player){0};
  assert_int_equal(bl_network_create_with(&p->graph, shape, BATCH, mode, false, &(bl_compute){.pool = pool}), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(p->graph);
  assert_int_equal(bl_allocate(&p->values, table->count, sizeof(float)), BL_OK);
  assert_int_equal(bl_allocate(&p->d_values, table->count, sizeof(float)), BL_OK);
  bl_parameter_initialise(p->values, table, seed);
  bl_random_normal(p->x, ELEMENTS, (bl_draw){.purpose = BL_PURPOSE_TEST, .seed = seed});
  p->outputs = BATCH * bl_graph_output_size(p->graph);
}

static void destroy(player *p) {
  bl_graph_destroy(&p->graph);
  bl_free(&p->values);
  bl_free(&p->d_values);
}

static void load(player *p) {
  assert_int_equal(bl_graph_load(p->graph, p->values), BL_OK);
}

static bl_status forward(player *p) {
  static const float time[BATCH] = {0, 10, 100, 999};
  return bl_graph_forward(p->graph, p->y, &(bl_graph_inputs){.x = p->x, .time = time});
}

static bl_status backward(player *p) {
  return bl_graph_backward(p->graph, p->d_values, NULL, p->y);
}

static void same(const player *a, const player *b) {
  assert_memory_equal(a->y, b->y, a->outputs * sizeof(float));
  if (a->graph->mode == BL_GRAPH_TRAINING)
    assert_memory_equal(a->d_values, b->d_values, bl_graph_parameters(a->graph)->count * sizeof(float));
}

static void turns_give_the_bits_of_own_memory(void **state) {
  (void)state;
  bl_pool *pool = NULL;
  player own[3], shared[3];
  assert_int_equal(bl_pool_create(&pool), BL_OK);
  for (int i = 0; i < 3; i++) {
    const bl_network_shape *shape = i == 2 ? &critic : &unet;
    const bl_graph_mode mode = i == 0 ? BL_GRAPH_INFERENCE : BL_GRAPH_TRAINING; /* the arena has to grow */
    create(&own[i], shape, mode, NULL, (uint64_t)i + 1);
    create(&shared[i], shape, mode, pool, (uint64_t)i + 1);
    load(&own[i]);
    assert_int_equal(forward(&own[i]), BL_OK);
    if (mode == BL_GRAPH_TRAINING)
      assert_int_equal(backward(&own[i]), BL_OK);
  }
  for (int round = 0; round < 2; round++) {
    load(&shared[0]);
    assert_int_equal(forward(&shared[0]), BL_OK);
    same(&shared[0], &own[0]);
    load(&shared[1]);
    load(&shared[2]);
    assert_int_equal(forward(&shared[1]), BL_OK);
    assert_int_equal(forward(&shared[2]), BL_OK); /* of another network: disturbs nothing */
    assert_int_equal(backward(&shared[1]), BL_OK);
    assert_int_equal(backward(&shared[2]), BL_OK);
    same(&shared[1], &own[1]);
    same(&shared[2], &own[2]);
  }
  load(&shared[0]);
  assert_int_equal(forward(&shared[0]), BL_OK);
  assert_ptr_equal(shared[0].graph->arena, shared[1].graph->arena);
  assert_ptr_not_equal(shared[2].graph->arena, shared[1].graph->arena);
  for (int i = 0; i < 3; i++) {
    destroy(&own[i]);
    destroy(&shared[i]);
  }
  bl_pool_destroy(&pool);
  assert_int_equal(bl_memory_balance(), 0);
}

/* What the second graph adds: biases and the like. */
static void the_weights_are_there_once(void **state) {
  (void)state;
  bl_pool *pool = NULL;
  player a, b;
  assert_int_equal(bl_pool_create(&pool), BL_OK);
  create(&a, &unet, BL_GRAPH_INFERENCE, pool, 1);
  create(&b, &unet, BL_GRAPH_INFERENCE, pool, 1);
  load(&a);
  const long blocks = bl_memory_balance();
  load(&b);
  assert_int_equal(bl_memory_balance(), blocks);
  destroy(&a);
  destroy(&b);
  bl_pool_destroy(&pool);
}

/* At rest a network's memory is the system's; each of its graphs takes it again by loading, and another network does not
 * notice. */
static void a_network_releases_its_memory(void **state) {
  (void)state;
  bl_pool *pool = NULL;
  player a, b, other, own;
  assert_int_equal(bl_pool_create(&pool), BL_OK);
  create(&a, &unet, BL_GRAPH_TRAINING, pool, 1);
  create(&b, &unet, BL_GRAPH_INFERENCE, pool, 2);
  create(&other, &critic, BL_GRAPH_TRAINING, pool, 3);
  create(&own, &unet, BL_GRAPH_TRAINING, NULL, 1);
  load(&own);
  assert_int_equal(forward(&own), BL_OK);
  assert_int_equal(backward(&own), BL_OK);
  load(&b);
  assert_int_equal(forward(&b), BL_OK);
  load(&a);
  const long blocks = bl_memory_balance();
  for (int round = 0; round < 2; round++) {
    load(&other);
    assert_int_equal(forward(&other), BL_OK);
    load(&a);
    assert_int_equal(forward(&a), BL_OK);
    bl_graph_release(a.graph);
    assert_true(bl_memory_balance() < blocks - 20);
    assert_int_equal(backward(&a), BL_ERROR_USAGE);
    assert_int_equal(forward(&a), BL_ERROR_USAGE);
    assert_int_equal(forward(&b), BL_ERROR_USAGE);
    assert_int_equal(backward(&other), BL_OK);
    load(&b);
    assert_int_equal(forward(&b), BL_OK);
    load(&a);
    assert_int_equal(forward(&a), BL_OK);
    assert_int_equal(backward(&a), BL_OK);
    same(&a, &own);
  }
  bl_graph_release(own.graph); /* without a pool nothing happens */
  assert_int_equal(forward(&own), BL_OK);
  player *const all[] = {&a, &b, &other, &own};
  for (int i = 0; i < 4; i++)
    destroy(all[i]);
  bl_pool_destroy(&pool);
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

static void a_turn_out_of_order_is_refused(void **state) {
  (void)state;
  bl_pool *pool = NULL;
  player a, b;
  assert_int_equal(bl_pool_create(&pool), BL_OK);
  create(&a, &unet, BL_GRAPH_TRAINING, pool, 1);
  create(&b, &unet, BL_GRAPH_TRAINING, pool, 2);
  load(&a);
  assert_int_equal(forward(&a), BL_OK);
  load(&b);
  assert_int_equal(backward(&a), BL_ERROR_USAGE); /* the weights are those of b */
  assert_int_equal(forward(&a), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "shares"));
  assert_int_equal(forward(&b), BL_OK);
  load(&a);
  assert_int_equal(forward(&b), BL_ERROR_USAGE);
  assert_int_equal(forward(&a), BL_OK);
  assert_int_equal(backward(&a), BL_OK);
  destroy(&a);
  assert_int_equal(forward(&b), BL_ERROR_USAGE);
  destroy(&b);
  bl_pool_destroy(&pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(turns_give_the_bits_of_own_memory),
      cmocka_unit_test(the_weights_are_there_once),
      cmocka_unit_test(a_network_releases_its_memory),
      cmocka_unit_test(a_turn_out_of_order_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
