// What the page says of its model.
import {$, make} from './dom.js';

const WAYS = {
  straight: 'The way is the straight line between them.',
  steps: 'Discrete codes have nothing between them: the cells change over one by one.',
  sphere: 'The way is the great circle between their codes.',
  ball: 'The way is the geodesic of the Poincaré ball between their codes.',
};
const CODES = {
  indices: 'Each cell is the number of an entry of the codebook. Pick a cell and change it: the decoder shows what becomes of the image.',
  noise: 'The generator makes an image of these numbers. Those that change it most come first.',
  number: 'One slider for each number of the code, the most active first. The image is what the decoder makes of it.',
  choice: 'The code is made of choices. The image is what the decoder makes of them.',
};

const large = bytes => bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toPrecision(3)} MB`;

const SCORED = {
  none: '',
  threshold: ' For the score each pixel is black or white, whichever it is nearer to.',
  stochastic: ' For the score each grey pixel is drawn as black or white, always alike, as zoo score draws it of one image; of a folder it draws each image with numbers of its own.',
};

export function words({name, summary, shape: [height, width, channels], file, learns, space, signatures, examples, binarize}) {
  const generator = !('encode' in signatures), [{kind, size}] = space.controls;
  const numbers = space.inputs.reduce((sum, input) => sum + input.size, 0);
  const facts = [
    `${width} × ${height} ${channels === 1 ? 'grey' : 'colour'} pixels`,
    kind === 'indices' ? `${numbers} codes, each one of ${size.toLocaleString('en')}` : `${generator ? 'made of' : 'code of'} ${numbers} numbers`,
    `${large(file.bytes)}${file.precision ? `, ${file.precision}` : ''}`,
    learns ? 'learns in this page' : 'does not learn in this page',
  ];
  $('facts').replaceChildren(...facts.map(fact => make('li', {textContent: fact})));
  $('name').textContent = document.title = name;
  $('summary').textContent = summary;
  $('sum').textContent = `model.tflite has the sha256 ${file.sha256.slice(0, 16)}…`;
  $('codes-title').textContent = generator ? 'Random input' : 'Code';
  $('codes-text').textContent = CODES[generator ? 'noise' : kind];
  const what = generator ? 'Samples on the two principal axes of their images.'
    : `Codes of ${space.origin === 'data' ? 'the data' : `${examples.length ? 'examples and ' : ''}samples of the model`} on their two principal axes.`;
  $('map-text').textContent = `${what} Pick one, or draw over the map.`;
  $('between-text').textContent = `From one image to another: choose them with “Set start” and “Set end”. ${WAYS[space.line]}`;
  $('own-text').textContent = `Each is brought to ${width} × ${height} pixels, encoded and decoded again.`
    + ('score' in signatures ? ` The score says, in nats, how strange it is to the model.${SCORED[binarize.how]}` : '');
}
