// Images as arrays of the model's scale, and back.
const LARGEST = 20e6, PIXELS = 50e6;

export const shift = about => about.preprocessor?.shift ?? 0;
export const scale = about => about.preprocessor?.scale ?? 1 / 255;

export function draw(canvas, x, about) {
  const [height, width, channels] = about.shape, image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = Math.round((x[i * channels + (channels === 1 ? 0 : c)] - shift(about)) / scale(about));
    image.data[4 * i + 3] = 255;
  }
  canvas.width = width; canvas.height = height; canvas.classList.add('image');
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}

export function picture(x, about, label) {
  const canvas = document.createElement('canvas');
  canvas.setAttribute('role', 'img'); canvas.setAttribute('aria-label', label);
  return draw(canvas, x, about);
}

// Width and height are read from the first bytes before anything is decoded.
export async function read(file, about) {
  if (file.size > LARGEST) throw Error(`${file.name}: ${(file.size / 1e6).toFixed(0)} MB is too large; at most 20 MB`);
  const size = dimensions(new DataView(await file.slice(0, 262144).arrayBuffer()));
  if (!size) throw Error(`${file.name}: not a PNG, JPEG, GIF or WebP image`);
  if (size[0] * size[1] > PIXELS) throw Error(`${file.name}: ${size[0]} x ${size[1]} pixels are too many; at most 50 million`);
  const [height, width, channels] = about.shape;
  const bitmap = await createImageBitmap(file).catch(() => { throw Error(`${file.name}: a damaged image`); });
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height); bitmap.close();
  const {data} = context.getImageData(0, 0, width, height), x = new Float32Array(height * width * channels);
  for (let i = 0; i < height * width; i++) {
    const [r, g, b] = data.slice(4 * i, 4 * i + 3);
    if (channels === 1) x[i] = Math.round(.299 * r + .587 * g + .114 * b) * scale(about) + shift(about);
    else [r, g, b].forEach((v, c) => { x[3 * i + c] = v * scale(about) + shift(about); });
  }
  return x;
}

export function dimensions(v) {
  if (v.byteLength < 30) return null;
  if (v.getUint32(0) === 0x89504e47) return [v.getUint32(16), v.getUint32(20)];
  if (v.getUint32(0) === 0x47494638) return [v.getUint16(6, true), v.getUint16(8, true)];
  if (v.getUint32(0) === 0x52494646 && v.getUint32(8) === 0x57454250) {
    const kind = v.getUint32(12), u24 = i => v.getUint16(i, true) + (v.getUint8(i + 2) << 16);
    if (kind === 0x56503858) return [u24(24) + 1, u24(27) + 1];
    if (kind === 0x56503820) return [v.getUint16(26, true) & 0x3fff, v.getUint16(28, true) & 0x3fff];
    const bits = v.getUint32(21, true);
    return [(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1];
  }
  if (v.getUint16(0) !== 0xffd8) return null;
  for (let i = 2; i + 9 < v.byteLength; i += 2 + v.getUint16(i + 2)) {
    const marker = v.getUint16(i);
    if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) return [v.getUint16(i + 7), v.getUint16(i + 5)];
    if (marker < 0xff00) return null;
  }
  return null;
}
