#!/bin/sh
# Makes the weights in this folder anew, in FOLDER: FOLDER/default is the preset.
# About eight hours on two cores. Run again after whatever stopped it, it goes on.
set -eu
folder=${1:?usage: recipe.sh FOLDER}
faceflow render pairs -o "$folder/rendered" --count 12000 --seed 21
# From nothing, every pixel counting alike, and with few steps, which is where most is learned in little time.
faceflow train flow "$folder/rendered" -o "$folder/first" --loss robust --background-weight 1 --elastic-amplitude 3 \
  --num-coarse-flow-updates 0 --num-flow-updates 3 --size 160 --batch-size 4 --epochs 12 --steps-per-epoch 1000 \
  --learning-rate 6e-4 --warmup-steps 300 --ema-momentum 0.998 --validation-share 0.02
# Then on faces of their full size.
faceflow train flow "$folder/rendered" -o "$folder/second" --init-from "$folder/first" --background-weight 1 --elastic-amplitude 3 \
  --num-coarse-flow-updates 0 --num-flow-updates 4 --size 192 --batch-size 4 --epochs 4 --steps-per-epoch 500 \
  --learning-rate 2e-4 --warmup-steps 100 --ema-momentum 0.998 --validation-share 0.02
# Then as it is used: steps at half of the size first, and what both frames show of the face counts most.
faceflow train flow "$folder/rendered" -o "$folder/third" --init-from "$folder/second" --background-weight 0.1 --elastic-amplitude 6 \
  --num-coarse-flow-updates 2 --num-flow-updates 3 --size 160 --batch-size 4 --epochs 20 --steps-per-epoch 500 \
  --learning-rate 4e-4 --warmup-steps 100 --ema-momentum 0.998 --validation-share 0.02
# Then on larger crops, whose motions and texture are those of a frame of 256 pixels.
faceflow train flow "$folder/rendered" -o "$folder/fourth" --init-from "$folder/third" --background-weight 0.1 --elastic-amplitude 6 \
  --size 224 --batch-size 8 --epochs 9 --steps-per-epoch 450 --learning-rate 4e-4 --warmup-steps 100 --ema-momentum 0.998 \
  --validation-share 0.02 --precision float32
faceflow train flow "$folder/rendered" -o "$folder/fifth" --init-from "$folder/fourth" --background-weight 0.1 --elastic-amplitude 6 \
  --size 224 --batch-size 8 --epochs 20 --steps-per-epoch 450 --learning-rate 4e-4 --warmup-steps 100 --ema-momentum 0.998 \
  --validation-share 0.02 --precision float32
# Then only the layers that estimate the error of the flow.
faceflow train flow "$folder/rendered" -o "$folder/sixth" --init-from "$folder/fifth" --layers uncertainty --background-weight 0.1 \
  --elastic-amplitude 6 --size 224 --batch-size 8 --epochs 6 --steps-per-epoch 500 --learning-rate 3e-3 --warmup-steps 100 \
  --ema-momentum 0.99 --validation-share 0.02 --precision float32
# All layers once more, and those of the error again.
faceflow train flow "$folder/rendered" -o "$folder/seventh" --init-from "$folder/sixth" --background-weight 0.1 --elastic-amplitude 6 \
  --size 224 --batch-size 8 --epochs 14 --steps-per-epoch 450 --learning-rate 4e-4 --warmup-steps 100 --ema-momentum 0.998 \
  --validation-share 0.02 --precision float32
faceflow train flow "$folder/rendered" -o "$folder/eighth" --init-from "$folder/seventh" --layers uncertainty --background-weight 0.1 \
  --elastic-amplitude 6 --size 224 --batch-size 8 --epochs 4 --steps-per-epoch 500 --learning-rate 3e-3 --warmup-steps 100 \
  --ema-momentum 0.99 --validation-share 0.02 --precision float32
# Then as a tracker asks, with most frames warped back by an approximate flow, and the layers of the error last.
faceflow train flow "$folder/rendered" -o "$folder/ninth" --init-from "$folder/eighth" --background-weight 0.1 --elastic-amplitude 6 \
  --residual-probability 0.7 --size 224 --batch-size 8 --epochs 7 --steps-per-epoch 450 --learning-rate 4e-4 --warmup-steps 100 \
  --ema-momentum 0.998 --validation-share 0.02 --precision float32
faceflow train flow "$folder/rendered" -o "$folder/default" --init-from "$folder/ninth" --layers uncertainty --background-weight 0.1 \
  --elastic-amplitude 6 --size 224 --batch-size 8 --epochs 4 --steps-per-epoch 500 --learning-rate 3e-3 --warmup-steps 100 \
  --ema-momentum 0.99 --validation-share 0.02 --precision float32
