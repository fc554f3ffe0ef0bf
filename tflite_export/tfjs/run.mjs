// Runs a TensorFlow.js graph model on its WebAssembly backend: node run.mjs PACKAGES MODEL IN SHAPE OUT [COUNT]
// PACKAGES is a folder with node_modules; IN and OUT are files of float32; SHAPE is that of IN, as 5,64,64,3.
// Prints the milliseconds of each of COUNT further runs of the first of IN, and then the shape of OUT.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';

async function main(packages, folder, from, shape, to, count = '0') {
  const installed = createRequire(join(packages, 'package.json'));
  const tf = installed('@tensorflow/tfjs-core');
  const { loadGraphModel } = installed('@tensorflow/tfjs-converter');
  const { setWasmPaths } = installed('@tensorflow/tfjs-backend-wasm');

  setWasmPaths(join(packages, 'node_modules/@tensorflow/tfjs-backend-wasm/dist') + sep);
  await tf.setBackend('wasm');

  const bytes = (file) => {
    const { buffer, byteOffset, byteLength } = readFileSync(file);
    return buffer.slice(byteOffset, byteOffset + byteLength);
  };
  const { modelTopology, signature, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json')));
  const model = await loadGraphModel({
    load: async () => ({
      modelTopology,
      signature,
      weightSpecs: weightsManifest.flatMap((group) => group.weights),
      weightData: weightsManifest.flatMap((group) => group.paths).map((path) => bytes(join(folder, path))),
    }),
  });

  const images = tf.tensor(new Float32Array(bytes(from)), shape.split(',').map(Number));
  const made = [];
  for (const one of tf.split(images, images.shape[0])) {
    made.push(tf.tidy(() => model.execute(one)));
  }
  const all = tf.concat(made);
  writeFileSync(to, new Uint8Array((await all.data()).slice().buffer));

  const [first] = tf.split(images, images.shape[0]);
  for (let turn = 0; turn < Number(count); turn++) {
    const start = performance.now();
    const result = tf.tidy(() => model.execute(first));
    await result.data();
    console.log(performance.now() - start);
    result.dispose();
  }
  console.log(all.shape.join(','));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
