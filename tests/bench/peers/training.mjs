// What the JavaScript libraries share: the batches they are trained on, how they are timed and checked, and how they
// answer bench.mjs. A library is a worker of the page that hands its own part to answerRequests().
//
// A request has the suite (step or sampling), the threads, a variant of the library's where it has several, the milliseconds that each measurement is repeated for, and
// the networks as `flowmatch_bench networks` prints them. The answer is { records }, like those of bench.cpp, or
// { error }.

const WARM_UP_STEPS = 30;

function standardNormals(numbers) {
  for (let i = 0; i < numbers.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    const angle = 2 * Math.PI * Math.random();
    numbers[i] = radius * Math.cos(angle);
    numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

/** `count` points of the plane, one after the other. */
export function noise(count) {
  return standardNormals(new Float32Array(2 * count));
}

function schedule({ schedule, sqrtRegularisation }, t) {
  if (schedule === 'cond_ot') return { sigma: 1 - t, dSigma: -1 };
  const sigma = Math.sqrt(1 - t);
  return { sigma, dSigma: -0.5 / (sigma + sqrtRegularisation) };
}

/**
 * One batch: for each of its points the input (x, t) of the network, and the velocity to learn. In plain JavaScript,
 * which takes a fraction of the time of the libraries' own random numbers: their work are the products.
 */
export function makeBatch(network) {
  const { batchSize, means, standardDeviation } = network;
  const inputs = new Float32Array(3 * batchSize);
  const velocities = new Float32Array(2 * batchSize);
  const source = noise(batchSize);
  const deviation = noise(batchSize);
  for (let i = 0; i < batchSize; i++) {
    const t = Math.random();
    const { sigma, dSigma } = schedule(network, t);
    const mean = means[Math.floor(means.length * Math.random())];
    for (let k = 0; k < 2; k++) {
      const x0 = source[2 * i + k];
      const x1 = mean[k] + standardDeviation * deviation[2 * i + k];
      inputs[3 * i + k] = t * x1 + sigma * x0;
      velocities[2 * i + k] = x1 + dSigma * x0;
    }
    inputs[3 * i + 2] = t;
  }
  return { inputs, velocities };
}

/** The first weights of each layer, those of PyTorch's Linear: uniform in +-1 / sqrt(inputs). */
export function initialLayers({ widths }) {
  return widths.slice(1).map((outputs, layer) => {
    const inputs = widths[layer];
    const uniform = (count) =>
      Float32Array.from({ length: count }, () => (2 * Math.random() - 1) / Math.sqrt(inputs));
    return { inputs, outputs, weight: uniform(inputs * outputs), bias: uniform(outputs) };
  });
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/**
 * Fails unless training begins, and falls, as the core's own does: otherwise it is another work. The loss of a single
 * step is noisy, the more so as the square-root schedule has rare and large targets: medians.
 */
function checkLosses(network, losses) {
  for (const first of [0, WARM_UP_STEPS - 10]) {
    const [ours, theirs] = [network.losses, losses].map((all) =>
      median(all.slice(first, first + 10)),
    );
    if (theirs > 0.8 * ours && theirs < 1.25 * ours) continue;
    const steps = `steps ${first + 1} to ${first + 10}`;
    throw new Error(`${network.name}: the loss of ${steps} is ${theirs}, the core's ${ours}`);
  }
}

/** Repeats `work` as measure() in bench.cpp does. */
async function measure({ suite, threads, milliseconds }, { name, operations }, work) {
  const times = [];
  const end = performance.now() + milliseconds;
  while (times.length < 3 || performance.now() < end) {
    const begin = performance.now();
    await work();
    times.push(performance.now() - begin);
  }
  return {
    suite,
    name,
    threads,
    milliseconds: median(times),
    best: Math.min(...times),
    operations,
  };
}

/**
 * @param {object} library
 * @param {(threads: number) => Promise<void>} library.start
 * @param {(network: object, variant?: string) => () => Promise<number>} library.makeTrainer gives a function that does
 *   one step, and gives its loss when it is done
 * @param {(network: object) => () => Promise<Float32Array>} library.makeSampler gives a function that carries the
 *   points of the network's sampling along the field of the untrained network
 */
export function answerRequests({ start, makeTrainer, makeSampler }) {
  const suites = {
    async step(request, network) {
      const step = makeTrainer(network, request.variant);
      const losses = [];
      while (losses.length < WARM_UP_STEPS) losses.push(await step());
      checkLosses(network, losses);
      return measure(request, network, step);
    },
    async sampling(request, network) {
      const sample = makeSampler(network);
      const points = await sample();
      if (points.length !== 2 * network.sampling.points || !points.every(Number.isFinite)) {
        throw new Error(
          `${network.name}: what was sampled are not ${network.sampling.points} points`,
        );
      }
      return measure(request, network.sampling, sample);
    },
  };
  self.onmessage = async ({ data: request }) => {
    try {
      await start(request.threads);
      const records = [];
      for (const network of request.networks) {
        records.push(await suites[request.suite](request, network));
      }
      self.postMessage({ records });
    } catch (error) {
      self.postMessage({ error: String(error?.stack ?? error) });
    }
  };
}
