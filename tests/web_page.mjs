// A browser that obeys lines of JSON, [page, method, ...arguments], each answered by a line: node web_page.mjs PLAYWRIGHT CHROMIUM
import {createInterface} from 'node:readline';
import {createRequire} from 'node:module';
const [playwright, executablePath] = process.argv.slice(2);
const {chromium} = createRequire(import.meta.url)(playwright);
const browser = await chromium.launch({executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync']});
const pages = [], errors = [];
const LOG = /^(INFO|WARNING): /; // of LiteRT, which writes its log as errors
const LOCAL = /^(http:\/\/127\.0\.0\.1:|blob:|data:)/; // all that a page may ask for

async function open(options) {
  const page = await (await browser.newContext(options)).newPage();
  errors.push([]);
  const said = errors.at(-1);
  page.on('pageerror', error => said.push(String(error)));
  page.on('console', message => message.type() === 'error' && !LOG.test(message.text()) && said.push(message.text()));
  page.on('request', request => LOCAL.test(request.url()) || said.push(`asks for ${request.url()}`));
  page.setDefaultTimeout(120000);
  return pages.push(page) - 1;
}

async function obey([number, method, ...given]) {
  if (method === 'open') return open(...given);
  if (method === 'errors') return errors[number];
  if (method === 'close') return pages[number].context().close();
  const [last, ...path] = method.split('.').reverse();
  const target = path.reverse().reduce((value, name) => value[name], pages[number]);
  const result = await target[last](...given);
  return result === undefined || typeof result === 'function' || result?._guid || result?._channel ? null : result;
}

for await (const line of createInterface({input: process.stdin})) {
  const answer = await obey(JSON.parse(line)).then(result => ({result}), error => ({error: String(error)}));
  console.log(JSON.stringify(answer) ?? '{}');
}
await browser.close();
