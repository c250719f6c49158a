#include "network/network.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [BL_NETWORK_UNET] = "unet",
    [BL_NETWORK_MLP] = "mlp",
    [BL_NETWORK_CRITIC] = "critic",
    [BL_NETWORK_VALUE] = "value",
    [BL_NETWORK_CLASSIFIER] = "classifier",
};

enum { KINDS = sizeof names / sizeof *names };

const char *bl_network_kind_name(bl_network_kind kind) {
  return names[kind];
}

bl_status bl_network_kind_parse(bl_network_kind *kind, const char *name) {
  for (int i = 0; i < KINDS; i++)
    if (strcmp(name, names[i]) == 0) {
      *kind = (bl_network_kind)i;
      return BL_OK;
    }
  char list[128] = "";
  for (int i = 0; i < KINDS; i++) {
    const size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, i == 0 ? "%s" : ", %s", names[i]);
  }
  return bl_fail(BL_ERROR_USAGE, "there is no network '%s'; choose one of %s", name, list);
}

static bl_status require(bool condition, const bl_network_shape *shape, const char *field, int found,
                         const char *expected) {
  if (condition)
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE, "network '%s': %s is %d, but it must be %s", names[shape->kind], field, found, expected);
}

static bl_status check_widths(const bl_network_shape *shape, int least) {
  char expected[48];
  snprintf(expected, sizeof expected, "%d to %d entries long", least, BL_NETWORK_LEVELS);
  BL_TRY(require(shape->width_count >= least && shape->width_count <= BL_NETWORK_LEVELS, shape, "the length of widths",
                 shape->width_count, expected));
  for (int i = 0; i < shape->width_count; i++)
    BL_TRY(require(shape->widths[i] >= 1, shape, "an entry of widths", shape->widths[i], "at least 1"));
  return BL_OK;
}

/** Each convolution of the critic halves the image, which must stay at least 4 pixels wide before. */
static bl_status check_critic(const bl_network_shape *shape) {
  int size = shape->height < shape->width ? shape->height : shape->width, most = 0;
  if (shape->height == 1 && shape->width == 1)
    return BL_OK;
  for (; size >= 4; size /= 2)
    most++;
  if (shape->width_count > most)
    return bl_fail(BL_ERROR_USAGE,
                   "network 'critic': widths has %d entries, but images of %d x %d can be halved %d times at most (down to "
                   "2 or 3 pixels)",
                   shape->width_count, shape->height, shape->width, most);
  return BL_OK;
}

static bl_status check_shape(const bl_network_shape *shape) {
  if ((int)shape->kind < 0 || (int)shape->kind >= KINDS)
    return bl_fail(BL_ERROR_USAGE, "there is no network of kind %d", (int)shape->kind);
  BL_TRY(require(shape->channels >= 1, shape, "channels", shape->channels, "at least 1"));
  BL_TRY(require(shape->height >= 1, shape, "height", shape->height, "at least 1"));
  BL_TRY(require(shape->width >= 1, shape, "width", shape->width, "at least 1"));
  if (shape->kind != BL_NETWORK_UNET && shape->kind != BL_NETWORK_MLP)
    BL_TRY(require(shape->head == 0, shape, "head", shape->head, "0"));
  if (shape->kind != BL_NETWORK_MLP)
    BL_TRY(require(shape->condition == 0, shape, "condition", shape->condition, "0"));
  BL_TRY(require(shape->condition >= 0, shape, "condition", shape->condition, "at least 0"));
  if (shape->condition > 0)
    BL_TRY(require(shape->classes >= 1, shape, "classes", shape->classes, "at least 1"));
  if (shape->kind != BL_NETWORK_UNET)
    BL_TRY(check_widths(shape, shape->kind == BL_NETWORK_CLASSIFIER ? 2 : 1));
  if (shape->kind == BL_NETWORK_MLP || shape->kind == BL_NETWORK_VALUE)
    BL_TRY(require(shape->steps >= 1, shape, "steps", shape->steps, "at least 1"));
  if (shape->kind == BL_NETWORK_CLASSIFIER)
    BL_TRY(require(shape->classes >= 2, shape, "classes", shape->classes, "at least 2"));
  return shape->kind == BL_NETWORK_CRITIC ? check_critic(shape) : BL_OK;
}

static void build(bl_graph *graph, const bl_network_shape *shape, bool features) {
  switch (shape->kind) {
    case BL_NETWORK_UNET:
      bl_unet_build(graph, shape);
      break;
    case BL_NETWORK_MLP:
      bl_mlp_build(graph, shape);
      break;
    case BL_NETWORK_CRITIC:
      bl_critic_build(graph, shape);
      break;
    case BL_NETWORK_VALUE:
      bl_value_build(graph, shape);
      break;
    case BL_NETWORK_CLASSIFIER:
      bl_classifier_build(graph, shape, features);
      break;
  }
}

bl_status bl_network_create_with(bl_graph **graph, const bl_network_shape *shape, int batch, bl_graph_mode mode,
                                 bool features, const bl_compute *compute) {
  bl_status status = BL_OK;
  *graph = NULL;
  BL_TRY(check_shape(shape));
  BL_TRY(bl_graph_create(graph, batch));
  bl_graph_set_compute(*graph, compute);
  BL_GOTO(bl_graph_set_network(*graph, shape, sizeof *shape));
  build(*graph, shape, features);
  BL_GOTO(bl_graph_compile(*graph, mode));
done:
  if (status != BL_OK)
    bl_graph_destroy(graph);
  return status;
}

bl_status bl_network_create(bl_graph **graph, const bl_network_shape *shape, int batch, bl_graph_mode mode, bool features) {
  return bl_network_create_with(graph, shape, batch, mode, features, NULL);
}
