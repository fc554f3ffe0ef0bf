// What computes: each runtime opens a model, and gives a function from a picture's values to its translation's.

const at = (path) => new URL(path, document.baseURI).href;

/** An error whose message is a sentence for whoever uses the page. */
export class Told extends Error {}

function needWasm() {
  if (typeof WebAssembly === 'undefined') {
    throw new Told('This browser has no WebAssembly: choose TensorFlow.js on WebGL.');
  }
}

function needWebgl() {
  if (!document.createElement('canvas').getContext('webgl2')) {
    throw new Told('This browser has no WebGL 2: choose a runtime on WebAssembly.');
  }
}

async function tensorflow(model, backend) {
  const [tf, { loadGraphModel }] = await Promise.all([import('@tensorflow/tfjs-core'), import('@tensorflow/tfjs-converter')]);
  if (backend === 'wasm') {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(at('wasm/tfjs/'));
  } else {
    await import('@tensorflow/tfjs-backend-webgl');
  }
  if (!(await tf.setBackend(backend))) {
    throw new Told(`TensorFlow.js could not start its backend ${backend} in this browser: choose another runtime.`);
  }
  const graph = await loadGraphModel(at(`models/${model.name}/tfjs/model.json`));
  const shape = [1, model.image_size, model.image_size, 3];
  return async (values) => {
    const made = tf.tidy(() => graph.execute(tf.tensor(values, shape)));
    const result = await made.data();
    made.dispose();
    return result;
  };
}

let litert; // its WebAssembly is loaded once a page

async function liteRt(model) {
  const { loadLiteRt, loadAndCompile, Tensor } = await import('@litertjs/core');
  if (!litert) {
    litert = loadLiteRt(at('wasm/litert/'));
    litert.catch(() => (litert = undefined)); // a failure is not kept
  }
  await litert;
  const compiled = await loadAndCompile(at(`models/${model.name}/model.tflite`), { accelerator: 'wasm' });
  const signature = compiled.signatures.serving_default;
  const shape = [1, model.image_size, model.image_size, 3];
  return async (values) => {
    const given = new Tensor(values, shape);
    const [made] = await signature.run([given]);
    const result = (await made.data()).slice();
    given.delete();
    made.delete();
    return result;
  };
}

export const RUNTIMES = {
  litert: { label: 'LiteRT.js, WebAssembly', check: needWasm, open: liteRt },
  wasm: { label: 'TensorFlow.js, WebAssembly', check: needWasm, open: (model) => tensorflow(model, 'wasm') },
  webgl: { label: 'TensorFlow.js, WebGL', check: needWebgl, open: (model) => tensorflow(model, 'webgl') },
};
