dnl BL_HDF5_PROGRAM(comparison): exits with 0 when what HDF5 knows of a file that netCDF has open compares so with 1.
AC_DEFUN([BL_HDF5_PROGRAM], [AC_LANG_PROGRAM(
  [[#include <hdf5.h>
#include <netcdf.h>]],
  [[int id;
    if (nc_create("conftest.nc", NC_NETCDF4 | NC_DISKLESS, &id) != NC_NOERR)
      return 2;
    return !(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE) $1 1);]])])

dnl HDF5, the one that netCDF itself uses: Debian has it for each MPI beside the serial one, and Spack's may hide behind the
dnl system's, so that a file which netCDF has open tells. Where programs do not run here, the first that is found is taken.
AC_DEFUN([BL_CHECK_HDF5], [
  AC_REQUIRE([BL_CHECK_NETCDF])
  bl_hdf5_module=
  bl_saved_CPPFLAGS=$CPPFLAGS
  bl_saved_LIBS=$LIBS
  AS_IF([test -n "$PKG_CONFIG" && test -z "$HDF5_LIBS"],
    [for bl_try in hdf5 hdf5-serial hdf5-$bl_mpi; do
       AS_IF([$PKG_CONFIG --exists $bl_try], [], [continue])
       AS_IF([test -z "$bl_hdf5_module"], [bl_hdf5_module=$bl_try])
       CPPFLAGS="$NETCDF_CFLAGS `$PKG_CONFIG --cflags $bl_try` $bl_saved_CPPFLAGS"
       LIBS="`$PKG_CONFIG --libs $bl_try` $NETCDF_LIBS $bl_saved_LIBS"
       AC_RUN_IFELSE([BL_HDF5_PROGRAM([==])], [bl_hdf5_module=$bl_try; break], [], [break])
     done])
  CPPFLAGS=$bl_saved_CPPFLAGS
  LIBS=$bl_saved_LIBS
  BL_LIBRARY([HDF5], [HDF5], [$bl_hdf5_module], [-lhdf5],
    [[#define H5_USE_18_API
#include <hdf5.h>]],
    [[H5O_info_t about; return (int)H5Oget_info_by_name(0, "x", &about, H5P_DEFAULT);]],
    [libhdf5-dev], [hdf5])
  AS_IF([test $bl_have_HDF5 = yes],
    [CPPFLAGS="$NETCDF_CFLAGS $HDF5_CFLAGS $CPPFLAGS"
     LIBS="$HDF5_LIBS $NETCDF_LIBS $LIBS"
     AC_RUN_IFELSE([BL_HDF5_PROGRAM([!=])],
       [BL_UNFIT([HDF5 $bl_version_HDF5 was found, but netCDF uses another build of it: set HDF5_CFLAGS and HDF5_LIBS (now '$HDF5_LIBS') to netCDF's])],
       [], [:])
     CPPFLAGS=$bl_saved_CPPFLAGS
     LIBS=$bl_saved_LIBS])
])
