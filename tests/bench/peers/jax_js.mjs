// jax-js on its WebAssembly backend, as a worker of the page that answers bench.mjs (see training.mjs).
//
// A whole training step is one compiled function. In this library a function takes the arrays that it is given, and
// `.ref` keeps one for another use.

import { answerRequests, initialLayers, makeBatch, noise } from './training.mjs';

let jax, np;

async function start(threads) {
  // The library has a worker for each processor of the machine, and none where memory cannot be shared. It looks when
  // it is imported.
  if (threads === 1) delete globalThis.SharedArrayBuffer;
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: threads });
  jax = await import('@jax-js/jax');
  np = jax.numpy;
  await jax.init('wasm');
  jax.defaultDevice('wasm');
}

function makeLayers(network) {
  return initialLayers(network).map(({ inputs, outputs, weight, bias }) => ({
    weight: np.array(weight).reshape([inputs, outputs]),
    bias: np.array(bias),
  }));
}

function evaluate(layers, inputs) {
  return layers.reduce((a, { weight, bias }, layer) => {
    const b = np.dot(a, weight).add(bias);
    return layer + 1 < layers.length ? jax.nn.silu(b) : b;
  }, inputs);
}

function meanSquaredError(layers, inputs, velocities) {
  return np.mean(np.square(evaluate(layers, inputs).sub(velocities)));
}

function makeTrainer(network) {
  const { batchSize, learningRate, beta1, beta2, epsilon } = network;
  const { tree } = jax;
  const update = jax.jit((layers, first, second, rate, scale, inputs, velocities) => {
    const [loss, gradient] = jax.valueAndGrad(meanSquaredError)(
      tree.ref(layers),
      inputs,
      velocities,
    );
    first = tree.map((m, g) => m.mul(beta1).add(g.mul(1 - beta1)), first, tree.ref(gradient));
    second = tree.map((v, g) => v.mul(beta2).add(np.square(g).mul(1 - beta2)), second, gradient);
    layers = tree.map(
      (w, m, v) => w.sub(m.mul(rate.ref).div(np.sqrt(v.mul(scale.ref)).add(epsilon))),
      layers,
      tree.ref(first),
      tree.ref(second),
    );
    return [layers, first, second, loss];
  });

  let layers = makeLayers(network);
  let first = tree.map((w) => np.zeros(w.shape), tree.ref(layers));
  let second = tree.map((w) => np.zeros(w.shape), tree.ref(layers));
  let steps = 0;
  return async () => {
    steps++;
    const rate = np.array(Float32Array.of(learningRate / (1 - beta1 ** steps)));
    const scale = np.array(Float32Array.of(1 / (1 - beta2 ** steps)));
    const batch = makeBatch(network);
    const inputs = np.array(batch.inputs).reshape([batchSize, 3]);
    const velocities = np.array(batch.velocities).reshape([batchSize, 2]);
    let loss;
    [layers, first, second, loss] = update(layers, first, second, rate, scale, inputs, velocities);
    await jax.blockUntilReady([layers, first, second]);
    const [value] = await loss.data();
    return value;
  };
}

function makeSampler(network) {
  const layers = makeLayers(network);
  const { points, steps } = network.sampling;
  const move = jax.jit((layers, x, t) => {
    const inputs = np.concatenate([x.ref, np.broadcastTo(t, [points, 1])], 1);
    return x.add(evaluate(layers, inputs).mul(1 / steps));
  });
  return async () => {
    let x = np.array(noise(points)).reshape([points, 2]);
    for (let step = 0; step < steps; step++) {
      x = move(jax.tree.ref(layers), x, np.array(Float32Array.of(step / steps)));
    }
    return x.data();
  };
}

answerRequests({ start, makeTrainer, makeSampler });
