#!/bin/bash
# What `make install` leaves for others: every part in its folder; a library of our names alone, whose headers need nothing but each
# other and MPI, and which the example compiles against; and a module that Environment Modules and Lmod, where they are installed,
# really load. What is in the recipes is checked by recipes.sh.
. "$top_srcdir/tests/support/script.sh" || exit 99
unset MAKEFLAGS MAKELEVEL MFLAGS
# shellcheck disable=SC2016 # for make
value() { printf 'include Makefile\nvalue: ; @echo $(%s)\n' "$1" | make -C "$top_builddir" -s -f - value; }
version=$(value PACKAGE_VERSION)

make -C "$top_builddir" -s install DESTDIR="$scratch/root" >said 2>&1 || complain "make install: $(cat said)"
prefix=$(value prefix)
for file in bin/beeline share/man/man1/beeline.1 share/beeline/modulefile share/beeline/package.py share/beeline/beeline.eb \
  share/beeline/beeline.def share/beeline/experiments/digits/finetune.yaml share/beeline/jobscripts/finetune.sbatch \
  share/beeline/jobscripts/finetune.pbs share/beeline/jobscripts/finetune.flux share/beeline/jobscripts/scheduler/pbs.sh \
  share/beeline/example/distance_example.c; do
  test -f "root$prefix/$file" || complain "$prefix/$file is not installed"
done
test "$("root$prefix/bin/beeline" --version | cut -d ' ' -f 2)" = "$version" || complain "beeline --version is not $version"

# The library. Names in it: a program that takes the static one has them all beside its own.
libdir=root$(value libdir)
includedir=root$(value includedir)/beeline
for file in "$libdir/libbeeline.a" "$libdir/pkgconfig/beeline.pc" "$includedir/base/version.h"; do
  test -f "$file" || complain "$file is not installed"
done
foreign() { nm "$@" 2>/dev/null | awk 'NF == 3 && $3 !~ /^bl_/ { print $3 }'; }
if test -z "$(value BL_LDFLAGS)"; then # of the sanitizers
  test -z "$(foreign -g --defined-only "$libdir/libbeeline.a")" || complain "not ours: $(foreign -g --defined-only "$libdir/libbeeline.a")"
fi
if test -n "$(value shared_names)"; then
  shared=$libdir/libbeeline.so
  test -f "$shared" || complain "$shared is not installed"
  nm -D --defined-only "$shared" | grep -q ' bl_status_message$' || complain "$shared does not show bl_status_message"
  test -z "$(foreign -D --defined-only "$shared")" || complain "$shared shows: $(foreign -D --defined-only "$shared")"
  readelf -d "$shared" | grep -q "SONAME.*libbeeline\.so\.${version%.*}\]" || complain "$shared: $(readelf -d "$shared" | grep SONAME)"
fi

# Its headers: each compiles alone, with neither the source tree nor config.h nor our flags.
mapfile -t headers < <(find "$includedir" -name '*.h')
test "${#headers[@]}" -ge 60 || complain "only these headers are installed: ${headers[*]}"
# shellcheck disable=SC2046
$(value CC) $(value MPI_CFLAGS) -std=c11 -Wall -Wextra -Werror -I"$includedir" -fsyntax-only -x c "${headers[@]}" 2>said ||
  complain "installed headers: $(head -n 20 said)"
grep -lE 'config\.h|dnnl|cyaml|zlib' -r "$includedir" | grep . && complain "the above are of the library itself: list them in private_headers"
for header in $(value private_headers); do
  test -f "$top_srcdir/$header" || complain "private_headers names $header, which is not there"
done
make -C "$top_builddir" -s installcheck DESTDIR="$scratch/root" >said 2>&1 || complain "make installcheck: $(cat said)"

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
    case :$PKG_CONFIG_PATH: in *":$(value libdir)/pkgconfig:"*) ;; *) exit 6 ;; esac
    eval "$("$program" bash unload "beeline/$version" 2>load.err)"
    case :$PATH: in *":$prefix/bin:"*) exit 4 ;; esac
    test -z "$BEELINE_EXPERIMENTS" || exit 5
  ) || complain "$program: 1 PATH, 2 MANPATH, 3 BEELINE_EXPERIMENTS, 6 PKG_CONFIG_PATH, 4 and 5 after unload: $?; $(cat load.err)"
done
test -n "$loaders" || echo "modulefile: not loaded, since neither Environment Modules nor Lmod is here"

test $failures -eq 0
