#!/bin/sh
# numpy.fromstring with a separator reads an integer that is too large, or too small, as the largest one.
#
# There is no error and no warning. numpy.array and int() refuse the same text, and since NumPy 1.24 casts of numbers out of range are errors; so one
# expects an error here too. A parser of numbers in text must compare with the limits of int64 afterwards.
#
# Seen, and checked here, with NumPy 1.26.4 and 2.3.5: "99999999999999999999" is read as 9223372036854775807, and so is
# "-99999999999999999999".
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 1.26.4 2.3.5; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "numpy==$version"
  "$folder/$version/bin/python" -W error - <<'PYTHON'
import numpy as np

text = "1,99999999999999999999,-99999999999999999999"
found = np.fromstring(text, np.int64, sep=",").tolist()
try:
    refused = np.array(text.split(",")).astype(np.int64)
except (OverflowError, ValueError) as error:
    refused = type(error).__name__
print("NumPy", np.__version__, "| fromstring reads", found, "| astype:", refused)
assert found == [1, 2**63 - 1, 2**63 - 1]
assert refused in ("OverflowError", "ValueError")
PYTHON
done
