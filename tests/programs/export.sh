#!/bin/bash
# beeline export and import of models: the same bits by way of diffusers' folder and of safetensors, and refusals.
. "$top_srcdir/tests/support/script.sh"

cat >digits.yaml <<YAML
data: {file: $top_srcdir/experiments/digits/digits.nc}
network: {kind: unet, base_channels: 32, multipliers: [1, 2], blocks: 1, attention: [4], dropout: 0}
diffusion: {schedule: quadratic, steps: 100, beta_first: 1e-4, beta_last: 0.1}
learner: {name: denoise, rounds: 2, batch: 8, micro_batch: 8, average: 0.5}
checkpoint: {every: 1, stop: 1}
sampler: {steps: 3, grid: step_linear, count: 8}
YAML
run 1 pretrain digits.yaml --output run
checkpoint=run/checkpoint-000001.nc
# The checksum of a part of a model, as inspect prints it, and the one of all numbers of a safetensors file.
checksum() { "$BEELINE" inspect "$1" 2>&1 | sed -n "s/^  $2  .* \([0-9a-f]\{8\}\)\$/\1/p"; }
model() { "$BEELINE" inspect "$1" 2>&1 | sed -n '/^  network /,/^  rounds done/p' | grep -v -e 'rounds done' -e 'step embeddings' -e 'classes'; } # a unet needs none

run 1 export $checkpoint --output pipeline
said 'pipeline: '
run 2 export $checkpoint --set model.weights=last --output last.safetensors
for file in model_index.json unet/config.json unet/diffusion_pytorch_model.safetensors scheduler/scheduler_config.json; do
  test -s pipeline/$file || complain "pipeline/$file is missing"
done
find pipeline -name '*.lock' -o -name '*.partial' | grep . && complain "something is left over"
run 2 import --set import.format=diffusers --set import.model=pipeline --output back.nc
said 'back.nc: a U-Net for images of 8 x 8, 1 channel, '
run 1 import --set import.format=ddpm --set import.model=last.safetensors --output last.nc
test -n "$(checksum $checkpoint average)" || complain "no moving average: $("$BEELINE" inspect $checkpoint)"
test "$(checksum back.nc model)" = "$(checksum $checkpoint average)" || complain "other bits by diffusers"
test "$(checksum last.nc model)" = "$(checksum $checkpoint model)" || complain "other bits by safetensors"
test "$(checksum last.safetensors 'all real numbers')" = "$(checksum $checkpoint model)" || complain "inspect tells another checksum"
for file in back.nc last.nc; do
  model $checkpoint >expected
  model $file | diff expected - || complain "$file is another model"
done
shows last.safetensors 'conv_in\.weight +F32 +\[32, 1, 3, 3\]' 'beeline\.schedule +quadratic' 'source +Beeline' 'exported by +Beeline'
shows back.nc 'inputs +import\.model [0-9a-f]{8}'

shows pipeline '_class_name +"DDPMPipeline"' 'block_out_channels +\[32, 64\]' 'beta_schedule +"scaled_linear"' '  conv_norm_out\.bias +F32'
refuse 0 'run: is a folder, expected a file, or a folder of diffusers' inspect run

# What came back draws what was sent.
run 1 sample digits.yaml --set model.file=$checkpoint --output samples.nc
run 1 sample digits.yaml --set model.file=back.nc --output samples-back.nc
same_values samples.nc samples-back.nc || complain "it draws other samples: $(cat why)"
run 1 export $checkpoint --output pipeline
said 'is replaced'

# With the chain of few steps: a scheduler of as many betas, and a row of the embedding for each time.
run 1 export $checkpoint --set export.chain=true --set sampler.steps=5 --output chain
said 'draws by DDPMPipeline, called with num_inference_steps=5'
shows chain/unet/diffusion_pytorch_model.safetensors 'time_proj\.weight +F32 +\[5, 32\]'
grep -q '"time_embedding_type": "learned"' chain/unet/config.json || complain "the embedding is not learned: $(cat chain/unet/config.json)"
run 1 export $checkpoint --set export.chain=true --set sampler.steps=5 --set sampler.kappa=0.5 --output chain
said 'draws by DDIMPipeline, called with num_inference_steps=5, eta=0.5'
grep -q '"DDIMPipeline"' chain/model_index.json || complain "no DDIMPipeline: $(cat chain/model_index.json)"
refuse 1 'sampler.name is "unipc"' export $checkpoint --set export.chain=true --set sampler.name=unipc --set sampler.grid=time --output no
refuse 0 'expected ddpm with small variance' export $checkpoint --set export.chain=true --set sampler.name=ddpm \
  --set sampler.grid=linear --set sampler.variance=large --output no
