#!/usr/bin/env bash
# From a fresh machine to a result:
#   bash quickstart.sh         installs what is needed, builds, and fine-tunes the digits model (a few minutes)
#   bash quickstart.sh check   installs what is needed, builds, and runs the tests
# Packages come by apt-get, as root or by sudo; the build goes into build/, results into out/. Run again, it only does what
# is not done yet.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '\n== %s\n' "$*"; }
stop() {
  printf '\nquickstart: %s\n' "$*" >&2
  exit 1
}

mode=${1:-run}
case $mode in
  run | check) ;;
  *) stop "unknown word '$mode'; use 'bash quickstart.sh' or 'bash quickstart.sh check'" ;;
esac

cores=$(nproc 2>/dev/null || echo 1)

# ---- Packages ----------------------------------------------------------------------------------------------------------

mapfile -t packages < <(grep -v '^#' build-aux/debian-packages.txt)

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  missing=()
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  if ((${#missing[@]})); then
    say "Installing ${missing[*]}"
    as_root=()
    if [[ $(id -u) != 0 ]]; then
      command -v sudo >/dev/null || stop "these packages are missing, and neither root nor sudo is there to install them:
  apt-get install ${missing[*]}"
      as_root=(sudo)
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null ||
      stop "apt-get could not install the packages above; Beeline is made for Debian 12 and 13"
  fi
else
  missing=()
  for tool in autoconf automake make mpicc; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  if ((${#missing[@]})); then
    stop "this machine has no apt-get, so nothing can be installed here, and these tools are missing: ${missing[*]}
Load them as modules, or with Spack: spack install autoconf automake gmake pkgconf openmpi
The libraries (configure looks for each and names what is missing):
  spack install onednn openblas netlib-scalapack fftw netcdf-c hdf5 random123 libyaml libpng libjpeg-turbo zlib cmocka"
  fi
fi

# ---- Build -------------------------------------------------------------------------------------------------------------

[[ ! -e config.status ]] || stop "this folder is configured itself; build/ cannot be beside it: run 'make distclean' first"

say "Building in build/"
[[ -x configure && -e Makefile.in ]] || ./bootstrap
mkdir -p build
if [[ ! -e build/Makefile ]]; then
  (cd build && ../configure) || stop "configure failed; what it lacks is said above, details are in build/config.log"
fi
make -C build -j"$cores" || stop "the build failed; see the messages above"

if [[ $mode == check ]]; then
  say "Running the tests"
  make -C build check -j"$cores" || stop "tests failed; build/test-suite.log has what they printed"
  exit 0
fi

# ---- Run ---------------------------------------------------------------------------------------------------------------

ranks=$((cores < 4 ? cores : 4))
# For Open MPI: allow root (which it asks for twice), share cores without binding to them, and do without memory copies
# between processes, which containers forbid.
if [[ $(id -u) == 0 ]]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_btl_vader_single_copy_mechanism=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none # Open MPI 5
export OMP_NUM_THREADS=1

# --resume goes on after an interruption, and shows the result again when it is there already.
say "Fine-tuning the digits model on $ranks ranks, into out/digits/"
mpirun -n "$ranks" build/beeline finetune experiments/digits/finetune.yaml --output out/digits --resume </dev/null ||
  stop "the run failed; see the message above"
say "Picture: $PWD/out/digits/before-after.png"
