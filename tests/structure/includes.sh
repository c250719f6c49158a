#!/bin/sh
# Includes point only downward: a file may include its own folder and those before it in this list.
cd "${top_srcdir:-.}/framework" || exit 99
order='base parallel linear spectral engine layer network store diffusion sampler reward learner metrics roles report table programs'

# The library behind the back end is the back end's own affair.
if grep -n 'include.*dnnl' ./*/*.[ch] | grep -v '^\./engine/'; then
  echo "oneDNN's headers are included in engine/ only: use engine/backend.h"
  exit 1
fi

grep -n '^ *# *include *"' -- */*.[ch] | awk -v order="$order" '
  BEGIN { n = split(order, names, " "); for (i = 1; i <= n; i++) level[names[i]] = i }
  {
    file = $0; sub(/:.*/, "", file)
    folder = file; sub(/\/.*/, "", folder)
    target = $0; sub(/^[^"]*"/, "", target); sub(/".*/, "", target)
    if (target == "config.h") next
    to = target; sub(/\/.*/, "", to)
    if (!(folder in level)) { print $0 ": the folder " folder " is not in the list of folders"; bad++ }
    else if (!(to in level)) { print $0 ": write it as \"folder/file.h\""; bad++ }
    else if (level[to] > level[folder]) { print $0 ": " folder " must not include " to ", which is above it"; bad++ }
  }
  END { if (NR == 0) { print "found no include at all"; exit 99 } exit bad > 0 }'
