#!/bin/sh
# Help for people: complete, true to the keys that there are, in accordance with the man page, and printed without MPI.
. "$top_srcdir/tests/support/script.sh"

# Every key as section.key, and every section.
keys=$("$BEELINE" --defaults | awk '
  /^ *#/ || /^ *$/ { next }
  { depth = (match($0, /[^ ]/) - 1) / 2; split($1, name, ":"); path[depth] = name[1]
    key = path[0]; for (i = 1; i <= depth; i++) key = key "." path[i]
    print key }')
test "$(echo "$keys" | wc -l)" -gt 70 || complain "--defaults has too few keys"

manual=$top_srcdir/framework/programs/beeline.1
overview=$("$BEELINE" --help) || complain "--help fails"
commands=$(echo "$overview" | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p')
for command in $commands; do
  help=$("$BEELINE" $command --help 2>&1) || complain "$command --help fails"
  for part in 'usage: ' 'Example' 'Exit status:'; do
    echo "$help" | grep -q "^$part" || complain "$command --help lacks: $part"
  done
  echo "$help" | awk 'length > 120 { print; bad = 1 } END { exit bad }' ||
    complain "$command --help: a long line"
  for key in $(echo "$help" | grep -oE '\b[a-z]+(\.[a-z_0-9]+)+(\.\*)?' | grep -vE '\.(nc|yaml|png|txt|gz|jpg|csv|md|tex|json|safetensors|py)$'); do
    echo "$keys" | grep -qx "${key%.\*}" || complain "$command --help names the key $key, which there is not"
  done
  grep -q "^\.It Cm $command\$" "$manual" || complain "the man page lacks the command $command"
done
for option in $(echo "$overview" | sed -n 's/^  --\([a-z]*\) .*/\1/p'); do
  grep -q "^\.It Fl .-$option" "$manual" || complain "the man page lacks the option --$option"
done
"$BEELINE" --version | grep -qE '^beeline [0-9]+\.[0-9]+.* \(commit [0-9a-z-]+\)$' || complain "--version: $("$BEELINE" --version)"
test $failures -eq 0
