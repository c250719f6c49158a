#!/bin/sh
# beeline pretrain: the accuracy of a classifier on a test set, and a start from a model.
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
same=$(cd "$top_builddir" && pwd)/tests/support/same_values
cd "$scratch" || exit 99
failures=0
fail() {
  echo "FAIL: $*" >&2
  failures=$((failures + 1))
}
digits=$top_srcdir/experiments/digits/digits.nc
cat > classify.yaml << END
data: {file: $digits, test: $digits}
network: {kind: classifier, widths: [8, 16]}
learner: {name: classify, rounds: 60, batch: 64, micro_batch: 16, average: 0.9, optimiser: {rate: {first: 3e-3}}}
END

# 1797 is no multiple of the micro-batch, so that the last one is partly empty.
for ranks in 1 3; do
  $MPIEXEC $MPIEXEC_FLAGS -n $ranks "$BEELINE" pretrain classify.yaml --output run$ranks > said$ranks 2>&1 < /dev/null ||
    fail "$(cat said$ranks)"
done
own=$(sed -n 's/^ *accuracy on its data *\([0-9.]* %\).*/\1/p' said1)
test -n "$own" || fail "no accuracy in: $(cat said1)"
for ranks in 1 3; do
  grep -q "accuracy in the test *$own of the 1797 samples" said$ranks || fail "accuracy $own, but: $(cat said$ranks)"
  "$BEELINE" inspect run$ranks/model.nc > shown 2>&1
  grep -q "test accuracy *$own" shown || fail "accuracy $own, but: $(cat shown)"
done
share=${own%%.*}
test "${share:-0}" -gt 30 || fail "accuracy $own after 60 steps: no better than chance"

# From a model on, with a rate of nothing: the same weights, unless they are to be fresh.
cat > go_on.yaml << END
data: {file: $digits}
network: {start: run1/model.nc, kind: classifier, widths: [8, 16]}
learner: {name: classify, rounds: 1, batch: 16, micro_batch: 16, optimiser: {rate: {first: 0}}}
END
"$BEELINE" pretrain go_on.yaml --output on > said 2>&1 || fail "$(cat said)"
"$same" run1/model.nc on/model.nc > said 2>&1 || fail "going on from a model changed it: $(cat said)"
"$BEELINE" pretrain go_on.yaml --set network.start='""' --output fresh > said 2>&1 || fail "$(cat said)"
"$same" run1/model.nc fresh/model.nc > said 2>&1 && fail "fresh weights are those of the model"
test $failures -eq 0
