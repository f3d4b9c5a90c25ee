"""PyTorch's half of `npm run bench`: the training steps and the sampling of bench.cpp, on the CPU.

    python3 - REQUEST < pytorch.py

REQUEST is JSON: the suite (step or sampling), the number of threads, the milliseconds that each measurement is
repeated for, and the networks as `flowmatch_bench networks` prints them. Prints records like those of bench.cpp.
The script is read from the standard input so that it need not lie where the interpreter can see it.

Eager mode and the fused Adam are the fastest form on the CPU that needs no compiler on the reader's machine; the
gradients are freed, not zeroed, and the loss leaves PyTorch in every step.
"""

import json
import statistics
import sys
import time

import torch

WARM_UP_STEPS = 30


def milliseconds():
    return time.perf_counter() * 1e3


def measure(request, name, operations, work):
    """Repeats `work` as measure() in bench.cpp does, and prints the record."""
    times = []
    end = milliseconds() + request["milliseconds"]
    while len(times) < 3 or milliseconds() < end:
        begin = milliseconds()
        work()
        times.append(milliseconds() - begin)
    record = {
        "suite": request["suite"],
        "name": name,
        "threads": request["threads"],
        "milliseconds": statistics.median(times),
        "best": min(times),
        "operations": operations,
    }
    print(json.dumps(record), flush=True)


def check_losses(network, losses):
    """Ends the program unless training begins, and falls, as the core's own does: otherwise it is another work.

    A loss of single steps is noisy, the more so as the square-root schedule has rare and large targets: medians.
    """
    for first in (0, WARM_UP_STEPS - 10):
        ours = statistics.median(network["losses"][first : first + 10])
        theirs = statistics.median(losses[first : first + 10])
        if not 0.8 < theirs / ours < 1.25:
            steps = f"steps {first + 1} to {first + 10}"
            sys.exit(f"{network['name']}: the loss of {steps} is {theirs:.4g}, the core's {ours:.4g}")


def multilayer_perceptron(widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.SiLU()]
    return torch.nn.Sequential(*layers[:-1])


class Trainer:
    def __init__(self, network):
        self.network = network
        self.model = multilayer_perceptron(network["widths"])
        self.means = torch.tensor(network["means"])
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=network["learningRate"],
            betas=(network["beta1"], network["beta2"]),
            eps=network["epsilon"],
            fused=True,
        )

    def batch(self):
        """Network inputs (x_t, t) and the velocities to learn."""
        size = self.network["batchSize"]
        t = torch.rand(size, 1)
        x0 = torch.randn(size, 2)
        x1 = self.means[torch.randint(len(self.means), (size,))]
        x1 += self.network["standardDeviation"] * torch.randn(size, 2)
        if self.network["schedule"] == "sqrt":
            sigma = torch.sqrt(1 - t)
            d_sigma = -0.5 / (sigma + self.network["sqrtRegularisation"])
            return torch.cat((t * x1 + sigma * x0, t), 1), x1 + d_sigma * x0
        return torch.cat((torch.lerp(x0, x1, t), t), 1), x1 - x0

    def step(self):
        inputs, velocity = self.batch()
        loss = torch.nn.functional.mse_loss(self.model(inputs), velocity)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def measure_step(request, network):
    trainer = Trainer(network)
    check_losses(network, [trainer.step() for _ in range(WARM_UP_STEPS)])
    measure(request, network["name"], network["operations"], trainer.step)


def measure_sampling(request, network):
    sampling = network["sampling"]
    model = multilayer_perceptron(network["widths"])
    noise = torch.randn(sampling["points"], 2)

    @torch.inference_mode()
    def sample():
        inputs = torch.cat((noise, torch.zeros(len(noise), 1)), 1)
        x, t = inputs[:, :2], inputs[:, 2]
        for step in range(sampling["steps"]):
            t.fill_(step / sampling["steps"])
            x.add_(model(inputs), alpha=1 / sampling["steps"])
        return x.tolist()

    sample()
    measure(request, sampling["name"], sampling["operations"], sample)


def main():
    request = json.loads(sys.argv[1])
    torch.set_num_threads(request["threads"])
    torch.manual_seed(1)
    work = {"step": measure_step, "sampling": measure_sampling}[request["suite"]]
    for network in request["networks"]:
        work(request, network)


main()
