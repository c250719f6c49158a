dnl netCDF-4 with files in memory. No parallel access is asked for: files are built in memory and written in one go
dnl (store/container.h), so that one library fits any MPI.
AC_DEFUN([BL_CHECK_NETCDF], [
  BL_LIBRARY([NETCDF], [netCDF-4], [netcdf], [-lnetcdf],
    [[#include <netcdf.h>
#include <netcdf_mem.h>]],
    [[int id; NC_memio image = {0}; nc_open_memio("x", NC_WRITE, &image, &id); return nc_close_memio(id, &image);]],
    [libnetcdf-dev], [netcdf-c])
])
