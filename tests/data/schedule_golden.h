// Written by schedule_golden.py with mpmath 1.3.0: see there.
#pragma once

#include "flowmatch/schedule.h"

#include <array>

// clang-format off
namespace flowmatch::testing {

struct GoldenSchedule {
  Schedule schedule;
  double t;
  double alpha;
  double sigma;
  double d_alpha;
  double sigma_d_sigma;
};

inline constexpr std::array<GoldenSchedule, 77> kGoldenSchedules{{
    {{Schedule::Kind::cond_ot, 2, 0.1, 20}, 0x1.0000000000000p-40, 0x1.0000000000000p-40, 0x1.fffffffffe000p-1, 0x1.0000000000000p+0, -0x1.fffffffffe000p-1},
    {{Schedule::Kind::cond_ot, 2, 0.1, 20}, 0x1.0000000000000p-7, 0x1.0000000000000p-7, 0x1.fc00000000000p-1, 0x1.0000000000000p+0, -0x1.fc00000000000p-1},
    {{Schedule::Kind::cond_ot, 2, 0.1, 20}, 0x1.3333333333333p-2, 0x1.3333333333333p-2, 0x1.6666666666666p-1, 0x1.0000000000000p+0, -0x1.6666666666666p-1},
    {{Schedule::Kind::cond_ot, 2, 0.1, 20}, 0x1.0000000000000p-1, 0x1.0000000000000p-1, 0x1.0000000000000p-1, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::cond_ot, 2, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.ccccccccccccdp-1, 0x1.9999999999998p-4, 0x1.0000000000000p+0, -0x1.9999999999998p-4},
    {{Schedule::Kind::cond_ot, 2, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.ff80000000000p-1, 0x1.0000000000000p-10, 0x1.0000000000000p+0, -0x1.0000000000000p-10},
    {{Schedule::Kind::cond_ot, 2, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.fffffffffe000p-1, 0x1.0000000000000p-40, 0x1.0000000000000p+0, -0x1.0000000000000p-40},
    {{Schedule::Kind::sqrt, 2, 0.1, 20}, 0x1.0000000000000p-40, 0x1.0000000000000p-40, 0x1.ffffffffff000p-1, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::sqrt, 2, 0.1, 20}, 0x1.0000000000000p-7, 0x1.0000000000000p-7, 0x1.fdfefefebe3d6p-1, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::sqrt, 2, 0.1, 20}, 0x1.3333333333333p-2, 0x1.3333333333333p-2, 0x1.ac5eb3f7ab2f8p-1, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::sqrt, 2, 0.1, 20}, 0x1.0000000000000p-1, 0x1.0000000000000p-1, 0x1.6a09e667f3bcdp-1, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::sqrt, 2, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.ccccccccccccdp-1, 0x1.43d136248490ep-2, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::sqrt, 2, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.ff80000000000p-1, 0x1.0000000000000p-5, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::sqrt, 2, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.fffffffffe000p-1, 0x1.0000000000000p-20, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::polynomial, 2, 0.1, 20}, 0x1.0000000000000p-40, 0x1.0000000000000p-80, 0x1.0000000000000p+0, 0x1.0000000000000p-39, -0x1.0000000000000p-39},
    {{Schedule::Kind::polynomial, 2, 0.1, 20}, 0x1.0000000000000p-7, 0x1.0000000000000p-14, 0x1.fff8000000000p-1, 0x1.0000000000000p-6, -0x1.fff8000000000p-7},
    {{Schedule::Kind::polynomial, 2, 0.1, 20}, 0x1.3333333333333p-2, 0x1.70a3d70a3d70ap-4, 0x1.d1eb851eb851fp-1, 0x1.3333333333333p-1, -0x1.178d4fdf3b645p-1},
    {{Schedule::Kind::polynomial, 2, 0.1, 20}, 0x1.0000000000000p-1, 0x1.0000000000000p-2, 0x1.8000000000000p-1, 0x1.0000000000000p+0, -0x1.8000000000000p-1},
    {{Schedule::Kind::polynomial, 2, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.9eb851eb851ecp-1, 0x1.851eb851eb850p-3, 0x1.ccccccccccccdp+0, -0x1.5e353f7ced915p-2},
    {{Schedule::Kind::polynomial, 2, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.ff00200000000p-1, 0x1.ffc0000000000p-10, 0x1.ff80000000000p+0, -0x1.ff40100000000p-9},
    {{Schedule::Kind::polynomial, 2, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.fffffffffc000p-1, 0x1.ffffffffff000p-40, 0x1.fffffffffe000p+0, -0x1.fffffffffd000p-39},
    {{Schedule::Kind::polynomial, 1, 0.1, 20}, 0x1.0000000000000p-40, 0x1.0000000000000p-40, 0x1.fffffffffe000p-1, 0x1.0000000000000p+0, -0x1.fffffffffe000p-1},
    {{Schedule::Kind::polynomial, 1, 0.1, 20}, 0x1.0000000000000p-7, 0x1.0000000000000p-7, 0x1.fc00000000000p-1, 0x1.0000000000000p+0, -0x1.fc00000000000p-1},
    {{Schedule::Kind::polynomial, 1, 0.1, 20}, 0x1.3333333333333p-2, 0x1.3333333333333p-2, 0x1.6666666666666p-1, 0x1.0000000000000p+0, -0x1.6666666666666p-1},
    {{Schedule::Kind::polynomial, 1, 0.1, 20}, 0x1.0000000000000p-1, 0x1.0000000000000p-1, 0x1.0000000000000p-1, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::polynomial, 1, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.ccccccccccccdp-1, 0x1.9999999999998p-4, 0x1.0000000000000p+0, -0x1.9999999999998p-4},
    {{Schedule::Kind::polynomial, 1, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.ff80000000000p-1, 0x1.0000000000000p-10, 0x1.0000000000000p+0, -0x1.0000000000000p-10},
    {{Schedule::Kind::polynomial, 1, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.fffffffffe000p-1, 0x1.0000000000000p-40, 0x1.0000000000000p+0, -0x1.0000000000000p-40},
    {{Schedule::Kind::polynomial, 3.5, 0.1, 20}, 0x1.0000000000000p-40, 0x1.0000000000000p-140, 0x1.0000000000000p+0, 0x1.c000000000000p-99, -0x1.c000000000000p-99},
    {{Schedule::Kind::polynomial, 3.5, 0.1, 20}, 0x1.0000000000000p-7, 0x1.6a09e667f3bcdp-25, 0x1.fffffe95f619ap-1, 0x1.3cc8a99af5453p-16, -0x1.3cc8a8baf5453p-16},
    {{Schedule::Kind::polynomial, 3.5, 0.1, 20}, 0x1.3333333333333p-2, 0x1.e497015e6c831p-7, 0x1.f86da3fa864dfp-1, 0x1.6158c654d9ca4p-3, -0x1.5c1f0dcc67a05p-3},
    {{Schedule::Kind::polynomial, 3.5, 0.1, 20}, 0x1.0000000000000p-1, 0x1.6a09e667f3bcdp-4, 0x1.d2bec33301886p-1, 0x1.3cc8a99af5453p-1, -0x1.20c8a99af5453p-1},
    {{Schedule::Kind::polynomial, 3.5, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.621819cc073bbp-1, 0x1.3bcfcc67f188ap-2, 0x1.5842191495412p+1, -0x1.a8b0c52f0eae4p-1},
    {{Schedule::Kind::polynomial, 3.5, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.fe408bee808c0p-1, 0x1.bf74117f73fc8p-9, 0x1.bee8347dcfee8p+1, -0x1.869109b5b11e9p-7},
    {{Schedule::Kind::polynomial, 3.5, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.fffffffff9000p-1, 0x1.bffffffffdd00p-39, 0x1.bffffffffba00p+1, -0x1.87fffffffa420p-37},
    {{Schedule::Kind::polynomial, 10, 0.1, 20}, 0x1.0000000000000p-40, 0x1.0000000000000p-400, 0x1.0000000000000p+0, 0x1.4000000000000p-357, -0x1.4000000000000p-357},
    {{Schedule::Kind::polynomial, 10, 0.1, 20}, 0x1.0000000000000p-7, 0x1.0000000000000p-70, 0x1.0000000000000p+0, 0x1.4000000000000p-60, -0x1.4000000000000p-60},
    {{Schedule::Kind::polynomial, 10, 0.1, 20}, 0x1.3333333333333p-2, 0x1.8c4568d7ea3dfp-18, 0x1.ffff39dd4b941p-1, 0x1.9cc84d363eab4p-13, -0x1.9cc7ad78ce0cbp-13},
    {{Schedule::Kind::polynomial, 10, 0.1, 20}, 0x1.0000000000000p-1, 0x1.0000000000000p-10, 0x1.ff80000000000p-1, 0x1.4000000000000p-6, -0x1.3fb0000000000p-6},
    {{Schedule::Kind::polynomial, 10, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.650bf60432fd9p-2, 0x1.4d7a04fde6814p-1, 0x1.efe5f22246d1fp+1, -0x1.42fd3c9bb3804p+1},
    {{Schedule::Kind::polynomial, 10, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.fb059c41a3822p-1, 0x1.3e98ef971f797p-7, 0x1.3d32ce5c9d58ap+3, -0x1.8ac29b5f41116p-4},
    {{Schedule::Kind::polynomial, 10, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.ffffffffec000p-1, 0x1.3ffffffffa600p-37, 0x1.3ffffffff4c00p+3, -0x1.8fffffffeae80p-34},
    {{Schedule::Kind::cosine, 2, 0.1, 20}, 0x1.0000000000000p-40, 0x1.921fb54442d18p-40, 0x1.0000000000000p+0, 0x1.921fb54442d18p+0, -0x1.3bd3cc9be45dep-39},
    {{Schedule::Kind::cosine, 2, 0.1, 20}, 0x1.0000000000000p-7, 0x1.921d1fcdec784p-7, 0x1.fff62169b92dbp-1, 0x1.9217f4e3cc9c2p+0, -0x1.3bcbae9c662e8p-6},
    {{Schedule::Kind::cosine, 2, 0.1, 20}, 0x1.3333333333333p-2, 0x1.d0e2e2b44de00p-2, 0x1.c83201d3d2c6dp-1, 0x1.664b83f8eca42p+0, -0x1.4553359459a19p-1},
    {{Schedule::Kind::cosine, 2, 0.1, 20}, 0x1.0000000000000p-1, 0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bcdp-1, 0x1.1c5831add62e4p+0, -0x1.921fb54442d18p-1},
    {{Schedule::Kind::cosine, 2, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.f9b24942fe45cp-1, 0x1.4060b67a85374p-3, 0x1.f73f8d1c4c5b2p-3, -0x1.f10d6bc8e0e33p-3},
    {{Schedule::Kind::cosine, 2, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.ffffd88586ee6p-1, 0x1.921faaee6472ep-10, 0x1.3bd3c47dd4e9ep-9, -0x1.3bd3ac23a74e1p-9},
    {{Schedule::Kind::cosine, 2, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.0000000000000p+0, 0x1.921fb54442d18p-40, 0x1.3bd3cc9be45dep-39, -0x1.3bd3cc9be45dep-39},
    {{Schedule::Kind::linear_vp, 2, 0.1, 20}, 0x1.0000000000000p-40, 0x1.0000000000000p-40, 0x1.0000000000000p+0, 0x1.0000000000000p+0, -0x1.0000000000000p-40},
    {{Schedule::Kind::linear_vp, 2, 0.1, 20}, 0x1.0000000000000p-7, 0x1.0000000000000p-7, 0x1.fffbfffbfff80p-1, 0x1.0000000000000p+0, -0x1.0000000000000p-7},
    {{Schedule::Kind::linear_vp, 2, 0.1, 20}, 0x1.3333333333333p-2, 0x1.3333333333333p-2, 0x1.e86ab810ea912p-1, 0x1.0000000000000p+0, -0x1.3333333333333p-2},
    {{Schedule::Kind::linear_vp, 2, 0.1, 20}, 0x1.0000000000000p-1, 0x1.0000000000000p-1, 0x1.bb67ae8584caap-1, 0x1.0000000000000p+0, -0x1.0000000000000p-1},
    {{Schedule::Kind::linear_vp, 2, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.ccccccccccccdp-1, 0x1.be59eba3a165ap-2, 0x1.0000000000000p+0, -0x1.ccccccccccccdp-1},
    {{Schedule::Kind::linear_vp, 2, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.ff80000000000p-1, 0x1.69f345147cf92p-5, 0x1.0000000000000p+0, -0x1.ff80000000000p-1},
    {{Schedule::Kind::linear_vp, 2, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.fffffffffe000p-1, 0x1.6a09e667f3624p-20, 0x1.0000000000000p+0, -0x1.fffffffffe000p-1},
    {{Schedule::Kind::vp, 2, 0.1, 20}, 0x1.0000000000000p-40, 0x1.aeaced142d32cp-8, 0x1.fffd2b749e17ap-1, 0x1.0d2c142c9b33ep-4, -0x1.c4d5dcc7804e6p-12},
    {{Schedule::Kind::vp, 2, 0.1, 20}, 0x1.0000000000000p-7, 0x1.d187a4da874d5p-8, 0x1.fffcb16f375e8p-1, 0x1.20b1c6538b2b4p-4, -0x1.067df072d46eap-11},
    {{Schedule::Kind::vp, 2, 0.1, 20}, 0x1.3333333333333p-2, 0x1.598214a44cf10p-4, 0x1.fe2cdb064915fp-1, 0x1.2ef7aa19abc9cp-1, -0x1.98e5b66ec48ddp-5},
    {{Schedule::Kind::vp, 2, 0.1, 20}, 0x1.0000000000000p-1, 0x1.1fee67b4de542p-2, 0x1.eb57cbaab3cf5p-1, 0x1.69b6b2480419bp+0, -0x1.96d4ac408be05p-2},
    {{Schedule::Kind::vp, 2, 0.1, 20}, 0x1.ccccccccccccdp-1, 0x1.e4b8b838b0847p-1, 0x1.49c823ceb09f9p-2, 0x1.fa88b6457b052p-1, -0x1.df8bfbb06659fp-1},
    {{Schedule::Kind::vp, 2, 0.1, 20}, 0x1.ff80000000000p-1, 0x1.fff8fa72b9f97p-1, 0x1.532d028a46634p-7, 0x1.e92c7db2047e2p-5, -0x1.e925c84863acdp-5},
    {{Schedule::Kind::vp, 2, 0.1, 20}, 0x1.fffffffffe000p-1, 0x1.ffffffffffe66p-1, 0x1.43d13624c376cp-22, 0x1.9999999ad7eb9p-5, -0x1.9999999ad7d71p-5},
    {{Schedule::Kind::vp, 2, 0.001, 1}, 0x1.0000000000000p-40, 0x1.8ea575ade0e00p-1, 0x1.41496157a34f3p-1, 0x1.8ea575addf51cp-2, -0x1.3663726cc6844p-2},
    {{Schedule::Kind::vp, 2, 0.001, 1}, 0x1.0000000000000p-7, 0x1.903352eb23438p-1, 0x1.3f5942650b259p-1, 0x1.8d13b92c60ea1p-2, -0x1.365f367022315p-2},
    {{Schedule::Kind::vp, 2, 0.001, 1}, 0x1.3333333333333p-2, 0x1.c4ddcb600931bp-1, 0x1.ddba65b1c578dp-2, 0x1.3d246fad921ccp-2, -0x1.18838ccade372p-2},
    {{Schedule::Kind::vp, 2, 0.001, 1}, 0x1.0000000000000p-1, 0x1.e0e3aa03a1f02p-1, 0x1.5f820c59679d0p-2, 0x1.e15ec59382199p-3, -0x1.c41ee496c4c66p-3},
    {{Schedule::Kind::vp, 2, 0.001, 1}, 0x1.ccccccccccccdp-1, 0x1.feb284df4383dp-1, 0x1.23ff5a73eea88p-4, 0x1.9c3c21ef9c488p-5, -0x1.9b2fa1b0bc461p-5},
    {{Schedule::Kind::vp, 2, 0.001, 1}, 0x1.ff80000000000p-1, 0x1.ffffe79fbf0b5p-1, 0x1.3bfb260ab2541p-10, 0x1.02f19da7e54afp-10, -0x1.02f19153e3bf9p-10},
    {{Schedule::Kind::vp, 2, 0.001, 1}, 0x1.fffffffffe000p-1, 0x1.ffffffffffffcp-1, 0x1.030dc4eb0061cp-25, 0x1.0624dd3319998p-11, -0x1.0624dd3319996p-11},
    {{Schedule::Kind::vp, 2, 100, 100}, 0x1.0000000000000p-40, 0x1.d257d5483b991p-73, 0x1.0000000000000p+0, 0x1.6c549ea06e8fap-67, -0x1.4bd7848593303p-139},
    {{Schedule::Kind::vp, 2, 100, 100}, 0x1.0000000000000p-7, 0x1.589aef1584ed3p-72, 0x1.0000000000000p+0, 0x1.0d390ac8cfd95p-66, -0x1.6a67963d36a34p-138},
    {{Schedule::Kind::vp, 2, 100, 100}, 0x1.3333333333333p-2, 0x1.6b7719a59f0ddp-51, 0x1.0000000000000p+0, 0x1.1bf50c096442cp-45, -0x1.9328936c8d127p-96},
    {{Schedule::Kind::vp, 2, 100, 100}, 0x1.0000000000000p-1, 0x1.e8a37a45fc32ep-37, 0x1.0000000000000p+0, 0x1.7dbfb786ad07cp-31, -0x1.6c549ea027671p-67},
    {{Schedule::Kind::vp, 2, 100, 100}, 0x1.ccccccccccccdp-1, 0x1.b993fe00d537fp-8, 0x1.fffd064e92bf6p-1, 0x1.58fb9e70a693bp-2, -0x1.2988715b68164p-9},
    {{Schedule::Kind::vp, 2, 100, 100}, 0x1.ff80000000000p-1, 0x1.e799bcd421824p-1, 0x1.385819b341fc3p-2, 0x1.7cf01b85ba2dcp+5, -0x1.6ac8c46bea819p+5},
    {{Schedule::Kind::vp, 2, 100, 100}, 0x1.fffffffffe000p-1, 0x1.ffffffff9c000p-1, 0x1.3fffffffe0c00p-17, 0x1.8fffffffb1e00p+5, -0x1.8fffffff63c00p+5},
}};

}  // namespace flowmatch::testing
// clang-format on
