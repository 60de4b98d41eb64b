import {open} from './runner.js';
import {draw, picture, read} from './images.js';

const $ = id => document.getElementById(id), STEPS = 40;
const about = await (await fetch('./model.json')).json();
const has = verb => verb in about.signatures;
const images = [];
let run, z, picked = [], learned = false;

function normal() { return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()); }
const DRAW = {noise: normal};

async function samples() {
  const wanted = about.signatures.sample.inputs, drawn = [];
  for (let i = 0; i < 8; i++) {
    const arrays = Object.fromEntries(Object.entries(wanted).map(([name, {shape}]) =>
      [name, Array.from({length: shape.reduce((a, b) => a * b, 1)}, DRAW[name] ?? Math.random)]));
    drawn.push(picture((await run('sample', arrays)).x, about, `Sample ${i + 1}`));
  }
  $('drawn').replaceChildren(...drawn);
}

async function decode() { draw($('decoded'), (await run('decode', {z})).x_hat, about); }

function sliders() {
  const {order, spread, mean} = about.codes;
  $('sliders').replaceChildren(...order.map(unit => {
    const label = document.createElement('label'), input = document.createElement('input'), value = document.createElement('output');
    const reach = Math.max(3 * spread[unit], 1);
    Object.assign(input, {type: 'range', min: mean[unit] - reach, max: mean[unit] + reach, step: reach / 100, value: z[unit]});
    input.setAttribute('aria-label', `Unit ${unit}, spread ${spread[unit].toFixed(2)}`);
    value.textContent = z[unit].toFixed(2);
    input.addEventListener('input', () => { z[unit] = +input.value; value.textContent = z[unit].toFixed(2); decode(); });
    label.append(`z${unit}`, input, value);
    return label;
  }));
}

async function map() {
  const {values, places} = about.codes, bounds = [0, 1].map(k => [Math.min(...places.map(p => p[k])), Math.max(...places.map(p => p[k]))]);
  for (const [i, place] of places.entries()) {
    const button = document.createElement('button'), at = place.map((v, k) => 5 + 90 * (v - bounds[k][0]) / (bounds[k][1] - bounds[k][0] || 1));
    button.style.left = `${at[0]}%`; button.style.top = `${100 - at[1]}%`;
    button.setAttribute('aria-label', `Sample ${i + 1} on the map`); button.setAttribute('aria-pressed', 'false');
    button.append(picture((await run('decode', {z: values[i]})).x_hat, about, ''));
    button.addEventListener('click', () => pick(i));
    $('places').append(button);
  }
}

async function pick(i) {
  const {values} = about.codes;
  z = [...values[i]]; sliders(); decode();
  picked = [...picked, i].slice(-2);
  [...$('places').children].forEach((b, k) => b.setAttribute('aria-pressed', picked.includes(k)));
  if (picked.length < 2) return;
  const [a, b] = picked.map(k => values[k]), row = [];
  for (let t = 0; t < 8; t++)
    row.push(picture((await run('decode', {z: a.map((v, k) => v + (b[k] - v) * t / 7)})).x_hat, about, `Step ${t + 1} of 8`));
  $('steps').replaceChildren(...row);
}

async function show() {
  const figures = [];
  for (const {name, x} of images) {
    const {x_hat} = await run('reconstruct', {x}), figure = document.createElement('figure'), caption = document.createElement('figcaption');
    const score = has('score') ? (await run('score', {x})).score[0] : null;
    const low = about.preprocessor?.shift ?? 0;
    figure.append(picture(x, about, `${name}`), picture(x_hat, about, 'Reconstruction'),
      picture(x.map((v, k) => low + Math.abs(v - x_hat[k])), about, 'Difference'), caption);
    caption.textContent = score === null ? name : `Score ${score.toFixed(2)}`;
    if (score !== null && about.threshold !== null) {
      const strange = score > about.threshold, verdict = document.createElement('div');
      verdict.textContent = `${strange ? 'Strange' : 'Normal'}: the threshold is ${about.threshold.toFixed(2)}${learned ? ', set before training here' : ''}`;
      verdict.className = strange ? 'strange' : '';
      caption.append(verdict);
    }
    figures.push(figure);
  }
  $('dropped').replaceChildren(...figures);
  $('training').hidden = !about.learns || !images.length;
}

async function take(files) {
  $('problem').textContent = '';
  for (const file of files)
    try { images.push({name: file.name, x: await read(file, about)}); } catch (error) { $('problem').textContent = error.message; }
  await show();
}

async function train() {
  const size = about.batch, losses = [];
  learned = true;
  $('train').disabled = true;
  try {
    for (let step = 0; step < STEPS; step++) {
      const x = Array.from({length: size}, (_, k) => [...images[(step * size + k) % images.length].x]).flat();
      losses.push((await run('train', {x})).loss[0]);
      $('losses').textContent = `Step ${step + 1} of ${STEPS}: loss ${losses[0].toFixed(2)} → ${losses.at(-1).toFixed(2)}`;
      await new Promise(requestAnimationFrame);
    }
  } finally { $('train').disabled = false; }
  await show(); if (about.codes) await decode();
  return losses;
}

try {
  $('name').textContent = document.title = about.name;
  run = await open(about);
  window.zoo = {run, about, take, train};
  if (about.codes) {
    z = [...about.codes.mean]; sliders(); await decode();
    for (const id of ['codes', 'map', 'between']) $(id).hidden = false;
    await map();
  }
  if (has('sample')) { $('samples').hidden = false; $('again').addEventListener('click', samples); await samples(); }
  if (has('reconstruct')) {
    $('drop').hidden = false;
    $('why').hidden = about.learns; $('why').textContent = `This file does not learn: ${about.why}`;
    $('files').addEventListener('change', event => take(event.target.files));
    $('train').addEventListener('click', train);
    for (const kind of ['dragover', 'dragleave', 'drop'])
      $('zone').addEventListener(kind, event => { event.preventDefault(); $('zone').classList.toggle('over', kind === 'dragover'); if (kind === 'drop') take(event.dataTransfer.files); });
  }
  $('status').textContent = 'Ready.';
  document.body.dataset.ready = 'yes';
} catch (error) {
  $('status').textContent = `The model cannot run here: ${error.message}`;
  document.body.dataset.ready = 'no';
}
