// What moves the point: sliders, choices, and the grid of discrete codes. `move` is told of each change.
import {$, make, roving} from './dom.js';
import {largest, oneHot} from './space.js';

const FEW = 10; // sliders that are seen at first

export function controls(space, point, move) {
  const made = space.controls.map(control => ({...control, ...KINDS[control.kind](control, point, move)}));
  const rows = [...made.filter(({kind}) => kind !== 'number'), ...made.filter(({kind}) => kind === 'number')].map(c => c.element);
  $('controls').replaceChildren(...rows);
  if (rows.length > FEW) fold(rows);
  return now => made.forEach(control => control.show(now));
}

function fold(rows) {
  const hide = hidden => rows.slice(FEW).forEach(row => { row.hidden = hidden; });
  const button = make('button', {id: 'more', 'aria-expanded': 'false', onclick() {
    const open = button.getAttribute('aria-expanded') === 'false';
    hide(!open); button.setAttribute('aria-expanded', open); name();
  }});
  const name = () => { button.textContent = button.getAttribute('aria-expanded') === 'true' ? 'Show fewer' : `Show all ${rows.length}`; };
  hide(true); name();
  $('controls').append(button);
}

const KINDS = {
  number({at, name, low, high, activity}, point, move) {
    const label = `${name}, activity ${activity.toFixed(2)}`;
    const input = make('input', {type: 'range', min: low, max: high, step: (high - low) / 200, 'aria-label': label, title: label});
    const value = make('output');
    input.addEventListener('input', () => { point()[at] = +input.value; value.textContent = (+input.value).toFixed(2); move(); });
    return {
      element: make('label', {className: 'range'}, make('span', {textContent: name}), input, value),
      show(now) { input.value = now[at]; value.textContent = now[at].toFixed(2); },
    };
  },
  choice({at, name, size}, point, move) {
    const inputs = Array.from({length: size}, (_, i) => make('input', {type: 'radio', name: `${name} ${at}`, value: i, onchange() {
      point().splice(at, size, ...oneHot(size, i)); move();
    }}));
    const rows = inputs.map((input, i) => make('label', {}, input, make('span', {textContent: i})));
    return {
      element: make('fieldset', {className: 'choice'}, make('legend', {textContent: name}), make('div', {}, ...rows)),
      show(now) { inputs[largest(now.slice(at, at + size))].checked = true; },
    };
  },
  indices({size, grid, depth}, point, move) {
    const flat = grid.length === 1, columns = flat ? Math.min(8, grid[0]) : grid[1], count = grid.reduce((a, b) => a * b);
    let chosen = 0, now = null;
    const index = k => Math.min(size - 1, Math.floor(now[k] * size));
    const cells = Array.from({length: count}, (_, i) => make('button', {onclick: () => choose(i), onfocus: () => choose(i)}));
    const sliders = Array.from({length: depth}, (_, d) => {
      const input = make('input', {type: 'range', min: 0, max: size - 1, step: 1, 'aria-label': depth > 1 ? `Code ${d + 1} of the cell` : 'Code of the cell'});
      const value = make('output');
      input.addEventListener('input', () => { point()[chosen * depth + d] = (+input.value + .5) / size; move(); });
      return {input, value, row: make('label', {className: 'range'}, make('span', {textContent: depth > 1 ? `code ${d + 1}` : 'code'}), input, value)};
    });
    const over = $('cells'), holder = flat ? make('div', {className: 'cells'}) : over, title = make('p', {className: 'note'});
    over.hidden = flat;
    holder.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
    holder.replaceChildren(...cells);
    roving(holder, cells, cells.map((_, i) => [i % columns, Math.floor(i / columns)]));
    const choose = i => { chosen = i; show(now); };
    const show = given => {
      now = given;
      cells.forEach((cell, i) => {
        const codes = Array.from({length: depth}, (_, d) => index(i * depth + d)).join(', ');
        cell.setAttribute('aria-label', `Cell ${i + 1} of ${count}, code ${codes}`);
        cell.setAttribute('aria-pressed', i === chosen);
        if (flat) cell.textContent = codes;
      });
      title.textContent = `Cell ${chosen + 1} of ${count}${flat ? '' : `: row ${Math.floor(chosen / columns) + 1}, column ${chosen % columns + 1}`}`;
      sliders.forEach(({input, value}, d) => { input.value = index(chosen * depth + d); value.textContent = input.value; });
    };
    const shuffle = make('button', {textContent: 'Shuffle all codes', onclick() { point().forEach((_, i, all) => { all[i] = (Math.floor(Math.random() * size) + .5) / size; }); move(); }});
    return {element: make('div', {}, ...(flat ? [holder] : []), title, ...sliders.map(s => s.row), make('div', {className: 'actions'}, shuffle)), show};
  },
};
