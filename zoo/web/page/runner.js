// Signatures of the file as functions of arrays; calls wait for each other, since they share buffers and weights.
import {loadLiteRt, loadAndCompile, Tensor} from '@litertjs/core';

export async function open(about, path = './model.tflite') {
  await (open.runtime ??= loadLiteRt('./litert/wasm/'));
  const model = await loadAndCompile(path, {accelerator: 'wasm'});
  let last = Promise.resolve();
  const call = async (verb, arrays) => {
    const inputs = {};
    try {
      for (const [name, {shape}] of Object.entries(about.signatures[verb].inputs))
        inputs[name] = new Tensor(Float32Array.from(arrays[name]), shape);
      const results = await model.run(verb, inputs), outputs = {};
      for (const [name, tensor] of Object.entries(results)) {
        outputs[name] = (await tensor.data()).slice();
        tensor.delete();
      }
      return outputs;
    } finally {
      for (const tensor of Object.values(inputs)) tensor.delete();
    }
  };
  const queued = work => (last = last.then(work, work));
  return {
    run: (verb, arrays) => queued(() => call(verb, arrays)),
    close: () => queued(() => model.delete()),
  };
}
