// Values as 0 and 1, for models whose data were: what `zoo score` makes of the first image that it is given.

// uniform: (place in the image) -> a number in (0, 1]
export const binarized = (x, {binarize: {how, key}}, uniform = drawn(key)) => HOW[how](x, uniform);

const HOW = {
  none: x => x,
  threshold: x => x.map(v => +(v >= .5)),
  stochastic: (x, uniform) => x.map((v, i) => +(uniform(i) <= v)),
};

// The numbers of zoo/numerics.py.
function drawn(key) {
  const row = mix(key);
  return i => Math.fround((mix(mix(Math.imul(i, 0x85ebca77) ^ row) + row) >>> 8) + .5) * 2 ** -24;
}

function mix(x) {
  x = Math.imul(x ^ x >>> 16, 0x7feb352d);
  x = Math.imul(x ^ x >>> 15, 0x846ca68b);
  return (x ^ x >>> 16) >>> 0;
}
