dnl oneDNN 2.x, C interface: the arithmetic of the networks. It has no pkg-config file in version 2.6.
AC_DEFUN([BL_CHECK_ONEDNN], [
  BL_LIBRARY([ONEDNN], [oneDNN 2.x], [dnnl], [-ldnnl],
    [[#include <oneapi/dnnl/dnnl.h>
#if DNNL_VERSION_MAJOR != 2
#error Beeline needs version 2 of oneDNN
#endif]],
    [[dnnl_engine_t engine; dnnl_convolution_desc_t d;
      (void)dnnl_convolution_forward_desc_init(&d, dnnl_forward, dnnl_convolution_auto, 0, 0, 0, 0, 0, 0, 0);
      return dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success;]],
    [libdnnl-dev], [onednn@2])
])
