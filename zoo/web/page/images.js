// Images as arrays of the model's values, and back.
const LARGEST = 20e6, PIXELS = 50e6;

// In page.json, `pixels`: the model's values of black and of white, for each channel.
const value = (about, c, unit) => about.pixels[0][c] + unit * (about.pixels[1][c] - about.pixels[0][c]);
const unit = (about, c, x) => (x - about.pixels[0][c]) / (about.pixels[1][c] - about.pixels[0][c]);
const channel = (about, i) => i % about.shape[2];

export const inverted = (x, about) => x.map((v, i) => value(about, channel(about, i), 1 - unit(about, channel(about, i), v)));
export const difference = (a, b, about) => a.map((v, i) => {
  const c = channel(about, i);
  return value(about, c, Math.abs(unit(about, c, v) - unit(about, c, b[i])));
});

export function draw(canvas, x, about) {
  const [height, width, channels] = about.shape, image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) {
      const k = channels === 1 ? 0 : c;
      image.data[4 * i + c] = Math.round(255 * unit(about, k, x[i * channels + k]));
    }
    image.data[4 * i + 3] = 255;
  }
  canvas.width = width; canvas.height = height;
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}

export function picture(x, about, label = '') {
  const canvas = document.createElement('canvas');
  canvas.className = 'image';
  if (label) { canvas.setAttribute('role', 'img'); canvas.setAttribute('aria-label', label); }
  return draw(canvas, x, about);
}

// Width and height are read from the first bytes before anything is decoded.
export async function read(file, about) {
  if (file.size > LARGEST) throw Error(`${file.name}: ${(file.size / 1e6).toFixed(0)} MB is too large; at most 20 MB`);
  const size = dimensions(new DataView(await file.slice(0, 262144).arrayBuffer()));
  if (!size) throw Error(`${file.name}: not a PNG, JPEG, GIF or WebP image`);
  if (size[0] * size[1] > PIXELS) throw Error(`${file.name}: ${size[0]} x ${size[1]} pixels are too many; at most 50 million`);
  const bitmap = await createImageBitmap(file).catch(() => { throw Error(`${file.name}: a damaged image`); });
  const [height, width, channels] = about.shape, context = new OffscreenCanvas(width, height).getContext('2d');
  const [from, to] = boxes(bitmap, width, height, about.resize);
  context.imageSmoothingQuality = 'high';
  context.fillRect(0, 0, width, height);
  context.fillStyle = 'white'; context.fillRect(...to); // under what is transparent
  context.drawImage(bitmap, ...from, ...to); bitmap.close();
  const {data} = context.getImageData(0, 0, width, height), x = new Float32Array(height * width * channels);
  for (let i = 0; i < height * width; i++) {
    const [r, g, b] = data.subarray(4 * i, 4 * i + 3);
    if (channels === 1) x[i] = value(about, 0, Math.round(.299 * r + .587 * g + .114 * b) / 255);
    else [r, g, b].forEach((v, c) => { x[3 * i + c] = value(about, c, v / 255); });
  }
  return x;
}

// What of the picture goes where, [left, top, width, height] each: as `resize` of the training data.
function boxes({width: w, height: h}, width, height, how) {
  const whole = [0, 0, w, h], all = [0, 0, width, height];
  const inside = (scale, W, H) => [(W - scale * width) / 2, (H - scale * height) / 2, scale * width, scale * height];
  if (how === 'crop') return [inside(Math.min(w / width, h / height), w, h), all];
  if (how !== 'pad') return [whole, all];
  const scale = Math.min(width / w, height / h), kept = [Math.max(1, Math.round(scale * w)), Math.max(1, Math.round(scale * h))];
  return [whole, [Math.floor((width - kept[0]) / 2), Math.floor((height - kept[1]) / 2), ...kept]];
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
