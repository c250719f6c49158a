#!/bin/bash
# What `make install` leaves for others: every part in its folder, a module that Environment Modules and Lmod, where they are
# installed, really load, and a Spack recipe that Python reads and whose dependencies are those that `configure` asks for.
. "$top_srcdir/tests/support/script.sh" || exit 99
unset MAKEFLAGS MAKELEVEL MFLAGS
value() { sed -n "s/^$1 = //p" "$top_builddir/Makefile" | head -n 1; }
version=$(value PACKAGE_VERSION)

make -C "$top_builddir" -s install DESTDIR="$scratch/root" >said 2>&1 || complain "make install: $(cat said)"
prefix=$(value prefix)
for file in bin/beeline share/man/man1/beeline.1 share/beeline/modulefile share/beeline/package.py \
  share/beeline/experiments/digits/finetune.yaml share/beeline/jobscripts/finetune.sbatch; do
  test -f "root$prefix/$file" || complain "$prefix/$file is not installed"
done
test "$("root$prefix/bin/beeline" --version | cut -d ' ' -f 2)" = "$version" || complain "beeline --version is not $version"

# The module: linked into a folder as its comment says, loaded, and what it set, by each program that is here.
mkdir -p modules/beeline
ln -s "../../root$prefix/share/beeline/modulefile" "modules/beeline/$version"
loaders=
for program in "$(command -v modulecmd)" /usr/share/lmod/lmod/libexec/lmod; do
  test ! -x "$program" || loaders="$loaders $program"
done
for program in $loaders; do
  (
    export PATH=/usr/bin:/bin MANPATH=/usr/share/man MODULEPATH=$scratch/modules
    unset LOADEDMODULES _LMFILES_ BEELINE_EXPERIMENTS
    eval "$("$program" bash load "beeline/$version" 2>load.err)"
    case :$PATH: in *":$prefix/bin:"*) ;; *) exit 1 ;; esac
    case :$MANPATH: in *":$prefix/share/man:"*) ;; *) exit 2 ;; esac
    test "$BEELINE_EXPERIMENTS" = "$prefix/share/beeline/experiments" || exit 3
    eval "$("$program" bash unload "beeline/$version" 2>load.err)"
    case :$PATH: in *":$prefix/bin:"*) exit 4 ;; esac
    test -z "$BEELINE_EXPERIMENTS" || exit 5
  ) || complain "$program: 1 PATH, 2 MANPATH, 3 BEELINE_EXPERIMENTS, 4 and 5 after unload: $?; $(cat load.err)"
done
test -n "$loaders" || echo "modulefile: not loaded, since neither Environment Modules nor Lmod is here"

# The recipe, with a stand-in for Spack that writes down what is declared.
if command -v python3 >/dev/null; then
  mkdir -p spack
  cat >spack/__init__.py </dev/null
  cat >spack/package.py <<'PYTHON'
class AutotoolsPackage: pass
def version(number, **rest): print("version", number)
def variant(*names, **rest): pass
def depends_on(name, **rest): print("depends_on", name.split("@")[0].split(" ")[0].split("+")[0].split("~")[0])
PYTHON
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$scratch python3 "root$prefix/share/beeline/package.py" >declared 2>&1 ||
    complain "package.py: $(cat declared)"
  grep -qx "version $version" declared || complain "package.py is of another version: $(cat declared)"
  # The last two arguments of each library's check in m4 are its packages of Debian and Spack.
  wanted=$(grep -hoE '\[[a-z0-9-]+-dev\], \[[^]]+\]' "$top_srcdir"/m4/*.m4 | sed 's/.*\[\([a-z0-9-]*\).*/\1/')
  test -n "$wanted" || complain "no Spack packages found in m4"
  for name in $wanted; do
    case $name in openmpi) name=mpi ;; zlib) name=zlib-api ;; esac
    grep -qx "depends_on $name" declared || complain "package.py lacks depends_on(\"$name\"), which configure asks for"
  done
else
  echo "package.py: not read, since there is no python3"
fi
test $failures -eq 0
