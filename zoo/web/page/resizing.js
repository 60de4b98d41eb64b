// Levels of an image in another size: bilinear, each new pixel the mean of all that it covers, and rounded as Pillow
// rounds, so that the model is shown what `zoo` shows it.
const BITS = 22; // of a share

// pieces: some rows each, from the top, of an image [h, w, channels]; gives [height, width, channels], flat.
export function resize(pieces, {width: w, height: h}, [height, width, channels], how) {
  const {box: [left, top, right, bottom], at: [x, y, columns, rows]} = boxes(w, h, width, height, how);
  const across = shares(w, left, right, columns), down = shares(h, top, bottom, rows), length = columns * channels;
  const narrow = new Uint8Array(h * length), out = new Uint8Array(height * width * channels);
  let row = 0;
  for (const piece of pieces)
    for (let start = 0; start < piece.length; start += w * channels, row++)
      for (let i = 0; i < length; i++) {
        const {first, share} = across[Math.floor(i / channels)];
        narrow[row * length + i] = blend(piece, start + first * channels + i % channels, channels, share);
      }
  down.forEach(({first, share}, k) => {
    for (let i = 0; i < length; i++) out[((y + k) * width + x) * channels + i] = blend(narrow, first * length + i, length, share);
  });
  return out;
}

// What of a picture is read, [left, top, right, bottom], and where it goes, [left, top, width, height]: see zoo/data/pixels.py.
function boxes(w, h, width, height, how) {
  const all = [0, 0, w, h];
  if (how === 'crop') {
    const scale = Math.min(w / width, h / height), left = (w - width * scale) / 2, top = (h - height * scale) / 2;
    return {box: [left, top, w - left, h - top].map(Math.fround), at: [0, 0, width, height]};
  }
  if (how !== 'pad') return {box: all, at: [0, 0, width, height]};
  const scale = Math.min(width / w, height / h), inner = [w, h].map(side => Math.max(1, even(side * scale)));
  return {box: all, at: [Math.floor((width - inner[0]) / 2), Math.floor((height - inner[1]) / 2), ...inner]};
}

// To the nearest whole number, of two the even one, as Python rounds.
export const even = v => Math.round(v) - v === .5 && Math.round(v) % 2 ? Math.floor(v) : Math.round(v);

// For each of `count` new places along a side: the first old one that it covers, and what each one gives.
function shares(size, from, to, count) {
  const scale = Math.fround(to - from) / count, reach = Math.max(scale, 1);
  return Array.from({length: count}, (_, k) => {
    const center = from + (k + .5) * scale, first = Math.max(0, Math.trunc(center - reach + .5));
    const length = Math.min(size, Math.trunc(center + reach + .5)) - first;
    const parts = Array.from({length}, (_, i) => Math.max(0, 1 - Math.abs((i + first - center + .5) * (1 / reach))));
    const sum = parts.reduce((a, b) => a + b);
    return {first, share: parts.map(part => Math.round(part / sum * 2 ** BITS))};
  });
}

function blend(levels, at, stride, share) {
  let sum = 2 ** (BITS - 1);
  for (const part of share) { sum += part * levels[at]; at += stride; }
  return sum >> BITS;
}
