dnl netCDF-4 with parallel access. Debian's netcdf-mpi.pc points to the headers of the serial library; the right ones lie
dnl below its prefix, and netcdf_par.h tells them apart.
AC_DEFUN([BL_CHECK_NETCDF], [
  bl_netcdf_module=netcdf
  AS_IF([test -n "$PKG_CONFIG"],
    [for bl_try in netcdf-mpi netcdf; do
       AS_IF([$PKG_CONFIG --exists $bl_try], [bl_netcdf_module=$bl_try; break])
     done
     AS_IF([test -z "${NETCDF_CFLAGS+set}" && test $bl_netcdf_module = netcdf-mpi],
       [bl_prefix=`$PKG_CONFIG --variable=prefix netcdf-mpi`
        AS_IF([test -f "$bl_prefix/include/netcdf_par.h"], [NETCDF_CFLAGS="-isystem $bl_prefix/include"])])])
  BL_LIBRARY([NETCDF], [netCDF-4, parallel], [$bl_netcdf_module], [-lnetcdf],
    [[#include <mpi.h>
#include <netcdf.h>
#include <netcdf_par.h>]],
    [[int id; nc_create_par("x", NC_NETCDF4, MPI_COMM_WORLD, MPI_INFO_NULL, &id);
      nc_var_par_access(id, 0, NC_COLLECTIVE); return nc_close(id);]],
    [libnetcdf-mpi-dev], [netcdf-c+mpi])
])
