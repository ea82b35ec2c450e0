#!/bin/sh
# protobuf.js makes no maps of descriptors: a map field that comes by reflection is a list of its entries.
#
# A schema that was parsed from a .proto file has MapField, and takes {inputs: {x: 1}}. The same schema by its
# descriptor (protobufjs/ext/descriptor, which clients of gRPC reflection for Node use) has a repeated field of the
# type InputsEntry: it takes [{key: "x", value: 1}] and says "array expected" to an object. Bytes are the same, and
# Predict of TensorFlow Serving has such fields (inputs, outputs).
#
# Seen, and checked here, with protobufjs 7.5.4.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error protobufjs@7.5.4 >npm.log
node -e '
const protobuf = require("protobufjs");
require("protobufjs/ext/descriptor");
const assert = require("assert");
const source = "syntax = \"proto3\"; package p; message Request { map<string, int32> inputs = 1; }";
const parsed = protobuf.parse(source).root.resolveAll();
const described = protobuf.Root.fromDescriptor(parsed.toDescriptor("proto3")).resolveAll();
const [before, after] = [parsed, described].map((root) => root.lookupType("p.Request"));
const entries = [{key: "x", value: 1}];
console.log("protobufjs", require("protobufjs/package.json").version,
  "| parsed: map", before.fields.inputs.map === true, "| by descriptor: repeated", after.fields.inputs.repeated,
  "|", after.verify({inputs: {x: 1}}));
assert.strictEqual(before.verify({inputs: {x: 1}}), null);
assert.strictEqual(after.verify({inputs: {x: 1}}), "inputs: array expected");
assert.strictEqual(after.verify({inputs: entries}), null);
assert.deepStrictEqual(
  [...after.encode(after.fromObject({inputs: entries})).finish()],
  [...before.encode(before.fromObject({inputs: {x: 1}})).finish()]);
'
