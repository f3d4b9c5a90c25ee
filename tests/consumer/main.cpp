// A project of someone else's, which knows flowmatch as it is installed.
#include <flowmatch/experiment.h>
#include <flowmatch/io/config_json.h>

#include <iostream>

int main() {
  const auto config = flowmatch::run_config_from_json(R"({"hidden": [8], "steps": 3})");
  flowmatch::ThreadPool pool(2);
  const auto experiment = flowmatch::Experiment::make(config.value().experiment, pool);
  std::vector<float> losses(3);
  std::cout << experiment.value()->trainer().step(losses) << " steps done\n";
}
