#!/bin/sh
# Refusals of beeline sample, evaluate and inspect, and of folders that cannot be written into.
. "$top_srcdir/tests/support/refuse.sh"
. "$top_srcdir/tests/support/refuse_files.sh"

prepare
refused 0 'model.file' sample --output new.nc
refused 0 'words: not a netCDF file' sample --set model.file=words --output new.nc
refused 0 'roll.nc: no model' sample --set model.file=roll.nc --output new.nc
refused 0 'sampler.steps is 21' sample finetune.yaml --set sampler.steps=21 --output new.nc
refused 0 'output is "" (the default)' sample finetune.yaml
refused 0 '--output=few.png: output is "few.png", expected a data set, which is netCDF: name it few.nc; its picture' sample finetune.yaml --output few.png
refused 2 'name it few.nc; its picture is written next to it' sample finetune.yaml --output few.PNG
refused 0 'name it s/all.v2.nc' sample finetune.yaml --output s/all.v2.npz
refused 0 'expected a table: name it judged.nc for netCDF, or judged.txt for text' evaluate finetune.yaml --set metrics.samples=images.nc --output judged.png
refused 0 'words/new.nc' sample finetune.yaml --output words/new.nc
refused 2 'words/new.nc' sample finetune.yaml --output words/new.nc
refused 0 'metrics.samples' evaluate finetune.yaml
refused 0 'missing.nc: No such file' evaluate finetune.yaml --set metrics.samples=missing.nc
refused 0 'images.nc' evaluate finetune.yaml --set metrics.samples=images.nc
refused 0 'words: not a netCDF file' evaluate finetune.yaml --set metrics.samples=words
refused 0 'words: not a netCDF file' inspect words
refused 0 'missing.nc: No such file' inspect missing.nc
refused 0 'folder' inspect folder
refused 0 'cut.nc: damaged or cut off' inspect cut.nc
refused 2 'cut.nc: damaged or cut off' inspect cut.nc

closed=folder
chmod 555 folder
if test "$(id -u)" -eq 0; then # whom permissions do not bind
  closed=/proc
fi
if test "$closed" = folder || test -d /proc/self; then
  refused 0 "$closed" import --set import.images=images.idx --output $closed/new.nc
  refused 0 "$closed" pretrain denoise.yaml --output $closed/new
  refused 0 "$closed" finetune finetune.yaml --output $closed/new
  refused 2 "$closed" finetune finetune.yaml --output $closed/new
  refused 0 "$closed" sample finetune.yaml --output $closed/new.nc
fi

finish
