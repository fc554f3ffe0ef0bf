// Pictures as the models take them: float32 in [-1, 1], RGB, shape (1, size, size, 3).

/** Decodes a file as it is, without the screen's colours; throws where it is no picture. */
export function decode(file) {
  return createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
}

/**
 * Draws a square of a picture or a video into a canvas, whose own size is that of the model.
 * `zoom` is the square's share of the shorter side; `across` and `down` say where it lies, from 0 to 1.
 */
export function draw(canvas, picture, { zoom, across, down }) {
  const width = picture.videoWidth ?? picture.width;
  const height = picture.videoHeight ?? picture.height;
  const side = Math.min(width, height) * zoom;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, (width - side) * across, (height - side) * down, side, side, 0, 0, canvas.width, canvas.height);
}

/** The values of a canvas, alpha left out. */
export function read(canvas) {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const values = new Float32Array(canvas.width * canvas.height * 3);
  for (let pixel = 0; pixel < values.length / 3; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      values[3 * pixel + channel] = data[4 * pixel + channel] / 127.5 - 1;
    }
  }
  return values;
}

/** Shows values in a canvas. */
export function paint(canvas, values) {
  const image = new ImageData(canvas.width, canvas.height);
  for (let pixel = 0; pixel < values.length / 3; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * pixel + channel] = Math.round((values[3 * pixel + channel] + 1) * 127.5); // and it clamps
    }
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}
