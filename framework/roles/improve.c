#include "roles/improve.h"

const bl_improvement_kind *bl_improvement_kind_of(bl_experience experience) {
  static const bl_improvement_kind *const kinds[] = {
      [BL_EXPERIENCE_TRANSITIONS] = &bl_improvement_transitions, [BL_EXPERIENCE_CHAINS] = &bl_improvement_chains};
  return kinds[experience];
}
