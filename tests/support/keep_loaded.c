/** \file
 * For builds with sanitizers: keep the plugins of MPI loaded, so that the leak checker can name them and the suppressions
 * match. */
int dlclose(void *handle);

int dlclose(void *handle) {
  (void)handle;
  return 0;
}
