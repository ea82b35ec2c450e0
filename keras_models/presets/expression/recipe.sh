#!/bin/sh
# Makes the weights in this folder anew, in FOLDER: FOLDER/expression is the preset.
# Run again after whatever stopped it, it goes on.
set -eu
folder=${1:?usage: recipe.sh FOLDER}
faceflow render corpus casme2 -o "$folder/casme2" --coded-frames
faceflow render corpus samm -o "$folder/samm" --coded-frames
[ -e "$folder/expression/preset.json" ] || \
faceflow train expression --corpus casme2="$folder/casme2" --corpus samm="$folder/samm" \
  --balance 0.5 --ensemble-size 4 -o "$folder/expression"
