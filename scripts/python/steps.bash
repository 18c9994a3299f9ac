# The steps of scripts/python/build, which sources this. Each runs in the build's cache
# directory and may assume nothing but what the steps before it left there.
# `set -e` holds in all of them, so that a `cd` which fails ends the step.
# shellcheck shell=bash disable=SC2154,SC2164

# Finds the tools, and sets `tools_key`: another compiler means another build.
check_machine() {
  local tool missing=()
  for tool in make gcc pkg-config tclsh patch xz dpkg-deb sha256sum flock; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} -eq 0 ] || fail "missing: ${missing[*]}; scripts/install-deps --python installs them"
  find_clang || fail "no clang for WebAssembly with llvm-ar; scripts/install-deps --python installs one"
  local free
  free=$(df -Pk . | awk 'NR == 2 { print $4 }')
  [ "$free" -ge 2000000 ] || fail "$PWD has $((free / 1024)) MiB left; the build takes 2 GiB"
  # shellcheck disable=SC2034
  tools_key=$("$clang" --version | head -n 1; gcc -dumpfullversion)
}

find_clang() {
  local n
  for n in $(seq 30 -1 18); do
    command -v "clang-$n" "wasm-ld-$n" "llvm-ar-$n" >/dev/null || continue
    [ -e "$("clang-$n" --target=wasm32-wasi -print-libgcc-file-name)" ] || continue
    clang=clang-$n ar=llvm-ar-$n ranlib=llvm-ranlib-$n
    return 0
  done
  return 1
}

# The Debian mirror among the machine's own package sources, with a slash at its end.
debian_mirror() {
  if [ -n "${FAASM_DEBIAN_MIRROR:-}" ]; then
    echo "${FAASM_DEBIAN_MIRROR%/}/"
    return
  fi
  command -v apt-get >/dev/null || return 1
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Identifier: Packages' 'Label: Debian' 2>/dev/null |
    sed -n 's/^Debian //p;q' | grep .
}

download() { # URI FILE SHA256
  if [ -x /usr/lib/apt/apt-helper ]; then
    # As apt downloads: with its proxies, and by all of its methods.
    /usr/lib/apt/apt-helper -o "APT::Sandbox::User=" download-file "$1" "$PWD/$2" "SHA256:$3"
  else
    curl -fsSL --retry 3 -o "$2" "$1"
  fi
}

