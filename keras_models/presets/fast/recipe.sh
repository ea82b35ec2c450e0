#!/bin/sh
# Makes the weights in this folder anew, in FOLDER: FOLDER/fast is the preset.
# About three hours on two cores. Run again after whatever stopped it, it goes on.
set -eu
folder=${1:?usage: recipe.sh FOLDER}
faceflow render pairs -o "$folder/rendered" --count 12000 --seed 21
# From nothing, on small crops, which is where most is learned in little time.
faceflow train flow "$folder/rendered" -o "$folder/stage1" --network block_flow --loss robust --background-weight 0.1 \
  --elastic-amplitude 6 --size 160 --batch-size 8 --epochs 40 --steps-per-epoch 500 --learning-rate 1.2e-3 \
  --warmup-steps 500 --ema-momentum 0.998 --validation-share 0.02 --precision float32
# On larger crops, where motions are larger.
faceflow train flow "$folder/rendered" -o "$folder/stage2" --init-from "$folder/stage1" --loss robust --background-weight 0.1 \
  --elastic-amplitude 6 --size 224 --batch-size 8 --epochs 14 --steps-per-epoch 500 --learning-rate 6e-4 \
  --warmup-steps 200 --ema-momentum 0.998 --validation-share 0.02 --precision float32
faceflow train flow "$folder/rendered" -o "$folder/stage3" --init-from "$folder/stage2" --loss robust --background-weight 0.1 \
  --elastic-amplitude 6 --size 224 --batch-size 8 --epochs 24 --steps-per-epoch 500 --learning-rate 6e-4 \
  --warmup-steps 200 --ema-momentum 0.998 --validation-share 0.02 --precision float32
# At last by the mean error itself.
faceflow train flow "$folder/rendered" -o "$folder/fast" --init-from "$folder/stage3" --loss epe --background-weight 0.1 \
  --elastic-amplitude 6 --size 224 --batch-size 8 --epochs 16 --steps-per-epoch 500 --learning-rate 5e-4 \
  --warmup-steps 200 --ema-momentum 0.998 --validation-share 0.02 --precision float32
