#include "sampler/covariance.h"

#include <math.h>

double bl_covariance_limit(const bl_options *options) {
  return options->sampler.pixel_clip * 2.0 / 255.0 * sqrt(2.0 * atan(1.0));
}

bl_status bl_covariance_plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options, bl_head head) {
  if (options->sampler.head[0] == '\0')
    return bl_options_reject(options, "sampler.head", "a head made by beeline moments with moments.head %s",
                             bl_head_name(head));
  BL_TRY(bl_grid_plan(chain, schedule, options, options->sampler.eta));
  return bl_chain_attach_head(chain, schedule, head, bl_covariance_limit(options));
}
