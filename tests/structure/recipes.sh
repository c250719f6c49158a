#!/bin/bash
# What `configure` asks for is in all that installs it: the list of Debian packages, the Spack recipe, the EasyBuild recipe and the
# image for Apptainer. Python reads the recipes, with stand-ins for what Spack and EasyBuild define.
. "$top_srcdir/tests/support/script.sh" || exit 99
version=$(sed -n 's/^PACKAGE_VERSION = //p' "$top_builddir/Makefile" | head -n 1)

# The last two arguments of each library's check in m4 are its packages of Debian and Spack. "debian spack", one library a line.
grep -hoE '\[[a-z0-9-]+-dev\], \[[^]]+\]' "$top_srcdir"/m4/*.m4 | sed 's/^\[\([^]]*\)\], \[\([a-z0-9-]*\).*/\1 \2/' | sort -u >asked
test "$(wc -l <asked)" -ge 11 || complain "m4 names only: $(cat asked)"

while read -r debian spack; do
  grep -qx "$debian" "$top_srcdir/build-aux/debian-packages.txt" || complain "debian-packages.txt lacks $debian, which configure asks for"
done <asked

# The image installs the packages of that list, by reading it.
definition=$top_builddir/build-aux/apptainer/beeline.def
sed -n '/^%post/,/^%[^p]/p' "$definition" | sed '/^%/d' >post.sh
grep -qF "grep -v '^#' build-aux/debian-packages.txt | xargs apt-get install" post.sh || complain "$definition does not install debian-packages.txt"
sh -n post.sh 2>said || complain "$definition, %post: $(cat said)"
if command -v shellcheck >/dev/null; then
  shellcheck --norc -s sh post.sh >said || complain "$definition, %post: $(cat said)"
fi
grep -qF "beeline-$version.tar.gz " "$definition" || complain "$definition is of another version"

if ! command -v python3 >/dev/null; then
  echo 'the recipes of Spack and EasyBuild: not read, since there is no python3'
  test $failures -eq 0
  exit
fi
export PYTHONDONTWRITEBYTECODE=1

mkdir spack
: >spack/__init__.py
cat >spack/package.py <<'PYTHON'
class AutotoolsPackage: pass
def version(number, **rest): print("version", number)
def variant(*names, **rest): pass
def depends_on(name, **rest): print("depends_on", name.split("@")[0].split(" ")[0].split("+")[0].split("~")[0])
PYTHON
PYTHONPATH=$scratch python3 "$top_builddir/build-aux/spack/package.py" >declared 2>&1 || complain "package.py: $(cat declared)"
grep -qx "version $version" declared || complain "package.py is of another version: $(cat declared)"
while read -r debian spack; do
  case $spack in
    openmpi) spack=mpi ;;
    zlib) spack=zlib-api ;;
  esac
  grep -qx "depends_on $spack" declared || complain "package.py lacks depends_on(\"$spack\"), which configure asks for"
done <asked

# Names of EasyBuild, small; what the toolchain foss brings stands for itself.
cat >easybuild.py <<'PYTHON'
import sys
names = dict(SYSTEM={"name": "system", "version": "system"}, SHLIB_EXT="so", SOURCE_TAR_GZ="%(name)s-%(version)s.tar.gz",
             SOURCELOWER_TAR_GZ="%(namelower)s-%(version)s.tar.gz")
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), names)
assert names["easyblock"] == "Bundle" and names["moduleclass"], "not a bundle"
print("version", names["version"])
if names["toolchain"]["name"] == "foss":
    print("brings openmpi\nbrings fftw\nbrings netlib-scalapack")
for name, *rest in names["dependencies"] + names["components"]:
    print("brings", {"netcdf": "netcdf-c"}.get(name.lower(), name.lower()))
PYTHON
python3 easybuild.py "$top_builddir/build-aux/easybuild/beeline.eb" >declared 2>&1 || complain "beeline.eb: $(cat declared)"
grep -qx "version $version" declared || complain "beeline.eb is of another version: $(cat declared)"
while read -r debian spack; do
  test "$spack" = cmocka || grep -qx "brings $spack" declared || complain "beeline.eb lacks $spack, which configure asks for"
done <asked
test $failures -eq 0
