#include "roles/generator.h"

#include "base/memory.h"
#include "sampler/sampler.h"

static bool is_generator(const bl_generator *generator) {
  return generator->links->world->generators.rank >= 0;
}

bl_status bl_generator_create(bl_generator *generator, const bl_links *links) {
  const bl_ring_plan *plan = links->plan;
  *generator = (bl_generator){.links = links, .rolling_out = {.name = "roll out"}};
  if (!is_generator(generator))
    return BL_OK;
  BL_TRY(bl_network_create_with(&generator->rollout, plan->networks[0].shape, (int)plan->method->micro_batch,
                                BL_GRAPH_INFERENCE, false, plan->computation != NULL ? &plan->computation->rollout : NULL));
  return bl_allocate(&generator->work,
                     bl_sampler_work(plan->chain, plan->condition, plan->method->micro_batch, plan->method->size),
                     sizeof *generator->work);
}

void bl_generator_destroy(bl_generator *generator) {
  bl_graph_destroy(&generator->rollout);
  bl_free(&generator->work);
}

bl_status bl_generator_begin(bl_generator *generator) {
  return is_generator(generator) ? bl_graph_load(generator->rollout, generator->links->aggregators[0].values) : BL_OK;
}

bl_status bl_generator_collect(bl_generator *generator, int64_t round, int batch) {
  const bl_links *links = generator->links;
  const bl_buffer *buffer = links->buffer;
  const bl_policy_method *method = links->plan->method;
  const bl_group *group = &links->world->generators;
  bl_status status = BL_OK;
  if (!is_generator(generator))
    return BL_OK;
  for (int m = group->rank; m < buffer->slots; m += group->size) {
    float *trajectory = bl_buffer_at(buffer, batch, m);
    bl_timing_begin(&generator->rolling_out);
    const bl_status drawn =
        bl_sampler_rollout(trajectory, NULL, generator->rollout, links->plan->chain, links->plan->condition, method->seed,
                           bl_transition_rollout(method, round, batch), (uint32_t)((size_t)m * method->micro_batch),
                           method->micro_batch, generator->work);
    bl_timing_end(&generator->rolling_out);
    if (drawn != BL_OK && drawn != BL_ERROR_NUMERIC)
      return drawn;
    status = drawn == BL_OK ? status : drawn;
    const int critic = bl_buffer_critic(buffer, m);
    if (critic != links->world->rank)
      BL_TRY(bl_channel_send(links->trajectories, trajectory, buffer->trajectory, batch * buffer->slots + m, critic));
  }
  return status;
}
