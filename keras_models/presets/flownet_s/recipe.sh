#!/bin/sh
# Makes the weights in this folder anew, in FOLDER: FOLDER/flownet_s is the preset.
# Run again after whatever stopped it, it goes on.
set -eu
folder=${1:?usage: recipe.sh FOLDER}
faceflow render pairs -o "$folder/rendered" --count 12000 --seed 21
# On small crops, which teach most in little time.
faceflow train flow "$folder/rendered" -o "$folder/flownet_s_first" --network flownet_s --width 0.25 --elastic-amplitude 6 \
  --size 128 --batch-size 8 --epochs 12 --steps-per-epoch 1000 \
  --learning-rate 1e-3 --warmup-steps 200 --ema-momentum 0.998 --validation-share 0.02
faceflow train flow "$folder/rendered" -o "$folder/flownet_s_second" --init-from "$folder/flownet_s_first" --elastic-amplitude 6 \
  --size 192 --batch-size 8 --epochs 10 --steps-per-epoch 500 \
  --learning-rate 5e-4 --warmup-steps 100 --ema-momentum 0.998 --validation-share 0.02
# On the face alone, and with more of the motions of some pixels that it is worst at.
faceflow train flow "$folder/rendered" -o "$folder/flownet_s_third" --init-from "$folder/flownet_s_second" --margin 0 \
  --relative-probability 0.9 --elastic-amplitude 8 --relative-translation 2 --relative-rotation 1.5 --relative-scale 0.02 \
  --size 192 --batch-size 8 --epochs 8 --steps-per-epoch 1000 \
  --learning-rate 5e-4 --warmup-steps 200 --ema-momentum 0.998 --validation-share 0.02
# With three flow updates, whose weights are shared.
faceflow train flow "$folder/rendered" -o "$folder/flownet_s_fourth" --init-from "$folder/flownet_s_third" --num-flow-updates 3 --margin 0 \
  --relative-probability 0.9 --elastic-amplitude 8 --relative-translation 2 --relative-rotation 1.5 --relative-scale 0.02 \
  --size 128 --batch-size 4 --epochs 2 --steps-per-epoch 400 \
  --learning-rate 1e-4 --warmup-steps 50 --ema-momentum 0.99 --validation-share 0.02
# Last, as published and as it is used, with one. About two hours on two cores.
faceflow train flow "$folder/rendered" -o "$folder/flownet_s_fifth" --init-from "$folder/flownet_s_fourth" --num-flow-updates 1 --margin 0 \
  --relative-probability 0.8 --elastic-amplitude 6 --relative-translation 1.5 --relative-rotation 1.2 --relative-scale 0.015 \
  --size 192 --batch-size 8 --epochs 14 --steps-per-epoch 1000 \
  --learning-rate 7e-4 --warmup-steps 200 --ema-momentum 0.998 --validation-share 0.02 --precision float32
faceflow train flow "$folder/rendered" -o "$folder/flownet_s" --init-from "$folder/flownet_s_fifth" --num-flow-updates 1 --margin 0 \
  --relative-probability 0.8 --elastic-amplitude 6 --relative-translation 1.5 --relative-rotation 1.2 --relative-scale 0.015 \
  --size 192 --batch-size 8 --epochs 12 --steps-per-epoch 1000 \
  --learning-rate 7e-4 --warmup-steps 200 --ema-momentum 0.998 --validation-share 0.02 --precision float32
