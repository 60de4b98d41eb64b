import {explore} from './explore.js';

const status = document.getElementById('status');
try {
  const about = await (await fetch('./page.json')).json().catch(() => { throw Error('page.json is missing or damaged'); });
  window.zoo = await explore(about);
  status.textContent = 'Ready.';
  document.body.dataset.ready = 'yes';
} catch (error) {
  document.getElementById('main').hidden = true;
  status.textContent = `The model cannot run here: ${error.message ?? error}.`.split('\n')[0];
  document.body.dataset.ready = 'no';
}
