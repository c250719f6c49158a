#!/bin/sh
# Refusals of beeline import.
. "$top_srcdir/tests/support/refuse.sh"
. "$top_srcdir/tests/support/refuse_files.sh"

idx short.idx '\0\0\010\003\0\0\0\004\0\0\0\010\0\0\0\010' 200
idx labels.idx '\0\0\010\001\0\0\0\003' 3
idx header.idx '\0\0\010\003\0\0\0\004\0\0' 0
idx huge.idx '\0\0\010\003\177\377\377\377\0\0\377\377\0\0\377\377' 10
gzip -c images.idx | head -c 30 > short.idx.gz
mkdir -p pictures/a
cp words pictures/a/words.png
refused 0 'import.images' import --output new.nc
refused 0 'missing.idx' import --set import.images=missing.idx --output new.nc
refused 0 'short.idx' import --set import.images=short.idx --output new.nc
refused 0 'header.idx' import --set import.images=header.idx --output new.nc
refused 0 'huge.idx' import --set import.images=huge.idx --output new.nc
refused 0 'short.idx.gz' import --set import.images=short.idx.gz --output new.nc
refused 0 'words' import --set import.images=words --output new.nc
refused 0 'nothing' import --set import.images=nothing --output new.nc
refused 0 'folder' import --set import.images=folder --output new.nc
refused 0 'labels.idx' import --set import.images=images.idx --set import.labels=labels.idx --output new.nc
refused 0 'import.format is "tiff"' import --set import.format=tiff --set import.images=images.idx --output new.nc
refused 0 'words.png' import --set import.format=folder --set import.images=pictures --output new.nc
refused 0 'folder' import --set import.format=cifar10 --set import.images=folder --output new.nc
refused 0 'output is "" (the default)' import --set import.images=images.idx
refused 0 'expected a data set, which is netCDF: name it new.nc' import --set import.images=images.idx --output new.csv
: > empty.idx
refused 0 'empty.idx: is empty (0 bytes)' import --set import.images=empty.idx --output new.nc
refused 0 'import.resize is 8, expected its default: import.format is idx, and only folder has a use for it' import --set import.images=images.idx --set import.resize=8 --output new.nc
printf '\377\376s\0e\0' > wide.yaml
refused 2 'wide.yaml: is text in UTF-16LE, expected UTF-8' import wide.yaml --output new.nc
: > empty.yaml
refused 0 'empty.yaml:1: the configuration is empty' import empty.yaml --output new.nc
refused 0 'words/new.nc' import --set import.images=images.idx --output words/new.nc
refused 0 'folder' import --set import.images=images.idx --output folder
refused 2 'short.idx' import --set import.images=short.idx --output new.nc

finish
