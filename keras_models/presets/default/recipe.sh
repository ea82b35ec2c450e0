#!/bin/sh
# Makes the weights in this folder anew, in FOLDER: FOLDER/default is the preset.
# About three hours on two cores. Run again after whatever stopped it, it goes on.
set -eu
folder=${1:?usage: recipe.sh FOLDER}
faceflow render pairs -o "$folder/rendered" --count 12000 --seed 21
# From nothing, every pixel counting alike, and with few steps, which is where most is learned in little time.
faceflow train flow "$folder/rendered" -o "$folder/first" --loss robust --background 1 --bend 3 \
  --coarse-refinements 0 --refinements 3 --size 160 --batch 4 --epochs 12 --epoch-steps 1000 \
  --learning-rate 6e-4 --warmup 300 --averaging 0.998 --validation-share 0.02
# Then on faces of their full size.
faceflow train flow "$folder/rendered" -o "$folder/second" --start "$folder/first" --background 1 --bend 3 \
  --coarse-refinements 0 --refinements 4 --size 192 --batch 4 --epochs 4 --epoch-steps 500 \
  --learning-rate 2e-4 --warmup 100 --averaging 0.998 --validation-share 0.02
# At last as it is used: steps at half of the size first, and what both frames show of the face counts most.
faceflow train flow "$folder/rendered" -o "$folder/default" --start "$folder/second" --background 0.1 --bend 6 \
  --coarse-refinements 2 --refinements 3 --size 160 --batch 4 --epochs 20 --epoch-steps 500 \
  --learning-rate 4e-4 --warmup 100 --averaging 0.998 --validation-share 0.02