step_fetch() {
  local mirror name file
  rm -rf source sysroot && mkdir -p downloads source sysroot
  for name in "${!source_path[@]}"; do
    file=downloads/$name.${source_sha256[$name]:0:16}
    if ! echo "${source_sha256[$name]}  $file" | sha256sum --status --check 2>/dev/null; then
      mirror=$(debian_mirror) || {
        echo "apt knows no Debian mirror; name one in FAASM_DEBIAN_MIRROR, or use faasm python install --from ARCHIVE"
        return 1
      }
      rm -f "$file"
      download "$mirror${source_path[$name]}" "$file.part" "${source_sha256[$name]}"
      echo "${source_sha256[$name]}  $file.part" | sha256sum --check
      mv "$file.part" "$file"
    fi
    [ "$name" = wasi_libc ] && continue
    mkdir "source/$name"
    tar -C "source/$name" --strip-components=1 --no-same-owner -xf "$file"
  done
  local fix
  for fix in "$sdk"/runtime/patches/*.patch; do
    patch -d source/python -p1 --fuzz=0 <"$fix"
  done
  dpkg-deb -x "downloads/wasi_libc.${source_sha256[wasi_libc]:0:16}" sysroot
}

# Of the same version as the runtime: it freezes modules and compiles the library.
step_native() {
  rm -rf native && mkdir native && cd native
  MODULE_BUILDTYPE=static ../source/python/configure -q --disable-test-modules --without-ensurepip \
    OPT="-O1 -DNDEBUG" CFLAGS=-g0
  make -s -j"$jobs" python pybuilddir.txt
}

wasm_cc() { echo "$clang --target=wasm32-wasi --sysroot=$PWD/sysroot/usr"; }
wasi_emulation="-D_WASI_EMULATED_GETPID -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS"
# Paths of the build must not get into what is built.
wasm_flags() { echo "-O3 -g0 -msimd128 -ffile-prefix-map=$PWD=/build"; }

step_libraries() {
  local top=$PWD cc flags
  cc=$(wasm_cc) flags="$(wasm_flags) $wasi_emulation"
  rm -rf libraries work && mkdir -p libraries/{lib,include} libraries/lib/pkgconfig work

  cp -r source/zlib work/ && cd work/zlib
  CC=$cc AR=$ar RANLIB=$ranlib CFLAGS=$flags ./configure --static --prefix="$top/libraries"
  make -s -j"$jobs" libz.a && cp libz.a "$top/libraries/lib/" && cp zlib.h zconf.h "$top/libraries/include/"

  cp -r "$top/source/bzip2" "$top/work/" && cd "$top/work/bzip2"
  make -s -j"$jobs" libbz2.a CC="$cc" AR="$ar" RANLIB="$ranlib" CFLAGS="$flags"
  cp libbz2.a "$top/libraries/lib/" && cp bzlib.h "$top/libraries/include/"

  mkdir "$top/work/xz" && cd "$top/work/xz"
  CC=$cc AR=$ar RANLIB=$ranlib CFLAGS=$flags "$top/source/xz/configure" -q --host=wasm32-unknown-wasi \
    --enable-threads=no --enable-sandbox=no --disable-shared --disable-nls --disable-doc --disable-scripts \
    --disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-lzma-links \
    --prefix="$top/libraries"
  make -s -j"$jobs" -C src/liblzma && make -s -C src/liblzma install

  mkdir "$top/work/sqlite" && cd "$top/work/sqlite"
  "$top/source/sqlite/configure" -q --disable-tcl --disable-readline
  make -s sqlite3.c sqlite3.h
  # No threads, no shared memory between processes, no libraries to load.
  # shellcheck disable=SC2086
  $cc $flags -c sqlite3.c -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_WAL -DSQLITE_OMIT_LOAD_EXTENSION \
    -DLONGDOUBLE_TYPE=double -DSQLITE_MAX_MMAP_SIZE=0 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE \
    -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_TEMP_STORE=3
  "$ar" rcs "$top/libraries/lib/libsqlite3.a" sqlite3.o
  cp sqlite3.h sqlite3ext.h "$top/libraries/include/"

  cd "$top/libraries" && rm -f lib/*.la
  local name library
  for name in zlib:z bzip2:bz2 liblzma:lzma sqlite3:sqlite3; do
    library=${name#*:} name=${name%:*}
    printf 'Name: %s\nDescription: %s\nVersion: 99\nLibs: -L%s -l%s -lwasi-emulated-getpid -lwasi-emulated-process-clocks -lwasi-emulated-signal\nCflags: -I%s\n' \
      "$name" "$name" "$PWD/lib" "$library" "$PWD/include" >"lib/pkgconfig/$name.pc"
  done
}

# CPython leaves pymalloc out on WASI. It is faster than malloc there, too, and keeps small
# objects together, so that a call writes to fewer pages.
step_configure() {
  local top=$PWD
  rm -rf wasm && mkdir -p wasm/Modules && cp "$sdk/runtime/Setup.local" wasm/Modules/
  CC=$(wasm_cc) AR=$ar RANLIB=$ranlib
  export CC AR RANLIB CONFIG_SITE=$top/source/python/Tools/wasm/config.site-wasm32-wasi
  export PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR=$top/libraries/lib/pkgconfig
  local flags
  flags=$(wasm_flags)
  cd wasm
  CFLAGS="$flags -I$top/libraries/include" LDFLAGS="-L$top/libraries/lib" ../source/python/configure -q \
    --host=wasm32-unknown-wasi --build="$(../source/python/config.guess)" --with-build-python="$top/native/python" \
    --disable-test-modules --without-ensurepip --with-pymalloc --without-mimalloc --prefix=/usr
}

python_archives="libpython$python_series.a Modules/expat/libexpat.a Modules/_decimal/libmpdec/libmpdec.a Modules/_hacl/libHacl_Hash_SHA2.a"

step_compile() {
  cd wasm
  # shellcheck disable=SC2086
  make -s -j"$jobs" $python_archives
}

step_link() {
  local top=$PWD cc flags
  cc=$(wasm_cc) flags="$(wasm_flags) $wasi_emulation"
  rm -rf embed && mkdir embed && cd embed
  local file objects=()
  for file in "$sdk"/runtime/*.c; do
    # shellcheck disable=SC2086
    $cc $flags -std=c17 -Wall -Wextra -Werror -Wno-unused-parameter -I"$sdk/runtime" \
      -DFAASM_PYTHON_SERIES="\"$python_series\"" -I"$sdk/../c/include" \
      -I"$top/wasm" -I"$top/source/python/Include" -c "$file"
    objects+=("$(basename "${file%.c}").o")
  done
  cd "$top/wasm"
  # Without -O here: clang would run a wasm-opt it finds on the machine.
  # shellcheck disable=SC2086
  $cc -mexec-model=reactor "${objects[@]/#/../embed/}" -o ../embed/python.wasm $python_archives \
    -L"$top/libraries/lib" -lz -lbz2 -llzma -lsqlite3 -ldl -lm \
    -lwasi-emulated-signal -lwasi-emulated-getpid -lwasi-emulated-process-clocks \
    -z stack-size=8388608 -Wl,--stack-first -Wl,--import-undefined -Wl,--export-table \
    -Wl,--export=malloc -Wl,--export=free -Wl,--strip-debug
}

step_pack() {
  rm -rf packed && mkdir packed
  cp embed/python.wasm packed/
  cp source/python/LICENSE packed/
  native/python -E -s "$here/pack.py" source/python/Lib "$sdk" packed "$runtime_name" "$runtime_version" \
    "${FAASM_PYTHON_SOURCE:-}"
}
