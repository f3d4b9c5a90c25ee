# The C++ libraries that the project builds from source: for each its version, the hash of its release archive,
# where upstream has that archive, and where Debian's pool has the very same file.

set(FLOWMATCH_LIBRARIES eigen highway catch2)

set(FLOWMATCH_EIGEN_VERSION 3.4.0)
set(FLOWMATCH_EIGEN_SHA256 b4c198460eba6f28d34894e3a5710998818515104d6e74e5cc331ce31e46e626)
set(FLOWMATCH_EIGEN_UPSTREAM
    https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.bz2)
set(FLOWMATCH_EIGEN_DEBIAN pool/main/e/eigen3/eigen3_3.4.0.orig.tar.bz2)

set(FLOWMATCH_HIGHWAY_VERSION 1.2.0)
set(FLOWMATCH_HIGHWAY_SHA256 7e0be78b8318e8bdbf6fa545d2ecb4c90f947df03f7aadc42c1967f019e63343)
set(FLOWMATCH_HIGHWAY_UPSTREAM
    https://github.com/google/highway/archive/refs/tags/1.2.0.tar.gz)
set(FLOWMATCH_HIGHWAY_DEBIAN pool/main/h/highway/highway_1.2.0.orig.tar.gz)

set(FLOWMATCH_CATCH2_VERSION 3.7.1)
set(FLOWMATCH_CATCH2_SHA256 c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c)
set(FLOWMATCH_CATCH2_UPSTREAM
    https://github.com/catchorg/Catch2/archive/refs/tags/v3.7.1.tar.gz)
set(FLOWMATCH_CATCH2_DEBIAN pool/main/c/catch2/catch2_3.7.1.orig.tar.gz)
