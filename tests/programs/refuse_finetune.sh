#!/bin/sh
# Refusals of beeline finetune.
. "$top_srcdir/tests/support/refuse.sh"
. "$top_srcdir/tests/support/refuse_files.sh"

prepare
refused 0 'sampler.name is "ddom"' finetune finetune.yaml --set sampler.name=ddom --output new
refused 4 'sampler.name is "ddom"' finetune finetune.yaml --set sampler.name=ddom --output new
refused 0 'sampler.grid is "cubic"' finetune finetune.yaml --set sampler.grid=cubic --output new
refused 0 'sampler.steps is 21, expected 1 to 20' finetune finetune.yaml --set sampler.steps=21 --output new
refused 0 'finetune.yaml:6: sampler.steps is 4, expected' finetune finetune.yaml \
  --set sampler.name=ddpm --set sampler.grid=full --output new
refused 0 'sampler.kappa is 0, expected settings with noise' finetune finetune.yaml --set sampler.kappa=0 --output new
refused 0 'no log-density' finetune finetune.yaml --set sampler.final_sigma=0 --output new
refused 0 'learner.log_density' finetune finetune.yaml --set learner.log_density=product --output new
refused 0 'critic.regulariser' finetune finetune.yaml --set critic.regulariser=hope --output new
refused 0 'critic.start: missing.nc' finetune finetune.yaml --set critic.start=missing.nc --output new
refused 2 'critic.start: model/model.nc' finetune finetune.yaml --set critic.start=model/model.nc --output new
refused 0 'critic.spectral_bound is gone since' finetune finetune.yaml --set critic.spectral_bound=1 --output new
refused 3 'learner.step_weight: even is gone since' finetune finetune.yaml --set learner.step_weight=even --output new
refused 0 'monitor.held_out is 9, expected 0 without data.test' finetune finetune.yaml --set monitor.held_out=9 --output new
refused 2 'data.test: missing.nc' finetune finetune.yaml --set monitor.held_out=9 --set data.test=missing.nc --output new
refused 2 'images.nc: samples are not like those of' finetune finetune.yaml --set monitor.held_out=9 \
  --set data.test=images.nc --output new
refused 0 'learner.optimiser.name' finetune finetune.yaml --set learner.optimiser.name=sgd --output new
refused 0 'critic.optimiser.rate.decay' finetune finetune.yaml --set critic.optimiser.rate.decay=sudden --output new
refused 0 'finetune.yaml:7: learner.batch is 16' finetune finetune.yaml --set learner.micro_batch=5 --output new
refused 0 'images.nc: samples are 1 × 8 × 8, but model/model.nc' finetune finetune.yaml --set data.file=images.nc --output new
refused 2 'images.nc: samples are 1 × 8 × 8, but model/model.nc' finetune finetune.yaml --set data.file=images.nc --output new
refused 0 'model.file: roll.nc: no model' finetune finetune.yaml --set model.file=roll.nc --output new
refused 0 'model.file: words: not a netCDF file' finetune finetune.yaml --set model.file=words --output new
refused 0 'model.weights is "best"' finetune finetune.yaml --set model.weights=best --output new
refused 0 'metrics.classifier: missing.nc' finetune finetune.yaml --set metrics.classifier=missing.nc --output new
refused 0 'metrics.samples: missing.nc' finetune finetune.yaml --set metrics.samples=missing.nc --output new
refused 0 'images.nc: samples are images of 64 elements, expected points of 2' finetune finetune.yaml --set metrics.samples=images.nc --output new
refused 0 'words/new' finetune finetune.yaml --output words/new
refused 0 '--roles=2:1:1: roles 2:1:1 do not fit' finetune finetune.yaml --roles 2:1:1 --output new
refused 0 'roles "many" are not' finetune finetune.yaml --roles many --output new
refused 2 '--roles=3:1:1: roles 3:1:1 do not fit' finetune finetune.yaml --roles 3:1:1 --output new
refused 4 '--roles=1:1:1: roles 1:1:1 leave 1 of 4 ranks' finetune finetune.yaml --roles 1:1:1 --output new
refused 4 '--roles=2:0:2: roles is "2:0:2"' finetune finetune.yaml --roles 2:0:2 --output new

refused 0 'learner.keep is "all"' finetune finetune.yaml --set learner.keep=all --output new
refused 0 'sampler.clip' finetune finetune.yaml --set learner.name=backprop_chain --set sampler.clip=true --output new

# beeline distill
refused 0 'learner.name is "sft_pg" (the default), expected distill' distill finetune.yaml --output new
refused 2 'learner.name is "sft_pg" (the default), expected distill' distill finetune.yaml --output new
distilling='distill finetune.yaml --set learner.name=distill --set distill.first=4'
refused 0 'distill.first is 6, expected distill.last (4) times 2' $distilling --set distill.first=6 --set distill.last=4 --output new
refused 0 'distill.first is 4, expected distill.last (4) times 2' $distilling --set distill.last=4 --output new
refused 0 'distill.first is 32, expected at most 20' $distilling --set distill.first=32 --output new
refused 0 'distill.prediction: the prediction is "noise"' $distilling --set distill.prediction=noise --output new
refused 0 'distill.weight is "all"' $distilling --set distill.weight=all --output new
refused 0 'learner.rounds is 0' $distilling --set learner.rounds=0 --output new
refused 4 'images.nc: samples are 1 × 8 × 8, but model/model.nc' $distilling --set data.file=images.nc --output new
works $distilling --output student
works finetune finetune.yaml --set model.file=student/model.nc --output tuned # it predicts v
refused 0 'predicts v, but moments are' moments finetune.yaml --set model.file=student/model.nc --output moments.nc

finish
