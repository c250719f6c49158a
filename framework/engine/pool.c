#include "engine/pool.h"

#include "base/memory.h"

#include <string.h>

/* Lists are short: a few networks, and a format or two of each convolution. */
typedef struct held held;

struct held {
  held *next;
  float *data;
  size_t parameter, variant;
  bl_format *format; /* a copy, since the graph that asked first may go */
};

struct bl_pool_network {
  bl_pool_network *next;
  void *key;
  size_t key_size;
  held *weights;
  float *arena;
  size_t arena_floats;
  const void *loaded, *user; /* graphs; compared, never followed */
};

struct bl_pool {
  bl_pool_network *networks;
};

bl_status bl_pool_create(bl_pool **pool) {
  return bl_allocate(pool, 1, sizeof **pool);
}

static void destroy_weights(held **weights) {
  while (*weights != NULL) {
    held *next = (*weights)->next;
    bl_format_destroy(&(*weights)->format);
    bl_free(&(*weights)->data);
    bl_free(weights);
    *weights = next;
  }
}

void bl_pool_destroy(bl_pool **pool) {
  if (*pool == NULL)
    return;
  while ((*pool)->networks != NULL) {
    bl_pool_network *network = (*pool)->networks;
    (*pool)->networks = network->next;
    destroy_weights(&network->weights);
    bl_free(&network->key);
    bl_free(&network->arena);
    bl_free(&network);
  }
  bl_free(pool);
}

bl_status bl_pool_network_get(bl_pool_network **network, bl_pool *pool, const void *key, size_t size) {
  for (*network = pool->networks; *network != NULL; *network = (*network)->next)
    if ((*network)->key_size == size && memcmp((*network)->key, key, size) == 0)
      return BL_OK;
  bl_pool_network *made = NULL;
  BL_TRY(bl_allocate(&made, 1, sizeof *made));
  const bl_status status = bl_allocate(&made->key, size, 1);
  if (status != BL_OK) {
    bl_free(&made);
    return status;
  }
  memcpy(made->key, key, size);
  made->key_size = size;
  made->next = pool->networks;
  *network = pool->networks = made;
  return BL_OK;
}

/** An entry without memory yet, at the head of the list. */
static bl_status add_weights(held **weights, bl_pool_network *network, size_t parameter, size_t variant,
                             const bl_format *format) {
  BL_TRY(bl_allocate(weights, 1, sizeof **weights));
  **weights = (held){.next = network->weights, .parameter = parameter, .variant = variant};
  const bl_status status = bl_format_copy(&(*weights)->format, format);
  if (status == BL_OK)
    network->weights = *weights;
  else
    bl_free(weights);
  return status;
}

bl_status bl_pool_weights(float **data, bl_pool_network *network, size_t parameter, size_t variant,
                          const bl_format *format) {
  held *weights = network->weights;
  *data = NULL;
  while (weights != NULL &&
         !(weights->parameter == parameter && weights->variant == variant && bl_format_equal(weights->format, format)))
    weights = weights->next;
  if (weights == NULL)
    BL_TRY(add_weights(&weights, network, parameter, variant, format));
  if (weights->data == NULL)
    BL_TRY(bl_allocate(&weights->data, bl_format_bytes(format), 1));
  *data = weights->data;
  return BL_OK;
}

void bl_pool_set_loaded(bl_pool_network *network, const void *graph) {
  network->loaded = graph;
}

bool bl_pool_is_loaded(const bl_pool_network *network, const void *graph) {
  return network->loaded == graph;
}

bl_status bl_pool_take_arena(float **arena, bl_pool_network *network, size_t floats, const void *graph) {
  network->user = NULL;
  if (floats > network->arena_floats) {
    network->arena_floats = 0;
    bl_free(&network->arena);
    BL_TRY(bl_allocate(&network->arena, floats, sizeof *network->arena));
    network->arena_floats = floats;
  }
  network->user = graph;
  *arena = network->arena;
  return BL_OK;
}

void bl_pool_release(bl_pool_network *network) {
  for (held *weights = network->weights; weights != NULL; weights = weights->next)
    bl_free(&weights->data);
  bl_free(&network->arena);
  network->arena_floats = 0;
  network->loaded = network->user = NULL;
}

bool bl_pool_has_arena(const bl_pool_network *network, const void *graph) {
  return network->user == graph;
}
