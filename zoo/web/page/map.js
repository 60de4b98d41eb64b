// The map: places of the space on two axes, with thumbnails of those that do not cover each other.
import {picture} from './images.js';
import {$, make, roving} from './dom.js';

const SIZE = .085; // of a thumbnail, as a share of the map
const inset = v => SIZE / 2 + v * (1 - SIZE);

// made: (numbers) -> image; go: (numbers) makes them the point of the page.
export async function map({space, ...about}, made, go) {
  const at = scaled(space.places), seen = apart(at);
  const put = (element, [x, y]) => { element.style.left = `${100 * inset(x)}%`; element.style.top = `${100 * inset(y)}%`; return element; };
  const dots = at.map((p, i) => seen.includes(i) ? '' : put(make('i'), p)), buttons = [];
  const pick = i => {
    seen.forEach((k, n) => buttons[n].setAttribute('aria-pressed', k === i));
    dots.forEach((dot, k) => dot && dot.classList.toggle('picked', k === i));
    go(space.values[i]);
  };
  for (const i of seen)
    buttons.push(put(make('button', {'aria-label': `Place ${i + 1} on the map`, 'aria-pressed': 'false', onclick: () => pick(i)}, picture(await made(space.values[i]), about)), at[i]));
  $('places').replaceChildren(...dots, ...buttons);
  roving($('places'), buttons, seen.map(i => at[i]));
  draggable(at, pick);
}

// Anywhere on the map the nearest place is picked, also while a finger or the mouse is drawn over it.
function draggable(at, pick) {
  const nearest = event => {
    const box = $('places').getBoundingClientRect(), inside = v => (v - SIZE / 2) / (1 - SIZE);
    const x = inside((event.clientX - box.left) / box.width), y = inside((event.clientY - box.top) / box.height);
    const distances = at.map(p => (p[0] - x) ** 2 + (p[1] - y) ** 2);
    pick(distances.indexOf(Math.min(...distances)));
  };
  $('places').onpointerdown = event => { if (event.target.closest('button')) return; $('places').setPointerCapture(event.pointerId); nearest(event); };
  $('places').onpointermove = event => { if ($('places').hasPointerCapture(event.pointerId)) nearest(event); };
}

// Places in [0, 1], the second axis upwards.
function scaled(places) {
  const ends = [0, 1].map(k => [Math.min, Math.max].map(end => end(...places.map(p => p[k]))));
  const unit = (v, [low, high]) => (v - low) / (high - low || 1);
  return places.map(([x, y]) => [unit(x, ends[0]), 1 - unit(y, ends[1])]);
}

// The places whose thumbnails fit.
function apart(at) {
  const seen = [], gap = SIZE / (1 - SIZE);
  for (const [i, p] of at.entries())
    if (seen.every(k => Math.max(Math.abs(p[0] - at[k][0]), Math.abs(p[1] - at[k][1])) > gap)) seen.push(i);
  return seen;
}
