// Images as arrays of the model's values: drawn, inverted, subtracted.

// In page.json, `levels`: the model's value of each level of a pixel, black to white, for each channel.
const ends = ({levels}, c) => [levels[0][c], levels.at(-1)[c]];
const value = (about, c, unit) => { const [black, white] = ends(about, c); return black + unit * (white - black); };
const unit = (about, c, x) => { const [black, white] = ends(about, c); return (x - black) / (white - black); };
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
