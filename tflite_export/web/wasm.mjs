// Puts the runtimes' WebAssembly where the page serves it from: node wasm.mjs
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = { 'tfjs': '@tensorflow/tfjs-backend-wasm/dist', 'litert': '@litertjs/core/wasm' };

for (const [name, source] of Object.entries(SOURCES)) {
  const from = join(import.meta.dirname, 'node_modules', source);
  const to = join(import.meta.dirname, 'public/wasm', name);
  mkdirSync(to, { recursive: true });
  // Of TensorFlow.js the binaries alone; of LiteRT.js what loads them, too.
  const needed = readdirSync(from).filter((file) => file.endsWith('.wasm') || name === 'litert');
  for (const file of needed) {
    cpSync(join(from, file), join(to, file));
  }
}
