#include "interrupt.h"

#include <csignal>

namespace flowmatch::cli {

namespace {

volatile std::sig_atomic_t noted = 0;

extern "C" void note_interruption(int signal) {
  noted = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interruption() {
  std::signal(SIGINT, note_interruption);
  std::signal(SIGTERM, note_interruption);
}

bool interrupted() {
  return noted != 0;
}

}  // namespace flowmatch::cli
