// Tries the built page in a real browser: node check.mjs CHROMIUM ADDRESS PICTURE FOLDER
// Gives it the picture with each runtime, then a file that is none, and the picture in a browser without WebAssembly,
// WebGL and camera. Writes to FOLDER, for each runtime, RUNTIME.f32, the values that the page made, and RUNTIME.png, what
// it looked like; prints what it said, as JSON.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [executablePath, address, picture, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 390, height: 844 } }); // a phone's
const asked = [];
page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).origin}`));
await page.goto(address);
await page.waitForFunction(() => document.querySelector('#model').options.length > 0);

const said = { runtimes: {} };
for (const runtime of ['litert', 'wasm']) {
  await page.selectOption('#runtime', runtime);
  const made = page.evaluate(
    () =>
      new Promise((resolve) => {
        document.addEventListener('translated', ({ detail }) => resolve([...detail.values]), { once: true });
      }),
  );
  await page.setInputFiles('#file', picture);
  writeFileSync(join(folder, `${runtime}.f32`), new Uint8Array(new Float32Array(await made).buffer));
  await page.waitForTimeout(100);
  await page.screenshot({ path: join(folder, `${runtime}.png`), fullPage: true });
  said.runtimes[runtime] = { latency: await page.textContent('#latency'), error: await page.textContent('#error') };
}

await page.setInputFiles('#file', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
await page.waitForFunction(() => document.querySelector('#error').textContent);
said.wrong_file = await page.textContent('#error');
said.wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

// What a keyboard reaches, in its order.
said.reached = [];
await page.evaluate(() => document.activeElement.blur());
for (let press = 0; press < 8; press++) {
  await page.keyboard.press('Tab');
  said.reached.push(await page.evaluate(() => document.activeElement.id));
}

const bare = await browser.newPage();
await bare.addInitScript(() => {
  delete window.WebAssembly;
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith('webgl') ? null : getContext.call(this, kind, ...rest);
  };
});
await bare.goto(address);
await bare.waitForFunction(() => document.querySelector('#model').options.length > 0);
said.without = {};
for (const runtime of ['litert', 'wasm', 'webgl']) {
  await bare.selectOption('#runtime', runtime);
  await bare.setInputFiles('#file', picture);
  await bare.waitForFunction(() => document.querySelector('#error').textContent);
  said.without[runtime] = await bare.textContent('#error');
}
await bare.click('#camera');
await bare.waitForFunction(() => document.querySelector('#error').textContent.includes('camera'));
said.without.camera = await bare.textContent('#error');

said.asked = [...new Set(asked)];
console.log(JSON.stringify(said));
await browser.close();
