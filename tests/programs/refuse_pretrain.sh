#!/bin/sh
# Refusals of beeline pretrain.
. "$top_srcdir/tests/support/refuse.sh"
. "$top_srcdir/tests/support/refuse_files.sh"

prepare
refused 0 '--set data.file=words: data.file: words: not a netCDF file' pretrain denoise.yaml --set data.file=words --output new
refused 0 'images.idx: not a netCDF file' pretrain denoise.yaml --set data.file=images.idx --output new
refused 0 'is empty (0 bytes)' pretrain denoise.yaml --set data.file=nothing --output new
refused 0 'cut.nc: damaged or cut off' pretrain denoise.yaml --set data.file=cut.nc --output new
refused 0 'missing.nc: No such file' pretrain denoise.yaml --set data.file=missing.nc --output new
refused 0 'model/model.nc: no data set' pretrain denoise.yaml --set data.file=model/model.nc --output new
refused 2 'words: not a netCDF file' pretrain denoise.yaml --set data.file=words --output new
refused 0 'denoise.yaml:10: learner.batch is 16, expected a multiple of learner.micro_batch (6)' \
  pretrain denoise.yaml --set learner.micro_batch=6 --output new
refused 0 'learner.name is "sft_pg"' pretrain denoise.yaml --set learner.name=sft_pg --output new
refused 0 'network.kind is "gan"' pretrain denoise.yaml --set network.kind=gan --output new
refused 0 'network.kind: unet: ' pretrain denoise.yaml --set network.kind=unet --output new
refused 0 'diffusion.schedule is "cubic"' pretrain denoise.yaml --set diffusion.schedule=cubic --output new
refused 0 'denoise.yaml:6: diffusion.beta_first' pretrain denoise.yaml --set diffusion.beta_last=1e-6 --output new
refused 0 'labels' pretrain denoise.yaml --set learner.name=classify --set network.kind=classifier --output new
refused 0 'data.test is "roll.nc"' pretrain denoise.yaml --set data.test=roll.nc --output new
refused 0 'its diffusion is ' pretrain denoise.yaml --set network.start=model/model.nc --set diffusion.steps=17 --output new
refused 0 'expected' pretrain denoise.yaml --set network.start=model/model.nc --set network.widths=[5] --output new
refused 2 'words: not a netCDF file' pretrain denoise.yaml --set network.start=words --output new
refused 0 'output is "" (the default)' pretrain denoise.yaml
refused 0 'words is not a folder' pretrain denoise.yaml --output words
refused 0 'words/new' pretrain denoise.yaml --output words/new
refused 2 'words/new' pretrain denoise.yaml --output words/new
refused 2 '--roles=3:0:1: roles 3:0:1 do not fit' pretrain denoise.yaml --roles 3:0:1 --output new
refused 4 '--roles=1:0:1: roles 1:0:1 leave 2 of 4 ranks without a role' pretrain denoise.yaml --roles 1:0:1 --output new

works pretrain denoise.yaml --set checkpoint.stop=1 --output stopped
refused 0 'stopped holds the checkpoint of an unfinished run' pretrain denoise.yaml --output stopped
refused 0 'made with another configuration' pretrain denoise.yaml --seed 2 --output stopped --resume
refused 2 'made with another configuration' pretrain denoise.yaml --seed 2 --output stopped --resume
for file in stopped/checkpoint*; do head -c 3000 "$file" >part && mv part "$file"; done
refused 0 'none of its 1 checkpoints is intact' pretrain denoise.yaml --output stopped --resume

finish
