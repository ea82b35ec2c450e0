#!/bin/sh
# Makes the weights in this folder anew, in FOLDER: FOLDER/default is the preset.
# About two hours on two cores. Run again after whatever stopped it, it goes on.
set -eu
folder=${1:?usage: recipe.sh FOLDER}
faceflow render pairs -o "$folder/rendered" --count 12000 --seed 21
# From nothing, on small crops and with few refinements, which is where most is learned in little time.
faceflow train flow "$folder/rendered" -o "$folder/first" --loss robust --size 160 --batch 4 \
  --epochs 12 --epoch-steps 1000 --learning-rate 6e-4 --warmup 300 --averaging 0.998 --validation-share 0.02
# Then as it is used: faces of their full size, and one refinement more.
faceflow train flow "$folder/rendered" -o "$folder/default" --start "$folder/first" --refinements 4 --size 192 --batch 4 \
  --epochs 4 --epoch-steps 500 --learning-rate 2e-4 --warmup 100 --averaging 0.998 --validation-share 0.02
