// Small parts of a page.
export const $ = id => document.getElementById(id);

// An element with its properties, attributes (those with a dash, and role) and children.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name.includes('-') || name === 'role') element.setAttribute(name, value);
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element[name] = value;
  element.append(...children);
  return element;
}

// One stop of the tabulator for many buttons; arrows go to the nearest in their direction. places: [x, y] each, y down.
const ARROWS = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]};
export function roving(container, buttons, places) {
  const enter = k => buttons.forEach((button, i) => { button.tabIndex = i === k ? 0 : -1; });
  enter(0);
  container.onfocusin = event => buttons.includes(event.target) && enter(buttons.indexOf(event.target));
  container.onkeydown = event => {
    const [dx, dy] = ARROWS[event.key] ?? [], from = buttons.indexOf(event.target);
    if (dx === undefined || from < 0) return;
    event.preventDefault();
    let best = -1, least = Infinity;
    places.forEach(([x, y], i) => {
      const ahead = (x - places[from][0]) * dx + (y - places[from][1]) * dy;
      const aside = Math.abs((x - places[from][0]) * dy) + Math.abs((y - places[from][1]) * dx);
      if (ahead > 1e-6 && ahead + 3 * aside < least) { best = i; least = ahead + 3 * aside; }
    });
    buttons[best]?.focus();
  };
}
