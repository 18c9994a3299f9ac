# What the Python runtime is made of: exact versions, each file checked against its hash.
# shellcheck shell=bash disable=SC2034

runtime_name=cpython
runtime_version=3.13.5
python_series=3.13

# Path under a Debian mirror, and SHA-256. All are of Debian 13, whichever distribution
# builds: they are sources and a WebAssembly library, nothing of it runs here.
declare -A source_path=(
  [python]=pool/main/p/python3.13/python3.13_3.13.5.orig.tar.xz
  [zlib]=pool/main/z/zlib/zlib_1.3.dfsg%2breally1.3.1.orig.tar.gz
  [bzip2]=pool/main/b/bzip2/bzip2_1.0.8.orig.tar.gz
  [xz]=pool/main/x/xz-utils/xz-utils_5.8.1.orig.tar.xz
  [sqlite]=pool/main/s/sqlite3/sqlite3_3.46.1.orig.tar.xz
  [wasi_libc]=pool/main/w/wasi-libc/wasi-libc_0.0%7egit20241209.574b88d-2_all.deb
)
declare -A source_sha256=(
  [python]=93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640
  [zlib]=60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb
  [bzip2]=ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269
  [xz]=0b54f79df85912504de0b14aec7971e3f964491af1812d83447005807513cd9e
  [sqlite]=d0cdd2ece271b29e7ce18095745d892517ee26d0f270065b3a25c2e9eb11639c
  [wasi_libc]=b7716260051d289248b7667f81fa2792c125d888ff51da3fa09c6272cc0bd11d
)
