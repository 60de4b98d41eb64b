// The page of a model: where one is in the space of its codes, and what is drawn of that.
import {open} from './runner.js';
import {draw, picture} from './images.js';
import {$, make} from './dom.js';
import {controls} from './controls.js';
import {map} from './map.js';
import {words} from './words.js';
import {between, largest, normal, oneHot, parts, settled, together, uniform} from './space.js';
import {own} from './own.js';

const FRAMES = 10, SAMPLES = 10;

// Fills the page for a model as page.json describes it; gives what there is to do with it.
export async function explore(about) {
  const space = about.space, has = verb => verb in about.signatures;
  let file, point, ends, show = () => {}, wanted = false, drawing = null;

  const run = (verb, arrays) => file.run(verb, arrays);

  async function made(values) {
    const outputs = await run(space.verb, parts(space, settled(space, values)));
    return outputs.x_hat ?? outputs.x;
  }

  // Draws the point; of the changes that come while it draws only the last counts.
  function move() {
    wanted = true; show(point);
    return drawing ??= (async () => {
      try { while (wanted) { wanted = false; draw($('decoded'), await made(point), about); } } finally { drawing = null; }
    })();
  }

  async function go(values) { point = [...values]; await move(); }

  // The code of an image.
  async function code(x) {
    const {z, indices} = await run('encode', await withLabel('encode', {x}));
    return space.line === 'steps' ? [...indices].map(i => (i + .5) / space.controls[0].size) : [...z];
  }

  // Models of labelled data take the label under which the image is least strange.
  async function withLabel(verb, inputs) {
    const wanted = about.signatures[verb].inputs.label;
    if (!wanted) return inputs;
    return {...inputs, label: oneHot(wanted.shape.at(-1), (await run('classify', {x: inputs.x})).label[0])};
  }

  function home() {
    if (space.line === 'steps' || !has('encode')) return space.values[0];
    const mean = space.values[0].map((_, i) => space.values.reduce((sum, v) => sum + v[i], 0) / space.values.length);
    for (const {kind, at, size} of space.controls)
      if (kind === 'choice') mean.splice(at, size, ...oneHot(size, largest(space.values[0].slice(at, at + size))));
    return settled(space, mean);
  }

  async function interpolate() {
    const frames = [];
    for (let k = 0; k < FRAMES; k++) {
      const values = between(space, ...ends, k / (FRAMES - 1));
      frames.push(make('button', {'aria-label': `Step ${k + 1} of ${FRAMES}`, onclick: () => { $('along').value = k / (FRAMES - 1); go(values); }}, picture(await made(values), about)));
    }
    $('steps').replaceChildren(...frames);
    $('along').value = 0;
  }

  // An end of the way from an image to another: 0 the start, 1 the end.
  async function setEnd(which, values) { ends[which] = [...settled(space, values)]; await interpolate(); }

  const DRAW = {noise: normal, uniform};
  async function samples() {
    const inputs = Object.entries(about.signatures.sample.inputs), drawn = [];
    const label = document.querySelector('#wish input:checked')?.value;
    for (let i = 0; i < SAMPLES; i++) {
      const arrays = Object.fromEntries(inputs.map(([name, {shape}]) => {
        const size = shape.reduce((a, b) => a * b, 1);
        return [name, name === 'label' ? oneHot(size, label === undefined || label === '' ? Math.floor(size * Math.random()) : +label) : Array.from({length: size}, DRAW[name])];
      }));
      const {x} = await run('sample', arrays), place = has('encode') ? () => code(x) : () => together(space, arrays);
      drawn.push(make('button', {'aria-label': `Sample ${i + 1}`, onclick: async () => go(await place())}, picture(x, about)));
    }
    $('drawn').replaceChildren(...drawn);
  }

  function wishes() {
    const wanted = about.signatures.sample.inputs.label;
    if (!wanted) return;
    const choice = ['any', ...Array(wanted.shape.at(-1)).keys()].map((name, i) =>
      make('label', {}, make('input', {type: 'radio', name: 'wish', value: i ? name : '', checked: !i, onchange: samples}), make('span', {textContent: name})));
    $('wish').replaceChildren(make('fieldset', {className: 'choice'}, make('legend', {textContent: 'label'}), make('div', {}, ...choice)));
  }

  async function refresh() { await map(about, made, go); await interpolate(); await move(); if (has('sample')) await samples(); }

  async function reopen() { const old = file; file = await open(about); await old.close(); await refresh(); }

  words(about);
  file = await open(about);
  point = [...home()];
  const far = k => space.places.reduce((best, p, i) => k * p[0] > k * space.places[best][0] ? i : best, 0);
  ends = [-1, 1].map(k => space.values[far(k)]);
  show = controls(space, () => point, move);
  $('main').hidden = false;
  await refresh();
  $('home').onclick = () => go(home());
  $('start').onclick = () => setEnd(0, point);
  $('end').onclick = () => setEnd(1, point);
  $('along').oninput = event => go(between(space, ...ends, +event.target.value));
  $('samples').hidden = !has('sample');
  if (has('sample')) { wishes(); $('again').onclick = samples; }
  const page = {about, has, run, code, withLabel, go, refresh, reopen};
  const mine = has('reconstruct') ? own(page) : {};
  return {run, about, made, point: () => point, go, setEnd, ...mine};
}
