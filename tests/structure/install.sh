#!/bin/bash
# What `make install` leaves for others: every part in its folder, and a module that Environment Modules and Lmod, where they are
# installed, really load. What is in the recipes is checked by recipes.sh.
. "$top_srcdir/tests/support/script.sh" || exit 99
unset MAKEFLAGS MAKELEVEL MFLAGS
value() { sed -n "s/^$1 = //p" "$top_builddir/Makefile" | head -n 1; }
version=$(value PACKAGE_VERSION)

make -C "$top_builddir" -s install DESTDIR="$scratch/root" >said 2>&1 || complain "make install: $(cat said)"
prefix=$(value prefix)
for file in bin/beeline share/man/man1/beeline.1 share/beeline/modulefile share/beeline/package.py share/beeline/beeline.eb \
  share/beeline/beeline.def share/beeline/experiments/digits/finetune.yaml share/beeline/jobscripts/finetune.sbatch \
  share/beeline/jobscripts/finetune.pbs share/beeline/jobscripts/finetune.flux share/beeline/jobscripts/scheduler/pbs.sh; do
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

test $failures -eq 0
