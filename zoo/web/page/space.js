// The numbers that an image is made of, as one array: a code, or the random input of a generator.

// The inputs of a verb, cut from the array.
export function parts(space, point) {
  let at = 0;
  return Object.fromEntries(space.inputs.map(({name, size}) => [name, point.slice(at, at += size)]));
}

export const together = (space, inputs) => space.inputs.flatMap(({name}) => [...inputs[name]]);

export const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
export const uniform = () => 1 - Math.random();
export const oneHot = (size, chosen) => Array.from({length: size}, (_, i) => +(i === chosen));
export const largest = values => values.indexOf(Math.max(...values));

const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
const sum = (s, a, t, b) => a.map((v, i) => s * v + t * b[i]);

// A point of the space, where sliders may have left it.
export function settled(space, point) {
  const length = Math.sqrt(dot(point, point)) || 1;
  if (space.line === 'sphere') return point.map(v => v / length);
  const most = .999 * space.edge;
  return space.line === 'ball' && length > most ? point.map(v => v * most / length) : point;
}

// Where a share t of the way from a to b leads: the geodesic of the space.
export const between = (space, a, b, t) => ROADS[space.line](a, b, t, space.edge);

const ROADS = {
  straight: (a, b, t) => sum(1 - t, a, t, b),
  // Discrete codes have nothing between them: they change over, one after the other.
  steps: (a, b, t) => a.map((v, i) => i < Math.round(t * a.length) ? b[i] : v),
  sphere(a, b, t) {
    const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b)))), sine = Math.max(Math.sin(angle), 1e-6);
    return angle < 1e-3 ? sum(1 - t, a, t, b) : sum(Math.sin((1 - t) * angle) / sine, a, Math.sin(t * angle) / sine, b);
  },
  // In the Poincare ball: from a, a share t of b seen from a (Ganea et al. 2018, Sec. 2.4).
  ball(a, b, t, edge) {
    const c = 1 / edge ** 2, seen = moebius(a.map(v => -v), b, c), length = Math.sqrt(c * dot(seen, seen));
    return length < 1e-9 ? [...a] : moebius(a, seen.map(v => Math.tanh(t * Math.atanh(Math.min(length, 1 - 1e-6))) * v / length), c);
  },
};

function moebius(x, y, c) {
  const xy = dot(x, y), xx = dot(x, x), yy = dot(y, y);
  return sum(1 + 2 * c * xy + c * yy, x, 1 - c * xx, y).map(v => v / (1 + 2 * c * xy + c * c * xx * yy));
}
