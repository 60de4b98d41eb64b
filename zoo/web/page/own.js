// Images of the reader's: reconstructed, scored, and learned from.
import {difference, inverted, picture} from './images.js';
import {read} from './reading.js';
import {binarized} from './binary.js';
import {uniform} from './space.js';
import {$, make} from './dom.js';

const STEPS = 40, MOST = 64;

export function own({about, has, run, code, withLabel, go, refresh, reopen}) {
  const images = [];
  let learned = false, learning = false, turns = 0;

  async function card(image) {
    const {name, x} = image, {x_hat} = await run('reconstruct', await withLabel('reconstruct', {x}));
    const pictures = [['Image', x], ['Reconstruction', x_hat], ['Difference', difference(x, x_hat, about)]].map(([label, values]) =>
      make('div', {}, picture(values, about, `${label} of ${name}`), make('small', {textContent: label})));
    const to = async () => { await go(await code(x)); $('codes').scrollIntoView({behavior: 'smooth', block: 'start'}); };
    return make('figure', {},
      make('div', {className: 'three'}, ...pictures),
      make('figcaption', {}, make('b', {textContent: name, title: name}), ...await verdict(x),
        make('div', {className: 'actions small'}, make('button', {textContent: 'See its code', onclick: to}),
          make('button', {textContent: 'Invert', onclick: () => { image.x = inverted(x, about); show(); }}),
          make('button', {textContent: 'Remove', onclick: () => { images.splice(images.indexOf(image), 1); show(); }}))));
  }

  const judge = async x => run('score', await withLabel('score', {x: binarized(x, about)}));

  async function verdict(x) {
    const lines = [];
    if (has('classify')) lines.push(make('span', {textContent: `Label ${(await run('classify', {x})).label[0]}`}));
    if (!has('score')) return lines;
    const {score, is_anomaly} = await judge(x), limit = about.threshold;
    lines.push(make('span', {textContent: `Score ${score[0].toFixed(1)} nats`}));
    if (!is_anomaly) return lines;
    const strange = is_anomaly[0] === 1;
    lines.push(make('strong', {className: strange ? 'verdict strange' : 'verdict', textContent: strange ? 'Anomaly' : 'Normal'}),
      make('small', {textContent: `${strange ? 'above' : 'not above'} the threshold${limit === null ? '' : ` ${limit.toFixed(1)}`}${learned ? ', set before it learned here' : ''}`}));
    return lines;
  }

  // Of the changes that come while cards are made only the last is shown; the keyboard stays where it was.
  async function show() {
    const turn = ++turns, cards = [], buttons = () => [...$('dropped').querySelectorAll('button')];
    for (const image of images) cards.push(await card(image));
    if (turn !== turns) return;
    const at = buttons().indexOf(document.activeElement);
    $('dropped').replaceChildren(...cards);
    if (at >= 0) (buttons()[at] ?? buttons().at(-1) ?? $('files')).focus();
    $('training').hidden = !about.learns || !(images.length || learned);
    $('train').hidden = !images.length;
    if (!learning) $('train').textContent = images.length === 1 ? 'Train on this image' : `Train on these ${images.length} images`;
  }

  async function take(files) {
    const problems = [];
    for (const file of files)
      try {
        if (images.length >= MOST) throw Error(`${file.name}: at most ${MOST} images; remove some first`);
        images.push({name: file.name, x: await read(file, about)});
      } catch (error) { problems.push(error.message); }
    if (!files.length) problems.push('What was dropped is not a file; save the image first, then drop it.');
    $('problem').textContent = problems.length > 1 ? `${problems[0]} (and ${problems.length - 1} more)` : problems[0] ?? '';
    await show();
  }

  // One press starts, another stops.
  async function train() {
    if (learning) { learning = false; return []; }
    const size = about.signatures.train.inputs.x.shape[0], losses = [];
    learning = learned = true;
    $('train').textContent = 'Stop';
    $('forget').disabled = true;
    try {
      for (let step = 0; learning && step < STEPS && images.length; step++) {
        const x = Array.from({length: size}, (_, k) => [...binarized(images[(step * size + k) % images.length].x, about, uniform)]).flat();
        losses.push((await run('train', {x})).loss[0]);
        curve(losses);
        await new Promise(requestAnimationFrame);
      }
    } finally { learning = false; $('forget').disabled = $('forget').hidden = false; }
    await show(); await refresh();
    return losses;
  }

  function curve(losses) {
    const low = Math.min(...losses), high = Math.max(...losses);
    const places = losses.map((loss, k) => `${100 * k / Math.max(1, STEPS - 1)},${28 - 26 * (loss - low) / (high - low || 1)}`);
    $('curve').hidden = losses.length < 2;
    $('curve').querySelector('polyline').setAttribute('points', places.join(' '));
    $('losses').textContent = `Step ${losses.length} of ${STEPS}: loss ${losses[0].toFixed(2)} → ${losses.at(-1).toFixed(2)} nats`;
  }

  async function forget() {
    $('forget').disabled = true;
    learned = false;
    await reopen(); await show();
    ($('train').hidden ? $('files') : $('train')).focus();
    $('forget').hidden = $('curve').hidden = true;
    $('losses').textContent = '';
  }

  async function sample(path) {
    const blob = await (await fetch(path)).blob();
    await take([new File([blob], path.split('/').pop(), {type: blob.type})]);
  }

  $('own').hidden = false;
  $('why').hidden = about.learns;
  $('why').textContent = `This file does not learn in the page: ${about.why}.`;
  $('try').hidden = !about.examples.length;
  $('examples').replaceChildren(...about.examples.map((path, i) => make('button', {'aria-label': `Example ${i + 1}`, onclick: () => sample(path)}, make('img', {src: path, alt: '', className: 'image'}))));
  $('files').onchange = async event => { await take([...event.target.files]); event.target.value = ''; };
  $('train').onclick = train;
  $('forget').onclick = forget;
  for (const kind of ['dragover', 'dragleave', 'drop'])
    $('zone').addEventListener(kind, event => { event.preventDefault(); $('zone').classList.toggle('over', kind === 'dragover'); if (kind === 'drop') take([...event.dataTransfer.files]); });
  return {take, train, forget, judge, show, images};
}
