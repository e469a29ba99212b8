#!/bin/sh
# Puts the path of this environment, which has no Python, into its files. Written by minicon.
set -e
LC_ALL=C
export LC_ALL

here=$(cd -- "$(dirname -- "$(realpath -- "$0")")/.." && pwd -P)
new=$here
while [ $# -gt 0 ]; do
    case $1 in
        --version) echo "conda-unpack @VERSION@"; exit 0 ;;
        -d|--dest-prefix)
            [ $# -gt 1 ] || { echo "conda-unpack: $1 needs a path" >&2; exit 2; }
            new=$2
            shift
            ;;
        -h|--help) echo "usage: conda-unpack [--dest-prefix PATH] [--version]"; exit 0 ;;
        *) echo "conda-unpack: unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
escaped=$(printf '%s\n' "$new" | sed 's/[\\&|]/\\&/g')
pattern=$(printf '%s\n' "$new" | sed 's/[.*\\^$[|]/\\&/g')

# text PATH PATTERN: replace in a file of any length.
text() {
    file=$here/$1
    { [ -f "$file" ] && [ ! -h "$file" ]; } || return 0
    sed "s|$2|$escaped|g" <"$file" >"$file.unpack"
    case $new in
        *" "*) # a space would end the interpreter's path
            sed "1s|^#! *$pattern/.*/\([^/]*\)\$|#!/usr/bin/env \1|" <"$file.unpack" >"$file.unpack2"
            mv -- "$file.unpack2" "$file.unpack"
            ;;
    esac
    cat <"$file.unpack" >"$file"
    rm -- "$file.unpack"
}

# binary PATH PLACEHOLDER RUN...: a run is OFFSET:BYTES[:BYTES...], the number of bytes that follow
# each placeholder, up to the end of the string; the string is filled up with zeros.
binary() {
    file=$here/$1 placeholder=$2
    shift 2
    { [ -f "$file" ] && [ ! -h "$file" ]; } || return 0
    if [ ${#new} -gt ${#placeholder} ]; then
        echo "conda-unpack: $file has no room for $new" >&2
        exit 1
    fi
    for run in "$@"; do
        at=${run%%:*} rest=${run#*:}:
        [ "$(part "$at" ${#placeholder})" = "$placeholder" ] || continue
        replaced "$at" "$rest" | dd of="$file" bs=1 seek="$at" conv=notrunc 2>/dev/null
    done
}

part() {
    dd if="$file" bs=1 skip="$1" count="$2" 2>/dev/null
}

replaced() {
    at=$1 rest=$2 zeros=0
    while [ -n "$rest" ]; do
        printf %s "$new"
        at=$((at + ${#placeholder}))
        part "$at" "${rest%%:*}"
        at=$((at + ${rest%%:*})) rest=${rest#*:} zeros=$((zeros + ${#placeholder} - ${#new}))
    done
    head -c "$zeros" /dev/zero
}

