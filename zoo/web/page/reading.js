// A file of an image as an array of the model's values.
import {even, resize} from './resizing.js';

const BYTES = 20e6, PIXELS = 50e6, SIDE = 16384; // the largest side of a canvas
const ROWS = 256; // that are looked at together

export async function read(file, about) {
  if (file.size > BYTES) throw Error(`${file.name}: ${(file.size / 1e6).toFixed(0)} MB is too large; at most 20 MB`);
  const size = dimensions(new DataView(await file.slice(0, 262144).arrayBuffer())); // before anything is decoded
  if (!size) throw Error(`${file.name}: not a PNG, JPEG, GIF or WebP image`);
  if (size[0] * size[1] > PIXELS || Math.max(...size) > SIDE) throw Error(`${file.name}: ${size[0]} x ${size[1]} pixels are too many; at most 50 million, ${SIDE} on a side`);
  const bitmap = await createImageBitmap(file, {colorSpaceConversion: 'none'}).catch(() => { throw Error(`${file.name}: a damaged image`); });
  const channels = about.shape[2], levels = resize(rows(bitmap, channels), bitmap, about.shape, about.resize);
  bitmap.close();
  return Float32Array.from(levels, (level, i) => about.levels[level][i % channels]);
}

// The rows of a bitmap from the top, some at a time: levels of 1 or 3 channels. What is transparent lies on white.
function* rows(bitmap, channels) {
  const context = new OffscreenCanvas(bitmap.width, Math.min(ROWS, bitmap.height)).getContext('2d', {willReadFrequently: true});
  context.fillStyle = 'white';
  for (let top = 0; top < bitmap.height; top += ROWS) {
    context.fillRect(0, 0, bitmap.width, ROWS);
    context.drawImage(bitmap, 0, -top);
    const {data} = context.getImageData(0, 0, bitmap.width, Math.min(ROWS, bitmap.height - top));
    yield Uint8Array.from({length: data.length / 4 * channels}, channels === 1
      ? (_, i) => even((19595 * data[4 * i] + 38470 * data[4 * i + 1] + 7471 * data[4 * i + 2]) / 65536)
      : (_, i) => data[4 * Math.floor(i / 3) + i % 3]);
  }
}

// [width, height] by the first bytes, or null.
function dimensions(v) {
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
