#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs each fuzz target over its seeds. A target without seeds is a failure, and so is one that needs more than a minute.
srcdir=${srcdir:-.}
bad=0
targets=0
for target in tests/fuzz/fuzz_*; do
	[ -f "$target" ] && [ -x "$target" ] || continue
	name=${target##*/fuzz_}
	targets=$((targets + 1))
	set -- "$srcdir/tests/fuzz/seeds/$name"/*
	if [ ! -f "$1" ]; then
		echo "FAILED: $target has no seeds in tests/fuzz/seeds/$name"
		bad=1
		continue
	fi
	if out=$(timeout 60 "$target" "$@" 2>&1); then
		echo "$name: $# seeds"
	else
		echo "$out" | tail -40
		echo "FAILED: $target"
		bad=1
	fi
done
[ "$targets" -gt 0 ] || { echo "FAILED: no fuzz targets are built"; bad=1; }
exit $bad
