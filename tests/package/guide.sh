#!/bin/bash
# guide.sh WORK PACKAGE PORT CERTIFICATES: carries out the blocks of docs/guide/install.md as a reader does, in fresh directories that know
# nothing but the installed package, with every whole program of the guide. The broker on PORT demands certificates.
# Called by tests/package/round_trip.sh, after tests/package/build.sh has built into WORK/build.
set -euo pipefail
work=${1:?usage: guide.sh WORK PACKAGE PORT CERTIFICATES}
package=$2 port=$3 certificates=$4
cd "$(dirname "$0")/../.."
root=$PWD
here="$work/guide"
rm -rf "$here"
mkdir -p "$here"
tests/guide/blocks "$here/pages" >"$here/list"
page="$here/pages/install"
done_blocks=()

# reader DIRECTORY BLOCK: a block of the page in DIRECTORY. Nothing of this shell reaches it but where programs are.
reader() {
    local directory=$1 block=$2
    done_blocks+=("$block.sh")
    (cd "$directory" && env -i PATH="$PATH" HOME="$HOME" PREFIX="$package" ENDPOINT=localhost PORT="$port" \
        bash -euo pipefail "$page/$block.sh") >"$directory/$block.log" 2>&1 </dev/null || {
        cat "$directory/$block.log"
        echo "docs/guide/install.md: the block $block fails in $directory" >&2
        exit 1
    }
}

# --- the blocks that build and install, with the directory of the build that is there already: another one would take minutes
sed "s| build\b| $work/build|" "$page/build.sh" >"$here/build.sh"
grep -c "$work/build" "$here/build.sh" | grep -qx 3 # else the page has other commands than this test thinks
(cd "$root" && PREFIX="$here/prefix" RUSTFLAGS="--print native-static-libs" bash -euo pipefail "$here/build.sh") >"$here/build.log" 2>&1 || {
    cat "$here/build.log"
    exit 1
}
done_blocks+=(build.sh)
(cd "$package" && find . -type f -o -type l) | sort >"$here/package.txt"
(cd "$here/prefix" && find . -type f -o -type l) | sort | cmp - "$here/package.txt"
sed -n 's/^| `\(include\|lib\)\//\1\//p' docs/guide/install.md | tr -d '`' | cut -d'|' -f1 | tr ',' '\n' | while read -r file; do
    [ -e "$here/prefix/$file" ] || {
        echo "docs/guide/install.md says that $file is installed" >&2
        exit 1
    }
done

# The port of AWS IoT is taken by this machine's broker only by chance.
sed -i "s| 8883\$| \"\$PORT\"|" "$page/run.sh"

# fresh NAME PROGRAM: a directory with one program of the guide, as my_program.c or .cpp, and the certificates beside it.
fresh() {
    local directory="$here/$1" ending=${2##*.}
    mkdir -p "$directory"
    cp "$2" "$directory/my_program.$ending"
    cp "$certificates/ca.pem" "$directory/AmazonRootCA1.pem"
    cp "$certificates/client.pem" "$directory/device.pem.crt"
    cp "$certificates/client.key" "$directory/private.pem.key"
    echo "$directory"
}

count=0
while IFS=$'\t' read -r in_page _ language name words path; do
    [[ " $words " == *" file="* ]] || continue
    case "$language" in
        c) with=pkg-config-c ;;
        cpp) with=pkg-config-cpp ;;
        *) continue ;;
    esac
    directory=$(fresh "$in_page-$language-cmake" "$path")
    cp "$page/$language.cmake" "$directory/CMakeLists.txt"
    reader "$directory" with-cmake
    cp "$directory/build/my_program" "$directory/my_program"
    reader "$directory" run
    directory=$(fresh "$in_page-$language-pkg-config" "$path")
    reader "$directory" "$with"
    reader "$directory" run
    count=$((count + 1))
    echo "ok: $name of the guide builds with CMake and with pkg-config, and runs"
done <"$here/list"
[ "$count" -ge 6 ]
done_blocks+=(c.cmake cpp.cmake)
directory=$(fresh static "$here/pages/connect/first.c")
reader "$directory" pkg-config-static
reader "$directory" run
echo "ok: first.c of the guide runs with the static library"

# --- no block of the page was left out
awk -F '\t' '$1 == "install" && ($3 == "sh" || $3 == "cmake") {print $4}' "$here/list" | sort -u >"$here/blocks.txt"
printf '%s\n' "${done_blocks[@]}" | sort -u | diff "$here/blocks.txt" - || {
    echo "docs/guide/install.md has a block that tests/package/guide.sh does not carry out, or the other way round" >&2
    exit 1
}
echo "ok: every block of docs/guide/install.md was carried out"
