# The C++ libraries that the project builds from source: for each its version, the hash of its release archive,
# where upstream has that archive, and where Debian's pool has the very same file. Where Debian has packed it
# anew, "upstream" is Debian's permanent archive.

set(FLOWMATCH_LIBRARIES eigen highway catch2 cli11 nlohmann_json stb)

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

set(FLOWMATCH_CLI11_VERSION 2.1.2)
set(FLOWMATCH_CLI11_SHA256 8143d20b688e98ccce8e24562d3b68e5f47c12e896c42c7ca8553dbde5bed55d)
set(FLOWMATCH_CLI11_UPSTREAM
    https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main/c/cli11/cli11_2.1.2+ds.orig.tar.xz)
set(FLOWMATCH_CLI11_DEBIAN pool/main/c/cli11/cli11_2.1.2+ds.orig.tar.xz)

set(FLOWMATCH_NLOHMANN_JSON_VERSION 3.11.2)
set(FLOWMATCH_NLOHMANN_JSON_SHA256 d69f9deb6a75e2580465c6c4c5111b89c4dc2fa94e3a85fcd2ffcd9a143d9273)
set(FLOWMATCH_NLOHMANN_JSON_UPSTREAM
    https://github.com/nlohmann/json/archive/refs/tags/v3.11.2.tar.gz)
set(FLOWMATCH_NLOHMANN_JSON_DEBIAN pool/main/n/nlohmann-json3/nlohmann-json3_3.11.2.orig.tar.gz)

# It has no releases: the commit of that day.
set(FLOWMATCH_STB_VERSION 20220908)
set(FLOWMATCH_STB_SHA256 6949c8ff9f86d982cff1b384f1301a731cbaf3b3fa4d1728c7b48a02386d31d8)
set(FLOWMATCH_STB_UPSTREAM
    https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main/libs/libstb/libstb_0.0~git20220908.8b5f1f3+ds.orig.tar.xz)
set(FLOWMATCH_STB_DEBIAN pool/main/libs/libstb/libstb_0.0~git20220908.8b5f1f3+ds.orig.tar.xz)
