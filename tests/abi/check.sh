#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The plugin header keeps its promises: layout, contract text, a header that stands alone, and exactly one symbol per plugin.
# Runs in the build directory. A part that this machine cannot do is named in a line that starts with "skipped".
srcdir=${srcdir:-.}
header=$srcdir/core/include/muster/plugin.h
CC=${CC:-cc}
CXX=${CXX:-c++}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() {
	echo "FAILED: $*"
	bad=1
}

# What the header says without its comments.
awk '{
	line = $0
	while (line != "") {
		if (inside) {
			at = index(line, "*/")
			if (!at) break
			line = substr(line, at + 2); inside = 0
		} else {
			at = index(line, "/*")
			if (!at) { printf "%s", line; break }
			printf "%s", substr(line, 1, at - 1); line = substr(line, at + 2); inside = 1
		}
	}
	print ""
}' "$header" > "$tmp/code.h"

check_layout() {
	tests/abi/layout > "$tmp/layout" || fail "tests/abi/layout does not run"
	version=$(sed -n 's/^ABI //p' "$tmp/layout")
	table=$srcdir/tests/abi/layout-$version-64.txt
	case $(getconf LONG_BIT) in
	64) ;;
	*) echo "skipped: the layout table is for 64-bit machines"; return ;;
	esac
	if [ ! -f "$table" ]; then
		fail "no layout table for ABI $version: write one with tests/abi/layout > $table"
	elif ! diff -u "$table" "$tmp/layout"; then
		fail "the layout of ABI $version changed: raise MUSTER_ABI_MINOR and add a table of its own"
	fi
	# Every struct and every member of the header is in the table.
	structs=$(grep -c '^struct muster_[a-z_]* {' "$tmp/code.h")
	printed=$(grep -c '^struct ' "$tmp/layout")
	[ "$structs" = "$printed" ] || fail "the header defines $structs structs, the table has $printed"
	members=$(awk '
		/^struct muster_[a-z_]* \{/ { inside = 1; text = ""; next }
		inside && /^};/ {
			inside = 0
			# One member per declarator: arguments of function pointers are taken out first.
			while (match(text, /\([^()]*\)/)) text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
			n += gsub(/[;,]/, "", text)
		}
		inside { text = text " " $0 }
		END { print n }' "$tmp/code.h")
	printed=$(grep -c '^	' "$tmp/layout")
	[ "$members" = "$printed" ] || fail "the structs of the header have $members members, the table has $printed"
	echo "layout: ABI $version, $structs structs, $members members"
}

check_alone() {
	printf '#include <muster/plugin.h>\nextern const struct muster_plugin muster_plugin_v1;\n' > "$tmp/alone.c"
	cp "$tmp/alone.c" "$tmp/alone.cc"
	# The preprocessor's own flags would hide a missing include.
	$CC -std=c11 -pedantic -Wall -Wextra -Wstrict-prototypes -Werror -I"$srcdir/core/include" -c "$tmp/alone.c" \
		-o "$tmp/alone.o" || fail "the header does not compile alone as C11"
	if ! command -v "${CXX%% *}" > /dev/null; then
		echo "skipped: no C++ compiler"
	else
		$CXX -std=c++11 -pedantic -Wall -Wextra -Werror -I"$srcdir/core/include" -c "$tmp/alone.cc" -o "$tmp/alone.o" ||
			fail "the header does not compile alone as C++11"
	fi
	includes=$(sed -n 's/^#include //p' "$header" | sort | tr '\n' ' ')
	[ "$includes" = "<stddef.h> <stdint.h> " ] || fail "the header includes $includes"
	echo "alone: C11 and C++11"
}

check_comments() {
	all=$(tr -d ' \t\n' < "$header" | wc -c)
	code=$(tr -d ' \t\n' < "$tmp/code.h" | wc -c)
	share=$(((all - code) * 100 / all))
	[ "$share" -ge 50 ] || fail "only $share % of the header is contract text"
	echo "comments: $share % of the header"
}

check_exports() {
	found=0
	for plugin in plugins/.libs/*.so; do
		[ -f "$plugin" ] || continue
		found=$((found + 1))
		# Sanitizers add symbols of their own.
		symbols=$(nm -D --defined-only "$plugin" | awk '{ print $3 }' | grep -v -e '^__asan' -e '^__ubsan' -e '^__sanitizer' \
			-e '^__odr_asan' -e '^__sancov' -e '^__start_' -e '^__stop_' -e '^___asan')
		name=$(basename "$plugin" .so | tr '-' '_')
		case $symbols in
		muster_plugin_v1 | "${name}_LTX_muster_plugin_v1") ;;
		*) fail "$plugin exports: $(echo $symbols)" ;;
		esac
		readelf -d "$plugin" | grep -q -e BIND_NOW -e 'Flags:.*NOW' || fail "$plugin binds lazily"
	done
	[ "$found" -gt 0 ] || fail "no plugins are built in plugins/.libs"
	echo "exports: $found plugins"
}

check_layout
check_alone
check_comments
if command -v nm > /dev/null && command -v readelf > /dev/null; then
	check_exports
else
	echo "skipped: nm and readelf are missing (apt install binutils)"
fi
exit $bad
