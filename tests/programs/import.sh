#!/bin/sh
# beeline import: each format becomes a data set, and beeline inspect shows it; the same file on any number of ranks.
. "$top_srcdir/tests/support/script.sh"
digits=$top_srcdir/experiments/digits/digits.nc

# Two 2 x 2 images: 0 1 2 3 and 16 16 16 16; labels 1 and 0.
printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002\0\001\002\003\020\020\020\020' | gzip > images.gz
printf '\0\0\010\001\0\0\0\002\001\0' > labels.idx
cat > import.yaml << 'END'
title: a test
import: {format: idx, images: images.gz, labels: labels.idx, maximum: 16}
END
"$BEELINE" import import.yaml --output idx.nc > printed || complain "idx"
grep -q '^idx.nc: 2 images of 2 x 2, 1 channel, 2 classes' printed || complain "import says: $(cat printed)"
# (0 + 16 + 32 + 48 + 4 * 255) / 8 = 139.5
shows idx.nc 'data set' '2 images, 2 pixels high, 2 wide, 1 channel' '^ +0 +139.5 ' 'title +a test' 'history .*import.yaml' 'seed +1$'

"$BEELINE" import --set import.format=swiss_roll --set import.count=50 --output roll.nc > printed || complain "swiss roll"
shows roll.nc '50 points of 2 dimensions'
$MPIEXEC $MPIEXEC_FLAGS -n 2 "$BEELINE" import --set import.format=swiss_roll --set import.count=50 --output roll2.nc > printed \
  || complain "swiss roll on two ranks"
"$BEELINE" inspect roll.nc | sed -n '/coordinate/,/^$/p' > one
"$BEELINE" inspect roll2.nc | sed -n '/coordinate/,/^$/p' > two
cmp -s one two || complain "one and two ranks drew other points"

mkdir cifar
head -c 3073 /dev/zero | tr '\0' '\003' > cifar/test_batch.bin
printf 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n' > cifar/batches.meta.txt
"$BEELINE" import --set import.format=cifar10 --set import.images=cifar --set import.part=test --output cifar.nc > printed \
  || complain "cifar10"
shows cifar.nc '1 images, 32 pixels high, 32 wide, 3 channels' '^ +3 +1 +d$' '^ +2 +3 +0 +3 +3$'

# A configuration as Notepad saves it, and a folder with a bad picture, which is left out and counted.
mkdir -p pictures/one pictures/two
cp "$top_srcdir/experiments/digits/before-after.png" pictures/one/a.jpg
cp "$top_srcdir/experiments/digits/before-after.png" pictures/two/b.PNG
printf 'RIFF\020\0\0\0WEBPVP8L' > pictures/two/c.png
printf '\357\273\277import:\r\n  format: folder\r\n  images: pictures\r\n  resize: 8\r\n  skip_bad: True\r\n' > bom.yaml
"$BEELINE" import bom.yaml --output pictures.nc > printed 2> said || complain "a byte order mark: $(cat said)"
grep -q '^pictures.nc: 2 images of 8 x 8, 1 channel, 2 classes, 1 picture left out, in ' printed || complain "import says: $(cat printed)"
said 'pictures/two/c.png: is a WebP picture, whatever its name; expected PNG or JPEG, so convert it'
said '1 of 3 pictures cannot be read and were left out (import.skip_bad)'
shows pictures.nc '2 images, 8 pixels high' '^ +0 +1 +one$' '^ +1 +1 +two$' 'pictures left out +1$'

shows "$digits" '1797 images, 8 pixels high, 8 wide, 1 channel' '^ +0 +178' '^ +9 +180'

# A full disk: the old file stays, the message says how much was needed. Needs a file system of our own.
mkdir disk
cat > full.sh << 'END'
mount -t tmpfs -o size=64k none disk || exit 77
"$BEELINE" import --set import.format=swiss_roll --set import.count=50 --output disk/roll.nc || exit 1
"$BEELINE" inspect disk/roll.nc > before || exit 1
"$BEELINE" import --set import.format=swiss_roll --set import.count=100000 --output disk/roll.nc 2> message
test $? -eq 74 || exit 2
"$BEELINE" inspect disk/roll.nc > after || exit 3
cmp before after || exit 4
test "$(ls disk)" = roll.nc || exit 5
END
unshare -rm true 2> /dev/null && unshare -rm sh full.sh > full.log 2>&1
status=$?
if test $status -eq 0; then
  grep -q 'No space left on device: .*; [0-9]* bytes are needed' message || complain "full disk: $(cat message)"
  shows idx.nc 'data set'
elif grep -q 'mount' full.log 2> /dev/null || ! test -e full.log; then
  echo "the full disk was not tried: no name space of our own"
else
  complain "full disk: step $status: $(cat full.log message)"
fi
test $failures -eq 0
