#!/bin/bash
# report.sh: builds the library as it is shipped, with each crypto provider, and prints what a packager or an auditor asks of the file.
# The page is for x86-64 Linux with the compiler that it names: other compilers give other sizes, so no test compares it.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}

tests/demo/requirements.sh binutils >&2
temporary=()
trap 'rm -f ${temporary[@]+"${temporary[@]}"}' EXIT

size_of() { stat -L -c %s "$1" | sed -E ':a;s/([0-9])([0-9]{3})($|,)/\1,\2\3/;ta'; }
sections() {
    readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] *//p' | while read -r name _ _ _ size _; do
        case "$name" in
            .text | .rodata | .eh_frame | .gcc_except_table | .rela.dyn | .data.rel.ro) printf '%s %d, ' "$name" "0x$size" ;;
        esac
    done | sed 's/, $//'
}
has() { if "${@:2}" | grep -q -- "$1"; then echo yes; else echo NO; fi; }
needs() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | paste -sd' '; }
glibc() { readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1; }
stack_is_executable() { readelf -lW "$1" | awk '$1 == "GNU_STACK" { print ($(NF - 1) ~ /E/) ? "NO" : "yes" }'; }

cat <<'END'
# The library as a file

Made by `make report`. Do not edit. It is what `cmake --install` installs: `x86_64-unknown-linux-gnu`, release, stripped.

END
echo "Compiler: $(rustc --version | cut -d' ' -f1,2), $(cc --version | head -1)."
rows=()
for provider in ${PROVIDERS:-ring aws-lc-rs}; do
    cargo rustc --release --locked --lib --no-default-features --features "$provider" --target-dir "$target" \
        --crate-type cdylib,staticlib >&2
    library=$(mktemp)
    temporary+=("$library")
    strip --strip-unneeded -o "$library" "$target/release/libaws_iot_mqtt.so"
    foreign=$(nm -D --defined-only --format=posix "$library" | cut -d' ' -f1 | grep -vc '^aws_iot_mqtt_' || true)
    [ "$foreign" -eq 0 ] || { echo "the library exports $foreign names without the prefix" >&2; exit 1; }
    rows+=("$(printf '\n## %s\n\n| what | |\n|---|---|\n' "$provider")
| size | $(size_of "$library") bytes |
| its largest sections, bytes | $(sections "$library") |
| exported symbols | $(nm -D --defined-only "$library" | wc -l), all with the prefix \`aws_iot_mqtt_\` |
| soname | $(readelf -dW "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p') |
| needs | $(needs "$library") |
| newest glibc symbols | $(glibc "$library") |
| relocations read-only (\`GNU_RELRO\`) | $(has GNU_RELRO readelf -lW "$library") |
| all symbols bound at load (\`BIND_NOW\`) | $(has BIND_NOW readelf -dW "$library") |
| stack not executable (\`GNU_STACK\`) | $(stack_is_executable "$library") |
| no text relocations | $(readelf -dW "$library" | grep -q TEXTREL && echo NO || echo yes) |
| no path to search libraries in (\`RPATH\`, \`RUNPATH\`) | $(readelf -dW "$library" | grep -qE 'RPATH|RUNPATH' && echo NO || echo yes) |
| calls of the stack protector (C parts only) | $(readelf -W --dyn-syms "$library" | grep -q __stack_chk_fail && echo yes || echo none) |")
done
printf '%s\n' "${rows[@]}"
cat <<'END'

Rust code is bounds-checked and has no stack protector; the C of the crypto providers is compiled with the C compiler's own defaults. The
linker takes the newest symbol versions of the glibc that it finds: build on the oldest system that the library has to run on. What is a promise
is tested by `tests/exports.rs`: the exported names, the soname and `NODELETE`.
END