refuse 0 'sampler.clip' export $checkpoint --set export.chain=true --set sampler.clip=true --output no
refuse 0 'export.chain' export $checkpoint --set export.chain=true --output no.safetensors

# Refusals, and nothing is written.
run 1 import --set import.format=swiss_roll --set import.count=20 --output roll.nc
run 1 pretrain --set data.file=roll.nc --set network.kind=mlp --set 'network.widths=[8]' --set learner.name=denoise \
  --set learner.rounds=1 --set learner.batch=16 --set diffusion.steps=10 --output roll
run 1 export roll/model.nc --output roll.safetensors
run 1 pretrain digits.yaml --set network.patch=2 --set 'network.attention=[2]' --output patches
refuse 1 'holds a network of kind mlp, which diffusers has no word for' export roll/model.nc --output no
refuse 1 'works on patches of 2 x 2 pixels' export patches/checkpoint-000001.nc --output no
refuse 0 'for example --output diffusers' export $checkpoint --output no.nc
refuse 0 'no file is given' export --output no
refuse 0 'one word too many' export $checkpoint $checkpoint --output no
refuse 0 'model.weights' export $checkpoint --set model.weights=best --output no
refuse 1 'roll.nc' export roll.nc --output no
refuse 0 'import.model' import --set import.format=diffusers --output no.nc
refuse 0 'import.limit' import --set import.format=ddpm --set import.model=last.safetensors --set import.limit=5 --output no.nc
refuse 0 'import.model is "last.safetensors", expected its default' import --set import.format=swiss_roll --set import.model=last.safetensors --output no.nc
refuse 0 'has no tensor conv_in.weight' import --set import.format=ddpm --set import.model=roll.safetensors --output no.nc
# A network with all that diffusers' can differ in.
run 1 pretrain digits.yaml --set 'network.attention=[16]' --set 'network.attention_levels=[1]' --set network.head_width=8 \
  --set network.groups=16 --set network.norm_epsilon=1e-5 --set network.down_padding=1 --set network.embedding=cosine_first \
  --set network.frequency_shift=0 --output variant
run 1 export variant/checkpoint-000001.nc --output variant-pipeline
run 1 export variant/checkpoint-000001.nc --output variant.safetensors
for pair in 'attention_head_dim +8' 'norm_eps +1e-5' 'flip_sin_to_cos +true' 'freq_shift +0' 'norm_num_groups +16' 'downsample_padding +1'; do
  shows variant-pipeline "$pair"
done
run 1 import --set import.format=diffusers --set import.model=variant-pipeline --output variant-back.nc
run 1 import --set import.format=ddpm --set import.model=variant.safetensors --output variant-last.nc
for file in variant-back.nc variant-last.nc; do
  test "$(checksum $file model)" = "$(checksum variant/checkpoint-000001.nc average)" || complain "other bits in $file"
  run 1 sample digits.yaml --set model.file=$file --output samples-$file
done
run 1 sample digits.yaml --set model.file=variant/checkpoint-000001.nc --output samples-variant.nc
for file in variant-back.nc variant-last.nc; do
  same_values samples-variant.nc samples-$file || complain "$file draws other samples: $(cat why)"
done

sed -i 's/"downsample_padding": 0/"downsample_padding": 2/' pipeline/unet/config.json
refuse 1 'pipeline/unet/config.json: downsample_padding: found 2, supported: 0 to 1' import --set import.format=diffusers \
  --set import.model=pipeline --output no.nc
head -c 5000 last.safetensors >cut.safetensors
refuse 0 'cut.safetensors: ' import --set import.format=ddpm --set import.model=cut.safetensors --output no.nc
refuse 0 'cut.safetensors: ' inspect cut.safetensors
test -e no.nc -o -e no && complain "a refused command wrote its output"
test $failures -eq 0
