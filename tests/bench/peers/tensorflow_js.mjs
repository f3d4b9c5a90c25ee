// TensorFlow.js on its WebAssembly backend, as a worker of the page that answers bench.mjs (see training.mjs): with the
// derivatives that it has by itself, and with hand-written ones, which this backend computes several times faster.

import * as tf from '@tensorflow/tfjs-core';
// The core alone has operations without their derivatives.
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';

import { answerRequests, initialLayers, makeBatch, noise } from './training.mjs';

async function start() {
  // The library insists on all three; with threads it has been tried, and takes as long or longer.
  setWasmPaths({
    'tfjs-backend-wasm.wasm': plain,
    'tfjs-backend-wasm-simd.wasm': simd,
    'tfjs-backend-wasm-threaded-simd.wasm': threaded,
  });
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend does not start');
}

const ownDerivatives = {
  dense: (x, weight, bias) => tf.add(tf.matMul(x, weight), bias),
  silu: (x) => tf.mul(x, tf.sigmoid(x)),
};

/**
 * x weight + bias. The derivatives that the library has by itself multiply by matrices as transposed, for which this
 * backend has but a plain loop: transposing them first makes the product several times faster.
 */
const dense = tf.customGrad((x, weight, bias, save) => {
  save([x, weight]);
  const value = tf.fused.matMul({ a: x, b: weight, bias });
  const gradFunc = (dy, [x, weight]) => [
    tf.matMul(dy, tf.transpose(weight)),
    tf.matMul(tf.transpose(x), dy),
    tf.sum(dy, 0),
  ];
  return { value, gradFunc };
});

/** x sigmoid(x). The derivative that the library has by itself takes six passes over the layer, this one four. */
const silu = tf.customGrad((x, save) => {
  const s = tf.sigmoid(x);
  const value = tf.mul(x, s);
  save([s, value]);
  const gradFunc = (dy, [s, y]) => tf.mul(dy, tf.add(s, tf.sub(y, tf.mul(y, s))));
  return { value, gradFunc };
});

const handWritten = { dense, silu };

function makeNetwork(network, { dense, silu }) {
  const layers = initialLayers(network).map(({ inputs, outputs, weight, bias }) => ({
    weight: tf.variable(tf.tensor2d(weight, [inputs, outputs])),
    bias: tf.variable(tf.tensor1d(bias)),
  }));
  const evaluate = (inputs) =>
    layers.reduce((a, { weight, bias }, layer) => {
      const b = dense(a, weight, bias);
      return layer + 1 < layers.length ? silu(b) : b;
    }, inputs);
  return { evaluate, variables: layers.flatMap(({ weight, bias }) => [weight, bias]) };
}

function makeTrainer(network, variant) {
  const { evaluate, variables } = makeNetwork(
    network,
    variant === 'hand-written' ? handWritten : ownDerivatives,
  );
  const { learningRate, beta1, beta2, epsilon } = network;
  const optimizer = tf.train.adam(learningRate, beta1, beta2, epsilon);
  return async () => {
    const loss = tf.tidy(() => {
      const { inputs, velocities } = makeBatch(network);
      const x = tf.tensor2d(inputs, [network.batchSize, 3]);
      const u = tf.tensor2d(velocities, [network.batchSize, 2]);
      const error = () => tf.mean(tf.squaredDifference(evaluate(x), u));
      const { value, grads } = tf.variableGrads(error, variables);
      optimizer.applyGradients(grads);
      return value;
    });
    const [value] = await loss.data();
    loss.dispose();
    return value;
  };
}

function makeSampler(network) {
  const { evaluate } = makeNetwork(network, handWritten);
  const { points, steps } = network.sampling;
  return async () => {
    let x = tf.tensor2d(noise(points), [points, 2]);
    for (let step = 0; step < steps; step++) {
      const next = tf.tidy(() => {
        const velocity = evaluate(tf.concat([x, tf.fill([points, 1], step / steps)], 1));
        return tf.add(x, tf.div(velocity, steps));
      });
      x.dispose();
      x = next;
    }
    const values = await x.data();
    x.dispose();
    return values;
  };
}

answerRequests({ start, makeTrainer, makeSampler });
