// The page: what is chosen, one translation at a time, and a sentence for what goes wrong.
import { decode, draw, paint, read } from './pictures.js';
import { RUNTIMES, Told } from './runtimes.js';

const part = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]));
const opened = new Map(); // promises of functions, by model and runtime

let models = [];
let picture = null; // an ImageBitmap, or the video
let busy = false;
let again = false; // something changed while a translation was computed

/** Runs a handler, and says what went wrong. */
async function attempt(handler) {
  part.error.textContent = '';
  try {
    await handler();
  } catch (error) {
    console.error(error);
    part.error.textContent =
      error instanceof Told ? error.message : `That did not work (${error.message ?? error}): try another runtime.`;
  }
}

function chosen() {
  return [models.find(({ name }) => name === part.model.value), RUNTIMES[part.runtime.value]];
}

/** The function that translates, opened once; a failure is not kept. */
function translator() {
  const [model, runtime] = chosen();
  runtime.check();
  const key = `${model.name} ${runtime.label}`;
  if (!opened.has(key)) {
    const promise = runtime.open(model).then(async (run) => {
      await run(new Float32Array(3 * model.image_size ** 2)); // the first call makes ready what later ones use
      return run;
    });
    promise.catch(() => opened.delete(key));
    opened.set(key, promise);
  }
  return opened.get(key);
}

/** Translates what is shown; called meanwhile, it does so once more afterwards. */
async function translate() {
  if (!picture) {
    return;
  }
  again = busy;
  if (busy) {
    return;
  }
  busy = true;
  await attempt(async () => {
    const [model, runtime] = chosen();
    part.latency.textContent ||= 'Loading the model ...';
    const run = await translator();
    draw(part.source, picture, frame());
    const values = read(part.source);
    const start = performance.now();
    const made = await run(values);
    const milliseconds = performance.now() - start;
    paint(part.result, made);
    part.save.disabled = false;
    part.latency.textContent = `${model.target} in ${milliseconds.toFixed(0)} ms by ${runtime.label}`;
    part.result.dispatchEvent(new CustomEvent('translated', { bubbles: true, detail: { values: made, milliseconds } }));
  });
  busy = false;
  if (again) {
    await translate();
  }
}

function frame() {
  return Object.fromEntries(['zoom', 'across', 'down'].map((name) => [name, Number(part[name].value)]));
}

async function show(file) {
  await attempt(async () => {
    let read = null;
    try {
      read = await decode(file);
    } catch {
      throw new Told(`"${file.name}" is not a picture that this browser can read: choose a JPEG, PNG or WebP file.`);
    }
    stopCamera();
    picture = read;
    await translate();
  });
}

function stopCamera() {
  part.video.srcObject?.getTracks().forEach((track) => track.stop());
  part.video.srcObject = null;
  part.camera.setAttribute('aria-pressed', 'false');
  part.camera.textContent = 'Use the camera';
}

async function startCamera() {
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user' } });
  } catch (error) {
    throw new Told(`The camera could not be opened (${error.name ?? error}): allow this page to use it, or choose a file.`);
  }
  part.video.srcObject = stream;
  await part.video.play();
  part.camera.setAttribute('aria-pressed', 'true');
  part.camera.textContent = 'Stop the camera';
  picture = part.video;
  while (part.video.srcObject) {
    await translate();
    if (part.error.textContent) {
      stopCamera(); // else it would fail again with every frame
    }
    await new Promise(requestAnimationFrame);
  }
}

function choose() {
  const [model] = chosen();
  for (const canvas of [part.source, part.result]) {
    canvas.width = canvas.height = model.image_size;
  }
  part.about.textContent = `${model.name}: ${model.task}. Weights: ${model.license}.`;
  part.latency.textContent = '';
  return translate();
}

async function start() {
  for (const [key, { label }] of Object.entries(RUNTIMES)) {
    part.runtime.add(new Option(label, key));
  }
  const answer = await fetch('models/index.json');
  if (!answer.ok) {
    throw new Told('This page has no models yet: run python tflite_export/web/prepare.py, and build it again.');
  }
  models = await answer.json();
  for (const { name, task } of models) {
    part.model.add(new Option(`${task} (${name})`, name));
  }
  await choose();
}

part.model.addEventListener('change', choose);
part.runtime.addEventListener('change', choose);
part.frame.addEventListener('input', translate);
part.choose.addEventListener('click', () => part.file.click());
part.file.addEventListener('change', () => part.file.files.length && show(part.file.files[0]));
part.camera.addEventListener('click', () => attempt(part.video.srcObject ? async () => stopCamera() : startCamera));
part.save.addEventListener('click', () => {
  const link = document.createElement('a');
  link.download = 'translation.png';
  link.href = part.result.toDataURL();
  link.click();
});
for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    part.drop.classList.toggle('over', type === 'dragenter' || type === 'dragover');
  });
}
document.addEventListener('drop', (event) => event.dataTransfer.files.length && show(event.dataTransfer.files[0]));
document.addEventListener('paste', (event) => event.clipboardData.files.length && show(event.clipboardData.files[0]));

attempt(start);
